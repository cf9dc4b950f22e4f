"""The aligner beside stand-ins of published methods, on the same texts in one run; holes, moves, speed.

    python bench/align.py                       everything
    python bench/align.py --parts whole holes   some of: whole, holes, moved, speed
    python bench/align.py --stored              the stored weights, not cross-validated: quicker, and
                                                flattering on MAC and Text+Berg, which they were fitted on

MAC and Text+Berg are cross-validated (fit_align.py): weights that align a text were never fitted on it. Texts
from FLORES-200 documents (align_sets.py) are no one's training data; they take the stored weights.

Holes: of the whole text and of the text with passages missing the same gold beads are scored, those that
remain. A bead goes across a hole where it holds sentences from before and after it; it is counted apart where
it holds a sentence whose counterpart is gone.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import align_baselines
import align_sets
import fit_align
from align_sets import TextPair
from threadpoolctl import threadpool_limits

from mtalign.align import (
    Bead,
    lax_agreement,
    moved_passages,
    strict_agreement,
)
from mtalign.align.aligner import align_sides, encode_sides
from mtalign.align.cost import Weights
from mtalign.embed import Embedder, load_embedder
from mtalign.job.rates import peak_rss_mb
from mtalign.score.lines import read_lines

PARTS = ("whole", "holes", "moved", "speed")
LANGUAGES = ("ko", "ja", "zh", "de")
HOLES = (("10 % of one side", 0.1, 0.0), ("30 % of one side", 0.3, 0.0), ("15 % of each side", 0.15, 0.15))
"""Shares of the beads that lose one side, and the other; which side is which alternates from text to text."""
MOVED = 0.05
SIZES = (1000, 10_000)

Method = Callable[[TextPair], list[Bead] | None]


@dataclass(frozen=True)
class Ours:
    """The aligner, with the weights of the fold that a text belongs to."""

    stored: Weights
    by_fold: list[Weights]

    def __call__(self, pair: TextPair) -> list[Bead]:
        weights = self.stored if pair.fold is None or not self.by_fold else self.by_fold[pair.fold]
        return align_sides(pair.source, pair.target, pair.sides, weights)


def once(method: Method) -> Method:
    """The same, but a text is aligned once, however often it is asked for."""
    known: dict[int, tuple[TextPair, list[Bead] | None]] = {}

    def remembered(pair: TextPair) -> list[Bead] | None:
        if id(pair) not in known:
            # The pair is kept too: while it lives its id is no one else's.
            known[id(pair)] = pair, method(pair)
        return known[id(pair)][1]

    return remembered


def fitted(embedder: Embedder) -> list[Weights]:
    """Weights by fold."""
    mac, berg, holed = fit_align.load_all(embedder)
    everything = [*mac, *berg, *holed]
    stored = Weights.load()
    fit_align.look_at(everything, stored.coarse)
    return fit_align.fit_folds(everything, stored.coarse, stored)


def load_sets(embedder: Embedder) -> list[tuple[str, list[TextPair]]]:
    sets = [("MAC dev zh–en", align_sets.mac(embedder))]
    sets.append(("Text+Berg dev de–fr", align_sets.berg(embedder, fit_align.FOLDS)))
    return sets + [(f"FLORES {code}–en, edited", align_sets.flores(code, embedder)) for code in LANGUAGES]


def whole(sets: Sequence[tuple[str, list[TextPair]]], methods: dict[str, Method]) -> None:
    print("| strict F1 (lax F1) | sentences | " + " | ".join(methods) + " |")
    print("|---" * (len(methods) + 2) + "|")
    for name, pairs in sets:
        cells = []
        for method in methods.values():
            found = [method(pair) for pair in pairs]
            if any(beads is None for beads in found):
                cells.append("n/a")
                continue
            scored = [(beads, pair.gold) for beads, pair in zip(found, pairs, strict=True)]
            cells.append(f"{strict_agreement(scored).f1:.3f} ({lax_agreement(scored).f1:.3f})")
        sizes = sum(len(pair.source) for pair in pairs), sum(len(pair.target) for pair in pairs)
        print(f"| {name} | {sizes[0]:,} × {sizes[1]:,} | {' | '.join(cells)} |", flush=True)


def holes(sets: Sequence[tuple[str, list[TextPair]]], methods: dict[str, Method]) -> None:
    methods = dict(list(methods.items())[:3])
    heads = ("missing", "method", "F1 on what remains: whole text", "with holes", "fall")
    heads += ("beads across a hole", "with a sentence whose counterpart is gone", "of")
    print(f"\n| {' | '.join(heads)} |")
    print("|---|---|---|---|---|---|---|---|")
    for name, pairs in sets:
        before = {key: [method(pair) for pair in pairs] for key, method in methods.items()}
        for label, *shares in HOLES:
            cut = [
                align_sets.with_holes(pair, tuple(shares[:: (1, -1)[seed % 2]]), seed)
                for seed, pair in enumerate(pairs)
            ]
            for key, method in methods.items():
                after = [method(pair) for pair in cut]
                kept = [
                    (remaining(beads, pair), pair.gold) for beads, pair in zip(before[key], cut, strict=True)
                ]
                now = [(beads, pair.gold) for beads, pair in zip(after, cut, strict=True)]
                scores = strict_agreement(kept).f1, strict_agreement(now).f1
                over = sum(across(beads, pair) for beads, pair in zip(after, cut, strict=True))
                alone = sum(lonely(beads, pair) for beads, pair in zip(after, cut, strict=True))
                total = sum(not bead.is_null for beads in after for bead in beads)
                print(
                    f"| {name}, {label} | {key} | {scores[0]:.3f} | {scores[1]:.3f} "
                    f"| {scores[0] - scores[1]:+.3f} | {over} | {alone} | {total} |",
                    flush=True,
                )


def remaining(found: Sequence[Bead], cut: TextPair) -> list[Bead]:
    """Beads of the whole text that hold a sentence of the gold that remains, in the indices of ``cut``."""
    new = [{old: k for k, old in enumerate(order)} for order in cut.whole]
    held = {i for bead in cut.gold for i in bead.source}, {j for bead in cut.gold for j in bead.target}
    out = []
    for bead in found:
        # What is gone gets an index of its own, so that a bead which holds it is not right.
        sides = [
            tuple(new[side].get(k, -1 - k) for k in indices)
            for side, indices in enumerate((bead.source, bead.target))
        ]
        if held[0].intersection(sides[0]) or held[1].intersection(sides[1]):
            out.append(Bead(*sides))
    return out


def across(found: Sequence[Bead], pair: TextPair) -> int:
    """Beads that hold sentences from before and after a hole."""
    count = 0
    for bead in found:
        sides = bead.source, bead.target
        count += any(sides[side] and sides[side][0] < place <= sides[side][-1] for side, place in pair.holes)
    return count


def lonely(found: Sequence[Bead], pair: TextPair) -> int:
    """Beads with two sides that hold a sentence whose counterpart is gone."""
    held = {i for bead in pair.gold for i in bead.source}, {j for bead in pair.gold for j in bead.target}
    return sum(
        not (bead.is_null or (held[0].issuperset(bead.source) and held[1].issuperset(bead.target)))
        for bead in found
    )


def moved(sets: Sequence[tuple[str, list[TextPair]]], methods: dict[str, Method]) -> None:
    print(
        "\n| 5 % moved | passages | found | reported wrongly | strict F1 as it was | with moves "
        "| the rest as it was | the rest with moves |"
    )
    print("|---|---|---|---|---|---|---|---|")
    (name, ours), *_ = methods.items()
    for name, pairs in sets:
        changed = [align_sets.with_moves(pair, MOVED, seed) for seed, pair in enumerate(pairs)]
        before = [(ours(pair), pair.gold) for pair in pairs]
        after = [(ours(pair), pair.gold) for pair in changed]
        passages = found = wrong = 0
        rest: list[list[tuple[list[Bead], list[Bead]]]] = [[], []]
        for (was, _), (beads, gold), pair in zip(before, after, changed, strict=True):
            right = {(bead.source, bead.target) for bead in beads}
            links = {(i, j) for bead in gold for i in bead.source for j in bead.target}
            for passage in pair.moves:
                passages += 1
                found += 2 * sum((bead.source, bead.target) in right for bead in passage) >= len(passage)
            for source, target in moved_passages(beads):
                real = {i for i in source for j in target if (i, j) in links}
                wrong += 2 * len(real) < len(source)
            gone = {i for passage in pair.moves for bead in passage for i in bead.source}
            for part, (some, wanted) in zip(rest, ((was, _), (beads, gold)), strict=True):
                part.append(tuple([b for b in side if not gone & set(b.source)] for side in (some, wanted)))
        whole, parted = strict_agreement(before).f1, strict_agreement(after).f1
        others = strict_agreement(rest[0]).f1, strict_agreement(rest[1]).f1
        print(
            f"| {name} | {passages} | {found} | {wrong} | {whole:.3f} | {parted:.3f} "
            f"| {others[0]:.3f} | {others[1]:.3f} |",
            flush=True,
        )


def speed() -> None:
    print("\n| sentences | encode s | align s | µs a sentence pair on the way | peak memory MB |")
    print("|---|---|---|---|---|")
    for size in SIZES:
        code = [sys.executable, __file__, "--measure", str(size)]
        result = json.loads(subprocess.run(code, capture_output=True, check=True, text=True).stdout)
        print(
            f"| {size:,} × {size:,} | {result['encode']:.1f} | {result['align']:.2f} "
            f"| {result['align'] / size * 1e6:.0f} | {result['peak']:.0f} |",
            flush=True,
        )


def measure(size: int) -> None:
    """Encoding and aligning apart, in a process of their own for the sake of the peak."""
    folder = align_sets.FLORES / "de-en"
    pairs = list(zip(read_lines(folder / "src.de"), read_lines(folder / "ref.A.en"), strict=True))
    rng = random.Random(1)
    chosen: list[tuple[str, str]] = []
    while len(chosen) < size:
        chosen += rng.sample(pairs, len(pairs))
    source, target = ([pair[side] for pair in chosen[:size]] for side in (0, 1))
    embedder = load_embedder("use")
    started = time.perf_counter()
    sides = encode_sides(source, target, embedder)
    del embedder
    for side in sides:
        # The head's part of the encoding, made when it is first wanted.
        _ = side.run_vectors
    encoded = time.perf_counter()
    align_sides(source, target, sides)
    ended = time.perf_counter()
    peak = peak_rss_mb()
    print(json.dumps({"encode": encoded - started, "align": ended - encoded, "peak": peak}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--stored", action="store_true", help="the stored weights, not cross-validated")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure)
        return
    if set(options.parts) != {"speed"}:
        with threadpool_limits(1, "blas"):
            embedder = load_embedder("use")
            methods: dict[str, Method] = {
                "mtalign": Ours(Weights.load(), [] if options.stored else fitted(embedder)),
                "vecalign's method, same vectors": align_baselines.vecalign_like,
                "bertalign's method, same vectors": align_baselines.bertalign_like,
                "hunalign": align_baselines.hunalign,
                "Gale–Church": align_baselines.gale_church,
            }
            methods = {name: once(method) for name, method in methods.items()}
            sets = load_sets(embedder)
            for part in (whole, holes, moved):
                if part.__name__ in options.parts:
                    part(sets, methods)
            if align_baselines.hunalign(sets[0][1][0]) is None:
                print(f"\nhunalign: n/a, {align_baselines.HUNALIGN_MISSING}")
    if "speed" in options.parts:
        speed()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()

"""The aligner beside a length-based baseline: development sets, holes, Korean and Japanese, speed; one table.

    python bench/align.py                 everything
    python bench/align.py --no-speed      quality only

Quality is cross-validated (see fit_align.py): what is scored was never fitted on. The baseline is Gale and
Church (1993): the same kernel, cost of length and type alone, as they published it. Korean and Japanese texts
are built from FLORES-200 documents with seeded merges and drops; nothing was ever fitted on them.
Speed is measured on sentences made from seeded random words, without and with their encoding.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import fit_align
import numpy as np
from threadpoolctl import threadpool_limits

from mtalign.align import Bead, align_segments, lax_agreement, strict_agreement
from mtalign.align.kernel import Potentials, best_path, full_band
from mtalign.align.surface import sentence_lengths
from mtalign.embed import Embedder, load_embedder
from mtalign.score.lines import read_lines

EVALDATA = fit_align.GOLD.parent / "evaldata"
PRIORS = {(1, 1): 0.89, (1, 2): 0.089, (2, 1): 0.089, (2, 2): 0.011}
NULL_PRIOR = 0.0099
VARIANCE = 6.8


def gale_church(source: Sequence[str], target: Sequence[str]) -> list[Bead]:
    """Gale and Church (1993): lengths in characters, their priors and variance."""
    n, m = len(source), len(target)
    band = full_band(n, m)
    lengths = [np.concatenate([[0], np.cumsum(sentence_lengths(texts))]) for texts in (source, target)]
    ratio = lengths[1][-1] / lengths[0][-1]

    def cost(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        mean = (first + second / ratio) / 2
        deviation = np.abs(second - first * ratio) / np.sqrt(np.maximum(mean, 1) * VARIANCE * ratio)
        tail = np.vectorize(math.erfc)(deviation / math.sqrt(2))
        return np.log(np.maximum(tail, 1e-300))

    beads = np.full((2, 2, n + 1, m + 1), -np.inf)
    for (a, b), prior in PRIORS.items():
        first = lengths[0][a:] - lengths[0][:-a]
        second = lengths[1][b:] - lengths[1][:-b]
        beads[a - 1, b - 1, a:, b:] = cost(first[:, None], second[None, :]) + math.log(prior)
    nulls = [cost(np.zeros(len(side) - 1), np.diff(side)) + math.log(NULL_PRIOR) for side in lengths]
    steps = best_path(Potentials(beads.reshape(2, 2, -1), *nulls, 0.0), band, n, m)
    return [Bead(tuple(range(i, k)), tuple(range(j, p))) for i, k, j, p in steps]


def flores(pair: str, seed: int) -> tuple[list[str], list[str], list[Bead]]:
    """A text from FLORES documents: 15 % of its sentences merged on one side, 5 % dropped on one."""
    rng = random.Random(seed)
    folder = EVALDATA / "flores200-devtest" / pair
    rows = list(zip(read_lines(folder / f"src.{pair[:2]}"), read_lines(folder / "ref.A.en"), strict=True))[
        :400
    ]
    source: list[str] = []
    target: list[str] = []
    gold: list[Bead] = []
    k = 0
    while k < len(rows):
        chance = rng.random()
        if chance < 0.05:
            (source if rng.random() < 0.5 else target).append(rows[k][rng.random() < 0.5])
            k += 1
            continue
        count = 2 if chance < 0.20 and k + 1 < len(rows) else 1
        part = rows[k : k + count]
        i, j = len(source), len(target)
        join = ("" if pair[:2] in ("ja", "zh") else " ", " ")
        merged = rng.random() < 0.5
        for side, (texts, together) in enumerate(((source, merged), (target, not merged))):
            texts += [join[side].join(row[side] for row in part)] if together else [row[side] for row in part]
        gold.append(Bead(tuple(range(i, len(source))), tuple(range(j, len(target)))))
        k += count
    return source, target, gold


def across(found: Sequence[Bead], gold: Sequence[Bead], n: int, m: int) -> int:
    """Beads that join a sentence whose counterpart is gone to anything."""
    held = [{i for bead in gold for i in bead.source}, {j for bead in gold for j in bead.target}]
    return sum(
        not bead.is_null and (not held[0] & set(bead.source) or not held[1] & set(bead.target))
        for bead in found
    )


def quality(embedder: Embedder) -> None:
    print("| set | sentences | strict P | strict R | strict F1 | lax F1 | Gale–Church strict F1 |")
    print("|---|---|---|---|---|---|---|")
    mac, berg, holed = fit_align.load_all(embedder)
    by_fold = fit_align.fit_folds([*mac, *berg, *holed])
    kinds = [("MAC dev zh–en, cross-validated", mac), ("Text+Berg dev de–fr, cross-validated", berg)]
    kinds.append(("both, 25 % of beads without a side", holed))
    for name, examples in kinds:
        found = [fit_align.align_example(e, by_fold[e.fold]) for e in examples]
        pairs = [(beads, example.gold) for beads, example in zip(found, examples, strict=True)]
        base = [(gale_church(e.source, e.target), e.gold) for e in examples]
        row(name, sum(e.n for e in examples), sum(e.m for e in examples), pairs, base)
        if examples is holed:
            spurious = sum(across(beads, e.gold, e.n, e.m) for beads, e in zip(found, examples, strict=True))
            total = sum(len(beads) for beads in found)
            print(
                f"| – of its {total} beads, joining only sentences without a counterpart | {spurious} |||||| "
            )
    for pair in ("ko-en", "ja-en"):
        source, target, gold = flores(pair, 1)
        found = align_segments(source, target, embedder=embedder)
        base = [(gale_church(source, target), gold)]
        row(f"FLORES {pair}, merged, dropped", len(source), len(target), [(found, gold)], base)


def row(name: str, n: int, m: int, pairs: list, base: list) -> None:
    strict, lax = strict_agreement(pairs), lax_agreement(pairs)
    print(
        f"| {name} | {n} × {m} | {strict.precision:.3f} | {strict.recall:.3f} | **{strict.f1:.3f}** "
        f"| {lax.f1:.3f} | {strict_agreement(base).f1:.3f} |",
        flush=True,
    )


def speed() -> None:
    print("\n| sentences | encode s | align s | peak memory MB |")
    print("|---|---|---|---|")
    for size in (1000, 10_000):
        code = [sys.executable, __file__, "--measure", str(size)]
        result = json.loads(subprocess.run(code, capture_output=True, check=True, text=True).stdout)
        print(
            f"| {size:,} × {size:,} | {result['encode']:.1f} | {result['align']:.2f} | {result['peak']:.0f} |"
        )


def measure(size: int) -> None:
    """Encoding and aligning apart, in a process of their own for the sake of the peak."""
    from mtalign.align.aligner import align_encoded
    from mtalign.align.cost import Texts, Weights
    from mtalign.align.windows import encode_side

    rng = random.Random(1)
    words = ["".join(rng.choices("abcdefghilmnoprstuv", k=rng.randrange(2, 9))) for _ in range(5000)]
    source = [" ".join(rng.choices(words, k=rng.randrange(5, 25))) + "." for _ in range(size)]
    target = [" ".join(w for w in text[:-1].split() if rng.random() < 0.8) + "." for text in source]
    embedder = load_embedder("use")
    started = time.perf_counter()
    sides = encode_side(source, embedder), encode_side(target, embedder)
    encoded = time.perf_counter()
    align_encoded(Texts.read(source, target, sides), Weights.load())
    ended = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"encode": encoded - started, "align": ended - encoded, "peak": peak}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--no-speed", action="store_true")
    parser.add_argument("--no-quality", action="store_true")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure)
        return
    if not options.no_quality:
        with threadpool_limits(1, "blas"):
            quality(load_embedder("use"))
    if not options.no_speed:
        speed()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()

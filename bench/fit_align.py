"""Fit the weights of the alignment model on the development sets, and cross-validate them.

    python bench/fit_align.py            weights fitted on everything, and F1 on the same
    python bench/fit_align.py --folds    cross-validated F1 too
    python bench/fit_align.py --write    the same, and store them in mtalign/align/weights.json
    python bench/fit_align.py --rough    the rough score is fitted anew too, else the stored one stays

All scores (mtalign/align/cost.py) are conditional models over whole alignments: p(alignment) is
proportional to exp(sum of the scores of its beads and unaligned sentences). The gradient of the
log-likelihood of the gold alignments is the gold features minus their expectation, from the kernel's
forward-backward. All are log-linear with an L2 penalty, so that there is one maximum; L-BFGS finds it. (A
layer of hidden units made the left-out gold less probable.)

The close score is fitted twice: the second one also sees which sentences beside a bead are likely unaligned
under the first.

Every text comes whole and in copies with holes: passages missing on both sides, and, since a text that lacks
much often stands beside one that lacks nothing, on one.

Cross-validation: six folds; each leaves out one MAC document and one sixth (contiguous) of the Text+Berg
document, whole and with holes, fits the close scores on the rest and is scored on what it left out. The rough
score, which only says what is looked at and which side seems to lack nothing, is that of all.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from mtalign.align import cost, features
from mtalign.align.aligner import Look, align_encoded, encode_sides, look_closely, search_band, see_gaps
from mtalign.align.beads import Bead, lax_agreement, read_beads, strict_agreement
from mtalign.align.kernel import Band, Potentials, SparsePotentials, band_around, marginals
from mtalign.align.moved import reordered
from mtalign.align.windows import SideVectors, band_similarities
from mtalign.embed import Embedder, load_embedder
from mtalign.score.lines import read_lines

GOLD = Path(__file__).resolve().parents[1].parent / "shared" / "gold"
FOLDS = 6
PENALTY = 2.0
HOLES = ((0.125, 0.125), (0.3, 0.0), (0.3, 0.0), (0.3, 0.0), (0.1, 0.0))
"""Share of the beads that lose their source, and their target, in the copies of each text: real texts have
holes, gold has few. Which side is which alternates from text to text."""
WHOLE_WEIGHT, HOLED_WEIGHT = 0.3, 0.6
"""What a text as it is and one with holes count for in the likelihood."""
FOLD_ITERATIONS = 60
"""Where the search begins at the weights of everything: there is one maximum, and it is near."""
L = cost.LARGEST


@dataclass
class Example:
    """A text pair with its gold beads, and which part of the gold is whose."""

    name: str
    source: Sequence[str]
    target: Sequence[str]
    gold: list[Bead]
    fold: int
    """The fold that leaves it out."""
    texts: cost.Texts
    lattice: cost.Lattice
    ratio: float
    beads: np.ndarray
    """Which beads are gold, (L, L, cells)."""
    nulls: tuple[np.ndarray, np.ndarray]
    openings: int
    weight: float = WHOLE_WEIGHT
    look: Look | None = field(default=None, repr=False)

    @property
    def n(self) -> int:
        return len(self.source)

    @property
    def m(self) -> int:
        return len(self.target)


def read_example(stem: Path, embedder: Embedder, fold: int = 0) -> Example:
    source, target = (read_lines(stem.with_suffix(suffix)) for suffix in (".src", ".tgt"))
    gold = read_beads(stem.with_suffix(".gold"))
    return make_example(stem.name, source, target, gold, encode_sides(source, target, embedder), fold)


def make_example(
    name: str,
    source: Sequence[str],
    target: Sequence[str],
    gold: list[Bead],
    sides: tuple[SideVectors, SideVectors],
    fold: int = 0,
    weight: float = WHOLE_WEIGHT,
) -> Example:
    texts = cost.Texts.read(source, target, sides)
    band, ratio, _ = search_band(texts)
    n, m = len(source), len(target)
    around = band_around(steps_of(gold, n, m), n, m, 2)
    band = Band(np.minimum(band.starts, around.starts), np.maximum(band.stops, around.stops))
    lattice = cost.Lattice(band, n, m)
    beads = np.zeros((L, L, len(lattice.i)), bool)
    source_nulls, target_nulls, openings, previous = np.zeros(n), np.zeros(m), 0, ""
    for i0, i1, j0, j1 in steps_of(gold, n, m):
        if i1 > i0 and j1 > j0:
            beads[i1 - i0 - 1, j1 - j0 - 1, band.offsets[i1] + j1 - band.starts[i1]] = True
            kind = "bead"
        elif i1 > i0:
            source_nulls[i0], kind = 1, "source"
        else:
            target_nulls[j0], kind = 1, "target"
        openings += kind not in ("bead", previous)
        previous = kind
    nulls = (source_nulls, target_nulls)
    return Example(name, source, target, gold, fold, texts, lattice, ratio, beads, nulls, openings, weight)


def with_holes(example: Example, shares: Sequence[float], seed: int) -> Example:
    """The texts with passages of one to eight beads missing: a share of the beads on the source, one on the
    target."""
    rng = random.Random(seed)
    beads = [bead for bead in example.gold if not bead.is_null]
    gone: dict[int, int] = {}
    for side in rng.sample((0, 1), 2):
        wanted = len(gone) + round(shares[side] * len(beads))
        while len(gone) < wanted:
            first, length = rng.randrange(len(beads)), rng.choice((1, 1, 2, 3, 5, 8))
            gone.update({k: gone.get(k, side) for k in range(first, min(first + length, len(beads)))})
    lost_source = {i for k, side in gone.items() if side == 0 for i in beads[k].source}
    lost_target = {j for k, side in gone.items() if side == 1 for j in beads[k].target}
    kept_source = [i for i in range(example.n) if i not in lost_source]
    kept_target = [j for j in range(example.m) if j not in lost_target]
    new_i = {i: k for k, i in enumerate(kept_source)}
    new_j = {j: k for k, j in enumerate(kept_target)}
    remaining = [
        Bead(tuple(new_i[i] for i in bead.source), tuple(new_j[j] for j in bead.target))
        for k, bead in enumerate(beads)
        if k not in gone
    ]
    texts = [example.source[i] for i in kept_source], [example.target[j] for j in kept_target]
    sides = reordered(example.texts.source, kept_source), reordered(example.texts.target, kept_target)
    return make_example(f"{example.name} holed", *texts, remaining, sides, example.fold, HOLED_WEIGHT)


def steps_of(gold: list[Bead], n: int, m: int) -> list[tuple[int, int, int, int]]:
    """Gold beads as kernel steps of at most L sentences a side; what is over becomes unaligned."""
    steps, i, j = [], 0, 0
    spans = []
    for bead in gold:
        if not bead.is_null:
            spans.append((bead.source[0], bead.source[-1] + 1, bead.target[0], bead.target[-1] + 1))
    for i0, i1, j0, j1 in [*sorted(spans), (n, n, m, m)]:
        if i0 < i or j0 < j:
            continue
        steps += [(k, k + 1, j, j) for k in range(i, i0)] + [(i0, i0, k, k + 1) for k in range(j, j0)]
        i, j = min(i1, i0 + L), min(j1, j0 + L)
        if (i0, j0) != (n, m):
            steps.append((i0, i, j0, j))
    return steps


def fit_coarse(examples: list[Example], iterations: int = 60) -> np.ndarray:
    """Weights of the rough score."""
    import torch

    size = len(cost.COARSE_FEATURES)
    values, nulls, allowed = [], [], []
    for example in examples:
        similarities = band_similarities(example.texts.source, example.texts.target, example.lattice.band, L)
        coarse = cost.CoarseCost(example.texts, example.lattice, similarities, example.ratio)
        array = np.empty((size, L, L, len(example.lattice.i)), np.float32)
        for a, b, columns in coarse.features():
            for number, column in enumerate(columns):
                array[number, a - 1, b - 1] = column
        values.append(array.reshape(size, -1))
        nulls.append(coarse.null_features())
        forbidden = np.zeros((L, L, len(example.lattice.i)))
        for needed in range(1, L + 1):
            # What would begin before its text.
            forbidden[needed - 1, :, example.lattice.i < needed] = -np.inf
            forbidden[:, needed - 1, example.lattice.j < needed] = -np.inf
        allowed.append(forbidden)
    scale = np.ones(size + len(cost.NULL_FEATURES) + 1)
    scale[:size] = 1 / np.maximum(np.sqrt(np.mean([np.square(v).mean(axis=1) for v in values], axis=0)), 0.02)
    parameter = torch.zeros(len(scale), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [parameter], max_iter=iterations, history_size=20, line_search_fn="strong_wolfe"
    )

    def closure():
        weights = parameter.detach().numpy() * scale
        loss = 0.5 * float(np.square(weights / scale).sum())
        gradient = weights / scale
        for example, value, null, forbidden in zip(examples, values, nulls, allowed, strict=True):
            beads = (weights[:size].astype(np.float32) @ value).reshape(forbidden.shape) + forbidden
            scores = [weights[size:-1] @ side for side in null]
            chances = marginals(
                Potentials(beads, *scores, float(weights[-1])), example.lattice.band, example.n, example.m
            )
            loss += chances.log_partition - float(beads[example.beads].sum())
            loss -= sum(float(s @ g) for s, g in zip(scores, example.nulls, strict=True))
            loss -= float(weights[-1]) * example.openings
            excess = (chances.beads - example.beads).astype(np.float32).reshape(-1)
            parts = [value @ excess]
            parts.append(
                sum(
                    side @ (found - gold)
                    for side, found, gold in zip(
                        null, (chances.source_nulls, chances.target_nulls), example.nulls, strict=True
                    )
                )
            )
            parts.append([chances.openings - example.openings])
            gradient = gradient + np.concatenate(parts) * scale
        parameter.grad = torch.from_numpy(gradient)
        return torch.tensor(loss, dtype=torch.float64)

    optimizer.step(closure)
    return parameter.detach().numpy() * scale


def untrained(coarse: np.ndarray) -> cost.Weights:
    """Weights that have only a rough score."""
    none = np.zeros(0)
    close = cost.CloseWeights(none, none, none, none, 0.0)
    return cost.Weights(coarse, close, close)


def look_at(examples: list[Example], coarse: np.ndarray) -> None:
    """Give every example the features of its likely and its gold beads."""
    for example in examples:
        example.look = look_closely(
            example.texts, example.lattice, example.ratio, untrained(coarse), also=example.beads
        )


@dataclass(frozen=True)
class Joined:
    """Examples of one weight end to end with a cut between any two: the kernel works on all side by side."""

    weight: float
    band: Band
    cuts: list[tuple[int, int]]
    heights: np.ndarray
    widths: np.ndarray
    cells: np.ndarray
    features: np.ndarray
    """Of the candidates, shape (k, f)."""
    nulls: tuple[np.ndarray, np.ndarray]
    """Features of unaligned sentences, shape (n, g) and (m, g)."""
    gold_beads: np.ndarray
    gold_nulls: tuple[np.ndarray, np.ndarray]
    gold_openings: int

    @classmethod
    def of(cls, examples: Sequence[Example], width: int) -> Joined:
        """``width``: how many of the features there are."""
        ends = np.cumsum([[0, 0], *([example.n, example.m] for example in examples)], axis=0)
        n, m = ends[-1].tolist()
        band = Band(np.full(n + 1, m), np.zeros(n + 1, np.int64))
        for example, (i, j) in zip(examples, ends, strict=False):
            here = slice(i, i + example.n + 1)
            # The last row of one example is the first of the next.
            np.minimum(band.starts[here], example.lattice.band.starts + j, out=band.starts[here])
            np.maximum(band.stops[here], example.lattice.band.stops + j, out=band.stops[here])
        cells, gold = [], []
        for example, (i, j) in zip(examples, ends, strict=False):
            chosen = example.look.candidates
            rows, columns = chosen.source_ends + i, chosen.target_ends + j
            cells.append(band.offsets[rows] + columns - band.starts[rows])
            gold.append(example.beads[chosen.heights - 1, chosen.widths - 1, chosen.cells])
        looks = [example.look for example in examples]
        return cls(
            examples[0].weight,
            band,
            [(i, j) for i, j in ends[1:-1].tolist()],
            np.concatenate([look.candidates.heights for look in looks]),
            np.concatenate([look.candidates.widths for look in looks]),
            np.concatenate(cells),
            np.concatenate([look.features[:, :width] for look in looks]).astype(np.float64),
            tuple(np.concatenate([look.nulls[side].T for look in looks]) for side in range(2)),
            np.concatenate(gold).astype(np.float64),
            tuple(np.concatenate([example.nulls[side] for example in examples]) for side in range(2)),
            sum(example.openings for example in examples),
        )

    def loss(
        self, beads: np.ndarray, nulls: Sequence[np.ndarray], opening: float
    ) -> tuple[float, np.ndarray, list[np.ndarray], float]:
        """Minus the log-likelihood of the gold, and its slope by each score."""
        potentials = SparsePotentials(beads, self.heights, self.widths, self.cells, *nulls, opening)
        chances = marginals(potentials, self.band, *map(len, nulls), self.cuts)
        found = chances.source_nulls, chances.target_nulls
        value = chances.log_partition - beads @ self.gold_beads - opening * self.gold_openings
        value -= sum(null @ gold for null, gold in zip(nulls, self.gold_nulls, strict=True))
        slopes = [some - gold for some, gold in zip(found, self.gold_nulls, strict=True)]
        return value, chances.beads - self.gold_beads, slopes, chances.openings - self.gold_openings


def fit_both(
    examples: list[Example], coarse: np.ndarray, iterations: int = 300, start: cost.Weights | None = None
) -> cost.Weights:
    """Both close scores; the search begins at ``start``."""
    width = len(features.FEATURES)
    first = fit_close(examples, width, iterations, start.first if start else None)
    for example in examples:
        see_gaps(example.look, first, example.lattice.band)
    width += len(features.GAP_FEATURES)
    return cost.Weights(
        coarse, first, fit_close(examples, width, iterations, start.second if start else first)
    )


def fit_close(
    examples: list[Example], width: int, iterations: int, start: cost.CloseWeights | None
) -> cost.CloseWeights:
    """The close score, of so many features, that makes the gold most probable.

    The search begins at ``start``, which may be of fewer.
    """
    import torch

    groups = [
        Joined.of([example for example in examples if example.weight == weight], width)
        for weight in sorted({example.weight for example in examples})
    ]
    everything = np.concatenate([group.features for group in groups])
    mean, scale = everything.mean(axis=0), np.maximum(everything.std(axis=0), 0.02)
    null_scale = np.maximum(np.concatenate([side for g in groups for side in g.nulls]).std(axis=0), 0.05)
    inputs = [(group.features - mean) / scale for group in groups]
    nulls = [[side / null_scale for side in group.nulls] for group in groups]
    begin = np.zeros(len(mean) + len(null_scale) + 1)
    if start is not None:
        linear = np.zeros(width)
        linear[: len(start.linear)] = start.linear / start.scale
        begin = np.concatenate([linear * scale, start.null * null_scale, [start.opening]])
    parameter = torch.from_numpy(begin).requires_grad_()
    edges = len(mean), len(mean) + len(null_scale)
    optimizer = torch.optim.LBFGS(
        [parameter], max_iter=iterations, history_size=20, line_search_fn="strong_wolfe"
    )

    def closure():
        weights = parameter.detach().numpy()
        linear, null, (opening,) = np.split(weights, edges)
        loss, gradient = 0.5 * PENALTY * float(weights @ weights), PENALTY * weights
        for group, values, sides in zip(groups, inputs, nulls, strict=True):
            value, beads, slopes, openings = group.loss(
                values @ linear, [side @ null for side in sides], float(opening)
            )
            by_null = sum(slope @ side for slope, side in zip(slopes, sides, strict=True))
            gradient = gradient + group.weight * np.concatenate([beads @ values, by_null, [openings]])
            loss += group.weight * value
        parameter.grad = torch.from_numpy(gradient)
        return torch.tensor(loss, dtype=torch.float64)

    optimizer.step(closure)
    linear, null, (opening,) = np.split(parameter.detach().numpy(), edges)
    return cost.CloseWeights(mean, scale, linear, null / null_scale, float(opening))


def load(embedder: Embedder) -> tuple[list[Example], list[Example]]:
    """MAC documents (fold k leaves out document k) and the Text+Berg document cut into six."""
    mac = []
    for number, path in enumerate(sorted((GOLD / "mac_dev").glob("*.gold"))):
        mac.append(read_example(path.with_suffix(""), embedder, number % FOLDS))
    stem = GOLD / "textberg_dev" / "dev"
    source, target = (read_lines(stem.with_suffix(suffix)) for suffix in (".src", ".tgt"))
    gold = read_beads(stem.with_suffix(".gold"))
    cuts, last = [(0, 0)], (0, 0)
    for bead in gold:
        if not bead.is_null:
            if bead.source[0] >= len(cuts) * len(source) / FOLDS:
                cuts.append((bead.source[0], bead.target[0]))
            last = (bead.source[-1] + 1, bead.target[-1] + 1)
    cuts.append((max(last[0], len(source)), max(last[1], len(target))))
    berg = []
    for fold, ((i0, j0), (i1, j1)) in enumerate(itertools.pairwise(cuts)):
        part = [
            Bead(tuple(i - i0 for i in bead.source), tuple(j - j0 for j in bead.target))
            for bead in gold
            if all(i0 <= i < i1 for i in bead.source) and all(j0 <= j < j1 for j in bead.target)
        ]
        texts = source[i0:i1], target[j0:j1]
        berg.append(make_example(f"dev.{fold}", *texts, part, encode_sides(*texts, embedder), fold))
    return mac, berg


def load_all(embedder: Embedder) -> tuple[list[Example], list[Example], list[Example]]:
    """The sets of :func:`load`, and copies of every text with holes, left out by the same fold."""
    mac, berg = load(embedder)
    holed = []
    for kind, shares in enumerate(HOLES):
        for number, example in enumerate([*mac, *berg]):
            holed.append(with_holes(example, shares[:: (1, -1)[number % 2]], 100 * kind + number))
    return mac, berg, holed


def fit_folds(examples: list[Example], coarse: np.ndarray, start: cost.Weights) -> list[cost.Weights]:
    """Weights of each fold, fitted without what it leaves out; ``start`` is near all of them."""
    return [
        fit_both([example for example in examples if example.fold != fold], coarse, FOLD_ITERATIONS, start)
        for fold in range(FOLDS)
    ]


def align_example(example: Example, weights: cost.Weights) -> list[Bead]:
    """What the aligner makes of the example, its own search band included."""
    return align_encoded(example.texts, weights)


def evaluate(examples: list[Example], weights_of: list[cost.Weights]) -> tuple:
    pairs = []
    for example in examples:
        weights = weights_of[example.fold % len(weights_of)]
        pairs.append((align_example(example, weights), example.gold))
    return strict_agreement(pairs), lax_agreement(pairs)


def write(weights: cost.Weights) -> None:
    path = Path(cost.__file__).with_name("weights.json")
    data = {
        "about": "Fitted by bench/fit_align.py on MAC (zh-en) and Text+Berg (de-fr), development parts",
        "coarse features": [*cost.COARSE_FEATURES, *cost.NULL_FEATURES, "unaligned run"],
        "features": list(features.FEATURES),
        "gap features": list(features.GAP_FEATURES),
        "null features": list(features.NULL_FEATURES),
        "coarse": np.round(weights.coarse, 5).tolist(),
    }
    for name, close in (("first", weights.first), ("second", weights.second)):
        values = {key: np.round(value, 5) for key, value in vars(close).items()}
        data[name] = {key: value.tolist() if value.ndim else float(value) for key, value in values.items()}
    lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in data.items())
    path.write_text("{\n" + lines + "\n}\n", encoding="utf-8")


def report(label: str, sets: Sequence[tuple[str, list[Example]]], weights_of: list[cost.Weights]) -> None:
    for name, examples in sets:
        strict, lax = evaluate(examples, weights_of)
        print(
            f"{label}: {name}: strict P {strict.precision:.4f} R {strict.recall:.4f} F1 {strict.f1:.4f}, "
            f"lax F1 {lax.f1:.4f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="store the weights")
    parser.add_argument("--folds", action="store_true", help="cross-validate too (six more fits)")
    parser.add_argument("--rough", action="store_true", help="fit the rough score too")
    options = parser.parse_args()
    embedder = load_embedder("use")
    started = time.time()
    mac, berg, holed = load_all(embedder)
    everything = [*mac, *berg, *holed]
    sets = (("MAC zh-en", mac), ("Text+Berg de-fr", berg), ("both with holes", holed))
    print(f"encoded after {time.time() - started:.0f} s", file=sys.stderr)
    with threadpool_limits(1, "blas"):
        coarse = cost.Weights.load().coarse
        if options.rough:
            coarse = fit_coarse([*mac, *berg, *holed[: len(mac) + len(berg)]])
            print(f"rough score fitted after {time.time() - started:.0f} s", file=sys.stderr)
        look_at(everything, coarse)
        weights = fit_both(everything, coarse)
        print(f"close scores fitted after {time.time() - started:.0f} s", file=sys.stderr)
        if options.write:
            write(weights)
        report("fitted on the same", sets, [weights])
        if options.folds:
            report("cross-validated", sets, fit_folds(everything, coarse, weights))


if __name__ == "__main__":
    main()

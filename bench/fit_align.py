"""Fit the weights of the alignment model on the development sets, and cross-validate them.

    python bench/fit_align.py            weights fitted on everything, and F1 on the same
    python bench/fit_align.py --folds    cross-validated F1 too
    python bench/fit_align.py --write    the same, and store them in mtalign/align/weights.json

The model is conditional log-linear over whole alignments: p(alignment) is proportional to exp(sum of weights
times features over its beads and unaligned sentences). The log-likelihood of the gold alignments, less an L2
penalty, is concave; L-BFGS finds its maximum. The gradient is the gold features minus their expectation,
from the kernel's forward-backward.

Cross-validation: six folds; each leaves out one MAC document and one sixth (contiguous) of the Text+Berg
document, fits on the rest and is scored on what it left out.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtalign.align import cost
from mtalign.align.aligner import decode, search_band
from mtalign.align.beads import Bead, lax_agreement, read_beads, strict_agreement
from mtalign.align.kernel import Band, Potentials, band_around, marginals
from mtalign.align.windows import encode_side
from mtalign.embed import Embedder, load_embedder
from mtalign.score.lines import read_lines

GOLD = Path(__file__).resolve().parents[1].parent / "shared" / "gold"
FOLDS = 6
PENALTY = 1.0
HOLES = 0.25
"""Share of beads that lose a side in the second copy of each text: real texts have holes, gold has few."""
L = cost.LARGEST
F = len(cost.BEAD_FEATURES)


@dataclass
class Example:
    """A text pair with its features, its gold beads, and which part of the gold is whose."""

    name: str
    source: Sequence[str]
    target: Sequence[str]
    gold: list[Bead]
    fold: int
    """The fold that leaves it out."""
    band: Band
    features: np.ndarray
    """(F, L * L * cells)"""
    allowed: np.ndarray
    source_nulls: np.ndarray
    target_nulls: np.ndarray
    reachable: float
    """Share of gold beads inside the search band (before it is widened for training)."""

    @property
    def n(self) -> int:
        return len(self.source)

    @property
    def m(self) -> int:
        return len(self.target)


def read_example(stem: Path, embedder: Embedder, fold: int = 0) -> Example:
    source, target = (read_lines(stem.with_suffix(suffix)) for suffix in (".src", ".tgt"))
    gold = read_beads(stem.with_suffix(".gold"))
    return make_example(stem.name, source, target, gold, embedder, fold)


def make_example(
    name: str,
    source: Sequence[str],
    target: Sequence[str],
    gold: list[Bead],
    embedder: Embedder,
    fold: int = 0,
) -> Example:
    texts = cost.Texts.read(source, target, (encode_side(source, embedder), encode_side(target, embedder)))
    band, ratio = search_band(texts)
    n, m = len(source), len(target)
    inside = [
        band.starts[b.source[-1] + 1] <= b.target[-1] + 1 < band.stops[b.source[-1] + 1]
        for b in gold
        if not b.is_null
    ]
    around = band_around(steps_of(gold, n, m), n, m, 2)
    band = Band(np.minimum(band.starts, around.starts), np.maximum(band.stops, around.stops))
    band_cost = cost.BandCost(texts, band, ratio)
    features = np.empty((F, L, L, int(band.offsets[-1])), np.float32)
    for a, b, values in band_cost.features():
        for number, value in enumerate(values):
            features[number, a - 1, b - 1] = value
    allowed = np.zeros(features.shape[1:])
    band_cost.forbid(allowed)
    nulls = band_cost.null_features()
    reachable = float(np.mean(inside))
    return Example(
        name, source, target, gold, fold, band, features.reshape(F, -1), allowed, *nulls, reachable
    )


def with_holes(
    source: Sequence[str], target: Sequence[str], gold: list[Bead], share: float, seed: int
) -> tuple[list[str], list[str], list[Bead]]:
    """The texts with passages of one to eight beads missing on either side, ``share`` of the beads in all."""
    rng = random.Random(seed)
    beads = [bead for bead in gold if not bead.is_null]
    gone: dict[int, int] = {}
    while len(gone) < share * len(beads):
        first, length, side = rng.randrange(len(beads)), rng.choice((1, 1, 2, 3, 5, 8)), rng.randrange(2)
        gone.update({k: gone.get(k, side) for k in range(first, min(first + length, len(beads)))})
    lost_source = {i for k, side in gone.items() if side == 0 for i in beads[k].source}
    lost_target = {j for k, side in gone.items() if side == 1 for j in beads[k].target}
    kept_source = [i for i in range(len(source)) if i not in lost_source]
    kept_target = [j for j in range(len(target)) if j not in lost_target]
    new_i = {i: k for k, i in enumerate(kept_source)}
    new_j = {j: k for k, j in enumerate(kept_target)}
    remaining = [
        Bead(tuple(new_i[i] for i in bead.source), tuple(new_j[j] for j in bead.target))
        for k, bead in enumerate(beads)
        if k not in gone
    ]
    return [source[i] for i in kept_source], [target[j] for j in kept_target], remaining


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


def potentials_of(example: Example, weights: np.ndarray) -> Potentials:
    beads = (weights[:F].astype(np.float32) @ example.features).reshape(example.allowed.shape)
    beads = beads + example.allowed
    k = len(cost.NULL_FEATURES)
    null = weights[F : F + k]
    return Potentials(beads, null @ example.source_nulls, null @ example.target_nulls, float(weights[-1]))


def expected_features(example: Example, beads: np.ndarray, source, target, openings: float) -> np.ndarray:
    return np.concatenate(
        [
            example.features @ beads.astype(np.float32).reshape(-1),
            example.source_nulls @ source + example.target_nulls @ target,
            [openings],
        ]
    )


def gold_features(example: Example) -> np.ndarray:
    beads = np.zeros((L, L, int(example.band.offsets[-1])))
    source, target, openings = np.zeros(example.n), np.zeros(example.m), 0
    previous = ""
    for i0, i1, j0, j1 in steps_of(example.gold, example.n, example.m):
        if i1 > i0 and j1 > j0:
            beads[i1 - i0 - 1, j1 - j0 - 1, example.band.offsets[i1] + j1 - example.band.starts[i1]] = 1
            kind = "bead"
        elif i1 > i0:
            source[i0], kind = 1, "source"
        else:
            target[j0], kind = 1, "target"
        openings += kind not in ("bead", previous)
        previous = kind
    return expected_features(example, beads, source, target, openings)


def fit(
    examples: list[Example], penalty: float = PENALTY, start: np.ndarray | None = None, iterations: int = 60
) -> np.ndarray:
    """The weights that make the gold most probable, L2 penalty on standardised features.

    ``start`` only saves time: the likelihood has one maximum.
    """
    import torch

    gold = [gold_features(example) for example in examples]
    size = len(cost.FEATURES)
    scale = np.ones(size)
    spread = np.zeros(F)
    count = 0
    for example in examples:
        values = example.features.reshape(F, L, L, -1)[:, :2, :2]
        spread += np.square(values).sum(axis=(1, 2, 3))
        count += values.shape[1] * values.shape[2] * values.shape[3]
    scale[:F] = 1 / np.maximum(np.sqrt(spread / count), 0.02)
    for k, name in enumerate(cost.BEAD_FEATURES):
        if name.startswith("type"):
            scale[k] = 1
    parameter = torch.zeros(size, dtype=torch.float64, requires_grad=True)
    if start is not None:
        parameter.data = torch.from_numpy(start / scale)
    optimizer = torch.optim.LBFGS(
        [parameter], max_iter=iterations, history_size=20, line_search_fn="strong_wolfe"
    )

    def closure():
        weights = parameter.detach().numpy() * scale
        loss = 0.5 * penalty * float(np.square(weights / scale).sum())
        gradient = penalty * weights / scale
        for example, features in zip(examples, gold, strict=True):
            result = marginals(potentials_of(example, weights), example.band, example.n, example.m)
            expected = expected_features(
                example, result.beads, result.source_nulls, result.target_nulls, result.openings
            )
            loss += result.log_partition - float(features @ weights)
            gradient += (expected - features) * scale
        parameter.grad = torch.from_numpy(gradient)
        return torch.tensor(loss, dtype=torch.float64)

    optimizer.step(closure)
    return parameter.detach().numpy() * scale


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
        berg.append(make_example(f"dev.{fold}", source[i0:i1], target[j0:j1], part, embedder, fold))
    return mac, berg


def load_all(embedder: Embedder) -> tuple[list[Example], list[Example], list[Example]]:
    """The sets of :func:`load`, and a copy of every text with holes, left out by the same fold."""
    mac, berg = load(embedder)
    holed = []
    for number, example in enumerate([*mac, *berg]):
        parts = with_holes(example.source, example.target, example.gold, HOLES, number)
        holed.append(make_example(f"{example.name} holed", *parts, embedder, example.fold))
    return mac, berg, holed


def fit_folds(
    examples: list[Example],
    penalty: float = PENALTY,
    start: np.ndarray | None = None,
    iterations: int = 60,
) -> list[np.ndarray]:
    """Weights of each fold, fitted without what it leaves out."""
    return [
        fit([example for example in examples if example.fold != fold], penalty, start, iterations)
        for fold in range(FOLDS)
    ]


def align_example(example: Example, weights: np.ndarray) -> list[Bead]:
    return decode(potentials_of(example, weights), example.band, example.n, example.m)


def evaluate(examples: list[Example], weights_of: list[np.ndarray]) -> tuple:
    pairs = []
    for example in examples:
        weights = weights_of[example.fold % len(weights_of)]
        pairs.append((align_example(example, weights), example.gold))
    return strict_agreement(pairs), lax_agreement(pairs)


def write(weights: np.ndarray) -> None:
    path = Path(cost.__file__).with_name("weights.json")
    data = {
        "about": "Log-linear weights, fitted by bench/fit_align.py on MAC (zh-en) and Text+Berg (de-fr)",
        "weights": {k: round(float(v), 4) for k, v in zip(cost.FEATURES, weights, strict=True)},
    }
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def report(label: str, sets: Sequence[tuple[str, list[Example]]], weights_of: list[np.ndarray]) -> None:
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
    parser.add_argument("--penalty", type=float, default=PENALTY)
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument("--folds", action="store_true", help="cross-validate too (six more fits)")
    options = parser.parse_args()
    embedder = load_embedder("use")
    started = time.time()
    mac, berg, holed = load_all(embedder)
    everything = [*mac, *berg, *holed]
    sets = (("MAC zh-en", mac), ("Text+Berg de-fr", berg), ("both with holes", holed))
    reached = sum(example.reachable for example in everything) / len(everything)
    print(f"features: {time.time() - started:.0f} s; gold in the band: {reached:.4f}", file=sys.stderr)
    stored = cost.Weights.load().values
    start = np.array([stored[name] for name in cost.FEATURES])
    weights = fit(everything, options.penalty, start, options.iterations)
    print(f"fitted after {time.time() - started:.0f} s", file=sys.stderr)
    report("fitted on the same", sets, [weights])
    for name, value in zip(cost.FEATURES, weights, strict=True):
        print(f"  {value:8.3f}  {name}")
    if options.write:
        write(weights)
    if options.folds:
        by_fold = fit_folds(everything, options.penalty, weights, options.iterations // 2)
        report("cross-validated", sets, by_fold)


if __name__ == "__main__":
    main()

"""Fit the weights of the alignment model on the development sets, and cross-validate them.

    python bench/fit_align.py            weights fitted on everything, and F1 on the same
    python bench/fit_align.py --folds    cross-validated F1 too
    python bench/fit_align.py --write    the same, and store them in mtalign/align/weights.json

Both scores (mtalign/align/cost.py) are conditional models over whole alignments: p(alignment) is
proportional to exp(sum of the scores of its beads and unaligned sentences). The gradient of the
log-likelihood of the gold alignments is the gold features minus their expectation, from the kernel's
forward-backward. Both are log-linear with an L2 penalty, so that there is one maximum; L-BFGS finds it. (A
layer of hidden units made the left-out gold less probable.)

Cross-validation: six folds; each leaves out one MAC document and one sixth (contiguous) of the Text+Berg
document, fits the close score on the rest and is scored on what it left out. The rough score, which only says
what is looked at, is that of all.
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
from mtalign.align.aligner import Look, align_encoded, look_closely, search_band
from mtalign.align.beads import Bead, lax_agreement, read_beads, strict_agreement
from mtalign.align.kernel import Band, Potentials, band_around, marginals
from mtalign.align.windows import band_similarities, encode_side
from mtalign.embed import Embedder, load_embedder
from mtalign.score.lines import read_lines

GOLD = Path(__file__).resolve().parents[1].parent / "shared" / "gold"
FOLDS = 6
PENALTY = 2.0
HOLES = 0.25
"""Share of beads that lose a side in the second copy of each text: real texts have holes, gold has few."""
HOLED_WEIGHT = 0.4
"""What a text with holes counts for in the likelihood."""
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
    weight: float = 1.0
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
    return make_example(stem.name, source, target, gold, embedder, fold)


def make_example(
    name: str,
    source: Sequence[str],
    target: Sequence[str],
    gold: list[Bead],
    embedder: Embedder,
    fold: int = 0,
    weight: float = 1.0,
) -> Example:
    texts = cost.Texts.read(source, target, (encode_side(source, embedder), encode_side(target, embedder)))
    band, ratio = search_band(texts)
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
    return cost.Weights(coarse, none, none, none, none, 0.0)


def look_at(examples: list[Example], coarse: np.ndarray) -> None:
    """Give every example the features of its likely and its gold beads."""
    for example in examples:
        example.look = look_closely(
            example.texts, example.lattice, example.ratio, untrained(coarse), example.beads
        )


def fit_close(examples: list[Example], coarse: np.ndarray, iterations: int = 300) -> cost.Weights:
    """The close score that makes the gold most probable."""
    import torch

    everything = np.concatenate([example.look.features for example in examples]).astype(np.float64)
    mean, scale = everything.mean(axis=0), np.maximum(everything.std(axis=0), 0.02)
    sides = np.concatenate([np.concatenate(example.look.nulls, axis=1) for example in examples], axis=1)
    null_scale = np.maximum(sides.std(axis=1), 0.05)
    inputs = [torch.from_numpy((example.look.features - mean) / scale) for example in examples]
    nulls = [[torch.from_numpy(side.T / null_scale) for side in example.look.nulls] for example in examples]
    gold = []
    for example in examples:
        chosen = example.look.candidates
        gold.append(example.beads[chosen.heights - 1, chosen.widths - 1, chosen.cells].astype(np.float64))

    def log_loss(example, right, scores, source, target, opening):
        potentials = example.look.candidates.potentials(
            scores.detach().numpy(), source.detach().numpy(), target.detach().numpy(), float(opening.detach())
        )
        chances = marginals(potentials, example.lattice.band, example.n, example.m)
        pairs = (
            (scores, torch.from_numpy(chances.beads - right)),
            (source, torch.from_numpy(chances.source_nulls - example.nulls[0])),
            (target, torch.from_numpy(chances.target_nulls - example.nulls[1])),
        )
        # Its gradient is the one wanted; its value is put right without one.
        proxy = sum((value * slope).sum() for value, slope in pairs)
        proxy = proxy + opening * (chances.openings - example.openings)
        value = chances.log_partition - float(scores.detach() @ torch.from_numpy(right))
        value -= float(source.detach() @ torch.from_numpy(example.nulls[0]))
        value -= float(target.detach() @ torch.from_numpy(example.nulls[1]))
        value -= float(opening.detach()) * example.openings
        return example.weight * (proxy + (value - proxy.detach()))

    linear = torch.zeros(len(mean), dtype=torch.float64, requires_grad=True)
    null = torch.zeros(len(null_scale), dtype=torch.float64, requires_grad=True)
    opening = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    parameters = [linear, null, opening]
    optimizer = torch.optim.LBFGS(
        parameters, max_iter=iterations, history_size=20, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        loss = 0.5 * PENALTY * sum(parameter.square().sum() for parameter in parameters)
        for example, right, values, (source, target) in zip(examples, gold, inputs, nulls, strict=True):
            loss = loss + log_loss(example, right, values @ linear, source @ null, target @ null, opening[0])
        loss.backward()
        return loss

    optimizer.step(closure)
    found = [parameter.detach().numpy() for parameter in parameters]
    return cost.Weights(coarse, mean, scale, found[0], found[1] / null_scale, float(found[2][0]))


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
        name = f"{example.name} holed"
        holed.append(make_example(name, *parts, embedder, example.fold, HOLED_WEIGHT))
    return mac, berg, holed


def fit_folds(examples: list[Example], coarse: np.ndarray) -> list[cost.Weights]:
    """Weights of each fold, fitted without what it leaves out."""
    return [fit_close([e for e in examples if e.fold != fold], coarse) for fold in range(FOLDS)]


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
        "null features": list(features.NULL_FEATURES),
    }
    for name, value in vars(weights).items():
        data[name] = np.round(value, 5).tolist() if isinstance(value, np.ndarray) else round(value, 5)
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
    options = parser.parse_args()
    embedder = load_embedder("use")
    started = time.time()
    mac, berg, holed = load_all(embedder)
    everything = [*mac, *berg, *holed]
    sets = (("MAC zh-en", mac), ("Text+Berg de-fr", berg), ("both with holes", holed))
    print(f"encoded after {time.time() - started:.0f} s", file=sys.stderr)
    with threadpool_limits(1, "blas"):
        coarse = fit_coarse(everything)
        print(f"rough score fitted after {time.time() - started:.0f} s", file=sys.stderr)
        look_at(everything, coarse)
        weights = fit_close(everything, coarse)
        print(f"close score fitted after {time.time() - started:.0f} s", file=sys.stderr)
        if options.write:
            write(weights)
        report("fitted on the same", sets, [weights])
        if options.folds:
            report("cross-validated", sets, fit_folds(everything, coarse))


if __name__ == "__main__":
    main()

"""Published aligners, as near as they can be had here: their methods, small, over the vectors we use too.

Written from the papers. The stand-ins for vecalign and bertalign have the same sentence vectors as our
aligner, not those of their authors (LASER; LaBSE): what is left between them and us is the model. hunalign is
run where it is installed.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from align_sets import TextPair

from mtalign.align import Bead
from mtalign.align.kernel import Potentials, Step, band_around, best_path, full_band
from mtalign.align.surface import sentence_lengths
from mtalign.align.windows import band_similarities

HUNALIGN_MISSING = "neither Debian nor PyPI has a package of it, and none is on the PATH"

PRIORS = {(1, 1): 0.89, (1, 2): 0.089, (2, 1): 0.089, (2, 2): 0.011}
NULL_PRIOR = 0.0099
VARIANCE = 6.8

LARGEST = 5
VECALIGN_SIZE = 8
"""Most sentences of a bead on both sides together."""
DELETION_PERCENTILE = 0.2

BERTALIGN_SIZE = 5
NEAREST = 3
WINDOW = 5
SKIP = -0.1


def gale_church(pair: TextPair) -> list[Bead]:
    """Gale and Church (1993): lengths in characters, their priors and variance."""
    n, m = len(pair.source), len(pair.target)
    lengths = [np.concatenate([[0], np.cumsum(sentence_lengths(text))]) for text in pair.texts]
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
    return _beads(best_path(Potentials(beads.reshape(2, 2, -1), *nulls, 0.0), full_band(n, m), n, m))


def vecalign_like(pair: TextPair) -> list[Bead]:
    """Thompson and Koehn (2019): (1 - cosine) · sentences · sentences over the mean of 1 - cosine with
    samples of the other text; leaving a sentence out costs a percentile of what random pairs cost."""
    n, m = len(pair.source), len(pair.target)
    band = full_band(n, m)
    similar = band_similarities(*pair.sides, band, LARGEST)
    i, j = np.divmod(np.arange((n + 1) * (m + 1)), m + 1)
    costs = np.full(similar.cosines.shape, np.inf)
    for a in range(1, LARGEST + 1):
        for b in range(1, min(LARGEST, VECALIGN_SIZE - a) + 1):
            usual = 1 - 0.5 * (similar.source_means[a - 1][i] + similar.target_means[b - 1][j])
            cost = (1 - similar.cosines[a - 1, b - 1]) * a * b / np.maximum(usual, 1e-6)
            costs[a - 1, b - 1] = np.where((i >= a) & (j >= b), cost, np.inf)
    rng = np.random.default_rng(1)
    pairs = rng.integers(1, n + 1, 20_000) * (m + 1) + rng.integers(1, m + 1, 20_000)
    left_out = -float(np.quantile(costs[0, 0, pairs], DELETION_PERCENTILE))
    nulls = np.full(n, left_out), np.full(m, left_out)
    return _beads(best_path(Potentials(-costs, *nulls, 0.0), band, n, m))


def bertalign_like(pair: TextPair) -> list[Bead]:
    """Liu and Zhu (2023): one-to-one anchors among each sentence's nearest ones, then beads of up to five
    sentences near them, by cosine less the mean cosine with the neighbours, weighted by length."""
    n, m = len(pair.source), len(pair.target)
    ones = [
        side.spans(np.arange(size), np.arange(1, size + 1))
        for side, size in zip(pair.sides, (n, m), strict=True)
    ]
    cosines = ones[0] @ ones[1].T
    threshold = np.sort(cosines, axis=1)[:, -min(NEAREST, m)]
    nearest = np.full((n + 1, m + 1), -np.inf)
    nearest[1:, 1:] = np.where(cosines >= threshold[:, None], cosines, -np.inf)
    free = np.zeros(n), np.zeros(m)
    anchors = best_path(Potentials(nearest.reshape(1, 1, -1), *free, 0.0), full_band(n, m), n, m)
    band = band_around(anchors, n, m, WINDOW)

    similar = band_similarities(*pair.sides, band, LARGEST)
    sizes = band.stops - band.starts
    i = np.repeat(np.arange(n + 1), sizes)
    j = np.arange(len(i)) - np.repeat(band.offsets[:-1] - band.starts, sizes)
    lengths = [np.concatenate([[0.0], np.cumsum(sentence_lengths(text))]) for text in pair.texts]
    ratio = lengths[1][-1] / lengths[0][-1]
    runs = [side.runs(LARGEST, 0, size + 1) for side, size in zip(pair.sides, (n, m), strict=True)]
    scores = np.full(similar.cosines.shape, -np.inf)
    for a in range(1, LARGEST + 1):
        for b in range(1, BERTALIGN_SIZE - a + 1):
            first = _beside(runs[0][a - 1][i], ones[1], j - b, j)
            second = _beside(runs[1][b - 1][j], ones[0], i - a, i)
            margin = similar.cosines[a - 1, b - 1] - 0.5 * (first + second)
            source = (lengths[0][i] - lengths[0][np.maximum(i - a, 0)]) * ratio
            target = lengths[1][j] - lengths[1][np.maximum(j - b, 0)]
            part = np.minimum(source, target) / np.maximum(np.maximum(source, target), 1)
            scores[a - 1, b - 1] = np.where((i >= a) & (j >= b), margin * np.log2(1 + part), -np.inf)
    nulls = np.full(n, SKIP), np.full(m, SKIP)
    return _beads(best_path(Potentials(scores, *nulls, 0.0), band, n, m))


def _beside(runs: np.ndarray, ones: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Mean cosine of each run with the sentences before ``start`` and at ``stop``, where there are such."""
    total, count = np.zeros(len(runs), np.float32), np.zeros(len(runs), np.float32)
    for place in (start - 1, stop):
        real = (place >= 0) & (place < len(ones))
        total += np.where(real, (runs * ones[np.clip(place, 0, len(ones) - 1)]).sum(axis=1), 0)
        count += real
    return total / np.maximum(count, 1)


def hunalign(pair: TextPair) -> list[Bead] | None:
    """hunalign (Varga et al. 2005) with an empty dictionary; None where it is not installed."""
    program = shutil.which("hunalign")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("empty.dic", "source", "target")]
        for path, text in zip(paths, ([], *pair.texts), strict=True):
            path.write_text("".join(f"{' '.join(line.split())}\n" for line in text), encoding="utf-8")
        code = [program, "-utf", "-realign", *map(str, paths)]
        ladder = subprocess.run(code, capture_output=True, check=True, text=True).stdout
    rungs = [tuple(map(int, line.split("\t")[:2])) for line in ladder.splitlines() if line.strip()]
    steps = [(i, k, j, p) for (i, j), (k, p) in pairwise(rungs)]
    return _beads([step for step in steps if step[1] > step[0] or step[3] > step[2]])


def _beads(steps: Sequence[Step]) -> list[Bead]:
    return [Bead(tuple(range(i, k)), tuple(range(j, p))) for i, k, j, p in steps]

"""What a bead is worth: a log-linear score of signals, its weights in ``weights.json``.

Signals of a bead (a source sentences, b target sentences): cosine of the two runs and its margin over what
either run has with the other text at large; what taking one sentence more or less, or sliding along, would
change; length against the texts' own ratio (Gale and Church 1993, in characters); shared numbers and words
spelt alike; how both ends are punctuated; the bead's type. Of an unaligned sentence: its length and the
best similarity that it could have had. All are symmetric in the two texts. ``bench/align.py`` fits the
weights: a conditional log-linear model of whole alignments.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any

from mtalign.align import surface
from mtalign.align.kernel import Band, Potentials
from mtalign.align.windows import SideVectors, assignments, band_similarities

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LEAST_SHARE = 0.02
LARGEST = 5
"""Most sentences on one side of a bead."""

_TYPE_CLASSES = ((1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (2, 2), (2, 3), (3, 3))

BEAD_FEATURES = (
    *(f"type {a}-{b}" for a, b in _TYPE_CLASSES),
    "type other",
    "sentences over two",
    "side with more sentences is the longer text",
    "cosine",
    "cosine times sentences over two",
    "margin",
    "margin times sentences over two",
    "margin below 0",
    "margin over 0.2",
    "margin over 0.4",
    "least gain of an outer sentence",
    "loss by an outer sentence",
    "least gain of an outer sentence for its length",
    "loss by an outer sentence for its length",
    "margin times log length",
    "loss of leaving the neighbours out",
    "most loss of leaving a neighbour out",
    "slide",
    "split",
    "clauses that belong here",
    "clauses that belong here, of the worse side",
    "clauses that belong here times sentences over two",
    "outer sentence whose clauses belong elsewhere",
    "length: log ratio",
    "length: log ratio squared",
    "length: Gale-Church deviation",
    "numbers shared",
    "numbers on one side only",
    "words shared",
    "words on one side only",
    "ends alike",
    "question on one side only",
    "ends in a comma or colon",
    "begins in a quotation on one side only",
    "ends a quotation on one side only",
    "quotation on one side only",
    "begins inside a sentence",
)
NULL_FEATURES = (
    "unaligned",
    "unaligned: log length",
    "unaligned: best cosine",
    "unaligned: best margin",
    "unaligned: clauses' best place",
)
OPENING_FEATURE = "unaligned run"
FEATURES = (*BEAD_FEATURES, *NULL_FEATURES, OPENING_FEATURE)


@dataclass(frozen=True)
class Weights:
    """Weights of the features, by name."""

    values: dict[str, float]

    @classmethod
    def load(cls) -> Weights:
        """The fitted weights that are stored with this module."""
        data = json.loads(resources.files("mtalign.align").joinpath("weights.json").read_text("utf-8"))
        return cls({name: float(data["weights"][name]) for name in FEATURES})


@dataclass(frozen=True)
class Texts:
    """Two texts with all that can be read off each sentence alone."""

    source: SideVectors
    target: SideVectors
    source_lengths: NDArray[np.float64]
    target_lengths: NDArray[np.float64]
    source_ends: NDArray[np.int64]
    target_ends: NDArray[np.int64]
    source_quotes: NDArray[np.int64]
    target_quotes: NDArray[np.int64]
    source_inside: NDArray[np.int64]
    target_inside: NDArray[np.int64]
    source_tokens: tuple[Sequence[Counter[str]], Sequence[Counter[str]]]
    """Numbers and words of each source sentence."""
    target_tokens: tuple[Sequence[Counter[str]], Sequence[Counter[str]]]

    @classmethod
    def read(
        cls, source: Sequence[str], target: Sequence[str], sides: tuple[SideVectors, SideVectors]
    ) -> Texts:
        """Read two texts whose sentences are already encoded."""
        return cls(
            *sides,
            surface.sentence_lengths(source),
            surface.sentence_lengths(target),
            surface.end_classes(source),
            surface.end_classes(target),
            surface.quotation_marks(source),
            surface.quotation_marks(target),
            surface.begins_inside(source),
            surface.begins_inside(target),
            (
                [surface.number_tokens(text) for text in source],
                [surface.word_tokens(text) for text in source],
            ),
            (
                [surface.number_tokens(text) for text in target],
                [surface.word_tokens(text) for text in target],
            ),
        )


def _tokens(texts: Sequence[str]) -> tuple[list[Counter[str]], list[Counter[str]]]:
    return [surface.number_tokens(text) for text in texts], [surface.word_tokens(text) for text in texts]


class BandCost:
    """The features and scores of everything inside one band of two texts."""

    def __init__(self, texts: Texts, band: Band, length_ratio: float) -> None:
        """``length_ratio`` is target characters to source characters in parts known to correspond."""
        import numpy as np

        self._texts = texts
        self._band = band
        self._ratio = length_ratio
        self._n, self._m = len(texts.source), len(texts.target)
        offsets = band.offsets
        sizes = band.stops - band.starts
        self._i = np.repeat(np.arange(self._n + 1), sizes)
        self._j = np.arange(int(offsets[-1])) - np.repeat(offsets[:-1] - band.starts, sizes)
        self._offsets = offsets
        similarities = band_similarities(texts.source, texts.target, band, LARGEST + 1)
        self._cosines = similarities.cosines
        self._source_mean = similarities.source_means
        self._target_mean = similarities.target_means
        self._source_length = np.concatenate([[0.0], np.cumsum(texts.source_lengths * length_ratio)])
        self._target_length = np.concatenate([[0.0], np.cumsum(texts.target_lengths)])
        self._shared = [
            surface.shared_weight(source, target, band)
            for source, target in zip(texts.source_tokens, texts.target_tokens, strict=True)
        ]
        self._shares = assignments(texts.source, texts.target, band)
        self._inside = [
            np.concatenate([marks, [0]]).astype(np.float32)
            for marks in (texts.source_inside, texts.target_inside)
        ]
        self._moved: dict[tuple[int, int], NDArray[np.int32]] = {}

    def _move(self, down: int, right: int) -> NDArray[np.int32]:
        """For each cell the one ``down`` rows and ``right`` columns on; -1 outside the band."""
        import numpy as np

        if (down, right) not in self._moved:
            i, j = self._i + down, self._j + right
            inside = (i >= 0) & (i <= self._n)
            row = np.where(inside, i, 0)
            inside &= (j >= self._band.starts[row]) & (j < self._band.stops[row])
            cells = np.where(inside, self._offsets[row] + j - self._band.starts[row], -1)
            self._moved[down, right] = cells.astype(np.int32)
        return self._moved[down, right]

    def _cosine(self, a: int, b: int, down: int, right: int, missing: float) -> NDArray[np.float32]:
        """Cosine of a source and b target sentences that end ``down`` and ``right`` of each cell."""
        import numpy as np

        if a < 1 or b < 1:
            return np.full(len(self._i), missing, np.float32)
        if down == 0 and right == 0:
            values = self._cosines[a - 1, b - 1]
        else:
            moved = self._move(down, right)
            values = np.where(moved >= 0, self._cosines[a - 1, b - 1][moved], np.float32(missing))
        too_early = (self._i + down < a) | (self._j + right < b)
        return np.asarray(np.where(too_early, np.float32(missing), values))

    @cached_property
    def _margins(self) -> NDArray[np.float32]:
        margins: NDArray[np.float32] = self._cosines[0, 0] - 0.5 * (
            self._source_mean[0][self._i] + self._target_mean[0][self._j]
        )
        return margins

    def _gain(
        self, cosine: NDArray[np.float32], a: int, b: int, down: int, right: int
    ) -> NDArray[np.float32]:
        """How much higher ``cosine`` is than that of a smaller bead."""
        import numpy as np

        smaller = self._cosine(a, b, down, right, -1.0)
        return np.asarray(np.where(smaller > -1, cosine - smaller, np.float32(0)))

    def _window_shared(self, channel: int, a: int, b: int) -> NDArray[np.float32]:
        """Shared token weight of all pairs of a bead's sentences, and no more than either side has."""
        import numpy as np

        pairs = self._shared[channel][0]
        total = np.zeros(len(pairs), np.float32)
        for down in range(a):
            for right in range(b):
                moved = self._move(-down, -right)
                total += np.where(moved >= 0, pairs[moved], np.float32(0))
        return total

    def _belonging(self, a: int, b: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logarithm of the share of a bead's sentences that belongs to its other side.

        Mean over its sentences by side, shape (2, cells); and of its outermost sentence with the least.
        """
        import numpy as np

        means = np.zeros((2, len(self._i)), np.float32)
        least = np.zeros(len(self._i), np.float32)
        for side, (own, across) in enumerate(((a, b), (b, a))):
            for k in range(own):
                share = np.full(len(self._i), _LEAST_SHARE, np.float32)
                for other in range(across):
                    moved = self._move(-k, -other) if side == 0 else self._move(-other, -k)
                    share += np.where(moved >= 0, self._shares[side][moved], np.float32(0))
                np.log(share, out=share)
                means[side] += share / own
                if own > 1 and k in (0, own - 1):
                    np.minimum(least, share, out=least)
        return means, least

    def features(self) -> Iterator[tuple[int, int, Sequence[NDArray[np.float32] | float]]]:
        """For each bead type (a, b) its features: an array by cell each, or one number for all cells."""
        for a in range(1, LARGEST + 1):
            for b in range(1, LARGEST + 1):
                yield a, b, self._bead_features(a, b)

    def _bead_features(self, a: int, b: int) -> list[NDArray[np.float32] | float]:
        import numpy as np

        cells = len(self._i)
        texts = self._texts
        begin_i, begin_j = np.maximum(self._i - a, 0), np.maximum(self._j - b, 0)
        cosine = self._cosines[a - 1, b - 1]
        margin = cosine - 0.5 * (self._source_mean[a - 1][self._i] + self._target_mean[b - 1][self._j])
        none = np.zeros(cells, np.float32)

        source_length = np.maximum(self._source_length[self._i] - self._source_length[begin_i], 1e-3)
        target_length = np.maximum(self._target_length[self._j] - self._target_length[begin_j], 1e-3)

        # What each outermost sentence adds to the cosine, and that against its share of its side's length.
        gains, rates = [], []
        if a > 1:
            first = self._source_length[np.minimum(begin_i + 1, self._n)] - self._source_length[begin_i]
            last = self._source_length[self._i] - self._source_length[np.maximum(self._i - 1, 0)]
            gains += [self._gain(cosine, a - 1, b, 0, 0), self._gain(cosine, a - 1, b, -1, 0)]
            rates += [gains[-2] / (first / source_length + 0.1), gains[-1] / (last / source_length + 0.1)]
        if b > 1:
            first = self._target_length[np.minimum(begin_j + 1, self._m)] - self._target_length[begin_j]
            last = self._target_length[self._j] - self._target_length[np.maximum(self._j - 1, 0)]
            gains += [self._gain(cosine, a, b - 1, 0, 0), self._gain(cosine, a, b - 1, 0, -1)]
            rates += [gains[-2] / (first / target_length + 0.1), gains[-1] / (last / target_length + 0.1)]
        least_gain = np.minimum.reduce(gains) if gains else none
        least_rate = np.clip(np.minimum.reduce(rates), -2, 2) if rates else none
        wider = ((a + 1, b, 0, 0), (a + 1, b, 1, 0), (a, b + 1, 0, 0), (a, b + 1, 0, 1))
        losses = np.stack([self._cosine(*which, -1.0) - cosine for which in wider])
        slides = ((a, b, 0, 1), (a, b, 0, -1), (a, b, 1, 0), (a, b, -1, 0))
        slide = np.stack([self._cosine(*which, -1.0) for which in slides]).max(axis=0) - cosine
        split = none
        if min(a, b) > 1:
            halves = [
                0.5 * (self._cosine(p, q, p - a, q - b, -1.0) + self._cosine(a - p, b - q, 0, 0, -1.0))
                for p in range(1, a)
                for q in range(1, b)
            ]
            split = np.maximum(np.stack(halves).max(axis=0) - cosine, -0.5)
        ratio = np.minimum(np.abs(np.log((target_length + 3) / (source_length + 3))), 3)
        deviation = np.abs(target_length - source_length) / np.sqrt(source_length + target_length)

        belonging, outermost = self._belonging(a, b)
        lexical = []
        for channel in range(2):
            _, source_own, target_own = self._shared[channel]
            source_sum = np.concatenate([[0.0], np.cumsum(source_own)])
            target_sum = np.concatenate([[0.0], np.cumsum(target_own)])
            source_weight = source_sum[self._i] - source_sum[begin_i]
            target_weight = target_sum[self._j] - target_sum[begin_j]
            shared = np.minimum(self._window_shared(channel, a, b), np.minimum(source_weight, target_weight))
            alone = source_weight + target_weight - 2 * shared
            lexical += [np.sqrt(shared), np.sqrt(np.maximum(alone, 0))]

        source_end = texts.source_ends[np.maximum(self._i - 1, 0)] if self._n else np.zeros(cells, int)
        target_end = texts.target_ends[np.maximum(self._j - 1, 0)] if self._m else np.zeros(cells, int)
        type_class = _TYPE_CLASSES.index(key) if (key := (min(a, b), max(a, b))) in _TYPE_CLASSES else 8
        types = [float(number == type_class) for number in range(len(_TYPE_CLASSES) + 1)]
        more = a + b - 2
        longer = (b - a) * float(np.log(max(self._m, 1) / max(self._n, 1)))
        return [
            *types,
            float(more),
            longer,
            cosine,
            cosine * more,
            margin,
            margin * more,
            np.minimum(margin, 0),
            np.maximum(margin - 0.2, 0),
            np.maximum(margin - 0.4, 0),
            least_gain,
            np.minimum(least_gain, 0),
            least_rate,
            np.minimum(least_rate, 0),
            margin * np.log((source_length + target_length) / 20),
            np.maximum(losses, 0).sum(axis=0),
            np.maximum(losses.max(axis=0), -0.3),
            np.maximum(slide, -0.5),
            split,
            belonging.sum(axis=0),
            belonging.min(axis=0),
            belonging.sum(axis=0) * more,
            outermost,
            ratio,
            ratio**2,
            np.minimum(deviation, 10),
            *lexical,
            (source_end == target_end).astype(np.float32),
            ((source_end == 0) != (target_end == 0)).astype(np.float32),
            ((source_end == 3).astype(np.float32) + (target_end == 3)),
            *self._quotations(begin_i, begin_j),
            self._inside[0][begin_i] + self._inside[1][begin_j],
        ]

    def _quotations(
        self, begin_i: NDArray[np.int64], begin_j: NDArray[np.int64]
    ) -> list[NDArray[np.float32]]:
        """Whether beginning in, ending and holding a quotation differ between the sides."""
        import numpy as np

        source, target = self._texts.source_quotes, self._texts.target_quotes
        first = np.concatenate([source[:, 0], [0]])[begin_i] != np.concatenate([target[:, 0], [0]])[begin_j]
        last = np.concatenate([[0], source[:, 1]])[self._i] != np.concatenate([[0], target[:, 1]])[self._j]
        held = [np.concatenate([[0], np.cumsum(marks[:, 2])]) for marks in (source, target)]
        some = (held[0][self._i] > held[0][begin_i]) != (held[1][self._j] > held[1][begin_j])
        return [first.astype(np.float32), last.astype(np.float32), some.astype(np.float32)]

    def null_features(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Features of leaving each source and each target sentence unaligned, shape (f, n) and (f, m)."""
        import numpy as np

        real = (self._i > 0) & (self._j > 0)
        sides = []
        for size, index, lengths, shares in (
            (self._n, self._i, self._texts.source_lengths * self._ratio, self._shares[0]),
            (self._m, self._j, self._texts.target_lengths, self._shares[1]),
        ):
            best = np.full((3, size + 1), -1.0)
            if size:
                np.maximum.at(best[0], index[real], self._cosines[0, 0][real])
                np.maximum.at(best[1], index[real], self._margins[real])
                np.maximum.at(best[2], index[real], shares[real])
            sides.append(
                np.stack([np.ones(size), np.log(lengths + 3), *np.maximum(best[:, 1:], -0.2)])
                if size
                else np.zeros((len(NULL_FEATURES), 0))
            )
        return sides[0], sides[1]

    def potentials(self, weights: Weights) -> Potentials:
        """The scores for the kernel."""
        import numpy as np

        vector = [weights.values[name] for name in BEAD_FEATURES]
        beads = np.empty((LARGEST, LARGEST, len(self._i)), np.float32)
        for a, b, features in self.features():
            total = beads[a - 1, b - 1]
            total[:] = sum(
                w * value for w, value in zip(vector, features, strict=True) if type(value) is float
            )
            for weight, value in zip(vector, features, strict=True):
                if not isinstance(value, float):
                    total += np.float32(weight) * value
        self.forbid(beads)
        null_vector = np.array([weights.values[name] for name in NULL_FEATURES])
        source, target = self.null_features()
        return Potentials(beads, null_vector @ source, null_vector @ target, weights.values[OPENING_FEATURE])

    def forbid(self, beads: NDArray[np.floating[Any]]) -> None:
        """Set to -inf what would begin before its text."""
        import numpy as np

        for a in range(1, LARGEST + 1):
            beads[a - 1, :, self._i < a] = -np.inf
        for b in range(1, LARGEST + 1):
            beads[:, b - 1, self._j < b] = -np.inf

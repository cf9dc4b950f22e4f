"""What a bead is worth: a rough score of every bead in a band, a close one of those that are likely.

The rough score is log-linear in the cosine of the two runs of sentences, its margin over what either run
has with the other text at large, their lengths (Gale and Church 1993, in characters) and the bead's type.
It costs little and is only there to say which beads are worth a closer look. The close score is log-linear
in the features of :mod:`mtalign.align.features`; a second one also sees which sentences beside a bead are
likely unaligned under the first. Weights of all stand in ``weights.json``; ``bench/fit_align.py`` fits them:
conditional models of whole alignments.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from mtalign.align import surface
from mtalign.align.kernel import Band, SparsePotentials
from mtalign.align.meanings import Meanings
from mtalign.align.windows import LONGEST, SideVectors, Similarities
from mtalign.files import packaged_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST = LONGEST - 1
"""Most sentences on one side of a bead."""

_CELLS_AT_ONCE = 1 << 13

LIKELY = 1e-4
"""Probability under the rough score from which a bead is looked at closely."""

PERSISTENCE = 1.5
"""What an unaligned sentence is charged to see on which side counterparts are gone: a sentence that is
translated freely finds a bead then, one that has no counterpart does not."""

TYPE_CLASSES = ((1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (2, 2), (2, 3), (3, 3))
SIMILARITY_FEATURES = (
    *(f"type {a}-{b}" for a, b in TYPE_CLASSES),
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
)
LENGTH_FEATURES = ("length: log ratio", "length: log ratio squared", "length: Gale-Church deviation")
COARSE_FEATURES = (*SIMILARITY_FEATURES, *LENGTH_FEATURES)
NULL_FEATURES = (
    "unaligned",
    "unaligned: log length",
    "unaligned: best cosine",
    "unaligned: best margin",
)


@dataclass(frozen=True)
class CloseWeights:
    """The fitted weights of the close score."""

    mean: NDArray[np.float64]
    """Shape (f,): what a feature of a candidate has on average in the development sets."""
    scale: NDArray[np.float64]
    """Shape (f,)."""
    linear: NDArray[np.float64]
    """Shape (f,)."""
    null: NDArray[np.float64]
    """Of features.NULL_FEATURES."""
    opening: float

    def potentials(
        self,
        candidates: Candidates,
        features: NDArray[np.float32],
        nulls: tuple[NDArray[np.float64], NDArray[np.float64]],
        besides: NDArray[np.float64] | float = 0.0,
    ) -> SparsePotentials:
        """For the kernel: of the candidates, and of leaving sentences unaligned by the features of that.

        Of ``features``, shape (k, f) or wider, the first f count; ``besides`` is added to the scores.
        """
        import numpy as np

        # In blocks: there can be many candidates, and each has its numbers in single precision.
        rates = self.linear / self.scale
        blocks = range(0, max(len(features), 1), _CELLS_AT_ONCE)
        parts = [features[top : top + _CELLS_AT_ONCE, : len(rates)] - self.mean for top in blocks]
        scores = np.concatenate([part @ rates for part in parts]) + besides
        source, target = nulls
        return candidates.potentials(scores, self.null @ source, self.null @ target, self.opening)


@dataclass(frozen=True)
class Weights:
    """The fitted weights of all scores."""

    coarse: NDArray[np.float64]
    """Of COARSE_FEATURES, NULL_FEATURES and the opening of an unaligned run."""
    first: CloseWeights
    """Of features.FEATURES: tells which sentences are likely unaligned."""
    second: CloseWeights
    """Of these and features.GAP_FEATURES."""

    @classmethod
    def load(cls) -> Weights:
        """The weights that are stored with this module."""
        import numpy as np

        data = packaged_json("mtalign.align", "weights.json")
        close = []
        for part in (data["first"], data["second"]):
            arrays = {name: np.array(part[name]) for name in ("mean", "scale", "linear", "null")}
            close.append(CloseWeights(opening=float(part["opening"]), **arrays))
        return cls(np.array(data["coarse"]), *close)


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
    numbers: tuple[surface.Tokens, surface.Tokens]
    """Of source and target."""
    words: tuple[surface.Tokens, surface.Tokens]
    terms: tuple[surface.Tokens, surface.Tokens]
    """What :mod:`mtalign.align.lexicon` looks at."""
    meanings: Meanings

    @classmethod
    def read(
        cls, source: Sequence[str], target: Sequence[str], sides: tuple[SideVectors, SideVectors]
    ) -> Texts:
        """Read two texts whose sentences are already encoded."""
        texts = source, target
        read = [[surface.words_and_terms(surface.folded(text)) for text in side] for side in texts]

        def both(tokens: Iterable[Iterable[Collection[str]]]) -> tuple[surface.Tokens, surface.Tokens]:
            vocabulary = defaultdict[str, int](count().__next__)
            first, second = (surface.Tokens.of(side, vocabulary) for side in tokens)
            return first, second

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
            both(map(surface.number_tokens, side) for side in texts),
            both((words for words, _ in side) for side in read),
            both((terms for _, terms in side) for side in read),
            Meanings.of(source, target),
        )


class Lattice:
    """The cells of a band by number: where each one is, and which one is at a point."""

    def __init__(self, band: Band, n: int, m: int) -> None:
        import numpy as np

        self.band, self.n, self.m = band, n, m
        self.offsets = band.offsets
        sizes = band.stops - band.starts
        self.i = np.repeat(np.arange(n + 1, dtype=np.int32), sizes)
        self.j = np.arange(int(self.offsets[-1]), dtype=np.int32)
        self.j -= np.repeat((self.offsets[:-1] - band.starts).astype(np.int32), sizes)

    def find(
        self, i: NDArray[np.integer[Any]], j: NDArray[np.integer[Any]]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The cell at each point, and whether the point is in the band (a cell is given in any case)."""
        import numpy as np

        inside = (i >= 0) & (i <= self.n)
        row = np.where(inside, i, 0)
        inside &= (j >= self.band.starts[row]) & (j < self.band.stops[row])
        return np.where(inside, self.offsets[row] + j - self.band.starts[row], 0), inside


class CoarseCost:
    """The rough score of everything inside one band of two texts."""

    def __init__(self, texts: Texts, lattice: Lattice, similarities: Similarities, ratio: float) -> None:
        """``ratio`` is target characters to source characters in parts known to correspond."""
        import numpy as np

        self._texts, self._lattice, self._similarities, self._ratio = texts, lattice, similarities, ratio
        self._source_length = np.concatenate([[0.0], np.cumsum(texts.source_lengths * ratio)])
        self._target_length = np.concatenate([[0.0], np.cumsum(texts.target_lengths)])

    def features(
        self, cells: slice = slice(None)
    ) -> Iterator[tuple[int, int, Sequence[NDArray[np.float32] | float]]]:
        """For each bead type (a, b) its features: an array by cell each, or one number for all cells."""
        import numpy as np

        i, j = self._lattice.i[cells], self._lattice.j[cells]
        longer = float(np.log(max(self._lattice.m, 1) / max(self._lattice.n, 1)))
        for a in range(1, LARGEST + 1):
            source = self._source_length[i] - self._source_length[np.maximum(i - a, 0)]
            source = np.maximum(source, 1e-3).astype(np.float32)
            for b in range(1, LARGEST + 1):
                target = self._target_length[j] - self._target_length[np.maximum(j - b, 0)]
                target = np.maximum(target, 1e-3).astype(np.float32)
                cosine = self._similarities.cosines[a - 1, b - 1, cells]
                margin = cosine - 0.5 * (
                    self._similarities.source_means[a - 1][i] + self._similarities.target_means[b - 1][j]
                )
                more = float(a + b - 2)
                yield (
                    a,
                    b,
                    [
                        *type_features(a, b),
                        more,
                        (b - a) * longer,
                        *cosine_features(cosine, margin, more),
                        *length_features(source, target),
                    ],
                )

    def null_features(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Features of leaving each source and each target sentence unaligned, shape (f, n) and (f, m)."""
        import numpy as np

        lattice, similarities = self._lattice, self._similarities
        real = (lattice.i > 0) & (lattice.j > 0)
        cosines = similarities.cosines[0, 0][real]
        margins = cosines - 0.5 * (
            similarities.source_means[0][lattice.i[real]] + similarities.target_means[0][lattice.j[real]]
        )
        sides = []
        for size, index, lengths in (
            (lattice.n, lattice.i[real], self._texts.source_lengths * self._ratio),
            (lattice.m, lattice.j[real], self._texts.target_lengths),
        ):
            best = np.full((2, size + 1), -1.0)
            np.maximum.at(best[0], index, cosines)
            np.maximum.at(best[1], index, margins)
            sides.append(np.stack([np.ones(size), np.log(lengths + 3), *np.maximum(best[:, 1:], -0.2)]))
        return sides[0], sides[1]

    def potentials(self, weights: Weights, also: NDArray[np.bool_] | None = None) -> SparsePotentials:
        """The scores for the kernel, of beads that can be likely, and of those that ``also`` marks.

        A path in whose place the bead's sentences are unaligned is worth at least what they and two runs are:
        a bead worth less than LIKELY times that is never likely.
        """
        import numpy as np

        lattice = self._lattice
        vector = weights.coarse[: len(COARSE_FEATURES)]
        null, opening = weights.coarse[len(COARSE_FEATURES) : -1], float(weights.coarse[-1])
        source_nulls, target_nulls = (null @ side for side in self.null_features())
        source_sums, target_sums = (
            np.concatenate([[0.0], np.cumsum(nulls)]).astype(np.float32)
            for nulls in (source_nulls, target_nulls)
        )
        least = np.float32(2 * min(opening, 0.0) + math.log(LIKELY))
        found: list[tuple[NDArray[Any], ...]] = []
        for start in range(0, len(lattice.i), _CELLS_AT_ONCE):
            here = slice(start, start + _CELLS_AT_ONCE)
            i, j = lattice.i[here], lattice.j[here]
            unaligned = source_sums[i] + target_sums[j]
            totals = np.zeros((LARGEST, LARGEST, len(i)), np.float32)
            chosen = np.zeros(totals.shape, np.bool_) if also is None else also[:, :, here].copy()
            for a, b, features in self.features(here):
                total = totals[a - 1, b - 1]
                for weight, value in zip(vector, features, strict=True):
                    # A number for all cells is most often 0.
                    if isinstance(value, np.ndarray) or value:
                        total += np.float32(weight) * value
                before = source_sums[np.maximum(i - a, 0)] + target_sums[np.maximum(j - b, 0)]
                chosen[a - 1, b - 1] |= (total >= unaligned - before + least) & (i >= a) & (j >= b)
            cells, heights, widths = (each.astype(np.int32) for each in chosen.transpose(2, 0, 1).nonzero())
            small = (heights + 1).astype(np.int8), (widths + 1).astype(np.int8)
            found.append((totals[heights, widths, cells], *small, cells + np.int32(start)))
        beads, heights, widths, cells = (np.concatenate(each) for each in zip(*found, strict=True))
        return SparsePotentials(beads, heights, widths, cells, source_nulls, target_nulls, opening)


def type_features(a: int, b: int) -> list[float]:
    """One for the class of the type a–b, in either direction, 0 for the others."""
    key = (min(a, b), max(a, b))
    found = TYPE_CLASSES.index(key) if key in TYPE_CLASSES else len(TYPE_CLASSES)
    return [float(number == found) for number in range(len(TYPE_CLASSES) + 1)]


def cosine_features(cosine: Any, margin: Any, more: Any) -> list[Any]:
    """The features of SIMILARITY_FEATURES from "cosine" on; ``more`` is the number of sentences over two."""
    import numpy as np

    return [
        cosine,
        cosine * more,
        margin,
        margin * more,
        np.minimum(margin, 0),
        np.maximum(margin - 0.2, 0),
        np.maximum(margin - 0.4, 0),
    ]


def length_features(source: NDArray[np.floating[Any]], target: NDArray[np.floating[Any]]) -> list[Any]:
    """LENGTH_FEATURES of lengths that should be equal: the log ratio at most 3, the deviation at most 10."""
    import numpy as np

    ratio = np.minimum(np.abs(np.log((target + 3) / (source + 3))), 3)
    deviation = np.minimum(np.abs(target - source) / np.sqrt(source + target), 10)
    return [ratio, ratio**2, deviation]


@dataclass(frozen=True)
class Candidates:
    """Beads that are worth a closer look, sorted by cell, then height, then width; arrays of shape (k,)."""

    heights: NDArray[np.int64]
    widths: NDArray[np.int64]
    cells: NDArray[np.int64]
    """Where each ends."""
    source_ends: NDArray[np.int64]
    target_ends: NDArray[np.int64]

    @property
    def source_starts(self) -> NDArray[np.int64]:
        """First source sentence of each."""
        return self.source_ends - self.heights

    @property
    def target_starts(self) -> NDArray[np.int64]:
        """First target sentence of each."""
        return self.target_ends - self.widths

    @classmethod
    def of(cls, beads: SparsePotentials, chosen: NDArray[np.bool_], lattice: Lattice) -> Candidates:
        """Some of the beads of the rough score."""
        import numpy as np

        cells = beads.cells[chosen]
        kept = beads.heights[chosen], beads.widths[chosen], cells, lattice.i[cells], lattice.j[cells]
        return cls(*(each.astype(np.int64) for each in kept))

    def unaligned_shares(
        self, source_chances: NDArray[np.float64], target_chances: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """How likely the sentences of each bead have no counterpart, of the side where that is likelier.

        The chances are those of each source and each target sentence.
        """
        import numpy as np

        shares = []
        for chances, starts, ends in (
            (source_chances, self.source_starts, self.source_ends),
            (target_chances, self.target_starts, self.target_ends),
        ):
            sums = np.concatenate([[0.0], np.cumsum(chances)])
            shares.append((sums[ends] - sums[starts]) / (ends - starts))
        worse: NDArray[np.float64] = np.maximum(*shares)
        return worse

    def potentials(
        self,
        scores: NDArray[np.floating[Any]],
        source_nulls: NDArray[np.float64],
        target_nulls: NDArray[np.float64],
        opening: float,
    ) -> SparsePotentials:
        """Scores of the candidates for the kernel."""
        return SparsePotentials(
            scores, self.heights, self.widths, self.cells, source_nulls, target_nulls, opening
        )


def intactness(share: float) -> float:
    """1 where next to nothing of a side stays unaligned under PERSISTENCE (1 %), 0 where much does (3 %),
    between in between.

    In a text that is translated whole an unaligned sentence is unlikely however unlike it looks.
    """
    return max(0.0, min(1.0, (0.03 - share) / 0.02))

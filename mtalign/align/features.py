"""What a closer look at a bead sees (a source sentences, b target sentences): the features of candidates.

Cosine of the two runs and its margin over what either has with the other text at large; what taking one
sentence more or less, or sliding along, would change; where the clauses and the windows of a few tokens
belong; length against the texts' own ratio (Gale and Church 1993); shared numbers, words spelt alike, words
that translate each other elsewhere or in a dictionary, and those that are found next door; how both ends are
punctuated; the bead's type. All are symmetric in the two texts.

Once a first close score tells which sentences are likely unaligned, some of that counts otherwise beside
them: a bead's sentence next to a gap may be of the gap (:func:`gap_features`).

Of leaving a sentence unaligned: how near the other text comes to it, as a whole, by clauses and by windows,
and whether its side and the other seem to have gaps at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mtalign.align import surface
from mtalign.align.cost import (
    LARGEST,
    LENGTH_FEATURES,
    SIMILARITY_FEATURES,
    Candidates,
    Lattice,
    Texts,
    cosine_features,
    intactness,
    length_features,
    type_features,
)
from mtalign.align.cost import NULL_FEATURES as COARSE_NULL_FEATURES
from mtalign.align.kernel import ranges
from mtalign.align.lexicon import Lexicon
from mtalign.align.windows import (
    Range,
    SideVectors,
    Similarities,
    assignments,
    in_band,
    window_shares,
)
from mtalign.threads import side_by_side

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LEAST_SHARE = 0.02
_LEAST_UNALIGNED = 0.01
_LEAST_WINDOW_SHARE = 0.03
_AROUND = 8
"""Sentences before and after those of its candidates that a window may belong to."""
_ELSEWHERE = 0.2
"""Share below which a window belongs somewhere else."""
_UNSEEN = 0.5
"""Unaligned sentences that a side is held to have besides: in a short one that there are none says little."""

FEATURES = (
    *SIMILARITY_FEATURES,
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
    *LENGTH_FEATURES,
    "numbers shared",
    "numbers on one side only",
    "numbers on one side only, found next door",
    "numbers shared and found next door",
    "words shared",
    "words on one side only",
    "words on one side only, found next door",
    "words shared and found next door",
    "translations shared",
    "translations on one side only",
    "translations on one side only, found next door",
    "translations shared and found next door",
    "meanings shared",
    "meanings on one side only",
    "meanings on one side only, found next door",
    "meanings shared and found next door",
    "ends alike",
    "question on one side only",
    "ends in a comma or colon",
    "begins in a quotation on one side only",
    "ends a quotation on one side only",
    "quotation on one side only",
    "begins inside a sentence",
    *(
        f"windows: {what}{of}"
        for of in ("", ", of the worse side")
        for what in (
            "mean log share",
            "least log share",
            "mean share",
            "belonging elsewhere",
            "outer sentence's log share",
            "neighbours' mean share",
            "neighbours' highest share",
            "most of a neighbour's window",
        )
    ),
)
_BESIDE_A_GAP = (
    "margin",
    "least gain of an outer sentence",
    "loss by an outer sentence",
    "outer sentence whose clauses belong elsewhere",
    "length: Gale-Church deviation",
    "windows: mean log share, of the worse side",
    "windows: outer sentence's log share, of the worse side",
)
GAP_FEATURES = (
    "beside a gap",
    "beside a gap: sentences over two",
    "beside a gap: both sides over one",
    *(f"beside a gap times {name}" for name in _BESIDE_A_GAP),
)
NULL_FEATURES = (
    *COARSE_NULL_FEATURES,
    "unaligned: clauses' best place",
    "unaligned: windows' nearest",
    "unaligned on a side that seems intact",
    "unaligned across from a side that seems intact",
    "unaligned: log share of its side that stays so",
    "unaligned on a side that surely is intact across from one that is not",
)


class CloseLook:
    """The features of the candidates of two texts."""

    def __init__(
        self,
        texts: Texts,
        lattice: Lattice,
        similarities: Similarities,
        ratio: float,
        candidates: Candidates,
        rough: Candidates,
        persisting: tuple[float, float],
    ) -> None:
        """``rough`` is the rough alignment; ``persisting`` the share of each side that
        stays unaligned where that is charged for."""
        import numpy as np

        self._texts, self._lattice, self._candidates, self._persisting = (
            texts,
            lattice,
            candidates,
            persisting,
        )
        self._cosines = similarities.cosines
        self._source_means, self._target_means = similarities.source_means, similarities.target_means
        self._source_sizes = texts.source_lengths * ratio
        self._source_length = np.concatenate([[0.0], np.cumsum(self._source_sizes)])
        self._target_length = np.concatenate([[0.0], np.cumsum(texts.target_lengths)])
        sides = rough.source_starts, rough.source_ends, rough.target_starts, rough.target_ends
        self._rough, self._lexicon = rough, Lexicon.of(*texts.terms, sides)
        self._shares = assignments(texts.source, texts.target, lattice.band)

    def features(self) -> NDArray[np.float32]:
        """Shape (candidates, len(FEATURES) + len(GAP_FEATURES)), those of gaps all 0."""
        import numpy as np

        features = np.zeros((len(self._candidates.heights), len(FEATURES) + len(GAP_FEATURES)), np.float32)
        # One at a time: together they take several times the memory in double precision.
        for number, column in enumerate(self._columns()):
            features[:, number] = column
        return features

    def _columns(self) -> Iterator[NDArray[Any]]:
        """Those of FEATURES, in their order."""
        import numpy as np

        beads = self._candidates
        a, b, i, j = beads.heights, beads.widths, beads.source_ends, beads.target_ends
        types = np.array([type_features(p, q) for p in range(1, LARGEST + 1) for q in range(1, LARGEST + 1)])
        more = a + b - 2
        cosine = self._cosines[a - 1, b - 1, beads.cells].astype(np.float64)
        margin = cosine - 0.5 * (self._source_means[a - 1, i] + self._target_means[b - 1, j])
        source = np.maximum(self._source_length[i] - self._source_length[i - a], 1e-3)
        target = np.maximum(self._target_length[j] - self._target_length[j - b], 1e-3)
        log_n, log_m = np.log(max(self._lattice.n, 1)), np.log(max(self._lattice.m, 1))
        kinds = (a - 1) * LARGEST + b - 1
        yield from (kind[kinds] for kind in types.T)
        yield more
        yield (b - a) * float(log_m - log_n)
        yield from cosine_features(cosine, margin, more)
        yield from self._gains(cosine, source, target)
        yield margin * np.log((source + target) / 20)
        yield from self._neighbours(cosine)
        yield self._split(cosine)
        yield from self._belonging()
        yield from length_features(source, target)
        yield from self._tokens(*self._texts.numbers)
        yield from self._tokens(*self._texts.words)
        yield from self._translations()
        yield from self._meanings()
        yield from self._ends()
        yield from self._window_features()

    def null_features(
        self, coarse: tuple[NDArray[np.float64], NDArray[np.float64]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Those of the rough score and six more, shape (f, n) and (f, m)."""
        import numpy as np

        lattice = self._lattice
        intact = [intactness(share) for share in self._persisting]
        sides = []
        for side, (features, index, shares) in enumerate(
            zip(coarse, (lattice.i, lattice.j), self._shares, strict=True)
        ):
            size = features.shape[1]
            best = np.full(size + 1, -0.2)
            real = (lattice.i > 0) & (lattice.j > 0)
            np.maximum.at(best, index[real], shares[real])
            share = self._persisting[side]
            surely = intactness((share * size + _UNSEEN) / (size + _UNSEEN)) * (1 - intact[1 - side])
            of_side = intact[side], intact[1 - side], np.log(max(share, _LEAST_UNALIGNED)), surely
            nearest = self._windows[side][1]
            usual = np.nanmedian(nearest) if np.isfinite(nearest).any() else 0.0
            nearest = np.clip(np.nan_to_num(nearest - usual, nan=-0.3), -0.3, 0.3)
            sides.append(
                np.concatenate([features, [best[1:], nearest], *(np.full((1, size), v) for v in of_side)])
            )
        return sides[0], sides[1]

    def _at(
        self,
        a: NDArray[np.int64],
        b: NDArray[np.int64],
        down: int | NDArray[np.int64],
        right: int | NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """Cosine of a source and b target sentences that end ``down`` and ``right`` of each candidate.

        -1 where there is no such run or it is out of the band.
        """
        import numpy as np

        i, j = self._candidates.source_ends + down, self._candidates.target_ends + right
        cells, inside = self._lattice.find(i, j)
        largest = self._cosines.shape[0]
        inside &= (a >= 1) & (b >= 1) & (a <= largest) & (b <= largest) & (i >= a) & (j >= b)
        values = self._cosines[np.clip(a, 1, largest) - 1, np.clip(b, 1, largest) - 1, cells]
        return np.where(inside, values, -1.0)

    def _gains(
        self, cosine: NDArray[np.float64], source: NDArray[np.float64], target: NDArray[np.float64]
    ) -> list[NDArray[np.float64]]:
        """What each outermost sentence adds to the cosine, also against its share of its side's length."""
        import numpy as np

        beads = self._candidates
        a, b, i, j = beads.heights, beads.widths, beads.source_ends, beads.target_ends
        sizes, others = self._source_sizes, self._texts.target_lengths
        least = np.full(len(a), np.inf)
        rate = np.full(len(a), np.inf)
        for many, smaller, length, side in (
            (a > 1, self._at(a - 1, b, 0, 0), sizes[i - a], source),
            (a > 1, self._at(a - 1, b, -1, 0), sizes[i - 1], source),
            (b > 1, self._at(a, b - 1, 0, 0), others[j - b], target),
            (b > 1, self._at(a, b - 1, 0, -1), others[j - 1], target),
        ):
            gain = np.where(smaller > -1, cosine - smaller, 0.0)
            least = np.where(many, np.minimum(least, gain), least)
            rate = np.where(many, np.minimum(rate, gain / (length / side + 0.1)), rate)
        least = np.where(np.isinf(least), 0.0, least)
        rate = np.clip(np.where(np.isinf(rate), 0.0, rate), -2, 2)
        return [least, np.minimum(least, 0), rate, np.minimum(rate, 0)]

    def _neighbours(self, cosine: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """What taking one sentence more, or sliding by one, would add to the cosine."""
        import numpy as np

        a, b = self._candidates.heights, self._candidates.widths
        wider = [
            self._at(a + 1, b, 0, 0),
            self._at(a + 1, b, 1, 0),
            self._at(a, b + 1, 0, 0),
            self._at(a, b + 1, 0, 1),
        ]
        losses = np.stack(wider) - cosine
        slides = [self._at(a, b, *move) for move in ((0, 1), (0, -1), (1, 0), (-1, 0))]
        slide = np.stack(slides).max(axis=0) - cosine
        return [
            np.maximum(losses, 0).sum(axis=0),
            np.maximum(losses.max(axis=0), -0.3),
            np.maximum(slide, -0.5),
        ]

    def _split(self, cosine: NDArray[np.float64]) -> NDArray[np.float64]:
        """How much nearer the two halves of the best cut are, where both sides can be cut."""
        import numpy as np

        a, b = self._candidates.heights, self._candidates.widths
        both = np.minimum(a, b) > 1
        best = np.full(len(a), -1.0)
        for p in range(1, LARGEST):
            for q in range(1, LARGEST):
                cut = both & (p < a) & (q < b)
                if not cut.any():
                    continue
                halves = self._at(np.full_like(a, p), np.full_like(b, q), p - a, q - b) + self._at(
                    a - p, b - q, 0, 0
                )
                best = np.where(cut, np.maximum(best, 0.5 * halves), best)
        return np.where(both, np.maximum(best - cosine, -0.5), 0.0)

    def _pairs(self, values: NDArray[np.float32], down: int, right: int) -> NDArray[np.float64]:
        """A value of pairs of sentences, of the pair ``down`` and ``right`` of each candidate's last pair."""
        import numpy as np

        i, j = self._candidates.source_ends + down, self._candidates.target_ends + right
        cells, inside = self._lattice.find(i, j)
        return np.where(inside & (i > 0) & (j > 0), values[cells], 0.0)

    def _belonging(self) -> list[NDArray[np.float64]]:
        """Logarithm of the share of a bead's sentences whose clauses belong to its other side."""
        import numpy as np

        a, b = self._candidates.heights, self._candidates.widths
        means = np.zeros((2, len(a)))
        least = np.zeros(len(a))
        for side, (own, across) in enumerate(((a, b), (b, a))):
            for k in range(LARGEST):
                share = np.full(len(a), _LEAST_SHARE)
                for other in range(LARGEST):
                    move = (-k, -other) if side == 0 else (-other, -k)
                    share += np.where(other < across, self._pairs(self._shares[side], *move), 0.0)
                log = np.where(k < own, np.log(share), 0.0)
                means[side] += log / own
                outer = (own > 1) & ((k == 0) | (k == own - 1))
                least = np.where(outer, np.minimum(least, log), least)
        more = a + b - 2
        both = means.sum(axis=0)
        return [both, means.min(axis=0), both * more, least]

    def _tokens(self, source: surface.Tokens, target: surface.Tokens) -> list[NDArray[np.float64]]:
        """What numbers or words spelt alike say."""
        weights = surface.token_weights(source, target)
        pairs = surface.shared_weight(source, target, weights, self._lattice.band)
        return self._lexical(pairs, source.weight(weights), target.weight(weights))

    def _translations(self) -> list[NDArray[np.float64]]:
        """What words say that translate each other elsewhere in the texts."""
        lexicon, rough, band = self._lexicon, self._rough, self._lattice.band
        pairs, elsewhere = (
            surface.shared_weight(lexicon.source, lexicon.target, weights, band)
            for weights in (lexicon.weights, lexicon.elsewhere)
        )
        for down in range(LARGEST):
            for right in range(LARGEST):
                inside = (down < rough.heights) & (right < rough.widths)
                i, j = rough.source_ends[inside] - down, rough.target_ends[inside] - right
                cells, in_band = self._lattice.find(i, j)
                pairs[cells[in_band]] = elsewhere[cells[in_band]]
        source, target = (side.weight(lexicon.elsewhere) for side in (lexicon.source, lexicon.target))
        return self._lexical(pairs, source, target)

    def _meanings(self) -> list[NDArray[np.float64]]:
        """What a dictionary says of the words of the two texts."""
        import numpy as np

        found = self._texts.meanings
        if not found.weights.size:
            return [np.zeros(len(self._candidates.heights))] * 4
        pairs = surface.shared_weight(found.source, found.target, found.weights, self._lattice.band)
        return self._lexical(pairs, found.source_own, found.target_own)

    def _lexical(
        self, pairs: NDArray[np.float32], source_own: NDArray[np.float64], target_own: NDArray[np.float64]
    ) -> list[NDArray[np.float64]]:
        """Weight of tokens shared, on one side only, and found in the two sentences before or after."""
        import numpy as np

        beads = self._candidates
        a, b, i, j = beads.heights, beads.widths, beads.source_ends, beads.target_ends
        source_sum = np.concatenate([[0.0], np.cumsum(source_own)])
        target_sum = np.concatenate([[0.0], np.cumsum(target_own)])
        source, target = source_sum[i] - source_sum[i - a], target_sum[j] - target_sum[j - b]
        inside = np.zeros(len(a))
        outside = np.zeros(len(a))
        for down in range(-LARGEST - 1, 3):
            for right in range(-LARGEST - 1, 3):
                in_source, in_target = (-a < down) & (down <= 0), (-b < right) & (right <= 0)
                by_source, by_target = (-a - 2 < down) & (down <= 2), (-b - 2 < right) & (right <= 2)
                here, beside = in_source & in_target, (in_source & by_target) | (by_source & in_target)
                if not beside.any():
                    continue
                values = self._pairs(pairs, down, right)
                inside += np.where(here, values, 0.0)
                outside += np.where(beside & ~here, values, 0.0)
        shared = np.minimum(inside, np.minimum(source, target))
        alone = np.maximum(source + target - 2 * shared, 0)
        return [
            np.sqrt(shared),
            np.sqrt(alone),
            np.sqrt(np.minimum(outside, alone)),
            np.sqrt(np.minimum(np.maximum(outside - alone, 0), shared)),
        ]

    def _ends(self) -> list[NDArray[np.float64]]:
        """How both sides begin and end."""
        import numpy as np

        beads, texts = self._candidates, self._texts
        begin_i, begin_j, i, j = (
            beads.source_starts,
            beads.target_starts,
            beads.source_ends,
            beads.target_ends,
        )
        source, target = texts.source_ends[i - 1], texts.target_ends[j - 1]
        quotes = (texts.source_quotes, texts.target_quotes)
        held = [np.concatenate([[0], np.cumsum(marks[:, 2])]) for marks in quotes]
        some = (held[0][i] > held[0][begin_i]) != (held[1][j] > held[1][begin_j])
        columns = [
            source == target,
            (source == 0) != (target == 0),
            (source == 3).astype(int) + (target == 3),
            quotes[0][begin_i, 0] != quotes[1][begin_j, 0],
            quotes[0][i - 1, 1] != quotes[1][j - 1, 1],
            some,
            texts.source_inside[begin_i] + texts.target_inside[begin_j],
        ]
        return [np.asarray(column, np.float64) for column in columns]

    def _window_features(self) -> list[NDArray[np.float64]]:
        """Where the windows of both sides, and of the sentences beside them, belong."""
        import numpy as np

        (forth, _), (back, _) = self._windows
        return [*(forth + back), *np.minimum(forth, back)]

    @cached_property
    def _windows(self) -> tuple[_WindowSide, _WindowSide]:
        """What :func:`_window_side` says of either text."""
        beads, texts = self._candidates, self._texts
        source = (beads.source_starts, beads.source_ends)
        target = (beads.target_starts, beads.target_ends)
        by_source, by_target = in_band(self._lattice.band, len(texts.target))
        return side_by_side(
            lambda: _window_side(texts.source, texts.target, source, target, by_source),
            lambda: _window_side(texts.target, texts.source, target, source, by_target),
        )


_WindowSide = tuple["NDArray[np.float64]", "NDArray[np.float32]"]


def gap_features(
    beads: Candidates,
    features: NDArray[np.float32],
    unaligned: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> NDArray[np.float32]:
    """How many of the sentences before and after a bead have no counterpart, and what that changes.

    ``features`` are those of FEATURES, shape (k, f); ``unaligned`` says how likely each source and each
    target sentence has no counterpart. The result has shape (k, len(GAP_FEATURES)).
    """
    import numpy as np

    source, target = (np.concatenate([[0.0], chances, [0.0]]) for chances in unaligned)
    gap = source[beads.source_starts] + source[beads.source_ends + 1]
    gap += target[beads.target_starts] + target[beads.target_ends + 1]
    # What is in a gap itself is not beside it.
    gap *= 1 - beads.unaligned_shares(*unaligned)
    over_two, both = beads.heights + beads.widths > 2, np.minimum(beads.heights, beads.widths) > 1
    times = (gap * features[:, FEATURES.index(name)] for name in _BESIDE_A_GAP)
    return np.stack([gap, gap * over_two, gap * both, *times], axis=1).astype(np.float32)


def _window_side(
    side: SideVectors, other: SideVectors, own: Range, across: Range, held: Range
) -> _WindowSide:
    """What the windows of one side of each candidate say, shape (8, candidates), and how near those of each
    sentence are to anything, shape (n,)."""
    import numpy as np

    n = len(side)
    starts = np.full(n, len(other))
    stops = np.zeros(n, np.int64)
    # What is asked of a sentence: the other side of every candidate that it is in or beside.
    for size in range(-1, LARGEST + 1):
        sentence = own[0] + size
        asked = (sentence >= 0) & (sentence < n) & (sentence <= own[1])
        np.minimum.at(starts, sentence[asked], across[0][asked])
        np.maximum.at(stops, sentence[asked], across[1][asked])
    some = starts < stops
    starts = np.where(some, np.maximum(starts - _AROUND, np.minimum(starts, held[0])), 0)
    stops = np.where(some, np.minimum(stops + _AROUND, np.maximum(stops, held[1])), 0)
    shares = window_shares(side, other, starts, stops)

    def inside(
        which: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
        """Of the windows of sentences first … last - 1 of those candidates: share, candidate, sentence."""
        begins = side.first_window[first]
        sizes = side.first_window[last] - begins
        owner, window = np.repeat(which, sizes), ranges(begins, sizes)
        sentence = np.searchsorted(side.first_window, window, "right") - 1
        return shares.between(window, sentence, across[0][owner], across[1][owner]), owner, sentence

    share, which, sentence = inside(np.arange(len(own[0])), *own)
    log = np.log(share + _LEAST_WINDOW_SHARE)
    edges = np.searchsorted(which, np.arange(len(own[0])))
    sizes = np.diff(np.append(edges, len(which)))
    key = which * n + sentence
    parts = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    by_sentence = np.log(
        np.add.reduceat(share, parts) / np.diff(np.append(parts, len(key))) + _LEAST_WINDOW_SHARE
    )
    outer = np.full(len(own[0]), np.inf)
    at_end = (sentence[parts] == own[0][which[parts]]) | (sentence[parts] == own[1][which[parts]] - 1)
    np.minimum.at(outer, which[parts][at_end], by_sentence[at_end])
    mean_beside = np.zeros(len(own[0]))
    highest_beside = np.zeros((2, len(own[0])))
    for number, (first, last) in enumerate(((own[0] - 1, own[0]), (own[1], own[1] + 1))):
        there = np.flatnonzero((first >= 0) & (last <= n))
        if not len(there):
            continue
        values, owner, _ = inside(there, first[there], last[there])
        places = np.searchsorted(owner, there)
        mean_beside[there] += np.add.reduceat(values, places) / np.diff(np.append(places, len(owner)))
        highest_beside[number, there] = np.maximum.reduceat(values, places)
    values = np.stack(
        [
            np.add.reduceat(log, edges) / sizes,
            np.minimum.reduceat(log, edges),
            np.add.reduceat(share, edges) / sizes,
            np.add.reduceat((share < _ELSEWHERE).astype(np.float64), edges) / sizes,
            outer,
            mean_beside,
            highest_beside.sum(axis=0),
            highest_beside.max(axis=0),
        ]
    )
    return values, shares.nearest

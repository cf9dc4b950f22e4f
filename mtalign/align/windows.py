"""Vectors of runs of one to a few sentences, and their similarities inside a band."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mtalign.align.heap import give_back
from mtalign.align.kernel import Band, ranges
from mtalign.align.packed import PackedRows, pack
from mtalign.embed.base import AdditiveEmbedder, Embedder, Finish, Pieces
from mtalign.threads import side_by_side

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROWS_AT_ONCE = 256
_TILE = 16
_SAMPLES = 64
_SHARPNESS = 25.0
"""How much likelier a clause belongs to a sentence whose nearest clause is closer by 1 (logarithm)."""

LONGEST = 6
"""Most sentences of a run whose vector is kept: one more than a bead's side has."""
_WINDOW_TILE = 8
_WINDOW_SHARPNESS = 12.0

Range = tuple["NDArray[np.int64]", "NDArray[np.int64]"]
"""Where a range of sentences begins and where it stops, for each of many."""

_Parts = tuple[PackedRows, "NDArray[np.int64]"]
"""Vectors of a text's clauses or windows, and the first of each sentence."""


@dataclass(frozen=True)
class SideVectors:
    """What is needed to give the vector of any run of sentences of one text."""

    sums: NDArray[np.float32]
    """Of each sentence before the head, shape (n, k)."""
    counts: NDArray[np.float64]
    """Running totals of what sentences were summed over, shape (n + 1,)."""
    heads: NDArray[np.float16]
    """What marks the beginning of each sentence, shape (n, k); a run has that of its first."""
    tails: NDArray[np.float16]
    """What marks its end; a run has that of its last."""
    edges: float
    finish: Finish
    dimension: int
    clauses: PackedRows
    """Unit vectors of clauses, shape (p, dimension)."""
    clause_counts: NDArray[np.float32]
    first_clause: NDArray[np.int64]
    """Shape (n + 1,): the clauses of sentence i are ``first_clause[i] … first_clause[i + 1] - 1``."""
    windows: PackedRows
    """Unit vectors of two runs of a few tokens in a row, overlapping, shape (w, dimension)."""
    first_window: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.counts) - 1

    @cached_property
    def run_vectors(self) -> NDArray[np.float16]:
        """Unit vectors of runs of 1 … LONGEST sentences by where they end, (LONGEST, n + 1, dimension).

        Large: see :meth:`forget_runs`.
        """
        return self._made_runs(None)

    def make_runs(self, progress: Callable[[int], None]) -> None:
        """Make :attr:`run_vectors` now; ``progress`` gets the number of sentences since its last call."""
        self.__dict__["run_vectors"] = self._made_runs(progress)

    def _made_runs(self, progress: Callable[[int], None] | None) -> NDArray[np.float16]:
        import numpy as np

        points = len(self) + 1
        vectors = np.zeros((LONGEST, points, self.dimension), np.float16)
        for start in range(0, points, _ROWS_AT_ONCE):
            ends = np.arange(start, min(start + _ROWS_AT_ONCE, points))
            for size in range(1, LONGEST + 1):
                vectors[size - 1, ends] = self._finished(np.where(ends >= size, ends - size, ends), ends)
            if progress is not None:
                # The first point is before all sentences.
                progress(len(ends) - (start == 0))
        return vectors

    def forget_runs(self) -> None:
        """Make room; the vectors of runs are made again if they are wanted."""
        self.__dict__.pop("run_vectors", None)

    @cached_property
    def mean_run(self) -> NDArray[np.float32]:
        """Mean vector of an even sample of the runs of all sizes, shape (dimension,)."""
        import numpy as np

        n = len(self)
        if n == 0:
            return np.zeros(self.dimension, np.float32)
        rows = []
        for size in range(1, min(LONGEST, n) + 1):
            ends = np.unique(np.linspace(size, n, min(_SAMPLES, n - size + 1)).astype(np.int64))
            rows.append(self.run_vectors[size - 1, ends])
        return np.asarray(np.concatenate(rows).mean(axis=0, dtype=np.float32))

    def runs(self, largest: int, start: int, stop: int) -> NDArray[np.float32]:
        """Unit vectors of the runs of 1 … ``largest`` sentences that end at ``start … stop - 1``.

        A run of size s that ends at i holds the sentences i - s … i - 1; it is zero where that is before the
        text. Shape (largest, stop - start, dimension).
        """
        import numpy as np

        return np.asarray(self.run_vectors[:largest, start:stop], np.float32)

    def spans(self, begins: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.float32]:
        """Unit vectors of the runs ``begins[k] … ends[k] - 1``; there is a sentence in each."""
        import numpy as np

        sizes = ends - begins
        if sizes.max(initial=0) > LONGEST or "run_vectors" not in self.__dict__:
            return self._finished(begins, ends)
        return np.asarray(self.run_vectors[sizes - 1, ends], np.float32)

    def _finished(self, begins: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.float32]:
        """The same for runs of any length; an empty run has a zero row."""
        import numpy as np

        some = self.counts[ends] > self.counts[begins]
        counts = np.where(some, self.counts[ends] - self.counts[begins] + self.edges, 0).astype(np.float32)
        sums = np.zeros((len(ends), self.sums.shape[1]), np.float32)
        sizes = ends - begins
        for offset in range(int(sizes.max(initial=0))):
            held = np.flatnonzero(sizes > offset)
            sums[held] += self.sums[begins[held] + offset]
        sums[some] += self.heads[begins[some]]
        sums[some] += self.tails[ends[some] - 1]
        return self.finish(sums, counts)


def encode_side(
    texts: Sequence[str], embedder: Embedder, progress: Callable[[int], None] | None = None
) -> SideVectors:
    """Encode each sentence once; where the embedder is not additive, a run is the mean of its vectors.

    ``progress`` is called with the number of sentences encoded since its last call.
    """
    import numpy as np

    n = len(texts)
    finish = embedder.finish if isinstance(embedder, AdditiveEmbedder) else _unit_rows
    empty = _encode([], embedder)
    sums = np.zeros((n, empty.sums.shape[1]), np.float32)
    counts = np.zeros(n + 1)
    heads, tails = (np.zeros((n, part.shape[1]), np.float16) for part in (empty.heads, empty.tails))
    clauses = [pack(np.zeros((0, embedder.dimension), np.float32))]
    windows = clauses[:]
    clause_counts = [np.zeros(0, np.float32)]
    first_clause, first_window = np.zeros((2, n + 1), np.int64)
    for start in range(0, n, 256):
        part = _encode(texts[start : start + 256], embedder)
        size = len(part.heads)
        if progress is not None:
            progress(size)
        here = slice(start + 1, start + size + 1)
        heads[start : start + size], tails[start : start + size] = part.heads, part.tails
        sentence = np.searchsorted(part.owners, np.arange(size))
        sums[start : start + size] = np.add.reduceat(part.sums, sentence)
        counts[here] = np.add.reduceat(part.counts, sentence)
        parts = part.clauses()
        some = np.where(parts.counts > 0, parts.counts + np.float32(part.edges), np.float32(0))
        edged = parts.sums + part.heads[parts.owners] + part.tails[parts.owners]
        clauses.append(pack(finish(edged, some)))
        clause_counts.append(parts.counts)
        first_clause[here] = np.bincount(parts.owners, minlength=size)
        # Each run with the next of its text; the last one only where it is the only one.
        steps = np.arange(len(part.owners)) if part.steps is None else np.flatnonzero(part.steps)
        owners = part.owners[steps]
        follows = np.append(owners[1:] == owners[:-1], False)
        begins = np.flatnonzero(follows | ~np.append(False, follows[:-1]))
        more = follows[begins]
        runs, run_sizes = np.add.reduceat(part.sums, steps), np.add.reduceat(part.counts, steps)
        pairs, sizes = runs[begins], run_sizes[begins]
        pairs[more] += runs[begins[more] + 1]
        sizes[more] += run_sizes[begins[more] + 1]
        windows.append(pack(finish(pairs, sizes)))
        first_window[here] = np.bincount(owners[begins], minlength=size)
    np.cumsum(counts, out=counts)
    give_back()
    return SideVectors(
        sums,
        counts,
        heads,
        tails,
        empty.edges,
        finish,
        embedder.dimension,
        PackedRows.of(clauses),
        np.concatenate(clause_counts),
        np.cumsum(first_clause),
        PackedRows.of(windows),
        np.cumsum(first_window),
    )


def _encode(texts: Sequence[str], embedder: Embedder) -> Pieces:
    import numpy as np

    if isinstance(embedder, AdditiveEmbedder):
        return embedder.encode_pieces(texts)
    counts = np.fromiter((len(text) for text in texts), np.float32, len(texts))
    sums = embedder.encode(texts) * counts[:, None]
    none = np.zeros_like(sums)
    return Pieces(sums, counts, np.arange(len(texts)), none, none, 0.0)


def _unit_rows(sums: NDArray[np.float32], counts: NDArray[np.float32]) -> NDArray[np.float32]:
    import numpy as np

    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.asarray(np.divide(sums, norms, out=np.zeros_like(sums), where=norms > 0))


@dataclass(frozen=True)
class Similarities:
    """Cosines of runs of sentences inside a band, and how much of a hub each run is."""

    cosines: NDArray[np.float32]
    """Of the runs of a source and b target sentences that end at each cell, shape (largest, largest, cells);
    0 where a run would begin before its text."""
    source_means: NDArray[np.float32]
    """Mean cosine of each run with the other text's, shape (largest, n + 1): by size, and where it ends."""
    target_means: NDArray[np.float32]


def band_similarities(source: SideVectors, target: SideVectors, band: Band, largest: int) -> Similarities:
    """Compare all runs of up to ``largest`` sentences inside the band.

    The means are over an even sample of the other text's runs, as in Thompson and Koehn (2019).
    """
    import numpy as np

    n, m = len(source), len(target)
    offsets = band.offsets
    cosines = np.zeros((largest, largest, int(offsets[-1])), np.float32)
    source_means = np.zeros((largest, n + 1), np.float32)
    target_means = np.zeros((largest, m + 1), np.float32)
    source_mean, target_mean = source.mean_run, target.mean_run

    def compare(tops: range) -> None:
        for top in tops:
            bottom = min(top + _ROWS_AT_ONCE, n + 1)
            left, right = int(band.starts[top]), int(band.stops[bottom - 1])
            source_runs = source.runs(largest, top, bottom)
            target_runs = target.runs(largest, left, right)
            source_means[:, top:bottom] = source_runs @ target_mean
            # Each column once, so that it does not matter which thread is first.
            fresh = int(band.stops[top - 1]) if top else 0
            target_means[:, fresh:right] = target_runs[:, fresh - left :] @ source_mean
            for row in range(top, bottom, _TILE):
                end = min(row + _TILE, bottom)
                first, last = int(band.starts[row]), int(band.stops[end - 1])
                tile = source_runs[:, row - top : end - top].reshape(-1, source.dimension)
                window = target_runs[:, first - left : last - left].reshape(-1, target.dimension)
                products = (tile @ window.T).reshape(largest, end - row, largest, last - first)
                for i in range(row, end):
                    start, stop = int(band.starts[i]), int(band.stops[i])
                    cells = slice(int(offsets[i]), int(offsets[i + 1]))
                    cosines[:, :, cells] = products[:, i - row, :, start - first : stop - first]

    tops = range(0, n + 1, _ROWS_AT_ONCE)
    half = len(tops) // 2
    side_by_side(lambda: compare(tops[:half]), lambda: compare(tops[half:]))
    return Similarities(cosines, source_means, target_means)


def assignments(
    source: SideVectors, target: SideVectors, band: Band
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where the clauses of each sentence belong, if anywhere in the band.

    For each cell, which stands for the pair of sentences that end there: the share of the source sentence
    that goes to that target sentence rather than to another one in the row, and of the target sentence that
    goes to that source sentence rather than to another one in the column. A clause goes where its nearest
    clause is, softly.
    """
    import numpy as np

    (lefts, rights), (tops, bottoms) = in_band(band, len(target))
    forth, back = side_by_side(
        lambda: _assign(source, target, lefts, rights), lambda: _assign(target, source, tops, bottoms)
    )
    offsets = band.offsets
    first = np.zeros(int(offsets[-1]), np.float32)
    second = np.zeros(int(offsets[-1]), np.float32)
    widths, heights = np.maximum(rights - lefts, 0), np.maximum(bottoms - tops, 0)
    first[ranges(offsets[2:] - widths, widths)] = forth
    rows = ranges(tops, heights) + 1
    columns = np.arange(1, len(target) + 1)
    second[offsets[rows] + np.repeat(columns, heights) - band.starts[rows]] = back
    return first, second


def in_band(band: Band, m: int) -> tuple[Range, Range]:
    """For each source sentence the target sentences, ``starts … stops - 1``, that the band holds it with;
    for each of the ``m`` target sentences the source sentences."""
    import numpy as np

    columns = np.arange(1, m + 1)
    # Both borders of a band ascend, so a column's rows are one range too.
    tops = np.maximum(np.searchsorted(band.stops, columns, "right"), 1) - 1
    bottoms = np.maximum(np.searchsorted(band.starts, columns, "right"), 1) - 1
    lefts, rights = np.maximum(band.starts[1:], 1) - 1, np.maximum(band.stops[1:], 1) - 1
    return (lefts, rights), (tops, bottoms)


def _assign(
    side: SideVectors, other: SideVectors, starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> NDArray[np.float32]:
    """For each sentence its shares among the other text's sentences ``starts … stops - 1``, one after the
    other."""
    import numpy as np

    out = [np.zeros(0, np.float32)]
    clauses = side.clauses, side.first_clause
    across = other.clauses, other.first_clause
    for here, first, chances in _nearest_by_block(clauses, across, starts, stops, _TILE):
        _spread(chances, _SHARPNESS)
        weights = side.clause_counts[first[0] : first[-1]]
        chances *= weights[:, None]
        shares = np.add.reduceat(chances, first[:-1] - first[0], axis=0)
        shares /= np.maximum(np.add.reduceat(weights, first[:-1] - first[0]), 1)[:, None]
        out.append(shares[np.arange(shares.shape[1]) < (stops[here] - starts[here])[:, None]])
    return np.concatenate(out)


def _nearest_by_block(
    side: _Parts, other: _Parts, starts: NDArray[np.int64], stops: NDArray[np.int64], tile: int
) -> Iterator[tuple[slice, NDArray[np.int64], NDArray[np.float32]]]:
    """Which sentences, where the parts of each begin and the last's end, and how near these parts are, as
    :func:`_nearest` says; less half of what the parts there have with the text of ``side`` at large."""
    (rows, firsts), (others, other_first) = side, other
    mean = 0.5 * rows.mean()
    for top in range(0, len(starts), _ROWS_AT_ONCE):
        here = slice(top, top + _ROWS_AT_ONCE)
        first = firsts[top : top + _ROWS_AT_ONCE + 1]
        own = rows.rows(int(first[0]), int(first[-1])) - mean
        yield here, first, _nearest(own, first, others, other_first, starts[here], stops[here], tile)


def _nearest(
    own: NDArray[np.float32],
    first: NDArray[np.int64],
    other: PackedRows,
    other_first: NDArray[np.int64],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    tile: int,
) -> NDArray[np.float32]:
    """How near each row is to the nearest one of each sentence of the other text that its own is asked of,
    ``starts … stops - 1``; shape (rows, most of these, at least 1), -inf beyond.

    Rows of sentence i are ``own[first[i] - first[0] : first[i + 1] - first[0]]``, in the other text as
    ``other_first`` says. A ``tile`` is how many sentences are compared at once.
    """
    import numpy as np

    widths = np.maximum(stops - starts, 0)
    width = max(1, int(widths.max()))
    # Of none where nothing is asked of them: sentences with no likely bead near.
    asked = widths > 0
    if not asked.any():
        return np.full((len(own), width), -np.inf, np.float32)
    tiles = np.arange(0, len(starts), tile)
    lefts = np.minimum.reduceat(np.where(asked, starts, len(other_first) - 1), tiles)
    rights = np.maximum.reduceat(np.where(asked, stops, 0), tiles)
    borders = other_first[lefts.min() : rights.max() + 1]
    across = other.rows(int(borders[0]), int(borders[-1]))
    borders = borders - borders[0]
    nearest = np.full((len(own), max(1, int((rights - lefts).max()))), -np.inf, np.float32)
    # As little as can be in Python here: another thread does the same, and they wait for each other.
    edges = np.append(first[tiles], first[-1]) - first[0]
    places = (edges[:-1], edges[1:], lefts - lefts.min(), rights - lefts.min())
    for begin, end, left, right in zip(*(each.tolist() for each in places), strict=True):
        if left < right:
            there = borders[left : right + 1]
            products = own[begin:end] @ across[there[0] : there[-1]].T
            found = np.maximum.reduceat(products, there[:-1] - there[0], axis=1)
            nearest[begin:end, : right - left] = found
    owner = np.repeat(np.arange(len(starts)), np.diff(first))
    columns = (starts[owner] - lefts[owner // tile])[:, None] + np.arange(width)
    rows = np.take_along_axis(nearest, np.clip(columns, 0, nearest.shape[1] - 1), axis=1)
    rows[np.arange(width) >= widths[owner][:, None]] = -np.inf
    return rows


def _spread(rows: NDArray[np.float32], sharpness: float) -> None:
    """Make each row shares of 1, in place (softmax): higher by 1 counts exp(``sharpness``) times as much."""
    import numpy as np

    highest = rows.max(axis=1, keepdims=True)
    # Where all is -inf nothing is shared out.
    rows -= np.where(np.isfinite(highest), highest, 0)
    rows *= np.float32(sharpness)
    np.exp(rows, out=rows)
    rows /= np.maximum(rows.sum(axis=1, keepdims=True), np.float32(1e-9))


@dataclass(frozen=True)
class WindowShares:
    """Where each window of one text belongs among the sentences of the other, within a range by sentence."""

    totals: NDArray[np.float32]
    """Running totals of the shares, window after window; each begins with 0."""
    places: NDArray[np.int64]
    """Where the totals of each window begin."""
    starts: NDArray[np.int64]
    """First sentence of the other text that is looked at, for each sentence."""
    widths: NDArray[np.int64]
    """How many are, for each sentence."""
    nearest: NDArray[np.float32]
    """Of each sentence: how near its windows are to the nearest of the other text's, on average; nan where
    none is looked at."""

    def between(
        self,
        windows: NDArray[np.int64],
        sentences: NDArray[np.int64],
        first: NDArray[np.int64],
        last: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """Share of each window, of that sentence, that belongs to the other text's first … last - 1."""
        import numpy as np

        origin, width, place = self.starts[sentences], self.widths[sentences], self.places[windows]
        begin = self.totals[place + np.clip(first - origin, 0, width)]
        end = self.totals[place + np.clip(last - origin, 0, width)]
        return np.asarray(end - begin, np.float64)


def window_shares(
    side: SideVectors, other: SideVectors, starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> WindowShares:
    """Spread each window of a sentence softly over the sentences ``starts … stops - 1`` that it is asked of.

    A window is as near to a sentence as to the nearest of its windows, less half of what the window there has
    with this text at large.
    """
    import numpy as np

    widths = np.maximum(stops - starts, 0)
    rooms = np.zeros(len(side.windows), np.int64)
    parts: list[NDArray[np.float32]] = []
    means = np.full(len(side), np.nan, np.float32)
    windows = side.windows, side.first_window
    across = other.windows, other.first_window
    for here, first, rows in _nearest_by_block(windows, across, starts, stops, _WINDOW_TILE):
        rooms[first[0] : first[-1]] = rows.shape[1] + 1
        averages = np.add.reduceat(rows.max(axis=1), first[:-1] - first[0]) / np.diff(first)
        means[here] = np.where(np.isfinite(averages), averages, np.nan)
        _spread(rows, _WINDOW_SHARPNESS)
        totals = np.zeros((len(rows), rows.shape[1] + 1), np.float32)
        np.cumsum(rows, axis=1, out=totals[:, 1:])
        parts.append(totals.reshape(-1))
    return WindowShares(np.concatenate(parts), np.cumsum(rooms) - rooms, starts, widths, means)

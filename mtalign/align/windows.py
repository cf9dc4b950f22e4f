"""Vectors of runs of one to a few sentences, and their similarities inside a band."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtalign.align.kernel import Band
from mtalign.embed.base import AdditiveEmbedder, Embedder, Pieces

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROWS_AT_ONCE = 256
_TILE = 32
_SHARPNESS = 25.0
"""How much likelier a clause belongs to a sentence whose nearest clause is closer by 1 (logarithm)."""


@dataclass(frozen=True)
class SideVectors:
    """What is needed to give the vector of any run of sentences of one text."""

    sums: NDArray[np.float64]
    """Running totals before the head, shape (n + 1, k): row i sums the first i sentences."""
    counts: NDArray[np.float64]
    heads: NDArray[np.float32]
    """What marks the beginning of each sentence, shape (n, k); a run has that of its first."""
    tails: NDArray[np.float32]
    """What marks its end; a run has that of its last."""
    edges: float
    finish: Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]
    dimension: int
    pieces: NDArray[np.float32]
    """Unit vectors of clauses, shape (p, dimension)."""
    piece_counts: NDArray[np.float32]
    first_piece: NDArray[np.int64]
    """Shape (n + 1,): the pieces of sentence i are ``first_piece[i] … first_piece[i + 1] - 1``."""

    def __len__(self) -> int:
        return len(self.counts) - 1

    def runs(self, size: int, start: int, stop: int) -> NDArray[np.float32]:
        """Unit vectors of the runs of ``size`` sentences ending at ``start … stop - 1`` (zero if too short).

        A run that ends at i holds the sentences i - size … i - 1; shape (stop - start, dimension).
        """
        import numpy as np

        ends = np.arange(start, stop)
        return self.spans(np.where(ends >= size, ends - size, ends), ends)

    def spans(self, begins: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.float32]:
        """Unit vectors of the runs ``begins[k] … ends[k] - 1``; an empty run has a zero row."""
        import numpy as np

        some = self.counts[ends] > self.counts[begins]
        counts = np.where(some, self.counts[ends] - self.counts[begins] + self.edges, 0).astype(np.float32)
        sums = (self.sums[ends] - self.sums[begins]).astype(np.float32)
        sums[some] += self.heads[begins[some]] + self.tails[ends[some] - 1]
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
    parts: list[Pieces] = []
    for start in range(0, n, 256):
        batch = texts[start : start + 256]
        parts.append(_encode(batch, embedder))
        if progress is not None:
            progress(len(batch))
    if not parts:
        parts.append(_encode([], embedder))
    sums = np.concatenate([part.sums for part in parts])
    counts = np.concatenate([part.counts for part in parts])
    owners = np.concatenate([part.owners + 256 * number for number, part in enumerate(parts)])
    heads = np.concatenate([part.heads for part in parts])
    tails = np.concatenate([part.tails for part in parts])
    edges = parts[0].edges
    first_piece = np.searchsorted(owners, np.arange(n + 1))
    # Doubles: the difference of two running totals must not lose the sentence between them.
    running = np.concatenate([np.zeros((1, sums.shape[1])), np.cumsum(sums, axis=0, dtype=np.float64)])
    running_count = np.concatenate([[0.0], np.cumsum(counts, dtype=np.float64)])
    some = np.where(counts > 0, counts + np.float32(edges), np.float32(0))
    return SideVectors(
        running[first_piece],
        running_count[first_piece],
        heads,
        tails,
        edges,
        finish,
        embedder.dimension,
        finish(sums + heads[owners] + tails[owners], some),
        counts,
        first_piece,
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


def band_similarities(
    source: SideVectors, target: SideVectors, band: Band, largest: int
) -> NDArray[np.float32]:
    """Cosine of the runs of a source and b target sentences that end at each cell of the band.

    Shape (largest, largest, cells); 0 where a run would begin before its text.
    """
    import numpy as np

    offsets = band.offsets
    out = np.zeros((largest, largest, int(offsets[-1])), np.float32)
    n = len(source)
    for top in range(0, n + 1, _ROWS_AT_ONCE):
        bottom = min(top + _ROWS_AT_ONCE, n + 1)
        left, right = int(band.starts[top]), int(band.stops[bottom - 1])
        source_runs = np.stack([source.runs(size, top, bottom) for size in range(1, largest + 1)])
        target_runs = np.stack([target.runs(size, left, right) for size in range(1, largest + 1)])
        for row in range(top, bottom, _TILE):
            end = min(row + _TILE, bottom)
            first, last = int(band.starts[row]), int(band.stops[end - 1])
            tile = source_runs[:, row - top : end - top].reshape(-1, source.dimension)
            window = target_runs[:, first - left : last - left].reshape(-1, target.dimension)
            products = (tile @ window.T).reshape(largest, end - row, largest, last - first)
            for i in range(row, end):
                start, stop = int(band.starts[i]), int(band.stops[i])
                out[:, :, offsets[i] : offsets[i + 1]] = products[:, i - row, :, start - first : stop - first]
    return out


def mean_similarities(
    side: SideVectors, other: SideVectors, largest: int, samples: int = 256
) -> NDArray[np.float32]:
    """Mean cosine of each run with an even sample of the other text's runs: how much of a hub it is.

    Shape (largest, len(side) + 1): by size, and by where the run ends. (The normalisation of Thompson and
    Koehn 2019.)
    """
    import numpy as np

    m = len(other)
    out = np.zeros((largest, len(side) + 1), np.float32)
    if m == 0 or len(side) == 0:
        return out
    step = max(1, m * largest // samples)
    sampled = []
    for size in range(1, largest + 1):
        runs = other.runs(size, size, m + 1) if size <= m else np.zeros((0, other.dimension), np.float32)
        sampled.append(runs[:: max(1, step)])
    mean = np.concatenate(sampled).mean(axis=0)
    for size in range(1, largest + 1):
        out[size - 1] = side.runs(size, 0, len(side) + 1) @ mean
    return out


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

    n, m = len(source), len(target)
    forth = _assign(source, target, np.maximum(band.starts[1:], 1) - 1, np.maximum(band.stops[1:], 1) - 1)
    columns = np.arange(1, m + 1)
    # Both borders of a band ascend, so a column's rows are one range too.
    tops = np.maximum(np.searchsorted(band.stops, columns, "right"), 1) - 1
    bottoms = np.maximum(np.searchsorted(band.starts, columns, "right"), 1) - 1
    back = _assign(target, source, tops, bottoms)
    offsets = band.offsets
    first = np.zeros(int(offsets[-1]), np.float32)
    second = np.zeros(int(offsets[-1]), np.float32)
    for i in range(1, n + 1):
        first[offsets[i + 1] - len(forth[i - 1]) : offsets[i + 1]] = forth[i - 1]
    for j in range(1, m + 1):
        top = int(tops[j - 1]) + 1
        rows = np.arange(top, top + len(back[j - 1]))
        second[offsets[rows] + j - band.starts[rows]] = back[j - 1]
    return first, second


def _assign(
    side: SideVectors, other: SideVectors, starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> list[NDArray[np.float32]]:
    """For each sentence its shares among the other text's sentences ``starts … stops - 1``."""
    import numpy as np

    hubs = 0.5 * (other.pieces @ side.pieces.mean(axis=0)) if len(side.pieces) else np.zeros(0, np.float32)
    out: list[NDArray[np.float32]] = []
    for top in range(0, len(side), _TILE):
        bottom = min(top + _TILE, len(side))
        left, right = int(starts[top:bottom].min()), int(stops[top:bottom].max())
        if left >= right:
            out += [np.zeros(0, np.float32)] * (bottom - top)
            continue
        here = slice(int(side.first_piece[top]), int(side.first_piece[bottom]))
        there = slice(int(other.first_piece[left]), int(other.first_piece[right]))
        products = side.pieces[here] @ other.pieces[there].T - hubs[there]
        nearest = np.maximum.reduceat(products, other.first_piece[left:right] - there.start, axis=1)
        for row in range(top, bottom):
            pieces = slice(
                int(side.first_piece[row]) - here.start, int(side.first_piece[row + 1]) - here.start
            )
            columns = nearest[pieces, int(starts[row]) - left : max(int(stops[row]), int(starts[row])) - left]
            if not columns.size:
                out.append(np.zeros(columns.shape[1], np.float32))
                continue
            chances = np.exp(_SHARPNESS * (columns - columns.max(axis=1, keepdims=True)))
            chances /= chances.sum(axis=1, keepdims=True)
            weights = side.piece_counts[here][pieces]
            out.append(weights @ chances / max(float(weights.sum()), 1.0))
    return out

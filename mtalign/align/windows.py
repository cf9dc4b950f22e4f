"""Vectors of runs of one to a few sentences, and their similarities inside a band."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtalign.align.kernel import Band
from mtalign.embed.base import AdditiveEmbedder, Embedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROWS_AT_ONCE = 256
_TILE = 32


@dataclass(frozen=True)
class SideVectors:
    """What is needed to give the vector of any run of sentences of one text."""

    sums: NDArray[np.float64]
    """Running totals before the head, shape (n + 1, k): row i sums the first i sentences."""
    counts: NDArray[np.float64]
    finish: Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]
    dimension: int

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

        sums = (self.sums[ends] - self.sums[begins]).astype(np.float32)
        counts = (self.counts[ends] - self.counts[begins]).astype(np.float32)
        out = self.finish(sums, counts)
        out[begins == ends] = np.float32(0)
        return out


def encode_side(
    texts: Sequence[str], embedder: Embedder, progress: Callable[[int], None] | None = None
) -> SideVectors:
    """Encode each sentence once; where the embedder is not additive, a run is the mean of its vectors.

    ``progress`` is called with the number of sentences encoded since its last call.
    """
    import numpy as np

    sums, counts = [], []
    for start in range(0, len(texts), 256):
        part = texts[start : start + 256]
        if isinstance(embedder, AdditiveEmbedder):
            part_sums, part_counts = embedder.encode_sums(part)
        else:
            part_counts = np.fromiter((len(text) for text in part), np.float32, len(part))
            part_sums = embedder.encode(part) * part_counts[:, None]
        sums.append(part_sums)
        counts.append(part_counts)
        if progress is not None:
            progress(len(part))
    # Doubles: the difference of two running totals must not lose the sentence between them.
    width = sums[0].shape[1] if sums else 1
    total = np.zeros((len(texts) + 1, width))
    total_count = np.zeros(len(texts) + 1)
    if sums:
        np.cumsum(np.concatenate(sums), axis=0, dtype=np.float64, out=total[1:])
        np.cumsum(np.concatenate(counts), dtype=np.float64, out=total_count[1:])
    finish = embedder.finish if isinstance(embedder, AdditiveEmbedder) else _unit_rows
    return SideVectors(total, total_count, finish, embedder.dimension)


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

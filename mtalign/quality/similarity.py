"""Similarity of sources and translations, whole and clause by clause, in one pass through the encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mtalign.checks.coverage import CLAUSE_WEIGHT, Similarity
from mtalign.embed import AdditiveEmbedder, Embedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LOWEST_GAIN = -0.2
"""Of a text of one clause, which cannot do without it."""


def measure(sources: Sequence[str], translations: Sequence[str], embedder: Embedder) -> list[Similarity]:
    """The similarity of each source to its translation.

    With an :class:`AdditiveEmbedder` a clause is left out by a subtraction, so that this costs little more
    than encoding the texts; another embedder gives the cosine only, and no clause is found missing.
    """
    import numpy as np

    if not sources:
        return []
    n = len(sources)
    if not isinstance(embedder, AdditiveEmbedder):
        vectors = embedder.encode([*sources, *translations])
        cosines = np.einsum("ij,ij->i", vectors[:n], vectors[n:])
        return [Similarity(float(cosine), _LOWEST_GAIN, _LOWEST_GAIN, by_clause=False) for cosine in cosines]
    pieces = embedder.encode_pieces([*sources, *translations]).clauses()
    owners = pieces.owners
    sums = pieces.heads + pieces.tails
    counts = np.full(2 * n, pieces.edges, np.float32)
    edges = sums[owners]
    np.add.at(sums, owners, pieces.sums)
    np.add.at(counts, owners, pieces.counts)
    whole = embedder.finish(sums, counts)
    cosines = np.einsum("ij,ij->i", whole[:n], whole[n:])
    alone = embedder.finish(pieces.sums + edges, pieces.counts + np.float32(pieces.edges))
    without = embedder.finish(sums[owners] - pieces.sums, counts[owners] - pieces.counts)
    other = np.where(owners < n, owners + n, owners - n)
    gains = np.einsum("ij,ij->i", without, whole[other]) - cosines[owners % n]
    gains[np.bincount(owners, minlength=2 * n)[owners] < 2] = _LOWEST_GAIN
    largest = np.full(2 * n, _LOWEST_GAIN)
    np.maximum.at(largest, owners, gains)
    starts = np.searchsorted(owners, np.arange(2 * n + 1))
    result = []
    for row in range(n):
        table = alone[starts[row] : starts[row + 1]] @ alone[starts[row + n] : starts[row + n + 1]].T
        result.append(
            Similarity(
                float(cosines[row]),
                float(largest[row] - CLAUSE_WEIGHT * _worst(table, 1)),
                float(largest[row + n] - CLAUSE_WEIGHT * _worst(table, 0)),
            )
        )
    return result


def _worst(table: NDArray[np.float32], axis: int) -> float:
    """The clause whose best counterpart is least like it: that cosine."""
    return float(table.max(axis=axis).min())

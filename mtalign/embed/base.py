"""The protocol of sentence encoders: a few attributes and one method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Embedder(Protocol):
    """Turns texts into vectors whose dot product is their similarity."""

    name: str
    """How the embedder is asked for, and what a cache keys its vectors by."""
    dimension: int

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of ``texts``, float32, shape ``(len(texts), dimension)``.

        A text without any feature (an empty string) gets a zero row, never a made-up vector.
        """
        ...


@runtime_checkable
class AdditiveEmbedder(Protocol):
    """An embedder that sums over a text's parts before its head.

    The vector of several sentences in a row then costs an addition and one pass through the head instead
    of a pass through the whole encoder.
    """

    name: str
    dimension: int

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As in :class:`Embedder`."""
        ...

    def encode_pieces(
        self, texts: Sequence[str]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
        """Clauses of the texts: sums before the head, what each was summed over, and whose they are.

        Shapes (p, k), (p,), (p,); the last ascends. A text's own sum is that of its pieces; a text without
        any feature has one piece with the count 0.
        """
        ...

    def finish(self, sums: NDArray[np.float32], counts: NDArray[np.float32]) -> NDArray[np.float32]:
        """Unit vectors, shape ``(n, dimension)``, of sums and counts, each possibly added up over texts."""
        ...

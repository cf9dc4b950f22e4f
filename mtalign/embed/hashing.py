"""A deterministic embedder of hashed character n-grams: for tests, and for two texts in one language.

It knows no translation: vectors of two languages are alike only in what they spell alike.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mtalign.embed.base import Pieces

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ORDERS = (2, 3, 4)
_CLAUSE_END = re.compile(r"(?<=[,;:.!?。、…])(?=\S*\s)")


class HashEmbedder:
    """Signed feature hashing (Weinberger et al. 2009) of character 2- to 4-grams, case folded, NFKC."""

    def __init__(self, dimension: int = 256) -> None:
        self.name = "hash"
        self.fingerprint = f"hash {dimension}"
        self.dimension = dimension

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of ``texts``; see :class:`mtalign.embed.Embedder`."""
        import numpy as np

        pieces = self.encode_pieces(texts)
        sums = np.zeros((len(texts), self.dimension), np.float32)
        np.add.at(sums, pieces.owners, pieces.sums)
        return self.finish(sums, np.ones(len(texts), np.float32))

    def encode_pieces(self, texts: Sequence[str]) -> Pieces:
        """Signed n-gram counts of each clause by bucket; there are no heads and tails."""
        import numpy as np

        clauses = [_CLAUSE_END.split(unicodedata.normalize("NFKC", text)) for text in texts]
        owners = np.repeat(np.arange(len(texts)), [len(parts) for parts in clauses])
        flat = [clause for parts in clauses for clause in parts]
        sums = np.zeros((len(flat), self.dimension), dtype=np.float32)
        counts = np.zeros(len(flat), dtype=np.float32)
        for row, clause in enumerate(flat):
            words = clause.casefold().split()
            padded = f" {' '.join(words)} "
            grams = [padded[i : i + n] for n in _ORDERS for i in range(len(padded) - n + 1)] if words else []
            hashes = np.fromiter(
                (zlib.crc32(gram.encode("utf-8", "replace")) for gram in grams), np.int64, len(grams)
            )
            signs = np.where(hashes & (1 << 31), np.float32(1), np.float32(-1))
            np.add.at(sums[row], hashes % self.dimension, signs)
            counts[row] = len(grams)
        none = np.zeros((len(texts), self.dimension), np.float32)
        return Pieces(sums, counts, owners, none, none, 0.0)

    @staticmethod
    def finish(sums: NDArray[np.float32], counts: NDArray[np.float32]) -> NDArray[np.float32]:
        """Unit vectors of the counts; ``counts`` plays no part, for a direction has no length."""
        import numpy as np

        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        return np.asarray(np.divide(sums, norms, out=np.zeros_like(sums), where=norms > 0))

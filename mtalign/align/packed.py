"""Rows of a matrix in a byte a number: half the room of half floats, and quicker to read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROWS_AT_ONCE = 2048


@dataclass(frozen=True)
class PackedRows:
    """Rows rounded to 255 steps of their own largest number; unit vectors lose about 0.001 of a product."""

    steps: NDArray[np.int8]
    """Shape (r, k)."""
    sizes: NDArray[np.float32]
    """What a step of each row is worth, shape (r, 1)."""

    @classmethod
    def pack(cls, rows: NDArray[np.float32]) -> PackedRows:
        """The rows of a matrix of shape (r, k)."""
        import numpy as np

        largest = np.abs(rows).max(axis=1, keepdims=True, initial=0.0)
        sizes = np.maximum(largest, 1e-9).astype(np.float32) / np.float32(127)
        return cls(np.rint(rows / sizes).astype(np.int8), sizes)

    @classmethod
    def joined(cls, parts: list[PackedRows]) -> PackedRows:
        """All rows of several."""
        import numpy as np

        return cls(np.concatenate([part.steps for part in parts]), np.concatenate([p.sizes for p in parts]))

    def __len__(self) -> int:
        return len(self.sizes)

    def rows(self, which: Any = slice(None)) -> NDArray[np.float32]:
        """Some rows, by slice or index, as floats."""
        import numpy as np

        found = self.steps[which].astype(np.float32)
        found *= self.sizes[which]
        return np.asarray(found)

    def picked(self, which: NDArray[np.int64]) -> PackedRows:
        """Some rows, still packed."""
        return PackedRows(self.steps[which], self.sizes[which])

    def mean(self) -> NDArray[np.float32]:
        """The mean row, shape (k,); of no rows it is zero."""
        import numpy as np

        total = np.zeros(self.steps.shape[1], np.float32)
        for start in range(0, len(self), _ROWS_AT_ONCE):
            total += self.rows(slice(start, start + _ROWS_AT_ONCE)).sum(axis=0)
        total /= max(len(self), 1)
        return total

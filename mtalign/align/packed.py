"""Rows of a matrix in a byte a number: half the room of half floats, and quicker to read back."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Part = tuple["NDArray[np.int8]", "NDArray[np.float32]"]
"""Some rows in steps, shape (r, k), and what a step of each row is worth, shape (r, 1)."""


def pack(rows: NDArray[np.float32]) -> Part:
    """Round rows to 255 steps of their own largest number; unit vectors lose about 0.001 of a product."""
    import numpy as np

    largest = np.abs(rows).max(axis=1, keepdims=True, initial=0.0)
    sizes = np.maximum(largest, 1e-9).astype(np.float32) / np.float32(127)
    return np.rint(rows / sizes).astype(np.int8), sizes


@dataclass(frozen=True)
class PackedRows:
    """Rows in parts, as they came: to join them would take the room of all of them once more."""

    parts: list[Part]
    first: list[int]
    """The number of each part's first row, and at the end that of all rows."""

    @classmethod
    def of(cls, parts: Iterable[Part]) -> PackedRows:
        """The rows of at least one part."""
        kept = list(parts)
        return cls(kept, [0, *accumulate(len(steps) for steps, _ in kept)])

    def __len__(self) -> int:
        return self.first[-1]

    def rows(self, start: int, stop: int) -> NDArray[np.float32]:
        """The rows ``start … stop - 1`` as floats."""
        import numpy as np

        found = np.empty((stop - start, self.parts[0][0].shape[1]), np.float32)
        number = bisect_right(self.first, start) - 1
        while start < stop:
            begin, end = self.first[number : number + 2]
            steps, sizes = (each[start - begin : stop - begin] for each in self.parts[number])
            here = found[len(found) - (stop - start) :][: len(steps)]
            here[:] = steps
            here *= sizes
            start, number = end, number + 1
        return found

    def picked(self, which: NDArray[np.int64]) -> PackedRows:
        """Some rows, still packed."""
        import numpy as np

        steps = np.empty((len(which), self.parts[0][0].shape[1]), np.int8)
        sizes = np.empty((len(which), 1), np.float32)
        numbers = np.searchsorted(self.first, which, "right") - 1
        for number in np.unique(numbers).tolist():
            here = np.flatnonzero(numbers == number)
            rows = which[here] - self.first[number]
            steps[here], sizes[here] = (each[rows] for each in self.parts[number])
        return PackedRows.of([(steps, sizes)])

    def mean(self) -> NDArray[np.float32]:
        """The mean row, shape (k,); of no rows it is zero."""
        import numpy as np

        total = np.zeros(self.parts[0][0].shape[1], np.float32)
        for steps, sizes in self.parts:
            total += sizes[:, 0] @ steps.astype(np.float32)
        total /= max(len(self), 1)
        return total

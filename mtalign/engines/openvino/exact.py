"""The weight matrices of a GGUF file, to the exactness of the file.

OpenVINO's reader takes the zero point of each group of 4-bit weights for a whole number, where the file has
an offset of its own (Q4_K, Q4_1). Of Qwen2.5 1.5B in Q4_K_M that moves the weights by 8 to 9 % of their root
mean square, about as much as the quantization to 4 bits itself. So the matrices are read from the file once
more, and each of OpenVINO's is known again by its numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtalign.engines.instruct.gguf import read_gguf

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = Callable[[NDArray[np.int64]], NDArray[np.float32]]
    """Gives the rows of a matrix that are asked for by number, shape (rows, columns)."""

_LOOKED_AT = 16
"""Rows by which a matrix is known again."""
_NEAR = 0.3
"""Root mean square of the difference, over that of the weights, below which two matrices are the same one: a
whole zero point makes 0.1, other weights 1 and more."""


class ExactWeights:
    """The matrices of the GGUF file at ``path``.

    Raises:
        ModelError: the file is missing, or no GGUF file.
    """

    def __init__(self, path: Path) -> None:
        from gguf import GGUFReader, dequantize

        head = read_gguf(path)
        name = head.text("general.architecture")
        heads = [head.integer(f"{name}.attention.{key}") for key in ("head_count", "head_count_kv")]
        self._heads = [number for number in heads if number]
        self._dequantize = dequantize
        self._matrices = [tensor for tensor in GGUFReader(str(path)).tensors if len(tensor.shape) == 2]

    def find(self, rows: Rows, height: int, width: int) -> Rows | None:
        """The matrix of the file that is nearest to the one with these rows; None where none is near."""
        import numpy as np

        looked_at = np.unique(np.linspace(0, height - 1, _LOOKED_AT).astype(np.int64))
        wanted = rows(looked_at)
        distances = {
            exact: float(np.square(exact(looked_at) - wanted).mean())
            for tensor in self._matrices
            if tensor.shape.tolist() == [width, height]
            for exact in (self._reader(tensor, order) for order in self._orders(height))
        }
        nearest = min(distances, key=distances.__getitem__, default=None)
        near = _NEAR**2 * float(np.square(wanted).mean())
        return nearest if nearest and distances[nearest] <= near else None

    def _reader(self, tensor: Any, order: NDArray[np.int64]) -> Rows:
        def read(rows: NDArray[np.int64]) -> NDArray[np.float32]:
            return self._dequantize(tensor.data[order[rows]], tensor.tensor_type)

        return read

    def _orders(self, height: int) -> list[NDArray[np.int64]]:
        """Orders in which OpenVINO may have the rows: as in the file, or each head's halves one by one.

        Llama's files have the two halves of a head's rotations interleaved.
        """
        import numpy as np

        numbers = np.arange(height)
        orders = [numbers]
        for heads in self._heads:
            if height % (2 * heads) == 0:
                orders.append(numbers.reshape(heads, -1, 2).swapaxes(1, 2).reshape(-1))
        return orders

"""Rewrites the weights of a converted model for the integer instructions of CPUs.

A GGUF model keeps most of its weights in 4 bits and some in 6, with a scale for every 32 or every 16 of them.
OpenVINO multiplies integers where the groups of 32 allow it, scales each group's sum, and goes back to single
precision where groups are smaller. In 8 bits with a scale for every 128, all of it runs in integers: Qwen2.5
with 1.5 billion weights (Q4_K_M) evaluates half as many tokens again in the same time, for more memory (1.8
to 1.3 GB). The numbers are the file's own (:mod:`mtalign.engines.openvino.exact`). Entropy of reference
translations, 30 sentences each from Korean, Japanese, German and Chinese: 1.560 nats a token as OpenVINO
reads the file, 1.532 as rewritten here, 1.530 if activations are not rounded either.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mtalign.engines.openvino.exact import ExactWeights, Rows

GROUP = 128
"""Weights with a scale of their own; activations are rounded in groups of the same size."""
_SMALLEST_GROUP = 32
_LEVELS = 255
_ROWS = 4096
"""Rows of a matrix that are worked on at once, for the sake of memory."""


def regroup(model: Any, exact: ExactWeights) -> tuple[int, int]:
    """Rewrite the quantized weights of an ``openvino.Model`` in place.

    Those of matrix products and of the embeddings. Where ``exact`` has a matrix, its numbers are taken. Rows
    whose length no group of 32 or more divides are left as they are.

    Returns:
        How many matrices were rewritten, and how many of them with the numbers of ``exact``.
    """
    from openvino import opset13 as operations

    rewritten = known = 0
    for user in model.get_ordered_ops():
        found = _quantized(user)
        if found is None:
            continue
        shaped, *parts = found
        height, width = parts[0].get_output_shape(0)[0], _row_length(parts[0])
        group = gcd(width, GROUP)
        if group < _SMALLEST_GROUP:
            continue
        read = _reader(*parts)
        in_file = exact.find(read, height, width)
        levels, new_zeros, new_scales = _rounded(in_file or read, height, width, group)
        dense = operations.subtract(
            operations.convert(operations.constant(levels), "f16"),
            operations.convert(operations.constant(new_zeros), "f16"),
        )
        dense = operations.multiply(dense, operations.constant(new_scales))
        shaped.input(0).replace_source_output(dense.output(0))
        rewritten += 1
        known += in_file is not None
    return rewritten, known


def _quantized(user: Any) -> tuple[Any, Any, Any, Any] | None:
    """The reshaping node of a matrix, and the constants before it: weights, zero points, scales.

    None where ``user`` neither multiplies by a matrix nor looks up its rows, or the matrix is not
    ``convert(reshape((weights - zeros) * scales))``, as which OpenVINO reads GGUF files.
    """
    operand = {"MatMul": 1, "Gather": 0}.get(user.get_type_name())
    if operand is None:
        return None
    node = user.input_value(operand).get_node()
    path = []
    for kind in ("Convert", "Reshape", "Multiply", "Subtract"):
        if node.get_type_name() != kind:
            return None
        path.append(node)
        node = node.input_value(0).get_node()
    scales = path[2].input_value(1).get_node()
    weights, zeros = (path[3].input_value(side).get_node().input_value(0).get_node() for side in (0, 1))
    if any(one.get_type_name() != "Constant" for one in (weights, zeros, scales)):
        return None
    return (path[1], weights, zeros, scales) if len(weights.get_output_shape(0)) == 3 else None


def _reader(weights: Any, zeros: Any, scales: Any) -> Rows:
    """Gives rows of the matrix as OpenVINO has it."""
    import numpy as np

    parts = [_numbers(one) for one in (weights, zeros, scales)]

    def read(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        level, zero, scale = (part[rows].astype(np.float32) for part in parts)
        dense: NDArray[np.float32] = ((level - zero) * scale).reshape(len(rows), -1)
        return dense

    return read


def _rounded(read: Rows, height: int, width: int, group: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Levels (rows, groups, ``group``), zero points and scales (rows, groups, 1) in 8, 8 and 16 bits."""
    import numpy as np

    groups = width // group
    levels = np.empty((height, groups, group), np.uint8)
    new_zeros = np.empty((height, groups, 1), np.uint8)
    new_scales = np.empty((height, groups, 1), np.float16)
    for start in range(0, height, _ROWS):
        part = np.arange(start, min(start + _ROWS, height))
        dense = read(part).reshape(-1, groups, group)
        # Zero stays zero exactly, so it has to lie in the range.
        low = np.minimum(dense.min(axis=-1, keepdims=True), 0)
        high = np.maximum(dense.max(axis=-1, keepdims=True), 0)
        step = ((high - low) / _LEVELS).astype(np.float16)
        step[step == 0] = 1
        exact = step.astype(np.float32)
        origin = np.clip(np.round(-low / exact), 0, _LEVELS)
        levels[part] = np.clip(np.round(dense / exact) + origin, 0, _LEVELS)
        new_zeros[part], new_scales[part] = origin, step
    return levels, new_zeros, new_scales


def _row_length(weights: Any) -> int:
    _, groups, size = weights.get_output_shape(0)
    return int(groups * size)


def _numbers(constant: Any) -> np.ndarray:
    """A constant's numbers in its shape, those of 4 bits unpacked (the low half of a byte first)."""
    import numpy as np

    if constant.get_element_type().get_type_name() != "u4":
        return np.array(constant.data)
    packed = np.frombuffer(constant.data.tobytes(), np.uint8)
    unpacked = np.stack([packed & 15, packed >> 4], axis=-1)
    return unpacked.reshape(tuple(constant.get_output_shape(0)))

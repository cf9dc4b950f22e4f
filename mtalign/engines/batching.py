"""How the seq2seq engines batch requests: by equal length, so that a batch never changes an output.

In a batch of unequal lengths the shorter sources are padded. The padding is masked, but it changes the order
of floating-point sums, and 8-bit activations turn a last-bit difference into another token. Sources of equal
length need no padding and share one output limit.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

from mtalign.engines.base import Decoding


def equal_shape_batches(shapes: Sequence[Hashable], size: int) -> list[list[int]]:
    """Indices of ``shapes`` in batches of at most ``size``, each of one shape, in order of first appearance.

    A shape is whatever the requests of a batch must share: the source length, and with it the output limit.
    """
    groups: dict[Hashable, list[int]] = {}
    for index, shape in enumerate(shapes):
        groups.setdefault(shape, []).append(index)
    return [
        indices[start : start + size] for indices in groups.values() for start in range(0, len(indices), size)
    ]


def output_limit(source_tokens: int, decoding: Decoding, ceiling: int) -> int:
    """Longest output in target tokens, end of sentence included; never above the model's ``ceiling``."""
    return min(max(math.ceil(decoding.max_ratio * source_tokens), decoding.min_length, 1), ceiling)

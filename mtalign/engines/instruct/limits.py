"""How long a source and an output may be, for an instruction model."""

from __future__ import annotations

from mtalign.engines.base import Decoding

_PROMPT_TOKENS = 512
"""Room kept for the system message and the examples."""


def longest_source(context: int) -> int:
    """Longest source in tokens: it leaves room for the prompt and an output three times as long."""
    return max(1, (context - _PROMPT_TOKENS) // 4)


def longest_output(source_tokens: int, decoding: Decoding) -> int:
    """Tokens that an output may have, of a source of so many."""
    return max(decoding.min_length, int(decoding.max_ratio * source_tokens))

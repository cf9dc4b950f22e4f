"""The llamacpp engine: any GGUF instruction model as a translator.

Determinism: llama.cpp's outputs change with the number of tokens evaluated at once (batch, cached prefix).
They stop changing, bit for bit in log-probabilities, with un-repacked K-quants, at most 7 tokens at a time,
flash attention and a bfloat16 cache; weights of other types are evaluated one token at a time.
"""

from __future__ import annotations

from mtalign.engines.llamacpp.engine import LlamaCppEngine, load

__all__ = ["LlamaCppEngine", "load"]

"""The llamacpp engine: any GGUF instruction model as a translator."""

from __future__ import annotations

from mtalign.engines.llamacpp.engine import LlamaCppEngine, load

__all__ = ["LlamaCppEngine", "load"]

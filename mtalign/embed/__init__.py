"""Sentence vectors: one small protocol, one file an encoder."""

from __future__ import annotations

from mtalign.embed.base import AdditiveEmbedder, Embedder, Pieces
from mtalign.errors import UsageError

ENCODER_LANGUAGES = frozenset("ar de en es fr it ja ko nl pl pt ru th tr zh".split())
"""Languages that ``use`` was trained on: of others its vectors say nothing."""

EMBEDDERS = ("use", "hash")
"""Names that :func:`load_embedder` knows."""

__all__ = ["EMBEDDERS", "ENCODER_LANGUAGES", "AdditiveEmbedder", "Embedder", "Pieces", "load_embedder"]


def load_embedder(name: str = "use") -> Embedder:
    """The embedder of that name, ready to encode.

    ``use`` is the multilingual encoder inside the installation; ``hash`` compares spelling only and is
    used when it is asked for by name, never in place of another.

    Raises:
        UsageError: there is no embedder of that name.
        MissingPackageError: its package is not installed.
        ModelError: its weights cannot be used.
    """
    if name == "use":
        from mtalign.embed.use import UseEmbedder

        return UseEmbedder()
    if name == "hash":
        from mtalign.embed.hashing import HashEmbedder

        return HashEmbedder()
    raise UsageError(f"unknown embedder {name!r}", hint=f"choose one of: {', '.join(EMBEDDERS)}")

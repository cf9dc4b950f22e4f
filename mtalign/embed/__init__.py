"""Sentence vectors: one small protocol, one file an encoder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mtalign.embed.base import (
    AdditiveEmbedder,
    Embedder,
    Pieces,
    TokenEmbedder,
    TokenSummer,
    TokenSums,
    TokenVectors,
)
from mtalign.errors import ModelError, UsageError

if TYPE_CHECKING:
    from mtalign.embed.cache import VectorCache
    from mtalign.models.store import ModelStore

ENCODER_LANGUAGES = frozenset("ar de en es fr it ja ko nl pl pt ru th tr zh".split())
"""Languages that ``use`` was trained on: of others its vectors say nothing."""

EMBEDDERS = ("use", "e5", "labse", "hash")
"""Names that :func:`load_embedder` knows; it takes a folder as well."""

__all__ = [
    "EMBEDDERS",
    "ENCODER_LANGUAGES",
    "AdditiveEmbedder",
    "Embedder",
    "Pieces",
    "TokenEmbedder",
    "TokenSummer",
    "TokenSums",
    "TokenVectors",
    "load_embedder",
]


def load_embedder(name: str = "use", *, cache: VectorCache | None = None) -> Embedder:
    """The embedder of that name, ready to encode; with ``cache``, what is known there is not encoded again.

    ``use`` is the multilingual encoder inside the installation, ``e5`` multilingual-e5-small where its
    package is installed, ``labse`` (or any model of the catalogue of that kind) comes from the model store,
    a path is a folder with a sentence-transformers model. ``hash`` compares spelling only and is used when
    it is asked for by name. None is ever taken in place of another, and nothing is downloaded.

    Raises:
        UsageError: there is no embedder of that name and no such folder.
        MissingPackageError: its package is not installed.
        ModelError: its weights cannot be used, or are not in the store.
    """
    embedder = _load(name)
    # To count letters is quicker than to look up what was counted.
    if cache is None or name == "hash":
        return embedder
    from mtalign.embed.cache import cached

    return cached(embedder, cache)


def _load(name: str) -> Embedder:
    if name == "use":
        from mtalign.embed.use import UseEmbedder

        return UseEmbedder()
    if name == "e5":
        from mtalign.embed.e5 import E5Embedder

        return E5Embedder()
    if name == "hash":
        from mtalign.embed.hashing import HashEmbedder

        return HashEmbedder()
    from mtalign.models.layout import SENTENCE_FAMILY
    from mtalign.models.store import ModelStore

    store = ModelStore()
    for entry in store.catalogue:
        if entry.name == name and entry.family == SENTENCE_FAMILY:
            from mtalign.embed.sentence_transformers import SentenceTransformerEmbedder

            record = store.record(entry)
            return SentenceTransformerEmbedder(
                store.model_path(record), name=name, fingerprint=record.fingerprint
            )
    if os.sep in name or "/" in name or Path(name).exists():
        return _load_folder(name, store)
    raise UsageError(
        f"unknown embedder {name!r}",
        hint=f"choose one of: {', '.join(EMBEDDERS)}, or the folder of a sentence-transformers model",
    )


def _load_folder(name: str, store: ModelStore) -> Embedder:
    from mtalign.embed.sentence_transformers import SentenceTransformerEmbedder
    from mtalign.models.hashing import fingerprint
    from mtalign.models.layout import SENTENCE_FAMILY, check_whole, model_files, read_family, relative_name

    path = Path(name).expanduser()
    if not path.exists():
        raise UsageError(f"embedder {path}: no such folder", hint=f"or choose one of: {', '.join(EMBEDDERS)}")
    if path.is_file() or read_family(path) != SENTENCE_FAMILY:
        raise ModelError(
            f"{path} is not a sentence-transformers model", hint="give the folder that holds its modules.json"
        )
    check_whole(path)
    hashes = {relative_name(file, path): store.sha256(file) for file in model_files(path)}
    return SentenceTransformerEmbedder(path, name=name, fingerprint=fingerprint(hashes))

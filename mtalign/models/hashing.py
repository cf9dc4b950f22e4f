"""Hashes of files, and the fingerprint of a model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

CHUNK = 1 << 20


def sha256_file(path: Path, on_bytes: Callable[[int], None] | None = None) -> str:
    """SHA-256 of a file, hex; ``on_bytes`` is told how many bytes each chunk had."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            if on_bytes is not None:
                on_bytes(len(chunk))
    return digest.hexdigest()


def git_blob_sha1(path: Path) -> str:
    """Git's id of a file's content, hex: SHA-1 over ``blob <size>\\0`` and the bytes."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def fingerprint(files: Mapping[str, str]) -> str:
    """A model's fingerprint from its files' sha-256 by name.

    A single file's fingerprint is its own sha-256; that of several is the SHA-256 over ``name NUL sha256
    LF`` in the order of the names. Two models with the same fingerprint have the same files.
    """
    if len(files) == 1:
        return next(iter(files.values()))
    lines = "".join(f"{name}\0{files[name]}\n" for name in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()

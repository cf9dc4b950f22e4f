"""Outputs that a reader sees as the old file or the new one, never a part; data that comes with a package."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path
from typing import Any, BinaryIO

from mtalign.errors import DocumentError


def write_atomically(path: Path, content: bytes) -> Path:
    """Write ``content`` beside ``path``, then move it into place.

    Raises:
        DocumentError: the folder cannot be written, or the disk is full; what stood there is untouched.
    """
    with open_atomically(path) as file:
        file.write(content)
    return path


@contextmanager
def open_atomically(path: Path) -> Iterator[BinaryIO]:
    """A file to write to beside ``path``, which is moved into place when the block ends without an error.

    Raises:
        DocumentError: the folder cannot be written, or the disk is full; what stood there is untouched.
    """
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        # Not tempfile: its files are readable by their owner alone, whatever the umask says.
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with os.fdopen(handle, "wb") as file:
            yield file
        temporary.replace(path)
    except OSError as error:
        raise DocumentError(
            f"cannot write {path}: {error.strerror}", hint="make room or choose another folder"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def packaged_json(package: str, name: str) -> dict[str, Any]:
    """The JSON object in the file ``name`` that stands beside the modules of ``package``."""
    data: dict[str, Any] = json.loads(resources.files(package).joinpath(name).read_text(encoding="utf-8"))
    return data

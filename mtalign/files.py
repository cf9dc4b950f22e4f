"""Write an output so that a reader sees the old file or the new one, never a part."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

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

"""Reads the metadata of a GGUF file (format versions 2 and 3) without touching its tensors.

The ``gguf`` package does this too, but takes seconds for a vocabulary of 150,000 tokens; this takes
a tenth of one. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mtalign.errors import ModelError

MAGIC = b"GGUF"
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING = 8
_ARRAY = 9
_MOST_ENTRIES = 1 << 26
"""No count in a sound header is larger; a larger one means that the file is damaged."""


@dataclass(frozen=True)
class GgufFile:
    """What the head of a GGUF file says."""

    path: Path
    metadata: dict[str, object]
    """Key to value; a string is ``bytes`` (a token need not be valid UTF-8), an array is a list."""
    tensor_types: frozenset[int]
    """GGML types of the tensors with two dimensions or more: the weight matrices."""

    def text(self, key: str) -> str:
        """Value of ``key`` as text; ``""`` where it is missing."""
        value = self.metadata.get(key, b"")
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""

    def integer(self, key: str) -> int | None:
        """Value of ``key`` as an integer; ``None`` where it is missing or no integer."""
        value = self.metadata.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def array(self, key: str) -> list[object]:
        """Value of ``key`` as a list; empty where it is missing."""
        value = self.metadata.get(key)
        return value if isinstance(value, list) else []


def read_gguf(path: Path) -> GgufFile:
    """Read the metadata of ``path``.

    Raises:
        ModelError: the file is missing, is no GGUF file, or ends before its last tensor begins.
    """
    with _opened(path) as reader:
        return reader.read()


def read_architecture(path: Path) -> str:
    """``general.architecture`` of ``path``, which stands first in its header as a rule; empty if missing.

    Raises:
        ModelError: the file is missing, is no GGUF file, or ends before.
    """
    with _opened(path) as reader:
        return reader.read_architecture()


@contextmanager
def _opened(path: Path) -> Iterator[_Reader]:
    try:
        with path.open("rb") as file:
            yield _Reader(file, path, path.stat().st_size)
    except OSError as error:
        raise ModelError(f"cannot read the model {path}: {error.strerror}", hint="check the path") from error


class _Reader:
    def __init__(self, file: BinaryIO, path: Path, size: int) -> None:
        self._file = file
        self._path = path
        self._size = size

    def read_architecture(self) -> str:
        self._start()
        for key, value in self._entries():
            if key == "general.architecture":
                return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""
        return ""

    def read(self) -> GgufFile:
        tensor_count = self._start()
        metadata = dict(self._entries())
        last_offset = -1
        types: set[int] = set()
        for _ in range(tensor_count):
            self._string()
            dimensions = int(self._scalar("I"))
            self._bytes(8 * min(dimensions, _MOST_ENTRIES))
            kind = int(self._scalar("I"))
            if dimensions > 1:
                types.add(kind)
            last_offset = max(last_offset, int(self._scalar("Q")))
        if self._file.tell() + last_offset >= self._size:
            raise self._damaged(f"{self._size} bytes, the last tensor begins after that")
        return GgufFile(self._path, metadata, frozenset(types))

    def _start(self) -> int:
        """Read up to the metadata: how many tensors there are."""
        if self._file.read(4) != MAGIC:
            raise ModelError(f"{self._path} is not a GGUF file", hint="give a .gguf model file")
        version = self._scalar("I")
        if version not in (2, 3):
            raise self._damaged(f"GGUF version {version}")
        return self._count()

    def _entries(self) -> Iterator[tuple[str, object]]:
        for _ in range(self._count()):
            key = self._string().decode("utf-8", "replace")
            yield key, self._value(int(self._scalar("I")))

    def _damaged(self, detail: str) -> ModelError:
        return ModelError(
            f"the model {self._path} is cut off or damaged ({detail})",
            hint="fetch it again: mtalign models verify, then mtalign models pull",
        )

    def _bytes(self, count: int) -> bytes:
        if count > self._size:
            raise self._damaged("a length in its header is larger than the file")
        data = self._file.read(count)
        if len(data) != count:
            raise self._damaged("it ends inside its header")
        return data

    def _scalar(self, code: str) -> int | float | bool:
        value: int | float | bool = struct.unpack("<" + code, self._bytes(struct.calcsize("<" + code)))[0]
        return value

    def _count(self) -> int:
        count = int(self._scalar("Q"))
        if count > _MOST_ENTRIES:
            raise self._damaged("a count in its header is impossible")
        return count

    def _string(self) -> bytes:
        return self._bytes(int(self._scalar("Q")))

    def _strings(self, count: int) -> list[bytes]:
        """As many strings: a vocabulary has hundreds of thousands, so each costs two reads and no more."""
        read, length_of = self._file.read, struct.Struct("<Q").unpack
        strings = []
        for _ in range(count):
            head = read(8)
            if len(head) != 8:
                raise self._damaged("it ends inside its header")
            strings.append(self._bytes(length_of(head)[0]))
        return strings

    def _value(self, kind: int) -> object:
        if kind in _SCALARS:
            return self._scalar(_SCALARS[kind])
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            item = int(self._scalar("I"))
            count = self._count()
            if item in _SCALARS:
                code = f"<{count}{_SCALARS[item]}"
                return list(struct.unpack(code, self._bytes(struct.calcsize(code))))
            if item == _STRING:
                return self._strings(count)
        raise self._damaged(f"value type {kind}")

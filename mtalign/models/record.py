"""The record that stands beside a model's files in the store: what they are, and where they are from."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mtalign.errors import ModelError
from mtalign.models.hashing import fingerprint
from mtalign.models.layout import RECORD_NAME

_SCHEMA = 1


@dataclass(frozen=True)
class FileRecord:
    """A verified file."""

    name: str
    sha256: str
    size: int
    """Bytes."""
    mtime_ns: int
    """When it was last changed, as the disk says; a difference makes the store hash it again."""


@dataclass(frozen=True)
class ModelRecord:
    """A verified model of the store."""

    name: str
    family: str
    source: str
    revision: str | None
    licence: str
    accepted_licence: str | None
    """The licence that the user accepted, where it has to be accepted."""
    attribution: str
    files: tuple[FileRecord, ...]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the files; see :func:`mtalign.models.hashing.fingerprint`."""
        return fingerprint({file.name: file.sha256 for file in self.files})

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def write_record(record: ModelRecord, directory: Path) -> None:
    """Write ``mtalign-model.json`` into the model's directory."""
    value = {"schema": _SCHEMA, **asdict(record), "fingerprint": record.fingerprint}
    write_json(directory / RECORD_NAME, value)


def read_record(directory: Path) -> ModelRecord:
    """Read ``mtalign-model.json``.

    Raises:
        ModelError: it is missing or damaged.
    """
    path = directory / RECORD_NAME
    value = read_json(path)
    try:
        return ModelRecord(
            name=value["name"],
            family=value["family"],
            source=value["source"],
            revision=value["revision"],
            licence=value["licence"],
            accepted_licence=value["accepted_licence"],
            attribution=value["attribution"],
            files=tuple(FileRecord(**file) for file in value["files"]),
        )
    except (KeyError, TypeError) as error:
        raise ModelError(
            f"{path} is damaged ({type(error).__name__}: {error})",
            hint=f"`mtalign models pull {directory.name} --force`",
        ) from error


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file whole or not at all."""
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        # Not tempfile: its files are readable by their owner alone, and a store may be shared.
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(value, stream, ensure_ascii=False, indent=2)
            stream.write("\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object that :func:`write_json` wrote.

    Raises:
        ModelError: it cannot be read or is no JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ModelError(f"{path} is damaged: not JSON", hint="remove it") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} is damaged: not a JSON object", hint="remove it")
    return value

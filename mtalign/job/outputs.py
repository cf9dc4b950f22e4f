"""Write what a run has made, each file whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtalign.document import Status
from mtalign.errors import DocumentError
from mtalign.files import write_atomically
from mtalign.formats import failure_mark, render
from mtalign.records import dump_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mtalign.document import Translation
    from mtalign.job.inputs import Input
    from mtalign.job.translated import TranslatedDocument
    from mtalign.records import Record


def check_writable(folder: Path) -> None:
    """Make ``folder`` and see that files can be written there, before hours of work depend on it.

    Raises:
        DocumentError: they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".mtalign-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise DocumentError(
            f"cannot write to {folder}: {error.strerror}", hint="name another folder with -o"
        ) from error


def render_english(item: Input, translations: Mapping[str, Translation]) -> bytes:
    """A document in English, in the shape, encoding and newlines of its source."""
    texts = {}
    for segment in item.segments:
        translation = translations[segment.id]
        if translation.status is Status.FAILED:
            texts[segment.id] = failure_mark(segment.id, translation.failure or "")
        elif translation.text is not None:
            texts[segment.id] = translation.text
    return render(item.document, item.segments, texts)


def english_name(path: Path, target: str) -> str:
    """``report.txt`` → ``report.en.txt``."""
    return f"{path.stem}.{target}{path.suffix}"


def write_document(
    folder: Path, document: TranslatedDocument, records: Sequence[Record], target: str
) -> None:
    """Write ``segments.jsonl`` and the English document into ``folder``, which is made if it is not there."""
    check_writable(folder)
    write_atomically(folder / "segments.jsonl", dump_records(records).encode())
    write_atomically(folder / english_name(document.name, target), document.english(records))


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as JSON that a person can read and a diff can show."""
    write_atomically(path, (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode())


def jsonl(values: Iterable[Any]) -> bytes:
    """``values`` as JSON, one a line."""
    return "".join(json.dumps(v, ensure_ascii=False) + "\n" for v in values).encode()


def write_or_remove(path: Path, content: bytes) -> None:
    """Write ``content``; where there is none, see that no file of an earlier run stands there."""
    if content:
        write_atomically(path, content)
    else:
        path.unlink(missing_ok=True)

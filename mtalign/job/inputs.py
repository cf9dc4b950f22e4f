"""The documents of a job, read and segmented; one that cannot be is left out with its reason."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mtalign.errors import MtalignError
from mtalign.formats import document_ids, find_documents, parse_document, read_document
from mtalign.segment import segment_document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtalign.document import Document, Segment
    from mtalign.job.events import Events
    from mtalign.languages import Language


@dataclass(frozen=True)
class Input:
    """A document of the job."""

    path: Path
    name: str
    """The path as the user gave it: what outputs show."""
    document: Document
    segments: tuple[Segment, ...]
    output: str
    """Name of its folder in the run: the file's name without suffix, or its id where two files share that."""
    sha256: str
    size: int
    """Bytes."""


def read_inputs(
    paths: Iterable[str], *, base: Path, source: Language | None, target: Language, events: Events
) -> tuple[list[Input], list[MtalignError]]:
    """Read and segment every document that ``paths`` (files or folders, relative to ``base``) hold.

    Returns:
        The documents in order, and an error for each one that had to be left out.

    Raises:
        UsageError: a path does not exist, or a folder holds no document.
        MtalignError: no document can be read; the first one's error.
    """
    files: list[Path] = []
    for name in paths:
        files.extend(find_documents(base / name))
    stems = Counter(path.stem for path in files)
    inputs: list[Input] = []
    errors: list[MtalignError] = []
    for path, document_id in zip(files, document_ids(files), strict=True):
        try:
            document = read_document(path, document_id=document_id)
            segments = segment_document(document, source=source, target=target)
            data = path.read_bytes()
        except MtalignError as error:
            errors.append(error)
            events.note(f"left out: {error}")
            continue
        shown = path.relative_to(base).as_posix() if path.is_relative_to(base) else path.as_posix()
        output = path.stem if stems[path.stem] == 1 else document_id
        digest = hashlib.sha256(data).hexdigest()
        inputs.append(Input(path, shown, document, segments, output, digest, len(data)))
    if not inputs and errors:
        raise errors[0]
    return inputs, errors


def read_stdin(data: bytes, *, format: str, source: Language | None, target: Language) -> Input:
    """Standard input as a document.

    Raises:
        DocumentError: it is empty, binary, or not UTF-8 or UTF-16.
        LanguageError: its language cannot be decided.
    """
    document = parse_document(data, path="-", format=format, document_id="stdin")
    segments = segment_document(document, source=source, target=target)
    digest = hashlib.sha256(data).hexdigest()
    return Input(Path("stdin.txt"), "-", document, segments, "stdin", digest, len(data))

"""Documents in and out: find, read and parse them into blocks, and write them back in English."""

from __future__ import annotations

from pathlib import Path

from mtalign.document import BlockKind, Document
from mtalign.errors import DocumentError, UsageError
from mtalign.formats.decode import decode
from mtalign.formats.files import document_ids, find_documents, format_of
from mtalign.formats.render import failure_mark, render, render_records, rendered_text

__all__ = [
    "document_ids",
    "failure_mark",
    "find_documents",
    "parse_document",
    "read_document",
    "render",
    "render_records",
    "rendered_text",
]


def read_document(path: Path, *, document_id: str | None = None) -> Document:
    """Read and parse the file at ``path``; its format follows from its name.

    Raises:
        UsageError: there is no such file.
        DocumentError: it cannot be read, is empty, is binary or is not in an encoding that we read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise UsageError(f"{path} does not exist", hint="check the path") from error
    except IsADirectoryError as error:
        raise UsageError(f"{path} is a directory", hint="name a file in it") from error
    except OSError as error:
        raise DocumentError(f"cannot read {path}: {error.strerror}") from error
    return parse_document(
        data, path=str(path), format=format_of(path), document_id=document_id or document_ids([path])[0]
    )


def parse_document(data: bytes, *, path: str, format: str, document_id: str) -> Document:
    """Decode and parse a document's bytes.

    Args:
        data: the file as it is on disk.
        path: what errors and records call it; ``-`` for standard input.
        format: ``text`` or ``markdown``.
        document_id: first part of the ids of its blocks and segments.

    Raises:
        UsageError: ``format`` is unknown.
        DocumentError: ``data`` is empty, binary or not in an encoding that we read.
    """
    decoded = decode(data, "standard input" if path == "-" else path)
    if format == "text":
        from mtalign.formats.text import parse_text as parse
    elif format == "markdown":
        from mtalign.formats.markdown import parse_markdown as parse
    else:
        raise UsageError(f'"{format}" is not a format', hint="use text or markdown")
    blocks = parse(decoded.text, document_id)
    heading = next((block for block in blocks if block.kind is BlockKind.HEADING), None)
    return Document(
        id=document_id,
        path=path,
        format=format,
        text=decoded.text,
        blocks=blocks,
        encoding=decoded.encoding,
        bom=decoded.bom,
        title=" ".join(heading.text.split()) if heading else "",
    )

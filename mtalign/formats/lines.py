"""Files of lines, read one at a time: plain text with a text on each line, and JSONL with one in each object.

Nothing is held but the line in hand, so a file may be of any size; UTF-8 only.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from mtalign.errors import DocumentError

JSONL_SUFFIXES = (".jsonl", ".ndjson")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Line:
    """A line with its text."""

    number: int
    """In its file, from 1."""
    text: str
    """What is to be translated; may be blank."""
    end: str
    """Its newline; empty for a last line without one."""
    record: dict[str, Any] | None = None
    """The object of a line of JSONL."""


def count_lines(stream: BinaryIO) -> int:
    """How many lines are left in ``stream``; a last one without newline is one too."""
    count, last = 0, b"\n"
    while chunk := stream.read(_CHUNK):
        count += chunk.count(b"\n")
        last = chunk[-1:]
    return count + (last != b"\n")


def read_lines(stream: Iterable[bytes], name: str, *, field: str = "", first: int = 1) -> Iterator[Line]:
    """The lines of ``stream``.

    Args:
        stream: a file opened for bytes, or its lines.
        name: what errors call it.
        field: for JSONL, the key of the text in each object; empty for plain text.
        first: number of the first line.

    Raises:
        DocumentError: a line is not UTF-8 or not text; or not an object with a text under ``field``.
    """
    for number, data in enumerate(stream, start=first):
        if number == 1:
            data = data.removeprefix(codecs.BOM_UTF8)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DocumentError(
                f"{name} is not UTF-8: {error.reason} in line {number}",
                hint="convert it: iconv -f EUC-KR -t utf-8 (or UTF-16, SHIFT_JIS, GB18030) IN > OUT",
            ) from error
        if "\0" in text:
            raise DocumentError(f"{name} is binary, not text (NUL in line {number})", hint="check the file")
        body = text.rstrip("\r\n")
        end = text[len(body) :]
        if not field or not body.strip():
            yield Line(number, body, end)
        else:
            record = _parse(body, name, number, field)
            yield Line(number, record[field], end, record)


def _parse(body: str, name: str, number: int, field: str) -> dict[str, Any]:
    try:
        record = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DocumentError(
            f"{name}, line {number} is not JSON: {error}", hint="one object a line"
        ) from error
    if not isinstance(record, dict):
        raise DocumentError(f"{name}, line {number} is not a JSON object", hint="one object a line")
    if not isinstance(record.get(field), str):
        keys = ", ".join(list(record)[:8])
        raise DocumentError(
            f"{name}, line {number} has no text under {field!r}", hint=f"name its key with --field ({keys})"
        )
    return record


def render_line(line: Line, english: str, failure: str | None) -> bytes:
    """``line`` in English: the text, or its object with ``translation`` and, where it failed, ``failure``.

    A text that failed is written as it is given (with its marks); in an object ``translation`` is then null.
    """
    if line.record is None:
        return (english + line.end).encode()
    added = {"translation": english} if failure is None else {"translation": None, "failure": failure}
    return (json.dumps({**line.record, **added}, ensure_ascii=False) + line.end).encode()

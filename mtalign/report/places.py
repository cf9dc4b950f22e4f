"""Where a segment stands in its source file, as an editor counts: for messages that a person clicks on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mtalign.records import Record


@dataclass(frozen=True)
class Place:
    """Lines and the column of the first character, from 1; columns in characters."""

    line: int
    end_line: int
    column: int


def places(records: Iterable[Record]) -> dict[str, Place]:
    """The place of each of a document's segments, by id; ``records`` are all of the document's, in order.

    A line ends at a line feed, with or without a carriage return before it; in a document without any line
    feed at a carriage return.
    """
    listed = list(records)
    feed = any("\n" in record.before + record.segment.text + record.after for record in listed)
    end = "\n" if feed else "\r"
    line, column = 1, 1
    found = {}
    for record in listed:
        line, column = _after(record.before, line, column, end)
        last_line, last_column = _after(record.segment.text, line, column, end)
        found[record.segment.id] = Place(line, last_line, column)
        line, column = last_line, last_column
    return found


def _after(text: str, line: int, column: int, end: str) -> tuple[int, int]:
    ends = text.count(end)
    return (line + ends, len(text) - text.rindex(end)) if ends else (line, column + len(text))

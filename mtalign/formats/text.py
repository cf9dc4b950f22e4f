"""Plain text to blocks: what a reader sees as paragraphs, whichever way its lines were broken.

A line break ends a block, unless the lines are evidently hard-wrapped: all about as long as the longest, each
too full for the next one's first word, and broken in mid-sentence. Then the lines are one paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from statistics import median
from typing import NamedTuple

from mtalign.document import Block, BlockKind
from mtalign.formats.data import DataFinder, is_code

_LINE = re.compile(r"[^\r\n]+")
_ONE_NEWLINE = frozenset({"\n", "\r\n", "\r"})
_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})")
_BULLET = re.compile(r"[ \t\u3000]*(?:[-*+•·▪◦‣●○■□◆▶※]|[-–—])[ \t\u3000]+(?=\S)")
_NUMBERED = re.compile(r"[ \t\u3000]*\(?(\d{1,3})[.)][ \t\u3000]+(?=\S)")
_STOP = re.compile(r"[.!?…。．｡！？؟।:：;；][\"'”’»“」』）)\]]{0,3}\s*$")
_INNER_STOP = re.compile(r"[^\W\d_]{2}[.!?。！？][\"'”’»“」』）)\]]{0,3}(?:\s+\S|(?<=[。！？])\S)")
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_LETTER = re.compile(r"[^\W\d_]")
_CAPTION = re.compile(
    r"\s*[\[(（]?(?:사진|그림|표|写真|図|表|图|照片|Foto|Bild|Abb(?:ildung)?\.?|Photo|Figure|Fig\.?|Tab(?:le|elle)?\.?)"
    r"\s*\d{0,3}\s*[:：.]"
)
_CREDIT = re.compile(r"(?:사진|写真|照片|Foto|Photo|Credit)\s?[:：]\s?[^.。]{0,60}(?:\.\w{2,8})?$")
_WIDE = re.compile(
    "[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]"
)
_HAN_OR_KANA = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_NARROWEST, _WIDEST = 40, 130
_HEADING_COLUMNS = 100


class _Line(NamedTuple):
    """A line that is not blank, without its newline."""

    start: int
    end: int
    text: str
    after_blank: bool
    """Whether a blank line, or the beginning of the text, stands before it."""


class _Unit(NamedTuple):
    """Lines that make one block."""

    start: int
    end: int
    kind: BlockKind


def parse_text(text: str, document_id: str) -> tuple[Block, ...]:
    """The blocks of a plain text, in order; ``text[block.start:block.end] == block.text`` for each."""
    units = list(_units(text))
    article = max(
        (unit.end - unit.start for unit in units[1:] if unit.kind is BlockKind.PARAGRAPH), default=0
    )
    blocks = []
    for number, unit in enumerate(units, start=1):
        following = units[number] if number < len(units) else None
        kind = (
            BlockKind.HEADING
            if _is_heading(text, unit, following, article if number == 1 else 0)
            else unit.kind
        )
        blocks.append(
            Block(
                id=f"{document_id}.b{number}",
                kind=kind,
                text=text[unit.start : unit.end],
                start=unit.start,
                end=unit.end,
                level=1 if kind in (BlockKind.HEADING, BlockKind.LIST_ITEM) else 0,
            )
        )
    return tuple(blocks)


def _units(text: str) -> Iterator[_Unit]:
    chunks = list(_chunks(text))
    width = _document_width([lines for kind, lines in chunks if kind is None])
    for kind, lines in chunks:
        if kind is None and is_code([line.text for line in lines]):
            kind = BlockKind.CODE
        if kind is not None:
            yield from _trim(text, lines[0].start, lines[-1].end, kind)
        else:
            for paragraph in _paragraphs(lines):
                yield from _prose(text, paragraph, width)


def _chunks(text: str) -> Iterator[tuple[BlockKind | None, list[_Line]]]:
    """Runs of lines between blank ones; data and fenced code apart, with their kind."""
    finder = DataFinder(text)
    chunk: list[_Line] = []
    data_end = 0
    fence = ""
    for line in _lines(text):
        if fence:
            chunk.append(line)
            if line.text.strip().startswith(fence):
                yield BlockKind.CODE, chunk
                chunk, fence = [], ""
            continue
        if line.start < data_end:
            continue
        if line.after_blank and chunk:
            yield None, chunk
            chunk = []
        opening = _FENCE.match(line.text)
        end = None if opening else _data_end(finder, text, line)
        if not opening and end is None:
            chunk.append(line)
            continue
        if chunk:
            yield None, chunk
        chunk = []
        if opening:
            chunk, fence = [line], opening.group(1)
        elif end is not None:
            data_end = end
            yield BlockKind.DATA, [line._replace(end=end, text=text[line.start : end])]
    if chunk:
        yield (BlockKind.CODE if fence else None), chunk


def _lines(text: str) -> Iterator[_Line]:
    position = 0
    blank = True
    for match in _LINE.finditer(text):
        start, end = match.span()
        blank = blank or text[position:start] not in _ONE_NEWLINE
        position = end
        line = match.group()
        if line.isspace():
            blank = True
        else:
            yield _Line(start, end, line, blank)
            blank = False


def _data_end(finder: DataFinder, text: str, line: _Line) -> int | None:
    """Where the data that begins on this line ends, if there is any."""
    if finder.is_data(line.text):
        return line.end
    first = line.start + len(line.text) - len(line.text.lstrip())
    end = finder.json_end(first)
    if end is None:
        return None
    rest = _LINE.match(text, end)
    return end if rest is None or not rest.group().strip(" \t,;") else None


def _document_width(chunks: list[list[_Line]]) -> float:
    """The column at which the document's lines are wrapped; 0 where they are not."""
    paragraphs = [paragraph for lines in chunks for paragraph in _paragraphs(lines)]
    widths = [max(_columns(line.text) for line in lines) for lines in paragraphs if _is_wrapped(lines)]
    return median(widths) if widths else 0


def _columns(text: str) -> int:
    return len(text) + len(_WIDE.findall(text))


def _is_wrapped(lines: list[_Line], width: float = 0) -> bool:
    """Whether the lines of a chunk are one wrapped paragraph.

    ``width`` is the column at which the document is known to be wrapped, 0 where nothing is known.
    """
    if len(lines) < 2 or any(len(line.text) > _WIDEST for line in lines):
        return False
    texts = [line.text.rstrip() for line in lines]
    columns = [_columns(line) for line in texts]
    widest = max(width, *columns)
    if not _NARROWEST <= widest <= _WIDEST:
        return False
    if any(
        column + 1 + _first_word_columns(following) <= widest
        for column, following in zip(columns[:-1], texts[1:], strict=True)
    ):
        return False
    open_ends = sum(_STOP.search(line) is None for line in texts[:-1])
    if width:
        return open_ends > 0
    if open_ends * 2 < len(texts) - 1:
        return False
    lower = sum(line.lstrip()[:1].islower() for line in texts[1:])
    caseless = sum(_WIDE.match(line.lstrip()) is not None for line in texts[1:])
    if caseless * 2 > len(texts) - 1:
        return len(texts) >= 4 or (len(texts) == 3 and open_ends == 2 and columns[0] == columns[1])
    return lower * 3 >= len(texts) - 1


def _first_word_columns(line: str) -> int:
    word = line.split(maxsplit=1)[0]
    # Han and kana are wrapped anywhere; a few columns are left free to keep a stop off the line's start.
    return 6 if _HAN_OR_KANA.match(word) else _columns(word)


def _prose(text: str, lines: list[_Line], width: float) -> Iterator[_Unit]:
    """Blocks of a chunk of prose: one a line, a wrapped paragraph, or list items with their further lines."""
    markers = _list_markers(lines)
    wrapped = not any(markers) and _is_wrapped(lines, width)
    start = 0
    for position in range(1, len(lines) + 1):
        if position < len(lines):
            if wrapped:
                continue
            if markers[start] and not markers[position] and lines[position].text[:1].isspace():
                continue
        kind = BlockKind.LIST_ITEM if markers[start] else BlockKind.PARAGRAPH
        first = lines[start].start + markers[start]
        if kind is BlockKind.PARAGRAPH and (
            _CAPTION.match(text[first : first + 100]) or _CREDIT.search(lines[start].text[-80:])
        ):
            kind = BlockKind.CAPTION
        yield from _trim(text, first, lines[position - 1].end, kind)
        start = position


def _paragraphs(lines: list[_Line]) -> Iterator[list[_Line]]:
    """Part a chunk before each line that is indented as the first of a paragraph, after a stop."""
    start = 0
    if not any(_list_markers(lines)):
        for position in range(1, len(lines)):
            line, previous = lines[position].text, lines[position - 1].text
            if line[:1].isspace() and not previous[:1].isspace() and _STOP.search(previous):
                yield lines[start:position]
                start = position
    yield lines[start:]


def _list_markers(lines: list[_Line]) -> list[int]:
    """Length of each line's list marker, 0 where it has none.

    A number is a marker only beside another line that it counts with: ``3. Oktober`` begins a sentence.
    """
    numbers = [int(match.group(1)) if (match := _NUMBERED.match(line.text)) else None for line in lines]
    known = {number for number in numbers if number is not None}
    lengths = []
    for line, number in zip(lines, numbers, strict=True):
        match = _BULLET.match(line.text)
        if match is None and number is not None and ({number - 1, number + 1} & known):
            match = _NUMBERED.match(line.text)
        lengths.append(match.end() if match else 0)
    return lengths


def _trim(text: str, start: int, end: int, kind: BlockKind) -> Iterator[_Unit]:
    piece = text[start:end]
    stripped = piece.strip()
    if stripped:
        first = start + len(piece) - len(piece.lstrip())
        yield _Unit(first, first + len(stripped), kind)


def _is_heading(text: str, unit: _Unit, following: _Unit | None, article: int) -> bool:
    """A short line without a final stop before longer prose; or the first line, standing by itself.

    ``article`` is the length of the document's longest later paragraph for its first unit, else 0.
    """
    if unit.kind is not BlockKind.PARAGRAPH or following is None or following.kind is BlockKind.CODE:
        return False
    line = text[unit.start : min(unit.end, unit.start + _HEADING_COLUMNS + 1)]
    if _columns(line) > _HEADING_COLUMNS or "\n" in line or "\r" in line or not _LETTER.search(line):
        return False
    if _INNER_STOP.search(line):
        return False
    if article >= max(60, 1.5 * len(line)) and len(_LINE_BREAK.findall(text, unit.end, following.start)) >= 2:
        return True
    length = following.end - following.start
    if following.kind is not BlockKind.PARAGRAPH or length < max(60, 1.5 * len(line)) or _STOP.search(line):
        return False
    return _STOP.search(text[max(following.start, following.end - 20) : following.end]) is not None

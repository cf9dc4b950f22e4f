"""Markdown to blocks, by markdown-it-py's CommonMark parser; inline mark-up stays in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mtalign.document import Block, BlockKind

if TYPE_CHECKING:
    from markdown_it.token import Token

_NEWLINE = re.compile(r"\r\n|\r|\n")
_FRONT_MATTER = re.compile(r"(?:---|\+\+\+)[ \t]*(?:\r\n|\r|\n)")
_LINE = re.compile(r"[^\r\n]+")
_LETTER = re.compile(r"[^\W\d_]")
_MARKERS = re.compile(r"(?:[\s>*+\-|#]|\d{1,9}[.)]\s)*")
_REFERENCE = re.compile(r"[\s>]*\[[^\]^][^\]]*\]:\s*[!-~]")
_CONTAINERS = {
    "heading_open": BlockKind.HEADING,
    "list_item_open": BlockKind.LIST_ITEM,
    "blockquote_open": BlockKind.QUOTE,
    "th_open": BlockKind.CELL,
    "td_open": BlockKind.CELL,
}
_VERBATIM = {"fence": BlockKind.CODE, "code_block": BlockKind.CODE, "html_block": BlockKind.DATA}


def parse_markdown(text: str, document_id: str) -> tuple[Block, ...]:
    """The blocks of a Markdown text, in order; ``text[block.start:block.end] == block.text`` for each."""
    front = _front_matter_end(text)
    found = [(BlockKind.DATA, 0, front, 0)] if front else []
    found = list(_completed(text, [*found, *_walk(text, front)]))
    return tuple(
        Block(f"{document_id}.b{number}", kind, text[start:end], start, end, level)
        for number, (kind, start, end, level) in enumerate(found, start=1)
    )


def _completed(
    text: str, found: list[tuple[BlockKind, int, int, int]]
) -> Iterator[tuple[BlockKind, int, int, int]]:
    """Add what the parser gave up on (lists nested too deep) as paragraphs, so that no text is lost."""
    position = 0
    for block in (*found, None):
        end = block[1] if block is not None else len(text)
        for line in _LINE.finditer(text, position, end):
            if _LETTER.search(line.group()) is None or _REFERENCE.match(line.group()) is not None:
                continue
            markers = _MARKERS.match(text, line.start(), line.end())
            start = markers.end() if markers else line.start()
            yield BlockKind.PARAGRAPH, start, start + len(text[start : line.end()].rstrip()), 0
        if block is not None:
            yield block
            position = block[2]


def _front_matter_end(text: str) -> int:
    """Where the front matter at the beginning ends, without its last newline; 0 if there is none."""
    opening = _FRONT_MATTER.match(text)
    if opening is None:
        return 0
    fence = re.escape(text[:3])
    closing = re.compile(rf"^(?:{fence}|\.\.\.)[ \t]*$", re.M).search(text.replace("\r", "\n"), opening.end())
    return closing.end() if closing else 0


def _walk(text: str, offset: int) -> Iterator[tuple[BlockKind, int, int, int]]:
    """Kind, start, end and level of every leaf block after ``offset``."""
    body = text[offset:]
    starts = [0, *(newline.end() for newline in _NEWLINE.finditer(body)), len(body)]
    stack: list[tuple[BlockKind, int]] = []
    cursor = 0
    for token in _parse(body):
        if token.type in _CONTAINERS:
            kind = _CONTAINERS[token.type]
            depth = sum(outer is kind for outer, _ in stack) + 1
            level = int(token.tag[1]) if kind is BlockKind.HEADING else depth
            stack.append((kind, 0 if kind in (BlockKind.CELL, BlockKind.QUOTE) else level))
        elif token.type.endswith("_close") and f"{token.type[:-5]}open" in _CONTAINERS:
            stack.pop()
        elif token.map is None:
            continue
        elif token.type == "inline" and token.content.strip():
            first, last = starts[token.map[0]], starts[min(token.map[1], len(starts) - 1)]
            span = _locate(body, token.content, max(first, cursor), last)
            if span is not None:
                cursor = span[1]
                kind, level = stack[-1] if stack else (BlockKind.PARAGRAPH, 0)
                yield kind, offset + span[0], offset + span[1], level
        elif token.type in _VERBATIM:
            first, last = starts[token.map[0]], starts[min(token.map[1], len(starts) - 1)]
            end = first + len(body[first:last].rstrip())
            first += len(body[first:end]) - len(body[first:end].lstrip())
            cursor = max(cursor, end)
            if end > first:
                yield _VERBATIM[token.type], offset + first, offset + end, 0


def _parse(body: str) -> list[Token]:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"maxNesting": 50}).enable("table")
    # Only blocks are wanted: the inline rules would take most of the time and give no offsets.
    parser.disable(["inline", "text_join"], ignoreInvalid=True)
    return parser.parse(body)


def _locate(body: str, content: str, first: int, last: int) -> tuple[int, int] | None:
    """The span of a token's content, whose lines lost their indent, ``>`` marks and table escapes."""
    lines = [line for line in content.split("\n") if line.strip()]
    start = end = -1
    position = first
    for line in lines:
        wanted = line.strip()
        at = body.find(wanted, position, last)
        if at < 0 and "|" in wanted:
            wanted = wanted.replace("|", "\\|")
            at = body.find(wanted, position, last)
        if at < 0:
            return None
        start = at if start < 0 else start
        position = end = at + len(wanted)
    return (start, end) if start >= 0 else None

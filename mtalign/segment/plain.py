"""A segment's text as a model should read it: on one line, without the marks of its layout."""

from __future__ import annotations

import re

_BREAK = re.compile(r"[^\S\r\n]*(?:\r\n|\r|\n)[^\S\r\n]*(?:>[^\S\r\n]?)*\s*")
_SPACES = re.compile(r"\s+")
_UNSPACED = re.compile("[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff60]")


def plain_text(text: str) -> str:
    """``text`` without line breaks, the quote marks after them (``>``) and runs of white space.

    A line break within Chinese or Japanese leaves nothing behind, any other one space.
    """
    return _SPACES.sub(" ", _BREAK.sub(_mend, text)).strip()


def _mend(found: re.Match[str]) -> str:
    before, after = (
        found.string[found.start() - 1 : found.start()],
        found.string[found.end() : found.end() + 1],
    )
    return "" if _UNSPACED.match(before) and _UNSPACED.match(after) else " "

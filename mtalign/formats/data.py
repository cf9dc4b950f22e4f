"""What in a plain text is not prose: JSON, mark-up, encoded bytes and program code."""

from __future__ import annotations

import json
import re

_JSON_START = re.compile(r'[\[{]\s*(?:["\[{\]}]|-?\d|$)')
_JSON_PAIRS = re.compile(r'"\s*:\s*(?:["\[{]|-?\d|true|false|null)')
_MARKUP = re.compile(
    r"<(?:[a-zA-Z/][^<>]{0,500}|!--.{0,500}--|!DOCTYPE[^<>]{0,200}|\?xml[^<>]{0,200})>", re.S
)
_TAG = re.compile(r"<[^<>]*>")
_LETTER = re.compile(r"[^\W\d_]")
_ENCODED = re.compile(r"(?:data:[\w/+.-]{1,60};base64,)?[A-Za-z0-9+/_-]{120,}={0,2}")
_CODE = re.compile(
    r"""\s*(?:
        (?:def|class)\s+\w+\s*[(:{] | (?:public|private|static|const|let|var)\s+\w+.*[;={(]\s*$
        | (?:import|from)\s+[\w.]+(?:\s+import\s+.+|\s*;)?\s*$ | \#include\s*[<"] | function\s+\w*\s*\(
        | (?:if|for|while|else|return)\b.*[;:{]\s*$ | [\w.\[\]]{1,80}\s*[-+*/]?=\s*\S.*;?\s*$
        | .*[;{]\s*$ | [})\]]+[;,]?\s*$
    )""",
    re.X,
)
_PROSE = re.compile(r"[.!?。！？]\s*$|^[^#/\"']*[^\x00-\x7f]")
_MAX_JSON_TRIES = 8


class DataFinder:
    """Recognises blocks of data in a text, line by line.

    It keeps count of attempts that failed, so that a hostile text cannot make it parse the same lines again
    and again.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._tries = 0

    def is_data(self, line: str) -> bool:
        """Whether a line without its newline is JSON, tags without a text, or encoded bytes as a whole."""
        stripped = line.strip()
        if _JSON_START.match(stripped):
            return _is_json(stripped)
        if stripped.startswith("<") and stripped.endswith(">"):
            return _MARKUP.match(stripped) is not None and _LETTER.search(_TAG.sub("", stripped)) is None
        return _ENCODED.fullmatch(stripped) is not None if len(stripped) >= 120 else False

    def json_end(self, start: int) -> int | None:
        """Where a JSON value of one or more lines that begins at ``start`` ends; None if there is none."""
        if self._text[start] not in "[{" or not _JSON_START.match(self._text, start):
            return None
        if self._tries >= _MAX_JSON_TRIES:
            return None
        try:
            value, end = json.JSONDecoder().raw_decode(self._text, start)
        except (ValueError, RecursionError):
            self._tries += 1
            return None
        return end if value and isinstance(value, dict | list) else None


def _is_json(line: str) -> bool:
    if line[-1] in "]}":
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            pass
        else:
            return isinstance(value, dict) or (isinstance(value, list) and len(line) > 20)
    # A record that was cut off, or printed with a comma after it, is no prose either.
    return len(_JSON_PAIRS.findall(line[:10_000])) >= 3


def is_code(lines: list[str]) -> bool:
    """Whether two or more lines are program code: at least two thirds look like it, none ends a sentence."""
    if len(lines) < 2:
        return False
    if any(len(line) > 300 or _PROSE.search(line) for line in lines):
        return False
    return sum(_CODE.match(line) is not None for line in lines) * 3 >= len(lines) * 2

"""Which quotation marks and brackets open and which close, and what they enclose."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MARK = re.compile('["“”„‟«»‹›「」『』｢｣()（）\\[\\]［］【】《》〈〉]')
_OPEN = {
    "「": "」", "『": "』", "｢": "｣", "(": ")", "（": "）", "[": "]", "［": "］", "【": "】", "《": "》",
    "〈": "〉", "„": "“”\"", "‟": "”",
}  # fmt: skip
_CLOSE = frozenset("」』｣)）]］】》〉”")
_PARTNERS = {'"': '"', "“": '”“"', "«": "»", "»": "«", "‹": "›", "›": "‹"}
"""Marks that open in one language and close in another; their neighbours tell."""
_QUOTES = frozenset('"“”„‟«»‹›「」『』｢｣')
_FARTHEST = 4000


@dataclass(frozen=True)
class Enclosed:
    """A pair of marks: where the opening and the closing one stand."""

    start: int
    end: int
    quote: bool
    """True for quotation marks, False for brackets and title marks."""


@dataclass(frozen=True)
class Marks:
    """The marks of a text."""

    closing: frozenset[int]
    """Positions of closing marks."""
    pairs: tuple[Enclosed, ...]
    """Pairs by the position of their opening mark; a mark without a partner is in none."""


def read_marks(text: str) -> Marks:
    """Find the marks of ``text`` and pair them. Linear in the length of the text."""
    stack: list[tuple[int, str]] = []
    closing = set()
    pairs = []
    for found in _MARK.finditer(text):
        position, mark = found.start(), found.group()
        while stack and position - stack[0][0] > _FARTHEST:
            stack.pop(0)
        if _opens(text, position, mark, stack):
            stack.append((position, _OPEN.get(mark) or _PARTNERS[mark]))
            if len(stack) > 16:
                stack.pop(0)
            continue
        closing.add(position)
        for depth in range(len(stack) - 1, -1, -1):
            if mark in stack[depth][1]:
                pairs.append(Enclosed(stack[depth][0], position, mark in _QUOTES))
                del stack[depth:]
                break
    return Marks(frozenset(closing), tuple(sorted(pairs, key=lambda pair: pair.start)))


def _opens(text: str, position: int, mark: str, stack: list[tuple[int, str]]) -> bool:
    if mark in _OPEN:
        return True
    if mark in _CLOSE:
        return False
    before = text[position - 1] if position else " "
    after = text[position + 1] if position + 1 < len(text) else " "
    space_before = before.isspace() or before in "([{（「『“„—–"
    space_after = after.isspace() or after in ".,;:!?)]}、。，；：！？）」』”"
    if space_before != space_after:
        return space_before
    return not any(mark in partner for _, partner in stack)

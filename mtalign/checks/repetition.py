"""Repetition loops: the best known failure of autoregressive decoding."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mtalign.document import Flag, Severity

if TYPE_CHECKING:
    from mtalign.languages import Language

_WORD = re.compile(r"\w+")
_LONGEST = 20
"""Longest repeated phrase looked for, in words."""


def _copies_needed(words: int) -> int:
    """How often a phrase of so many words must stand in a row to be a loop and not a figure of speech."""
    if words == 1:
        return 4
    return 3 if words < 6 else 2


def repeated_phrase(text: str) -> tuple[int, int, int] | None:
    """The shortest phrase that stands several times in a row: (start, end, copies), in characters."""
    words = [(match.group().casefold(), match.start(), match.end()) for match in _WORD.finditer(text)]
    for size in range(1, min(_LONGEST, len(words) // 2) + 1):
        # A phrase stands k times in a row where (k - 1) · size words in a row equal the word `size` later.
        equal = 0
        needed = (_copies_needed(size) - 1) * size
        for position in range(len(words) - size + 1):
            more = position + size < len(words) and words[position][0] == words[position + size][0]
            if more:
                equal += 1
            elif equal >= needed:
                first = position - equal
                copies = equal // size + 1
                return words[first][1], words[first + copies * size - 1][2], copies
            else:
                equal = 0
    return None


def repeated_characters(text: str) -> tuple[int, int, int] | None:
    """1–12 characters repeated at least ten times in a row without a word break, as in ``hahaha…``."""
    match = re.search(r"([^\W\d_]{1,12}?)\1{9,}", text)
    if match is None:
        return None
    return match.start(), match.end(), len(match.group()) // len(match.group(1))


def check_repetition(
    source: str, translation: str, source_language: Language, target_language: Language
) -> list[Flag]:
    """A phrase of the translation loops, and the source has no such repetition."""
    found = repeated_phrase(translation) or repeated_characters(translation)
    if found is None or repeated_phrase(source) or re.search(r"([^\W\d_]{2,12}?)\W*\1\W*\1", source):
        return []
    start, end, copies = found
    return [
        Flag(
            "repetition",
            Severity.ERROR,
            f"a phrase stands {copies} times in a row, which the source does not do",
            translation_span=(start, end),
        )
    ]

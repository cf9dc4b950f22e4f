"""Repetition loops, the best known failure of autoregressive decoding, and phrases that stand twice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mtalign.document import Flag, Severity

if TYPE_CHECKING:
    from mtalign.languages import Language

_WORD = re.compile(r"\w+")
_LONGEST = 20
"""Longest repeated phrase looked for, in words."""
_SHORT = 3
"""Words up to which a phrase may be doubled on purpose, with a comma between."""
_LEAST_LETTERS = 3
_NEVER_DOUBLED = frozenset(
    "the a an of to and or in for with from by at on as is was are were be it this these"
    " they we he she his her"
    " their its our your which who into than but not".split()
)
_TWICE = re.compile("([\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]{2,20}?)\\W*\\1")
"""The same in a script without spaces."""


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


def doubled_phrase(text: str) -> tuple[int, int] | None:
    """The first phrase that stands twice in a row: its characters, both copies.

    One word counts only if English never doubles it ("the the"); punctuation between the copies counts as
    emphasis where they are short ("very good, very good").
    """
    words = [(match.group().casefold(), match.start(), match.end()) for match in _WORD.finditer(text)]
    for place in range(len(words) - 1):
        for size in range(1, min(_LONGEST, (len(words) - place) // 2) + 1):
            if words[place + size][0] != words[place][0]:
                continue
            if any(words[place + k][0] != words[place + size + k][0] for k in range(1, size)):
                continue
            if size == 1 and words[place][0] not in _NEVER_DOUBLED:
                continue
            start, end = words[place][1], words[place + 2 * size - 1][2]
            between = text[words[place + size - 1][2] : words[place + size][1]]
            if size <= _SHORT and between.strip():
                continue
            if sum(len(word) for word, _, _ in words[place : place + size]) < _LEAST_LETTERS:
                continue
            return start, end
    return None


def check_repetition(
    source: str, translation: str, source_language: Language, target_language: Language
) -> list[Flag]:
    """A phrase of the translation loops, or stands twice, and the source has no such repetition."""
    found = repeated_phrase(translation) or repeated_characters(translation)
    if found is not None:
        if repeated_phrase(source) or re.search(r"([^\W\d_]{2,12}?)\W*\1\W*\1", source):
            return []
        start, end, copies = found
        says = f"a phrase stands {copies} times in a row, which the source does not do"
        return [Flag("repetition", Severity.ERROR, says, translation_span=(start, end))]
    twice = doubled_phrase(translation)
    if twice is None or doubled_phrase(source) or _TWICE.search(source):
        return []
    says = f"“{translation[twice[0] : twice[1]]}” says the same twice"
    return [Flag("repetition", Severity.WARNING, says, translation_span=twice)]

"""Part of the source, in the same script as English, stands in the translation as it was."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mtalign.checks.language import FUNCTION_WORDS
from mtalign.checks.prose import prose
from mtalign.document import Flag, Severity

if TYPE_CHECKING:
    from mtalign.languages import Language

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LEAST = 3
"""Words in a row that the source has just so."""
_LEAST_SMALL = 2
"""How many of them begin with a small letter and are no English function words: names have none."""
_QUOTES = "\"'“”„«»‘’"


def check_untranslated(
    source: str, translation: str, source_language: Language, target_language: Language
) -> list[Flag]:
    """A run of words that the source has too; titles in quotation marks may stay."""
    if source_language.script != target_language.script or source_language.code == target_language.code:
        return []
    theirs = _WORD.findall(prose(source))
    places: dict[tuple[str, str], list[int]] = {}
    for place in range(len(theirs) - 1):
        places.setdefault((theirs[place], theirs[place + 1]), []).append(place)
    words = list(_WORD.finditer(prose(translation)))
    ours = [word.group() for word in words]
    flags, position = [], 0
    while position < len(ours) - 1:
        length = 0
        for place in places.get((ours[position], ours[position + 1]), ()):
            same = 2
            while (
                position + same < len(ours)
                and place + same < len(theirs)
                and ours[position + same] == theirs[place + same]
            ):
                same += 1
            length = max(length, same)
        if length >= _LEAST:
            run = ours[position : position + length]
            start, end = words[position].start(), words[position + length - 1].end()
            small = sum(word[0].islower() and word not in FUNCTION_WORDS for word in run)
            if small >= _LEAST_SMALL and not _quoted(translation, start, end):
                flags.append(
                    Flag(
                        "untranslated",
                        Severity.WARNING,
                        f"“{translation[start:end]}” stands as in the source",
                        translation_span=(start, end),
                    )
                )
        position += max(length, 1)
    return flags


def _quoted(text: str, start: int, end: int) -> bool:
    return (
        text[max(0, start - 1) : start] in _QUOTES
        and start > 0
        and any(mark in _QUOTES for mark in text[end : end + 2])
    )

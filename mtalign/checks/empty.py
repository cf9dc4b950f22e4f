"""No text, or words from a source that has none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mtalign.document import Flag, Severity

if TYPE_CHECKING:
    from mtalign.languages import Language

_LETTERS = re.compile(r"[^\W\d_]+")
_SYMBOLS = re.compile(r"[^\w\s.,:;!?'\"()\[\]/-]")


def check_empty(
    source: str, translation: str, source_language: Language, target_language: Language
) -> list[Flag]:
    """The translation has no letter and no digit, and the source has."""
    if any(map(str.isalnum, translation)) or not any(map(str.isalnum, source)):
        return []
    return [Flag("empty", Severity.ERROR, "there is no text", source_span=(0, len(source)))]


def check_grown(
    source: str, translation: str, source_language: Language, target_language: Language
) -> list[Flag]:
    """The source is numbers and signs only, and the translation has words.

    A sign may become a word ("percent", "euros").
    """
    if _LETTERS.search(source) or not any(map(str.isalnum, source)):
        return []
    words = list(_LETTERS.finditer(translation))
    if len(words) <= len(_SYMBOLS.findall(source)):
        return []
    return [
        Flag(
            "added",
            Severity.ERROR,
            "the source is a number without words, the translation has words",
            translation_span=(words[0].start(), words[-1].end()),
        )
    ]

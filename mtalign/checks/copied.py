"""The source, or most of it, stands where the translation should."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mtalign.document import Flag, Severity

if TYPE_CHECKING:
    from mtalign.languages import Language

_WORD = re.compile(r"[^\W\d_]+")
SHARED_LIMIT = 0.6
"""Share of a translation's longer lower-case words that the source has too, from which it is a copy."""


def check_copied(
    source: str, translation: str, source_language: Language, target_language: Language
) -> list[Flag]:
    """The translation repeats the source's words instead of translating them."""
    if source_language.code == target_language.code:
        return []
    words = {word for word in _WORD.findall(translation) if len(word) >= 4 and word.islower()}
    source_words = set(_WORD.findall(source))
    same = source.casefold().split() == translation.casefold().split()
    lower = any(word.islower() for word in source_words)
    shared = len(words & source_words)
    if (same and lower) or (len(words) >= 3 and shared >= SHARED_LIMIT * len(words)):
        return [Flag("copied", Severity.ERROR, "the source stands where the translation should")]
    return []

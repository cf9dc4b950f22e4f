"""The source, or most of it, stands where the translation should."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mtalign.checks.prose import prose
from mtalign.document import Flag, Severity
from mtalign.languages import identify

if TYPE_CHECKING:
    from mtalign.languages import Language

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_FEWEST = 5
"""Different words that a translation must have to be judged: titles share a few by nature."""
SHARED_LIMIT = 0.6
"""Share of a translation's lower-case words that the source has too, above which it is a copy.

English words that hold a sentence together count too: languages that share learned words (*configuration*,
*assistance*) do not share those.
"""


def check_copied(
    source: str, translation: str, source_language: Language, target_language: Language
) -> list[Flag]:
    """The translation repeats the source's words instead of translating them."""
    if source_language.code == target_language.code:
        return []
    source_words = set(_WORD.findall(source))
    if source.casefold().split() == translation.casefold().split():
        # One word may well be the same in both: a command, a loan, a unit. So may a name.
        own = _WORD.findall(prose(source))
        copied = len(own) > 1 and any(word.islower() for word in own)
    else:
        words = {word for word in _WORD.findall(prose(translation)) if len(word) >= 2 and word.islower()}
        copied = len(words) >= _FEWEST and len(words & source_words) > SHARED_LIMIT * len(words)
    # A sentence that is English already, in a document of another language, is rightly the same.
    if copied and ((found := identify(source)) is None or found.code != target_language.code):
        return [Flag("copied", Severity.ERROR, "the source stands where the translation should")]
    return []

"""A translation that stops in the middle."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mtalign.checks.sentences import CLOSERS, ENDS, ends_sentence
from mtalign.document import Flag, Severity

if TYPE_CHECKING:
    from mtalign.languages import Language

_ALSO_ENDS = ENDS + ":;：；—–"
_DANGLING = frozenset(
    "the a an of and or but to in on at by for from with as than that which who whose"
    " into its their his her our"
    " your my is are was were be been has have had will would can could should may might must not".split()
)
_MAY_DANGLE = frozenset("in on by for with as that is are was were be has have had will can to".split())
"""Words that a headline or a question does end with now and then ("what it was used for")."""


def check_truncated(
    source: str, translation: str, source_language: Language, target_language: Language
) -> list[Flag]:
    """The source ends its sentence and the translation does not, or ends on a comma or a word like "the"."""
    theirs, ours = source.rstrip(CLOSERS), translation.rstrip(CLOSERS)
    if not theirs or not ours:
        return []
    last = re.search(r"[^\W\d_]*\W?$", ours)
    start = last.start() if last else len(ours)
    word = ours[start:].rstrip(",-").lower()
    if ends_sentence(source) and ours[-1] not in _ALSO_ENDS and not _ellipsis(source):
        says = "the source ends its sentence, the translation does not"
    elif ours[-1] in ",(" and theirs[-1] not in ",、，(（:：;；-":
        says = "it ends with a comma: something may be missing"
    elif ours[-1].isalpha() and word in _DANGLING - _MAY_DANGLE:
        says = f"it ends with “{word}”: something may be missing"
    else:
        return []
    return [Flag("truncated", Severity.WARNING, says, translation_span=(start, len(translation)))]


def _ellipsis(source: str) -> bool:
    """``etc.``, ``Nr.``: a stop after a short word that may be an abbreviation in a line without a verb."""
    return len(source.split()) <= 3 and len(source) <= 30 and source.isascii()

"""The translation is in another language than the one asked for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mtalign.document import Flag, Severity
from mtalign.languages import identify, source_script_characters
from mtalign.scripts import script_counts

if TYPE_CHECKING:
    from mtalign.languages import Language

FUNCTION_WORDS = frozenset(
    "the of and to in a is that for it was on with as are be by this at from have has had"
    " he she they we you i"
    " not or an but were been his her their its our your my which who what when where how"
    " there will would can"
    " could should may might do does did if so than then them him us me no more about"
    " into over after before up"
    " out all also one two new other some any only just like such these those because"
    " while during between".split()
)
"""What English sentences are held together by."""

_WORD = re.compile(r"[^\W\d_]+")
_FEWEST = 5
"""Translations of fewer words say too little."""
_USUAL_SHARE = 0.12
"""Share of function words from which a text is English without a closer look; nearly all English has more."""


def check_language(
    source: str, translation: str, source_language: Language, target_language: Language
) -> list[Flag]:
    """The translation is no English, by its script or by its words."""
    if target_language.code != "en":
        return []
    words = _WORD.findall(translation.lower())
    if len(words) >= _FEWEST and sum(w in FUNCTION_WORDS for w in words) >= _USUAL_SHARE * len(words):
        return []
    if not translation.isascii():
        counts = script_counts(translation)
        latin, letters = counts.get("Latn", 0), sum(counts.values())
        # What is left in the source's script has a flag of its own.
        own = sum(end - start for start, end in source_script_characters(translation, source_language))
        if letters >= _FEWEST and letters - latin - own > 0.5 * letters:
            return [_flag(translation, "another script")]
    if len(words) < _FEWEST:
        return []
    found = identify(translation)
    if found is None or found.code == "en":
        return []
    return [_flag(translation, found.name)]


def _flag(translation: str, what: str) -> Flag:
    return Flag(
        "wrong_language",
        Severity.WARNING,
        f"this looks like {what}, not like English",
        translation_span=(0, len(translation)),
    )

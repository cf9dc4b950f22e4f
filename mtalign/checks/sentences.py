"""Fewer sentences than the source has, and too little text to hold them all; or more."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mtalign.checks.length import expected_length
from mtalign.document import Flag, Severity

if TYPE_CHECKING:
    from mtalign.languages import Language

_STOP = re.compile(r"(?:[.!?]+[\"'”’“»)\]]*(?=\s|$)|[。！？｡]+[」』”’）)]*)")
_NO_STOP = re.compile(
    r"(?:\b(?:[A-ZÄÖÜ]|[A-Za-zÄÖÜäöü]{1,2}|Mr|Mrs|Dr|Prof|St|Nr|No|vs|etc|bzw|ca|usw|Jan|Feb|Aug|Sept|Oct|Nov|Dec|Inc|Ltd|Co"
    r"|Jr|Sr|Gen|Sen|Gov|Rep|Lt|Col|approx|Abs|Art|bspw|evtl|ggf|inkl|Mio|Mrd|Tel|Str)|\d)\.$"
)

CLOSERS = "\"'”’“‘»«)）]］】」』》〉*_ \u00a0"
"""What may stand behind a stop."""
ENDS = ".!?…。！？．｡؟।"
SHARE = 0.8
"""Length, as a multiple of the one to expect, below which a missing sentence is taken for dropped.

Good translations join sentences now and then, but then keep their length.
"""
ADDED = 1.5
"""The same for a sentence too many."""


def ends_sentence(text: str) -> bool:
    """Whether ``text`` ends with a stop, as a sentence does and a heading or a button does not."""
    return text.rstrip(CLOSERS).endswith(tuple(ENDS))


def count_sentences(text: str) -> int:
    """Number of sentences by their stops; abbreviations, initials and ordinals end none. At least 1."""
    stripped = text.strip()
    count = 0
    last = 0
    for stop in _STOP.finditer(stripped):
        if stop.group() == "." and _NO_STOP.search(stripped, max(0, stop.start() - 8), stop.end()):
            continue
        count += 1
        last = stop.end()
    return max(1, count + any(map(str.isalnum, stripped[last:])))


def check_sentences(
    source: str, translation: str, source_language: Language, target_language: Language
) -> list[Flag]:
    """The number of sentences and the length together say that one was dropped or added."""
    expected = expected_length(source, source_language)
    if expected is None or target_language.code != "en":
        return []
    theirs, ours = count_sentences(source), count_sentences(translation)
    ratio = len(translation.strip()) / max(expected, 1.0)
    if ours < theirs and ratio < SHARE:
        says = (
            f"{theirs} sentences in the source, {ours} here, and too short for all: one may have been dropped"
        )
        return [Flag("sentences", Severity.WARNING, says)]
    if ours > theirs and ratio > ADDED and len(source) >= 12:
        says = f"{theirs} in the source, {ours} sentences here, and too long: one may have been added"
        return [Flag("sentences", Severity.WARNING, says)]
    return []

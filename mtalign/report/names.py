"""Names that stand on both sides of a segment, to be marked in both.

* A word in Latin letters with a capital that the English has too: ``NATO`` in a Chinese sentence.
* Katakana with English words that sound like it: :mod:`mtalign.checks.sound`.

German nouns have capitals and katakana writes common words too: there the English has to show that the word
is a name, by a capital inside a sentence, here or elsewhere in the document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mtalign.checks.sound import best_match, consonants, sound_of_katakana
from mtalign.document import Status
from mtalign.errors import LanguageError
from mtalign.languages import parse_language
from mtalign.records import Record, WordLink

_WORD = re.compile(r"(?<![\w@/.:#-])[^\W\d_][\w]*(?:[-&'’][^\W\d_]\w*)*(?![\w@/]|\.\w)")
_LATIN = re.compile(
    r"(?<![A-Za-z@/.:#-])[A-Za-zÀ-ÖØ-öø-ÿ][A-Za-zÀ-ÖØ-öø-ÿ0-9]+(?:[-&'’][A-Za-z0-9]+)*(?![A-Za-z@/]|\.[A-Za-z])"
)
"""In a text of another script, which has no spaces to set a word apart."""
_KATAKANA = re.compile("[ァ-ヴー]{3,}")
_SENTENCE_START = re.compile(r"(?:^|[.!?:;…。！？：；]|\n)[\s\"'“”‘’«»„(\[–—-]*$")
_LEAST_ALIKE = {0: 2.0, 1: 2.0, 2: 0.84}
"""By number of consonants: few sounds are soon alike. The others need 0.72."""


def find_names(records: Iterable[Record]) -> dict[str, tuple[WordLink, ...]]:
    """By segment id its names: start and end in the source, start and end in the translation.

    Offsets are in characters. Only what a model translated is looked at.
    """
    translated = [(r, r.translation.text) for r in records if r.translation.status is Status.TRANSLATED]
    pairs = [(record, text) for record, text in translated if text]
    known = {name for _, text in pairs for name in _sure(text)}
    found = {}
    for record, text in pairs:
        names = _names(record.segment.text, text, record.segment.language, known)
        if names:
            found[record.segment.id] = names
    return found


def _sure(english: str) -> Iterable[str]:
    """The words of an English text that can be nothing but names: acronyms, capitals inside a sentence."""
    capitals = sum(map(str.isupper, english)) > 0.5 * sum(map(str.isalpha, english))
    for match in _WORD.finditer(english):
        word = match.group()
        if capitals or not _has_capital(word):
            continue
        if _is_acronym(word) or not _SENTENCE_START.search(english, 0, match.start()):
            yield word.casefold()


def _names(source: str, english: str, language: str, known: set[str]) -> tuple[WordLink, ...]:
    try:
        script = parse_language(language).script
    except LanguageError:
        return ()
    places: dict[str, list[tuple[int, int]]] = {}
    for match in _WORD.finditer(english):
        if _has_capital(match.group()):
            places.setdefault(match.group().casefold(), []).append(match.span())
    names: list[WordLink] = []
    if script == "Latn":
        found = [
            m for m in _WORD.finditer(source) if m.group().casefold() in known and _has_capital(m.group())
        ]
    else:
        found = [m for m in _LATIN.finditer(source) if _has_capital(m.group())]
    for match in found:
        names += [(*match.span(), *place) for place in places.get(match.group().casefold(), ())]
    for match in _KATAKANA.finditer(source):
        sounds = sound_of_katakana(match.group())
        least = _LEAST_ALIKE.get(consonants(sounds), 0.72)
        alike, (start, end) = best_match(sounds, english)
        words = english[start:end].casefold().split()
        if alike >= least and any(word in known for word in words):
            names.append((*match.span(), start, end))
    return tuple(sorted(set(names)))


def _has_capital(word: str) -> bool:
    return len(word) > 1 and any(map(str.isupper, word))


def _is_acronym(word: str) -> bool:
    return len(word) > 1 and word.isupper()

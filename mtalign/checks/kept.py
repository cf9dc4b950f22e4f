"""How likely a word of a source is a name, which a translation keeps: by its letters, or by its sound.

German writes every noun with a capital, Korean nothing. But names have no article as a rule, stand beside
other names, and are made of letters that other words are not made of. Weights (``kept.json``, from
``bench/fit_kept.py``) of such features and of two letters in a row (in Korean: of a syllable's parts) are
fitted on which words good translations keep.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from mtalign.checks.heard import read_aloud
from mtalign.checks.sound import best_match, consonants
from mtalign.checks.spelling import fold
from mtalign.files import packaged_json

LANGUAGES = ("de", "ko")
"""Primary codes of the languages whose words can be judged."""
_WORD = re.compile(r"[^\W\d_]+")
_DETERMINERS = frozenset(
    "der die das den dem des zum zur im am vom beim ins ans alle allen aller viele vielen vieler einige"
    " einigen mehrere mehreren beide beiden".split()
) | {
    stem + ending
    for stem in "ein kein mein dein sein ihr unser dies jed jen welch solch".split()
    for ending in ("", "e", "en", "em", "er", "es")
}
_PREPOSITIONS = frozenset(
    "in aus nach bei von für mit gegen über um vor zwischen durch ohne bis seit zu an auf unter und oder"
    " als wie".split()
)
_INFLECTED = re.compile("[a-zäöü]{2,}(?:en|em|er|es|e)$")
_ENDS = '.!?:;…"„“”»«()–—\n'
_LEAST_LETTERS = {"de": 3, "ko": 2}
_LIKELY = 0.3
"""Only words that are as likely names are listened for: it takes long."""
ENOUGH = 0.65
"""Likeness of sound from which a word is kept."""
_LEAST_CONSONANTS = 2


@dataclass(frozen=True)
class Word:
    """A word that may be a name."""

    text: str
    span: tuple[int, int]
    features: frozenset[str]


def words_of(text: str, language: str) -> Iterator[Word]:
    """The words of a text in one of :data:`LANGUAGES` that may be names, acronyms left out."""
    found = list(_WORD.finditer(text))
    for place, match in enumerate(found):
        word = match.group()
        if len(word) < _LEAST_LETTERS[language]:
            continue
        if language == "ko":
            if "가" <= word[0] <= "힣":
                yield Word(word, match.span(), frozenset(_pairs(unicodedata.normalize("NFD", word))))
            continue
        if not word[0].isupper() or not word[1:].islower():
            continue
        before, after = "", ""
        first = not place or any(mark in text[found[place - 1].end() : match.start()] for mark in _ENDS)
        if place and not text[found[place - 1].end() : match.start()].strip():
            before = found[place - 1].group()
        if place + 1 < len(found) and not text[match.end() : found[place + 1].start()].strip():
            after = found[place + 1].group()
        small = before.lower()
        stands = {
            "after determiner": small in _DETERMINERS,
            "after preposition": small in _PREPOSITIONS,
            "after inflected": small not in _DETERMINERS and _INFLECTED.fullmatch(before) is not None,
            "after capital": before[:1].isupper() and small not in _DETERMINERS | _PREPOSITIONS,
            "before capital": after[:1].isupper(),
            "first": first,
            "long": len(word) > 10,
        }
        features = {name for name, so in stands.items() if so}
        yield Word(word, match.span(), frozenset(features.union(_pairs(word.lower()))))


def _pairs(letters: str) -> Iterator[str]:
    bounded = f"^{letters}$"
    return (bounded[place : place + 2] for place in range(len(bounded) - 1))


def is_kept(word: str, translation: str, language: str) -> bool:
    """Whether a folded translation has a word, maybe without the ending of a genitive; in Korean its sound.

    A Korean word too short to be told by its sound counts as kept.
    """
    if language == "ko":
        sounds = read_aloud(word)[0].replace(" ", "")
        return consonants(sounds) < _LEAST_CONSONANTS or best_match(sounds, translation, ENOUGH)[0] >= ENOUGH
    key = fold(word)
    return key in translation or (key.endswith("s") and key[:-1] in translation)


@lru_cache(maxsize=1)
def _weights() -> Mapping[str, Mapping[str, float]]:
    return packaged_json("mtalign.checks", "kept.json")


def lost_names(source: str, translation: str, language: str) -> list[tuple[tuple[int, int], float]]:
    """Words of a source that ``translation`` (folded) has not, by their characters: how likely names."""
    weights = _weights()[language]
    found = []
    for word in words_of(source, language):
        odds = weights["bias"] + math.fsum(weights.get(one, 0.0) for one in word.features)
        likely = 1 / (1 + math.exp(-odds))
        if likely >= _LIKELY and not is_kept(word.text, translation, language):
            found.append((word.span, likely))
    return found

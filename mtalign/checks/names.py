"""Names and acronyms that the translation lost or changed, where their spelling tells.

* Latin letters in a source of another script (``NATO``, ``IP4``, ``Siminoff``) are kept as they are.
* Acronyms of a source in Latin script are kept, or become another acronym or its words.
* Katakana is written by sound: one of the English words has to sound like it.

Names in Han or Hangul cannot be told from other words, nor can German nouns from names. From the side of the
translation they are judged by sentence vectors in :mod:`mtalign.checks.founded`; what a whole run says of
them is in :mod:`mtalign.checks.consistency` and :mod:`mtalign.checks.run_names`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mtalign.checks.characters import normalize
from mtalign.checks.sound import best_match, consonants, sound_of_katakana
from mtalign.document import Flag, Severity

if TYPE_CHECKING:
    from mtalign.languages import Language

_LATIN = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ][A-Za-zÀ-ÖØ-öø-ÿ0-9]*(?:[-&.'’][A-Za-z0-9À-ÖØ-öø-ÿ]+)*")
_ACRONYM = re.compile(
    r"(?<![\w@/.-])(?=[A-Z0-9-]*[A-Z][A-Z0-9-]*[A-Z0-9])[A-Z][A-Z0-9]+(?:-?[A-Z0-9]+)*s?(?![\w@/-]|\.\w)"
)
_KATAKANA = re.compile("[ァ-ヴー]{4,}")
_ALNUM = re.compile(r"[^a-z0-9]+")
_LETTERS = re.compile(r"[a-z]+")

_OTHERWISE: dict[str, tuple[str, ...]] = {
    "sns": ("social", "network"), "tv": ("television", "tv"), "no": (), "vs": (), "ol": ("office",), "cm": (),
    "dvd": (), "pc": ("computer", "pc"), "km": (), "kg": (), "mm": (), "ml": (),
    "www": (), "http": (), "https": (),
    "usa": ("us", "america", "states"), "us": ("america", "states"), "uk": ("britain", "kingdom", "british"),
    "eu": ("europ",), "un": ("united nations",), "uno": ("un", "united nations"), "wm": ("world", "champ"),
    "em": ("europ", "champ"), "ai": ("artificial",), "it": ("information", "tech"),
    "ok": (), "gdp": ("domestic",),
    "ceo": ("chief", "executive", "head", "boss"), "cd": (), "sos": (), "ec": ("e-commerce", "online"),
    "nhk": ("nhk",), "pr": ("promot", "publi"), "hp": ("website", "home", "page"), "bgm": ("music",),
}  # fmt: skip
"""Lower case; what else an abbreviation may become. An empty tuple: anything."""

SOUND = 0.45
"""Likeness of sound from which an English word may be the katakana one; see :mod:`mtalign.checks.sound`."""
_LEAST_CONSONANTS = 3


def check_names(
    source: str, translation: str, source_language: Language, target_language: Language
) -> list[Flag]:
    """A name or acronym of the source that the translation lacks."""
    if target_language.code != "en" or source_language.code == "en":
        return []
    text, places = normalize(source)
    if source_language.script == "Latn":
        spans = _lost_acronyms(text, translation)
    else:
        spans = _lost_latin(text, translation)
    if source_language.primary == "ja":
        spans += _lost_katakana(text, translation)
    return [
        Flag(
            "name",
            Severity.WARNING,
            f"{text[start:end]} of the source is not in the translation",
            source_span=places(start, end),
        )
        for start, end in spans
    ]


def _lost_latin(source: str, translation: str) -> list[tuple[int, int]]:
    found = list(_LATIN.finditer(source))
    if not found:
        return []
    lower = translation.lower()
    have = _ALNUM.sub("", lower)
    lost = []
    for match in found:
        name = match.group()
        before = source[match.start() - 1 : match.start()]
        key = _ALNUM.sub("", name.lower())
        if len(key) < 2 or before.isdigit() or before in ("/", "@", "&", "%", "<", "{", "."):
            continue
        if key in have or _otherwise(key, lower):
            continue
        # A longer word may be inflected or spelled the American way.
        if len(key) >= 5 and name.islower() and key[:4] in have:
            continue
        if name.isupper() and len(name) <= 5 and _initials(name, translation):
            continue
        lost.append(match.span())
    return lost


def _lost_acronyms(source: str, translation: str) -> list[tuple[int, int]]:
    found = list(_ACRONYM.finditer(source))
    # A headline in capitals has no acronyms.
    if not found or sum(map(str.isupper, source)) > 0.6 * sum(map(str.isalpha, source)):
        return []
    lower = translation.lower()
    have = _ALNUM.sub("", lower)
    new = [m.group() for m in _ACRONYM.finditer(translation) if m.group() not in source]
    lost = []
    for match in found:
        name = match.group()
        key = _ALNUM.sub("", name.lower())
        if key in have or _otherwise(key, lower) or (key.endswith("s") and key[:-1] in have):
            continue
        # EZB becomes ECB, or the European Central Bank; LKW a word. With a digit it is nobody's initials.
        if not any(map(str.isdigit, name)) and (new or len(name) < 4 or _initials(name, translation)):
            continue
        lost.append(match.span())
    return lost


def _otherwise(key: str, lower: str) -> bool:
    words = _OTHERWISE.get(key)
    return words is not None and (not words or any(word in lower for word in words))


def _initials(name: str, translation: str) -> bool:
    """Whether words in a row begin with the letters of the acronym, small words between them left out."""
    letters = [letter for letter in name.lower() if letter.isalpha()]
    words = [
        w[0]
        for w in _LETTERS.findall(translation.lower())
        if w not in ("of", "the", "and", "for", "in", "on")
    ]
    return len(letters) >= 2 and "".join(letters) in "".join(words)


def _lost_katakana(source: str, translation: str) -> list[tuple[int, int]]:
    lost = []
    for match in _KATAKANA.finditer(source):
        sounds = sound_of_katakana(match.group())
        if consonants(sounds) >= _LEAST_CONSONANTS and best_match(sounds, translation, SOUND)[0] < SOUND:
            lost.append(match.span())
    return lost

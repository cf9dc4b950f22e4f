"""How alike a katakana word and English words sound.

Both are written in a rough alphabet of sounds and aligned: a consonant counts one, a
vowel less (katakana adds
vowels), and sounds that katakana or English spelling mixes up (k and g, s and sh, h and f) count in part.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

VOWELS = "aiueo"
ALPHABET = "abcdefghijklmnopqrstuvwxyzSCJ "
"""All sounds, and what stands between words."""
_ROWS = {
    "k": "カキクケコ", "g": "ガギグゲゴ", "s": "サシスセソ", "z": "ザジズゼゾ", "t": "タチツテト",
    "d": "ダヂヅデド",
    "n": "ナニヌネノ", "h": "ハヒフヘホ", "b": "バビブベボ", "p": "パピプペポ", "m": "マミムメモ",
    "r": "ラリルレロ",
    "": "アイウエオ", "w": "ワヰ ヱヲ", "y": "ヤ ユ ヨ",
}  # fmt: skip
_KANA = {kana: (row, VOWELS[place]) for row, kanas in _ROWS.items() for place, kana in enumerate(kanas)}
_KANA |= {
    "シ": ("S", "i"),
    "チ": ("C", "i"),
    "ジ": ("J", "i"),
    "ツ": ("C", "u"),
    "フ": ("f", "u"),
    "ヴ": ("b", "u"),
    "ン": ("n", ""),
}
_SMALL = dict(zip("ァィゥェォャュョ", "aiueoauo", strict=True))
# S is sh, C is ch and ts, J is j.
_SPELLINGS = (
    ("tch", "C"), ("sch", "S"), ("ch", "C"), ("sh", "S"), ("tion", "Son"), ("sion", "Jon"), ("ph", "f"),
    ("th", "s"),
    ("ck", "k"), ("ce", "se"), ("ci", "si"), ("cy", "si"), ("dge", "Je"), ("ge", "Je"),
    ("gi", "Ji"), ("j", "J"),
    ("x", "ks"), ("qu", "kw"), ("wh", "w"), ("kn", "n"), ("c", "k"), ("q", "k"),
    ("l", "r"), ("v", "b"), ("y", "i"),
    ("gh", "g"), ("tz", "C"), ("ts", "C"),
)  # fmt: skip
_NEAR = {
    "kg": 0.6, "kC": 0.6, "td": 0.6, "tC": 0.5, "bp": 0.5, "hf": 0.7, "sz": 0.7, "sS": 0.7, "SC": 0.6,
    "zJ": 0.7,
    "JC": 0.5, "Jd": 0.4, "Jg": 0.6, "mn": 0.6, "fp": 0.4, "bw": 0.4, "sC": 0.6,
    "zd": 0.3, "sJ": 0.4, "hg": 0.4,
    "bf": 0.5, "st": 0.3, "JS": 0.6,
}  # fmt: skip
_LIKENESS = {
    (a, b): value for pair, value in _NEAR.items() for a, b in ((pair[0], pair[1]), (pair[1], pair[0]))
}
_LIKENESS |= {(sound, sound): 1.0 for sound in ALPHABET}
_LIKENESS |= {(a, b): 0.4 if a == b else 0.2 for a in VOWELS for b in VOWELS}
_WORD = re.compile(r"[a-z]+")
_DOUBLED = re.compile(r"(.)\1")
_PER_JOIN = 0.06
"""What each further word costs: several short words sound like anything."""


def sound_of_katakana(text: str) -> str:
    """``シミノフ`` is ``Siminofu``; length marks are left out."""
    sounds: list[str] = []
    for place, kana in enumerate(text):
        if kana in _SMALL:
            if sounds and sounds[-1] in VOWELS:
                sounds.pop()
            sounds.append(_SMALL[kana])
            continue
        consonant, vowel = _KANA.get(kana, ("", ""))
        if kana == "チ" and text[place + 1 : place + 2] == "ィ":
            consonant = "t"
        sounds += [sound for sound in (consonant, vowel) if sound and sound != "y"]
    return "".join(sounds)


@lru_cache(maxsize=8192)
def sound_of_word(word: str) -> str:
    """An English word, in lower case without accents, in the same alphabet."""
    for letters, sound in _SPELLINGS:
        word = word.replace(letters, sound)
    return _DOUBLED.sub(r"\1", word)


def likeness_of(sound: str, other: str) -> float | None:
    """How alike two sounds are, 0 to 1; None where they are not alike at all."""
    return _LIKENESS.get((sound, other))


def consonants(sounds: str) -> int:
    """How many consonants ``sounds`` has."""
    return sum(sound not in VOWELS for sound in sounds)


def best_match(sounds: str, translation: str, enough: float = 1.0) -> tuple[float, tuple[int, int]]:
    """The word, or up to three in a row, of ``translation`` that sound most like ``sounds``.

    The search ends at the first that is ``enough`` like them.

    Returns:
        How alike they are, 0 to 1, and the characters of the words.
    """
    plain = translation.lower()
    if not plain.isascii():
        plain = "".join(unicodedata.normalize("NFD", character)[0] for character in plain)
    words = [(match.span(), sound_of_word(match.group())) for match in _WORD.finditer(plain)]
    # A word that begins alike is the likeliest.
    words_first = sorted(range(len(words)), key=lambda place: words[place][1][:1] != sounds[:1])
    longest, own = 1.6 * consonants(sounds) + 1, _weight(sounds)
    together = 3 if len(sounds) >= 10 else 1
    best, where = 0.0, (0, 0)
    for first in words_first:
        joined = ""
        for last in range(first, min(first + together, len(words))):
            joined += words[last][1]
            if consonants(joined) > longest:
                break
            both = own + _weight(joined)
            if not both or 2 * min(own, _weight(joined)) / both - _PER_JOIN * (last - first) <= best:
                continue
            alike = likeness(sounds, joined) - _PER_JOIN * (last - first)
            if alike > best:
                best, where = alike, (words[first][0][0], words[last][0][1])
                if best >= enough:
                    return best, where
    return best, where


@lru_cache(maxsize=65536)
def likeness(left: str, right: str) -> float:
    """Weight of the best alignment of two rows of sounds, over their mean weight: 0 to 1."""
    total = _weight(left) + _weight(right)
    if not total:
        return 0.0
    if 2 * min(_weight(left), _weight(right)) < 0.4 * total:
        return 0.0
    row = [0.0] * (len(right) + 1)
    for sound in left:
        diagonal = 0.0
        for place, other in enumerate(right, start=1):
            above = row[place]
            gain = _LIKENESS.get((sound, other), 0.0)
            row[place] = max(above, row[place - 1], diagonal + gain)
            diagonal = above
    return 2 * row[-1] / total


def weight_of(sound: str) -> float:
    """What one sound counts for: a vowel less than a consonant."""
    return 0.4 if sound in VOWELS else 1.0


@lru_cache(maxsize=16384)
def _weight(sounds: str) -> float:
    return sum(map(weight_of, sounds))


_KATAKANA = re.compile("[ァ-ヴー]{3,}")
_LEAST_CONSONANTS = 2
_ENOUGH = 0.65


def unheard(source: str, translation: str) -> float:
    """How unlike anything in ``translation`` the katakana word of ``source`` is that is met worst: 0 to 1.

    A word of few consonants is like anything and is not asked for; 0 where there is none to ask for.
    """
    worst = 1.0
    for match in _KATAKANA.finditer(source):
        sounds = sound_of_katakana(match.group())
        if consonants(sounds) >= _LEAST_CONSONANTS:
            worst = min(worst, best_match(sounds, translation, _ENOUGH)[0] / _ENOUGH)
    return max(0.0, 1 - worst)

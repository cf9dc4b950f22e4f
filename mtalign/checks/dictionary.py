"""What the words of a Chinese text mean and how they are read, by the dictionary of :mod:`mtalign.cedict`.

It writes the reading of a name with a capital.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from mtalign.cedict import SMALL_WORDS, all_words, english_words, entries_of, words_of
from mtalign.checks.heard import TRANSLITERATING
from mtalign.checks.spelling import fold

_CAPITALISED = re.compile(r"\b[A-ZÀ-ÖØ-Þ][\w'’]+")
_REFERENCE = re.compile(r"[一-鿿·|]+(?:\[[^\]]*\])?|\[[^\]]*\]")
_ASIDE = re.compile(r"\(.*?\)|,.*")
_SHORT_FOR = re.compile(r"abbr\. for (?:[一-鿿]+\|)?([一-鿿]+)")
_DERIVED = re.compile("(?:ese|ian|ean|ish|an|es|s)$")
_WHERE = re.compile(r"\(.*?\)|,.*|\b(?:in|from|near|of [a-z]+) .*")
"""What the dictionary says of a name besides what it is called."""
_ALSO = {"sino": "china"}
"""English that the dictionary does not use."""
_OFTEN_ELSE = frozenset("中新日国國")
"""Short for a country, and oftener another word."""
_MORE_MEANINGS = dict.fromkeys(
    ("国内", "國內", "全国", "全國", "国人", "國人", "国产", "國產", "我国", "我國"), "china chinese"
)
"""What a Chinese text means by its own country."""
_NO_LETTER = re.compile(r"[^a-z0-9]+")
_INITIALS = re.compile(r"\b([a-z])\.(?=[a-z]\b)")
_TONE = re.compile(r"[1-5:]")
_SURNAMES = frozenset(
    "王李张張刘劉陈陳杨楊黄黃赵趙吴吳周徐孙孫马馬朱胡郭何林罗羅郑鄭梁谢謝宋唐许許韩韓冯馮邓鄧曹彭肖萧蕭田董袁潘蒋蔣蔡余杜叶葉程苏"
    "蘇魏吕呂丁任沈姚卢盧姜崔钟鍾谭譚陆陸汪范金石廖贾賈夏韦韋付方白邹鄒孟熊秦邱江尹薛闫閻段雷侯龙龍史陶黎贺賀顾顧毛郝龚龔邵钱錢严嚴"
    "覃武戴莫孔汤湯习習"
)
"""The hundred commonest surnames of China (Ministry of Public Security, 2020), simplified and traditional,
but for those that are commoner as other words."""
_CURRENCIES = tuple("元镑鎊币幣圆圓")
_MOST_READINGS = 4


@lru_cache(maxsize=32768)
def _meaning(word: str, *, names: bool) -> str:
    """The words of the senses of a word, folded, without asides; maybe only of its readings as a name."""
    means = f" {_MORE_MEANINGS.get(word, '')} "
    for entry in entries_of(word):
        name = entry.reading[:1].isupper()
        for sense in entry.senses if name or not names else ():
            if name and sense.startswith("surname"):
                continue
            plain = _REFERENCE.sub("", sense).removeprefix("abbr. for ").lstrip(", ")
            plain = (_WHERE if name else _ASIDE).sub("", plain)
            means += f"{_NO_LETTER.sub(' ', fold(plain))} "
            target = _SHORT_FOR.match(sense)
            if target and target[1] != word:
                means += _meaning(target[1], names=names)
    if " usa " in means or " us " in means:
        means += "united states america american "
    return means


def _stem(key: str, ending: int, least: int) -> str:
    """How a word begins that is ``key`` but for so many last letters; a short one is to be just that."""
    return f" {key[: max(least, len(key) - ending)]}" if len(key) >= least else f" {key} "


@dataclass(frozen=True)
class Meant:
    """How a dictionary connects an English word with a Chinese text."""

    by_word: bool = False
    """A word of two characters or more there means it, or one of two in a row that stand for countries."""
    by_character: bool = False
    """A character that is no part of such a word is short for it."""
    known: bool = False
    """Some word of the language means it."""
    ordinary: bool = False
    """So does one that is no name."""


NOT_MEANT = Meant()


def meant_in(word: str, source: str, *, names: bool) -> Meant:
    """Whether something in a Chinese ``source`` means ``word``; if that is a country, only ``names`` do."""
    key = _ALSO.get(fold(word), fold(word))
    stems = {_stem(key, 2, 5), f" {_DERIVED.sub('', key, count=1) if len(key) > 6 else key}"}
    words = words_of(source)
    by_word = any(stem in _meaning(one, names=names) for one in words.found for stem in stems)
    by_character = False
    for number, (place, one) in enumerate(words.parts):
        if by_word or len(one) > 1 or source[place - 1 : place].isdigit():
            continue
        if any(stem in _meaning(one, names=True) for stem in stems):
            beside = words.parts[max(0, number - 1) : number + 2]
            by_word = any(
                abs(at - place) == 1 and len(other) == 1 and _meaning(other, names=True).strip()
                for at, other in beside
            )
            by_character = by_character or one not in _OFTEN_ELSE
    english = english_words()
    return Meant(by_word, by_character, key in english or word in english, key in english)


@lru_cache(maxsize=16384)
def _called(word: str) -> frozenset[str]:
    """With what the English for a name begins; of a word that is not always a name nothing."""
    stems: set[str] = set()
    for entry in entries_of(word):
        if not entry.reading[:1].isupper():
            return frozenset()
        stems.add(f" {_TONE.sub('', fold(entry.reading)).replace(' ', '')}")
        for sense in entry.senses:
            for name in _CAPITALISED.findall(_REFERENCE.sub(" ", sense)):
                stems.update(_stem(one, 3, 3) for one in _NO_LETTER.split(fold(name)) if len(one) > 1)
    if " us " in stems or " usa" in stems:
        stems |= {" ameri", " us "}
    return frozenset(stems)


def lost_meanings(source: str, translation: str) -> float:
    """How many names of a Chinese ``source`` nothing in ``translation`` (folded) stands for.

    One beside a character that is no word counts half: both may be parts of another name.
    """
    plain = _INITIALS.sub(r"\1", translation)
    there = f" {_NO_LETTER.sub(' ', plain)} "
    parts = words_of(source).parts
    lost: dict[str, float] = {}
    for number, (place, word) in enumerate(parts):
        stems = _called(word) if len(word) > 1 and not word.endswith(_CURRENCIES) else ()
        if stems and not any(stem in there for stem in stems):
            beside = (
                one
                for at, one in parts[max(0, number - 1) : number + 2]
                if at + len(one) == place or at == place + len(word)
            )
            torn = any(len(one) == 1 and one not in SMALL_WORDS for one in beside)
            lost[word] = max(lost.get(word, 0.0), 0.5 if torn else 1.0)
    return sum(lost.values())


@lru_cache(maxsize=16384)
def _readings(character: str) -> tuple[str, ...]:
    readings = (_TONE.sub("", fold(entry.reading)) for entry in entries_of(character))
    return tuple(dict.fromkeys(one for one in readings if one.isalpha()))[:_MOST_READINGS]


@lru_cache(maxsize=1)
def _syllables() -> frozenset[str]:
    words = (word for word in all_words() if len(word) == 1)
    return frozenset(one for word in words for one in _readings(word) if len(one) > 1 or one in "aeo")


@lru_cache(maxsize=4096)
def count_syllables(letters: str) -> int:
    """How many syllables of Mandarin ``letters`` (folded) are, 0 if they are not."""
    if not letters:
        return 0
    for size in range(min(6, len(letters)), 0, -1):
        if letters[:size] in _syllables():
            if size == len(letters):
                return 1
            if rest := count_syllables(letters[size:]):
                return 1 + rest
    return 0


@lru_cache(maxsize=4096)
def is_spelled(letters: str, source: str) -> bool:
    """Whether characters in a row of ``source`` are read ``letters`` (folded)."""
    return any(_is_spelled_at(letters, source, place) for place in range(len(source)))


def _is_spelled_at(letters: str, source: str, place: int) -> bool:
    if not letters:
        return True
    return place < len(source) and any(
        letters.startswith(one) and _is_spelled_at(letters[len(one) :], source, place + 1)
        for one in _readings(source[place])
    )


def lost_people(source: str, translation: str) -> int:
    """How many of what may be people in a Chinese ``source`` are not spelled in ``translation`` (folded).

    They are a common surname with one or two characters that are no word.
    """
    there = _NO_LETTER.sub("", translation)
    return sum(not _is_read(name, there) for name in set(_people(words_of(source).parts)))


def _people(parts: Sequence[tuple[int, str]]) -> Iterator[str]:
    for number, (place, surname) in enumerate(parts):
        if surname not in _SURNAMES:
            continue
        name = surname
        for start, word in parts[number + 1 : number + 3]:
            if len(word) > 1 or start != place + len(name) or word in SMALL_WORDS:
                break
            name += word
        if len(name) > 1 and not TRANSLITERATING.issuperset(name):
            yield name


def _is_read(name: str, there: str) -> bool:
    """Whether the first character of the given name follows the surname, or the given name is there."""
    readings = [_readings(character) for character in name]
    ways = [*product(*readings[:2]), *(product(*readings[1:]) if len(name) > 2 else ())]
    return any("".join(way) in there for way in ways)

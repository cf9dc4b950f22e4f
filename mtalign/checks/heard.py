"""How much an English word sounds like something in a text of another script.

The text is read aloud by rule: katakana by its sounds, all else as AnyAscii romanises it (Hangul syllables,
the Mandarin reading of Chinese characters, Cyrillic, ...). In Chinese nothing tells where words begin, so the
word is laid beside every stretch of the text (Smith-Waterman, with the likeness of sounds of
:mod:`mtalign.checks.sound`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from mtalign.checks.sound import (
    ALPHABET,
    VOWELS,
    best_match,
    likeness_of,
    sound_of_katakana,
    sound_of_word,
    weight_of,
)
from mtalign.checks.spelling import fold

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_RUN = re.compile("[ァ-ヴー]+|[一-鿿]+|[^ァ-ヴー一-鿿]+")
_ROMAN = (
    ("ch", "C"), ("sh", "S"), ("zh", "J"), ("ts", "C"), ("tz", "C"), ("kh", "h"), ("ph", "f"), ("th", "s"),
    ("eo", "o"), ("eu", "u"), ("ae", "e"), ("j", "J"), ("l", "r"), ("v", "b"), ("y", "i"),
)  # fmt: skip
_MANDARIN = (("q", "C"), ("x", "S"), ("c", "C"))
_ELSEWHERE = (("q", "k"), ("x", "ks"), ("c", "k"))
_OTHER = re.compile(r"[^a-z]+")
_PLACE = {sound: place for place, sound in enumerate(ALPHABET)}
_MISSING = {True: 0.2, False: 0.6}
"""What a vowel and a consonant of the word cost that the text lacks."""
_EXTRA = {True: 0.1, False: 0.5}
"""The same of the text, within the stretch."""
_UNLIKE = {True: -0.1, False: -0.3}
_MOST = 4000
"""Sounds of a text that are looked at."""


def heard_in(word: str, text: str) -> tuple[float, int]:
    """How much of the sound of ``word`` one stretch of ``text`` has, at most 1, and of how many sounds."""
    letters = _OTHER.sub("", fold(word))
    sounds = sound_of_word(letters)
    if not sounds:
        return 0.0, 0
    if letters in read_aloud(text)[1]:
        return 1.0, len(sounds)
    weights, _, _ = _tables()
    most = sum(float(weights[_PLACE[sound]]) for sound in sounds if sound in _PLACE)
    return (_best(sounds, text) / most if most else 0.0), len(sounds)


TRANSLITERATING = frozenset(
    "阿埃艾安奥奧巴贝貝比彼波伯布博查达達代丹道德登迪蒂丁杜多顿頓厄恩尔爾法范菲费費芬弗夫福盖蓋冈岡戈格古瓜圭哈海汉漢豪赫亨洪胡"
    "霍基吉加贾賈杰傑金卡凯凱坎考科克肯孔库庫夸奎拉莱萊赖賴兰蘭朗劳勞勒雷里利莉列林琳留龙龍卢盧鲁魯伦倫罗羅洛吕呂马馬玛瑪迈邁麦麥"
    "曼芒梅门門蒙米密莫墨姆慕穆纳納娜奈瑙内内尼涅宁寧纽紐农努诺諾欧歐帕派潘庞佩彭皮珀普奇恰钱乔喬切琴让热荣儒若萨薩塞赛賽桑森沙莎"
    "申圣施什史士舒斯丝絲苏蘇索塔泰坦汤湯唐特滕提廷图圖托瓦万萬旺威韦韋维維温溫文翁沃乌烏武伍西希锡錫夏香肖谢謝辛欣休许許逊遜雅亚亞"
    "延扬耶叶葉伊茵英尤约約泽澤扎詹珍芝朱兹茲佐"
)
"""Characters with which Chinese writes foreign names by their sound."""
_FOREIGN = re.compile("[一-鿿·]+")
_LEAST_CHARACTERS = 3
_ENOUGH = 0.65


def unheard_in_chinese(source: str, translation: str) -> float:
    """As :func:`mtalign.checks.sound.unheard`, of what looks like a foreign name in a Chinese text."""
    worst = 1.0
    for match in _FOREIGN.finditer(source):
        start = place = match.start()
        for place in range(match.start(), match.end() + 1):
            if place < match.end() and source[place] in TRANSLITERATING:
                continue
            if place - start >= _LEAST_CHARACTERS:
                sounds = read_aloud(source[start:place])[0].replace(" ", "")
                worst = min(worst, best_match(sounds, translation, _ENOUGH)[0] / _ENOUGH)
            start = place + 1
    return max(0.0, 1 - worst)


def _best(sounds: str, text: str) -> float:
    import numpy as np

    heard = _places(text)
    if not len(heard):
        return 0.0
    _, likeness, extra = _tables()
    # With costs added up, the best gap before each place is a running maximum.
    costs = np.cumsum(extra[heard])
    previous = np.zeros(len(heard) + 1)
    row = np.empty(len(heard) + 1)
    start = 0.0
    for sound in sounds:
        missing = _MISSING[sound in VOWELS]
        start -= missing
        row[0] = start
        np.maximum(previous[:-1] + likeness[_PLACE[sound], heard], previous[1:] - missing, out=row[1:])
        row[1:] += costs
        np.maximum.accumulate(row, out=row)
        row[1:] -= costs
        previous, row = row, previous
    return float(previous.max())


@lru_cache(maxsize=64)
def _places(text: str) -> NDArray[np.int64]:
    import numpy as np

    return np.fromiter((_PLACE[sound] for sound in read_aloud(text)[0][:_MOST]), np.int64)


@lru_cache(maxsize=64)
def read_aloud(text: str) -> tuple[str, str]:
    """``text`` in the sounds of :mod:`mtalign.checks.sound`, a space between words; and in Latin letters."""
    from anyascii import anyascii

    sounds, letters = [], []
    for match in _RUN.finditer(text):
        run = match.group()
        latin = "".join(anyascii(character) for character in run).lower()
        letters.append(_OTHER.sub("", latin))
        if "ァ" <= run[0] <= "ヴ":
            sounds.append(sound_of_katakana(run))
            continue
        rules = (*_ROMAN, *(_MANDARIN if "一" <= run[0] <= "鿿" else _ELSEWHERE))
        for word in _OTHER.split(latin):
            for spelling, sound in rules:
                word = word.replace(spelling, sound)
            sounds.append(word)
    return " ".join(filter(None, sounds)), "".join(letters)


@lru_cache(maxsize=1)
def _tables() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Weight of each sound, likeness of each two, and what each costs where the word lacks it."""
    import numpy as np

    size = len(ALPHABET)
    likeness = np.empty((size, size))
    for a, first in enumerate(ALPHABET):
        for b, second in enumerate(ALPHABET):
            known = likeness_of(first, second)
            likeness[a, b] = known if known is not None else _UNLIKE[first in VOWELS]
    weights = np.array([weight_of(sound) for sound in ALPHABET])
    return weights, likeness, np.array([_EXTRA[sound in VOWELS] for sound in ALPHABET])

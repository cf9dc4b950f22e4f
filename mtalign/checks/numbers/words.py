"""Number words of source languages: what a number in the translation may stand for.

They are never asked for (``ein`` is an article, ``이`` is "this"); they only keep a number in the
translation from being called made up.
"""

from __future__ import annotations

import re

_GERMAN_ONES = {
    "null": 0, "ein": 1, "eins": 1, "eine": 1, "zwei": 2, "zwo": 2, "beid": 2,
    "drei": 3, "dritt": 3, "vier": 4,
    "fünf": 5, "sechs": 6, "sech": 6, "sieben": 7, "sieb": 7, "acht": 8, "neun": 9, "zehn": 10, "elf": 11,
    "zwölf": 12, "erst": 1,
}  # fmt: skip
_GERMAN_TENS = {
    "zwanzig": 20, "dreißig": 30, "dreissig": 30, "vierzig": 40, "fünfzig": 50, "sechzig": 60, "siebzig": 70,
    "achtzig": 80, "neunzig": 90,
}  # fmt: skip
_ONE = "|".join(sorted(_GERMAN_ONES, key=len, reverse=True))
_TEN = "|".join(_GERMAN_TENS)
_GERMAN = re.compile(
    rf"(?:(?:(?P<thousands>{_ONE})?(?P<thousand>tausend))?(?:und)?(?:(?P<hundreds>{_ONE})?(?P<hundred>hundert))?"
    rf"(?:und)?(?:(?P<unit>{_ONE})und(?P<tens>{_TEN})|(?P<teen>{_ONE})zehn|(?P<ten>{_TEN})|(?P<one>{_ONE}))?)"
)
_GERMAN_OTHERS = {
    "dutzend": 12.0,
    "hälfte": 0.5,
    "halb": 0.5,
    "halbe": 0.5,
    "anderthalb": 1.5,
    "viertel": 0.25,
}
_KOREAN_NATIVE = {
    "하나": 1, "한": 1, "첫": 1, "둘": 2, "두": 2, "세": 3, "셋": 3, "네": 4, "넷": 4, "다섯": 5, "여섯": 6,
    "일곱": 7, "여덟": 8, "아홉": 9, "열": 10, "스물": 20, "스무": 20, "서른": 30, "마흔": 40, "쉰": 50,
    "예순": 60, "일흔": 70, "여든": 80, "아흔": 90,
}  # fmt: skip
_KOREAN = re.compile("|".join(sorted(_KOREAN_NATIVE, key=len, reverse=True)))
_JAPANESE = {
    "ひとつ": 1,
    "ふたつ": 2,
    "みっつ": 3,
    "よっつ": 4,
    "いつつ": 5,
    "ひとり": 1,
    "ふたり": 2,
    "半": 0.5,
}


def german_values(text: str) -> set[float]:
    """Values of the German number words in ``text``, compounds and beginnings of words too."""
    found: set[float] = set()
    for word in re.findall(r"[a-zäöüß]{3,}", text.casefold()):
        found |= {value for other, value in _GERMAN_OTHERS.items() if word.startswith(other)}
        match = _GERMAN.match(word)
        if match is None or not match.group():
            continue
        part = match.groupdict()
        value = 0
        if part["thousand"]:
            value += 1000 * _GERMAN_ONES.get(part["thousands"] or "ein", 1)
        if part["hundred"]:
            value += 100 * _GERMAN_ONES.get(part["hundreds"] or "ein", 1)
        if part["tens"]:
            value += _GERMAN_TENS[part["tens"]] + _GERMAN_ONES[part["unit"]]
        elif part["teen"]:
            value += 10 + _GERMAN_ONES[part["teen"]]
        elif part["ten"]:
            value += _GERMAN_TENS[part["ten"]]
        elif part["one"]:
            value += _GERMAN_ONES[part["one"]]
        found.add(float(value))
    return found


def korean_values(text: str) -> set[float]:
    """Values of the native Korean numerals in ``text``."""
    found = {float(_KOREAN_NATIVE[match.group()]) for match in _KOREAN.finditer(text)}
    # 스물한: a ten before a one is one number.
    tens = {value for value in found if value >= 10}
    return found | {ten + one for ten in tens for one in found if one < 10}


def japanese_values(text: str) -> set[float]:
    """Values of native Japanese number words."""
    return {float(value) for word, value in _JAPANESE.items() if word in text}

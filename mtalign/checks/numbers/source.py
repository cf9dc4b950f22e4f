"""Numbers of a source text, as its language writes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mtalign.checks.numbers import cjk, words
from mtalign.checks.numbers.quantity import DIGITS, Quantity, grouped_value, parts, time_values, vulgar_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mtalign.languages import Language

DECIMAL_COMMA = frozenset(
    "af az be bg bs ca cs da de el es et eu fi fr gl hr hu hy id is it ka kk lt lv mk nb"
    " nl nn no pl pt ro ru sk"
    " sl sq sr sv tr uk uz vi".split()
)
"""Languages that write 1.234,5."""

_SCALES = {
    "tausend": 10**3, "tsd": 10**3, "million": 10**6, "millionen": 10**6, "mio": 10**6, "milliarde": 10**9,
    "milliarden": 10**9, "mrd": 10**9, "md": 10**9, "billion": 10**12, "billionen": 10**12, "hundert": 100,
    "dutzend": 12,
    "mille": 10**3, "millions": 10**6, "milliard": 10**9, "milliards": 10**9, "mil": 10**3, "millón": 10**6,
    "millones": 10**6, "milhão": 10**6, "milhões": 10**6, "bilhões": 10**9, "mila": 10**3, "milione": 10**6,
    "milioni": 10**6, "miliardo": 10**9, "miliardi": 10**9, "miljoen": 10**6, "miljard": 10**9,
    "тысяч": 10**3, "тыс": 10**3, "миллион": 10**6, "миллиона": 10**6, "миллионов": 10**6, "млн": 10**6,
    "миллиард": 10**9, "миллиарда": 10**9, "миллиардов": 10**9, "млрд": 10**9, "tys": 10**3, "mln": 10**6,
    "mld": 10**9, "milyon": 10**6, "milyar": 10**9, "bin": 10**3,
}  # fmt: skip
_UNIT = re.compile(r"\s?[多余餘数數几幾여]?([십백천만억조十百千万萬億亿兆])")
_ROMAN = re.compile(r"(?<![A-Za-zÄÖÜäöü])(?:I{1,3}|IV|VI{0,3}|IX|XI{0,3}|XIV|XVI{0,3})(?![A-Za-zÄÖÜäöü])")
_ROMAN_VALUES = {
    name: float(number)
    for number, name in enumerate(
        "I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI XVII XVIII".split(), start=1
    )
}
_CENTURY = re.compile(r"\.?\s?(?:世紀|世纪|세기|Jahrhundert|Jh\b)\s?")
_SCALE = re.compile(r"[\s\u00a0-]?([^\W\d_]+)")
_AM_PM = {"am": "오전午前上午凌晨清晨早上", "pm": "오후午後下午晚上傍晚"}
_HOUR = re.compile(r"\s?(?:Uhr|[시時点點](?![間间])|[hч]\b)")
_ERAS = {"明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018}
_DECADE = re.compile(r"\s?(?:年代|년대|er\b|er[- ]Jahre)")
_PORTION = re.compile(r"\s?(?:分\s?の|分之|분의)\s?")
_TENTHS = re.compile(r"\s?割")
_YEAR_PAIR = re.compile(r"(?<!\d)((?:1[89]|20)\d\d)\s?[/-](\d\d)(?![\d/-])")
_HALF = re.compile(r"\s?(?:[個个]?[年月点點時小]?半|반)")


def read_source(text: str, language: Language) -> list[Quantity]:
    """Numbers of ``text`` in order; those that are not :attr:`Quantity.sure` may be no numbers."""
    found = list(_digit_numbers(text, language))
    if language.primary in ("zh", "ja", "ko", "yue", "lzh"):
        found += _numerals(text, found)
    if language.primary == "ko":
        found += [
            Quantity(match.start(), match.end(), frozenset({value}), sure=False)
            for match in cjk.KOREAN_NUMERAL.finditer(text)
            if (value := cjk.numeral_value(match.group(), cjk.KOREAN_DIGITS)) is not None
        ]
    found += [Quantity(0, 0, frozenset({value}), sure=False) for value in _word_values(text, language)]
    found += [
        Quantity(match.start(), match.end(), frozenset({_ROMAN_VALUES[match.group()]}), sure=False)
        for match in _ROMAN.finditer(text)
    ]
    return found


def _word_values(text: str, language: Language) -> set[float]:
    if language.primary == "de":
        return words.german_values(text)
    if language.primary == "ko":
        return words.korean_values(text)
    return words.japanese_values(text) if language.primary == "ja" else set()


def _digit_numbers(text: str, language: Language) -> Iterator[Quantity]:
    comma = language.primary in DECIMAL_COMMA
    position = 0
    while match := DIGITS.search(text, position):
        kind, digits = match.lastgroup, match.group()
        if kind in ("mark", "by", "to"):
            kind = "grouped" if kind == "mark" else "date"
        position = match.end()
        if kind == "date" or (kind == "fraction" and digits.count(".") + digits.count(",") > 1):
            yield from parts(digits, match.start())
            continue
        if kind == "time":
            yield Quantity(match.start(), match.end(), time_values(digits))
            continue
        if kind == "vulgar":
            yield Quantity(match.start(), match.end(), frozenset({vulgar_value(digits)}))
            continue
        if kind == "fraction" and "\u2044" in digits:
            yield from parts(digits, match.start())
            continue
        values = _readings(digits, comma)
        if kind == "whole" and (pair := _YEAR_PAIR.match(text, match.start())):
            yield Quantity(match.start(), match.end(), values)
            century = int(pair[1]) // 100 * 100
            yield Quantity(pair.start(2), pair.end(2), frozenset({float(pair[2]), century + float(pair[2])}))
            position = pair.end()
            continue
        start, end, values = _scaled(text, match.start(), match.end(), values)
        if portion := _PORTION.match(text, end):
            numerator = DIGITS.match(text, portion.end())
            if numerator and float(digits or 0):
                top = min(_readings(numerator.group(), comma))
                shares = frozenset(top / value for value in values if value)
                yield Quantity(start, numerator.end(), shares | {100 * share for share in shares})
                position = numerator.end()
                continue
        position = end
        if after := _CENTURY.match(text, end):
            first = 100 * max(values) - 100
            yield Quantity(start, end, values | {first})
            decade = DIGITS.match(text, after.end())
            if decade and _DECADE.match(text, decade.end()):
                year = float(re.sub(r"\D", "", decade.group()))
                yield Quantity(decade.start(), decade.end(), frozenset({year, first + year}), decade=True)
                position = decade.end()
            continue
        # A single thing is "a" or "the" in English.
        # A small number that stands to a letter is part of a name or a unit: km2, G7, CO2.
        glued = text[start - 1 : start].isascii() and text[start - 1 : start].isalpha()
        sure = values != {1.0} and not (glued and max(values) < 1000)
        values |= _in_context(text, start, end, values)
        yield Quantity(start, end, values, sure, decade=_DECADE.match(text, end) is not None)


def _readings(digits: str, decimal_comma: bool) -> frozenset[float]:
    """Values of a number in digits: what the language says and, where texts use the other mark too, both."""
    marks = {character for character in digits if not character.isdigit()}
    if not marks:
        return frozenset({float(digits)})
    values = set()
    grouped = re.fullmatch(r"\d{1,3}(?:([.,'’\u00a0\u202f\u2009 ])\d{3})(?:\1\d{3})*(?:[.,]\d+)?", digits)
    if grouped:
        values.add(grouped_value(digits))
    one = next(iter(marks)) if len(marks) == 1 else ""
    # Both marks are read as decimal, but 2.200 in a language with the decimal comma is a thousand and more.
    ours = "," if decimal_comma else "."
    if one in (".", ",") and digits.count(one) == 1 and (one == ours or not grouped or digits[0] == "0"):
        values.add(float(digits.replace(",", ".")))
    return frozenset(values or {float(re.sub(r"\D", "", digits))})


def _scaled(text: str, start: int, end: int, values: frozenset[float]) -> tuple[int, int, frozenset[float]]:
    """Multiply by the units that follow, and add what follows those: 2億5000万, 3백 7십만, 400 多万."""
    total, section, current = 0.0, 0.0, min(values)
    smallest = float("inf")
    place = last = end
    while unit := _UNIT.match(text, place):
        scale = cjk.UNITS[unit[1]]
        if scale >= 10**4 and scale >= smallest:
            # 26万亿: one unit made of two.
            if current or section:
                break
            total, smallest = total * scale, float(scale)
        elif scale >= 10**4:
            total += (section + current) * scale
            section, smallest = 0.0, float(scale)
        else:
            section += (current or 1.0) * scale
        current = 0.0
        place = last = unit.end()
        following = DIGITS.match(text, last + (text[last : last + 1] == " "))
        if (
            following
            and following.lastgroup not in ("date", "time", "vulgar")
            and not text[last - 1].isdigit()
        ):
            if following.start() > last and not _UNIT.match(text, following.end()):
                break
            current, place = min(_readings(following.group(), False)), following.end()
            last = place
    if last > end:
        whole = total + section + current
        # 5,000만 in a text with the decimal comma: both readings stay.
        return (
            start,
            last,
            frozenset({whole} if len(values) == 1 else {whole, *(v * whole / min(values) for v in values)}),
        )
    if word := _SCALE.match(text, end):
        scale = _SCALES.get(word[1].casefold(), 1)
        if scale > 1:
            return start, word.end(), frozenset(value * scale for value in values)
    return start, end, values


def _in_context(text: str, start: int, end: int, values: frozenset[float]) -> set[float]:
    """Further values that what stands around the number gives it."""
    more: set[float] = set()
    if _HOUR.match(text, end):
        for value in values:
            # 18.30 Uhr: the minutes are read as hundredths, as in `time_values`.
            if value < 25:
                more |= {value - 12 if value >= 13 else value + 12, 12.0 if value in (0, 24) else value}
    if _DECADE.match(text, end):
        more |= {1900 + value for value in values if value < 100} | {
            2000 + value for value in values if value < 30
        }
    if _TENTHS.match(text, end):
        more |= {10 * value for value in values}
    if _HALF.match(text, end):
        more |= {value + 0.5 for value in values}
    if text[end : end + 1] == "年" and text[max(0, start - 2) : start] in _ERAS:
        more |= {value + _ERAS[text[start - 2 : start]] for value in values}
    if text[start - 1 : start] in ("'", "’") and end - start == 2:
        more |= {1900 + value for value in values} | {2000 + value for value in values}
    return more


def _numerals(text: str, digits: list[Quantity]) -> Iterator[Quantity]:
    taken = {place for quantity in digits for place in range(quantity.start, quantity.end)}
    for match in cjk.NUMERAL.finditer(text):
        if match.start() in taken:
            continue
        start, end, numeral = match.start(), match.end(), match.group()
        after = text[end : end + 1]
        if portion := _PORTION.match(text, end):
            top = cjk.NUMERAL.match(text, portion.end())
            below, above = cjk.numeral_value(numeral), top and cjk.numeral_value(top.group())
            if top and below and above:
                yield Quantity(start, top.end(), frozenset({above / below, 100 * above / below}), sure=False)
            continue
        value = cjk.numeral_value(numeral)
        if value is None:
            continue
        values = frozenset({value})
        sure = cjk.surely_counts(numeral, after)
        yield Quantity(start, end, values | _in_context(text, start, end, values), sure=sure)
        if len(numeral) > 1 and not sure:
            if len(numeral) == 2 and value < 100:
                yield Quantity(start, end, frozenset({1900 + value}), sure=False)
            singles = (cjk.numeral_value(character) for character in numeral if character in cjk.DIGITS)
            yield Quantity(start, end, frozenset(v for v in singles if v is not None), sure=False)

"""Percentages, currencies and units that the translation lost or changed."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from mtalign.document import Flag, Severity

if TYPE_CHECKING:
    from mtalign.languages import Language

_UNITS: tuple[tuple[str, str], ...] = (
    (
        r"[%％]|퍼센트|프로(?=\s|[가-힣])|パーセント|Prozent\b|prozentig",
        r"%|per ?cent|pc\b|percentage|pct|points?\b",
    ),
    (r"‰|Promille", r"‰|per mille?|permil|per thousand"),
    (r"€|Euro\b|유로|ユーロ|欧元|歐元", r"€|euro|EUR"),
    (r"\$|Dollar|달러|ドル|美元|美金", r"\$|dollar|USD|US\$|buck"),
    (r"£|Pfund Sterling|파운드|ポンド|英镑|英鎊", r"£|pound|GBP|sterling|lbs?\b"),
    (r"(?<=[\d千万億兆])\s?円|엔(?=\s|으로|의|을|에)|日元|日圓|¥", r"¥|yen|JPY|yuan|RMB|CNY"),
    (r"(?<=[\d만억조천백])\s?원(?=\s|으로|의|을|에|이|$|[.,)])|韩元", r"₩|won\b|KRW"),
    (r"人民币|(?<=[\d千万亿])\s?元|위안", r"¥|yuan|RMB|CNY|renminbi|dollar|\$|NT\b|HK\b|SGD|ringgit"),
    (r"km\b|Kilometer|킬로미터|キロメートル|公里|千米", r"km|kilomet|\bmile|\bmi\b|kph|kmph"),
    (r"(?<=\d)\s?(?:kg|Kilo(?:gramm)?)\b|킬로그램|キログラム|公斤|千克", r"kg|kilo|pound|lbs?\b"),
    (r"°\s?C\b|Grad Celsius|섭씨|摄氏|摂氏|℃", r"°|℃|celsius|degree"),
    (r"(?<=\d)\s?(?:MW|Megawatt)\b|兆瓦|메가와트|メガワット", r"MW|megawatt"),
    (r"公顷|Hektar|헥타르|ヘクタール", r"hectare|\bha\b|acre"),
)
_ENGLISH_UNIT = re.compile(
    r"(?P<number>\d[\d.,]*)\s?-?(?P<unit>%|per ?cent\b|euros?\b|dollars?\b|pounds?\b|yen\b|yuan\b|won\b"
    r"|(?:kilo|centi|milli)?(?:metre|meter)s?\b|miles?\b|feet\b|inches\b|(?:kilo|milli)?grams?\b|tons?\b|tonnes?\b"
    r"|lit(?:re|er)s?\b|gallons?\b|hectares?\b|acres?\b|degrees?\b|hours?\b|minutes?\b|days?\b|weeks?\b|years?\b)",
    re.IGNORECASE,
)
"""A number in English with what it counts."""
_SCALES = "[십백천만억조十百千万億亿兆多余]*"
_WORDS = r"\b(?:Million(?:en)?|Milliarden?|Billion(?:en)?|Mio\.?|Mrd\.?)"
_DIGIT = re.compile(rf"\d|{_WORDS}")
_ANY = re.compile("|".join(theirs for theirs, _ in _UNITS))


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]], ...]:
    """Each unit at a number, the unit alone, its English forms; made when a source has any unit."""
    return tuple(
        (
            re.compile(rf"(?:\d[\d.,]*\s?{_SCALES}|{_WORDS})\s?(?P<unit>{theirs})|(?P<sign>[€$£¥])\s?\d"),
            re.compile(theirs),
            # Not inside a word: there is a point in a disappointment.
            re.compile(rf"(?<![a-z])(?:{ours})", re.IGNORECASE),
        )
        for theirs, ours in _UNITS
    )


def check_units(
    source: str, translation: str, source_language: Language, target_language: Language
) -> list[Flag]:
    """A unit that stands at a number of the source stands in the translation, in one of its English forms."""
    if target_language.code != "en" or not _DIGIT.search(source) or not _ANY.search(source):
        return []
    flags = []
    for at_number, unit, english in _patterns():
        for match in at_number.finditer(source):
            group = "unit" if match.group("unit") else "sign"
            written = match.group(group)
            if unit.fullmatch(written) is None and group == "sign":
                continue
            if not english.search(translation):
                says = f"{written.strip()} of the source is not in the translation"
                flags.append(Flag("unit", Severity.WARNING, says, source_span=match.span(group)))
                break
            other = _other_unit(match.group(), translation, english)
            if other is not None:
                says = f"{match.group().strip()} of the source has another unit here: {other.group()}"
                span = match.span(group)
                flags.append(
                    Flag("unit", Severity.WARNING, says, source_span=span, translation_span=other.span())
                )
                break
    return flags


def _other_unit(written: str, translation: str, english: re.Pattern[str]) -> re.Match[str] | None:
    """The number of ``written`` in the translation, if it has another unit wherever it stands."""
    digits = _digits(written)
    found = [match for match in _ENGLISH_UNIT.finditer(translation) if _digits(match["number"]) == digits]
    if len(digits) == 0 or not found:
        return None
    for match in re.finditer(r"\d[\d.,]*", translation):
        around = translation[max(0, match.start() - 5) : match.end() + 12]
        if _digits(match.group()) == digits and (
            english.search(around) or not any(match.start() == one.start() for one in found)
        ):
            return None
    return found[0]


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())

"""Percentages, currencies and units that the translation lost or changed."""

from __future__ import annotations

import re
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
_SCALES = "[십백천만억조十百千万億亿兆多余]*"
_WORDS = r"\b(?:Million(?:en)?|Milliarden?|Billion(?:en)?|Mio\.?|Mrd\.?)"
_CHECKS = tuple(
    (
        re.compile(rf"(?:\d[\d.,]*\s?{_SCALES}|{_WORDS})\s?(?P<unit>{theirs})|(?P<sign>[€$£¥])\s?\d"),
        re.compile(theirs),
        # Not inside a word: there is a point in a disappointment.
        re.compile(rf"(?<![a-z])(?:{ours})", re.IGNORECASE),
    )
    for theirs, ours in _UNITS
)
_DIGIT = re.compile(rf"\d|{_WORDS}")
_ANY = re.compile("|".join(theirs for theirs, _ in _UNITS))


def check_units(
    source: str, translation: str, source_language: Language, target_language: Language
) -> list[Flag]:
    """A unit that stands at a number of the source stands in the translation, in one of its English forms."""
    if target_language.code != "en" or not _DIGIT.search(source) or not _ANY.search(source):
        return []
    flags = []
    for at_number, unit, english in _CHECKS:
        if english.search(translation):
            continue
        for match in at_number.finditer(source):
            group = "unit" if match.group("unit") else "sign"
            written = match.group(group)
            if unit.fullmatch(written) is None and group == "sign":
                continue
            flags.append(
                Flag(
                    "unit",
                    Severity.WARNING,
                    f"{written.strip()} of the source is not in the translation",
                    source_span=match.span(group),
                )
            )
            break
    return flags

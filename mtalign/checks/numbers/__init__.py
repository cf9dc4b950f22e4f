"""Numbers that the translation lost, changed or made up, whatever way either language writes them.

What counts as the same: ``5 %`` and ``5%``, ``2.200.112`` and ``2,200,112``, ``57,60`` and ``57.60``, ``3만``
and ``30,000``, ``2億5000万`` and "250 million", ``1万2千``, ``二〇二三年``, ``十五``, a month by
its number or
name, 18:30 and 6:30 p.m., digits and words ("a dozen", "two and a half", "third").
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mtalign.checks.characters import normalize
from mtalign.checks.numbers.english import read_english
from mtalign.checks.numbers.quantity import Quantity, Values
from mtalign.checks.numbers.source import read_source
from mtalign.document import Flag, Severity

if TYPE_CHECKING:
    from mtalign.languages import Language

_ANY = re.compile(r"\d|[〇零一二三四五六七八九十百千万億亿兆]")
_SCALES = (1e3, 1e4, 1e6, 1e8, 1e9, 1e12)
_READ_WORDS = frozenset({"de", "ja", "ko", "zh", "yue", "en"})
"""Source languages whose number words are known; in others a small number may stand for a word."""
_SMALL = 100
_IN_A_NAME = re.compile(r"[^\W\d_]-?$")
"""H5N1, COVID-19: names that the source may write in words."""
_RANGE = re.compile(r"\s?(?:[-~～–—至到]|bis|から|에서)\s?\d")


def _scaled(quantity: Quantity) -> Quantity:
    """10-15万: the first number takes its unit from the second."""
    values = frozenset(value * scale for value in quantity.values for scale in _SCALES)
    return Quantity(quantity.start, quantity.end, values)


def check_numbers(
    source: str, translation: str, source_language: Language, target_language: Language
) -> list[Flag]:
    """A number of the source that the translation does not have, or one that only the translation has."""
    if target_language.code != "en" or not (_ANY.search(source) or _ANY.search(translation)):
        return []
    text, places = normalize(source)
    english, english_places = normalize(translation)
    wanted = read_source(text, source_language)
    digits, in_words, scales = read_english(english)
    have = Values([*digits, *in_words], scales)
    no_centuries = Values([one for one in (*digits, *in_words) if not one.century], scales)
    lost = [
        quantity
        for quantity in wanted
        if quantity.sure
        and not (no_centuries if quantity.decade else have).any_of(quantity)
        and not (_RANGE.match(text, quantity.end) and have.any_of(_scaled(quantity)))
    ]
    known = Values([*wanted, *(_scaled(one) for one in wanted if _RANGE.match(text, one.end))])
    no_decades = Values(one for one in wanted if not one.decade)
    made_up = [
        quantity
        for quantity in digits
        if not (no_decades if quantity.century else known).any_of(quantity)
        and not any(value * scale in known for value in quantity.values for scale in scales)
        and not _IN_A_NAME.search(english, max(0, quantity.start - 2), quantity.start)
        and (source_language.primary in _READ_WORDS or max(quantity.values) > _SMALL)
    ]

    def said(quantity: Quantity) -> str:
        return text[quantity.start : quantity.end]

    def answered(quantity: Quantity) -> str:
        return english[quantity.start : quantity.end].strip()

    if len(lost) == len(made_up) == 1 and said(lost[0]) == answered(made_up[0]):
        return [
            Flag(
                "number",
                Severity.WARNING,
                f"{said(lost[0])} is written as in the source; in English it is another number",
                source_span=places(lost[0].start, lost[0].end),
                translation_span=english_places(made_up[0].start, made_up[0].end),
            )
        ]
    if len(lost) == 1 and made_up:
        return [
            Flag(
                "number",
                Severity.WARNING,
                f"the source has {said(lost[0])}, the translation {', '.join(map(answered, made_up))}",
                source_span=places(lost[0].start, lost[0].end),
                translation_span=english_places(made_up[0].start, made_up[-1].end),
            )
        ]
    flags = [
        Flag(
            "number",
            Severity.WARNING,
            f"{said(quantity)} of the source is not in the translation",
            source_span=places(quantity.start, quantity.end),
        )
        for quantity in lost
    ]
    return flags + [
        Flag(
            "number",
            Severity.WARNING,
            f"{answered(quantity)} of the translation is not in the source",
            translation_span=english_places(quantity.start, quantity.end),
        )
        for quantity in made_up
    ]

"""Numbers that the translation lost or made up, whatever way either language writes them."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from mtalign.document import Flag, Severity

if TYPE_CHECKING:
    from mtalign.languages import Language

_NUMBER = re.compile(r"\d+(?:[.,  ]\d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,]\d+)*")
_EAST_ASIAN_UNITS = {
    "십": 10, "백": 100, "천": 1000, "만": 10**4, "억": 10**8, "조": 10**12,
    "十": 10, "百": 100, "千": 1000, "万": 10**4, "萬": 10**4, "億": 10**8, "亿": 10**8, "兆": 10**12,
}  # fmt: skip
_ENGLISH_UNITS = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    " seventeen eighteen nineteen twenty"
).split()
_ORDINALS = "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
_MONTHS = "january february march april may june july august september october november december".split()


def _readings(digits: str) -> set[float]:
    """Every value that a written number can have: ``5.000`` is five thousand here and five there."""
    values = set()
    plain = re.sub(r"[  ]", "", digits)
    for thousands, decimal in ((",", "."), (".", ",")):
        text = plain.replace(thousands, "").replace(decimal, ".")
        if text.count(".") <= 1:
            values.add(float(text))
    return values or {float(re.sub(r"\D", "", digits))}


def _source_numbers(text: str) -> list[tuple[int, int, set[float]]]:
    found: list[tuple[int, int, set[float]]] = []
    for match in _NUMBER.finditer(text):
        values = _readings(match.group())
        end = match.end()
        scale = 1
        while (unit := text[end : end + 1]) in _EAST_ASIAN_UNITS:
            scale *= _EAST_ASIAN_UNITS[unit]
            end += 1
        # 2億5000万 is one number: a scaled number right before a smaller scaled one is added to it.
        if found and scale > 1 and found[-1][1] == match.start() and min(found[-1][2]) > max(values) * scale:
            start, _, larger = found.pop()
            found.append((start, end, {a + b * scale for a in larger for b in values}))
        elif found and found[-1][1] == match.start() and min(found[-1][2]) >= 10**4:
            start, _, larger = found.pop()
            found.append((start, end, {a + b for a in larger for b in values}))
        else:
            found.append((match.start(), end, {value * scale for value in values}))
    return found


def _translation_values(text: str) -> set[float]:
    lower = text.casefold()
    values = set()
    for match in _NUMBER.finditer(lower):
        readings = _readings(match.group())
        values |= readings
        unit = re.match(r"[\s-]*([a-z]+)", lower[match.end() :])
        if unit and unit.group(1) in _ENGLISH_UNITS:
            values |= {value * _ENGLISH_UNITS[unit.group(1)] for value in readings}
    words = re.findall(r"[a-z]+", lower)
    for names in (_WORDS, _ORDINALS):
        values |= {float(names.index(word)) for word in words if word in names}
    values |= {float(_MONTHS.index(word) + 1) for word in words if word in _MONTHS}
    return values


def check_numbers(
    source: str, translation: str, source_language: Language, target_language: Language
) -> list[Flag]:
    """A number of the source that the translation does not have, in digits or in words."""
    normal = unicodedata.normalize("NFKC", source)
    # Offsets can only be shown where normalisation kept every character in its place.
    same_places = len(normal) == len(source)
    have = _translation_values(translation)
    close = [(value, abs(value) * 1e-9) for value in have]
    flags = []
    for start, end, values in _source_numbers(normal):
        if any(abs(value - other) <= tolerance for value in values for other, tolerance in close):
            continue
        flags.append(
            Flag(
                "number",
                Severity.WARNING,
                f"{normal[start:end]} of the source is not in the translation",
                source_span=(start, end) if same_places else None,
            )
        )
    return flags

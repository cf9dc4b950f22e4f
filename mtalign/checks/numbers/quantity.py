"""A number as it stands in a text, with every value that it may have."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

VULGAR = {"½": 1 / 2, "⅓": 1 / 3, "⅔": 2 / 3, "¼": 1 / 4, "¾": 3 / 4, "⅛": 1 / 8}
DIGITS = re.compile(
    r"""
    (?P<date>(?<![\d.,])(?:\d{4}(?P<by>[.]\s?|[/-])\d{1,2}(?P=by)\d{1,2}|\d{1,2}(?P<to>[.]\s?|[/-])\d{1,2}(?P=to)\d{2,4})(?![.,]?\d))
  | (?P<time>(?<![\d:])[012]?\d:[0-5]\d(?![\d:]))
  | (?P<vulgar>\d*[½⅓⅔¼¾⅛])
  | (?P<grouped>\d{1,3}(?:(?P<mark>[.,'’\u00a0\u202f\u2009 ])\d{3})(?:(?P=mark)\d{3})*
      (?:[.,]\d+)?(?![\d]|[.,]\d))
  | (?P<fraction>\d+(?:[.,]\d+)+|\d+\u2044\d+)
  | (?P<whole>\d+)
    """,
    re.VERBOSE,
)
"""A number in digits: a date in figures, a time of day, grouped by thousands, with a decimal mark, whole."""


@dataclass(frozen=True)
class Quantity:
    """A number with its place."""

    start: int
    end: int
    values: frozenset[float]
    """Readings: ``18:30`` is also 6:30, ``80er`` also 1980."""
    sure: bool = True
    """Whether it is a number for certain, and not part of a word or a figure of speech."""
    decade: bool = False
    """``20年代``: no century is it."""
    century: bool = False
    """``20th century``: no decade is it."""


def grouped_value(text: str) -> float:
    """``2.200.112``, ``1,234.5``, ``12 000``: the last mark is decimal only if it is another one."""
    marks = [character for character in text if not character.isdigit()]
    head, tail = text, ""
    if len(set(marks)) > 1:
        place = text.rindex(marks[-1])
        head, tail = text[:place], text[place + 1 :]
    whole = "".join(character for character in head if character.isdigit())
    return float(f"{whole}.{tail or 0}")


def time_values(text: str) -> frozenset[float]:
    """``18:30`` as 18.30 and 6.30, and a full hour as the hour alone too."""
    hour, minute = (int(part) for part in text.split(":"))
    hours = {hour, hour % 12, hour % 12 + 12, 12 if hour % 12 == 0 else hour}
    values = {one + minute / 100 for one in hours}
    return frozenset(values | {float(one) for one in hours} if minute == 0 else values)


def vulgar_value(text: str) -> float:
    """``3½`` is 3.5."""
    return float(text[:-1] or 0) + VULGAR[text[-1]]


def parts(text: str, offset: int) -> list[Quantity]:
    """Each number of a date in figures, a version or another chain of numbers on its own."""
    return [
        Quantity(offset + part.start(), offset + part.end(), frozenset({float(part.group())}))
        for part in re.finditer(r"\d+", text)
    ]


class Values:
    """Values that a text has, to be asked for others: with a tolerance, and at each of its scales."""

    def __init__(self, quantities: Iterable[Quantity], scales: Iterable[float] = ()) -> None:
        values = {value for quantity in quantities for value in quantity.values}
        # "10 to 15 million": the first number has its scale from the second.
        values |= {value * scale for scale in scales for value in tuple(values)}
        self._exact = values
        self._rounded = {_key(value) for value in values}

    def __contains__(self, value: float) -> bool:
        return value in self._exact or _key(value) in self._rounded

    def any_of(self, quantity: Quantity) -> bool:
        """Whether one of the quantity's readings is among these values."""
        return any(value in self for value in quantity.values)


def _key(value: float) -> str:
    return f"{value:.6g}"

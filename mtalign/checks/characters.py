"""One way to write each character (NFKC), and the way back to the places in the text as it stands."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

_KEPT = frozenset("⁰¹²³⁴⁵⁶⁷⁸⁹½⅓⅔¼¾⅛")
"""As plain digits these would run into the number before them: km² is not km2, 3½ not 31⁄2."""


def normalize(text: str) -> tuple[str, Callable[[int, int], tuple[int, int]]]:
    """``text`` in NFKC, and a function from a span of that to the span of ``text``.

    ``２０２２`` becomes 2022 and ``㎏`` kg. A character that becomes several has one place.
    """
    if text.isascii() or unicodedata.is_normalized("NFKC", text):
        return text, lambda start, end: (start, end)
    pieces = [
        character if character in _KEPT else unicodedata.normalize("NFKC", character) for character in text
    ]
    normal = "".join(pieces)
    if len(normal) == len(text):
        return normal, lambda start, end: (start, end)
    origin = [place for place, piece in enumerate(pieces) for _ in piece]
    origin.append(len(text))

    def places(start: int, end: int) -> tuple[int, int]:
        return origin[start], origin[end - 1] + 1 if end > start else origin[start]

    return normal, places

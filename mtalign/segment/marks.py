"""The marks that sentences end with, whatever the language."""

from __future__ import annotations

import re

FULL_STOPS = frozenset("。｡！？‼⁇⁈⁉؟۔।॥။።፧։།༎។៕")
"""Stops that need no space after them."""
STOPS = ".!?…‥．" + "".join(sorted(FULL_STOPS))
STOP_RUN = re.compile(rf"[{STOPS}]+")
CLOSERS = "”’」』｣）)】》〉］]}｝\"'“»«›‹"
OPENERS = "“‘「『｢（(【《〈［[{｛\"'„«»"

GLUED = re.compile(
    r"(?:[^\W\d_A-Z]{2}|[A-Z]{3}|\d{4}|\ds|%|(?<=\w)[)\]”’»\"])[.!?]+[”’\")»]?"
    r"(?=[„“\"(«]?[A-ZÀ-ÖØ-Þ](?:[a-zß-ÿ’']|\s))(?![A-Za-z]+(?:\.[a-z]|\())"
)
"""A stop that lost its space, with what stands before it: ``collaboration.The``, not Node.js, not U.S."""
FILE_LIKE = re.compile(r"(?:com|org|net|js|io|de|int|edu|gov|txt|pdf|exe|py|md)\b", re.I)
"""What after a stop shows the name of a host or a file rather than a new sentence."""

URL = re.compile(
    r"(?<![\w.+-])(?:(?:[a-z][a-z0-9+.-]{1,20}://|www\.)[!-~]*[a-z0-9_/]"
    r"|[a-z0-9_.+-]{1,64}@[a-z0-9-]{1,64}(?:\.[a-z0-9-]{1,64})+)",
    re.I | re.A,
)
"""A web or mail address within a text, without the stop after it."""


def next_character(text: str, position: int) -> str:
    """The first character from ``position`` on that is not white space; empty at the end."""
    while position < len(text) and text[position].isspace():
        position += 1
    return text[position : position + 1]

"""URLs, e-mail addresses, DOIs, @names, paths and names_with_underscores that were lost or changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mtalign.document import Flag, Severity

if TYPE_CHECKING:
    from mtalign.languages import Language

_ADDRESS = re.compile(
    # Letters with accents belong to a URL; Chinese or Japanese that follows without a space does not.
    r"(?:https?://|ftp://|www\.)[!-~\u00C0-\u024F]+|[A-Za-z0-9_.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
    r"|\b10\.\d{4,9}/[!-~]+|(?<![\w@])@\w{2,30}"
    r"|(?<![^\s(\"'«“])~?/(?:[A-Za-z0-9_.+-]+/)+[A-Za-z0-9_.+-]*"
    r"|(?<![A-Za-z0-9_.-])[A-Za-z][A-Za-z0-9.-]*_[A-Za-z0-9_.-]+",
)
_TRAILING = ".,;:!?)]}'\"*>"
_ANY = re.compile(r"[.@/_]")


def find_addresses(text: str) -> list[tuple[int, int]]:
    """Where in ``text`` something stands that is the same in every language."""
    if not _ANY.search(text):
        return []
    places = []
    for match in _ADDRESS.finditer(text):
        address = match.group().rstrip(_TRAILING)
        if address:
            places.append((match.start(), match.start() + len(address)))
    return places


def check_addresses(
    source: str, translation: str, source_language: Language, target_language: Language
) -> list[Flag]:
    """Each address of the source stands in the translation, character for character."""
    return [
        Flag(
            "address",
            Severity.WARNING,
            f"{source[start:end]} is lost or changed",
            source_span=(start, end),
        )
        for start, end in find_addresses(source)
        if source[start:end] not in translation
    ]

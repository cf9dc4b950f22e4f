"""URLs, e-mail addresses, DOIs and @names that the translation lost or changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mtalign.document import Flag, Severity

if TYPE_CHECKING:
    from mtalign.languages import Language

_ADDRESS = re.compile(
    r"(?:https?://|ftp://|www\.)[!-~]+|[A-Za-z0-9_.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
    r"|\b10\.\d{4,9}/[!-~]+|(?<![\w@])@\w{2,30}",
)
_TRAILING = ".,;:!?)]}'\"*>"


def check_addresses(
    source: str, translation: str, source_language: Language, target_language: Language
) -> list[Flag]:
    """Each address of the source stands in the translation, character for character."""
    if "." not in source and "@" not in source:
        return []
    flags = []
    for match in _ADDRESS.finditer(source):
        address = match.group().rstrip(_TRAILING)
        if address and address not in translation:
            flags.append(
                Flag(
                    "address",
                    Severity.WARNING,
                    f"{address} is lost or changed",
                    source_span=(match.start(), match.start() + len(address)),
                )
            )
    return flags

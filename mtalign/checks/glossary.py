"""Terms of a glossary that the translation renders in another way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtalign.document import Flag, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtalign.glossary import FoundTerm


def check_glossary(found: Sequence[FoundTerm], translation: str) -> list[Flag]:
    """One flag for each term of ``found``, at its first place, whose English ``translation`` does not hold.

    ``found`` are the terms of the source segment, from left to right.
    """
    first = {one.term: one for one in reversed(found)}
    flags = []
    for one in sorted(first.values(), key=lambda one: one.start):
        if one.term.found_in(translation) is not None:
            continue
        english = " or ".join(f"“{text}”" for text in one.term.english)
        note = f" ({one.term.note})" if one.term.note else ""
        flags.append(
            Flag(
                "glossary",
                Severity.WARNING,
                f"„{one.term.source}“ should be {english}{note}",
                source_span=(one.start, one.end),
            )
        )
    return flags

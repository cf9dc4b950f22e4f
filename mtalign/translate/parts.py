"""Cut a segment into parts, for one too long for the model or one that no decoding gets through whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_CLAUSE = re.compile(r"(?<=[;:；：、，])|(?<=,)(?!\d)")
_SPACE = re.compile(r"(?<=\s)")


def split_parts(text: str, fits: Callable[[str], bool]) -> list[str]:
    """Cut ``text`` into the fewest parts that ``fits`` accepts: at clauses, else spaces, else anywhere.

    The parts joined give ``text``; a single character is a part even where ``fits`` refuses it.
    """
    if fits(text) or len(text) <= 1:
        return [text]
    pieces = [text]
    for pattern in (_CLAUSE, _SPACE):
        pieces = [piece for piece in pattern.split(text) if piece]
        if len(pieces) > 1:
            break
    if len(pieces) == 1:
        middle = len(text) // 2
        pieces = [text[:middle], text[middle:]]
    parts: list[str] = []
    for piece in pieces:
        if parts and fits(parts[-1] + piece):
            parts[-1] += piece
        elif fits(piece):
            parts.append(piece)
        else:
            parts.extend(split_parts(piece, fits))
    return parts


def halves(text: str) -> list[str]:
    """``text`` in two parts at the clause boundary nearest its middle; in one where it has none.

    A part of fewer than four letters or digits is no clause and is left with its neighbour.
    """
    cuts = [
        match.start()
        for match in _CLAUSE.finditer(text)
        if min(_weight(text[: match.start()]), _weight(text[match.start() :])) >= 4
    ]
    if not cuts:
        return [text]
    cut = min(cuts, key=lambda place: abs(place - len(text) / 2))
    return [text[:cut], text[cut:]]


def _weight(text: str) -> int:
    return sum(character.isalnum() for character in text)

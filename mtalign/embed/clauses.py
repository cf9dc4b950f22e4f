"""Where a text's tokens are cut into clauses: what an additive embedder sums over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set

CLAUSE_MARKS = frozenset(',;:.!?…—，、；：。！？．､｡()（）«»"“”「」『』')
_LEAST_TOKENS = 4


def mark_pieces(pieces: Iterable[str]) -> frozenset[int]:
    """Numbers of the pieces of a vocabulary that are nothing but marks a clause may end with."""
    bare = (piece.strip("\u2581") for piece in pieces)
    return frozenset(number for number, piece in enumerate(bare) if piece and set(piece) <= CLAUSE_MARKS)


def clause_lengths(ids: Sequence[int], marks: Set[int]) -> list[int]:
    """How many tokens each clause has; at least one clause, of 0 tokens for a text without any.

    A clause ends after a mark, if neither side is too short.
    """
    lengths = []
    last = 0
    for position in range(_LEAST_TOKENS, len(ids) - _LEAST_TOKENS + 1):
        if ids[position - 1] in marks and position - last >= _LEAST_TOKENS:
            lengths.append(position - last)
            last = position
    lengths.append(len(ids) - last)
    return lengths

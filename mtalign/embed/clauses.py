"""Where a text's tokens are cut into clauses: what an additive embedder sums over."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from itertools import accumulate, pairwise

CLAUSE_MARKS = frozenset(',;:.!?…—，、；：。！？．､｡()（）«»"“”「」『』')
_LEAST_TOKENS = 4
_RUN = 3
"""Tokens of a run: two in a row are about a phrase."""


class ClauseMarks(Container[object]):
    """Numbers of the pieces of a vocabulary that are nothing but marks a clause may end with.

    Found out as they are asked for: a vocabulary is large, and few of its pieces are in a text.
    """

    def __init__(self, piece_of: Callable[[int], str]) -> None:
        self._piece_of = piece_of
        self._known: dict[object, bool] = {}

    def __contains__(self, number: object) -> bool:
        known = self._known.get(number)
        if known is None:
            piece = self._piece_of(number).strip("\u2581") if isinstance(number, int) else ""
            known = self._known[number] = bool(piece) and set(piece) <= CLAUSE_MARKS
        return known


def clause_lengths(ids: Sequence[int], marks: Container[object]) -> list[int]:
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


def cut_pieces(clauses: Sequence[int]) -> tuple[list[int], list[bool], list[bool]]:
    """Tokens of each piece, of a text that is cut both into clauses of these lengths and into runs of three.

    Also whether a clause begins with each piece, and whether a run does.
    """
    ends = list(accumulate(clauses))
    openings = {0, *ends[:-1]}
    cuts = sorted(openings | set(range(0, ends[-1], _RUN)))
    lengths = [end - start for start, end in pairwise([*cuts, ends[-1]])]
    return lengths, [cut in openings for cut in cuts], [cut % _RUN == 0 for cut in cuts]

"""Chooses one of several candidate translations of the same text: the one the model is surest of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mtalign.engines.base import Hypothesis


def surest(candidates: Sequence[Hypothesis]) -> Hypothesis:
    """The candidate with the highest mean log-probability; its ``tokens`` are those of all.

    Unfinished and empty candidates are taken only where there is no other; a tie goes to the one that
    stands first.
    """
    usable = [one for one in candidates if one.finished and one.text.strip()] or list(candidates)
    best = max(usable, key=lambda one: float("-inf") if one.score is None else one.score)
    return replace(best, tokens=sum(candidate.tokens for candidate in candidates))

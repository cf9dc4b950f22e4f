"""Source that the translation does not cover, and text that the source does not, by sentence vectors.

A pure function of figures that :func:`mtalign.quality.measure` computes: a clause without which its side is
*nearer* to the other side has no counterpart there.
"""

from __future__ import annotations

from dataclasses import dataclass

from mtalign.document import Flag, Severity


@dataclass(frozen=True)
class Similarity:
    """What sentence vectors say of a source and its translation; all cosines."""

    cosine: float
    """Of the two whole texts."""
    uncovered: float
    """How much nearer the source is without its worst clause, plus what that clause
    lacks of a counterpart."""
    added: float
    """The same for the translation's worst clause."""


UNRELATED = 0.3
"""Cosine below which a translation is of something else."""
UNCOVERED = 0.008
ADDED = 0.0
"""Chosen on the development half of the system outputs (bench/checks.py) for two false
alarms in a hundred."""
CLAUSE_WEIGHT = 0.1
"""What the similarity of the worst clause to its best counterpart weighs against the change of the whole."""


def check_coverage(similarity: Similarity) -> list[Flag]:
    """Flags of a translation by its similarity to the source; at most one of each kind."""
    if similarity.cosine < UNRELATED:
        says = f"its meaning is far from the source's (similarity {similarity.cosine:.2f})"
        return [Flag("unrelated", Severity.WARNING, says)]
    flags = []
    if similarity.uncovered > UNCOVERED:
        says = "part of the source seems to be missing: without it the two are more alike"
        flags.append(Flag("uncovered", Severity.WARNING, says))
    if similarity.added > ADDED:
        says = "part of the translation seems to have no source: without it the two are more alike"
        flags.append(Flag("added", Severity.WARNING, says))
    return flags

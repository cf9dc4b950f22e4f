"""A document against several references: lines on which they all share their boundaries.

Each reference is aligned with the hypothesis on its own (:mod:`mtalign.score.reference`), and one may join
sentences that another keeps apart. Beads are merged over the hypothesis until the references agree: a line is
the smallest set of hypothesis sentences that no bead of any reference reaches out of, with all that each
reference has for it.

Where every reference is covered whole, nothing is dropped: what has no counterpart, on whichever side,
belongs to the line before it. Otherwise only lines that every reference has something for are scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mtalign.score.pairing import share_boundaries
from mtalign.score.reference import WHOLE_COVERAGE, AlignedReference, join_texts


@dataclass(frozen=True)
class SharedLines:
    """A hypothesis and its references, line by line."""

    hypotheses: tuple[str, ...]
    references: tuple[tuple[str, ...], ...]
    """One sequence for each reference, of as many lines."""


@dataclass
class _Line:
    hypothesis: list[int]
    references: list[list[int]]

    def add(self, other: _Line) -> None:
        self.hypothesis += other.hypothesis
        for own, theirs in zip(self.references, other.references, strict=True):
            own += theirs


def share_lines(
    hypothesis: Sequence[str], references: Sequence[Sequence[str]], aligned: Sequence[AlignedReference]
) -> SharedLines:
    """Put the references' alignments together.

    Args:
        hypothesis: The document's sentences.
        references: Each reference's sentences.
        aligned: What aligning each of them with the hypothesis gave; all of them scored.

    Returns:
        The lines; none where the references have nothing in common.
    """
    whole = all(one.coverage.reference >= WHOLE_COVERAGE for one in aligned)
    groups = share_boundaries((bead.source for one in aligned for bead in one.beads), ())
    place = {index: number for number, group in enumerate(groups) for index in group}
    lines = [_Line(list(group), [[] for _ in references]) for group in groups]
    for number, one in enumerate(aligned):
        held = {index: place[bead.source[0]] for bead in one.beads for index in bead.target}
        for index, line in _placed(held, range(len(references[number])) if whole else ()):
            lines[line].references[number].append(index)
    if whole:
        used = range(min(place), max(place) + 1)
        for index, line in _placed(place, used):
            if index not in place:
                lines[line].hypothesis.append(index)
        lines = _complete(lines)
    else:
        lines = [line for line in lines if all(line.references)]
    return SharedLines(
        tuple(join_texts(hypothesis, sorted(line.hypothesis)) for line in lines),
        tuple(
            tuple(join_texts(texts, sorted(line.references[number])) for line in lines)
            for number, texts in enumerate(references)
        ),
    )


def _placed(held: dict[int, int], wanted: Sequence[int]) -> list[tuple[int, int]]:
    """Each sentence with its line: those held, and of ``wanted`` the others with that of the one before."""
    current = held[min(held)]
    found = []
    for index in sorted({*held, *wanted}):
        current = held.get(index, current)
        found.append((index, current))
    return found


def _complete(lines: Sequence[_Line]) -> list[_Line]:
    """The lines, those that a reference has nothing for put to the one before (the first: to the next)."""
    found: list[_Line] = []
    for line in lines:
        if found and not (all(line.references) and all(found[-1].references)):
            found[-1].add(line)
        else:
            found.append(line)
    return found

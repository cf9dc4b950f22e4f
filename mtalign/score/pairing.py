"""The lines on which runs can be compared: the same sentences of the reference in each of them.

Each run's translation was aligned with the reference on its own, so one may have joined sentences that
another keeps apart. Beads are therefore merged until they share their boundaries: a unit is the smallest set
of reference sentences that no bead of any run reaches out of. Its reference is those sentences; its
hypothesis, in each run, is all that the run aligned with them, in document order.

A run must not gain by what it leaves out:

* A reference sentence that one run aligned and another did not is a unit, with an empty hypothesis in the
  latter.
* Where one run covers the whole reference (see :func:`mtalign.score.reference.align_with_reference`) all its
  sentences are in units, whether aligned or not, and so is what stands in a translation between aligned
  segments without a counterpart: it belongs to the unit of the aligned segment before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mtalign.score.reference import WHOLE_COVERAGE, join_texts
from mtalign.score.runs import RunDocument, RunScores


@dataclass(frozen=True)
class Unit:
    """Sentences of the reference, and what each run has for them."""

    document: str
    """Id of the document."""
    indices: tuple[int, ...]
    """Of the sentences in the reference, from 0, ascending."""
    reference: str
    segments: tuple[tuple[str, ...], ...]
    """In each run: the ids of its segments, in document order; none where it has nothing for them."""
    sources: tuple[str, ...]
    """In each run: the source text of these segments."""
    language: str
    """Code of the language of the first of these segments; ``und`` where no run has one."""
    hypotheses: tuple[str, ...]
    """In each run: their translation, one line."""


@dataclass(frozen=True)
class Pairing:
    """What of the runs can be compared."""

    units: tuple[Unit, ...]
    documents: tuple[str, ...]
    """Ids of the documents that are compared, in the order of the first run."""
    left_out: tuple[str, ...]
    """A sentence for each document that is not compared, though a run has scored it."""
    notes: tuple[str, ...]
    """A sentence for each circumstance that a reader of the comparison must know."""


def pair_runs(runs: Sequence[RunScores]) -> Pairing:
    """Put the runs' documents beside each other. The runs must have the same reference.

    A document is compared where every run has scored it. Documents are the same when their ids are: the
    digits that begin the file's name, or the name.
    """
    by_id = [{document.id: document for document in run.documents} for run in runs]
    units: list[Unit] = []
    documents: list[str] = []
    left_out: list[str] = []
    notes: list[str] = []
    for name in dict.fromkeys(name for known in by_id for name in known):
        found = [known.get(name) for known in by_id]
        present = [document for document in found if document is not None]
        if not any(document.is_scored for document in present):
            continue
        reasons = [
            f"not in {run.name}" if document is None else f"in {run.name} {document.aligned.note}"
            for run, document in zip(runs, found, strict=True)
            if document is None or not document.is_scored
        ]
        if reasons:
            left_out.append(f"document {name}: {'; '.join(reasons)}")
            continue
        if len({document.sha256 for document in present}) > 1:
            notes.append(f"document {name}: the source file is not the same in all runs")
        documents.append(name)
        units.extend(_units(name, present, runs[0].reference))
    return Pairing(tuple(units), tuple(documents), tuple(left_out), tuple(notes))


def _units(name: str, documents: Sequence[RunDocument], reference: Sequence[str]) -> list[Unit]:
    beads = [bead for document in documents for bead in document.aligned.beads]
    whole = any(document.aligned.coverage.reference >= WHOLE_COVERAGE for document in documents)
    wanted = range(len(reference)) if whole else {index for bead in beads for index in bead.target}
    groups = share_boundaries((bead.target for bead in beads), (i for i in wanted if reference[i].strip()))
    unit_of = {index: number for number, group in enumerate(groups) for index in group}
    own = [_segments(document, unit_of, len(groups), whole) for document in documents]
    return [
        Unit(
            document=name,
            indices=group,
            reference=join_texts(reference, group),
            segments=tuple(
                tuple(document.ids[index] for index in mine[number])
                for document, mine in zip(documents, own, strict=True)
            ),
            sources=tuple(
                join_texts(document.sources, mine[number])
                for document, mine in zip(documents, own, strict=True)
            ),
            language=next(
                (
                    document.languages[mine[number][0]]
                    for document, mine in zip(documents, own, strict=True)
                    if mine[number]
                ),
                "und",
            ),
            hypotheses=tuple(
                join_texts(document.hypotheses, mine[number])
                for document, mine in zip(documents, own, strict=True)
            ),
        )
        for number, group in enumerate(groups)
    ]


def share_boundaries(sides: Iterable[Sequence[int]], wanted: Iterable[int]) -> list[tuple[int, ...]]:
    """The smallest sets that hold each of ``sides`` whole; those of ``wanted`` that are in none stand alone.

    All ascending.
    """
    parent: dict[int, int] = {index: index for index in wanted}

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for side in sides:
        for index in side:
            parent.setdefault(index, index)
            parent[root(index)] = root(side[0])
    groups: dict[int, list[int]] = {}
    for index in sorted(parent):
        groups.setdefault(root(index), []).append(index)
    return [tuple(group) for group in groups.values()]


def _segments(document: RunDocument, unit_of: dict[int, int], units: int, whole: bool) -> list[list[int]]:
    """A document's segments in each unit, ascending."""
    unit_of_segment = {
        segment: unit_of[bead.target[0]] for bead in document.aligned.beads for segment in bead.source
    }
    found: list[list[int]] = [[] for _ in range(units)]
    if not unit_of_segment:
        return found
    current = 0
    for segment in range(min(unit_of_segment), max(unit_of_segment) + 1):
        if segment in unit_of_segment:
            current = unit_of_segment[segment]
        elif not whole:
            continue
        found[current].append(segment)
    return found

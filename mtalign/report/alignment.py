"""Two aligned texts as a page to be read, and as a translation memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mtalign.align import Bead, moved_passages


@dataclass(frozen=True)
class AlignedText:
    """One side of an alignment."""

    name: str
    """What the page calls it: its file's name."""
    language: str | None
    """Its language's code, where it is known."""
    sentences: Sequence[str]

    def numbered(self, indices: Sequence[int]) -> list[tuple[int, str]]:
        """The sentences with those indices, each with its index."""
        return [(index, self.sentences[index]) for index in indices]

    def joined(self, indices: Sequence[int]) -> str:
        """The sentences with those indices as one line."""
        return " ".join(self.sentences[index] for index in indices)


@dataclass(frozen=True)
class BeadRow:
    """A bead as the page shows it, or the place in the target from which a passage has moved."""

    number: int
    """Of the bead, from 1; of a place, that of the first bead that has moved away."""
    type: str
    """``2–1``; empty for a place."""
    source: list[tuple[int, str]]
    target: list[tuple[int, str]]
    score: str
    """Two decimals; empty where there is none."""
    moved: bool
    gone: str = ""
    """Of a place: ``4–7``, the target sentences that stand elsewhere."""


def write_alignment(beads: Sequence[Bead], source: AlignedText, target: AlignedText) -> bytes:
    """The page: one self-contained HTML file, no script, nothing to load.

    ``beads`` are shown in their order; of every sentence there is one. Where a moved passage would stand in
    the target a line says to which bead it has gone.
    """
    from mtalign.report.pages import render

    rows = _rows(beads, source, target)
    aligned = [bead for bead in beads if not bead.is_null]
    return render(
        "align.html",
        styles=("base.css", "align.css"),
        rows=rows,
        source=source,
        target=target,
        aligned=len(aligned),
        merged=sum(len(bead.source) != 1 or len(bead.target) != 1 for bead in aligned),
        unaligned=(
            sum(len(bead.source) for bead in beads if not bead.target),
            sum(len(bead.target) for bead in beads if not bead.source),
        ),
        passages=len(moved_passages(beads)),
    )


def _rows(beads: Sequence[Bead], source: AlignedText, target: AlignedText) -> list[BeadRow]:
    left = sorted((passage[1] for passage in moved_passages(beads)), key=lambda passage: passage.start)
    number_of = {bead.target[0]: number for number, bead in enumerate(beads, start=1) if bead.moved}

    def place(passage: range) -> BeadRow:
        gone = f"{passage[0]}–{passage[-1]}" if len(passage) > 1 else str(passage[0])
        return BeadRow(number_of[passage[0]], "", [], [], "", True, gone)

    rows = []
    for number, bead in enumerate(beads, start=1):
        while left and not bead.moved and bead.target and bead.target[0] >= left[0].start:
            rows.append(place(left.pop(0)))
        rows.append(
            BeadRow(
                number,
                f"{len(bead.source)}–{len(bead.target)}",
                source.numbered(bead.source),
                target.numbered(bead.target),
                f"{bead.score:.2f}" if bead.score and not bead.is_null else "",
                bead.moved,
            )
        )
    return rows + [place(passage) for passage in left]


def write_alignment_memory(beads: Sequence[Bead], source: AlignedText, target: AlignedText) -> bytes:
    """The beads that have text on both sides as TMX."""
    from mtalign.document import BlockKind, Link, Segment, Status, Translation
    from mtalign.records import Record
    from mtalign.report.tmx import write_tmx

    records = []
    for number, bead in enumerate(beads, start=1):
        first, second = source.joined(bead.source), target.joined(bead.target)
        if not first.strip() or not second.strip():
            continue
        identifier = f"{source.name}.{number}"
        segment = Segment(identifier, source.name, identifier, first, 0, len(first), source.language or "und")
        records.append(
            Record(
                segment=segment,
                kind=BlockKind.PARAGRAPH,
                level=0,
                target_language=target.language or "und",
                translation=Translation(identifier, Status.TRANSLATED, second),
                link=Link((identifier,), (identifier,), bead.score),
            )
        )
    return write_tmx(records)

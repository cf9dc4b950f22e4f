"""``<document>/index.html``: source and English side by side, one self-contained page a document."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from mtalign.document import BlockKind, Flag, Severity
from mtalign.records import Record
from mtalign.report.pages import render
from mtalign.report.payload import SEVERITIES, DocumentRun, ReferenceBead, RunPayload, severity_rank
from mtalign.report.text import visible
from mtalign.report.wording import coverage_sentence

# A number as a reader sees it: digits with the separators that may stand inside.
_NUMBER = re.compile(r"\d+(?:[.,:/\u2009\u202f]\d+)*")


@dataclass(frozen=True)
class Piece:
    """A run of characters that are marked alike."""

    text: str
    number: str = ""
    """The number it belongs to, digits only, in ASCII."""
    severity: str = ""
    """Severity of the worst flag whose span covers it."""


@dataclass(frozen=True)
class ReferenceText:
    """The reference's sentences for one bead, shown at the bead's last segment."""

    sentences: tuple[str, ...]
    score: float
    others: tuple[str, ...]
    """The bead's other segments."""


@dataclass(frozen=True)
class Row:
    """One segment as the page shows it."""

    record: Record
    starts_block: bool
    rank: int
    """Place in the worst-first order, from 0."""
    severity: str
    """Worst severity of its flags, or empty."""
    source: tuple[Piece, ...]
    target: tuple[Piece, ...]
    reference: ReferenceText | None
    bead: str
    """``2–1`` where the segment's bead is not one to one, else empty."""
    together: tuple[str, ...]
    """The other segments of its bead and of its reference's bead."""

    @property
    def label(self) -> str:
        """The id without the document: ``b12.s3``."""
        document, _, rest = self.record.segment.id.partition(".")
        return rest if rest and document == self.record.segment.document_id else self.record.segment.id

    @property
    def folded(self) -> bool:
        """Whether the source is shown on demand only."""
        return self.record.kind in (BlockKind.DATA, BlockKind.CODE)


def write_page(run: RunPayload, document: DocumentRun) -> bytes:
    """The content of a document's ``index.html``."""
    rows = make_rows(document)
    place = [other.output for other in run.documents].index(document.output)
    kinds = _counted(document, lambda flag: flag.name)
    severities = _counted(document, lambda flag: flag.severity.value)
    return render(
        "document.html",
        styles=("base.css", "document.css"),
        script="document.js",
        data={"document": document.id, "segments": [_data(row) for row in rows]},
        run=run,
        document=document,
        rows=rows,
        coverage=coverage_sentence(document.score) if document.score else "",
        flag_counts=sorted(kinds.items(), key=lambda item: (-item[1], item[0])),
        severity_counts=[(s.value, severities[s.value]) for s in SEVERITIES if severities[s.value]],
        previous=run.documents[place - 1] if place > 0 else None,
        following=run.documents[place + 1] if place + 1 < len(run.documents) else None,
    )


def make_rows(document: DocumentRun) -> list[Row]:
    """The document's segments with everything the page says of each."""
    order = sorted(range(len(document.records)), key=lambda i: (severity_rank(document.records[i]), i))
    rank = {index: place for place, index in enumerate(order)}
    references = _references(document)
    beads = {source_id: bead for bead in document.beads for source_id in bead.source_ids}
    rows = []
    previous_block = None
    for index, record in enumerate(document.records):
        flags = record.translation.flags
        rows.append(
            Row(
                record=record,
                starts_block=record.segment.block_id != previous_block,
                rank=rank[index],
                severity=next((s.value for s in SEVERITIES if any(f.severity is s for f in flags)), ""),
                source=tuple(pieces(record.segment.text, [(f.source_span, f.severity) for f in flags])),
                target=tuple(
                    pieces(record.translation.text or "", [(f.translation_span, f.severity) for f in flags])
                ),
                reference=references.get(record.segment.id),
                bead=_bead(record),
                together=tuple(_together(record, beads.get(record.segment.id))),
            )
        )
        previous_block = record.segment.block_id
    return rows


def pieces(text: str, spans: list[tuple[tuple[int, int] | None, Severity]]) -> Iterator[Piece]:
    """Cut ``text`` where a number or a flagged span begins or ends; the pieces joined give it back.

    Control characters are made visible. Spans that reach beyond the text are cut off.
    """
    numbers = [(match.start(), match.end()) for match in _NUMBER.finditer(text)]
    flagged = [(max(0, s[0]), min(len(text), s[1]), severity) for s, severity in spans if s and s[0] < s[1]]
    cuts = {0, len(text)}
    cuts.update(edge for start, end in numbers for edge in (start, end))
    cuts.update(min(edge, len(text)) for start, end, _ in flagged for edge in (start, end))
    edges = sorted(cuts)
    for start, end in pairwise(edges):
        within = next((span for span in numbers if span[0] <= start and end <= span[1]), None)
        severities = {severity for left, right, severity in flagged if left <= start and end <= right}
        yield Piece(
            text=visible(text[start:end]),
            number=_digits(text[within[0] : within[1]]) if within else "",
            severity=next((severity.value for severity in SEVERITIES if severity in severities), ""),
        )


def _digits(text: str) -> str:
    return "".join(str(int(character)) for character in text if character.isdecimal())


def _bead(record: Record) -> str:
    link = record.link
    if link is None or (len(link.source_ids), len(link.target_ids)) == (1, 1):
        return ""
    return f"{len(link.source_ids)}–{len(link.target_ids)}"


def _together(record: Record, bead: ReferenceBead | None) -> list[str]:
    link = (*record.link.source_ids, *record.link.target_ids) if record.link else ()
    ids = dict.fromkeys((*link, *(bead.source_ids if bead else ())))
    return [identifier for identifier in ids if identifier != record.segment.id]


def _references(document: DocumentRun) -> dict[str, ReferenceText]:
    found = {}
    for bead in document.beads:
        if bead.source_ids and bead.sentences:
            found[bead.source_ids[-1]] = ReferenceText(bead.sentences, bead.score, bead.source_ids[:-1])
    return found


def _counted(document: DocumentRun, key: Callable[[Flag], str]) -> Counter[str]:
    """How many segments carry a flag with each value of ``key``."""
    return Counter(
        value for record in document.records for value in {key(flag) for flag in record.translation.flags}
    )


def _data(row: Row) -> dict[str, Any]:
    record, translation = row.record, row.record.translation
    return {
        "id": record.segment.id,
        "status": translation.status.value,
        "rank": row.rank,
        "flags": [{"name": flag.name, "severity": flag.severity.value} for flag in translation.flags],
        "source_lang": record.segment.language,
        # What the search box looks through; data blocks are as long as they like to be.
        "source": record.segment.text,
        "translation": translation.text,
        "failure": translation.failure,
        "together": list(row.together),
    }

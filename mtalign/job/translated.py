"""A document of a job once it is translated: what the end of a run, or a merge of shards, works from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtalign.document import Status
from mtalign.formats import render_records
from mtalign.formats.decode import encode
from mtalign.records import SCORE_DECIMALS, make_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mtalign.document import Link, Segment, Translation
    from mtalign.job.inputs import Input
    from mtalign.records import Record


@dataclass(frozen=True)
class TranslatedDocument:
    """A document with its segments and their translations; in a shard, with those of the shard alone."""

    id: str
    path: str
    """As outputs show it."""
    output: str
    """Name of its folder in the run."""
    sha256: str
    size: int
    """Bytes."""
    encoding: str
    bom: bool
    records: tuple[Record, ...]
    """In order; what needs more than a translation (links, estimates, words, terms) is not in them yet."""
    beads: tuple[Link, ...] = ()
    """Beads that reviewers set."""
    text: str = ""
    """The text of a document without segments, which no record holds."""

    @property
    def segments(self) -> list[Segment]:
        """The segments of its records."""
        return [record.segment for record in self.records]

    @property
    def name(self) -> Path:
        """Its path, of which only the last part is of use."""
        return Path(self.path)

    def entry(self) -> dict[str, Any]:
        """What the manifest says of it under ``inputs``."""
        languages = Counter(s.language for s in self.segments if s.language != "und")
        status = Counter(record.translation.status for record in self.records)
        return {
            "document": self.id,
            "path": self.path,
            "sha256": self.sha256,
            "bytes": self.size,
            "output": self.output,
            "segments": len(self.records),
            "languages": dict(languages.most_common()),
            "status": {one.value: status[one] for one in Status},
        }

    def english(self, records: Iterable[Record]) -> bytes:
        """The document in English, in the shape, encoding and newlines of its source."""
        whole = list(records)
        return encode(render_records(whole) if whole else self.text, self.encoding, self.bom)


def translated_document(
    item: Input,
    translations: Mapping[str, Translation],
    target_language: str,
    beads: Iterable[Link] = (),
    *,
    own: range | None = None,
) -> TranslatedDocument:
    """``item`` with ``translations``; with ``own``, the places of segments, as that part of the document.

    Token scores are rounded as ``segments.jsonl`` has them, so that what is computed from them is the same
    whether the translations come from an engine or from the folder of a shard.
    """
    every = item.segments
    chosen = range(len(every)) if own is None else own
    segments = [every[place] for place in chosen]
    rounded = {
        segment.id: replace(one, score=None if one.score is None else round(one.score, SCORE_DECIMALS))
        for segment in segments
        for one in (translations[segment.id],)
    }
    records = make_records(item.document, segments, rounded, target_language)
    if records and (before := every[: chosen.start]):
        # Not the text of the segments that other parts hold.
        records[0] = replace(records[0], before=records[0].before[_end(item, before[-1]) :])
    if records and chosen.stop < len(every):
        records[-1] = replace(records[-1], after="")
    document = item.document
    return TranslatedDocument(
        id=document.id,
        path=item.name,
        output=item.output,
        sha256=item.sha256,
        size=item.size,
        encoding=document.encoding,
        bom=document.bom,
        records=tuple(records),
        beads=tuple(beads),
        text="" if every else document.text,
    )


def _end(item: Input, segment: Segment) -> int:
    """Where ``segment`` ends in its document's text."""
    block = next(block for block in item.document.blocks if block.id == segment.block_id)
    return block.start + segment.end

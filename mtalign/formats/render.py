"""A document in English, in the shape of its source: every segment replaced, everything between kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mtalign.document import Document, Segment, Status
from mtalign.formats.decode import encode
from mtalign.records import Record

_IDEOGRAPHIC_SPACE = "\u3000"


def render(document: Document, segments: Sequence[Segment], texts: Mapping[str, str]) -> bytes:
    """The document with each segment replaced by ``texts[segment.id]``: same newlines, encoding and mark.

    A segment without an entry stays as it stands in the source. Where two sentences stood without a space
    (Chinese, Japanese) their translations get one; full-width spaces beside a translation become normal ones.
    """
    blocks = {block.id: block for block in document.blocks}
    pieces = []
    position = 0
    for segment in segments:
        start = blocks[segment.block_id].start + segment.start
        pieces.append((document.text[position:start], segment.text, texts.get(segment.id, segment.text)))
        position = start + len(segment.text)
    text = _join(pieces, document.text[position:])
    return encode(text, document.encoding, document.bom)


def render_records(records: Sequence[Record]) -> str:
    """The same from the records of one document, in order.

    A failed segment is marked as such (:func:`failure_mark`), never replaced by its source.
    """
    pieces = [(record.before, record.segment.text, rendered_text(record)) for record in records]
    return _join(pieces, records[-1].after if records else "")


def rendered_text(record: Record) -> str:
    """What stands for a segment in the English document: its translation, its data, or the failure mark."""
    translation = record.translation
    if translation.text is not None:
        return translation.text
    if translation.status is Status.SKIPPED:
        return record.segment.text
    return failure_mark(record.segment.id, translation.failure or "")


def failure_mark(segment_id: str, reason: str) -> str:
    """What stands in the English document where a segment could not be translated."""
    return f"[[not translated: {segment_id}: {reason}]]"


def _join(pieces: Iterable[tuple[str, str, str]], after: str) -> str:
    """Put (gap, source, text) triples together and mend the gaps beside what was replaced."""
    parts: list[str] = []
    changed_before = False
    first = True
    for gap, source, text in pieces:
        changed = text != source
        if changed or changed_before:
            gap = gap.replace(_IDEOGRAPHIC_SPACE, " ")
            if not gap and not first:
                gap = " "
        parts += (gap, text)
        changed_before, first = changed, False
    parts.append(after.replace(_IDEOGRAPHIC_SPACE, " ") if changed_before else after)
    return "".join(parts)

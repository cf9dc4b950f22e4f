"""``segments.xlf``: every segment of a document as XLIFF 2.1, for translation tools.

A unit a segment, with its flags, its failure and its reviewer's comment as notes, and what is known of it
(engine, model, verdict, who and when) as metadata. ``state`` is ``translated``, ``reviewed`` where a reviewer
accepted or wrote the English, ``initial`` where there is none, ``final`` where the source is the English.
Characters that XML cannot hold are ``<cp>`` elements, so that every text comes back whole.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape, quoteattr

from mtalign import __version__
from mtalign.document import Status, Verdict
from mtalign.records import Record
from mtalign.report.text import NOT_XML, encode, xml_text

_SUITED_ID = re.compile(r"[A-Za-z0-9._-]+")


def write_xliff(records: Iterable[Record], *, original: str = "", version: str = __version__) -> bytes:
    """The content of a document's ``segments.xlf``; ``original`` is the document's path."""
    listed = list(records)
    languages = Counter(r.segment.language for r in listed if r.segment.language != "und")
    # A file has one source language; a unit in another one says so in its metadata.
    source = languages.most_common(1)[0][0] if languages else "und"
    target = listed[0].target_language if listed else "en"
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<xliff xmlns="urn:oasis:names:tc:xliff:document:2.0"'
        ' xmlns:mda="urn:oasis:names:tc:xliff:metadata:2.0"'
        f' version="2.1" srcLang={_attribute(source)} trgLang={_attribute(target)}>',
        f'  <file id="f1" original={_attribute(original)} xml:space="preserve">',
        '    <mda:metadata><mda:metaGroup category="mtalign">'
        f'<mda:meta type="version">{_text(version)}</mda:meta></mda:metaGroup></mda:metadata>',
    ]
    for number, record in enumerate(listed, start=1):
        lines += _unit(record, number, source)
    if not listed:
        # A file must hold something.
        lines.append('    <group id="none"/>')
    lines += ["  </file>", "</xliff>", ""]
    return encode("\n".join(lines))


def _unit(record: Record, number: int, source_language: str) -> Iterator[str]:
    segment, translation = record.segment, record.translation
    identifier = segment.id if _SUITED_ID.fullmatch(segment.id) else f"u{number}"
    untranslatable = ' translate="no"' if segment.skip and translation.review is None else ""
    yield f'    <unit id="{identifier}" name={_attribute(segment.id)}{untranslatable}>'
    metadata = "".join(
        f'<mda:meta type="{name}">{_text(value)}</mda:meta>'
        for name, value in _metadata(record, source_language)
        if value
    )
    yield f'      <mda:metadata><mda:metaGroup category="mtalign">{metadata}</mda:metaGroup></mda:metadata>'
    notes = list(_notes(record))
    if notes:
        yield "      <notes>"
        yield from notes
        yield "      </notes>"
    yield f'      <segment state="{_state(record)}">'
    yield f"        <source>{_content(segment.text)}</source>"
    if translation.text is not None:
        yield f"        <target>{_content(translation.text)}</target>"
    yield "      </segment>"
    yield "    </unit>"


def _metadata(record: Record, source_language: str) -> Iterator[tuple[str, str]]:
    segment, translation, review = record.segment, record.translation, record.translation.review
    yield "status", translation.status.value
    yield "document", segment.document_id
    yield "engine", translation.engine
    yield "model", translation.model
    yield "score", "" if translation.score is None else f"{translation.score:.4f}"
    yield "quality", "" if record.quality is None else f"{record.quality:.4f}"
    yield "source-lang", segment.language if segment.language not in ("und", source_language) else ""
    if review is not None:
        yield "review", review.verdict.value if review.verdict else "commented"
        yield "reviewer", review.by
        yield "reviewed", review.at
        yield "before", review.before or ""


def _notes(record: Record) -> Iterator[str]:
    translation, review = record.translation, record.translation.review
    for flag in translation.flags:
        yield _note(f"flag-{flag.severity.value}", f"{flag.name}: {flag.message}")
    if translation.failure is not None:
        yield _note(translation.status.value, translation.failure)
    if review is not None and review.comment:
        yield _note("comment", f"{review.by}: {review.comment}" if review.by else review.comment)


def _note(category: str, text: str) -> str:
    return f"        <note category={_attribute(category)}>{_text(text)}</note>"


def _state(record: Record) -> str:
    translation, review = record.translation, record.translation.review
    if translation.text is None:
        return "initial"
    if review is not None and review.verdict in (Verdict.ACCEPTED, Verdict.EDITED):
        return "reviewed"
    return "final" if translation.status is Status.KEPT else "translated"


def _content(value: str) -> str:
    """A text in an element; a character that XML cannot hold as the element that stands for it."""
    parts = []
    position = 0
    for match in NOT_XML.finditer(value):
        parts += [_text(value[position : match.start()]), f'<cp hex="{ord(match.group()):04X}"/>']
        position = match.end()
    return "".join([*parts, _text(value[position:])])


def _text(value: str) -> str:
    # A parser reads a bare carriage return as a line feed.
    return escape(xml_text(value)[0], {"\r": "&#13;"})


def _attribute(value: str) -> str:
    return quoteattr(xml_text(value)[0])

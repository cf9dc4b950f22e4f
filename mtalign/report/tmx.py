"""``segments.tmx``: the translated segments as a translation memory, TMX 1.4b.

Only translated segments go in: what was kept, skipped or failed is no translation. What a reviewer accepted
or wrote names the reviewer and the time, in the attributes of its English that TMX has for that.
Characters that XML 1.0 cannot hold stand as U+FFFD, and a note in their unit says so.
There is no DOCTYPE: many parsers would look for ``tmx14.dtd`` beside the file and fail where it is not.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from mtalign import __version__
from mtalign.document import Review, Status
from mtalign.records import Record
from mtalign.report.text import encode, xml_text


def write_tmx(records: Iterable[Record], *, version: str = __version__) -> bytes:
    """The content of a document's ``segments.tmx``; ``version`` is the creation tool's."""
    translated = [record for record in records if record.translation.status is Status.TRANSLATED]
    languages = {record.segment.language for record in translated}
    # TMX 1.4b: "*all*" where no one language is the source of every unit.
    srclang = languages.pop() if len(languages) == 1 else "*all*"
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<tmx version="1.4">',
        f'  <header creationtool="mtalign" creationtoolversion={_attribute(version)} segtype="sentence"'
        f' o-tmf="mtalign" adminlang="en" srclang={_attribute(srclang)} datatype="plaintext"/>',
        "  <body>",
    ]
    for record in translated:
        lines += _unit(record)
    lines += ["  </body>", "</tmx>", ""]
    return encode("\n".join(lines))


def _unit(record: Record) -> list[str]:
    segment, translation = record.segment, record.translation
    source, lost_in_source = xml_text(segment.text)
    target, lost_in_target = xml_text(translation.text or "")
    lines = [f"    <tu tuid={_attribute(segment.id)} srclang={_attribute(segment.language)}>"]
    review = translation.review
    if review is not None and review.comment:
        comment = f"{review.by}: {review.comment}" if review.by else review.comment
        lines.append(f"      <note>{_text(comment)}</note>")
    lost = lost_in_source + lost_in_target
    if lost:
        plural = "" if lost == 1 else "s"
        lines.append(
            f"      <note>{lost} character{plural} that XML cannot hold: U+FFFD in their place</note>"
        )
    properties = {
        "x-document": segment.document_id,
        "x-engine": translation.engine,
        "x-model": translation.model,
        "x-score": "" if translation.score is None else f"{translation.score:.4f}",
        "x-link-score": ""
        if record.link is None or record.link.score is None
        else f"{record.link.score:.4f}",
        "x-review": review.verdict.value if review and review.verdict else "",
        "x-flags": " ".join(f"{flag.severity.value}:{flag.name}" for flag in translation.flags),
    }
    lines += [
        f"      <prop type={_attribute(name)}>{_text(value)}</prop>"
        for name, value in properties.items()
        if value
    ]
    lines += [
        f"      <tuv xml:lang={_attribute(language)}{signed}><seg>{_text(text)}</seg></tuv>"
        for language, text, signed in (
            (segment.language, source, ""),
            (record.target_language, target, _signature(review)),
        )
    ]
    lines.append("    </tu>")
    return lines


def _signature(review: Review | None) -> str:
    """Who changed the English, and when: TMX writes ``20261125T115803Z``."""
    if review is None or review.verdict is None:
        return ""
    who = f" changeid={_attribute(review.by)}" if review.by else ""
    return f"{who} changedate={_attribute(review.at.replace('-', '').replace(':', ''))}"


def _text(value: str) -> str:
    # A parser reads a bare carriage return as a line feed.
    return escape(xml_text(value)[0], {"\r": "&#13;"})


def _attribute(value: str) -> str:
    return quoteattr(xml_text(value)[0])

"""``segments.jsonl``: the nouns on disk, one segment a line; every other output is a projection of it.

Fields of a line (schema 1), in this order:

``schema id document block kind level source source_lang target_lang translation status failure skip engine
model score link quality words terms flags review before after``

``translation`` is a string, or null with a ``failure``. ``link`` is the alignment bead that the segment
belongs to: ``{"source": [ids], "target": [ids], "score": 0..1 or null}``; a target id is the id of the
segment whose translation it is. ``quality`` is the translation's estimated quality, 0 to 1, or null where
none was estimated. ``words`` are word links inside the segment, ``[source start, source end, translation
start, translation end]`` each, in characters, half-open. ``terms`` are the glossary's terms in the source,
from left to right, ``[source start, source end, "english", hit]`` each: ``hit`` says whether the translation
holds the term in English, and ``english`` is the alternative it holds, or the preferred one where it holds
none. ``review`` is what a reviewer said of the translation, or null: ``{"verdict": accepted, edited, rejected
or null, "by", "at", "before": the translation that the reviewer saw or null, "comment", "engine", "model":
those of that translation, "segment": the segment it was said of where that is another one with the same
source, else ""}``. A line without these four is read as one that has none of them. ``before`` is the
document's text between the previous segment and this one (``after``, on the last line only, what follows it),
so that ``before + source`` over all lines gives the document back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtalign.document import (
    SCHEMA_VERSION,
    BlockKind,
    Document,
    Flag,
    Link,
    Review,
    Segment,
    Severity,
    Skip,
    Status,
    Translation,
    Verdict,
)
from mtalign.errors import DocumentError

SCORE_DECIMALS = 4
"""Digits after the point of a token score in ``segments.jsonl``."""

WordLink = tuple[int, int, int, int]
"""Source start, source end, translation start, translation end: half-open, in characters of the segment."""

TermHit = tuple[int, int, str, bool]
"""Source start, source end (half-open, in characters of the segment), English term, whether it was hit."""


@dataclass(frozen=True)
class Record:
    """A segment with its translation and its place: what one line of ``segments.jsonl`` says."""

    segment: Segment
    kind: BlockKind
    level: int
    target_language: str
    translation: Translation
    before: str = ""
    after: str = ""
    link: Link | None = None
    quality: float | None = None
    """Estimated quality of the translation without a reference, 0 to 1; None where nothing was estimated."""
    words: tuple[WordLink, ...] = ()
    """Which words translate which, in the order of the source."""
    terms: tuple[TermHit, ...] = ()
    """Terms of the glossary that stand in the source, in its order."""


def make_records(
    document: Document,
    segments: Iterable[Segment],
    translations: Mapping[str, Translation],
    target_language: str,
    links: Iterable[Link] = (),
    *,
    qualities: Mapping[str, float] | None = None,
    words: Mapping[str, tuple[WordLink, ...]] | None = None,
    terms: Mapping[str, tuple[TermHit, ...]] | None = None,
) -> list[Record]:
    """Put a document's segments and their translations together, with the text between them.

    ``qualities``, ``words`` and ``terms`` are by segment id; a segment that is not in them has none.
    """
    blocks = {block.id: block for block in document.blocks}
    link_of = {source_id: link for link in links for source_id in link.source_ids}
    ordered = list(segments)
    records = []
    position = 0
    for number, segment in enumerate(ordered, start=1):
        block = blocks[segment.block_id]
        start, end = block.start + segment.start, block.start + segment.end
        records.append(
            Record(
                segment=segment,
                kind=block.kind,
                level=block.level,
                target_language=target_language,
                translation=translations[segment.id],
                before=document.text[position:start],
                after=document.text[end:] if number == len(ordered) else "",
                link=link_of.get(segment.id),
                quality=(qualities or {}).get(segment.id),
                words=(words or {}).get(segment.id, ()),
                terms=(terms or {}).get(segment.id, ()),
            )
        )
        position = end
    return records


def to_json(record: Record) -> dict[str, Any]:
    """One line of ``segments.jsonl`` as a JSON object."""
    segment, translation, link = record.segment, record.translation, record.link
    return {
        "schema": SCHEMA_VERSION,
        "id": segment.id,
        "document": segment.document_id,
        "block": segment.block_id,
        "kind": record.kind.value,
        "level": record.level,
        "source": segment.text,
        "source_lang": segment.language,
        "target_lang": record.target_language,
        "translation": translation.text,
        "status": translation.status.value,
        "failure": translation.failure,
        "skip": segment.skip.value if segment.skip else None,
        "engine": translation.engine,
        "model": translation.model,
        "score": None if translation.score is None else round(translation.score, SCORE_DECIMALS),
        "link": link
        and {
            "source": list(link.source_ids),
            "target": list(link.target_ids),
            "score": None if link.score is None else round(link.score, 4),
        },
        "quality": None if record.quality is None else round(record.quality, 4),
        "words": [list(link) for link in record.words],
        "terms": [list(term) for term in record.terms],
        "flags": [flag_to_json(flag) for flag in translation.flags],
        "review": translation.review and _review_to_json(translation.review),
        "before": record.before,
        "after": record.after,
    }


def from_json(line: Mapping[str, Any]) -> Record:
    """The record that a line of ``segments.jsonl`` says.

    Offsets within the block are not on the line: ``start`` is 0 and ``end`` the length of the source.

    Raises:
        DocumentError: the line has another schema version or lacks a field.
    """
    if line.get("schema") != SCHEMA_VERSION:
        raise DocumentError(
            f"segments.jsonl has schema {line.get('schema')!r}, this version reads {SCHEMA_VERSION}",
            hint="run `mtalign run` again to write it anew",
        )
    try:
        link = line["link"]
        return Record(
            segment=Segment(
                id=line["id"],
                document_id=line["document"],
                block_id=line["block"],
                text=line["source"],
                start=0,
                end=len(line["source"]),
                language=line["source_lang"],
                skip=Skip(line["skip"]) if line["skip"] else None,
            ),
            kind=BlockKind(line["kind"]),
            level=line["level"],
            target_language=line["target_lang"],
            translation=Translation(
                segment_id=line["id"],
                status=Status(line["status"]),
                text=line["translation"],
                failure=line["failure"],
                engine=line["engine"],
                model=line["model"],
                score=line["score"],
                flags=tuple(flag_from_json(flag) for flag in line["flags"]),
                review=_review(line.get("review")),
            ),
            before=line["before"],
            after=line["after"],
            link=link and Link(tuple(link["source"]), tuple(link["target"]), link["score"]),
            quality=line.get("quality"),
            words=tuple((int(a), int(b), int(c), int(d)) for a, b, c, d in line.get("words", ())),
            terms=tuple(_term(*term) for term in line.get("terms", ())),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DocumentError(
            f"segments.jsonl: a line is damaged ({type(error).__name__}: {error})",
            hint="run `mtalign run` again to write it anew",
        ) from error


def _term(start: int, end: int, english: str, hit: bool) -> TermHit:
    if not isinstance(english, str) or not isinstance(hit, bool):
        raise TypeError("a term is two numbers, a text, and true or false")
    return int(start), int(end), english, hit


def flag_to_json(flag: Flag) -> dict[str, Any]:
    """A flag as a line of ``segments.jsonl`` has it."""
    return {
        "name": flag.name,
        "severity": flag.severity.value,
        "message": flag.message,
        "source_span": flag.source_span and list(flag.source_span),
        "translation_span": flag.translation_span and list(flag.translation_span),
    }


def flag_from_json(flag: Mapping[str, Any]) -> Flag:
    """The flag that :func:`flag_to_json` says."""
    return Flag(
        name=flag["name"],
        severity=Severity(flag["severity"]),
        message=flag["message"],
        source_span=flag["source_span"] and tuple(flag["source_span"]),
        translation_span=flag["translation_span"] and tuple(flag["translation_span"]),
    )


def _review_to_json(review: Review) -> dict[str, Any]:
    return {
        "verdict": review.verdict and review.verdict.value,
        "by": review.by,
        "at": review.at,
        "before": review.before,
        "comment": review.comment,
        "engine": review.engine,
        "model": review.model,
        "segment": review.segment,
    }


def _review(value: Mapping[str, Any] | None) -> Review | None:
    if value is None:
        return None
    texts = {name: value[name] for name in ("by", "at", "comment", "engine", "model", "segment")}
    if not all(isinstance(text, str) for text in (*texts.values(), value["before"] or "")):
        raise TypeError("a review's value is of the wrong type")
    verdict = value["verdict"]
    return Review(verdict=None if verdict is None else Verdict(verdict), before=value["before"], **texts)


def run_id(documents: Iterable[tuple[str, Iterable[Segment]]]) -> str:
    """The id of a run: 16 hex digits over its documents' folder names and segments, in order.

    It depends on the segments' ids and source texts alone, so it stays the same when the same documents are
    translated again, and corrections of other documents are recognised.
    """
    whole = hashlib.sha256()
    for output, segments in documents:
        whole.update(json.dumps([output, segments_digest(segments)]).encode() + b"\n")
    return whole.hexdigest()[:16]


def segments_digest(segments: Iterable[Segment]) -> str:
    """SHA-256, hex, over the ids and source texts of a document's segments, in order."""
    digest = hashlib.sha256()
    for segment in segments:
        digest.update(json.dumps([segment.id, segment.text]).encode() + b"\n")
    return digest.hexdigest()


def dump_records(records: Iterable[Record]) -> str:
    """The text of a ``segments.jsonl``."""
    return "".join(json.dumps(to_json(record), ensure_ascii=False) + "\n" for record in records)


def read_records(path: Path) -> Iterator[Record]:
    """Read a ``segments.jsonl``, line by line.

    Raises:
        DocumentError: the file cannot be read, or a line is not one of ours.
    """
    try:
        with path.open(encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    value = json.loads(line)
                except json.JSONDecodeError as error:
                    raise DocumentError(
                        f"{path}, line {number}: not JSON ({error.msg})",
                        hint="run `mtalign run` again to write it anew",
                    ) from error
                if not isinstance(value, dict):
                    raise DocumentError(
                        f"{path}, line {number}: not a JSON object",
                        hint="run `mtalign run` again to write it anew",
                    )
                yield from_json(value)
    except OSError as error:
        raise DocumentError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DocumentError(f"{path} is not UTF-8 ({error.reason} at byte {error.start})") from error

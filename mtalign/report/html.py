"""``<document>/index.html``: source and English side by side, one self-contained page a document.

The segments stand in the page twice: as one JSON block, from which the scripts of ``assets/document/`` draw
the rows that are in view, and as plain text in ``<noscript>`` for a viewer that runs no scripts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mtalign.document import Flag
from mtalign.records import Record, WordLink
from mtalign.report.names import find_names
from mtalign.report.pages import render
from mtalign.report.payload import SEVERITIES, DocumentRun, ReferenceBead, RunPayload, severity_rank
from mtalign.report.wording import STATUS_MEANINGS, coverage_sentence, language_name

SCHEMA_CORRECTIONS = 1
"""Version of the corrections file that the page writes and reads."""

STYLES = ("base.css", "document.css", "rows.css", "review.css", "print.css")

SCRIPTS = (
    "document/dom.js",
    "document/data.js",
    "document/diff.js",
    "document/pieces.js",
    "document/fragment.js",
    "document/beads.js",
    "document/store.js",
    "document/search.js",
    "document/filter.js",
    "document/row.js",
    "document/list.js",
    "document/light.js",
    "document/judge.js",
    "document/edit.js",
    "document/export.js",
    "document/import.js",
    "document/tools.js",
    "document/keys.js",
    "document/paper.js",
    "document/main.js",
)
"""In the order in which they are put together; outside functions a script uses only names of earlier ones."""


def write_page(run: RunPayload, document: DocumentRun) -> bytes:
    """The content of a document's ``index.html``."""
    place = [other.output for other in run.documents].index(document.output)
    return render(
        "document.html",
        styles=STYLES,
        scripts=SCRIPTS,
        data=page_data(run, document),
        run=run,
        document=document,
        coverage=coverage_sentence(document.score) if document.score else "",
        severity_counts=_severity_counts(document),
        flag_counts=_ordered(_segments_with(document, lambda flag: flag.name)),
        engines=_ordered(Counter(r.translation.engine for r in document.records if r.translation.engine)),
        rated=any(record.quality is not None for record in document.records),
        referenced=any(bead.source_ids and bead.sentences for bead in document.beads),
        previous=run.documents[place - 1] if place > 0 else None,
        following=run.documents[place + 1] if place + 1 < len(run.documents) else None,
    )


def page_data(run: RunPayload, document: DocumentRun) -> dict[str, Any]:
    """What the scripts read: the document's segments and references; what is absent or empty is left out.

    Offsets are in UTF-16 code units, as JavaScript counts.
    """
    order = sorted(range(len(document.records)), key=lambda i: (severity_rank(document.records[i]), i))
    ranks = {index: place for place, index in enumerate(order)}
    names = find_names(document.records)
    languages = {record.segment.language for record in document.records}
    return {
        "schema": SCHEMA_CORRECTIONS,
        "run": run.id,
        "document": document.output,
        "prefix": f"{document.id}.",
        "file": document.file_name,
        "target": next((record.target_language for record in document.records), "en"),
        "version": run.version,
        "languages": {language: language_name(language) for language in sorted(languages)},
        "statuses": {status.value: meaning for status, meaning in STATUS_MEANINGS.items()},
        "segments": [_segment(record, ranks[index], names) for index, record in enumerate(document.records)],
        "references": [_reference(bead) for bead in document.beads if bead.sentences],
    }


def _segment(record: Record, rank: int, names: Mapping[str, Sequence[WordLink]]) -> dict[str, Any]:
    segment, translation, link = record.segment, record.translation, record.link
    source, target = _Offsets(segment.text), _Offsets(translation.text or "")
    review = translation.review
    values: dict[str, Any] = {
        "id": segment.id,
        "block": segment.block_id,
        "kind": record.kind.value,
        "level": record.level,
        "lang": segment.language,
        "source": segment.text,
        "translation": translation.text,
        "failure": translation.failure,
        "status": translation.status.value,
        "engine": translation.engine,
        "score": translation.score,
        "quality": record.quality,
        "rank": rank,
        "link": link and [list(link.source_ids), list(link.target_ids), link.score],
        "flags": [
            {
                "name": flag.name,
                "severity": flag.severity.value,
                "message": flag.message,
                "source": source.span(flag.source_span),
                "translation": target.span(flag.translation_span),
            }
            for flag in translation.flags
        ],
        "terms": [
            [*_pair(source.span((start, end))), english, hit] for start, end, english, hit in record.terms
        ],
        "names": [
            [*_pair(source.span((a, b))), *_pair(target.span((c, d)))]
            for a, b, c, d in names.get(segment.id, ())
        ],
        "words": [[*_pair(source.span((a, b))), *_pair(target.span((c, d)))] for a, b, c, d in record.words],
        "review": review
        and {
            "verdict": review.verdict and str(review.verdict.value),
            "by": review.by,
            "at": review.at,
            "before": review.before,
            "comment": review.comment,
        },
    }
    return {key: value for key, value in values.items() if value not in (None, [], "") or key == "source"}


def _reference(bead: ReferenceBead) -> dict[str, Any]:
    return {"source": list(bead.source_ids), "sentences": list(bead.sentences), "score": bead.score}


class _Offsets:
    """Offsets in code points to offsets in UTF-16 code units; beyond the text they are cut off."""

    def __init__(self, text: str) -> None:
        self._length = len(text)
        self._wide = [i for i, character in enumerate(text) if character > "\uffff"]

    def span(self, span: tuple[int, int] | None) -> list[int] | None:
        if span is None:
            return None
        return [
            place + bisect_left(self._wide, place) for place in (min(max(0, at), self._length) for at in span)
        ]


def _pair(span: list[int] | None) -> list[int]:
    return span or [0, 0]


def _segments_with(document: DocumentRun, key: Callable[[Flag], str]) -> Counter[str]:
    """How many segments carry a flag with each value of ``key``."""
    return Counter(
        value for record in document.records for value in {key(flag) for flag in record.translation.flags}
    )


def _severity_counts(document: DocumentRun) -> list[tuple[str, int]]:
    counts = _segments_with(document, lambda flag: flag.severity.value)
    return [(severity.value, counts[severity.value]) for severity in SEVERITIES if counts[severity.value]]


def _ordered(counts: Counter[str]) -> list[tuple[str, int]]:
    """The most frequent first."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))

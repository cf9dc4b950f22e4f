"""``index.html`` of a run: its documents, what was computed about them, and the way to every finding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mtalign.document import Status
from mtalign.report.pages import render
from mtalign.report.payload import DocumentRun, RunPayload
from mtalign.report.wording import TOPICAL_SIMILARITY_MEANING, coverage_sentence


@dataclass(frozen=True)
class BarPart:
    """A part of the status bar, in per cent of its width."""

    status: str
    start: float
    width: float


def write_overview(run: RunPayload) -> bytes:
    """The content of the run's ``index.html``."""
    scored = [document for document in run.documents if document.score]
    metrics = dict.fromkeys(
        metric.name for document in scored if document.score for metric in document.score.metrics
    )
    return render(
        "overview.html",
        styles=("base.css", "overview.css"),
        run=run,
        cards=[
            (document, coverage_sentence(document.score), list(bar(document))) for document in run.documents
        ],
        metrics=list(metrics),
        topical_similarity_meaning=TOPICAL_SIMILARITY_MEANING,
        failures=[(document, record) for document in run.documents for record in document.failures()],
    )


def bar(document: DocumentRun) -> Iterator[BarPart]:
    """The document's statuses as parts of one bar."""
    total, start = len(document.records), 0.0
    for status in (Status.TRANSLATED, Status.KEPT, Status.SKIPPED, Status.FAILED):
        width = 100 * document.statuses[status] / total if total else 0.0
        if width:
            yield BarPart(status.value, round(start, 3), round(width, 3))
        start += width

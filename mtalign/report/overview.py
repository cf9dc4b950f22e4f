"""``index.html`` of a run: its documents, what was computed about them, and the way to every finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mtalign.document import Status
from mtalign.records import Record
from mtalign.report.pages import render
from mtalign.report.payload import DocumentRun, RunPayload
from mtalign.report.wording import TOPICAL_SIMILARITY_MEANING, coverage_sentence

BINS = 10
"""Bars of a chart of estimated quality, each a tenth of the range."""


@dataclass(frozen=True)
class BarPart:
    """A part of the status bar, in per cent of its width."""

    status: str
    start: float
    width: float


@dataclass(frozen=True)
class QualityBin:
    """A bar of the chart of estimated quality."""

    low: float
    high: float
    count: int
    height: float
    """In per cent of the highest bar."""

    @property
    def range(self) -> str:
        """As the page's filter has it: ``0.3-0.4``."""
        return f"{self.low:g}-{self.high:g}"


@dataclass(frozen=True)
class QualityChart:
    """How the estimated quality of a document's (or a run's) segments is spread."""

    bins: tuple[QualityBin, ...]
    count: int
    median: float
    low: int
    """Segments below one half."""


@dataclass(frozen=True)
class Card:
    """A document as the overview shows it."""

    document: DocumentRun
    coverage: str
    parts: tuple[BarPart, ...]
    quality: QualityChart | None


def write_overview(run: RunPayload) -> bytes:
    """The content of the run's ``index.html``."""
    scores = [score for score in (*(document.score for document in run.documents), run.corpus) if score]
    computed = [metric for score in scores for metric in (*score.metrics, *score.sentence_metrics)]
    return render(
        "overview.html",
        styles=("base.css", "sheet.css", "overview.css"),
        run=run,
        cards=[
            Card(document, coverage_sentence(document.score), tuple(bar(document)), chart(document.records))
            for document in run.documents
        ],
        metrics=list(dict.fromkeys(metric.name for metric in computed)),
        intervals=any("confidence_var" in metric.details for metric in computed),
        quality=chart(record for document in run.documents for record in document.records),
        languages=sorted(
            sum((Counter(document.languages) for document in run.documents), Counter[str]()).items(),
            key=lambda item: (-item[1], item[0]),
        ),
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


def chart(records: Iterable[Record]) -> QualityChart | None:
    """The spread of the segments' estimated quality in tenths; None where none was estimated.

    A bar holds the segments from its lower end up to, not with, its upper one; 1 is in the last.
    """
    values = sorted(record.quality for record in records if record.quality is not None)
    if not values:
        return None
    edges = [round(i / BINS, 10) for i in range(BINS + 1)]
    counts = [0] * BINS
    for value in values:
        counts[max(0, min(BINS - 1, sum(value >= edge for edge in edges) - 1))] += 1
    middle = len(values) // 2
    return QualityChart(
        bins=tuple(
            QualityBin(low, high, count, round(100 * count / max(counts), 2))
            for low, high, count in zip(edges, edges[1:], counts, strict=False)
        ),
        count=len(values),
        median=values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2,
        low=sum(value < 0.5 for value in values),
    )

"""The scores of a run: its documents against the reference, and what its segments are like."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtalign.document import SCHEMA_VERSION, Status
from mtalign.score.metrics import decimals
from mtalign.score.reference import AlignedReference, score_aligned
from mtalign.score.resampling import RESAMPLES
from mtalign.score.runs import translated

if TYPE_CHECKING:
    from mtalign.job.findings import Finder
    from mtalign.records import Record


Scores = tuple[list[dict[str, Any]], dict[str, Any] | None, dict[str, list[dict[str, Any]]]]
"""The documents' entries in ``scores.json``, the entry ``corpus`` there, and the rows of each document's
``reference.jsonl`` by its output folder."""


@dataclass(frozen=True)
class ScoredDocument:
    """A document and what of it aligns with the reference."""

    id: str
    output: str
    """Name of its folder in the run folder."""
    ids: tuple[str, ...]
    """The translated segments, in order: what ``aligned`` counts as the hypothesis."""
    sources: tuple[str, ...]
    aligned: AlignedReference


def align_document(
    document_id: str, output: str, records: Sequence[Record], reference: Sequence[str], finder: Finder
) -> ScoredDocument:
    """Align a document's translations with the reference."""
    own = translated(records)
    aligned = finder.reference([record.translation.text or "" for record in own], reference)
    ids = tuple(record.segment.id for record in own)
    return ScoredDocument(document_id, output, ids, tuple(r.segment.text for r in own), aligned)


def score_documents(
    documents: Sequence[ScoredDocument],
    reference: Sequence[str],
    metrics: Sequence[str],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Scores:
    """Score documents that were aligned with the reference."""
    scores, corpus = score_aligned(
        [document.aligned for document in documents],
        metrics=metrics,
        sources=[document.sources for document in documents],
        resamples=RESAMPLES,
        jobs=os.cpu_count() or 1,
        progress=progress,
    )
    entries: list[dict[str, Any]] = []
    rows: dict[str, list[dict[str, Any]]] = {}
    for document, score in zip(documents, scores, strict=True):
        entries.append({"document": document.id, **score.to_json()})
        # The lines of the accepted beads come first; where nothing is scored there are none.
        lines = score.line_metrics or [()] * len(score.beads)
        rows[document.output] = [
            {
                "source": [document.ids[index] for index in bead.source],
                "reference": [reference[index] for index in bead.target],
                "index": list(bead.target),
                "score": round(bead.score, 4),
                "metrics": {metric.name: round(metric.score, decimals(metric.name)) for metric in line},
            }
            for bead, line in zip(score.beads, lines, strict=False)
        ]
    return entries, corpus.to_json() if corpus else None, rows


def reference_text(sentences: Iterable[str]) -> str:
    """The content of ``reference.txt``; white space inside a sentence is one space, as metrics see it."""
    return "".join(" ".join(sentence.split()) + "\n" for sentence in sentences)


def scores_json(
    reference: Mapping[str, Any] | None,
    sentences: Sequence[str],
    documents: Sequence[Mapping[str, Any]],
    corpus: Mapping[str, Any] | None,
    records: Mapping[str, Sequence[Record]],
    glossary: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """``scores.json``; ``records`` are each document's by its id."""
    everything = [record for document in records.values() for record in document]
    return {
        "schema": SCHEMA_VERSION,
        "reference": reference
        and {
            "path": reference["path"],
            "starts_with": reference["starts_with"],
            "sentences": len(sentences),
            "sha256": hashlib.sha256(reference_text(sentences).encode()).hexdigest(),
            "note": reference["note"],
        },
        "documents": list(documents),
        "corpus": corpus,
        "figures": {
            "all": figures(everything),
            "documents": [{"document": name, **figures(own)} for name, own in records.items()],
        },
        "glossary": glossary,
        "gate": None,
    }


def figures(records: Sequence[Record]) -> dict[str, Any]:
    """How many segments there are of each status, their mean estimated quality, and their flags by kind."""
    status = Counter(record.translation.status for record in records)
    qualities = [record.quality for record in records if record.quality is not None]
    flags = Counter((flag.name, flag.severity.value) for r in records for flag in r.translation.flags)
    return {
        "segments": len(records),
        "status": {one.value: status[one] for one in Status},
        "quality": {
            "segments": len(qualities),
            "mean": round(sum(qualities) / len(qualities), 4) if qualities else None,
        },
        "flags": [
            {"name": name, "severity": severity, "count": count}
            for (name, severity), count in sorted(flags.items())
        ],
    }

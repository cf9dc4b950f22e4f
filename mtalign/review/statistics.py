"""What reviewers changed: verdicts by document and reviewer, and how far the texts moved.

HTER (Snover et al. 2006) is TER of the machine's translation against what the reviewer made of it: the share
of its words that had to be edited. It is computed by sacreBLEU over the segments that were accepted (no edit)
or edited; what was rejected without another text has nothing to be compared with and is left out, as is what
the machine gave no translation for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mtalign.document import Score, Verdict
from mtalign.report.payload import read_run
from mtalign.review.apply import own_review
from mtalign.review.corrections import Correction
from mtalign.score.metrics import corpus_scores, to_json

VERDICTS = ("accepted", "edited", "rejected")


@dataclass(frozen=True)
class ReviewStatistics:
    """The figures of some segments' reviews."""

    counts: Mapping[str, int]
    """``accepted``, ``edited``, ``rejected``, and ``commented`` (whatever the verdict)."""
    compared: int
    """Segments that the metrics were computed on."""
    metrics: tuple[Score, ...]
    """TER (that is HTER) and chrF2, corpus level; empty where nothing can be compared."""

    def metric(self, name: str) -> Score | None:
        """The metric of that name."""
        return next((metric for metric in self.metrics if metric.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON; the metrics as sacreBLEU writes them."""
        return {
            **self.counts,
            "compared": self.compared,
            "metrics": [to_json(metric) for metric in self.metrics],
        }


def count_reviews(corrections: Iterable[Correction]) -> ReviewStatistics:
    """The figures of ``corrections``, one a segment."""
    counts: Counter[str] = Counter()
    pairs = []
    for one in corrections:
        if one.verdict is not None:
            counts[one.verdict.value] += 1
        if one.comment:
            counts["commented"] += 1
        after = one.text if one.verdict is Verdict.EDITED else one.before
        if one.verdict in (Verdict.ACCEPTED, Verdict.EDITED) and one.before and after:
            # A line break inside a segment is white space to every metric.
            pairs.append((" ".join(one.before.split()), " ".join(after.split())))
    metrics: tuple[Score, ...] = ()
    if pairs:
        before, after_ = zip(*pairs, strict=True)
        metrics = tuple(corpus_scores(before, [after_], ("TER", "chrF2")))
    named = {name: counts[name] for name in (*VERDICTS, "commented")}
    return ReviewStatistics(named, len(pairs), metrics)


def run_corrections(run: Path) -> list[Correction]:
    """The reviews that have been applied to the run folder ``run``, as corrections.

    Raises:
        UsageError: ``run`` is not a run folder.
        DocumentError: one of its files is damaged.
    """
    found = []
    for document in read_run(run).documents:
        for record in document.records:
            review = own_review(record)
            if review is not None:
                found.append(replace(review, document=document.output))
    return found

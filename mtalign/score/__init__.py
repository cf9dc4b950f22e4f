"""Scores against a reference: metrics through sacreBLEU, and references that have to be aligned first."""

from __future__ import annotations

from mtalign.score.lines import read_lines
from mtalign.score.metrics import (
    DEFAULT_METRICS,
    METRICS,
    corpus_scores,
    parse_metrics,
    segment_scores,
    to_json,
)
from mtalign.score.reference import (
    Coverage,
    ReferenceScore,
    score_against_reference,
    topical_similarity,
)

__all__ = [
    "DEFAULT_METRICS",
    "METRICS",
    "Coverage",
    "ReferenceScore",
    "corpus_scores",
    "parse_metrics",
    "read_lines",
    "score_against_reference",
    "segment_scores",
    "to_json",
    "topical_similarity",
]

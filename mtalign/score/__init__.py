"""Scores against a reference: metrics through sacreBLEU, and references that have to be aligned first.

What aligns (:mod:`mtalign.score.reference`) is not imported here: scoring line-aligned files starts faster
without it.
"""

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

__all__ = [
    "DEFAULT_METRICS",
    "METRICS",
    "corpus_scores",
    "parse_metrics",
    "read_lines",
    "segment_scores",
    "to_json",
]

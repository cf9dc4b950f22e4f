"""Estimated quality of a translation without a reference: one monotone score from what the chain knows."""

from __future__ import annotations

from mtalign.quality.estimate import Signals, estimate_quality, signals_of
from mtalign.quality.names import measure_names
from mtalign.quality.sentences import Sentences, measure_sentences
from mtalign.quality.similarity import measure

__all__ = [
    "Sentences",
    "Signals",
    "estimate_quality",
    "measure",
    "measure_names",
    "measure_sentences",
    "signals_of",
]

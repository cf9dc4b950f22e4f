"""The gate's nouns: what a run is held to, and what became of it. See ``docs/gate.md``."""

from __future__ import annotations

from mtalign.gate.result import Criterion, Gate, Outcome
from mtalign.gate.thresholds import (
    DEFAULT_THRESHOLDS,
    Regression,
    Threshold,
    Thresholds,
    gate_table,
    parse_requirement,
    parse_table,
)

__all__ = [
    "DEFAULT_THRESHOLDS",
    "Criterion",
    "Gate",
    "Outcome",
    "Regression",
    "Threshold",
    "Thresholds",
    "gate_table",
    "parse_requirement",
    "parse_table",
]

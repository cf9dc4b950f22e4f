"""The plan round an engine: skip, look up, batch, decode, guard, retry, record."""

from __future__ import annotations

from mtalign.translate.plan import (
    PlanProgress,
    PlanStatistics,
    translate_segments,
    translate_windows,
    untouched,
)

__all__ = ["PlanProgress", "PlanStatistics", "translate_segments", "translate_windows", "untouched"]

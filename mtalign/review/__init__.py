"""What reviewers said of a run: read, merged, applied to its folder and the memory, counted, taken back."""

from __future__ import annotations

from mtalign.review.apply import ApplyPlan, plan_corrections, write_plan
from mtalign.review.corrections import (
    BeadChange,
    Correction,
    Corrections,
    dump_corrections,
    read_corrections,
)
from mtalign.review.merge import Conflict, merge_files
from mtalign.review.statistics import ReviewStatistics, count_reviews
from mtalign.review.undo import undo_reviews

__all__ = [
    "ApplyPlan",
    "BeadChange",
    "Conflict",
    "Correction",
    "Corrections",
    "ReviewStatistics",
    "count_reviews",
    "dump_corrections",
    "merge_files",
    "plan_corrections",
    "read_corrections",
    "undo_reviews",
    "write_plan",
]

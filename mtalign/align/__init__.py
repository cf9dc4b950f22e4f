"""Sentence alignment: two texts in, beads out."""

from __future__ import annotations

from mtalign.align.aligner import align_segments, align_sides, encode_sides
from mtalign.align.beads import (
    Agreement,
    Bead,
    check_beads,
    format_beads,
    in_reading_order,
    lax_agreement,
    mark_moved,
    moved_passages,
    parse_beads,
    read_beads,
    strict_agreement,
    write_beads,
)

__all__ = [
    "Agreement",
    "Bead",
    "align_segments",
    "align_sides",
    "check_beads",
    "encode_sides",
    "format_beads",
    "in_reading_order",
    "lax_agreement",
    "mark_moved",
    "moved_passages",
    "parse_beads",
    "read_beads",
    "strict_agreement",
    "write_beads",
]

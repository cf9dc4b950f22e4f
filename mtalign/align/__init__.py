"""Sentence alignment: two texts in, beads out.

What aligns (:mod:`mtalign.align.aligner`) is not imported here: what only reads and shows beads starts faster
without it.
"""

from __future__ import annotations

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
    "check_beads",
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

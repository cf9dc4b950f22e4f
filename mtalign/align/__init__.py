"""Sentence alignment: two texts in, beads out."""

from __future__ import annotations

from mtalign.align.aligner import align_segments
from mtalign.align.beads import (
    Agreement,
    Bead,
    format_beads,
    lax_agreement,
    parse_beads,
    read_beads,
    strict_agreement,
    write_beads,
)

__all__ = [
    "Agreement",
    "Bead",
    "align_segments",
    "format_beads",
    "lax_agreement",
    "parse_beads",
    "read_beads",
    "strict_agreement",
    "write_beads",
]

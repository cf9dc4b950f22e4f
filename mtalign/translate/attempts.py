"""The ladder of decodings that a segment climbs until its translation passes the guard."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtalign.engines.base import Decoding

PLAN_VERSION = 2
"""Part of the memory key: raised whenever guards, ladder or splitting change what comes out."""

TERMS_VERSION = 1
"""Part of the memory key of a segment with glossary terms: raised whenever what is done for them changes."""


def ladder(decoding: Decoding) -> tuple[Decoding, ...]:
    """The decodings to try in turn: the one asked for, then two that break loops and early stops."""
    return (
        decoding,
        replace(
            decoding,
            beam=1 if decoding.beam > 1 else 4,
            repetition_penalty=max(decoding.repetition_penalty, 1.1),
            no_repeat_ngram=decoding.no_repeat_ngram or 4,
            seed=decoding.seed + 1,
        ),
        replace(
            decoding,
            beam=max(2, decoding.beam),
            max_ratio=decoding.max_ratio * 1.5,
            repetition_penalty=max(decoding.repetition_penalty, 1.3),
            no_repeat_ngram=decoding.no_repeat_ngram or 3,
            seed=decoding.seed + 2,
        ),
    )

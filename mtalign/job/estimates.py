"""Flags and estimated quality that need the whole run or sentence vectors, for every translated segment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from mtalign.checks.consistency import Pair, check_consistency
from mtalign.checks.coverage import check_coverage
from mtalign.document import Status
from mtalign.embed import ENCODER_LANGUAGES
from mtalign.languages import ENGLISH, parse_language
from mtalign.quality import estimate_quality, measure, measure_sentences, signals_of

if TYPE_CHECKING:
    from mtalign.document import Segment, Translation
    from mtalign.embed import Embedder


def check_run(segments: Iterable[Segment], translations: Mapping[str, Translation]) -> dict[str, Translation]:
    """``translations`` with the flags that only a whole run shows."""
    translated = [s for s in segments if translations[s.id].status is Status.TRANSLATED]
    flags = check_consistency(
        Pair(s.id, s.text, translations[s.id].text or "", s.language) for s in translated
    )
    return {
        identifier: replace(one, flags=(*one.flags, *flags[identifier])) if identifier in flags else one
        for identifier, one in translations.items()
    }


def estimate_qualities(
    segments: Iterable[Segment], translations: Mapping[str, Translation], embedder: Embedder
) -> tuple[dict[str, Translation], dict[str, float]]:
    """``translations`` with the flags of :mod:`mtalign.checks.coverage`, and estimates by segment id.

    A segment whose language the encoder does not know has neither.
    """
    known = [
        s
        for s in segments
        if translations[s.id].status is Status.TRANSLATED and s.language.split("-")[0] in ENCODER_LANGUAGES
    ]
    similarities = measure([s.text for s in known], [translations[s.id].text or "" for s in known], embedder)
    sentences = measure_sentences(
        [(s.text, translations[s.id].text or "", parse_language(s.language), ENGLISH) for s in known],
        embedder,
    )
    flagged, qualities = dict(translations), {}
    for segment, similarity, signs in zip(known, similarities, sentences, strict=True):
        one = translations[segment.id]
        one = flagged[segment.id] = replace(
            one, flags=(*one.flags, *check_coverage(similarity, signs.source, signs.translation))
        )
        signals = signals_of(
            segment.text,
            one.text or "",
            parse_language(segment.language),
            one.flags,
            similarity,
            one.score,
            one.engine,
        )
        quality = estimate_quality(signals)
        if quality is not None:
            qualities[segment.id] = quality
    return flagged, qualities

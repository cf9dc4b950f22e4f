"""Flags and estimated quality that need the whole run or sentence vectors, for every translated segment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from mtalign.checks.consistency import Pair, check_consistency
from mtalign.document import Status
from mtalign.embed import ENCODER_LANGUAGES
from mtalign.languages import ENGLISH, parse_language

if TYPE_CHECKING:
    from mtalign.checks.run_names import RunNames
    from mtalign.document import Segment, Translation
    from mtalign.embed import Embedder


def check_run(segments: Iterable[Segment], translations: Mapping[str, Translation]) -> dict[str, Translation]:
    """``translations`` with the flags that only a whole run shows."""
    flags = check_consistency(_pairs(segments, translations))
    return {
        identifier: replace(one, flags=(*one.flags, *flags[identifier])) if identifier in flags else one
        for identifier, one in translations.items()
    }


def run_names(segments: Iterable[Segment], translations: Mapping[str, Translation]) -> RunNames:
    """The names of a run's translations."""
    from mtalign.checks.run_names import RunNames

    return RunNames(_pairs(segments, translations))


def _pairs(segments: Iterable[Segment], translations: Mapping[str, Translation]) -> list[Pair]:
    return [
        Pair(s.id, s.text, translations[s.id].text or "", s.language)
        for s in segments
        if translations[s.id].status is Status.TRANSLATED
    ]


def known_texts(segments: Iterable[Segment], translations: Mapping[str, Translation]) -> list[str]:
    """The sources and translations of the translated segments whose language the encoder knows."""
    known = _known(segments, translations)
    return [s.text for s in known] + [translations[s.id].text or "" for s in known]


def _known(segments: Iterable[Segment], translations: Mapping[str, Translation]) -> list[Segment]:
    return [
        s
        for s in segments
        if translations[s.id].status is Status.TRANSLATED and s.language.split("-")[0] in ENCODER_LANGUAGES
    ]


def estimate_qualities(
    segments: Iterable[Segment],
    translations: Mapping[str, Translation],
    embedder: Embedder,
    names: RunNames | None = None,
) -> tuple[dict[str, Translation], dict[str, float]]:
    """``translations`` with the flags that sentence vectors show, and estimates by segment id.

    ``names`` are those of the whole run. A segment whose language the encoder does not know has no such flag
    and no estimate.
    """
    # A run whose texts were judged before needs none of these.
    from mtalign.checks.coverage import check_coverage
    from mtalign.checks.founded import check_founded
    from mtalign.quality import estimate_quality, measure, measure_names, measure_sentences, signals_of

    known = _known(segments, translations)
    similarities = measure([s.text for s in known], [translations[s.id].text or "" for s in known], embedder)
    sentences = measure_sentences(
        [(s.text, translations[s.id].text or "", parse_language(s.language), ENGLISH) for s in known],
        embedder,
    )
    called = measure_names(
        [(s.text, translations[s.id].text or "", parse_language(s.language)) for s in known],
        embedder,
        names,
        [s.id for s in known],
    )
    flagged, qualities = dict(translations), {}
    for segment, similarity, signs, some in zip(known, similarities, sentences, called, strict=True):
        one = translations[segment.id]
        told = {flag.translation_span for flag in one.flags if flag.name == "name"}
        unfounded = check_founded(some, parse_language(segment.language))
        one = flagged[segment.id] = replace(
            one,
            flags=(
                *one.flags,
                *check_coverage(similarity, signs.source, signs.translation, signs.excess),
                *(flag for flag in unfounded if flag.translation_span not in told),
            ),
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

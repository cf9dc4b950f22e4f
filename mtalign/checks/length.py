"""Translations too short (dropped content) or too long (added content) for their source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtalign.document import Flag, Severity

if TYPE_CHECKING:
    from mtalign.languages import Language

# English characters for one source character: medians over WMT and FLORES references and system outputs.
_ENGLISH_PER_CHARACTER = {"ko": 2.0, "ja": 2.34, "zh": 3.68, "de": 0.92}
_BY_SCRIPT = {"Latn": 0.95, "Cyrl": 1.0, "Grek": 0.95, "Arab": 1.2, "Hebr": 1.3}

# 99 of 100 references and outputs lie within these multiples of the median; none beyond the outer ones.
SHORT, LONG = 0.5, 1.75
FAR_TOO_SHORT, FAR_TOO_LONG = 0.25, 4.0
_FEWEST = 12
"""Sources shorter than this, in characters, say nothing by their length."""


def expected_length(source: str, source_language: Language) -> float | None:
    """Characters to expect in English, or None where no ratio is known for the language."""
    ratio = _ENGLISH_PER_CHARACTER.get(source_language.primary) or _BY_SCRIPT.get(source_language.script)
    return None if ratio is None else ratio * len(source.strip())


def check_length(
    source: str, translation: str, source_language: Language, target_language: Language
) -> list[Flag]:
    """The translation's length is out of proportion to its source."""
    expected = expected_length(source, source_language)
    if target_language.code != "en" or expected is None or len(source.strip()) < _FEWEST:
        return []
    ratio = len(translation.strip()) / expected
    says = f"{ratio:.1f} × the length to expect"
    if ratio < SHORT:
        severity = Severity.ERROR if ratio < FAR_TOO_SHORT else Severity.WARNING
        return [Flag("short", severity, f"{says}: something may have been dropped")]
    if ratio > LONG:
        severity = Severity.ERROR if ratio > FAR_TOO_LONG else Severity.WARNING
        return [Flag("long", severity, f"{says}: something may have been added")]
    return []

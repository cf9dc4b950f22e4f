"""The estimate: a logistic function of signals, each of which moves it one way only.

=================  ======================================================================  =========
signal             what it is                                                              direction
=================  ======================================================================  =========
``cosine``         similarity of the sentence vectors of source and translation            up
``covered``        minus how much the source's worst clause lacks a counterpart            up
``founded``        minus how much the translation's worst clause lacks one                 up
``length``         minus how far the length is from the one to expect (log ratio)          up
``warnings``       flags of severity *warning*, at most three                              down
``errors``         flags of severity *error*, at most one                                  down
``token_score``    the engine's mean log-probability of a token                            up
=================  ======================================================================  =========

The weights (``weights.json``) are fitted by ``bench/fit_quality.py`` on system outputs and corrupted copies
of them, with no weight allowed to point the other way. A signal that is not known (the
encoder does not know the
language, the engine gives no score, no length ratio is known) takes the value it has at the median of the
good outputs, so it says nothing. Where the vectors are not known there is no estimate at all: the other
signals alone do not tell a right translation from a fluent wrong one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from mtalign.checks.length import expected_length
from mtalign.document import Flag, Severity
from mtalign.files import packaged_json

if TYPE_CHECKING:
    from mtalign.checks.coverage import Similarity
    from mtalign.languages import Language

SIGNALS = ("cosine", "covered", "founded", "length", "warnings", "errors", "token_score")
SCORED_ENGINES = frozenset({"llamacpp", "openvino"})
"""Engines whose token scores have been looked at: those of others are on another scale and are left out."""
_MOST_WARNINGS = 3
_LEAST_LENGTH = 12
"""Sources shorter than this, in characters, say nothing by their length."""


@dataclass(frozen=True)
class Signals:
    """What the estimate is made from, each the higher the better; None where it is not known."""

    cosine: float | None
    covered: float | None
    founded: float | None
    length: float | None
    warnings: float
    """Minus their number."""
    errors: float
    """Minus their number."""
    token_score: float | None = None


@lru_cache(maxsize=1)
def weights() -> dict[str, dict[str, float]]:
    """Bias, and weight, median and scale of each signal."""
    return packaged_json("mtalign.quality", "weights.json")


def signals_of(
    source: str,
    translation: str,
    language: Language,
    flags: Iterable[Flag],
    similarity: Similarity | None,
    token_score: float | None = None,
    engine: str = "",
) -> Signals:
    """The signals of one translation; ``token_score`` counts for the engines of :data:`SCORED_ENGINES`."""
    severities = [flag.severity for flag in flags]
    expected = expected_length(source, language)
    ratio = len(translation.strip()) / expected if expected and len(source.strip()) >= _LEAST_LENGTH else None
    return Signals(
        cosine=None if similarity is None else similarity.cosine,
        covered=None if similarity is None else -similarity.uncovered,
        founded=None if similarity is None else -similarity.added,
        length=-abs(math.log(ratio)) if ratio else None,
        warnings=-float(min(_MOST_WARNINGS, severities.count(Severity.WARNING))),
        errors=-float(min(1, severities.count(Severity.ERROR))),
        token_score=token_score if engine in SCORED_ENGINES else None,
    )


def estimate_quality(signals: Signals) -> float | None:
    """Estimated quality, 0 to 1; None where the similarity to the source is not known."""
    if signals.cosine is None:
        return None
    table = weights()
    logit = table["bias"]["weight"]
    for name in SIGNALS:
        value = getattr(signals, name)
        if value is not None:
            entry = table[name]
            logit += entry["weight"] * clipped(value, entry)
    return 1 / (1 + math.exp(-logit))


def clipped(value: float, entry: dict[str, float]) -> float:
    """A signal in units of its spread from the median, at most five either way."""
    return max(-5.0, min(5.0, (value - entry["median"]) / entry["scale"]))

"""Source that the translation does not cover, and text that the source does not, by sentence vectors.

Pure functions of figures that :func:`mtalign.quality.measure` and :func:`mtalign.quality.measure_sentences`
compute: a clause without which its side is *nearer* to the other side has no counterpart there; a sentence
has none if it is like nothing there, or only like what another sentence is more like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from mtalign.document import Flag, Severity
from mtalign.files import packaged_json


@dataclass(frozen=True)
class Similarity:
    """What sentence vectors say of a source and its translation; all cosines."""

    cosine: float
    """Of the two whole texts."""
    uncovered: float
    """How much nearer the source is without its worst clause, plus what that clause
    lacks of a counterpart."""
    added: float
    """The same for the translation's worst clause."""
    by_clause: bool = True
    """Whether clauses were measured; if not, nothing is said of what is missing or added."""


UNRELATED = 0.3
"""Cosine below which a translation is of something else."""
UNCOVERED = 0.011
"""Where no length is to be expected."""
ADDED = 0.0
"""Chosen on the development half of the system outputs (bench/checks.py): 2.5 and 1.7 of a hundred texts of
one sentence exceed them."""
CLAUSE_WEIGHT = 0.1
"""What the similarity of the worst clause to its best counterpart weighs against the change of the whole."""


@dataclass(frozen=True)
class SentenceSigns:
    """What tells whether a sentence has a counterpart on the other side."""

    span: tuple[int, int]
    """Its characters."""
    own: float
    """Cosine with the clauses in a row of the other side that are most like it, less what another sentence
    of its side is more like those."""
    gain: float
    """How much nearer the two texts are without it: a difference of cosines."""
    length: float
    """Log-odds of the lengths of both texts for its counterpart being missing."""
    count: float
    """1 if its side has more sentences than the other, -1 if it has fewer, 0 if as many."""


SIGNS = ("own", "gain", "length", "count")


@lru_cache(maxsize=1)
def _data() -> dict[str, dict[str, float]]:
    """For either side weights, bias and limit, as ``bench/fit_coverage.py`` made them."""
    return packaged_json("mtalign.checks", "coverage.json")


def check_sentence_coverage(
    source: Sequence[SentenceSigns], translation: Sequence[SentenceSigns]
) -> list[Flag]:
    """Sentences of the source that the translation lacks, and sentences of its own."""
    flags = []
    for signs in _without_counterpart(source, "uncovered"):
        says = "this sentence of the source seems to be missing in the translation"
        flags.append(Flag("uncovered", Severity.WARNING, says, source_span=signs.span))
    for signs in _without_counterpart(translation, "added"):
        says = "this sentence seems to have no source"
        flags.append(Flag("added", Severity.WARNING, says, translation_span=signs.span))
    return flags


def _without_counterpart(sentences: Sequence[SentenceSigns], side: str) -> list[SentenceSigns]:
    if len(sentences) < 2:
        return []
    weights = _data()[side]
    return [one for one in sentences if log_odds(one, weights) > weights["limit"]]


def log_odds(signs: SentenceSigns, weights: dict[str, float]) -> float:
    """Of the sentence having no counterpart."""
    return weights["bias"] + sum(weights[name] * float(getattr(signs, name)) for name in SIGNS)


def text_signs(similarity: Similarity, excess: float) -> dict[str, float]:
    """What tells whether a source of one sentence is covered.

    Args:
        similarity: Of source and translation.
        excess: Log of the translation's length over the one to expect.
    """
    return {"uncovered": similarity.uncovered, "cosine": similarity.cosine, "length": excess}


def text_log_odds(signs: dict[str, float], weights: dict[str, float]) -> float:
    """Of part of the source being missing."""
    return weights["bias"] + sum(weights[name] * value for name, value in signs.items())


def _is_uncovered(similarity: Similarity, excess: float | None) -> bool:
    if excess is None:
        return similarity.uncovered > UNCOVERED
    weights = _data()["text"]
    return text_log_odds(text_signs(similarity, excess), weights) > weights["limit"]


def check_coverage(
    similarity: Similarity,
    source: Sequence[SentenceSigns] = (),
    translation: Sequence[SentenceSigns] = (),
    excess: float | None = None,
) -> list[Flag]:
    """Flags of a translation by its similarity to the source and its ``excess``; see :func:`text_signs`.

    A side of several sentences, whose signs are given, is judged sentence by sentence; another by its worst
    clause, with at most one flag.
    """
    if similarity.cosine < UNRELATED:
        says = f"its meaning is far from the source's (similarity {similarity.cosine:.2f})"
        return [Flag("unrelated", Severity.WARNING, says)]
    flags = check_sentence_coverage(source, translation)
    if not similarity.by_clause:
        return flags
    if len(source) < 2 and _is_uncovered(similarity, excess):
        says = "part of the source seems to be missing: without it the two are more alike"
        if similarity.uncovered <= 0:
            says = "part of the source seems to be missing: the translation is short and not like the whole"
        flags.append(Flag("uncovered", Severity.WARNING, says))
    if len(translation) < 2 and similarity.added > ADDED:
        says = "part of the translation seems to have no source: without it the two are more alike"
        flags.append(Flag("added", Severity.WARNING, says))
    return flags

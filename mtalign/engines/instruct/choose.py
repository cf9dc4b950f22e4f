"""Chooses one of several candidate translations of the same text, never seeing a reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mtalign.checks.numbers import check_numbers
from mtalign.embed import ENCODER_LANGUAGES, Embedder, load_embedder
from mtalign.engines.base import Hypothesis, Request
from mtalign.glossary import count_hits
from mtalign.languages import Language

DOUBT = 0.7
"""Similarity to the source below which a translation is doubted.

Settled between 0.6 and 0.75 on one Chinese abstract (seed 004); to be fitted on development data.
"""

WRONG_NUMBER = 0.1
"""What a number that is lost, changed or made up weighs against the agreement of the candidates.

On 192 sentences of FLORES (all four languages) 6 choices had one without it, 1 with it; chrF2 stays.
"""

MISSED_TERM = 0.2
"""The same of a term of the glossary that a candidate does not have."""


class Chooser:
    """Chooses by agreement, similarity to the source, probability, numbers and terms.

    Loads its encoder when first needed.

    Args:
        similarity_weight: what the similarity to the source weighs against the agreement of the candidates:
            the more candidates there are, the less.
        probability_weight: what the mean log-probability of a token weighs, where the engine knows it.
    """

    def __init__(self, similarity_weight: float, probability_weight: float = 0.0) -> None:
        self._similarity_weight = similarity_weight
        self._probability_weight = probability_weight
        self._encoder: Embedder | None = None

    def choose(self, request: Request, candidates: Sequence[Hypothesis]) -> Hypothesis:
        """The candidate with the highest mean chrF2 against the others plus similarity and probability.

        Minimum Bayes risk decoding (Kumar and Byrne 2004) with chrF as the gain, the cosine of multilingual
        sentence vectors, and the model's own mean log-probability; numbers that differ from the source's and
        terms of the request that are missed count against a candidate. Unfinished and empty candidates are
        taken only where there is no other; a tie goes to the first; ``tokens`` are those of all candidates.

        Raises:
            MissingPackageError: the sentence encoder is not installed.
        """
        if len(candidates) == 1:
            return candidates[0]
        spent = sum(candidate.tokens for candidate in candidates)
        usable = [one for one in candidates if one.finished and one.text.strip()] or list(candidates)
        texts = [candidate.text for candidate in usable]
        if len(set(texts)) == 1:
            return replace(usable[0], tokens=spent)
        similarity = self._similarity(request.text, request.source, texts)
        gains = [
            agreement
            + self._similarity_weight * near
            + self._probability_weight * (one.score or 0.0)
            - _faults(request, one.text)
            for one, agreement, near in zip(usable, _agreement(texts), similarity, strict=True)
        ]
        return replace(usable[gains.index(max(gains))], tokens=spent)

    def doubts(self, source: str, language: Language, candidate: Hypothesis) -> bool:
        """Whether ``candidate`` is cut off, empty, or further from its source than good translations are."""
        if not candidate.finished or not candidate.text.strip():
            return True
        return self._similarity(source, language, [candidate.text])[0] < DOUBT

    def _similarity(self, source: str, language: Language, texts: Sequence[str]) -> list[float]:
        """Cosine of each text with the source; 1 where the encoder does not know the language."""
        if language.primary not in ENCODER_LANGUAGES:
            return [1.0] * len(texts)
        if self._encoder is None:
            self._encoder = load_embedder("use")
        # One text at a time: a sum over a batch may differ in its last digit.
        vectors = [self._encoder.encode([text])[0] for text in (source, *texts)]
        return [round(float(vectors[0] @ vector), 4) for vector in vectors[1:]]


def _faults(request: Request, text: str) -> float:
    numbers = check_numbers(request.text, text, request.source, request.target)
    missed = len(request.terms) - count_hits(request.terms, text)
    return WRONG_NUMBER * len(numbers) + MISSED_TERM * missed


def _agreement(texts: Sequence[str]) -> list[float]:
    from sacrebleu.metrics.chrf import CHRF

    chrf = CHRF()
    return [
        sum(chrf.sentence_score(text, [other]).score for place, other in enumerate(texts) if place != index)
        / (100 * max(1, len(texts) - 1))
        for index, text in enumerate(texts)
    ]

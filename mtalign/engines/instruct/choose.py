"""Chooses one of several candidate translations of the same text, never seeing a reference."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from mtalign.checks import check_translation
from mtalign.checks.spelling import fold
from mtalign.document import Flag, Severity
from mtalign.embed import ENCODER_LANGUAGES, Embedder, load_embedder
from mtalign.engines.base import Hypothesis, Request
from mtalign.glossary import count_hits
from mtalign.languages import Language

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ORDER, _BETA = 6, 2
"""Of chrF2 (Popović 2015, 2016)."""

DOUBT = 0.7
"""Similarity to the source below which a translation is doubted.

Of references (FLORES, 400 sentences each of ko, ja, de, zh) a third lie below it: 35, 46, 18 and 29 %.
"""

WRONG_NUMBER = 0.1
"""What a number that is lost, changed or made up weighs against the agreement of the candidates.

On 192 sentences of FLORES (all four languages) 6 choices had one without it, 1 with it; chrF2 stays.
"""

FLAGGED = 0.05
"""The same of any other flag that a reviewer would see: something cut off, a unit lost, a quotation mark."""

UNFOUNDED_NAME = 0.05
"""The same of a name that stands for nothing in the source, if that were sure.

On 144 sentences of FLORES (ko, ja, zh) the choices have 22 names to be flagged for 35 without it, and of
their words with a capital .498 are in the reference for .471 (of the reference's they have .584 for .576);
BLEU and chrF2 stay. At twice as much chrF2 falls by .5.
"""

LOST_NAME = 0.1
"""The same of a country, city, month or weekday that the source names and a candidate lacks.

On 240 sentences of FLORES (all four languages) the choices lack 10 where they lacked 16; a part of this is
what :func:`mtalign.engines.instruct.prompts.with_countries` does.
"""

MISSED_TERM = 0.2
"""The same of a term of the glossary that a candidate does not have."""

FORBIDDEN = 10.0
"""The same of a flag that says that a text must not stand as a translation: any other is taken before it."""


class Chooser:
    """Chooses by agreement, similarity to the source, probability, what the checks say, names and terms.

    Loads its encoder when first needed.

    Args:
        similarity_weight: what the similarity to the source weighs against the agreement of the candidates:
            the more candidates there are, the less.
        probability_weight: what the mean log-probability of a token weighs, where the engine knows it.
    """

    def __init__(self, similarity_weight: float, probability_weight: float = 0.0) -> None:
        self._similarity_weight = similarity_weight
        self._probability_weight = probability_weight

    @cached_property
    def _encoder(self) -> Embedder:
        return load_embedder("use")

    def choose(self, request: Request, candidates: Sequence[Hypothesis]) -> Hypothesis:
        """The candidate with the highest mean chrF2 against the others plus similarity and probability.

        Minimum Bayes risk decoding (Kumar and Byrne 2004) with chrF as the gain, the cosine of multilingual
        sentence vectors, and the model's own mean log-probability; flags, names that stand for nothing in the
        source and terms of the request that are missed count against a candidate. Unfinished and empty ones
        are taken only where there is no other; a tie goes to the first; ``tokens`` are those of all.

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
        unfounded = self._unfounded(request, texts)
        faults = {text: _faults(request, text) for text in unfounded}
        gains = [
            agreement
            + self._similarity_weight * near
            + self._probability_weight * (one.score or 0.0)
            - faults[one.text]
            - unfounded[one.text]
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
        encoder = self._encoder
        # One text at a time: a sum over a batch may differ in its last digit.
        vectors = {text: encoder.encode([text])[0] for text in {source, *texts}}
        return [round(float(vectors[source] @ vectors[text]), 4) for text in texts]

    def _unfounded(self, request: Request, texts: Sequence[str]) -> dict[str, float]:
        """What the names of each text that seem to stand for nothing in the source weigh against it."""
        # A run that decodes nothing needs none of these.
        from mtalign.checks.founded import doubt
        from mtalign.quality import measure_names

        found = dict.fromkeys(texts, 0.0)
        if request.source.primary not in ENCODER_LANGUAGES or request.target.code != "en":
            return found
        for text in found:
            (names,) = measure_names([(request.text, text, request.source)], self._encoder)
            # The logistic function, by one that does not overflow.
            sure = math.fsum((1 + math.tanh(doubt(name, request.source) / 2)) / 2 for name in names)
            found[text] = round(UNFOUNDED_NAME * sure, 4)
        return found


def _faults(request: Request, text: str) -> float:
    from mtalign.checks.exonyms import lost_exonyms

    flags = check_translation(request.text, text, request.source, request.target)
    missed = len(request.terms) - count_hits(request.terms, text)
    english = request.target.code == "en"
    lost = lost_exonyms(fold(request.text), fold(text), request.source.primary) if english else 0
    return math.fsum(map(_weight, flags)) + MISSED_TERM * missed + LOST_NAME * lost


def _weight(flag: Flag) -> float:
    if flag.severity is Severity.ERROR:
        return FORBIDDEN
    return WRONG_NUMBER if flag.name == "number" else FLAGGED


def _agreement(texts: Sequence[str]) -> list[float]:
    """Mean chrF2 of each text against the others, 0 to 1.

    What sacreBLEU's CHRF gives for each pair, with the n-grams of a text counted once.
    """
    import numpy as np

    often = Counter(texts)
    unique = list(often)
    bare = ["".join(text.split()) for text in unique]
    precision, recall, orders = (np.zeros((len(unique), len(unique))) for _ in range(3))
    for order in range(1, _ORDER + 1):
        table = _ngram_counts(bare, order)
        totals = table.sum(axis=1)
        common = np.stack([np.minimum(row, table).sum(axis=1) for row in table])
        known = (totals[:, None] > 0) & (totals > 0)
        precision += common / np.maximum(totals[:, None], 1)
        recall += common / np.maximum(totals, 1)
        orders += known
    orders = np.maximum(orders, 1)
    precision, recall = precision / orders, recall / orders
    below = _BETA**2 * precision + recall
    scores = (1 + _BETA**2) * precision * recall / np.where(below > 0, below, 1)
    number = np.array([often[text] for text in unique])
    others = max(1, len(texts) - 1)
    means = ((scores * number).sum(axis=1) - scores.diagonal()) / others
    mean = dict(zip(unique, means.tolist(), strict=True))
    return [mean[text] for text in texts]


def _ngram_counts(texts: Sequence[str], order: int) -> NDArray[np.int64]:
    """How often each text has each character n-gram of all: (texts, n-grams)."""
    import numpy as np

    columns: dict[str, int] = {}
    places = [
        [columns.setdefault(text[at : at + order], len(columns)) for at in range(len(text) - order + 1)]
        for text in texts
    ]
    return np.stack(
        [np.bincount(np.array(place, dtype=np.int64), minlength=len(columns)) for place in places]
    )

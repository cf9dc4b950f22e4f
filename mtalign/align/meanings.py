"""English words that a dictionary gives for those of a Chinese text, as evidence that sentences match.

The dictionary is CC-CEDICT (:mod:`mtalign.cedict`), read only where one of the texts is Chinese. Sentence
vectors know little of rare words, and the two texts themselves (:mod:`mtalign.align.lexicon`) only of those
that come again.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from mtalign.align.surface import Tokens, folded
from mtalign.cedict import SMALL_WORDS, entries_of, words_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_HAN = re.compile("[一-鿿]")
_KANA = re.compile("[\u3040-\u30ff]")
_LEAST_HAN = 0.3
_MOST_KANA = 0.01
"""Shares of the characters of a Chinese text."""
_ASIDE = re.compile(r"\(.*?\)|\[.*?\]")
_ENGLISH = re.compile("[a-z]{3,}")
_ENDINGS = re.compile("(?<=...)(?:ing|ed|ies|es|s|ly)$")
_SILENT = "ye"
"""Last letters that are not there before some endings."""
_STEM = 5
_SMALL_ENGLISH = frozenset(
    "the and for with that this from have has had was were are you your his her him she they them not but "
    "who all sth one used etc fig lit variant also classifier particle old make get put take out off into "
    "some any its our their can will would could should been being there here what when which how than "
    "then about over under more most very just like only other such".split()
)
"""Words of grammar, and of dictionaries."""
_MOST_HELD = 0.05
_ALWAYS_HELD = 3
"""Share of the sentences from which a word says too little, and a number of them from which none does."""


@dataclass(frozen=True)
class Meanings:
    """Pairs of a word and a translation of it, by number, and which sentence holds its language's word."""

    source: Tokens
    target: Tokens
    weights: NDArray[np.float64]
    """Of each pair; it falls with the number of sentences that hold one of its words."""
    source_own: NDArray[np.float64]
    """Of each source sentence, weight of its words that the other text has a translation of, shape (n,)."""
    target_own: NDArray[np.float64]

    @classmethod
    def of(cls, source: Sequence[str], target: Sequence[str]) -> Meanings:
        """Of two texts, whichever of them is Chinese; no pairs where neither or both are."""
        from_chinese = _is_chinese(source)
        if from_chinese == _is_chinese(target):
            return cls._between([()] * len(source), [()] * len(target))
        ours, theirs = (source, target) if from_chinese else (target, source)
        found = cls._between([_words(text) for text in ours], [_stems(folded(text)) for text in theirs])
        if from_chinese:
            return found
        return cls(found.target, found.source, found.weights, found.target_own, found.source_own)

    @classmethod
    def _between(cls, words: Sequence[Iterable[str]], stems: Sequence[Iterable[str]]) -> Meanings:
        import numpy as np

        held, held_there = _telling(words), _telling(stems)
        weights: list[float] = []
        of_word, of_stem = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
        # In an order that is the same in every process, and so are sums.
        for word, times in sorted(held.items()):
            for stem in sorted(_meant(word) & held_there.keys()):
                of_word[word].append(len(weights))
                of_stem[stem].append(len(weights))
                weights.append(1 / (1 + math.log(max(times, held_there[stem]))))
        sides = []
        for texts, pairs in ((words, of_word), (stems, of_stem)):
            best = {token: max(weights[pair] for pair in own) for token, own in pairs.items()}
            numbers = [sorted(pair for token in text for pair in pairs.get(token, ())) for text in texts]
            first = np.cumsum([0, *map(len, numbers)])
            own = np.array([math.fsum(best.get(token, 0.0) for token in text) for text in texts])
            sides.append((Tokens(np.array([*chain.from_iterable(numbers)], np.int32), first), own))
        (source, source_own), (target, target_own) = sides
        return cls(source, target, np.array(weights), source_own, target_own)


def _telling(texts: Sequence[Iterable[str]]) -> Mapping[str, int]:
    """How many of the texts hold each token, without those that too many do."""
    counts = Counter(token for text in texts for token in text)
    most = max(_ALWAYS_HELD, _MOST_HELD * len(texts))
    return {token: number for token, number in counts.items() if number <= most}


def _is_chinese(texts: Sequence[str]) -> bool:
    text = "".join(texts)
    han, kana = len(_HAN.findall(text)), len(_KANA.findall(text))
    return han > _LEAST_HAN * len(text) and kana <= _MOST_KANA * len(text)


def _words(text: str) -> frozenset[str]:
    return frozenset(word for _, word in words_of(text).parts if word not in SMALL_WORDS)


@lru_cache(maxsize=32768)
def _meant(word: str) -> frozenset[str]:
    senses = (sense for entry in entries_of(word) for sense in entry.senses)
    return _stems(folded(_ASIDE.sub(" ", " ".join(senses))))


def _stems(folded_text: str) -> frozenset[str]:
    words = set(_ENGLISH.findall(folded_text)) - _SMALL_ENGLISH
    return frozenset(map(_stem, words))


@lru_cache(maxsize=32768)
def _stem(word: str) -> str:
    return _ENDINGS.sub("", word).rstrip(_SILENT)[:_STEM]

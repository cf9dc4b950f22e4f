"""Words of two texts that translate each other, found in the texts themselves.

Words that keep turning up in the same beads of a rough alignment are likely translations: names in another
script, terms, the vocabulary of the text, of which an encoder of sentences knows little. Association is the
Dice coefficient over beads (Melamed 2000); a pair stands where it is the best of one of its words.

What a bead says of itself proves nothing: where two sentences are in the same rough bead, only pairs that
hold without that bead count.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtalign.align.kernel import ranges

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
_RUN = re.compile(rf"[{_UNSPACED}]{{2,}}|[^\W\d_{_UNSPACED}]{{3,}}")
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_STEM = 6
_LEAST_TOGETHER = 3
"""Beads that must hold both words of a pair."""
_MOST_HELD = 0.1
"""Share of the beads from which a word says too little."""
_LEAST_DICE = 0.4

Sides = tuple["NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.int64]"]
"""Where the source sides of beads start and stop, and the target sides; four arrays of shape (k,)."""


def terms(folded: str) -> frozenset[str]:
    """First letters of the words of a text; of runs in Chinese, Japanese and Korean script any two in a row.

    ``folded`` is what :func:`mtalign.align.surface.folded` makes of the text.
    """
    found: set[str] = set()
    for run in _RUN.findall(folded):
        if _IS_UNSPACED.match(run):
            found.update(run[k : k + 2] for k in range(len(run) - 1))
        else:
            found.add(run[:_STEM])
    return frozenset(found)


@dataclass(frozen=True)
class Lexicon:
    """Pairs of words, by number, and which sentence holds its language's word of which pair."""

    source: list[frozenset[int]]
    target: list[frozenset[int]]
    weights: Mapping[int, float]
    """Of each pair; it falls with the number of beads that hold one of its words."""
    elsewhere: Mapping[int, float]
    """The same where the pair holds without one of its beads, else 0."""

    @classmethod
    def of(cls, source: Sequence[frozenset[str]], target: Sequence[frozenset[str]], beads: Sides) -> Lexicon:
        """The lexicon of two texts whose terms are given by sentence, roughly aligned by ``beads``."""
        import numpy as np

        left, right = _Held.of(source, *beads[:2]), _Held.of(target, *beads[2:])
        # Every word of a bead's source with every word of its target.
        across = right.sizes[left.owners]
        ours = np.repeat(left.words, across)
        theirs = right.words[ranges(right.firsts[left.owners], across)]
        keys, together = np.unique(ours * max(len(right.names), 1) + theirs, return_counts=True)
        ours, theirs = np.divmod(keys, max(len(right.names), 1))
        held = left.counts[ours] + right.counts[theirs]
        dice = 2 * together / held
        kept = (together >= _LEAST_TOGETHER) & (dice >= _LEAST_DICE)
        ours, theirs, together, held, dice = (each[kept] for each in (ours, theirs, together, held, dice))
        best, best_there = np.zeros(len(left.names)), np.zeros(len(right.names))
        np.maximum.at(best, ours, dice)
        np.maximum.at(best_there, theirs, dice)
        chosen = (dice >= best[ours]) | (dice >= best_there[theirs])
        ours, theirs, together, held = (each[chosen] for each in (ours, theirs, together, held))
        weights = 1 / (1 + np.log(np.maximum(left.counts[ours], right.counts[theirs])))
        holds = (together > _LEAST_TOGETHER) & (2 * (together - 1) >= _LEAST_DICE * (held - 2))
        return cls(
            left.pairs(ours, source),
            right.pairs(theirs, target),
            dict(enumerate(weights.tolist())),
            dict(enumerate(np.where(holds, weights, 0).tolist())),
        )

    def shared_elsewhere(self, i: int, j: int) -> float:
        """Weight of the pairs that hold without this bead and that source sentence i and target j share."""
        return sum(self.elsewhere[pair] for pair in self.source[i] & self.target[j])


@dataclass(frozen=True)
class _Held:
    """The words of one side of the beads that are neither too rare nor too common, bead after bead."""

    names: list[str]
    counts: NDArray[np.int64]
    """Beads that hold each word."""
    words: NDArray[np.int64]
    owners: NDArray[np.int64]
    """The bead of each entry of ``words``."""
    firsts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    """How many words each bead has."""

    @classmethod
    def of(
        cls, texts: Sequence[frozenset[str]], starts: NDArray[np.int64], stops: NDArray[np.int64]
    ) -> _Held:
        import numpy as np

        numbers: dict[str, int] = {}
        words: list[int] = []
        sizes: list[int] = []
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            held = texts[start] if stop == start + 1 else frozenset().union(*texts[start:stop])
            words += [numbers.setdefault(word, len(numbers)) for word in held]
            sizes.append(len(held))
        all_words = np.array(words, np.int64)
        counts = np.bincount(all_words, minlength=len(numbers))
        most = max(_LEAST_TOGETHER, _MOST_HELD * len(sizes))
        kept = (counts[all_words] >= _LEAST_TOGETHER) & (counts[all_words] <= most)
        owners = np.repeat(np.arange(len(sizes)), sizes)[kept]
        kept_sizes = np.bincount(owners, minlength=len(sizes))
        return cls(
            list(numbers), counts, all_words[kept], owners, np.cumsum(kept_sizes) - kept_sizes, kept_sizes
        )

    def pairs(self, words: NDArray[np.int64], texts: Sequence[frozenset[str]]) -> list[frozenset[int]]:
        """For each sentence the pairs, numbered as their ``words`` stand, whose word it holds."""
        by_word: dict[str, list[int]] = {}
        for number, word in enumerate(words.tolist()):
            by_word.setdefault(self.names[word], []).append(number)
        known = frozenset(by_word)
        return [frozenset(number for word in held & known for number in by_word[word]) for held in texts]

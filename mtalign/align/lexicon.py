"""Words of two texts that translate each other, found in the texts themselves.

Words that keep turning up in the same beads of a rough alignment are likely translations: names in another
script, terms, the vocabulary of the text, of which an encoder of sentences knows little. Association is the
Dice coefficient over beads (Melamed 2000); a pair stands where it is the best of one of its words.

What a bead says of itself proves nothing: where two sentences are in the same rough bead, only pairs that
hold without that bead count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtalign.align.kernel import ranges
from mtalign.align.surface import Tokens

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LEAST_TOGETHER = 3
"""Beads that must hold both words of a pair."""
_MOST_HELD = 0.1
"""Share of the beads from which a word says too little."""
_LEAST_DICE = 0.4

Sides = tuple["NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.int64]"]
"""Where the source sides of beads start and stop, and the target sides; four arrays of shape (k,)."""


@dataclass(frozen=True)
class Lexicon:
    """Pairs of words, by number, and which sentence holds its language's word of which pair."""

    source: Tokens
    target: Tokens
    weights: NDArray[np.float64]
    """Of each pair; it falls with the number of beads that hold one of its words."""
    elsewhere: NDArray[np.float64]
    """The same where the pair holds without one of its beads, else 0."""

    @classmethod
    def of(cls, source: Tokens, target: Tokens, beads: Sides) -> Lexicon:
        """The lexicon of two texts whose terms are given by sentence, roughly aligned by ``beads``."""
        import numpy as np

        left, right = _Held.of(source, *beads[:2]), _Held.of(target, *beads[2:])
        # Every word of a bead's source with every word of its target.
        across = right.sizes[left.owners]
        ours = np.repeat(left.words, across)
        theirs = right.words[ranges(right.firsts[left.owners], across)]
        many = max(len(right.counts), 1)
        keys, together = np.unique(ours * many + theirs, return_counts=True)
        ours, theirs = np.divmod(keys, many)
        held = left.counts[ours] + right.counts[theirs]
        dice = 2 * together / held
        kept = (together >= _LEAST_TOGETHER) & (dice >= _LEAST_DICE)
        ours, theirs, together, held, dice = (each[kept] for each in (ours, theirs, together, held, dice))
        best, best_there = np.zeros(len(left.counts)), np.zeros(len(right.counts))
        np.maximum.at(best, ours, dice)
        np.maximum.at(best_there, theirs, dice)
        chosen = (dice >= best[ours]) | (dice >= best_there[theirs])
        ours, theirs, together, held = (each[chosen] for each in (ours, theirs, together, held))
        weights = 1 / (1 + np.log(np.maximum(left.counts[ours], right.counts[theirs])))
        holds = (together > _LEAST_TOGETHER) & (2 * (together - 1) >= _LEAST_DICE * (held - 2))
        return cls(_pairs(source, ours), _pairs(target, theirs), weights, np.where(holds, weights, 0))


@dataclass(frozen=True)
class _Held:
    """The words of one side of the beads that are neither too rare nor too common, bead after bead."""

    counts: NDArray[np.int64]
    """Beads that hold each word."""
    words: NDArray[np.int64]
    owners: NDArray[np.int64]
    """The bead of each entry of ``words``."""
    firsts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    """How many words each bead has."""

    @classmethod
    def of(cls, terms: Tokens, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> _Held:
        import numpy as np

        begins = terms.first[starts]
        sizes = terms.first[stops] - begins
        many = int(terms.numbers.max(initial=0)) + 1
        # A word that two sentences of a bead hold counts once.
        keys = np.unique(
            np.repeat(np.arange(len(starts)), sizes) * many + terms.numbers[ranges(begins, sizes)]
        )
        owners, words = np.divmod(keys, many)
        counts = np.bincount(words, minlength=many)
        most = max(_LEAST_TOGETHER, _MOST_HELD * len(starts))
        kept = (counts[words] >= _LEAST_TOGETHER) & (counts[words] <= most)
        owners, words = owners[kept], words[kept]
        kept_sizes = np.bincount(owners, minlength=len(starts))
        return cls(counts, words, owners, np.cumsum(kept_sizes) - kept_sizes, kept_sizes)


def _pairs(terms: Tokens, words: NDArray[np.int64]) -> Tokens:
    """For each sentence the pairs, numbered as their ``words`` stand, whose word it holds."""
    import numpy as np

    order = words.argsort(kind="stable")
    begins = np.searchsorted(words[order], terms.numbers)
    sizes = np.searchsorted(words[order], terms.numbers, "right") - begins
    first = np.concatenate([[0], np.cumsum(sizes)])[terms.first]
    return Tokens(order[ranges(begins, sizes)].astype(np.int32), first)

"""A lexicon learnt from the two texts themselves: which words of one go with which of the other.

A first guess of what corresponds gives each pair of words a Dice coefficient (as in Smadja et al. 1996),
discounted so that one meeting proves nothing. Names and the words that recur in a text are found; of them
the encoder knows least.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mtalign.align.kernel import Band

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WORD = re.compile(r"[^\W\d_]+")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff]+")
_STEM = 6
_SURE = 0.35
"""Share from which a pair of sentences counts as corresponding in the first guess."""
_LEAST_DICE = 0.2
_MOST_COMMON = 0.1
"""Words in more than this share of the sentences say little; those of short texts are kept to ten."""
_SHARPNESS = 6.0


def words(text: str) -> list[str]:
    """Stems of words; of Chinese and Japanese runs, which are not spaced, all pairs of characters."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    found = []
    for word in _WORD.findall(plain):
        if _HAN.search(word):
            found += [word[k : k + 2] for k in range(len(word) - 1)]
        elif len(word) > 2:
            found.append(word[:_STEM])
    return list(dict.fromkeys(found))


def lexical_assignments(
    source: Sequence[Sequence[str]],
    target: Sequence[Sequence[str]],
    band: Band,
    shares: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where the words of each sentence belong, if anywhere in the band; as :func:`windows.assignments`.

    ``source`` and ``target`` are the :func:`words` of each sentence, ``shares`` the first guess by cell. A
    sentence none of whose words has a counterpart goes everywhere alike.
    """
    import numpy as np

    n, m = len(source), len(target)
    sizes = band.stops - band.starts
    offsets = band.offsets
    rows = np.repeat(np.arange(n + 1), sizes)
    columns = np.arange(int(offsets[-1])) - np.repeat(offsets[:-1] - band.starts, sizes)
    guess = 0.5 * (shares[0] + shares[1])
    source_lists, source_frequency = _informative(source)
    target_lists, target_frequency = _informative(target)
    met: Counter[tuple[str, str]] = Counter()
    for cell in np.flatnonzero(guess > _SURE).tolist():
        weight = float(guess[cell])
        target_words = target_lists[columns[cell] - 1]
        for first in source_lists[rows[cell] - 1]:
            for second in target_words:
                met[first, second] += weight  # type: ignore[assignment]
    pairs = []
    for (first, second), together in met.items():
        dice = 2 * (together - 1) / (source_frequency[first] + target_frequency[second])
        if dice > _LEAST_DICE:
            pairs.append((first, second, min(dice, 1.0)))
    forth: dict[str, list[tuple[str, float]]] = defaultdict(list)
    back: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for first, second, dice in pairs:
        forth[first].append((second, dice))
        back[second].append((first, dice))
    tops = np.searchsorted(band.stops, np.arange(m + 1), "right")
    bottoms = np.searchsorted(band.starts, np.arange(m + 1), "right")
    by_row = _assign(source_lists, target_lists, forth, band.starts, band.stops)
    by_column = _assign(target_lists, source_lists, back, tops, bottoms)
    first_shares = np.zeros(len(rows), np.float32)
    second_shares = np.zeros(len(rows), np.float32)
    for i in range(1, n + 1):
        first_shares[offsets[i + 1] - len(by_row[i - 1]) : offsets[i + 1]] = by_row[i - 1]
    for j in range(1, m + 1):
        top = max(int(tops[j]), 1)
        here = np.arange(top, top + len(by_column[j - 1]))
        second_shares[offsets[here] + j - band.starts[here]] = by_column[j - 1]
    return first_shares, second_shares


def _informative(sentences: Sequence[Sequence[str]]) -> tuple[list[list[str]], Counter[str]]:
    """The sentences without their commonest and their single words, and all words' numbers of sentences."""
    frequency = Counter(word for sentence in sentences for word in sentence)
    most = max(10, _MOST_COMMON * len(sentences))
    kept = [[word for word in sentence if 1 < frequency[word] <= most] for sentence in sentences]
    return kept, frequency


def _assign(
    side: Sequence[Sequence[str]],
    other: Sequence[Sequence[str]],
    counterparts: dict[str, list[tuple[str, float]]],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
) -> list[NDArray[np.float32]]:
    """For each sentence its shares among the other's sentences; lattice rows, so sentence k is row k + 1."""
    import numpy as np

    places: dict[str, list[int]] = defaultdict(list)
    for number, sentence in enumerate(other, start=1):
        for word in sentence:
            places[word].append(number)
    arrays = {word: np.array(numbers) for word, numbers in places.items()}
    out = []
    for number, sentence in enumerate(side, start=1):
        start, stop = max(int(starts[number]), 1), max(int(stops[number]), 1)
        size = max(stop - start, 0)
        total = np.zeros(size, np.float32)
        certainty = 0.0
        for word in sentence:
            values = np.zeros(size, np.float32)
            for counterpart, dice in counterparts.get(word, ()):
                numbers = arrays[counterpart]
                first, last = np.searchsorted(numbers, (start, stop))
                near = numbers[first:last] - start
                values[near] = np.maximum(values[near], dice)
            highest = float(values.max(initial=0.0))
            if highest > 0:
                chances = np.exp(_SHARPNESS * values)
                total += highest * (chances / chances.sum())
                certainty += highest
        # One word's weight of not knowing: a single weak word does not decide.
        out.append((total + 1.0 / max(size, 1)) / (certainty + 1.0))
    return out

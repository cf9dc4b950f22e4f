"""For each sentence of a text of several: has it a counterpart on the other side?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtalign.checks.coverage import SentenceSigns
from mtalign.checks.length import expected_length
from mtalign.embed import AdditiveEmbedder, Embedder
from mtalign.embed.once import in_parts
from mtalign.segment import split_sentences

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mtalign.languages import Language

_MOST_CLAUSES = 3
"""Clauses in a row that can be the counterpart of a sentence."""
_SPREAD = 0.17
"""Standard deviation of the log of a good translation's length over the one to expect."""
_MOST_LENGTH = 8.0
_FEWEST = 12
"""Sources shorter than this, in characters, say nothing by their length."""
_LEAST_LEFT = 0.02
"""Share of a text that is left without one of its sentences, at least."""

Span = tuple[int, int]


@dataclass(frozen=True)
class Sentences:
    """What is known of the sentences of a source and of its translation; empty for a side of one sentence."""

    source: tuple[SentenceSigns, ...] = ()
    translation: tuple[SentenceSigns, ...] = ()
    excess: float | None = None
    """Log of the translation's length over the one to expect; None where that is not known, or for a short
    source."""


def measure_sentences(
    pairs: Sequence[tuple[str, str, Language, Language]], embedder: Embedder
) -> list[Sentences]:
    """The signs of the sentences of sources and translations, given with their languages.

    Pairs of one sentence a side cost nothing. Needs an :class:`AdditiveEmbedder`; of another only lengths.
    """
    found = [Sentences(excess=_mixed_excess(*pair[:3])) for pair in pairs]
    if not isinstance(embedder, AdditiveEmbedder):
        return found
    wanted: list[tuple[int, list[Span], list[Span]]] = []
    for number, (source, translation, language, english) in enumerate(pairs):
        ours, theirs = split_sentences(source, language), split_sentences(translation, english)
        if ours and theirs and len(ours) + len(theirs) > 2:
            wanted.append((number, ours, theirs))
    for part in in_parts(wanted):
        texts: list[tuple[str, list[Span]]] = []
        for number, ours, theirs in part:
            texts += [(pairs[number][0], ours), (pairs[number][1], theirs)]
        encoded = _encode(texts, embedder)
        for place, (number, ours, theirs) in enumerate(part):
            excess = _excess(*pairs[number][:3])
            here, there = encoded[2 * place : 2 * place + 2]
            more = (len(ours) > len(theirs)) - (len(ours) < len(theirs))
            found[number] = Sentences(
                _signs(ours, here, there, excess, more),
                _signs(theirs, there, here, None if excess is None else -excess, -more),
                found[number].excess,
            )
    return found


def _excess(source: str, translation: str, language: Language) -> float | None:
    expected = expected_length(source, language)
    return math.log(max(1, len(translation.strip())) / expected) if expected else None


def _mixed_excess(source: str, translation: str, language: Language) -> float | None:
    """The same, where Latin letters and digits in a text of another script stay as long as they are."""
    plain = source.strip()
    if len(plain) < _FEWEST:
        return None
    expected = expected_length(source, language)
    if expected is None:
        return None
    if language.script != "Latn":
        own = sum(not character.isascii() for character in plain)
        expected = expected * own / len(plain) + len(plain) - own
    return math.log(max(1, len(translation.strip())) / max(1.0, expected))


@dataclass(frozen=True)
class _Side:
    """Vectors of a text."""

    whole: NDArray[np.float32]
    """Shape (d,)."""
    alone: NDArray[np.float32]
    """Of each sentence, shape (n, d)."""
    without: NDArray[np.float32]
    """Of the text without each sentence, shape (n, d)."""
    runs: NDArray[np.float32]
    """Of clauses in a row, shape (r, d)."""


def _encode(texts: Sequence[tuple[str, list[Span]]], embedder: AdditiveEmbedder) -> list[_Side]:
    import numpy as np

    sentences = [text[slice(*span)] for text, spans in texts for span in spans]
    pieces = embedder.encode_pieces(sentences).clauses()
    firsts = np.searchsorted(pieces.owners, np.arange(len(sentences) + 1))
    sums, counts, sizes = [], [], []
    sentence = 0
    for _, spans in texts:
        stop = sentence + len(spans)
        edge = pieces.heads[sentence] + pieces.tails[stop - 1]
        bounds = firsts[sentence : stop + 1]
        rows, weights = pieces.sums[bounds[0] : bounds[-1]], pieces.counts[bounds[0] : bounds[-1]]
        upto = np.concatenate([np.zeros_like(rows[:1]), np.cumsum(rows, axis=0)])
        counted = np.concatenate([np.zeros_like(weights[:1]), np.cumsum(weights)])
        left, right = bounds[:-1] - bounds[0], bounds[1:] - bounds[0]
        begin, end = np.triu_indices(len(rows) + 1, 1)
        short = end - begin <= _MOST_CLAUSES
        begin, end = begin[short], end[short]
        alone, alone_counts = upto[right] - upto[left], counted[right] - counted[left]
        sums += [upto[-1:], alone, upto[-1] - alone, upto[end] - upto[begin]]
        counts += [counted[-1:], alone_counts, counted[-1] - alone_counts, counted[end] - counted[begin]]
        for number in range(-4, 0):
            sums[number] = sums[number] + edge
            sizes.append(len(sums[number]))
        sentence = stop
    vectors = embedder.finish(
        np.concatenate(sums).astype(np.float32),
        np.concatenate(counts).astype(np.float32) + np.float32(pieces.edges),
    )
    parts = np.split(vectors, np.cumsum(sizes)[:-1])
    return [_Side(parts[n][0], *parts[n + 1 : n + 4]) for n in range(0, len(parts), 4)]


def _signs(
    spans: list[Span], ours: _Side, theirs: _Side, excess: float | None, more: int
) -> tuple[SentenceSigns, ...]:
    """``excess``: log of the length of the other side over the one to expect by ours."""
    import numpy as np

    if len(spans) < 2:
        return ()
    likeness = ours.alone @ theirs.runs.T
    gains = ours.without @ theirs.whole - ours.whole @ theirs.whole
    lengths = np.array([end - start for start, end in spans])
    left = np.maximum(1 - lengths / lengths.sum(), _LEAST_LEFT)
    signs = []
    for place, span in enumerate(spans):
        rivals = np.delete(likeness, place, axis=0).max(axis=0)
        own = (likeness[place] - np.maximum(0, rivals - likeness[place])).max()
        length = 0.0
        if excess is not None:
            # What is missing on the other side, in a normal distribution of the log ratio.
            length = (excess**2 - (excess - math.log(left[place])) ** 2) / (2 * _SPREAD**2)
            length = max(-_MOST_LENGTH, min(_MOST_LENGTH, length))
        signs.append(SentenceSigns(span, float(own), float(gains[place]), length, more))
    return tuple(signs)

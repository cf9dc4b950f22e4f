"""What can be read off the surface of two texts: lengths, numbers, words spelt alike, how sentences end."""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtalign.align.kernel import Band, ranges

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_ASCII_WORD = re.compile("[a-z]{3,}")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]{4,}")
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
_SPACED_WORD = re.compile(rf"[^\W\d_{_UNSPACED}]{{3,}}")
_UNSPACED_RUN = re.compile(rf"[{_UNSPACED}]+")
_QUESTION = frozenset("?？⸮؟")
_EXCLAMATION = frozenset("!！")
_STOP = frozenset(".。．｡…․।。।۔")
_OPEN = frozenset(",，、;；:：-—–")
_CLOSING = frozenset("\"'”’»«›‹」』）)]】〉》“„ \u00a0\u3000")
_STEM = 5
_LONGER_STEM = 6
_ACCENTS = re.compile("[\u0300-\u036f\u3099\u309a]")

_OPENING_QUOTES = frozenset("\"'“‘„‚«‹「『《〈")
_CLOSING_QUOTES = frozenset("\"'”’“»›」』》〉")
_QUOTES = (_OPENING_QUOTES | _CLOSING_QUOTES) - {"'", "’"}

END_CLASSES = 5
"""Question, exclamation, stop, comma or colon, nothing of these."""


def sentence_lengths(texts: Sequence[str]) -> NDArray[np.float64]:
    """Characters that are not white space, at least 1 each."""
    import numpy as np

    return np.fromiter((max(1, len("".join(text.split()))) for text in texts), np.float64, len(texts))


def end_classes(texts: Sequence[str]) -> NDArray[np.int64]:
    """How each sentence ends, closing quotation marks and brackets apart; 0 … END_CLASSES - 1."""
    import numpy as np

    return np.fromiter((_end_class(text) for text in texts), np.int64, len(texts))


def _end_class(text: str) -> int:
    for character in reversed(text):
        if character in _CLOSING:
            continue
        for number, characters in enumerate((_QUESTION, _EXCLAMATION, _STOP, _OPEN)):
            if character in characters:
                return number
        break
    return END_CLASSES - 1


def quotation_marks(texts: Sequence[str]) -> NDArray[np.int64]:
    """Whether each sentence begins with an opening mark, ends with a closing one, holds one; shape (n, 3)."""
    import numpy as np

    rows = []
    for text in texts:
        plain = text.strip()
        begins, ends = plain[:1] in _OPENING_QUOTES, plain[-1:] in _CLOSING_QUOTES
        rows.append(
            (bool(plain) and begins, bool(plain) and ends, begins or ends or not _QUOTES.isdisjoint(plain))
        )
    return np.array(rows, np.int64).reshape(len(texts), 3)


def begins_inside(texts: Sequence[str]) -> NDArray[np.int64]:
    """Whether each text seems to begin inside a sentence: with a small letter or a closing mark."""
    import numpy as np

    starts = (text.lstrip()[:1] for text in texts)
    return np.fromiter(
        (
            start.islower() or start in _STOP or start in _OPEN or (start != "" and start in ")]}”»")
            for start in starts
        ),
        np.int64,
        len(texts),
    )


def number_tokens(text: str) -> set[str]:
    """Numbers in Western digits, thousands separators and leading zeros gone."""
    found = _NUMBER.findall(text if text.isascii() else unicodedata.normalize("NFKC", text))
    return {number.replace(".", "").replace(",", "").lstrip("0") or "0" for number in found}


def folded(text: str) -> str:
    """The text with case, accents and compatibility forms gone."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text)).casefold()
    # Composed again: what is taken apart of Korean syllables is no accent.
    return unicodedata.normalize("NFC", _ACCENTS.sub("", plain))


def words_and_terms(folded_text: str) -> tuple[set[str], set[str]]:
    """First letters of a folded text's words in Latin script, which may be names, loans and cognates, and of
    all its words, for :mod:`mtalign.align.lexicon`.

    Of runs in Chinese, Japanese and Korean script the terms are any two characters in a row.
    """
    if folded_text.isascii():
        # The same as what follows, only quicker.
        words = _ASCII_WORD.findall(folded_text)
        return {word[:_STEM] for word in words if len(word) > 3}, {word[:_LONGER_STEM] for word in words}
    terms = {word[:_LONGER_STEM] for word in _SPACED_WORD.findall(folded_text)}
    for run in _UNSPACED_RUN.findall(folded_text):
        terms.update(map(operator.add, run, run[1:]))
    return {word[:_STEM] for word in _LATIN_WORD.findall(folded_text)}, terms


@dataclass(frozen=True)
class Tokens:
    """Which tokens each sentence of a text holds, by number, each once."""

    numbers: NDArray[np.int32]
    """Sentence after sentence."""
    first: NDArray[np.int64]
    """Shape (n + 1,): those of sentence i are ``numbers[first[i]:first[i + 1]]``."""

    @classmethod
    def of(cls, sentences: Iterable[Collection[str]], vocabulary: Mapping[str, int]) -> Tokens:
        """The tokens of each sentence; ``vocabulary`` has a number for any."""
        import numpy as np

        numbers: list[int] = []
        first = [0]
        for tokens in sentences:
            numbers.extend(map(vocabulary.__getitem__, tokens))
            first.append(len(numbers))
        return cls(np.array(numbers, np.int32), np.array(first))

    @property
    def owners(self) -> NDArray[np.int64]:
        """The sentence of each of ``numbers``."""
        import numpy as np

        return np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))

    def weight(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weight of each sentence's tokens together, given that of each token."""
        import numpy as np

        return np.bincount(self.owners, weights[self.numbers], len(self.first) - 1).astype(np.float64)


def token_weights(source: Tokens, target: Tokens) -> NDArray[np.float64]:
    """Weight of each token: it falls with the number of sentences of a side that hold it."""
    import numpy as np

    size = int(max(tokens.numbers.max(initial=-1) for tokens in (source, target))) + 1
    holds = np.maximum(*(np.bincount(tokens.numbers, minlength=size) for tokens in (source, target)))
    return np.asarray(1 / (1 + np.log(np.maximum(holds, 1))))


def shared_weight(
    source: Tokens, target: Tokens, weights: NDArray[np.float64], band: Band
) -> NDArray[np.float32]:
    """Weight of the tokens that sentence pairs share.

    One entry a cell: the pair (i - 1, j - 1) that ends there.
    """
    import numpy as np

    offsets = band.offsets
    columns = int(band.stops.max())
    # The target's tokens in order, and for each of the source's the range of those that are the same and lie
    # in its row of the band.
    keys = target.numbers * np.int64(columns) + target.owners + 1
    keys.sort()
    rows = source.owners + 1
    start = source.numbers * np.int64(columns)
    begins = np.searchsorted(keys, start + np.maximum(band.starts[rows], 1))
    sizes = np.searchsorted(keys, start + band.stops[rows]) - begins
    row, token = np.repeat(rows, sizes), np.repeat(source.numbers, sizes)
    cells = offsets[row] + keys[ranges(begins, sizes)] % columns - band.starts[row]
    return np.bincount(cells, weights[token], int(offsets[-1])).astype(np.float32)

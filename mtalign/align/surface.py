"""What can be read off the surface of two texts: lengths, numbers, words spelt alike, how sentences end."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from mtalign.align.kernel import Band

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Token = TypeVar("Token", str, int)

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]{4,}")
_QUESTION = frozenset("?？⸮؟")
_EXCLAMATION = frozenset("!！")
_STOP = frozenset(".。．｡…․।。।۔")
_OPEN = frozenset(",，、;；:：-—–")
_CLOSING = frozenset("\"'”’»«›‹」』）)]】〉》“„ \u00a0\u3000")
_STEM = 5
_ROWS_AT_ONCE = 128
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


def number_tokens(text: str) -> Counter[str]:
    """Numbers in Western digits, thousands separators and leading zeros gone."""
    found = _NUMBER.findall(unicodedata.normalize("NFKC", text))
    return Counter(re.sub(r"[.,]", "", number).lstrip("0") or "0" for number in found)


def folded(text: str) -> str:
    """The text with case, accents and compatibility forms gone."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text)).casefold()
    # Composed again: what is taken apart of Korean syllables is no accent.
    return unicodedata.normalize("NFC", _ACCENTS.sub("", plain))


def word_tokens(folded_text: str) -> Counter[str]:
    """First letters of the words in Latin script of a folded text: names, loans and cognates."""
    return Counter(word[:_STEM] for word in _WORD.findall(folded_text))


def token_weights(source: Sequence[Counter[str]], target: Sequence[Counter[str]]) -> dict[str, float]:
    """Weight of each token: it falls with the number of sentences that hold it."""
    holds = Counter(token for tokens in source for token in tokens)
    holds |= Counter(token for tokens in target for token in tokens)
    return {token: 1.0 / (1.0 + math.log(count)) for token, count in holds.items()}


def own_weights(
    sentences: Sequence[Collection[Token]], weights: Mapping[Token, float]
) -> NDArray[np.float64]:
    """Weight of each sentence's own tokens together."""
    import numpy as np

    return np.array([sum(weights[token] for token in tokens) for tokens in sentences], np.float64)


def shared_weight(
    source: Sequence[Collection[Token]],
    target: Sequence[Collection[Token]],
    weights: Mapping[Token, float],
    band: Band,
) -> NDArray[np.float32]:
    """Weight of the tokens that sentence pairs share.

    One entry a cell: the pair (i - 1, j - 1) that ends there.
    """
    import numpy as np

    shared = {token for tokens in source for token in tokens} & {t for tokens in target for t in tokens}
    offsets = band.offsets
    out = np.zeros(int(offsets[-1]), np.float32)
    n = len(source)
    for top in range(1, n + 1, _ROWS_AT_ONCE):
        bottom = min(top + _ROWS_AT_ONCE, n + 1)
        left, right = max(1, int(band.starts[top])), int(band.stops[bottom - 1])
        here = {token for tokens in source[top - 1 : bottom - 1] for token in tokens} & shared
        if not here or left >= right:
            continue
        column = {token: number for number, token in enumerate(sorted(here))}
        rows = _incidence(source[top - 1 : bottom - 1], column, weights)
        columns = _incidence(target[left - 1 : right - 1], column, weights)
        products = rows @ columns.T
        for i in range(top, bottom):
            start, stop = max(1, int(band.starts[i])), int(band.stops[i])
            cells = slice(int(offsets[i]) + start - int(band.starts[i]), int(offsets[i + 1]))
            out[cells] = products[i - top, start - left : stop - left]
    return out


def _incidence(
    sentences: Sequence[Collection[Token]], column: Mapping[Token, int], weights: Mapping[Token, float]
) -> NDArray[np.float32]:
    import numpy as np

    matrix = np.zeros((len(sentences), len(column)), np.float32)
    for row, tokens in enumerate(sentences):
        for token in tokens:
            if token in column:
                matrix[row, column[token]] = np.sqrt(weights[token])
    return matrix

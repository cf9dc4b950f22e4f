"""What can be read off the surface of two texts: lengths, numbers, words spelt alike, how sentences end."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mtalign.align.kernel import Band

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]{4,}")
_QUESTION = frozenset("?？⸮؟")
_EXCLAMATION = frozenset("!！")
_STOP = frozenset(".。．｡…․।。।۔")
_OPEN = frozenset(",，、;；:：-—–")
_CLOSING = frozenset("\"'”’»«›‹」』）)]】〉》“„ \u00a0\u3000")
_STEM = 5
_ROWS_AT_ONCE = 128

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


def word_tokens(text: str) -> Counter[str]:
    """First letters of the words in Latin script, case and accents gone: names, loans and cognates."""
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text)).casefold()
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return Counter(word[:_STEM] for word in _WORD.findall(plain))


def shared_weight(
    source: Sequence[Counter[str]], target: Sequence[Counter[str]], band: Band
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    """Weight of the tokens that sentence pairs share, and each sentence's own weight.

    A token's weight falls with the number of sentences that hold it; tokens of one text only count in that
    text's own weights. The first array has one entry a cell: the pair (i - 1, j - 1) that ends there.
    """
    import numpy as np

    source_holds = Counter(token for tokens in source for token in tokens)
    target_holds = Counter(token for tokens in target for token in tokens)

    def weight(token: str) -> float:
        holds = max(source_holds[token], target_holds[token])
        return float(1.0 / (1.0 + np.log(holds)))

    weights = {token: weight(token) for token in source_holds.keys() | target_holds.keys()}
    source_own = np.array([sum(weights[token] for token in tokens) for tokens in source])
    target_own = np.array([sum(weights[token] for token in tokens) for tokens in target])
    shared = {token for token in source_holds if token in target_holds}
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
    return out, source_own, target_own


def _incidence(
    sentences: Sequence[Counter[str]], column: dict[str, int], weights: dict[str, float]
) -> NDArray[np.float32]:
    import numpy as np

    matrix = np.zeros((len(sentences), len(column)), np.float32)
    for row, tokens in enumerate(sentences):
        for token in tokens:
            if token in column:
                matrix[row, column[token]] = np.sqrt(weights[token])
    return matrix

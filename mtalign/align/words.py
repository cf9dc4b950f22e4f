"""Which words of a sentence translate which, from the similarity of their tokens in context.

As SimAlign (Jalili Sabet et al. 2020): a token and a token of the other side are linked when each is the
other's nearest, with a prior for the same relative place, and support from links nearby. A link that is not
clearly better than the next best is left out: precision counts more than recall, for a wrong link misleads a
reader and a missing one does not. Numbers and names spelt alike count by their spelling.

Links are on for the pairs of languages for which they were measured to be good, ``words.json``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mtalign.embed import TokenEmbedder
from mtalign.embed.base import without_cache
from mtalign.files import packaged_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from regex import Pattern

    from mtalign.embed import Embedder, TokenVectors
    from mtalign.records import WordLink

    Span = tuple[int, int]

_REACH = (3, 4)
"""How far around a link others are supported by it, in tokens of either side."""
_ROUNDS = 2
_SPELLING = 0.5
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)*")
_ARTICLES = frozenset({"the", "a", "an"})


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    return packaged_json("mtalign.align", "words.json")


def has_word_links(embedder: Embedder, source_language: str, target_language: str) -> bool:
    """Whether word links between these languages (codes) were measured to be good with this embedder."""
    pair = f"{source_language.split('-')[0]}-{target_language.split('-')[0]}"
    return token_embedder(embedder) is not None and pair in _data()["on"].get(embedder.name, ())


def token_embedder(embedder: Embedder) -> TokenEmbedder | None:
    """The embedder, or the one behind its cache, if it can encode tokens."""
    inner = without_cache(embedder)
    return inner if isinstance(inner, TokenEmbedder) else None


def link_words(pairs: Sequence[tuple[str, str]], embedder: TokenEmbedder) -> list[tuple[WordLink, ...]]:
    """Word links of sentences and their translations, for each pair in the order of the source.

    A link's spans are whole words, in Chinese and Japanese runs of tokens; a word may be in several links
    and most often some words are in none. It is not asked whether the languages are among those that links
    are good for: :func:`has_word_links`.
    """
    from threadpoolctl import threadpool_limits

    tokens = embedder.encode_tokens([text for pair in pairs for text in pair])
    # One BLAS thread: the products here are small, and threads that wait for each other cost more.
    with threadpool_limits(1, "blas"):
        return [
            _link(source, translation, tokens[2 * number], tokens[2 * number + 1])
            for number, (source, translation) in enumerate(pairs)
        ]


def _link(source: str, translation: str, here: TokenVectors, there: TokenVectors) -> tuple[WordLink, ...]:
    if not here.spans or not there.spans:
        return ()
    similarities = here.vectors @ there.vectors.T
    similarities += _spelling(source, translation, here.spans, there.spans)
    words = [_words(source, here.spans), _words(translation, there.spans)]
    found = _equal_numbers(source, translation)
    for i, j in _mutual_links(similarities, _distances(source, translation, here.spans, there.spans)):
        first, second = words[0][i], words[1][j]
        if not _is_particle(source[slice(*first)]) and translation[slice(*second)].lower() not in _ARTICLES:
            found.add((*first, *second))
    return _join(found, source, translation)


def _distances(
    source: str, translation: str, here: Sequence[Span], there: Sequence[Span]
) -> NDArray[np.float32]:
    """How far two tokens are from the same relative place, 0 to 1."""
    import numpy as np

    rows = np.array(here, np.float32).mean(axis=1) / len(source)
    columns = np.array(there, np.float32).mean(axis=1) / len(translation)
    return np.asarray(np.abs(rows[:, None] - columns))


def _mutual_links(similarities: NDArray[np.float32], distances: NDArray[np.float32]) -> list[tuple[int, int]]:
    import numpy as np

    settings = _data()["settings"]
    bare = similarities - settings["distance"] * distances
    scores = bare
    rows = np.arange(len(scores))
    for _ in range(_ROUNDS):
        best = scores.argmax(axis=1)
        mutual = rows[scores.argmax(axis=0)[best] == rows]
        scores = bare + settings["support"] * _support(similarities, mutual, best[mutual])
    best = scores.argmax(axis=1)
    mutual = rows[scores.argmax(axis=0)[best] == rows]
    columns = best[mutual]
    values = scores[mutual, columns]
    others = scores.copy()
    others[mutual, columns] = -np.inf
    second = np.maximum(others.max(axis=1)[mutual], others.max(axis=0)[columns])
    good = (values >= settings["least"]) & (values - second >= settings["margin"])
    return list(zip(mutual[good].tolist(), columns[good].tolist(), strict=True))


def _support(
    similarities: NDArray[np.float32], rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.float32]:
    """What links around each pair of tokens speak for it: the nearer and the better, the more."""
    import numpy as np

    up, left = _REACH
    kernel = 1 / (1 + np.abs(np.arange(-up, up + 1))[:, None] + np.abs(np.arange(-left, left + 1)))
    kernel[up, left] = 0
    n, m = similarities.shape
    padded = np.zeros((n + 2 * up, m + 2 * left), np.float32)
    weights = np.maximum(similarities[rows, columns], 0)
    for row, column, weight in zip(rows.tolist(), columns.tolist(), weights.tolist(), strict=True):
        padded[row : row + 2 * up + 1, column : column + 2 * left + 1] += weight * kernel
    return padded[up : up + n, left : left + m]


def _spelling(
    source: str, translation: str, here: Sequence[Span], there: Sequence[Span]
) -> NDArray[np.float32]:
    """For tokens that are spelt alike, against numbers that differ."""
    import numpy as np

    bonus = np.zeros((len(here), len(there)), np.float32)
    other = [translation[start:end].casefold() for start, end in there]
    numbers = [_number(token) for token in other]
    for i, (start, end) in enumerate(here):
        token = source[start:end].casefold()
        if token.isascii():
            number = _number(token)
            for j, second in enumerate(other):
                if number and numbers[j]:
                    bonus[i, j] = _SPELLING if number == numbers[j] else -_SPELLING
                elif token == second and len(token) > 1:
                    bonus[i, j] = _SPELLING
    return bonus


def _equal_numbers(source: str, translation: str) -> set[WordLink]:
    """Numbers of two digits or more that stand once on either side."""
    sides = []
    for text in (source, translation):
        spans: dict[str, list[Span]] = {}
        for match in _NUMBER.finditer(text):
            spans.setdefault(_number(match.group()), []).append(match.span())
        sides.append({digits: some[0] for digits, some in spans.items() if len(some) == 1})
    return {
        (*span, *sides[1][digits])
        for digits, span in sides[0].items()
        if len(digits) > 1 and digits in sides[1]
    }


def _number(token: str) -> str:
    digits = token.strip(".,").replace(",", "").replace(".", "")
    return digits if digits.isdigit() else ""


@lru_cache(maxsize=1)
def _word_pattern() -> Pattern[str]:
    import regex

    letters = r"[[\p{L}\p{M}]--[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}ー]]"
    return regex.compile(
        rf"\p{{Hangul}}+|[\p{{Katakana}}ー]+|\p{{N}}+(?:[.,:]\p{{N}}+)*|{letters}+(?:[-'’]{letters}+)*",
        regex.V1,
    )


def _words(text: str, spans: Sequence[Span]) -> list[Span]:
    """The word each token is in; where words are not told from each other, the token without marks."""
    words = [word.span() for word in _word_pattern().finditer(text)]
    found = []
    first = 0
    for start, end in spans:
        while start < end and not text[start].isalnum():
            start += 1
        while end > start and not text[end - 1].isalnum():
            end -= 1
        while first < len(words) and words[first][1] <= start:
            first += 1
        number = first
        left, right = start, end
        while number < len(words) and words[number][0] < end:
            left, right = min(left, words[number][0]), max(right, words[number][1])
            number += 1
        found.append((left, right))
    return found


def _is_particle(word: str) -> bool:
    """A lone kana, which marks a case or a topic and has no word of its own in English."""
    return len(word) == 1 and "\u3041" <= word <= "\u309f"


def _join(found: set[WordLink], source: str, translation: str) -> tuple[WordLink, ...]:
    """Neighbours with the same counterpart made one, in the order of the source."""
    joined: list[WordLink] = []
    for a, b, c, d in sorted(found, key=lambda link: (link[2:], link[:2])):
        if joined and joined[-1][2:] == (c, d) and not source[joined[-1][1] : a].strip(" ・"):
            joined[-1] = (joined[-1][0], max(b, joined[-1][1]), c, d)
        else:
            joined.append((a, b, c, d))
    links: list[WordLink] = []
    for a, b, c, d in sorted(joined):
        if links and links[-1][:2] == (a, b) and not translation[links[-1][3] : c].strip():
            links[-1] = (a, b, links[-1][2], max(d, links[-1][3]))
        else:
            links.append((a, b, c, d))
    return tuple(links)

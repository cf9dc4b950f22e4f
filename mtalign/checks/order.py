"""Words in an order that English does not have.

Each two neighbours are weighed: how much more often their classes stand next to each other in English than in
the same sentences with the words shuffled (log ratio, ``order.json``, made by ``bench/fit_order.py``). A
function word is a class of its own, other words count by their ending; a second table knows shapes only:
capitals, marks and where they stand. The sum tells a sentence from a heap of its words, in any domain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from mtalign.document import Flag, Severity
from mtalign.files import packaged_json

if TYPE_CHECKING:
    from mtalign.languages import Language

_FUNCTION_WORDS = frozenset(
    "the a an this that these those my your his her its our their some any no every each all both another"
    " such of to in on at by for from with into over after before under between against about during"
    " through without within since until than as like per and or but nor if because while when where who"
    " whom whose which what how why although though whether so then i you he she it we they me him us them"
    " himself itself themselves there here is are was were be been being am has have had having do does"
    " did will would can could should may might must shall cannot not only also just very more most less"
    " too even still already now never always often again up out off down back one two three new other own"
    " same many much few first last".split()
)
_TOKEN = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ]+(?:['’][A-Za-z]+)*|\d[\d.,:]*\d|\d|[^\w\s]")
_ENDINGS = (
    *("ing", "ed", "ly", "tion", "ness", "ment", "ous", "ive", "ful", "al", "ic", "able"),
    *("er", "est", "ity", "s"),
)
_MARKS = dict.fromkeys(".…", ".") | dict.fromkeys('"“”„', '"') | dict.fromkeys("-–—", "-")
_MARKS |= {mark: mark for mark in ",;:?!()"}
_STOPS = '.!?。！？”"“'
_FEWEST = 5
"""Words and marks from which an order can be told."""
_TITLE_SHARE = 0.6
"""Share of capitalised words from which a text is a title, where capitals say nothing."""
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
"""How the tables write weights: the one in the middle is 0."""
STEP = 0.25
"""What a weight changes by from one letter to the next, in nats."""

Pair = tuple[str, str]


Table = dict[Pair, float]


def read_table(rows: Mapping[str, str]) -> Table:
    """Weights of pairs, those of 0 left out, from a row of letters for each class."""
    middle = len(ALPHABET) // 2
    return {
        (first, second): STEP * (ALPHABET.index(letter) - middle)
        for first, row in rows.items()
        for second, letter in zip(rows, row, strict=True)
        if letter != ALPHABET[middle]
    }


@lru_cache(maxsize=1)
def _data() -> tuple[tuple[Table, Table], float]:
    data = packaged_json("mtalign.checks", "order.json")
    return (read_table(data["words"]), read_table(data["shapes"])), float(data["least"])


@lru_cache(maxsize=16384)
def _kinds(token: str) -> Pair:
    """The class of a token and its shape, but for where a mark stands."""
    lower = token.lower().replace("’", "'")
    if lower[0].isdigit():
        return "0", "0"
    if not lower[0].isalpha():
        mark = _MARKS.get(lower, "*")
        return mark, mark
    known = lower in _FUNCTION_WORDS
    shape = "f" if known else "w"
    shape = "U" if len(token) > 1 and token.isupper() else shape.upper() if token[0].isupper() else shape
    return lower if known else _ending(token, lower), shape


def _ending(token: str, lower: str) -> str:
    if "'" in lower:
        return next((ending for ending in ("n't", "'s") if lower.endswith(ending)), "'")
    kind = "N" if token[0].isupper() else "n"
    for ending in _ENDINGS:
        if lower.endswith(ending) and len(lower) > len(ending) + 2:
            return f"{kind}-{ending}"
    return kind if len(lower) > 4 else f"{kind}-short"


def neighbours(text: str) -> tuple[list[Pair], list[Pair]]:
    """Classes and shapes of each two neighbours of ``text``, edges included."""
    tokens = _TOKEN.findall(text)
    kinds = [_kinds(token) for token in tokens]
    classes = ["^", *(kind for kind, _ in kinds), "$"]
    shapes = ["^", *(shape for _, shape in kinds), "$"]
    words = "".join(shape for shape in shapes if shape in "wWU")
    if len(words) - words.count("w") > _TITLE_SHARE * len(words):
        shapes = ["w" if shape in "wWfFU" else shape for shape in shapes]
    end = 0
    for place, token in enumerate(tokens, start=1):
        start = text.index(token, end)
        end = start + len(token)
        if not token[0].isalnum():
            before = start > 0 and not text[start - 1].isspace()
            after = end < len(text) and not text[end].isspace()
            shapes[place] += "<" * before + ">" * after
    return list(pairwise(classes)), list(pairwise(shapes))


def weigh(source: str, translation: str, tables: tuple[Table, Table]) -> list[float] | None:
    """The weight of each two neighbours of ``translation``, edges included; None if it has too few.

    The edges do not count where the source's are none: it begins with a small letter, or ends without a stop.
    """
    words, shapes = tables
    classes, forms = neighbours(translation)
    if len(classes) <= _FEWEST:
        return None
    weights = [words.get(a, 0.0) + shapes.get(b, 0.0) for a, b in zip(classes, forms, strict=True)]
    first = next((character for character in source if character.isalpha()), "A")
    if first.islower():
        weights[0] = 0.0
    elif source.rstrip()[-1:] not in _STOPS:
        weights[-1] = 0.0
    return weights


def check_order(
    source: str, translation: str, source_language: Language, target_language: Language
) -> list[Flag]:
    """The words of the translation do not follow each other as English words do."""
    if target_language.code != "en":
        return []
    tables, least = _data()
    weights = weigh(source, translation, tables)
    if weights is None or sum(weights) >= least:
        return []
    first, last = _worst_run(weights)
    spans = [match.span() for match in _TOKEN.finditer(translation)]
    start, end = spans[max(0, first - 1)][0], spans[min(last, len(spans) - 1)][1]
    says = f"the words of “{_shortened(translation[start:end])}” stand in no English order"
    return [Flag("word_order", Severity.WARNING, says, translation_span=(start, end))]


def _worst_run(weights: list[float]) -> tuple[int, int]:
    """First and last of the neighbours in a row with the lowest sum."""

    def runs() -> Iterator[tuple[float, int, int]]:
        total, first = 0.0, 0
        for place, weight in enumerate(weights):
            if total >= 0:
                total, first = 0.0, place
            total += weight
            yield total, first, place

    return min(runs())[1:]


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"

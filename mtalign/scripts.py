"""Writing systems: which script each character of a text belongs to. ISO 15924 names, no languages."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regex import Pattern

CJK = frozenset({"Hani", "Hira", "Kana", "Hang", "Bopo"})
"""The scripts whose characters carry a syllable or a word each, and that English never uses."""

_UNICODE_NAMES = {
    "Latn": "Latin",
    "Hani": "Han",
    "Hang": "Hangul",
    "Hira": "Hiragana",
    "Kana": "Katakana",
    "Bopo": "Bopomofo",
    "Cyrl": "Cyrillic",
    "Arab": "Arabic",
    "Grek": "Greek",
    "Hebr": "Hebrew",
    "Thai": "Thai",
    "Deva": "Devanagari",
    "Beng": "Bengali",
    "Guru": "Gurmukhi",
    "Gujr": "Gujarati",
    "Orya": "Oriya",
    "Taml": "Tamil",
    "Telu": "Telugu",
    "Knda": "Kannada",
    "Mlym": "Malayalam",
    "Sinh": "Sinhala",
    "Laoo": "Lao",
    "Khmr": "Khmer",
    "Mymr": "Myanmar",
    "Tibt": "Tibetan",
    "Ethi": "Ethiopic",
    "Armn": "Armenian",
    "Geor": "Georgian",
    "Tfng": "Tifinagh",
    "Olck": "Ol_Chiki",
}

_PARTS = {
    "Hans": ("Hani", "Bopo"),
    "Hant": ("Hani", "Bopo"),
    "Jpan": ("Hani", "Hira", "Kana"),
    "Kore": ("Hang", "Hani"),
}
"""Scripts of a language that are made of several Unicode scripts."""


@lru_cache(maxsize=1)
def _runs() -> Pattern[str]:
    import regex

    named = "|".join(rf"(?P<{name}>\p{{{unicode}}}+)" for name, unicode in _UNICODE_NAMES.items())
    return regex.compile(rf"{named}|(?P<Zzzz>(?!\p{{Common}})\p{{L}})")


@lru_cache(maxsize=64)
def _run_of(scripts: frozenset[str]) -> Pattern[str]:
    import regex

    return regex.compile("[" + "".join(rf"\p{{{_UNICODE_NAMES[name]}}}" for name in sorted(scripts)) + "]+")


def script_counts(text: str) -> Counter[str]:
    """How many characters of each script ``text`` has; digits, punctuation and spaces count for none.

    Letters of a script that is not listed here count as ``Zzzz``.
    """
    counts: Counter[str] = Counter()
    for run in _runs().finditer(text):
        counts[run.lastgroup or "Zzzz"] += run.end() - run.start()
    return counts


def unicode_scripts(script: str) -> frozenset[str]:
    """The Unicode scripts that texts in ``script`` are written in: ``Jpan`` gives Han and both kana."""
    if script in _PARTS:
        return frozenset(_PARTS[script])
    return frozenset({script}) if script in _UNICODE_NAMES else frozenset()


def find_script(text: str, scripts: frozenset[str]) -> list[tuple[int, int]]:
    """Spans of the runs of characters of any of ``scripts`` in ``text``, half-open, in order."""
    if not scripts:
        return []
    return [run.span() for run in _run_of(scripts).finditer(text)]


def has_script(text: str, script: str) -> bool:
    """Whether ``text`` has a character of ``script`` (ISO 15924: ``Hang``, ``Jpan``, ``Hans``)."""
    scripts = unicode_scripts(script)
    return bool(scripts) and _run_of(scripts).search(text) is not None

"""Characters of the source that the model's vocabulary cannot represent: the model reads ``<unk>`` there."""

from __future__ import annotations

from collections.abc import Callable

import regex

from mtalign.document import Flag, Severity

_CHARACTER = regex.compile(r"\X")
"""A letter with the marks that belong to it: a tokenizer composes them before it looks them up."""


def check_vocabulary(source: str, knows: Callable[[str], bool]) -> list[Flag]:
    """A flag for each run of characters of ``source`` that ``knows`` denies.

    ``knows`` is asked for the whole text first (where it knows that, there is nothing to flag), then once for
    each different character with its marks. An engine whose tokenizer falls back to bytes knows every text.
    Letters and digits are a warning, for they carry meaning; other characters are a note.
    """
    if knows(source):
        return []
    known: dict[str, bool] = {}
    runs: list[tuple[int, int]] = []
    for found in _CHARACTER.finditer(source):
        character = found.group()
        if character not in known:
            known[character] = character.isspace() or knows(character)
        if known[character]:
            continue
        if runs and runs[-1][1] == found.start():
            runs[-1] = (runs[-1][0], found.end())
        else:
            runs.append(found.span())
    return [_flag(source, *run) for run in runs]


def _flag(source: str, start: int, end: int) -> Flag:
    text = source[start:end]
    meaning = any(character.isalnum() for character in text)
    return Flag(
        "unknown_characters",
        Severity.WARNING if meaning else Severity.INFO,
        f"the model does not know “{text}” and may have left it out",
        source_span=(start, end),
    )

"""Characters of the source that the model's vocabulary cannot represent: the model reads ``<unk>`` there."""

from __future__ import annotations

from collections.abc import Callable

from mtalign.document import Flag, Severity


def check_vocabulary(source: str, knows: Callable[[str], bool]) -> list[Flag]:
    """A flag for each run of characters that ``knows`` denies; ``knows`` is asked once a character.

    An engine whose tokenizer falls back to bytes knows every character.
    """
    known = {character: character.isspace() or knows(character) for character in set(source)}
    flags, start = [], None
    for place, character in enumerate([*source, " "]):
        unknown = place < len(source) and not known[character]
        if unknown and start is None:
            start = place
        elif not unknown and start is not None:
            flags.append(
                Flag(
                    "unknown_characters",
                    Severity.WARNING,
                    f"the model does not know “{source[start:place]}” and may have left it out",
                    source_span=(start, place),
                )
            )
            start = None
    return flags

"""Source script left over in the translation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtalign.document import Flag, Severity
from mtalign.languages import source_script_characters

if TYPE_CHECKING:
    from mtalign.languages import Language

_OPENING = "\"'“‘„«(《「『（["
_CLOSING = "\"'”’“»)》」』）]"


def check_script(
    source: str, translation: str, source_language: Language, target_language: Language
) -> list[Flag]:
    """Characters of the source's script, unless they are a quoted name that the source gives just so."""
    flags = []
    for start, end in source_script_characters(translation, source_language):
        run = translation[start:end]
        quoted = (
            start > 0
            and end < len(translation)
            and translation[start - 1] in _OPENING
            and translation[end] in _CLOSING
        )
        if quoted and run in source:
            continue
        flags.append(
            Flag(
                "source_script",
                Severity.ERROR,
                f"“{run}” is still in the script of the source",
                translation_span=(start, end),
            )
        )
    return flags

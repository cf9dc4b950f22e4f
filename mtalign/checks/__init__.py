"""Checks: pure functions from a source and its translation to flags.

A flag of severity *error* means that the text must not stand as a translation: the translate plan tries
again and then marks the segment failed. *warning* and *info* are for a reviewer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtalign.checks.copied import check_copied
from mtalign.checks.length import check_length
from mtalign.checks.numbers import check_numbers
from mtalign.checks.repetition import check_repetition
from mtalign.checks.script import check_script

if TYPE_CHECKING:
    from mtalign.document import Flag
    from mtalign.languages import Language

CHECKS = (check_script, check_copied, check_repetition, check_length, check_numbers)


def check_translation(
    source: str, translation: str, source_language: Language, target_language: Language
) -> tuple[Flag, ...]:
    """All flags of ``translation`` as a rendering of ``source``, in the order of :data:`CHECKS`."""
    return tuple(
        flag for check in CHECKS for flag in check(source, translation, source_language, target_language)
    )

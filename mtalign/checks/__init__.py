"""Checks: pure functions from a source and its translation to flags.

A flag of severity *error* means that the text must not stand as a translation: the translate plan tries
again and then marks the segment failed. *warning* and *info* are for a reviewer. Every check is a function
``(source, translation, source_language, target_language) -> list[Flag]``; what a language's check does not
know (a language without a length ratio, names in a script that hides them) it says nothing about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtalign.checks.addresses import check_addresses
from mtalign.checks.brackets import check_brackets
from mtalign.checks.copied import check_copied
from mtalign.checks.empty import check_empty, check_grown
from mtalign.checks.language import check_language
from mtalign.checks.length import check_length
from mtalign.checks.markup import check_markup
from mtalign.checks.names import check_names
from mtalign.checks.numbers import check_numbers
from mtalign.checks.order import check_order
from mtalign.checks.repetition import check_repetition
from mtalign.checks.script import check_script
from mtalign.checks.sentences import check_sentences
from mtalign.checks.truncated import check_truncated
from mtalign.checks.units import check_units
from mtalign.checks.untranslated import check_untranslated
from mtalign.document import Severity

if TYPE_CHECKING:
    from mtalign.document import Flag
    from mtalign.languages import Language

GUARDS = (check_empty, check_grown, check_script, check_copied, check_repetition, check_length)
"""The checks that can say *error*: they decide whether a hypothesis may stand."""

CHECKS = (
    *GUARDS,
    check_sentences,
    check_truncated,
    check_order,
    check_language,
    check_untranslated,
    check_numbers,
    check_units,
    check_names,
    check_addresses,
    check_markup,
    check_brackets,
)
"""All checks of one source and its translation. For those that need more see
:mod:`mtalign.checks.coverage`, :mod:`mtalign.checks.founded`, :mod:`mtalign.checks.consistency` and
:mod:`mtalign.checks.vocabulary`."""

FLAG_NAMES = (
    *("added", "address", "copied", "empty", "glossary", "inconsistent", "long", "markup", "name"),
    *("name_spelling", "number", "redone", "repetition", "reused", "sentences", "short", "source_script"),
    *("split", "truncated", "uncovered", "unit", "unknown_characters", "unpaired", "unrelated"),
    *("untranslated", "word_order", "wrong_language"),
)
"""Names of all flags, those of the translate plan (``redone``, ``reused``, ``split``) among them."""


def check_translation(
    source: str, translation: str, source_language: Language, target_language: Language
) -> tuple[Flag, ...]:
    """All flags of ``translation`` as a rendering of ``source``, in the order of :data:`CHECKS`."""
    return tuple(
        flag for check in CHECKS for flag in check(source, translation, source_language, target_language)
    )


def first_error(
    source: str, translation: str, source_language: Language, target_language: Language
) -> Flag | None:
    """The first flag that says that ``translation`` must not stand; None if it may."""
    for check in GUARDS:
        for flag in check(source, translation, source_language, target_language):
            if flag.severity is Severity.ERROR:
                return flag
    return None

"""Placeholders, tags, code and Markdown that the translation lost, changed or made up."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from mtalign.document import Flag, Severity

if TYPE_CHECKING:
    from mtalign.languages import Language

_PLACEHOLDER = re.compile(
    r"""
    \{\{[^{}]{0,80}\}\} | \$?\{[\w.:!]{0,40}\}        # {{ name }}, {name}, ${name}, {0:d}
  | %\(\w{1,40}\)[sdifr] | %(?:\d\$)?[sdif@](?![\w])  # %(name)s, %1$s, %d
  | </?[A-Za-z][\w:-]{0,30}(?:\s[^<>]{0,200})?/?>    # <b>, </a>, <img src="...">
  | &(?:[a-z]{2,8}|\#\d{1,6}|\#x[\da-f]{1,6});        # &amp;
  | `[^`\n]{1,200}`                                   # `code`
  | \]\([^()\s]{1,300}\)                              # the target of a Markdown link
  | \*\*|__(?=\w)|(?<=\w)__                           # bold
  | \[\[\w{1,40}\]\]
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ANY = re.compile(r"[{%<&`*_\[\]]")


def check_markup(
    source: str, translation: str, source_language: Language, target_language: Language
) -> list[Flag]:
    """Each placeholder or tag of the source stands in the translation as often, and no other does."""
    if not (_ANY.search(source) or _ANY.search(translation)):
        return []
    theirs = [(match.group(), match.span()) for match in _PLACEHOLDER.finditer(source)]
    ours = [(match.group(), match.span()) for match in _PLACEHOLDER.finditer(translation)]
    flags = []
    for mark, span in _missing(theirs, ours):
        flags.append(
            Flag(
                "markup",
                Severity.WARNING,
                f"{mark} of the source is not in the translation",
                source_span=span,
            )
        )
    for mark, span in _missing(ours, theirs):
        flags.append(
            Flag(
                "markup",
                Severity.WARNING,
                f"{mark} of the translation is not in the source",
                translation_span=span,
            )
        )
    return flags


_Mark = tuple[str, tuple[int, int]]


def _missing(wanted: list[_Mark], have: list[_Mark]) -> list[_Mark]:
    left = Counter(_same(mark) for mark, _ in have)
    missing = []
    for mark, span in wanted:
        if left[_same(mark)]:
            left[_same(mark)] -= 1
        else:
            missing.append((mark, span))
    return missing


def _same(mark: str) -> str:
    return re.sub(r"\s+", "", mark)

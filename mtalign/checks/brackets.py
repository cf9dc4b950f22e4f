"""Brackets and quotation marks that open and do not close, where those of the source do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mtalign.document import Flag, Severity

if TYPE_CHECKING:
    from mtalign.languages import Language

_BRACKETS = {
    "(": ")",
    "[": "]",
    "{": "}",
    "（": "）",
    "［": "］",
    "【": "】",
    "「": "」",
    "『": "』",
    "《": "》",
    "〈": "〉",
}
_CLOSING = {close: opening for opening, close in _BRACKETS.items()}
_QUOTES = frozenset('"“”„‟«»「」『』')
_ANY = re.compile('[()\\[\\]{}（）［］【】「」『』《》〈〉"“”„‟«»]')
_LIST_MARK = re.compile(r"^\s*[\w]{1,3}\)")
# A year before a mark is no size.
_INCHES = re.compile(r'(?<![\d.,])\d{1,3}(?:[.,/]\d+)?"')


def check_brackets(
    source: str, translation: str, source_language: Language, target_language: Language
) -> list[Flag]:
    """A bracket or a quotation mark of the translation has no partner.

    A sentence may be the middle of a quotation: where the source leaves one open, so should the translation.
    """
    if not _ANY.search(translation):
        return _lost(source, translation)
    flags = []
    place = _single_bracket(translation)
    if place is not None and _single_bracket(source) is None:
        flags.append(_flag(translation, place, "bracket"))
    place = _single_quote(translation)
    if place is not None and _single_quote(source) is None:
        flags.append(_flag(translation, place, "quotation mark"))
    return flags or _lost(source, translation)


def _lost(source: str, translation: str) -> list[Flag]:
    """What the source leaves open, or closes that was opened before, and the translation does not."""
    for single, what in ((_single_quote, "quotation mark"), (_single_bracket, "bracket")):
        place = single(source)
        if place is not None and single(translation) is None:
            message = f"the {what} {source[place]} of the source has no counterpart in the translation"
            return [Flag("unpaired", Severity.INFO, message, source_span=(place, place + 1))]
    return []


def _flag(translation: str, place: int, what: str) -> Flag:
    return Flag(
        "unpaired",
        Severity.WARNING,
        f"the {what} {translation[place]} has no partner",
        translation_span=(place, place + 1),
    )


def _single_bracket(text: str) -> int | None:
    """Where a round, square or curly bracket without a partner stands."""
    stack: list[int] = []
    mark = _LIST_MARK.match(text)
    for found in _ANY.finditer(text, mark.end() if mark else 0):
        character = found.group()
        if character in _QUOTES:
            continue
        if character in _BRACKETS:
            stack.append(found.start())
        elif stack and text[stack[-1]] == _CLOSING[character]:
            stack.pop()
        elif stack and text[stack[-1]] in _BRACKETS:
            return found.start()
        else:
            return found.start()
    return stack[-1] if stack else None


def _single_quote(text: str) -> int | None:
    """Where the last double quotation mark stands if their number is odd."""
    inches = {match.end() - 1 for match in _INCHES.finditer(text)} if '"' in text else set()
    places = [
        found.start()
        for found in _ANY.finditer(text)
        if found.group() in _QUOTES and found.start() not in inches
    ]
    if len(places) % 2 == 0 or (inches and (len(places) + len(inches)) % 2 == 0):
        return None
    return places[-1]

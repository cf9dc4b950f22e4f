"""Text to sentences, by language, offline: stops proposed by language, then what speaks against each."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from mtalign.languages import Language
from mtalign.segment import alphabetic, cjk
from mtalign.segment.marks import STOPS, URL
from mtalign.segment.quotes import Marks, read_marks

LONGEST = 2000
"""Longest piece in characters; a "sentence" beyond it is cut by :func:`split_long`."""

_LONGEST_BRACKET = 250
_TITLE_MARKS = "《〈【"
_ENUMERATOR = re.compile(r"[\W_]*(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,4}|[가-하ㄱ-ㅎ])[.．)]")
_CLAUSE = re.compile(r"[,;:、，；：·—–]")


def split_sentences(text: str, language: Language) -> list[tuple[int, int]]:
    """The sentences of ``text`` as half-open spans: in order, apart from each other, no space at their ends.

    Every character that is not white space is in exactly one span. A stop inside a quotation that the
    sentence goes on after does not end it; closing marks stay with their sentence; a stray stop joins the
    sentence before it. No span is longer than :data:`LONGEST`. Takes time linear in the text.
    """
    marks = read_marks(text)
    stops = cjk.stops(text, language) if _is_cjk(language) else alphabetic.stops(text, language)
    cuts = sorted({_after_closers(text, stop, marks) for stop in stops})
    spans = list(_spans(text, _kept(text, cuts, marks, language)))
    return [piece for span in _joined(text, spans) for piece in _shortened(text, span)]


def _is_cjk(language: Language) -> bool:
    return language.script in cjk.SCRIPTS


def _goes_on(text: str, cut: int, language: Language) -> bool:
    """Whether what follows ``cut`` belongs to the sentence before it."""
    goes_on = cjk.goes_on if _is_cjk(language) else alphabetic.goes_on
    return goes_on(text, cut, language)


def _after_closers(text: str, end: int, marks: Marks) -> int:
    """Where the closing marks that belong to a stop end; one space may stand between (``Macht. “``)."""
    while end < len(text):
        if end in marks.closing or text[end] in "’'}｝" or text[end] in STOPS:
            end += 1
        elif text[end] == " " and end + 1 in marks.closing and not text[end + 2 : end + 3].strip():
            end += 2
        else:
            break
    return end


def _kept(text: str, cuts: list[int], marks: Marks, language: Language) -> Iterator[int]:
    """The cuts that no quotation, bracket, URL, abbreviation or small letter speaks against."""
    barred = iter(_barred(text, marks, language))
    current = next(barred, None)
    for cut in cuts:
        while current is not None and current[1] <= cut:
            current = next(barred, None)
        if current is not None and current[0] < cut:
            continue
        if not _goes_on(text, cut, language):
            yield cut


def _barred(text: str, marks: Marks, language: Language) -> list[tuple[int, int]]:
    """Spans that no sentence ends inside of, merged and in order."""
    longest = (cjk if _is_cjk(language) else alphabetic).LONGEST_CONTINUED_QUOTE
    spans = [url.span() for url in URL.finditer(text)]
    for pair in marks.pairs:
        length = pair.end - pair.start
        if pair.quote:
            whole = length <= longest and _continues_after(text, pair.end, language)
        else:
            whole = length <= _LONGEST_BRACKET and (pair.start > 0 or text[0] in _TITLE_MARKS)
        if whole:
            spans.append((pair.start, pair.end))
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _continues_after(text: str, closing: int, language: Language) -> bool:
    """Whether a sentence goes on after the quotation that ``closing`` ends."""
    end = closing + 1
    if end >= len(text):
        return False
    if text[closing - 1] not in STOPS + " " and text[end] not in STOPS:
        return True
    return _goes_on(text, end, language)


def _spans(text: str, cuts: Iterable[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for cut in (*cuts, len(text)):
        piece = text[start:cut]
        stripped = piece.strip()
        if stripped:
            first = start + len(piece) - len(piece.lstrip())
            yield first, first + len(stripped)
        start = cut


def _joined(text: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join what is no sentence: stray punctuation to the one before, an enumerator to the one after."""
    joined: list[tuple[int, int]] = []
    pending: int | None = None
    for start, end in spans:
        first = start if pending is None else pending
        pending = None
        piece = text[start:end]
        if not any(character.isalnum() for character in piece):
            if joined and first == start:
                joined[-1] = (joined[-1][0], end)
            else:
                pending = first
        elif len(piece) <= 8 and _ENUMERATOR.fullmatch(piece):
            pending = first
        else:
            joined.append((first, end))
    if pending is not None:
        joined.append((pending, spans[-1][1]))
    return joined


def _shortened(text: str, span: tuple[int, int]) -> Iterator[tuple[int, int]]:
    start, end = span
    if end - start <= LONGEST:
        yield span
        return
    for first, last in split_long(text[start:end], LONGEST):
        yield start + first, start + last


def split_long(text: str, limit: int) -> list[tuple[int, int]]:
    """Cut a text into pieces of at most ``limit`` characters: after a clause, else at a space, else anywhere.

    A piece never begins with a combining character or a joiner.

    Returns:
        Half-open spans in order, no white space at their ends, every other character covered.
    """
    cuts = []
    start = 0
    while len(text) - start > limit:
        window = text[start : start + limit]
        half = limit // 2
        clauses = [clause.end() for clause in _CLAUSE.finditer(window, half)]
        if clauses:
            cut = clauses[-1]
        else:
            space = max((space.end() for space in re.finditer(r"\s", window[half:])), default=0)
            cut = half + space if space else limit
        while cut > 1 and _joins(text, start + cut):
            cut -= 1
        start += cut
        cuts.append(start)
    return list(_spans(text, cuts))


def _joins(text: str, position: int) -> bool:
    """Whether the character at ``position`` must not be parted from the one before it."""
    character = text[position]
    return (
        unicodedata.combining(character) > 0
        or unicodedata.category(character) in ("Mn", "Mc", "Me")
        or character in "\u200d\ufe0f"
        or text[position - 1] == "\u200d"
    )

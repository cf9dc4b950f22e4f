"""Text to sentences, by language, offline.

Where the stops are unambiguous (Korean, Japanese, Chinese) the rules are here. For every other language
sentencex, Wikimedia's splitter, proposes the boundaries; it knows their abbreviations. What it lacks is added
to both: stops without a space after them, quotations that a sentence goes on after, stray stops.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from mtalign.languages import Language
from mtalign.segment.quotes import Marks, read_marks

LONGEST = 2000
"""Longest piece in characters; a "sentence" beyond it is cut by :func:`split_long`."""

_CJK_SCRIPTS = frozenset({"Hang", "Jpan", "Hans", "Hant"})
_STOPS = ".!?…‥。｡．！？؟۔।॥‼⁇⁈⁉"
_FULL_STOPS = frozenset("。｡！？‼⁇⁈⁉")
_STOP_RUN = re.compile(rf"[{_STOPS}]+")
_CLOSERS = "”’」』｣）)】》〉]］}｝\"'“»«›‹"
_OPENERS = "“‘「『｢（(【《〈[［{｛\"'„«»"
_URL = re.compile(
    r"(?:[a-zA-Z][a-zA-Z0-9+.-]{1,20}://|www\.)[!-~]*[\w/]|[\w.+-]{1,64}@[a-zA-Z0-9-]{1,64}(?:\.[a-zA-Z0-9-]{1,64})+"
)
# "collaboration.The", "2021).But", "NATO.The": a word, a stop, a capitalised word; not Node.js, ASP.NET, U.S.
_GLUED = re.compile(
    r"(?:[^\W\d_A-Z]{3}|[A-Z]{3}|\d{4}|%|(?<=[^\W\d_]{2})[)\]”’»\"]|s)[.!?]+[”’\")»]?(?=[„“\"(«]?[A-ZÀ-ÖØ-Þ](?:[a-zß-ÿ’']|\s))"
)
_FILE_LIKE = re.compile(r"(?:com|org|net|js|io|de|int|edu|gov|txt|pdf|exe|py|md)\b", re.I)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[“\"'„‘/·,，、])(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|Inc|Corp|Ltd|Co|vs|No|Nos|Vol|Fig|pp?|ed|eds|al|etc|"
    r"e\.g|i\.e|cf|ca|approx|Gen|Lt|Col|Sgt|Capt|Gov|Sen|Rep|Rev|Hon|(?:[A-Z]\.)+[A-Z])\.$"
)
_GERMAN_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[„“\"])(?:[a-zA-ZÄÖÜäöü]|z\.\s?B|d\.\s?h|u\.\s?[aäÄ]|i\.\s?d\.\s?R|o\.\s?[äÄ]|s\.\s?[ou]|u\.\s?U|z\.\s?T|"
    r"v\.\s?a|Nr|Dr|Prof|Hr|Fr|St|Str|Abs|Art|Abb|Bd|Bsp|bzw|ca|evtl|ggf|inkl|exkl|Jh|max|min|Mio|Mrd|"
    r"Tsd|sog|Tel|usf|vgl|Ph|Kap|Hrsg|geb|gest|Jan|Feb|Apr|Aug|Sept?|Okt|Nov|Dez|ff?|"
    r"ehem|bes|allg|staatl|Ing|Dipl|phil|med|jur|rer|nat|etw|jmd|Zit|zit|Ebd|Aufl)\.$"
)
_ORDINAL = re.compile(r"(?:^|[\s(„“–-])\d{1,2}\.$")
_GERMAN_AFTER_ORDINAL = re.compile(
    r"(?:Januar|Jänner|Februar|Feber|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|Jahrhundert|"
    r"Jan\b|Feb\b|Apr\b|Aug\b|Sept?\b|Okt\b|Nov\b|Dez\b|Jh|Weltkrieg|Mal\b|Platz|Auflage|Artikel|Klasse|Stock|Etage|\d)"
)
_ENUMERATOR = re.compile(r"[\W_]*(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,4}|[가-하ㄱ-ㅎ])[.．)]")
_TO_BE_CONTINUED = {
    "ja": re.compile(
        r"(?:と(?!ころ|ても|はいえ|りあえず|もかく|にかく|もあれ|うとう|きどき)|って|という|など|なんて|の(?!ちに)|を|"
        r"が(?!んば)|は(?!じめ|い[、。])|に(?!も)|へ|や(?!が|は|っ)|も(?!し|う|ちろん|っとも)|で(?!も|は|す|し)|"
        r"、|，|,|・|（|\()"
    ),
    "zh": re.compile(
        r"(?:[，、；：,;的地]|[^。！？，“”「」\s]{0,10}?(?:说|道|问|答|喊|表示|指出|强调|写道|称|說|問|強調)[。，：！])"
    ),
    "ko": re.compile(r"[가-힣,]|\s(?:이?라[고며는]|고\s|하고|하며|하는|며\s)"),
}
_CONTINUED_QUOTE = {True: 100, False: 240}
"""A quotation of more characters is split inside although its sentence goes on after it (CJK, others)."""
_LONG_BRACKET = 250
_CLAUSE = re.compile(r"[,;:、，；：·—–]")


def split_sentences(text: str, language: Language) -> list[tuple[int, int]]:
    """The sentences of ``text`` as half-open spans: in order, apart from each other, no space at their ends.

    Every character that is not white space is in exactly one span. A stop inside a quotation that the
    sentence goes on after does not end it; closing marks stay with their sentence; a stray stop joins the
    sentence before it. No span is longer than :data:`LONGEST`.
    """
    marks = read_marks(text)
    cjk = language.script in _CJK_SCRIPTS
    stops = _cjk_stops(text, language) if cjk else _library_stops(text, language, marks)
    cuts = sorted({_after_closers(text, stop, marks) for stop in stops})
    spans = list(_spans(text, _kept(text, cuts, marks, language, cjk)))
    return [piece for span in _joined(text, spans) for piece in _shortened(text, span)]


def _cjk_stops(text: str, language: Language) -> Iterator[int]:
    """Ends of the stops that may end a Korean, Japanese or Chinese sentence."""
    for run in _STOP_RUN.finditer(text):
        start, end = run.span()
        if end >= len(text) or start == 0:
            continue
        if not _FULL_STOPS.isdisjoint(run.group()) or _ends_cjk_sentence(text, start, end, run.group()):
            yield end


def _ends_cjk_sentence(text: str, start: int, end: int, stop: str) -> bool:
    """Whether a half-width stop or an ellipsis ends a sentence."""
    before, after = text[start - 1], text[end]
    closed = after in _CLOSERS and (end + 1 == len(text) or text[end + 1].isspace())
    if set(stop) <= {"…", "‥"} or stop.startswith(".."):
        return closed or (after.isspace() and before in "다요죠까")
    if stop[0] in "!?":
        return not (before.isascii() and after.isascii() and after.isalnum())
    if before.isdigit() and stop in (".", "．"):
        return closed
    if before.isascii() and before.isalpha():
        if _GLUED.search(text, max(0, start - 3), min(len(text), end + 4)):
            return _FILE_LIKE.match(text, end) is None
        following = _next_character(text, end)
        if not after.isspace() and not closed:
            return not after.isascii() and after.isalpha() and _is_sentence_word(text, start)
        return not following.islower() and _ABBREVIATION.search(text[max(0, start - 12) : start + 1]) is None
    return after.isspace() or closed or after.isalnum() or after in _OPENERS


def _is_sentence_word(text: str, end: int) -> bool:
    """Whether a Latin word before a stop with no space after it may end a sentence: not example.com에서."""
    return False if "." in text[max(0, end - 20) : end].rsplit(" ", 1)[-1] else text[end - 1].isupper()


def _library_stops(text: str, language: Language, marks: Marks) -> Iterator[int]:
    """Ends of the stops where sentencex sees a sentence end, of glued ones and of full-width ones."""
    import sentencex

    # Quotation marks keep sentencex from looking inside, so it does not get to see them.
    masked = (
        "".join(" " if mark in '"“”„«»「」『』' else mark for mark in text)
        if marks.pairs or marks.closing
        else text
    )
    position = 0
    for sentence in sentencex.segment(language.primary, masked):
        position += len(sentence)
        end = len(masked[:position].rstrip()) if position - len(sentence) == 0 else None
        end = position - len(sentence) + len(sentence.rstrip()) if end is None else end
        if 0 < end < len(text) and text[end - 1] in _STOPS:
            yield end
    for glued in _GLUED.finditer(text):
        if _FILE_LIKE.match(text, glued.end()) is None:
            yield glued.end()
    for run in _STOP_RUN.finditer(text):
        if run.end() < len(text) and not _FULL_STOPS.isdisjoint(run.group()):
            yield run.end()


def _after_closers(text: str, end: int, marks: Marks) -> int:
    """Where the closing marks that belong to a stop end; one space may stand between (``Macht. “``)."""
    while end < len(text):
        if end in marks.closing or text[end] in "’'}｝":
            end += 1
        elif text[end] == " " and end + 1 in marks.closing and not text[end + 2 : end + 3].strip():
            end += 2
        elif text[end] in _STOPS:
            end += 1
        else:
            break
    return end


def _kept(text: str, cuts: list[int], marks: Marks, language: Language, cjk: bool) -> Iterator[int]:
    """The cuts that no quotation, bracket, URL, abbreviation or small letter speaks against."""
    barred = _barred(text, marks, language, cjk)
    current = next(barred, None)
    for cut in cuts:
        while current is not None and current[1] <= cut:
            current = next(barred, None)
        if current is not None and current[0] < cut < current[1]:
            continue
        if not _goes_on(text, cut, language, cjk):
            yield cut


def _barred(text: str, marks: Marks, language: Language, cjk: bool) -> Iterator[tuple[int, int]]:
    """Spans that no sentence ends inside of, merged and in order."""
    spans = [url.span() for url in _URL.finditer(text)]
    for pair in marks.pairs:
        length = pair.end - pair.start
        if not pair.quote:
            if length <= _LONG_BRACKET and pair.start > 0:
                spans.append((pair.start, pair.end))
        elif length <= _CONTINUED_QUOTE[cjk] and _continues_after(text, pair.end, language, cjk):
            spans.append((pair.start, pair.end))
    spans.sort()
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return iter(merged)


def _continues_after(text: str, closing: int, language: Language, cjk: bool) -> bool:
    """Whether a sentence goes on after the quotation that ``closing`` ends."""
    end = closing + 1
    if end >= len(text):
        return False
    if text[closing - 1] not in _STOPS + " " and text[end] not in _STOPS:
        return True
    return _goes_on(text, end, language, cjk)


def _goes_on(text: str, cut: int, language: Language, cjk: bool) -> bool:
    """Whether what follows ``cut`` belongs to the sentence before it."""
    following = _next_character(text, cut)
    if not following:
        return True
    if cjk:
        quoted = text[cut - 1] in "”」』｣\"’'）)"
        pattern = _TO_BE_CONTINUED[language.primary if language.primary in _TO_BE_CONTINUED else "zh"]
        return (quoted and pattern.match(text, cut) is not None) or following in "、，,；;："
    if following.islower() and not text[cut:].startswith("\n\n"):
        return True
    if following in ",;:":
        return True
    if text[cut - 1] != ".":
        return False
    if language.code == "de":
        before = text[max(0, cut - 16) : cut]
        if _ORDINAL.search(before) and _GERMAN_AFTER_ORDINAL.match(text[cut : cut + 16].lstrip()):
            return True
        return _GERMAN_ABBREVIATION.search(before) is not None
    return False


def _next_character(text: str, position: int) -> str:
    while position < len(text) and text[position].isspace():
        position += 1
    return text[position : position + 1]


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
        elif len(piece) <= 8 and _ENUMERATOR.fullmatch(piece) and not joined:
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

"""Where Korean, Japanese and Chinese sentences end."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mtalign.languages import Language
from mtalign.segment.marks import CLOSERS, FILE_LIKE, FULL_STOPS, GLUED, OPENERS, STOP_RUN, next_character

SCRIPTS = frozenset({"Hang", "Jpan", "Hans", "Hant"})
"""Scripts of the languages that this module knows."""

LONGEST_CONTINUED_QUOTE = 60
"""A longer quotation is split inside even where its sentence goes on after it; in characters."""

_ABBREVIATION = re.compile(
    r"(?<![A-Za-z.])(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|Inc|Corp|Ltd|Co|vs|Nos?|Vol|Fig|pp?|eds?|al|etc|e\.g|i\.e|cf|"
    r"ca|approx|Gen|Lt|Col|Sgt|Capt|Gov|Sen|Rep|Rev|Hon|Ph|(?:[A-Z]\.)+[A-Z])\.$"
)
# A polite Korean ending is always a sentence's last word; web pages lose the stop where a link stood.
_KOREAN_ENDING = re.compile(r"[가-힣]니[다까](?=\s+(?!이?라[고며는]|고\s|하[고며는]|며\s|만\s|[.!?…)”’\"]))")
_CONTINUATION = {
    "ja": re.compile(
        r"(?:と(?!ころ|ても|はいえ|りあえず|もかく|にかく|もあれ|うとう|きどき)|って|という|など|なんて|の(?!ちに)|を|"
        r"が(?!んば)|は(?!じめ|い[、。])|に(?!も)|へ|や(?!が|は|っ)|も(?!し|う|ちろん|っとも)|で(?!も|は|す|し)|"
        r"[、，,・（(])"
    ),
    "zh": re.compile(
        r"(?:[，、；：,;的地]|[^。！？，“”「」\s]{0,10}?(?:说|道|问|答|喊|表示|指出|强调|写道|称|說|問|強調)[。，：！])"
    ),
    "ko": re.compile(
        r"(?:이?라|고|며|면서|란|[는은이가을를의에와과도로만](?![가-힣]{2})|으로|에서|처럼|까지|부터|보다|[하했]|인|일|이[었며])|"
        r",|\s(?:이?라[고며는]|고\s|하[고며는]|며\s|했다)"
    ),
}
"""What after a closing mark shows that the sentence goes on."""


def stops(text: str, language: Language) -> Iterator[int]:
    """Ends of the stops that may end a sentence, in no order."""
    if language.script == "Hang":
        for ending in _KOREAN_ENDING.finditer(text):
            if _ends_in_bieup(text[ending.start()]):
                yield ending.end()
    for run in STOP_RUN.finditer(text):
        start, end = run.span()
        if start == 0 or end >= len(text):
            continue
        if not FULL_STOPS.isdisjoint(run.group()) or _ends_sentence(text, start, end, run.group()):
            yield end


def _ends_in_bieup(syllable: str) -> bool:
    """Whether a Hangul syllable ends in ㅂ or ㅄ, as the one before the ending 니다 does."""
    return (ord(syllable) - ord("가")) % 28 in (17, 18)


def _ends_sentence(text: str, start: int, end: int, stop: str) -> bool:
    """Whether a half-width stop or an ellipsis ends a sentence."""
    before, after = text[start - 1], text[end]
    closed = after in CLOSERS and not text[end + 1 : end + 2].strip()
    if set(stop) <= {"…", "‥"} or stop.startswith(".."):
        return closed or (after.isspace() and before in "다요죠까")
    if stop[0] in "!?":
        return not (before.isascii() and after.isascii() and after.isalnum())
    if before.isdigit() and stop in (".", "．"):
        return closed
    if before.isascii() and before.isalpha():
        return _ends_after_latin(text, start, end, closed)
    return after.isspace() or closed or after.isalnum() or after in OPENERS


def _ends_after_latin(text: str, start: int, end: int, closed: bool) -> bool:
    """Whether a full stop after a Latin word ends a sentence: not in U.S. News, nor in example.com에서."""
    if GLUED.search(text, max(0, start - 5), min(len(text), end + 4)):
        return FILE_LIKE.match(text, end) is None
    if text[end].isspace() or closed:
        if next_character(text, end).islower():
            return False
        return _ABBREVIATION.search(text[max(0, start - 12) : start + 1]) is None
    word = text[max(0, start - 20) : start].rsplit(" ", 1)[-1]
    return "." not in word and text[start - 1].isupper() and text[end].isalpha() and not text[end].isascii()


def goes_on(text: str, cut: int, language: Language) -> bool:
    """Whether what follows ``cut`` belongs to the sentence before it."""
    following = next_character(text, cut)
    if not following or following in "、，,；;：":
        return True
    pattern = _CONTINUATION.get(language.primary, _CONTINUATION["zh"])
    return text[cut - 1] in CLOSERS and pattern.match(text, cut) is not None

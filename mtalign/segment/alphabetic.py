"""Where sentences of alphabetic languages end: what sentencex proposes, with what it lacks added.

sentencex is Wikimedia's splitter; it knows the abbreviations of some 300 languages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mtalign.languages import Language
from mtalign.segment.marks import CLOSERS, FILE_LIKE, FULL_STOPS, GLUED, STOP_RUN, STOPS, next_character

LONGEST_CONTINUED_QUOTE = 120
"""A longer quotation is split inside even where its sentence goes on after it; in characters."""

# sentencex does not look inside quotation marks and brackets (nor after a smiley), so it gets to see none;
# and 1.0.32 panics on a stop before white space of several bytes, so it gets to see plain spaces only.
_MASK = str.maketrans(
    dict.fromkeys(
        '"“”„«»‹›「」『』()[]'
        "\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
        "\u2028\u2029\u202f\u205f\u3000",
        " ",
    )
)
_BEFORE_NUMBER = re.compile(
    r"[^\W\d_A-Z]{4}[.!?](?=[”“\")]?\s+(?:(?:19|20)\d\d\b|\(?\d{1,3}[.)]\s+[^\W\d_a-zß-ÿ]))"
)
_BEFORE_INVERTED = re.compile(r"[.!?](?=\s+[¿¡])")
_GREEK_QUESTION = re.compile(r"[;\u037e](?=\s+[^\W\d_a-zά-ώ])")
_GERMAN_ABBREVIATION = re.compile(
    r"(?<![\w.])(?:[a-zA-ZÄÖÜäöü]|z\.\s?[BT]|d\.\s?h|u\.\s?[aäÄU]|i\.\s?d\.\s?R|o\.\s?[äÄ]|s\.\s?[ou]|v\.\s?a|"
    r"Nr|Dr|Prof|Hr|Fr|St|Str|Abs|Art|Abb|Bd|Bsp|bzw|ca|evtl|ggf|inkl|exkl|Jh|max|min|Mio|Mrd|Tsd|sog|Tel|usf|vgl|"
    r"Ph|Kap|Hrsg|geb|gest|Jan|Feb|Apr|Aug|Sept?|Okt|Nov|Dez|ff|ehem|bes|allg|staatl|Ing|Dipl|phil|med|jur|rer|nat|"
    r"etw|jmd|zit|Aufl)\.$"
)
_INITIAL = re.compile(r"(?<![^\W_])(?:[^\W\d_a-z]|MM|Mme|Mlle|Sr|Sra|Sig|Dr|Prof)\.$")
_GERMAN_ORDINAL = re.compile(
    r"\b(?:de[rmns]|die|das|[aiv]m|zu[mr]|vom|beim|eine?[mnrs]?|sein(?:e[mnrs]?)?|ihr(?:e[mnrs]?)?|jede[mnrs]?|und|"
    r"bis|diese[mnrs]?|seit|unter)\s\d{1,3}\.$",
    re.I,
)
_GERMAN_BEGINNING = re.compile(
    r"(?:Der|Die|Das|Den|Dem|Ein|Eine[mnrs]?|Er|Sie|Es|Ich|Wir|Ihr|Man|Da|Dann|Doch|Aber|Und|Auch|So|In|Im|Am|An|Auf|"
    r"Bei|Mit|Nach|Von|Vor|Zu|Für|Als|Wenn|Weil|Wie|Was|Wer|Dies\w*|Jede\w*|Seit|Danach|Dort|Hier|Nun|Nur|Noch|Schon)\b"
)


def stops(text: str, language: Language) -> Iterator[int]:
    """Ends of the stops that may end a sentence, in no order."""
    import sentencex

    position = 0
    for sentence in sentencex.segment(language.primary, text.translate(_MASK)):
        end = position + len(sentence.rstrip())
        position += len(sentence)
        if 0 < end < len(text) and text[end - 1] in STOPS and not text[end].isalnum():
            yield end
    for glued in GLUED.finditer(text):
        if FILE_LIKE.match(text, glued.end()) is None:
            yield glued.end()
    for pattern in (_BEFORE_NUMBER, _BEFORE_INVERTED):
        yield from (found.end() for found in pattern.finditer(text))
    if language.code == "el":
        yield from (found.end() for found in _GREEK_QUESTION.finditer(text))
    for run in STOP_RUN.finditer(text):
        if run.end() < len(text) and not FULL_STOPS.isdisjoint(run.group()):
            yield run.end()


def goes_on(text: str, cut: int, language: Language) -> bool:
    """Whether what follows ``cut`` belongs to the sentence before it."""
    following = next_character(text, cut)
    if not following or following in ",;:" or (following.islower() and not text.startswith("\n\n", cut)):
        return True
    before = text[max(0, cut - 24) : cut].rstrip(CLOSERS)
    if not before.endswith("."):
        return False
    if language.code != "de":
        return language.code != "en" and _INITIAL.search(before) is not None
    if _GERMAN_ORDINAL.search(before):
        return _GERMAN_BEGINNING.match(text[cut : cut + 20].lstrip()) is None
    return _GERMAN_ABBREVIATION.search(before) is not None

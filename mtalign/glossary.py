r"""A glossary: which English a term of the source is to have, and where the terms stand in a text.

The file is a table, UTF-8 (or UTF-16 with a byte order mark), one term a line, cells separated by one tab::

    source      english                 note                    language
    北约        NATO
    Bündnis     alliance|Alliance       never "coalition"       de
    # a comment

``english`` may name alternatives, the preferred one first. ``note`` and ``language`` (a term of this language
only: ``de``, ``German``) may be left out. A first line that names the columns is a header, and may put them
in another order. Blank lines and lines that begin with ``#`` are passed over. Cells are never quoted.

How a source term is found, after Unicode normalisation (NFKC), the leftmost first and the longest at a place:

* A capital letter of the term is a capital in the text (``Weg`` is not found in ``weg``); a small one may be
  either, and so may the letters behind the first of an acronym of four or more (``NATO`` in ``Nato``).
* A space of the term is any white space, line breaks included; between Chinese, Japanese or Korean it may be
  missing. A line break within Chinese or Japanese does not part a term.
* Alphabetic scripts: whole words. A word of four letters or more may have two letters more; one of five or
  more may lose a final vowel for them. In German a noun may end in -e, -n, -s, -en, -es, -ns, -nen, -se, -sen
  or -ses and an adjective in any of its endings; a noun of five letters or more is also found as the last
  part of a compound (``Bündnis`` in ``Verteidigungsbündnisses``).
* Korean: at the beginning of a word; what follows in the word must be particles, -들, or a form of 이다,
  하다, 되다 or 시키다. So ``동맹`` is found in ``동맹은`` and not in ``동맹국``.
* Katakana: not within a longer run of katakana. Other scripts without spaces: anywhere.

How an English term is found in a translation: as whole words one after the other, in any case but for
acronyms of two or three letters (``IT``, ``WHO``), which must be in capitals there too. Hyphens count as
spaces. A word may differ by a plural (-s, -es, -ies), a possessive, or -ed and -ing.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from mtalign.errors import ConfigError, MtalignError
from mtalign.formats.decode import decode
from mtalign.languages import Language, parse_language

COLUMNS = ("source", "english", "note", "language")
FORMAT = "a line is SOURCE, a tab, ENGLISH, then a NOTE and a LANGUAGE where wanted, each behind a tab"

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_LETTER = rf"[[\p{{L}}\p{{M}}]--[{_UNSPACED}\p{{Hangul}}]]"
_KATAKANA = r"[\p{Katakana}ー]"
_GAP = r"\s+(?:>\s*)*"
_BREAK = r"(?:[^\S\n]*\n\s*(?:>\s*)*)?"
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))

_GERMAN_NOUN = "(?:e|n|s|en|es|ns|nen|se|sen|ses)?"
_GERMAN_ADJECTIVE = "(?:e|en|er|es|em)?"
_COMPOUNDING = {"de"}
_KOREAN_PARTICLE = (
    "은|는|이|가|을|를|의|에|에서|에게|에게서|께|께서|한테|로|으로|로서|으로서|로써|으로써|와|과|랑|이랑|도|만|"
    "까지|부터|마저|조차|처럼|같이|보다|마다|나|이나|든|이든|이자|이다|다|이고|고|이며|며|란|이란|라|이라"
)
_KOREAN_STEM = (
    "이었|였|입니|이라|라고|라는|라며|이지만|지만|"
    "하|한|할|함|합|해|했|되|된|될|됨|됩|돼|됐|시키|시킨|시킬|시켰"
)
_KOREAN_REST = rf"(?=들?(?:(?:{_KOREAN_PARTICLE})*(?!\p{{Hangul}})|(?:{_KOREAN_STEM})\p{{Hangul}}*))"

_DROPPED = frozenset("-‐‑‒–—'’ʼ`\"“”«»")
"""Marks that say nothing about which English term stands there."""


@dataclass(frozen=True)
class Term:
    """A line of a glossary."""

    source: str
    english: tuple[str, ...]
    """The English to use: the preferred one, then what may stand for it."""
    note: str = ""
    language: str = ""
    """Code of the only language that it is a term of; empty for any."""

    def found_in(self, translation: str) -> str | None:
        """The first of its English terms that ``translation`` holds; None where it holds none."""
        return next((english for english in self.english if holds(translation, english)), None)


@dataclass(frozen=True)
class FoundTerm:
    """A term at a place of a text."""

    start: int
    end: int
    """Characters of the text as it was given, half-open."""
    term: Term


class _Candidate:
    """A term that may stand where its first letters do; its pattern is made when that is first so."""

    def __init__(self, source: str, language: Language, term: Term) -> None:
        self.term = term
        self._source = source
        self._language = language

    @cached_property
    def pattern(self) -> Any:
        return _pattern(self._source, self._language)


@dataclass(frozen=True)
class Glossary:
    """The terms of a file, in its order."""

    terms: tuple[Term, ...]
    path: str = ""
    sha256: str = ""
    """Of the file, hex."""
    _indices: dict[str, dict[str, list[_Candidate]]] = field(default_factory=dict, repr=False, compare=False)

    def find(self, text: str, language: Language) -> tuple[FoundTerm, ...]:
        """The terms that stand in ``text``, from left to right, none within another."""
        normal = _Normal(text)
        index = self._index(language)
        found = []
        position = 0
        while position < len(normal.text):
            key = normal.folded[position : position + 2]
            best = None
            for candidate in (*index.get(key, ()), *index.get(key[:1], ())):
                match = candidate.pattern.match(normal.text, position)
                if match and match.end() > position and (best is None or match.end() > best[0]):
                    best = (match.end(), candidate.term)
            if best is None:
                position += 1
                continue
            start, end = normal.span(position, best[0])
            found.append(FoundTerm(start, end, best[1]))
            position = best[0]
        return tuple(found)

    def _index(self, language: Language) -> dict[str, list[_Candidate]]:
        """The language's terms by their first letters, folded; the longest term first."""
        if language.code not in self._indices:
            index: dict[str, list[_Candidate]] = {}
            for term in sorted(self.terms, key=lambda term: -len(term.source)):
                if term.language in ("", language.code, language.primary):
                    source = _Normal(term.source).text.strip()
                    index.setdefault(_key(source), []).append(_Candidate(source, language, term))
            self._indices[language.code] = index
        return self._indices[language.code]


def distinct(found: Iterable[FoundTerm]) -> tuple[Term, ...]:
    """Each term of ``found`` once, in the order of the text."""
    return tuple(dict.fromkeys(one.term for one in found))


def count_hits(terms: Iterable[Term], translation: str) -> int:
    """How many of ``terms`` have one of their English terms in ``translation``."""
    return sum(term.found_in(translation) is not None for term in terms)


# -- the file -----------------------------------------------------------------------------------------


def load_glossary(path: Path, shown: str = "") -> Glossary:
    """Read a glossary; ``shown`` is what reports call it.

    Raises:
        ConfigError: the file cannot be read, or a line is damaged; names the line.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(f"no glossary {path}", hint="mend the path") from error
    except OSError as error:
        raise ConfigError(f"cannot read the glossary {path}: {error.strerror}") from error
    try:
        text = decode(data, f"the glossary {path}").text
    except MtalignError as error:
        raise ConfigError(error.message, hint=f"save it as UTF-8; {FORMAT}") from error
    terms = parse_glossary(text, str(path))
    return Glossary(terms, shown or str(path), hashlib.sha256(data).hexdigest())


def parse_glossary(text: str, path: str) -> tuple[Term, ...]:
    """The terms of a glossary's text; ``path`` names it in errors.

    Raises:
        ConfigError: a line is damaged or contradicts another one, or there is no term.
    """
    columns: tuple[str, ...] = COLUMNS
    lines: dict[tuple[str, str], int] = {}
    terms: dict[tuple[str, str], Term] = {}
    first = True
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [" ".join(cell.split()) for cell in line.split("\t")]
        if first and (header := _header(cells)):
            columns, first = header, False
            continue
        first = False
        where = f"{path}, line {number}"
        term = _term(dict(zip(columns, cells, strict=False)), len(cells) - len(columns), where)
        key = (unicodedata.normalize("NFKC", term.source), term.language)
        if key in terms and terms[key].english != term.english:
            raise ConfigError(
                f"{where}: {term.source} has another English in line {lines[key]}",
                hint=f"write alternatives in one line: {'|'.join(terms[key].english + term.english)}",
            )
        terms.setdefault(key, term)
        lines.setdefault(key, number)
    if not terms:
        raise ConfigError(f"the glossary {path} holds no term", hint=FORMAT)
    return tuple(terms.values())


def _header(cells: Sequence[str]) -> tuple[str, ...] | None:
    names = tuple(cell.casefold() for cell in cells)
    known = {"source", "english"} <= set(names) <= set(COLUMNS) and len(set(names)) == len(names)
    return names if known else None


def _term(cells: dict[str, str], too_many: int, where: str) -> Term:
    if too_many > 0:
        raise ConfigError(f"{where}: {too_many} cells too many", hint=FORMAT)
    source, english = cells.get("source", ""), cells.get("english", "")
    if not _Normal(source).text.strip():
        raise ConfigError(f"{where}: no source term", hint=FORMAT)
    alternatives = tuple(part.strip() for part in english.split("|"))
    if not all(any(character.isalnum() for character in part) for part in alternatives):
        what = f"{english!r} has an empty alternative" if len(alternatives) > 1 else "no English term"
        raise ConfigError(f"{where}: {what}", hint=FORMAT)
    language = cells.get("language", "")
    try:
        code = parse_language(language).code if language else ""
    except MtalignError as error:
        raise ConfigError(f"{where}: {error.message}", hint=error.hint) from error
    return Term(source, tuple(dict.fromkeys(alternatives)), cells.get("note", ""), code)


# -- source terms in a text ---------------------------------------------------------------------------


class _Normal:
    """A text in NFKC without invisible characters, and where each of its characters stood."""

    def __init__(self, text: str) -> None:
        self._clusters: list[tuple[int, int]] | None = None
        if unicodedata.is_normalized("NFKC", text) and text.translate(_INVISIBLE) == text:
            self.text = text
        else:
            import regex

            parts, clusters = [], []
            # Cluster by cluster: normalisation composes across characters (decomposed Hangul, umlauts).
            for cluster in regex.finditer(r"\X", text):
                part = unicodedata.normalize("NFKC", cluster.group()).translate(_INVISIBLE)
                parts.append(part)
                clusters += [cluster.span()] * len(part)
            self.text = "".join(parts)
            self._clusters = clusters

    @cached_property
    def folded(self) -> str:
        """The text for the index's keys: small letters, one for each character."""
        return "".join(_small(character) for character in self.text)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where the characters ``start`` to ``end`` of the normalised text stood."""
        if self._clusters is None:
            return start, end
        return self._clusters[start][0], self._clusters[end - 1][1]


def _small(character: str) -> str:
    small = character.lower()
    return small if len(small) == 1 else character


def _key(source: str) -> str:
    """The first two letters of a term where every place it is found has them, else the first one."""
    letters = "".join(_small(character) for character in source[:2])
    # A final vowel may go, a space may be any white space, and SS may stand for ß.
    sure = len(source) > 3 and letters.isalnum() and "ß" not in letters and not _spaceless(source[0])
    return letters if sure else letters[:1]


def _spaceless(character: str) -> bool:
    return _kind(character) in ("unspaced", "katakana")


@lru_cache(maxsize=4096)
def _kind(character: str) -> str:
    """How a character's words are bounded: ``word``, ``hangul``, ``katakana``, ``unspaced`` or ``none``."""
    import regex

    for kind, characters in (
        ("katakana", _KATAKANA),
        ("hangul", r"\p{Hangul}"),
        ("unspaced", f"[{_UNSPACED}]"),
        ("word", rf"{_LETTER}|\d"),
    ):
        if regex.match(characters, character, regex.V1):
            return kind
    return "none"


def _pattern(source: str, language: Language) -> Any:
    import regex

    words = source.split()
    parts = [_word(word, language, last=number == len(words)) for number, word in enumerate(words, start=1)]
    pattern = parts[0]
    for before, word, part in zip(words, words[1:], parts[1:], strict=False):
        loose = all(_kind(edge) in ("hangul", "katakana", "unspaced") for edge in (before[-1], word[0]))
        pattern += (rf"(?:{_GAP})?" if loose else _GAP) + part
    first, last = _kind(source[0]), _kind(source[-1])
    start = {"word": rf"(?<!{_LETTER}|\d)", "hangul": r"(?<!\p{Hangul})", "katakana": rf"(?<!{_KATAKANA})"}
    end = {"word": rf"(?!{_LETTER}|\d)", "hangul": _KOREAN_REST, "katakana": rf"(?!{_KATAKANA})"}
    pattern = start.get(first, "") + pattern
    if language.primary in _COMPOUNDING and len(words) == 1 and len(source) >= 5 and source.isalpha():
        small = _word(_small(source[0]) + source[1:], language, last=True, noun=source[0].isupper())
        pattern = rf"(?:{pattern}|(?<={_LETTER}{{2}}){small})"
    return regex.compile(pattern + end.get(last, ""), regex.V1)


def _word(word: str, language: Language, *, last: bool, noun: bool | None = None) -> str:
    """A pattern for ``word`` with the endings that it may have."""
    kind = _kind(word[-1])
    if kind != "word" or not word[-1].isalpha() or len(word) < 4:
        return _letters(word)
    if word.isupper():
        return _letters(word[0] + word[1:].lower()) + "s?"
    if language.primary == "de":
        if last and (word[0].isupper() if noun is None else noun):
            return _letters(word) + _either_case(_GERMAN_NOUN)
        stem = next((word[: -len(e)] for e in ("en", "er", "es", "em", "e") if word.endswith(e)), word)
        return _letters(stem if len(stem) > 3 else word) + _either_case(_GERMAN_ADJECTIVE)
    stem = word[:-1] if len(word) > 4 and _is_vowel(word[-1]) else word
    return _letters(stem) + f"{_LETTER}{{0,2}}"


def _is_vowel(letter: str) -> bool:
    return unicodedata.normalize("NFD", letter)[0].lower() in "aeiouаеиоуыэюяαεηιουω"


def _either_case(endings: str) -> str:
    return f"(?i:{endings})"


def _letters(word: str) -> str:
    """``word`` literally; a small letter may be a capital, and East Asian text may break inside it."""
    pieces = []
    for number, character in enumerate(word):
        if number and _spaceless(word[number - 1]) and _spaceless(character):
            pieces.append(_BREAK)
        capital = character.upper()
        literal, other = _escape(character), _escape(capital)
        pieces.append(f"(?:{literal}|{other})" if character.islower() and capital != character else literal)
    return "".join(pieces)


def _escape(text: str) -> str:
    import regex

    return str(regex.escape(text, literal_spaces=False))


# -- English terms in a translation -------------------------------------------------------------------


def holds(translation: str, english: str) -> bool:
    """Whether ``translation`` holds the term ``english``; see the module for what may differ."""
    wanted, have = _tokens(english), _tokens(translation)
    size = len(wanted)
    return any(
        all(_same(one, other) for one, other in zip(wanted, have[start : start + size], strict=True))
        for start in range(len(have) - size + 1)
    )


@lru_cache(maxsize=256)
def _tokens(text: str) -> tuple[str, ...]:
    import regex

    normal = unicodedata.normalize("NFKC", text).translate(_INVISIBLE)
    return tuple(token for token in regex.findall(r"[\w\p{M}]+|[^\w\s]", normal) if token not in _DROPPED)


def _same(term: str, word: str) -> bool:
    if 1 < len(term) < 4 and term.isupper():
        return word in (term, f"{term}s")
    small, other = term.casefold(), word.casefold()
    return small == other or bool(_bases(small) & _bases(other))


@lru_cache(maxsize=8192)
def _bases(word: str) -> frozenset[str]:
    """``word`` and what it may be a plural or a -ed or -ing form of, three letters or more."""
    bases = {word}
    if word.endswith("ies"):
        bases.add(word[:-3] + "y")
    if word.endswith("es") and word[:-2].endswith(("s", "x", "z", "ch", "sh", "o")):
        bases.add(word[:-2])
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        bases.add(word[:-1])
    if word.endswith("ied"):
        bases.add(word[:-3] + "y")
    for ending in ("ed", "ing"):
        if word.endswith(ending):
            stem = word[: -len(ending)]
            bases |= {stem, stem + "e"}
            if len(stem) > 2 and stem[-1] == stem[-2]:
                bases.add(stem[:-1])
    return frozenset(base for base in bases if base == word or len(base) > 2)

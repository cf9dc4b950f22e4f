"""What countries, languages, months and weekdays are called in the language of a source: CLDR, by Babel."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache

from mtalign.checks.spelling import fold

_CHINESE = ("zh_Hans", "zh_Hant")
_WORD = re.compile(r"[a-z]{4,}")
_PARENTHESES = re.compile(r"\s*[(（].*?[)）]")
_OF_A_LANGUAGE = "語语어"
"""What Chinese, Japanese and Korean append to the name of a country's people for that of their language."""
_LEAST_STEM = 4
_ENDING = 2
"""So many last letters of a name inflection and derivation may change: ``Deutschland``, ``ukrainisch``."""


def is_called_so(word: str, source: str, language: str) -> bool | None:
    """Whether a country, language, month or weekday that ``word`` names or derives from is in ``source``.

    Args:
        word: English, capitalised or not.
        source: Folded; see :func:`mtalign.checks.spelling.fold`.
        language: Primary code of the source's language.

    Returns:
        None if the word names none of these, or the language is not in CLDR.
    """
    table = _table(language)
    key = fold(word)
    exact = table.get(key, ())
    forms = exact or _of_relatives(key, language)
    if not forms:
        return None
    return any(form in source for form in forms) or (False if exact else None)


def called_in_short(word: str, source: str, language: str) -> float:
    """Whether a Chinese source has the first character of a country that ``word`` names or derives from.

    Newspapers call countries so. Beside that of another country (中美, China and the United States) it is
    certain, 1; alone it may stand for anything, 0.5.
    """
    if language != "zh":
        return 0.0
    key = fold(word)
    forms = _table(language).get(key, ()) or _of_relatives(key, language)
    found = 0.0
    for first in {form[0] for form in forms}:
        for match in re.finditer(first, source):
            beside = source[max(0, match.start() - 1) : match.end() + 1].replace(first, "")
            if _country_characters().intersection(beside):
                return 1.0
            found = 0.5
    return found


@lru_cache(maxsize=1)
def _country_characters() -> frozenset[str]:
    """First characters of the countries of the world."""
    from babel import Locale

    names = (Locale.parse(code).territories for code in _CHINESE)
    return frozenset(name[0] for some in names for code, name in some.items() if code.isalpha())


@lru_cache(maxsize=4096)
def _of_relatives(key: str, language: str) -> tuple[str, ...]:
    """Of the names that ``key`` is derived from: of Brazil for Brazilian, of Italy for Italian."""
    found: list[str] = []
    for name, forms in _beginnings(language).get(key[:_LEAST_STEM], ()):
        if key.startswith(name[: max(_LEAST_STEM, len(name) - _ENDING)]):
            found += forms
    return tuple(found)


@lru_cache(maxsize=32)
def _beginnings(language: str) -> Mapping[str, list[tuple[str, tuple[str, ...]]]]:
    result = defaultdict(list)
    for name, forms in (*_table(language).items(), *_parts(language).items()):
        result[name[:_LEAST_STEM]].append((name, forms))
    return result


@lru_cache(maxsize=32)
def _table(language: str) -> Mapping[str, tuple[str, ...]]:
    """By the folded English name of one word, what of it a source has."""
    return {name: forms for name, forms in _names(language).items() if " " not in name}


@lru_cache(maxsize=32)
def _parts(language: str) -> Mapping[str, tuple[str, ...]]:
    """The same for each word of a name of several."""
    result: dict[str, tuple[str, ...]] = {}
    for name, forms in _names(language).items():
        for word in _WORD.findall(name) if " " in name else ():
            result[word] = (*result.get(word, ()), *forms)
    return result


@lru_cache(maxsize=32)
def _names(language: str) -> Mapping[str, tuple[str, ...]]:
    from babel import Locale, UnknownLocaleError
    from babel.languages import get_official_languages

    try:
        locales = [Locale.parse(code) for code in (_CHINESE if language == "zh" else (language,))]
    except (UnknownLocaleError, ValueError):
        return {}
    english = Locale.parse("en")
    found: dict[str, set[str]] = defaultdict(set)
    for locale in locales:
        for code, name in english.territories.items():
            # German of Germany, not English of Singapore.
            people = [one for one in get_official_languages(code)[:1] if _is_of(one, name)]
            forms = [locale.territories.get(code), *(locale.languages.get(one) for one in people)]
            found[_plain(name)] |= _stems(forms)
        for code, name in english.languages.items():
            if "_" not in code:
                found[_plain(name)] |= _stems([locale.languages.get(code)])
        for kind in ("months", "days"):
            for number, name in getattr(english, kind)["format"]["wide"].items():
                widths = ("wide", "abbreviated")
                forms = [getattr(locale, kind)["format"][width].get(number) for width in widths]
                found[_plain(name)] |= _stems(forms)
    return {name: tuple(sorted(forms)) for name, forms in found.items() if forms}


def _is_of(language: str, territory: str) -> bool:
    from babel import Locale

    return bool(Locale.parse("en").languages.get(language, " ")[0] == territory[0])


def _plain(name: str) -> str:
    return fold(_PARENTHESES.sub("", name)).strip()


def _stems(forms: list[str | None]) -> set[str]:
    stems = set()
    for form in forms:
        plain = _plain(form or "").removesuffix(".")
        if plain.isascii():
            stem = plain[: max(_LEAST_STEM, len(plain) - _ENDING)]
        else:
            stem = plain.rstrip(_OF_A_LANGUAGE)
            stem = stem if len(stem) > 1 else plain
        if len(stem) >= (3 if stem.isascii() else 2):
            stems.add(stem)
    return stems

"""What countries, cities, languages, months and weekdays are called in the language of a source.

From CLDR, by Babel; its cities are those that time zones are called after. What CLDR has not, how a people or
a country is called besides, stands here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from mtalign.checks.spelling import fold

if TYPE_CHECKING:
    from babel import Locale

_CHINESE = ("zh_Hans", "zh_Hant")
_WORD = re.compile(r"[a-z]{4,}")
_NO_LETTER = re.compile(r"[^a-z0-9]+")
_PARENTHESES = re.compile(r"\s*[(（].*?[)）]")
_OF_A_LANGUAGE = "語语어"
"""What Chinese, Japanese and Korean append to the name of a country's people for that of their language."""
_BESIDES: dict[str, dict[str, str]] = {
    "zh": {"台湾": "TW", "臺灣": "TW", "朝鲜": "KP", "捷克": "CZ"},
    "ja": {"米国": "US", "アメリカ": "US", "英国": "GB", "ソ連": "RU", "チェコ": "CZ"},
    "ko": {"한국": "KR", "터키": "TR", "체코": "CZ"},
    "de": {"usa": "US", "amerika": "US", "grossbritannien": "GB", "england": "GB"},
}
"""By language, names of countries in use that are not those of CLDR."""
_PEOPLES: dict[str, str] = {
    "america": "US", "american": "US", "americans": "US", "british": "GB", "britain": "GB", "dutch": "NL",
    "holland": "NL", "swiss": "CH", "filipino": "PH", "turkey": "TR", "czech": "CZ", "burma": "MM",
    "irish": "IE", "danish": "DK", "polish": "PL", "finnish": "FI", "swedish": "SE", "turkish": "TR",
    "spanish": "ES", "french": "FR", "greek": "GR", "english": "GB",
}  # fmt: skip
"""English words for countries and their peoples that do not begin as CLDR's English name does."""
_CALLED = {
    "CD": "Democratic Republic of the Congo", "CG": "Republic of the Congo", "CI": "Ivory Coast",
    "HK": "Hong Kong", "MM": "Myanmar", "MO": "Macao", "TR": "Turkey",
}  # fmt: skip
"""What newspapers call a country in English where CLDR's name is another."""
_OTHER_WORDS: dict[str, frozenset[str]] = {
    "ja": frozenset("アメリカ インド ソ連".split()),
    "ko": frozenset("가나 건지 기니 말리 부탄 수단 아이티 오만 이란 인도 저지 차드 피지".split()),
}
"""By language, names of countries that are other words as well (``수단``, Sudan or means), or parts of some
(``インド太平洋``, the Indo-Pacific), or of a country that is no more."""
_WORLD = "001"
_SPELLED = {"kyiv": "kiev"}
_IN_SHORT: dict[str, dict[str, str]] = {
    "ja": {
        "US": "米", "FR": "仏", "DE": "独", "IT": "伊", "RU": "露", "AU": "豪", "CA": "加", "IN": "印",
        "ES": "西", "NL": "蘭", "PH": "比", "TH": "泰", "VN": "越", "TW": "台", "AT": "墺",
    },
    "ko": {"FR": "불"},
}  # fmt: skip
"""One character for a country that is not the first of its name (that one goes without saying)."""
_GENERIC = frozenset(
    "south north east west southern northern eastern western central new united states kingdom republic"
    " islands island saint french dutch democratic outlying special city union nations".split()
)
_INFLECTED = re.compile(r"(?:e|s|es|n|en|er|em)?(?!\w)")
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


def called_in_short(word: str, source: str, language: str) -> bool:
    """Whether a Japanese or Korean source has the one character by which newspapers call a country.

    The country is one that ``word`` names or derives from.
    """
    if language not in _IN_SHORT:
        return False
    key = fold(word)
    forms = _table(language).get(key, ()) or _of_relatives(key, language)
    firsts = {form[0] for form in forms if form[0] >= "一"} | _short_besides(key, language)
    if language == "ja":
        return any(first in source for first in firsts)
    # One syllable in its own word, or after the north, the south and the middle: 미 국방부, 북미.
    return any(
        not any("가" <= one <= "힣" and one not in "북남중한" for one in (before, after))
        for first in firsts
        for before, after in re.findall(f"(?=(^|.){first}(.|$))", source, re.DOTALL)
    )


def lost_exonyms(source: str, translation: str, language: str) -> int:
    """How many countries, cities, months and weekdays that ``source`` names ``translation`` lacks.

    Args:
        source: Folded; see :func:`mtalign.checks.spelling.fold`.
        translation: Folded.
        language: Primary code of the source's language.
    """
    starts, stems = _called(language)
    named = _named_in(source, starts, language)
    if not named:
        return 0
    words = f" {_NO_LETTER.sub(' ', translation)} "
    return sum(not any(stem in words for stem in stems[name]) for name in named)


def countries_in(source: str, language: str) -> dict[str, str]:
    """English names of the countries that a Japanese or Korean source names, by their names there.

    Without names that may as well be another word of the language.

    Args:
        source: Folded; see :func:`mtalign.checks.spelling.fold`.
        language: Primary code of the source's language; of another than these two nothing is found.
    """
    if language not in _OTHER_WORDS:
        return {}
    english = _english_names(language)
    named = _named_in(source, _called(language)[0], language)
    return {form: english[form] for form in named if form in english}


def _named_in(source: str, starts: Mapping[str, tuple[str, ...]], language: str) -> dict[str, None]:
    """Of the names by their beginnings, those that ``source`` has, in the order of their first places."""
    named: dict[str, None] = {}
    if not starts:
        return named
    if language in ("zh", "ja"):
        source = source.replace(" ", "")
    place, last = 0, len(source) - 1
    while place < last:
        form = next(
            (form for form in starts.get(source[place : place + 2], ()) if _stands_at(form, source, place)),
            None,
        )
        if form is not None:
            named[form] = None
        place += len(form or " ")
    return named


@lru_cache(maxsize=8)
def _english_names(language: str) -> Mapping[str, str]:
    """English names of countries, by what they are called in ``language``."""
    from babel import Locale

    names: dict[str, str] = {}
    for code, name in Locale.parse("en").territories.items():
        if code.isalpha():
            for form in _forms_of(code, language) - _OTHER_WORDS[language]:
                names[form] = _CALLED.get(code, name).replace(" & ", " and ")
    return names


def _forms_of(country: str, language: str) -> frozenset[str]:
    """What a country, by its ISO 3166 or UN M.49 code, is called in ``language``, folded."""
    besides = (form for form, code in _BESIDES.get(language, {}).items() if code == country)
    return _locals(language, lambda locale: locale.territories.get(country)).union(besides)


@lru_cache(maxsize=32)
def _called(language: str) -> tuple[Mapping[str, tuple[str, ...]], Mapping[str, frozenset[str]]]:
    """Names by their first two characters, the longest first; by name with what the English for it begins."""
    stems: dict[str, set[str]] = defaultdict(set)
    for thing in _things(language):
        for form in thing.forms if thing.stems else ():
            if len(form) >= (3 if form.isascii() else 2):
                stems[form].update(thing.stems)
    starts: dict[str, tuple[str, ...]] = {}
    for form in sorted(stems, key=lambda form: (-len(form), form)):
        starts[form[:2]] = (*starts.get(form[:2], ()), form)
    return starts, {form: frozenset(some) for form, some in stems.items()}


def _stands_at(form: str, source: str, place: int) -> bool:
    """Whether ``form`` is there, and not within another word where words can be told apart."""
    if not source.startswith(form, place):
        return False
    before, end = source[place - 1 : place], place + len(form)
    if "ァ" <= form[0] <= "ヴ":
        both = before, source[end : end + 1] if "ァ" <= form[-1] <= "ー" else ""
        return not any("ァ" <= one <= "ー" for one in both)
    if "가" <= form[0] <= "힣":
        return not "가" <= before <= "힣"
    if form[-1] >= "\u1100":
        return not before.isdigit()
    return not before.isalnum() and _INFLECTED.match(source, end) is not None


@dataclass(frozen=True)
class _Thing:
    """A country, people, city, language, month or weekday."""

    english: frozenset[str]
    """What it is called in English, folded."""
    forms: frozenset[str]
    """What it is called in the language of the source, folded."""
    stems: frozenset[str] = frozenset()
    """With what an English word for it begins, after a space; none if a translation may well do without."""
    also: frozenset[str] = frozenset()
    """Forms that may as well be other words: they are not asked for."""


@lru_cache(maxsize=32)
def _things(language: str) -> tuple[_Thing, ...]:
    """All that CLDR has names for in ``language``, and what stands above."""
    return (*_countries(language), *_cities(language), *_languages(language), *_days(language))


def _countries(language: str) -> Iterator[_Thing]:
    from babel import Locale
    from babel.languages import get_official_languages

    english = Locale.parse("en")
    for code, name in english.territories.items():
        if code == _WORLD:
            continue
        plain = _plain(name)
        called = frozenset({plain} | {word for word, other in _PEOPLES.items() if other == code})
        official = get_official_languages(code) if code.isalpha() else ()
        country = _english_stems(name) | {f" {_beginning(word)}" for word in called - {plain}}
        tongues = (english.languages[one] for one in official if one != "en" and one in english.languages)
        stems = country.union(*map(_english_stems, tongues))
        forms = _forms_of(code, language)
        region = code.isdigit() and " " in plain
        yield _Thing(called, forms, frozenset() if region else stems)
        # Of a people, in many languages, as its language is called: niederländisch.
        for one in official[:1]:
            tongue = _english_stems(english.languages.get(one) or name)
            if english.languages.get(one, " ")[0] == name[0] or tongue & country:
                names = _locals(language, lambda locale: locale.languages.get(one))  # noqa: B023
                yield _Thing(called, names, country | tongue)


def _cities(language: str) -> Iterator[_Thing]:
    """Cities after which time zones are called."""
    from babel import Locale

    english = Locale.parse("en").time_zones
    for zone in sorted({str(zone) for locale in _locales(language) for zone in locale.time_zones}):
        if zone.startswith("Etc/"):
            continue
        name = english.get(zone, {}).get("city") or zone.rpartition("/")[2].replace("_", " ")
        forms = _locals(language, lambda locale: locale.time_zones.get(zone, {}).get("city"))  # noqa: B023
        yield _Thing(frozenset({_plain(name)}), forms, _english_stems(name))


def _languages(language: str) -> Iterator[_Thing]:
    from babel import Locale

    for code, name in Locale.parse("en").languages.items():
        if "_" not in code:
            forms = _locals(language, lambda locale: locale.languages.get(code))  # noqa: B023
            yield _Thing(frozenset({_plain(name)}), forms)


def _days(language: str) -> Iterator[_Thing]:
    """Months and days of the week."""
    from babel import Locale

    for kind in ("months", "days"):
        for number, name in getattr(Locale.parse("en"), kind)["format"]["wide"].items():
            forms, short = (
                _locals(language, lambda locale: getattr(locale, kind)["format"][width].get(number))  # noqa: B023
                for width in ("wide", "abbreviated")
            )
            stems = {f" {fold(name)[:3]}"}
            if kind == "months":
                stems |= {f" {number} ", f" 0{number} "}
                if language == "zh":
                    forms |= {f"{number}月"}
            else:
                forms |= short
            yield _Thing(frozenset({_plain(name)}), forms, frozenset(stems), short)


def _beginning(word: str) -> str:
    return word[: max(_LEAST_STEM, len(word) - _ENDING)]


def _english_stems(name: str) -> frozenset[str]:
    """With what a word for ``name`` or its people begins: of Brazil ``braz``; and the initials of several."""
    plain = _NO_LETTER.sub(" ", fold(name)).strip()
    words = plain.split()
    stems = {
        f" {_beginning(word).rstrip('aeo')}"
        for word in words
        if len(words) == 1 or (len(word) >= _LEAST_STEM and word not in _GENERIC)
    }
    if len(words) > 1:
        initials = [word[0] for word in words]
        stems |= {f" {plain}", f" {''.join(initials)} ", f" {' '.join(initials)} "}
    elif plain in _SPELLED:
        stems.add(f" {_SPELLED[plain]}")
    return frozenset(stems)


def _locals(language: str, name_in: Callable[[Locale], str | None]) -> frozenset[str]:
    """A name, folded, in each locale of a language that has it."""
    names = (name_in(locale) for locale in _locales(language))
    return frozenset(_plain(name).removesuffix(".") for name in names if name)


def _locales(language: str) -> list[Locale]:
    from babel import Locale, UnknownLocaleError

    try:
        return [Locale.parse(code) for code in (_CHINESE if language == "zh" else (language,))]
    except (UnknownLocaleError, ValueError):
        return []


@lru_cache(maxsize=4096)
def _short_besides(key: str, language: str) -> frozenset[str]:
    """Characters that are not the first of the name of the country that ``key`` names or derives from."""
    from babel import Locale

    names = Locale.parse("en").territories
    found: set[str] = set()
    for code, characters in _IN_SHORT[language].items():
        words = _plain(names[code]).removesuffix(" sar china").split()
        if _PEOPLES.get(key) == code or any(word.startswith(key[:_LEAST_STEM]) for word in words):
            found.update(characters)
    return frozenset(found)


@lru_cache(maxsize=4096)
def _of_relatives(key: str, language: str) -> tuple[str, ...]:
    """Of the names that ``key`` is derived from: of Brazil for Brazilian, of Italy for Italian."""
    found: list[str] = []
    for name, forms in _beginnings(language).get(key[:_LEAST_STEM], ()):
        if key.startswith(_beginning(name)):
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
    """By the folded English name, what of it a source has."""
    found: dict[str, set[str]] = defaultdict(set)
    for thing in _things(language):
        for name in thing.english:
            found[name].update(_stems(thing.forms | thing.also))
    return {name: tuple(sorted(forms)) for name, forms in found.items() if forms}


def _plain(name: str) -> str:
    return fold(_PARENTHESES.sub("", name)).strip()


def _stems(forms: Iterable[str]) -> Iterator[str]:
    for form in forms:
        if form.isascii():
            stem = _beginning(form)
        else:
            stem = form.rstrip(_OF_A_LANGUAGE)
            stem = stem if len(stem) > 1 else form
        if len(stem) >= (3 if stem.isascii() else 2):
            yield stem

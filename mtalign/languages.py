"""One Language type: every way of writing a language parses to it, and it says what each engine calls it.

The table (``data/languages.tsv``) holds the 202 languages of NLLB-200 / FLORES-200.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from mtalign.errors import LanguageError
from mtalign.scripts import CJK, find_script, script_counts, unicode_scripts

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier


@dataclass(frozen=True)
class Language:
    """A language, named once for the whole project."""

    code: str
    """ISO 639-1 where there is one, else ISO 639-3: ``ko``. A second script of a language is appended as in
    BCP 47: ``zh-Hant``. Every code parses back to its language."""
    name: str
    """English name: ``Korean``."""
    nllb: str
    """Code of NLLB-200 / FLORES-200: ``kor_Hang``."""
    script: str
    """ISO 15924 script: ``Hang``."""

    @property
    def primary(self) -> str:
        """The code without a script: ``zh`` for ``zh-Hant``."""
        return self.code.partition("-")[0]


ENGLISH = Language("en", "English", "eng_Latn", "Latn")

# What people write who think of the country; looked at only where the code is no language of ours.
_COUNTRIES = {
    "al": "sq", "at": "de", "au": "en", "bd": "bn", "br": "pt", "by": "be", "ch": "de", "cn": "zh",
    "cz": "cs", "dk": "da", "eg": "arz", "gb": "en", "ge": "ka", "gr": "el", "hk": "zh-hant", "ie": "ga",
    "il": "he", "iq": "acm", "ir": "fa", "jp": "ja", "kh": "km", "kp": "ko", "kr": "ko", "kz": "kk",
    "la": "lo", "md": "ro", "mm": "my", "mx": "es", "np": "ne", "nz": "en", "pe": "es", "ph": "tl",
    "pk": "ur", "rs": "sr", "se": "sv", "tj": "tg", "tm": "tk", "ua": "uk", "us": "en", "vn": "vi",
}  # fmt: skip

_ONE_LANGUAGE_SCRIPTS = {
    "Grek": "el", "Hebr": "he", "Thai": "th", "Beng": "bn", "Guru": "pa", "Gujr": "gu", "Orya": "or",
    "Taml": "ta", "Telu": "te", "Knda": "kn", "Mlym": "ml", "Sinh": "si", "Laoo": "lo", "Khmr": "km",
    "Mymr": "my", "Tibt": "bo", "Ethi": "am", "Armn": "hy", "Geor": "ka", "Tfng": "tzm", "Olck": "sat",
}  # fmt: skip
"""Scripts that settle the language; a prior of the same script goes before."""


@lru_cache(maxsize=1)
def all_languages() -> tuple[Language, ...]:
    """Every language of the table, by code."""
    return tuple(language for language, _ in _rows())


@lru_cache(maxsize=1)
def _rows() -> tuple[tuple[Language, tuple[str, ...]], ...]:
    from importlib.resources import files

    lines = files("mtalign").joinpath("data/languages.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows = []
    for line in lines:
        code, name, nllb, script, aliases = line.split("\t")
        rows.append((Language(code, name, nllb, script), tuple(filter(None, aliases.split("|")))))
    return tuple(rows)


@lru_cache(maxsize=1)
def _index() -> Mapping[str, Language]:
    """Every accepted spelling, folded, to its language."""
    index: dict[str, Language] = {}
    for language, aliases in _rows():
        for spelling in (language.code, language.name, language.nllb, *aliases):
            index.setdefault(_fold(spelling), language)
    return index


def _fold(text: str) -> str:
    return " ".join(text.casefold().replace("_", "-").split())


def parse_language(text: str) -> Language:
    """The language that ``text`` names.

    Takes ISO 639-1 and 639-3 codes, NLLB-200 codes (``kor_Hang``), BCP 47 tags (``ko-KR``, ``zh-Hant-TW``,
    ``zh_CN``), English names and the languages' own names, in any case.

    Raises:
        LanguageError: ``text`` names no language of the table; the hint names the nearest one.
    """
    key = _fold(text)
    if not key:
        raise LanguageError("no language is named", hint="give a code such as ko, ja, zh or de")
    index = _index()
    if key in index:
        return index[key]
    head, *subtags = key.split("-")
    language = index.get(head)
    if language is not None and subtags and all(re.fullmatch(r"[a-z0-9]{2,8}", tag) for tag in subtags):
        return _with_subtags(text, language, subtags)
    raise LanguageError(f'"{text}" is not a language', hint=_suggestion(key))


def _with_subtags(text: str, language: Language, subtags: list[str]) -> Language:
    """Read script and region of a BCP 47 tag; other subtags change nothing."""
    index = _index()
    for end in range(len(subtags), 0, -1):
        for tag in ("-".join(subtags[:end]), subtags[end - 1]):
            found = index.get(f"{language.primary}-{tag}")
            if found is not None:
                return found
    script = next((tag.title() for tag in subtags if len(tag) == 4 and tag.isalpha()), "")
    if script and not unicode_scripts(script) & unicode_scripts(language.script):
        raise LanguageError(
            f'"{text}" is not a language: {language.name} is known in {language.script} only',
            hint=f"did you mean {language.code} ({language.name})?",
        )
    return language


def _suggestion(key: str) -> str:
    from difflib import get_close_matches

    index = _index()
    country = _COUNTRIES.get(key) or _COUNTRIES.get(key.partition("-")[0])
    if country is not None:
        near: Language | None = index[country]
    else:
        pool = [spelling for spelling in index if (len(spelling) > 3) == (len(key) > 3)]
        close = get_close_matches(key, pool, n=1, cutoff=0.6)
        near = index[close[0]] if close else None
    if near is None:
        return "give an ISO 639 code such as ko, ja, zh or de, or an English name"
    return f"did you mean {near.code} ({near.name})?"


def identify(text: str, prior: Language | None = None) -> Language | None:
    """The language of ``text``: by its script first, then among the languages of that script.

    Args:
        text: any length; of a long text a sample is looked at.
        prior: the language of what stands around it. It settles what the text leaves open (kanji alone, a
            short German line) and never what the text shows.

    Returns:
        The language, or None where it is undecided: too short, mixed, or no language is clearly ahead.
    """
    sample = _ADDRESS.sub(" ", _sample(text))
    counts = script_counts(sample)
    if not counts:
        return None
    script = _dominant_script(counts, prior)
    if script is None:
        return None
    if script in CJK:
        return _cjk(sample, counts, prior)
    if prior is not None and prior.script == script and script in _ONE_LANGUAGE_SCRIPTS:
        return prior
    if script in _ONE_LANGUAGE_SCRIPTS:
        return _index()[_ONE_LANGUAGE_SCRIPTS[script]]
    return _by_statistics(sample, script, counts[script], prior)


_ADDRESS = re.compile(
    r"(?<![\w.+-])(?:(?:[a-z][a-z0-9+.-]{1,20}://|www\.)[!-~]+|[a-z0-9_.+-]{1,64}@[a-z0-9-]{1,64}(?:\.[a-z0-9-]{1,64})+)",
    re.I | re.A,
)
_SAMPLE = 4000
_CJK_WEIGHT = 3
"""A Han character or a Hangul syllable says about as much as three Latin letters."""
_SHARE = 0.75
_SURE = 0.6
_LIKELY, _AHEAD = 0.25, 6
"""Below :data:`_SURE` the best language counts where it has this share and is this many times ahead."""
_STATISTICS = 800
"""Characters that the statistics look at: their probabilities flatten on longer, repetitive text."""
_PRIOR_ODDS = 20.0
_MIN_LETTERS = 8


def _sample(text: str) -> str:
    if len(text) <= 3 * _SAMPLE:
        return text
    middle = len(text) // 2
    return "\n".join((text[:_SAMPLE], text[middle : middle + _SAMPLE], text[-_SAMPLE:]))


def _dominant_script(counts: Mapping[str, int], prior: Language | None) -> str | None:
    """The script the text is written in. Foreign names in Latin letters are common, so Latin counts less."""
    weights: dict[str, float] = {}
    for script, count in counts.items():
        family = "Hani" if script in CJK else script
        weights[family] = weights.get(family, 0) + count * (_CJK_WEIGHT if script in CJK else 1)
    latin = weights.pop("Latn", 0)
    if not weights:
        return "Latn"
    best = max(weights, key=lambda name: (weights[name], name))
    others = sum(weights.values()) - weights[best]
    if best == "Zzzz" or weights[best] < _SHARE * (weights[best] + others):
        return None
    share = weights[best] / (weights[best] + latin)
    if share >= 0.3:
        return best
    if share >= 0.15:
        return best if prior is not None and _family(prior) == best else None
    return "Latn"


def _family(language: Language) -> str:
    scripts = unicode_scripts(language.script)
    return "Hani" if scripts & CJK else language.script


def _cjk(sample: str, counts: Mapping[str, int], prior: Language | None) -> Language | None:
    index = _index()
    han = counts.get("Hani", 0)
    kana = counts.get("Hira", 0) + counts.get("Kana", 0)
    hangul = counts.get("Hang", 0)
    if hangul > han + kana:
        return index["ko"]
    if hangul > 0.4 * (hangul + han + kana):
        return prior if prior is not None and _family(prior) == "Hani" else None
    # The national character sets are the orthographies: what JIS X 0208 lacks is hardly Japanese.
    not_japanese = _missing(sample, "euc_jp")
    if kana and (kana >= 0.2 * (kana + han) or not_japanese <= 0.02 * han):
        return index["ja"]
    not_simplified, not_traditional = _missing(sample, "gb2312"), _missing(sample, "big5")
    if not not_japanese and (not_simplified and not_traditional):
        return index["ja"]
    if prior is not None and (prior.code == "yue" or (prior.code == "ja" and 4 * not_japanese <= han)):
        return prior
    if prior is not None and prior.primary == "zh" and abs(not_simplified - not_traditional) < 2:
        return prior
    if not_simplified == not_traditional:
        return index["zh"]
    return index["zh"] if not_simplified < not_traditional else index["zh-hant"]


def _missing(text: str, encoding: str) -> int:
    """How many Han characters of ``text`` the character set lacks."""
    import unicodedata

    kept = text.encode(encoding, errors="ignore").decode(encoding, errors="ignore")
    return sum(run.end() - run.start() for run in _HAN.finditer(unicodedata.normalize("NFC", text))) - sum(
        run.end() - run.start() for run in _HAN.finditer(kept)
    )


_HAN = re.compile("[\u3400-\u9fff]+")


def _by_statistics(sample: str, script: str, letters: int, prior: Language | None) -> Language | None:
    """Ask py3langid (langid.py's naive Bayes over byte n-grams, Lui and Baldwin 2012)."""
    if letters < _MIN_LETTERS:
        return None
    index = _index()
    odds: dict[str, float] = {}
    for label, probability in _identifier().rank(sample[:_STATISTICS]):
        code = _code_in_script(label, script)
        if code is not None:
            odds[code] = odds.get(code, 0.0) + probability
    if prior is not None and prior.code in odds:
        odds[prior.code] *= _PRIOR_ODDS
    total = sum(odds.values())
    ranked = sorted(odds, key=lambda code: (-odds[code], code))
    share, second = (odds[code] / total if total else 0.0 for code in (*ranked, *ranked)[:2])
    if share >= _SURE or (share >= _LIKELY and share >= _AHEAD * second):
        return index.get(ranked[0].casefold())
    return None


@cache
def _code_in_script(label: str, script: str) -> str | None:
    """The code of the identifier's ``label``; None where the language is not written in ``script``."""
    # Nigerian Pidgin is not in the table and draws probability from short English.
    language = _index().get({"pcm": "en"}.get(label, label))
    if language is None:
        return label
    return language.code if unicode_scripts(language.script) & unicode_scripts(script) else None


@lru_cache(maxsize=1)
def _identifier() -> LanguageIdentifier:
    from mtalign.identifier import load_identifier

    return load_identifier()


def source_script_characters(text: str, language: Language) -> list[tuple[int, int]]:
    """Where ``text`` has characters of ``language``'s script that English does not use.

    For Chinese, Japanese and Korean these are Han, kana and Hangul alike; for a language in Latin script
    there are none.

    Returns:
        Half-open spans of the runs, in order.
    """
    scripts = unicode_scripts(language.script)
    if scripts & CJK:
        scripts = CJK
    return find_script(text, scripts - {"Latn"})

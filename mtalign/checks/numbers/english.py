"""Numbers of an English text, in digits and in words."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from mtalign.checks.numbers.quantity import DIGITS, Quantity, grouped_value, parts, time_values, vulgar_value

SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SHORT_SCALES = {"k": 10**3, "m": 10**6, "mn": 10**6, "mln": 10**6, "b": 10**9, "bn": 10**9, "tn": 10**12}
_LOWER = {capital: capital + 32 for capital in range(ord("A"), ord("Z") + 1)}
"""ASCII only: other letters may become two, and offsets must hold."""
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    " seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINALS = (
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth"
    " fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
).split()
_TENTH_ORDINALS = "twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth".split()
_MONTHS = "january february march april may june july august september october november december".split()

_CARDINAL = {word: value for value, word in enumerate(_ONES)}
_CARDINAL |= {word: 10 * value for value, word in enumerate(_TENS, start=2)}
_CARDINAL |= {f"{word}s": value for value, word in enumerate(_ONES[:10])} | {"sixes": 6, "ones": 1}
_CARDINAL |= {word: value for value, word in enumerate(_ORDINALS)}
_CARDINAL |= {word: 10 * value for value, word in enumerate(_TENTH_ORDINALS, start=2)}
_SCALE_WORDS = SCALES | {f"{word}s": value for word, value in SCALES.items()}
_SCALE_WORDS |= {f"{word}th": value for word, value in SCALES.items()}
_SINGLE: dict[str, tuple[float, ...]] = {
    "once": (1,), "twice": (2,), "thrice": (3,), "both": (2,), "pair": (2,), "pairs": (2,), "couple": (2,),
    "double": (2,), "doubled": (2,), "twofold": (2,), "triple": (3,), "tripled": (3,), "trio": (3,),
    "threefold": (3,), "quarter": (0.25, 25, 4), "quarters": (0.25, 4), "half": (0.5, 50, 2),
    "halves": (0.5,),
    "thirds": (1 / 3, 3), "fifths": (0.2,), "tenths": (0.1,), "dozen": (12,), "dozens": (12,), "none": (0,),
    "single": (1,), "noon": (12,), "midnight": (0, 12, 24), "solo": (1,), "duo": (2,), "quartet": (4,),
    "quadruple": (4,), "century": (100,), "decade": (10,), "decades": (10,), "fortnight": (14, 2),
    "twenties": (20, 1920), "thirties": (30, 1930), "forties": (40, 1940), "fifties": (50, 1950),
    "sixties": (60, 1960), "seventies": (70, 1970), "eighties": (80, 1980), "nineties": (90, 1990),
    "year": (1,), "week": (7, 1), "month": (1,), "day": (1,), "hour": (1,), "weekly": (1,), "daily": (1,),
    "wwi": (1,), "wwii": (2,),
}  # fmt: skip
_SINGLE |= {name: (float(number),) for number, name in enumerate(_MONTHS, start=1)}
_SINGLE |= {
    name: (float(number),)
    for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1)
} | {"sept": (9.0,)}
_SINGLE |= {
    name: (float(number),)
    for number, name in enumerate("i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi".split(), start=1)
    if name not in ("i", "v", "x")
}
_FRACTIONS = {"third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fourth": 4, "fourths": 4, "half": 2,
    "fifth": 5, "fifths": 5, "sixth": 6, "sixths": 6, "eighth": 8, "tenth": 10, "tenths": 10,
}  # fmt: skip

_NUMBER_WORD = "|".join(sorted({*_CARDINAL, *_SCALE_WORDS}, key=len, reverse=True))
_WORDS = re.compile(rf"\b(?:{_NUMBER_WORD})\b(?:(?:[\s-]+|,\s|\s+and\s+)(?:{_NUMBER_WORD})\b)*")
_SCALE_AFTER = re.compile(
    r"[\s-]*(hundreds?|thousands?|millions?|billions?|trillions?)(?:[\s-]+(thousand|million|billion|trillion))?\b"
    r"|\s?(k|m|mn|mln|b|bn|tn)\b"
)
_FRACTION_AFTER = re.compile(r"[\s-]+(thirds?|quarters?|fourths?|fifths?|sixths?|eighth|tenths?)\b")
_AND_A_HALF = re.compile(r"\s+and\s+a\s+(half|quarter)\b")
_SINGLE_WORD = re.compile(r"[a-z]+")
_YEAR_PAIR = re.compile(r"((?:1[89]|20)\d\d)[/\u2013-](\d\d)(?!\d)")
_CLOCK_AFTER = re.compile(r"\s?(?:gmt|utc|hours|hrs|h)\b")
_CENTURY_AFTER = re.compile(r"(?:st|nd|rd|th)?[\s-]+centur(?:y|ies)\b")
_DOTTED_TIME = re.compile(r"[:.]?\d*\s?[ap]\.?m\b")


def read_english(text: str) -> tuple[list[Quantity], list[Quantity], set[float]]:
    """Numbers of ``text``: those in digits, those in words, and the scale words that stand in it."""
    lower = text.translate(_LOWER)
    digits = list(_digit_numbers(lower))
    in_words: list[Quantity] = []
    scales: set[float] = set()
    for match in _WORDS.finditer(lower):
        values = _word_values(lower, match)
        century = _CENTURY_AFTER.match(lower, match.end()) is not None
        in_words.append(Quantity(match.start(), match.end(), values, century=century))
        scales |= {_SCALE_WORDS[word] for word in _SINGLE_WORD.findall(match.group()) if word in _SCALE_WORDS}
    if "half an hour" in lower or "half-hour" in lower:
        in_words.append(Quantity(0, 0, frozenset({30.0})))
    for match in _SINGLE_WORD.finditer(lower):
        if single := _SINGLE.get(match.group()):
            in_words.append(Quantity(match.start(), match.end(), frozenset(map(float, single))))
    return digits, in_words, scales


def _word_values(text: str, match: re.Match[str]) -> frozenset[float]:
    """Readings of a run of number words: as one number, and each word on its own."""
    words = _SINGLE_WORD.findall(match.group())
    values = {float(_CARDINAL[word]) for word in words if word in _CARDINAL}
    total, current, seen = 0.0, 0.0, False
    for word in words:
        if word in _CARDINAL:
            current += _CARDINAL[word]
            seen = True
        elif word in _SCALE_WORDS:
            scale = _SCALE_WORDS[word]
            if scale == 100:
                current = (current if seen else 1) * 100
            else:
                total += (current if seen else 1) * scale
                current = 0.0
            seen = True
            values.add(float(scale))
    values.add(total + current)
    # nineteen ninety-eight
    pairs = [w for w in words if w in _CARDINAL]
    if len(pairs) >= 2 and 13 <= _CARDINAL[pairs[0]] <= 20:
        rest = sum(_CARDINAL[word] for word in pairs[1:])
        values.add(100.0 * _CARDINAL[pairs[0]] + rest)
    before = text[max(0, match.start() - 8) : match.start()]
    if before.endswith(("half a ", "half ")):
        values |= {value / 2 for value in tuple(values)}
    if (half := _AND_A_HALF.match(text, match.end())) is not None:
        values |= {value + (0.5 if half[1] == "half" else 0.25) for value in tuple(values)}
    if (part := _FRACTION_AFTER.match(text, match.end())) is not None:
        values |= {value / _FRACTIONS[part[1]] for value in tuple(values)}
    for top, bottom in itertools.pairwise(words):
        if top in _CARDINAL and bottom in _FRACTIONS:
            values |= {_CARDINAL[top] / _FRACTIONS[bottom], 100 * _CARDINAL[top] / _FRACTIONS[bottom]}
    if words[-1] in _FRACTIONS and len(words) == 1:
        values |= {1 / _FRACTIONS[words[-1]]}
    return frozenset(values)


def _digit_numbers(text: str) -> Iterator[Quantity]:
    position = 0
    while match := DIGITS.search(text, position):
        kind, digits = match.lastgroup, match.group()
        if kind in ("mark", "by", "to"):
            kind = "grouped" if kind == "mark" else "date"
        position = match.end()
        if kind == "date" or (kind == "fraction" and not _one_decimal(digits)):
            yield from parts(digits, match.start())
            continue
        if kind == "time":
            hour, minute = (float(part) for part in digits.split(":"))
            yield Quantity(
                match.start(), match.end(), time_values(digits) | {hour, (hour + 11) % 12 + 1, minute}
            )
            continue
        if kind == "vulgar":
            yield Quantity(match.start(), match.end(), frozenset({vulgar_value(digits)}))
            continue
        if kind == "fraction" and "\u2044" in digits:
            top, bottom = (float(part) for part in digits.split("\u2044"))
            yield Quantity(match.start(), match.end(), frozenset({top, bottom, top / (bottom or 1)}))
            continue
        if kind == "whole" and (pair := _YEAR_PAIR.match(text, match.start())):
            century = int(pair[1]) // 100 * 100
            yield Quantity(match.start(), pair.end(1), frozenset({float(pair[1])}))
            yield Quantity(pair.start(2), pair.end(), frozenset({float(pair[2]), century + float(pair[2])}))
            position = pair.end()
            continue
        value = float(digits.replace(",", ".")) if kind == "fraction" else _grouped(digits)
        values = {value}
        end = match.end()
        if _DOTTED_TIME.match(text, end) and value < 13:
            values |= {value + 12, (value - 12) % 12}
        if kind == "whole" and len(digits) == 4:
            if text[end : end + 1] == "s" or text[end : end + 2] in ("'s", "’s"):
                values |= {value // 100 + 1, value % 100}
            if value % 100 < 60 and value < 2400 and _CLOCK_AFTER.match(text, end):
                values |= {value / 100, value // 100}
        if scale := _SCALE_AFTER.match(text, end):
            factor = _SHORT_SCALES.get(scale[3] or "") or SCALES[scale[1].removesuffix("s")]
            values |= {value * factor, value * factor * SCALES.get(scale[2] or "", 1)}
            # The unit behind 5m may be metres as well; a scale that is spelled out belongs to the number.
            end = scale.end() if scale[1] else end
        if half := _AND_A_HALF.match(text, end):
            values.add(value + (0.5 if half[1] == "half" else 0.25))
        century = _CENTURY_AFTER.match(text, end) is not None
        yield Quantity(match.start(), end, frozenset(values), century=century)


def _one_decimal(digits: str) -> bool:
    return digits.count(".") + digits.count(",") <= 1


def _grouped(digits: str) -> float:
    # 5.000 is five in English; a number with several stops, or with a comma too, cannot be.
    if digits.count(".") == 1 and digits.replace(".", "").isdigit():
        return float(digits)
    return grouped_value(digits)

"""Test sets: line-aligned system outputs with seeded corruptions of them, and documents as segments."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mtalign.checks.sentences import count_sentences
from mtalign.document import Segment
from mtalign.languages import ENGLISH, Language, parse_language
from mtalign.score.lines import read_lines
from mtalign.segment import split_sentences

EVALDATA = Path(__file__).resolve().parents[1].parent / "shared" / "evaldata"
SETS = (
    ("wmt23/de-en", "de"),
    ("wmt23/zh-en.docs38", "zh"),
    ("mini/ja-en", "ja"),
    ("flores200-devtest/ko-en.opusmt-head", "ko"),
)
GOOD = ("ONLINE-B", "ONLINE-M", "GPT4-5shot", "Online-B", "Online-G", "KYB")
"""Systems whose untouched output counts as good; NLLB on paragraphs and the Korean model drop content."""
BLOCK = 25
"""Lines of a block; blocks are development and held-out data in turn."""


@dataclass(frozen=True)
class Row:
    """A source line with a translation."""

    set: str
    system: str
    number: int
    language: Language
    source: str
    translation: str
    reference: str

    @property
    def held_out(self) -> bool:
        """Whether thresholds and weights were chosen without it."""
        return self.number // BLOCK % 2 == 1


def read_documents(folder: Path, code: str, start: int, limit: int) -> tuple[list[Segment], list[str]]:
    """Segments of a set of ``evaldata``, a block for each of its documents, and their references."""
    rows = slice(start, start + limit)
    sources, references, documents = (
        (folder / name).read_text("utf-8").split("\n")[rows]
        for name in (f"src.{code}", "ref.A.en", "docids.txt")
    )
    segments = [
        Segment(f"x.b{document}.s{number}", "x", f"x.b{document}", text, 0, len(text), code)
        for number, (text, document) in enumerate(zip(sources, documents, strict=True))
    ]
    return segments, references


def read_rows(folder: Path = EVALDATA) -> list[Row]:
    """Every line of every system output."""
    rows = []
    for name, code in SETS:
        language = parse_language(code)
        sources, references = (read_lines(folder / name / file) for file in (f"src.{code}", "ref.A.en"))
        for path in sorted((folder / name).glob("hyp.*.en")):
            lines = zip(sources, read_lines(path), references, strict=True)
            system = path.name.removeprefix("hyp.").removesuffix(".en")
            rows += [
                Row(name, system, n, language, *texts) for n, texts in enumerate(lines) if texts[1].strip()
            ]
    return rows


def read_references(folder: Path = EVALDATA) -> list[Row]:
    """FLORES-200 devtest with its reference as the translation: good text by people, in four languages."""
    rows = []
    for code in ("de", "ja", "ko", "zh"):
        path = folder / "flores200-devtest" / f"{code}-en"
        pairs = zip(read_lines(path / f"src.{code}"), read_lines(path / "ref.A.en"), strict=True)
        rows += [
            Row(f"flores200-devtest/{code}-en", "reference", n, parse_language(code), source, text, text)
            for n, (source, text) in enumerate(pairs)
        ]
    return rows


Corrupter = Callable[[random.Random, Row, Sequence[Row]], "str | None"]
"""From a generator, a row and all rows to a corrupted translation; None where the row
does not lend itself."""

_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{3,}\b")
_STOPPED = tuple(".!?。！？")
_CLAUSE = re.compile(r"[^,;:，、；：。.!?！？]+")


def drop_sentence(rng: random.Random, row: Row, rows: Sequence[Row]) -> str | None:
    spans = split_sentences(row.translation, ENGLISH)
    if len(spans) < 2 or len(split_sentences(row.source, row.language)) != len(spans):
        return None
    if count_sentences(row.source) < 2:
        return None
    start, end = spans[rng.randrange(len(spans))]
    if end - start < 20:
        return None
    return re.sub(r"\s+", " ", row.translation[:start] + row.translation[end:]).strip()


def add_sentence(rng: random.Random, row: Row, rows: Sequence[Row]) -> str | None:
    other = rng.choice(rows).translation
    start, end = rng.choice(split_sentences(other, ENGLISH))
    if end - start < 30 or other[start:end] in row.translation:
        return None
    return f"{row.translation} {other[start:end]}"


def change_digit(rng: random.Random, row: Row, rows: Sequence[Row]) -> str | None:
    places = [m.start() for m in re.finditer(r"\d", row.translation)]
    if not places or not re.search(r"\d", row.source):
        return None
    place = rng.choice(places)
    first = not row.translation[place - 1 : place].isdigit()
    digits = [d for d in "0123456789" if d != row.translation[place] and not (first and d == "0")]
    return row.translation[:place] + rng.choice(digits) + row.translation[place + 1 :]


def swap_name(rng: random.Random, row: Row, rows: Sequence[Row]) -> str | None:
    names = [m for m in _NAME.finditer(row.translation) if re.search(rf"\b{m.group()}\b", row.source)]
    if not names:
        return None
    name = rng.choice(names)
    others = _NAME.findall(rng.choice(rows).translation)
    other = rng.choice(others) if others else name.group()
    if other in row.source or other in row.translation:
        return None
    return re.sub(rf"\b{name.group()}\b", other, row.translation)


def swap_any_name(rng: random.Random, row: Row, rows: Sequence[Row]) -> str | None:
    """Of a source in another script, where the source does not say what is a name: neither word is ever
    written with a small letter."""
    if row.language.script == "Latn":
        return None
    ordinary = _ordinary_words(rows)
    names = [n for n in _NAME.findall(row.translation) if n.lower() not in ordinary]
    others = [n for n in _NAME.findall(rng.choice(rows).translation) if n.lower() not in ordinary]
    if not names or not others:
        return None
    name, other = rng.choice(names), rng.choice(others)
    if other in row.source or other in row.translation or other[:4] == name[:4]:
        return None
    return re.sub(rf"\b{name}\b", other, row.translation)


_ORDINARY: dict[int, tuple[Sequence[Row], frozenset[str]]] = {}


def _ordinary_words(rows: Sequence[Row]) -> frozenset[str]:
    if id(rows) not in _ORDINARY:
        words = frozenset(word for row in rows for word in re.findall(r"\b[a-z]{4,}\b", row.translation))
        _ORDINARY[id(rows)] = rows, words
    return _ORDINARY[id(rows)][1]


def cut_end(rng: random.Random, row: Row, rows: Sequence[Row]) -> str | None:
    words = row.translation.split(" ")
    cut = max(3, round(len(words) * rng.uniform(0.2, 0.5)))
    if len(words) - cut < 3 or not row.source.rstrip("\"'”」』》“ ").endswith(_STOPPED):
        return None
    text = " ".join(words[:-cut])
    return None if text.rstrip("\"'”’“ ").endswith((".", "!", "?")) else text


def cut_headline(rng: random.Random, row: Row, rows: Sequence[Row]) -> str | None:
    words = row.translation.split(" ")
    cut = max(2, round(len(words) * rng.uniform(0.2, 0.5)))
    if len(words) - cut < 2 or row.source.rstrip("\"'”」』》“ ").endswith(_STOPPED):
        return None
    return " ".join(words[:-cut])


def repeat_phrase(rng: random.Random, row: Row, rows: Sequence[Row]) -> str | None:
    words = row.translation.split(" ")
    size = rng.randint(3, 8)
    if len(words) < size:
        return None
    start = rng.randrange(len(words) - size + 1)
    return " ".join([*words[: start + size], *words[start : start + size], *words[start + size :]])


def loop(rng: random.Random, row: Row, rows: Sequence[Row]) -> str | None:
    words = row.translation.split(" ")
    size = rng.randint(1, 6)
    if len(words) < size:
        return None
    start = rng.randrange(len(words) - size + 1)
    return " ".join([*words[: start + size], *(words[start : start + size] * rng.randint(4, 12))])


def leave_clause(rng: random.Random, row: Row, rows: Sequence[Row]) -> str | None:
    clauses = [m for m in _CLAUSE.finditer(row.source) if m.group().strip()]
    spaced = row.language.script == "Latn"
    long = [m for m in clauses if (len(m.group().split()) >= 4 if spaced else len(m.group()) >= 4)]
    if not long:
        return None
    clause = rng.choice(long)
    words = row.translation.split(" ")
    first, last = (round(len(words) * place / len(row.source)) for place in clause.span())
    return " ".join([*words[:first], clause.group().strip(), *words[last:]])


def shuffle_words(rng: random.Random, row: Row, rows: Sequence[Row]) -> str | None:
    words = row.translation.split(" ")
    if len(words) < 6:
        return None
    rng.shuffle(words)
    return " ".join(words)


def other_segment(rng: random.Random, row: Row, rows: Sequence[Row]) -> str | None:
    other = rng.choice(rows)
    return other.translation if other.number != row.number or other.set != row.set else None


def other_language(rng: random.Random, row: Row, rows: Sequence[Row]) -> str | None:
    german = [r for r in rows[:200] if r.language.code == "de"]
    if row.language.code == "de" or not german:
        return None
    text = rng.choice(german).source
    return text if len(text.split()) >= 5 else None


def copy_source(rng: random.Random, row: Row, rows: Sequence[Row]) -> str | None:
    return (
        row.source
        if any(word.islower() for word in row.source.split()) or row.language.script != "Latn"
        else None
    )


def lose_text(rng: random.Random, row: Row, rows: Sequence[Row]) -> str | None:
    return rng.choice(("", "...", "-"))


def lose_bracket(rng: random.Random, row: Row, rows: Sequence[Row]) -> str | None:
    marks = list(re.finditer(r"[()\[\]\"“”]", row.translation))
    if not marks:
        return None
    place = rng.choice(marks).start()
    return row.translation[:place] + row.translation[place + 1 :]


def change_unit(rng: random.Random, row: Row, rows: Sequence[Row]) -> str | None:
    units = list(
        re.finditer(r"(?<=\d)\s?(?:%| percent\b| per cent\b)|[€$£](?=\d)|(?<=\d )euros?\b", row.translation)
    )
    if len(units) != 1 or not re.search(r"[%％€$£]|Euro|Prozent|美元|欧元|퍼센트", row.source):
        return None
    return row.translation[: units[0].start()] + " metres " + row.translation[units[0].end() :]


CORRUPTIONS: dict[str, Corrupter] = {
    function.__name__: function
    for function in (
        drop_sentence, add_sentence, change_digit, swap_name, swap_any_name, cut_end, cut_headline,
        repeat_phrase, loop, leave_clause, shuffle_words, other_segment, other_language, copy_source,
        lose_text, lose_bracket, change_unit,
    )
}  # fmt: skip


def corrupted(
    rows: Sequence[Row], kind: str, seed: int = 0, pool: Sequence[Row] | None = None
) -> Iterator[tuple[Row, Row]]:
    """Each row that lends itself to the corruption, with its corrupted copy; the same for the same seed.

    What a copy takes from other rows it takes from those of ``pool``, if there is one.
    """
    rng = random.Random(f"{kind} {seed}")
    for row in rows:
        text = CORRUPTIONS[kind](rng, row, rows if pool is None else pool)
        if text is not None and text != row.translation:
            yield row, replace(row, translation=text)

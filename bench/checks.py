"""Recall of the checks on seeded corruptions, and false alarms on the outputs they were made from.

    python bench/checks.py [--names]

Rows are the outputs of good systems and a quarter of the FLORES-200 references; for names, which only a run
shows, all of these. Thresholds were chosen on the development blocks (25 lines in turn); the table is of the
other blocks. The word lists of the rules were written with all lines in view, so false alarms are a little
flattered.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evalsets import GOOD, Row, corrupted, read_references, read_rows

from mtalign.checks import CHECKS, check_translation
from mtalign.checks.consistency import Pair, check_consistency
from mtalign.checks.coverage import check_coverage
from mtalign.checks.founded import check_founded
from mtalign.checks.run_names import RunNames
from mtalign.document import Flag
from mtalign.embed import Embedder, load_embedder
from mtalign.languages import ENGLISH
from mtalign.quality import measure, measure_names, measure_sentences


@dataclass(frozen=True)
class Case:
    """A corruption and the flags that are to catch it."""

    kind: str
    flags: frozenset[str]
    note: str = ""


def case(kind: str, flags: str, note: str = "") -> Case:
    return Case(kind, frozenset(flags.split()), note)


CASES = (
    case(
        "drop_sentence",
        "sentences short uncovered",
        "one sentence of a paragraph, of outputs with as many sentences as the source",
    ),
    case("add_sentence", "sentences long added", "a sentence of another segment"),
    case("change_digit", "number name", "where the source has digits"),
    case("change_unit", "unit", "percent or currency becomes metres"),
    case("cut_end", "truncated short", "last 20 to 50 % of the words, source ends its sentence"),
    case("cut_headline", "truncated short uncovered", "ambiguous: the source has no end either"),
    case("repeat_phrase", "repetition", "3 to 8 words twice"),
    case("loop", "repetition", "1 to 6 words 5 to 13 times"),
    case("leave_clause", "untranslated source_script copied", "a clause as in the source"),
    case("copy_source", "copied source_script wrong_language", "the whole source"),
    case("other_language", "wrong_language", "a German sentence, source not German"),
    case("other_segment", "unrelated", "shuffle: the translation of another line"),
    case("shuffle_words", "word_order truncated repetition", "the words of a text in any order"),
    case("lose_bracket", "unpaired", "one bracket or quotation mark; ambiguous where the source is unpaired"),
    case("lose_text", "empty", "nothing but dots"),
)


Pool = Callable[[list[Row], list[Row]], list[Row]]
BY_VECTORS = frozenset({"uncovered", "added", "unrelated"})
MOST_NAMES = 150
"""Copies of one run with an exchanged name, at most twice as many."""
MOST = 400
"""Copies of a kind, spread over all sets."""


def flags_of(rows: list[Row], embedder: Embedder | None) -> list[set[str]]:
    """Names of the flags of each row, those by sentence vectors where there is an encoder."""
    if embedder is None:
        return [
            {f.name for f in check_translation(r.source, r.translation, r.language, ENGLISH)} for r in rows
        ]
    similarities = measure([r.source for r in rows], [r.translation for r in rows], embedder)
    sentences = measure_sentences([(r.source, r.translation, r.language, ENGLISH) for r in rows], embedder)
    return [
        {
            flag.name
            for flag in (
                *check_translation(row.source, row.translation, row.language, ENGLISH),
                *check_coverage(similarity, signs.source, signs.translation, signs.excess),
            )
        }
        for row, similarity, signs in zip(rows, similarities, sentences, strict=True)
    ]


@dataclass
class Tally:
    """How many were flagged, and of how many."""

    flagged: int = 0
    total: int = 0

    def add(self, flags: Sequence[bool]) -> None:
        self.flagged += sum(flags)
        self.total += len(flags)

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.flagged + other.flagged, self.total + other.total)

    def __str__(self) -> str:
        return f"{self.flagged / self.total:.3f}" if self.total else "–"


def names_in_a_run(
    rows: list[Row],
    embedder: Embedder,
    pool_of: Pool = lambda run, everything: run,
    *,
    held_out: bool = True,
) -> dict[str, tuple[Tally, Tally]]:
    """Recall on exchanged names, one at a time, and false alarms, by set.

    Exchanged are names that the source writes in the same letters, and of a source in another script any.
    ``pool_of`` gives the rows that the other names are from. All that is said of a name counts: by the pure
    check, by that of the whole run, by vectors.
    """
    result: dict[str, tuple[Tally, Tally]] = {}
    for system in sorted({(row.set, row.system) for row in rows}):
        run = [row for row in rows if (row.set, row.system) == system]
        pairs = {r.number: _pair(r) for r in run}
        names = RunNames(pairs.values())
        of_run = {i for i, flags in check_consistency(pairs.values()).items() if _named(flags)}
        own = [row for row in run if row.held_out is held_out]
        alone = _named_alone(own, names, embedder)
        recall, false = result.setdefault(system[0], (Tally(), Tally()))
        false.add([one or str(row.number) in of_run for row, one in zip(own, alone, strict=True)])
        for kind in ("swap_name", "swap_any_name"):
            copies = [
                two for two in corrupted(run, kind, 0, pool_of(run, rows)) if two[0].held_out is held_out
            ]
            copies = copies[:: max(1, len(copies) // MOST_NAMES)]
            found = _named_alone([bad for _, bad in copies], names, embedder)
            recall.add(
                [
                    one
                    or _named(
                        check_consistency({**pairs, row.number: _pair(bad)}.values()).get(str(row.number), [])
                    )
                    for (row, bad), one in zip(copies, found, strict=True)
                ]
            )
    return result


def _pair(row: Row) -> Pair:
    return Pair(str(row.number), row.source, row.translation, row.language.code)


def _named_alone(rows: list[Row], names: RunNames, embedder: Embedder) -> list[bool]:
    """Whether each has a flag for a name that needs no other flags of the run."""
    called = measure_names(
        [(r.source, r.translation, r.language) for r in rows], embedder, names, [str(r.number) for r in rows]
    )
    return [
        _named(
            [
                *check_translation(r.source, r.translation, r.language, ENGLISH),
                *check_founded(some, r.language),
            ]
        )
        for r, some in zip(rows, called, strict=True)
    ]


def _named(flags: Sequence[Flag]) -> bool:
    return any(flag.name in ("name", "name_spelling") for flag in flags)


def names_of(rows: list[Row], embedder: Embedder, note: str, pool_of: Pool) -> None:
    """Print recall and false alarms of all languages together and of each, with those of its sets."""
    sets = names_in_a_run(rows, embedder, pool_of)
    by_code = {
        code: {name: two for name, two in sets.items() if f"{code}-en" in name}
        for code in ("de", "ja", "ko", "zh")
    }
    for code, those in {"all": sets, **by_code}.items():
        recall, false = Tally(), Tally()
        for of_set, alarms in those.values():
            recall += of_set
            false += alarms
        good = recall.flagged >= 0.95 * recall.total and false.flagged <= 0.03 * false.total
        by_set = "; ".join(f"{name} {one} of {one.total}, {two}" for name, (one, two) in those.items())
        said = f"{'' if good else '**missed**; '}{note}{'' if code == 'all' else f'; {by_set}'}"
        print(
            f"| swap_name ({code}) | {recall.total} | {recall} | {false} | name, name_spelling | {said} |",
            flush=True,
        )


def names_in_all_runs(rows: list[Row], embedder: Embedder) -> None:
    """Print the rows of exchanged names."""
    everything = [*rows, *read_references()]
    names_of(everything, embedder, "over a run, by a name of the run", lambda run, all_rows: run)
    names_of(
        everything,
        embedder,
        "over a run, by a name of other sets",
        lambda run, all_rows: [row for row in all_rows if row.set != run[0].set],
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--names", action="store_true", help="only the rows of swap_name")
    options = parser.parse_args()
    rows = [row for row in read_rows() if row.system in GOOD]
    embedder = load_embedder()
    head = "| corruption | copies | recall | false alarms | caught by | |\n|---|---|---|---|---|---|"
    if options.names:
        print(head)
        names_in_all_runs(rows, embedder)
        return
    good = rows + [row for row in read_references() if row.number % 4 == 3]
    held = [row for row in good if row.held_out]
    clean = flags_of(held, embedder)
    print(f"{len(held)} untouched lines, held out\n\n{head}")
    for one in CASES:
        copies = [bad for row, bad in corrupted(good, one.kind) if row.held_out]
        copies = copies[:: max(1, len(copies) // MOST)]
        found = flags_of(copies, embedder if one.flags & BY_VECTORS else None)
        recall = sum(bool(flags & one.flags) for flags in found) / len(copies)
        alarms = sum(bool(flags & one.flags) for flags in clean) / len(clean)
        met = "" if recall >= 0.95 and alarms <= 0.03 else "**missed**; "
        names = ", ".join(sorted(one.flags))
        print(
            f"| {one.kind} | {len(copies)} | {recall:.3f} | {alarms:.3f} | {names} | {met}{one.note} |",
            flush=True,
        )
    names_in_all_runs(rows, embedder)
    counts = Counter(name for flags in clean for name in flags)
    print("\n| flag | untouched lines that have it |\n|---|---|")
    for name, count in counts.most_common():
        print(f"| {name} | {count / len(clean):.4f} |")
    started = time.process_time()
    for row in held:
        check_translation(row.source, row.translation, row.language, ENGLISH)
    spent = 1000 * (time.process_time() - started) / len(held)
    length = sum(len(row.translation) for row in held) / len(held)
    print(
        f"\nAll {len(CHECKS)} pure checks: {spent:.2f} ms of CPU a segment ({length:.0f} English characters)"
    )


if __name__ == "__main__":
    main()

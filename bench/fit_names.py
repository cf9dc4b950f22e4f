"""Fit what tells that a name of a translation stands for nothing in the source (mtalign/checks/founded.json).

    python bench/fit_names.py [--write]

Logistic regression over the suspects of good outputs and references, and of copies with one name exchanged
for one of the same run or of none, of the development blocks; in a run with other weights for words that the
rest of it has and in each language, and apart for texts without a run. The limits, one a language, are where
so many of the untouched texts have a flag, each block judged by weights from others. Also printed: recall at
these.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from evalsets import BLOCK, GOOD, Row, corrupted, read_references, read_rows

from mtalign.checks import founded
from mtalign.checks.consistency import Pair
from mtalign.checks.founded import SIGNS, NameSigns
from mtalign.checks.run_names import RUN_SIGNS, RunNames
from mtalign.embed import load_embedder
from mtalign.quality import measure_names

DATA = Path(founded.__file__).with_name("founded.json")
FALSE_ALARMS = defaultdict(lambda: 0.02, de=0.028, ja=0.02, ko=0.022, zh=0.018)
"""Share of the untouched texts of each language; those of the other checks for names come on top."""
SEEDS = 3
FOLDS = 6
"""Limits are those of weights from other blocks, so many times."""
NOT_LATIN = frozenset(
    "heard heard_well sounds short heard_beside unheard meant_in_short unmeant misspelled torn"
    " exchanged lost_meanings lost_people".split()
)
LEFT_OUT = {
    "latin run": NOT_LATIN,
    "latin alone": NOT_LATIN | frozenset(RUN_SIGNS),
    "other run": frozenset[str](),
    "other alone": frozenset(RUN_SIGNS),
}
"""Signs that say nothing there: names in Latin script are told by their letters."""
PENALTY, PENALTY_OF_SEEN, PENALTY_OF_A_LANGUAGE = 1e-3, 3e-3, 3e-2
"""Of the weights, and of how they differ for words that the rest of the run has, and for one language."""


def runs(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """The rows of each set and system."""
    grouped = defaultdict(list)
    for row in rows:
        grouped[row.set, row.system].append(row)
    yield from grouped.values()


def pair(row: Row) -> Pair:
    return Pair(str(row.number), row.source, row.translation, row.language.code)


def signs(rows: Sequence[Row], run: RunNames) -> list[tuple[NameSigns, ...]]:
    return measure_names(
        [(row.source, row.translation, row.language) for row in rows],
        load_embedder(),
        run,
        [str(row.number) for row in rows],
    )


class Examples:
    """Suspects with the texts that they are of."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.script, run = kind.split()
        self.run = run == "run"
        self.names = [name for name in (*SIGNS, *RUN_SIGNS) if name not in LEFT_OUT[kind]]
        self.rows: list[list[float]] = []
        self.exchanged: list[bool] = []
        self.owners: list[int] = []
        self.texts: list[tuple[Row, bool]] = []

    def add(self, row: Row, exchanged: bool, found: Sequence[NameSigns], clean: str) -> None:
        """A text, and its suspects; those that are not in ``clean`` were put there.

        Of a text with an exchanged name only that is taken: others there are right, but not the text.
        """
        for one in found:
            if exchanged and one.suspect.name in clean:
                continue
            self.rows.append([one.signs.get(name, 0.0) for name in self.names])
            self.exchanged.append(one.suspect.name not in clean)
            self.owners.append(len(self.texts))
        self.texts.append((row, exchanged))

    @cached_property
    def x(self) -> np.ndarray:
        return np.array(self.rows)

    @cached_property
    def y(self) -> np.ndarray:
        return np.array(self.exchanged, float)

    @cached_property
    def seen(self) -> np.ndarray:
        """Whether the rest of the run has the word."""
        return self.x[:, self.names.index("elsewhere")] > 0 if self.run else np.zeros(len(self.x), bool)

    @cached_property
    def codes(self) -> np.ndarray:
        """The language of each suspect's source."""
        return np.array([self.texts[owner][0].language.primary for owner in self.owners])

    @cached_property
    def languages(self) -> list[str]:
        """Those that have weights of their own: none if there is only one."""
        found = sorted(set(self.codes))
        return found if len(found) > 1 else []

    def fold(self, number: int) -> np.ndarray:
        """Which suspects are of every so manieth development block."""
        return np.array([self.texts[n][0].number // (2 * BLOCK) % FOLDS == number for n in self.owners])

    def worst(self, odds: np.ndarray) -> np.ndarray:
        """The highest log-odds of each text."""
        worst = np.full(len(self.texts), -np.inf)
        np.maximum.at(worst, self.owners, odds)
        return worst


def fit(x: np.ndarray, y: np.ndarray, penalty: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights and bias by gradient descent, in units of the spread of each sign."""
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    z = (x - mean) / scale
    weight, bias = np.zeros(x.shape[1]), 0.0
    for _ in range(2000):
        error = (1 / (1 + np.exp(-(z @ weight + bias))) - y) / len(y)
        weight -= error @ z + penalty * weight
        bias -= float(error.sum())
    weight /= scale
    return weight, bias - float(weight @ mean)


Weights = dict[str, tuple[np.ndarray, float]]
"""Of the signs, and the bias, by kind of suspect."""


def fit_kinds(one: Examples, keep: np.ndarray) -> Weights:
    """Weights for the suspects that are kept: of each language, and of languages that are none of these.

    Languages, and words that the run has and words that it has not, share what they can.
    """
    x, n = one.x[keep], len(one.names)
    groups = {code: (one.codes[keep] == code, PENALTY_OF_A_LANGUAGE) for code in one.languages}
    if one.run:
        groups["seen"] = one.seen[keep], PENALTY_OF_SEEN
    columns, penalties = [x], [np.full(n, PENALTY)]
    for members, penalty in groups.values():
        columns.append(np.column_stack([x, np.ones(len(x))]) * members[:, None])
        penalties.append(np.full(n + 1, penalty))
    weight, bias = fit(np.concatenate(columns, axis=1), one.y[keep], np.concatenate(penalties))
    more = dict(zip(groups, weight[n:].reshape(-1, n + 1), strict=True))
    found = {}
    for code in (one.script, *one.languages):
        for state in ("seen", "new") if one.run else ("alone",):
            total = np.append(weight[:n], bias) + more.get(code, 0.0) + more.get(state, 0.0)
            found[f"{code} {state}"] = total[:-1], float(total[-1])
    return found


def odds_of(one: Examples, keep: np.ndarray, weights: Weights) -> np.ndarray:
    """Log-odds of the suspects that are kept."""
    odds = []
    for row, code, seen in zip(one.x[keep], one.codes[keep], one.seen[keep], strict=True):
        state = "alone" if not one.run else "seen" if seen else "new"
        weight, bias = weights[f"{code if code in one.languages else one.script} {state}"]
        odds.append(row @ weight + bias)
    return np.array(odds)


def limits_of(one: Examples, odds: np.ndarray) -> dict[str, float]:
    """The limit for each language of the examples, and for any other."""
    worst = one.worst(odds)
    clean = np.array([not exchanged for _, exchanged in one.texts])
    codes = np.array([row.language.primary for row, _ in one.texts])
    found = {one.script: float(np.quantile(worst[clean], 1 - FALSE_ALARMS["any"]))}
    for code in sorted(set(codes)):
        found[code] = float(np.quantile(worst[clean & (codes == code)], 1 - FALSE_ALARMS[code]))
    return {name: round(value, 3) for name, value in found.items()}


def fit_all(examples: Sequence[Examples]) -> dict[str, dict[str, float]]:
    """What ``founded.json`` holds."""
    data = {}
    for one in examples:
        odds = np.zeros(len(one.y))
        for number in range(FOLDS):
            part = one.fold(number)
            odds[part] = odds_of(one, part, fit_kinds(one, ~part))
        limits = limits_of(one, odds)
        for code in sorted(set(one.codes)):
            exchanged = (one.y > 0) & (one.codes == code)
            share = np.mean(odds[exchanged] > limits[code])
            print(f"{one.kind}, {code}: {share:.3f} of {exchanged.sum()} found")
        for name, (weight, bias) in fit_kinds(one, np.ones(len(one.y), bool)).items():
            code = name.split()[0]
            data[name] = {n: round(float(w), 4) for n, w in zip(one.names, weight, strict=True)}
            data[name] |= {"bias": round(bias, 4), "limit": limits[code]}
            # Of a script whose only language has no weights of its own.
            data[name] |= {f"limit {c}": v for c, v in limits.items() if code == one.script and c != code}
    return data


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help=f"store them in {DATA.name}")
    options = parser.parse_args()
    good = [row for row in read_rows() if row.system in GOOD] + read_references()
    examples = {kind: Examples(kind) for kind in LEFT_OUT}
    for run in runs(good):
        names = RunNames(map(pair, run))
        latin = run[0].language.script == "Latn"
        ours = [one for kind, one in examples.items() if kind.startswith("latin") is latin]
        clean = [row for row in run if not row.held_out]
        for row, found in zip(clean, signs(clean, names), strict=True):
            for one in ours:
                one.add(row, False, found, row.translation)
        # A name may come from elsewhere in the run, or from nowhere.
        others = [row for row in good if row.set != run[0].set]
        copies = [
            two
            for n in range(1, SEEDS + 1)
            for pool in (run, others)
            for two in corrupted(run, "swap_name" if latin else "swap_any_name", n, pool)
            if not two[0].held_out
        ]
        for (row, _), found in zip(copies, signs([bad for _, bad in copies], names), strict=True):
            for one in ours:
                one.add(row, True, found, row.translation)
    data = fit_all([*examples.values()])
    text = json.dumps(data, indent=2) + "\n"
    print(text, end="")
    if options.write:
        DATA.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

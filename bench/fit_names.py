"""Fit what tells that a name of a translation stands for nothing in the source (mtalign/checks/founded.json).

    python bench/fit_names.py [--write]

Logistic regression over the suspects of good outputs and references, and of copies with one name exchanged
for one of the same run or of none, of the development blocks; in a run with other weights for words that the
rest of it has, and apart for texts without a run. The limits, one a language, are where so many of the
untouched texts have a flag, each block judged by weights from others. Also printed: recall at these.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
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
FALSE_ALARMS = defaultdict(lambda: 0.02, de=0.025, ja=0.017)
"""Share of the untouched texts of each language; those of the other checks for names come on top."""
SEEDS = 3
FOLDS = 6
"""Limits are those of weights from other blocks, so many times."""
LETTERS = frozenset({"heard", "heard_well", "sounds", "short", "heard_beside", "unheard"})
LEFT_OUT = {
    "latin run": LETTERS,
    "latin alone": LETTERS | frozenset(RUN_SIGNS),
    "other run": frozenset[str](),
    "other alone": frozenset(RUN_SIGNS),
}
"""Signs that say nothing there: names in Latin script are told by their letters."""
PENALTY, MORE_PENALTY = 1e-3, 3e-3
"""Of the weights, and of how those for words that the rest of the run has differ from them."""


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
        self.names = [name for name in (*SIGNS, *RUN_SIGNS) if name not in LEFT_OUT[kind]]
        self.x: list[list[float]] = []
        self.y: list[bool] = []
        self.owners: list[int] = []
        self.texts: list[tuple[Row, bool]] = []

    def add(self, row: Row, exchanged: bool, found: Sequence[NameSigns], clean: str) -> None:
        """A text, and its suspects; those that are not in ``clean`` were put there.

        Of a text with an exchanged name only that is taken: others there are right, but not the text.
        """
        for one in found:
            if exchanged and one.suspect.name in clean:
                continue
            self.x.append([one.signs.get(name, 0.0) for name in self.names])
            self.y.append(one.suspect.name not in clean)
            self.owners.append(len(self.texts))
        self.texts.append((row, exchanged))

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


def fit_by_kind(
    kind: str, names: Sequence[str], x: np.ndarray, y: np.ndarray
) -> dict[str, tuple[np.ndarray, float]]:
    """Weights and bias for each kind of suspect among these."""
    script = kind.split()[0]
    if kind.endswith("alone"):
        return {kind: fit(x, y, np.full(x.shape[1], PENALTY))}
    # Words that the run has and words that it has not share what they can.
    n, seen = x.shape[1], x[:, [names.index("elsewhere")]]
    penalty = np.concatenate([np.full(n, PENALTY), np.full(n + 1, MORE_PENALTY)])
    weight, bias = fit(np.concatenate([x, x * seen, seen], axis=1), y, penalty)
    return {
        f"{script} seen": (weight[:n] + weight[n : 2 * n], bias + float(weight[2 * n])),
        f"{script} new": (weight[:n], bias),
    }


def odds_of(
    kind: str, names: Sequence[str], x: np.ndarray, weights: dict[str, tuple[np.ndarray, float]]
) -> np.ndarray:
    """Log-odds of the suspects by the weights for each."""
    script = kind.split()[0]
    if kind.endswith("alone"):
        weight, bias = weights[kind]
        return x @ weight + bias
    both = [x @ weights[f"{script} {one}"][0] + weights[f"{script} {one}"][1] for one in ("seen", "new")]
    return np.where(x[:, names.index("elsewhere")] > 0, *both)


def limits_of(one: Examples, odds: np.ndarray) -> dict[str, float]:
    """The limit for each language of the examples, and for any other."""
    worst = one.worst(odds)
    clean = np.array([not exchanged for _, exchanged in one.texts])
    codes = np.array([row.language.primary for row, _ in one.texts])
    found = {"limit": float(np.quantile(worst[clean], 1 - FALSE_ALARMS["any"]))}
    for code in sorted(set(codes)):
        found[f"limit {code}"] = float(np.quantile(worst[clean & (codes == code)], 1 - FALSE_ALARMS[code]))
    return {name: round(value, 3) for name, value in found.items()}


def fit_all(examples: dict[str, Examples]) -> dict[str, dict[str, float]]:
    """What ``founded.json`` holds."""
    data = {}
    for kind, one in examples.items():
        x, y = np.array(one.x), np.array(one.y, float)
        odds = np.zeros(len(y))
        for part in map(one.fold, range(FOLDS)):
            weights = fit_by_kind(kind, one.names, x[~part], y[~part])
            odds[part] = odds_of(kind, one.names, x[part], weights)
        limits = limits_of(one, odds)
        codes = np.array([one.texts[n][0].language.primary for n in one.owners])
        for code in sorted(set(codes)):
            share = np.mean(odds[(y > 0) & (codes == code)] > limits[f"limit {code}"])
            print(f"{kind}, {code}: {share:.3f} of {int(y[codes == code].sum())} found")
        weights = fit_by_kind(kind, one.names, x, y)
        for name, (weight, bias) in weights.items():
            data[name] = {n: round(float(w), 4) for n, w in zip(one.names, weight, strict=True)}
            data[name] |= {"bias": round(bias, 4)} | limits
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
    data = fit_all(examples)
    text = json.dumps(data, indent=2) + "\n"
    print(text, end="")
    if options.write:
        DATA.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Fit what tells that a name of a translation stands for nothing in the source (mtalign/checks/founded.json).

    python bench/fit_names.py [--write]

Logistic regression over the suspects of good outputs and references, and of copies with one name exchanged
for one of the same run or of none, of the development blocks; apart for words that the rest of the run has,
for those it has not, and for texts without a run. The limits are where so many of the untouched texts have a
flag. Also printed: recall where each half of the blocks is judged by weights from the other half.
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
from mtalign.checks.founded import SIGNS, NameSigns, kind_of
from mtalign.checks.run_names import RUN_SIGNS, RunNames
from mtalign.embed import load_embedder
from mtalign.quality import measure_names

DATA = Path(founded.__file__).with_name("founded.json")
FALSE_ALARMS = {
    "latin seen": 0.012,
    "latin new": 0.005,
    "latin alone": 0.02,
    "other seen": 0.014,
    "other new": 0.006,
    "other alone": 0.02,
}
"""Those of the other checks for names come on top."""
SEEDS = 3
LETTERS = frozenset({"heard", "heard_well", "sounds", "short"})
LOST = frozenset({"lost_kept", "lost_names", "lost_nouns"})
SHARED = frozenset({"shared", "unshared", "shared_most", "shared_little"})
ELSEWHERE = frozenset({"elsewhere", "founded", "unfounded", "founded_share"})
LEFT_OUT = {
    "latin seen": LETTERS | SHARED | {"elsewhere"},
    "latin new": LETTERS | SHARED | ELSEWHERE,
    "latin alone": LETTERS | frozenset(RUN_SIGNS),
    "other seen": LOST | {"elsewhere"},
    "other new": LOST | SHARED | ELSEWHERE,
    "other alone": frozenset(RUN_SIGNS),
}
"""Signs that say nothing there: names in Latin script are told by their letters."""


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
        """A text, and its suspects; those that are not in ``clean`` were put there."""
        alone = self.kind.endswith("alone")
        for one in found:
            if not alone and kind_of(row.language, one.seen) != self.kind:
                continue
            self.x.append([one.signs.get(name, 0.0) for name in self.names])
            self.y.append(one.suspect.name not in clean)
            self.owners.append(len(self.texts))
        self.texts.append((row, exchanged))

    def half(self, number: int) -> np.ndarray:
        """Which suspects are of every other development block."""
        return np.array([self.texts[n][0].number // (2 * BLOCK) % 2 == number for n in self.owners])

    def worst(self, odds: np.ndarray) -> np.ndarray:
        """The highest log-odds of each text."""
        worst = np.full(len(self.texts), -np.inf)
        np.maximum.at(worst, self.owners, odds)
        return worst


def fit(x: np.ndarray, y: np.ndarray, penalty: float = 1e-3) -> tuple[np.ndarray, float]:
    """Weights and bias by gradient descent, in units of the spread of each sign."""
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    z = (x - mean) / scale
    weight, bias = np.zeros(x.shape[1]), 0.0
    for _ in range(3000):
        error = (1 / (1 + np.exp(-(z @ weight + bias))) - y) / len(y)
        weight -= z.T @ error + penalty * weight
        bias -= float(error.sum())
    weight /= scale
    return weight, bias - float(weight @ mean)


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
    data = {}
    for kind, one in examples.items():
        x, y = np.array(one.x), np.array(one.y, float)
        clean_texts = np.array([not exchanged for _, exchanged in one.texts])
        odds = np.zeros(len(y))
        for half in (one.half(0), one.half(1)):
            weight, bias = fit(x[~half], y[~half])
            odds[half] = x[half] @ weight + bias
        limit = np.quantile(one.worst(odds)[clean_texts], 1 - FALSE_ALARMS[kind])
        found_share = np.mean(odds[y > 0] > limit)
        print(f"{kind}: {found_share:.3f} of {int(y.sum())} found, false alarms in {FALSE_ALARMS[kind]:.3f}")
        weight, bias = fit(x, y)
        limit = float(np.quantile(one.worst(x @ weight + bias)[clean_texts], 1 - FALSE_ALARMS[kind]))
        data[kind] = {n: round(float(w), 4) for n, w in zip(one.names, weight, strict=True)}
        data[kind] |= {"bias": round(bias, 4), "limit": round(limit, 3)}
    text = json.dumps(data, indent=2) + "\n"
    print(text, end="")
    if options.write:
        DATA.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Fit what tells that a name of a translation stands for nothing in the source (mtalign/checks/founded.json).

    python bench/fit_names.py [--write]

Logistic regression over the suspects of good outputs and references, and of copies with one name exchanged,
of the development blocks; once with what the rest of the run says and once without. The limit is where so
many of the untouched texts have a flag. Also printed: recall at such a limit of each set, where each half of
the blocks is judged by weights from the other half.
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
FALSE_ALARMS = {"latin": 0.014, "other": 0.02}
"""Those of the other checks for names come on top."""
SEEDS = 3
LEFT_OUT = {
    "latin": frozenset(
        {"heard", "heard_well", "sounds", "short", "shared", "unshared", "shared_most", "shared_little"}
    ),
    "other": frozenset({"lost_kept", "lost_names", "lost_nouns"}),
}
"""Signs that say nothing of such sources: names in Latin script are told by their letters."""


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

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.x: list[list[float]] = []
        self.y: list[bool] = []
        self.owners: list[int] = []
        self.texts: list[tuple[Row, bool]] = []

    def add(self, row: Row, exchanged: bool, found: Sequence[NameSigns], clean: str) -> None:
        """A text, and its suspects; those that are not in ``clean`` were put there."""
        for one in found:
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
    examples = {
        (script, in_run): Examples(
            [n for n in (*SIGNS, *(RUN_SIGNS if in_run else ())) if n not in LEFT_OUT[script]]
        )
        for script in ("latin", "other")
        for in_run in (True, False)
    }
    for run in runs(good):
        names = RunNames(map(pair, run))
        script = kind_of(run[0].language, False).split()[0]
        ours = [examples[script, in_run] for in_run in (True, False)]
        clean = [row for row in run if not row.held_out]
        for row, found in zip(clean, signs(clean, names), strict=True):
            for one in ours:
                one.add(row, False, found, row.translation)
        kind = "swap_name" if script == "latin" else "swap_any_name"
        copies = [two for n in range(1, SEEDS + 1) for two in corrupted(run, kind, n) if not two[0].held_out]
        for (row, _), found in zip(copies, signs([bad for _, bad in copies], names), strict=True):
            for one in ours:
                one.add(row, True, found, row.translation)
    data = {}
    for (script, in_run), one in examples.items():
        x, y = np.array(one.x), np.array(one.y, float)
        exchanged = np.array([swapped for _, swapped in one.texts])
        odds = np.zeros(len(y))
        for half in (one.half(0), one.half(1)):
            weight, bias = fit(x[~half], y[~half])
            odds[half] = x[half] @ weight + bias
        worst = one.worst(odds)
        for name in sorted({row.set for row, _ in one.texts}):
            of_set = np.array([row.set == name for row, _ in one.texts])
            limit = np.quantile(worst[of_set & ~exchanged], 1 - FALSE_ALARMS[script])
            rate = np.mean(worst[of_set & exchanged] > limit) if (of_set & exchanged).any() else np.nan
            print(f"{script} {in_run} {name}: {rate:.3f} of {(of_set & exchanged).sum()} at its own limit")
        weight, bias = fit(x, y)
        limit = float(np.quantile(one.worst(x @ weight + bias)[~exchanged], 1 - FALSE_ALARMS[script]))
        kind = f"{script} {'run' if in_run else 'alone'}"
        data[kind] = {n: round(float(w), 4) for n, w in zip(one.names, weight, strict=True)}
        data[kind] |= {"bias": round(bias, 4), "limit": round(limit, 3)}
    text = json.dumps(data, indent=2) + "\n"
    print(text, end="")
    if options.write:
        DATA.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

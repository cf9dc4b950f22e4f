"""Fit which words of a source are names that a translation keeps (mtalign/checks/kept.json).

    python bench/fit_kept.py [--write]

Logistic regression over the words of the development blocks, of the sources of good outputs and FLORES-200;
target: whether the translation has the word (in Korean: its sound). Also printed: the area under the curve
of weights from the other half of the blocks.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
from evalsets import BLOCK, GOOD, read_references, read_rows
from ranking import auc

from mtalign.checks import kept
from mtalign.checks.spelling import fold

DATA = Path(kept.__file__).with_name("kept.json")
LEAST = 8
"""So many words must have a feature."""
PENALTY = 1e-3
STEPS = 250


def fit(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights and bias of features that are 0 or 1, by Nesterov's accelerated gradient descent."""
    weight, bias, at = np.zeros(x.shape[1], np.float32), 0.0, np.zeros(x.shape[1], np.float32)
    rate = np.float32(4.0 / (x.sum(axis=1).max() + 1))
    for step in range(1, STEPS + 1):
        error = ((1 / (1 + np.exp(-(x @ at + np.float32(bias)))) - y) / len(y)).astype(np.float32)
        moved = at - rate * (error @ x + np.float32(PENALTY) * at)
        bias -= float(rate * error.sum())
        at = moved + np.float32((step - 1) / (step + 2)) * (moved - weight)
        weight = moved
    return weight, bias


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help=f"store them in {DATA.name}")
    options = parser.parse_args()
    rows = [row for row in read_rows() if row.system in GOOD] + read_references()
    data = {}
    for language in kept.LANGUAGES:
        words, halves, target = [], [], []
        for row in rows:
            if row.held_out or row.language.primary != language:
                continue
            there = fold(row.translation)
            for word in kept.words_of(row.source, language):
                words.append(word)
                halves.append(row.number // (2 * BLOCK) % 2)
                target.append(kept.is_kept(word.text, there, language))
        counts = Counter(one for word in words for one in word.features)
        names = sorted(one for one, count in counts.items() if count >= LEAST)
        place = {name: number for number, name in enumerate(names)}
        x, y, half = np.zeros((len(words), len(names)), np.float32), np.array(target, float), np.array(halves)
        for row_number, word in enumerate(words):
            x[row_number, [place[one] for one in word.features if one in place]] = 1
        odds = np.zeros(len(y))
        for number in (0, 1):
            weight, bias = fit(x[half != number], y[half != number])
            odds[half == number] = x[half == number] @ weight + bias
        print(
            f"{language}: {len(y)} words, {y.mean():.2f} kept, {len(names)} features,"
            f" AUC of the other half {auc(odds[y > 0], odds[y == 0]):.3f}"
        )
        weight, bias = fit(x, y)
        data[language] = {
            name: round(float(w), 2) for name, w in zip(names, weight, strict=True) if abs(w) >= 0.005
        } | {"bias": round(bias, 3)}
    if options.write:
        DATA.write_text(
            json.dumps(data, ensure_ascii=False, separators=(",\n", ":")) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()

"""Fit what tells that a sentence has no counterpart (mtalign/checks/coverage.json).

    python bench/fit_coverage.py [--write]

Logistic regression over the sentences of good outputs, and of copies with one sentence dropped or added, of
the development blocks; no weight points the wrong way. The limit is where so many of the untouched outputs
with several sentences have a flag: for dropped sentences two in a hundred, for added ones, which are easier
to tell, one. Besides, over whole texts whose source is one sentence and copies that lack their end.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from evalsets import GOOD, Row, corrupted, read_references, read_rows

from mtalign.checks import coverage
from mtalign.checks.coverage import SIGNS, SentenceSigns, log_odds, text_log_odds, text_signs
from mtalign.embed import load_embedder
from mtalign.languages import ENGLISH
from mtalign.quality import Sentences, measure, measure_sentences
from mtalign.segment import split_sentences

DATA = Path(coverage.__file__).with_name("coverage.json")
DIRECTIONS = {"own": -1, "gain": 1, "length": 1, "count": 1}
TEXT_DIRECTIONS = {"uncovered": 1, "cosine": -1, "length": -1}
FALSE_ALARMS = {"uncovered": 0.02, "added": 0.01, "text": 0.016}
COPIES = 500


def measured(rows: list[Row]) -> list[Sentences]:
    return measure_sentences([(r.source, r.translation, r.language, ENGLISH) for r in rows], load_embedder())


def dropped(row: Row, bad: Row) -> int | None:
    """Which sentence the copy lacks."""
    spans = split_sentences(row.translation, ENGLISH)
    lost = [n for n, span in enumerate(spans) if row.translation[slice(*span)] not in bad.translation]
    return lost[0] if len(lost) == 1 else None


def fit(signs: list[dict[str, float]], lacking: list[bool], directions: dict[str, int]) -> dict[str, float]:
    """Weights by projected gradient, in units of the spread of each sign."""
    x = np.array([[one[name] * direction for name, direction in directions.items()] for one in signs])
    y = np.array(lacking, float)
    mean, scale = x.mean(axis=0), x.std(axis=0)
    z = (x - mean) / scale
    weight, bias = np.zeros(len(directions)), 0.0
    for _ in range(6000):
        error = (y - 1 / (1 + np.exp(-(z @ weight + bias)))) / len(y)
        weight = np.maximum(0, weight + 2.0 * (z.T @ error))
        bias += 2.0 * float(error.sum())
    weight /= scale
    result = {
        name: round(float(w) * direction, 4)
        for (name, direction), w in zip(directions.items(), weight, strict=True)
    }
    return result | {"bias": round(float(bias - weight @ mean), 4)}


def limit(weights: dict[str, float], texts: list[tuple[SentenceSigns, ...]], share: float) -> float:
    """The log-odds that the worst sentence of only that share of untouched texts exceeds."""
    worst = [max(log_odds(one, weights) for one in signs) for signs in texts if len(signs) > 1]
    return round(float(np.quantile(worst, 1 - share)), 3)


def texts_of(rows: list[Row]) -> list[dict[str, float]]:
    """The signs of the texts whose source is one sentence."""
    similarities = measure([r.source for r in rows], [r.translation for r in rows], load_embedder())
    return [
        text_signs(similarity, one.excess)
        for similarity, one in zip(similarities, measured(rows), strict=True)
        if len(one.source) < 2 and one.excess is not None
    ]


def fit_texts(good: list[Row]) -> dict[str, float]:
    clean = texts_of([row for row in good if not row.held_out])
    copies = [
        bad for kind in ("cut_end", "cut_headline") for _, bad in corrupted(good, kind) if not bad.held_out
    ]
    cut = texts_of(copies[:: max(1, len(copies) // COPIES)])
    weights = fit([*clean, *cut], [False] * len(clean) + [True] * len(cut), TEXT_DIRECTIONS)
    odds = [text_log_odds(one, weights) for one in clean]
    return weights | {"limit": round(float(np.quantile(odds, 1 - FALSE_ALARMS["text"])), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help=f"store them in {DATA.name}")
    options = parser.parse_args()
    rows = [row for row in read_rows() if row.system in GOOD]
    good = rows + [row for row in read_references() if row.number % 4 == 3]
    clean = measured([row for row in good if not row.held_out])
    data = {}
    for side, kind in (("uncovered", "drop_sentence"), ("added", "add_sentence")):
        copies = [(row, bad) for row, bad in corrupted(good, kind) if not row.held_out]
        copies = copies[:: max(1, len(copies) // COPIES)]
        found = measured([bad for _, bad in copies])
        texts = [one.source if side == "uncovered" else one.translation for one in clean]
        sentences = [one for signs in texts for one in signs]
        lacking = [False] * len(sentences)
        for (row, bad), one in zip(copies, found, strict=True):
            signs = one.source if side == "uncovered" else one.translation
            place = dropped(row, bad) if side == "uncovered" else len(signs) - 1
            if place is not None and 0 <= place < len(signs):
                sentences += signs
                lacking += [n == place for n in range(len(signs))]
        signs_of = [{name: float(getattr(one, name)) for name in SIGNS} for one in sentences]
        weights = fit(signs_of, lacking, DIRECTIONS)
        data[side] = weights | {"limit": limit(weights, texts, FALSE_ALARMS[side])}
    data["text"] = fit_texts(good)
    text = json.dumps(data, indent=2) + "\n"
    print(text, end="")
    if options.write:
        DATA.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

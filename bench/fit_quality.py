"""Fit the weights of the quality estimate on system outputs and corrupted copies of them.

    python bench/fit_quality.py [--scored qwen.jsonl] --write    store them in mtalign/quality/weights.json

Target: segment chrF2 / 100 against the reference; for a corrupted copy half of its own. Logistic regression
with soft labels and no negative weight (projected gradient). The weight of the token
score is fitted last, with
the others fixed, on hypotheses with scores that ``bench/qwen.py --write`` leaves (those have no place in the
system outputs).
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from evalsets import CORRUPTIONS, Row, corrupted, read_rows
from sacrebleu.metrics.chrf import CHRF

from mtalign.checks import check_translation
from mtalign.checks.consistency import Pair
from mtalign.checks.coverage import check_coverage
from mtalign.checks.founded import NameSigns, check_founded
from mtalign.checks.run_names import RunNames
from mtalign.embed import load_embedder
from mtalign.languages import ENGLISH, parse_language
from mtalign.quality import measure, measure_names, measure_sentences, signals_of
from mtalign.quality.estimate import SIGNALS, clipped

WEIGHTS = Path(__file__).resolve().parents[1] / "mtalign" / "quality" / "weights.json"
FITTED = SIGNALS[:-1]
COPIES = ("copy_source", "leave_clause")
CORRUPTED_SHARE = 0.2
"""What the corrupted copies weigh in the fit."""
A_KIND = 150
"""Corrupted copies of each kind."""


@dataclass
class Data:
    """Rows with their signals and segment chrF2."""

    rows: list[Row]
    kinds: list[str]
    """Corruption; empty for an untouched output."""
    signals: np.ndarray
    """(n, len(SIGNALS)); nan where a signal is not known."""
    chrf: np.ndarray
    """0 to 1."""

    def part(self, keep: np.ndarray) -> Data:
        index = np.flatnonzero(keep)
        rows, kinds = [self.rows[i] for i in index], [self.kinds[i] for i in index]
        return Data(rows, kinds, self.signals[index], self.chrf[index])


def read_data(rows: list[Row], kinds: list[str], scores: Sequence[float | None] | None = None) -> Data:
    """Measure every row; ``scores`` are the engine's token scores."""
    embedder, chrf = load_embedder(), CHRF()
    similarities = measure([r.source for r in rows], [r.translation for r in rows], embedder)
    sentences = measure_sentences([(r.source, r.translation, r.language, ENGLISH) for r in rows], embedder)
    names = read_names(rows, kinds)
    signals, values = [], []
    for number, (row, similarity, signs) in enumerate(zip(rows, similarities, sentences, strict=True)):
        flags = [
            *check_translation(row.source, row.translation, row.language, ENGLISH),
            *check_coverage(similarity, signs.source, signs.translation, signs.excess),
            *check_founded(names[number], row.language),
        ]
        score = scores[number] if scores else None
        one = signals_of(row.source, row.translation, row.language, flags, similarity, score, "llamacpp")
        known = (getattr(one, name) for name in SIGNALS)
        signals.append([np.nan if value is None else value for value in known])
        values.append(chrf.sentence_score(row.translation, [row.reference]).score / 100)
    return Data(rows, kinds, np.array(signals), np.array(values))


def read_names(rows: list[Row], kinds: list[str]) -> list[tuple[NameSigns, ...]]:
    """The signs of the names of each row; its run is the untouched output of its system."""
    places = defaultdict(list)
    for place, row in enumerate(rows):
        places[row.set, row.system].append(place)
    found: list[tuple[NameSigns, ...]] = [()] * len(rows)
    for run in places.values():
        untouched = (rows[place] for place in run if not kinds[place])
        names = RunNames(Pair(str(r.number), r.source, r.translation, r.language.code) for r in untouched)
        texts = [(rows[place].source, rows[place].translation, rows[place].language) for place in run]
        numbers = [str(rows[place].number) for place in run]
        for place, some in zip(run, measure_names(texts, load_embedder(), names, numbers), strict=True):
            found[place] = some
    return found


def evaluation_data(a_kind: int = A_KIND) -> Data:
    """Every system output, and ``a_kind`` corrupted copies of each kind."""
    rows = read_rows()
    kinds = [""] * len(rows)
    untouched = list(rows)
    for kind in CORRUPTIONS:
        if kind in ("lose_text", "swap_any_name"):
            continue
        copies = [bad for _, bad in corrupted(untouched, kind)]
        step = max(1, len(copies) // a_kind)
        rows += copies[::step]
        kinds += [kind] * len(copies[::step])
    return read_data(rows, kinds)


def units(signals: np.ndarray, table: dict[str, dict[str, float]]) -> np.ndarray:
    """Signals in units of their spread; 0 where not known."""
    columns = [
        [0.0 if np.isnan(value) else clipped(float(value), table[name]) for value in signals[:, place]]
        for place, name in enumerate(FITTED)
    ]
    return np.array(columns).T


def fit(data: Data, corrupted_share: float = CORRUPTED_SHARE) -> dict[str, dict[str, float]]:
    """Weights, medians and scales of all signals but the token score."""
    real = np.array([not kind for kind in data.kinds])
    table: dict[str, dict[str, float]] = {}
    for place, name in enumerate(FITTED):
        column = data.signals[:, place]
        known = column[real & ~np.isnan(column)]
        low, middle, high = np.quantile(known, [0.16, 0.5, 0.84])
        scale = 1.0 if name in ("warnings", "errors") else float(high - low) / 2
        table[name] = {"weight": 0.0, "median": round(float(middle), 5), "scale": round(scale, 5)}
    x = units(data.signals, table)
    # A text in the source's own language is near it whatever it is worth: cosines of copies teach nothing.
    x[np.isin(data.kinds, COPIES), FITTED.index("cosine")] = 0
    target = np.where(real, data.chrf, data.chrf / 2)
    share = np.where(real, (1 - corrupted_share) / real.sum(), corrupted_share / max(1, (~real).sum()))
    weight, bias = np.zeros(x.shape[1]), 0.0
    for _ in range(4000):
        error = share * (target - 1 / (1 + np.exp(-(x @ weight + bias))))
        weight = np.maximum(0, weight + 0.5 * (x.T @ error))
        bias += 0.5 * float(error.sum())
    for name, value in zip(FITTED, weight, strict=True):
        table[name]["weight"] = round(float(value), 4)
    table["bias"] = {"weight": round(bias, 4)}
    table["token_score"] = {"weight": 0.0, "median": 0.0, "scale": 1.0}
    return table


def estimates(data: Data, table: dict[str, dict[str, float]]) -> np.ndarray:
    """What the estimate says without token scores."""
    weight = np.array([table[name]["weight"] for name in FITTED])
    logits = units(data.signals, table) @ weight + table["bias"]["weight"]
    return np.asarray(1 / (1 + np.exp(-logits)))


def read_scored(path: Path) -> Data:
    """Hypotheses with token scores, as ``bench/qwen.py --write`` leaves them."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    lines = [line for line in lines if line["translation"] and line["score"] is not None]
    rows = [
        Row(
            "qwen", "qwen", n, parse_language(e["source_lang"]), e["source"], e["translation"], e["reference"]
        )
        for n, e in enumerate(lines)
    ]
    return read_data(rows, [""] * len(rows), [e["score"] for e in lines])


def fit_token_score(data: Data, table: dict[str, dict[str, float]]) -> None:
    """Set the token score's entry of ``table``, the other weights as they are."""
    scores = data.signals[:, -1]
    low, middle, high = np.quantile(scores, [0.16, 0.5, 0.84])
    entry = {"weight": 0.0, "median": round(float(middle), 5), "scale": round(float(high - low) / 2, 5)}
    x = np.array([clipped(float(score), entry) for score in scores])
    base = estimates(data, table)
    offset = np.log(base / (1 - base))
    weight, bias = 0.0, 0.0
    for _ in range(3000):
        error = (data.chrf - 1 / (1 + np.exp(-(offset + weight * x + bias)))) / len(x)
        weight = max(0.0, weight + 0.5 * float(x @ error))
        bias += 0.5 * float(error.sum())
    entry["weight"] = round(weight, 4)
    table["token_score"] = entry


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scored", type=Path, help="hypotheses with token scores (bench/qwen.py --write)")
    parser.add_argument("--write", action="store_true", help=f"store the weights in {WEIGHTS.name}")
    options = parser.parse_args()
    table = fit(evaluation_data())
    if options.scored:
        fit_token_score(read_scored(options.scored), table)
    text = json.dumps(table, indent=2) + "\n"
    print(text, end="")
    if options.write:
        WEIGHTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

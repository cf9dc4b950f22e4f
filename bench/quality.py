"""What the quality estimate is worth: correlation with segment chrF2, and telling corrupted copies apart.

    python bench/quality.py [--scored qwen.jsonl]

Every set is held out in turn: the weights are fitted on the others. Beside the estimate
stand its signals alone.
``--scored`` adds hypotheses with token scores of a model that is in none of the sets.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from evalsets import SETS
from fit_quality import SIGNALS, Data, estimates, evaluation_data, fit, read_scored
from ranking import auc, ranks

from mtalign.embed import load_embedder
from mtalign.quality import Signals, estimate_quality, measure


def correlations(values: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Pearson's r and Spearman's rho."""
    if np.ptp(values) == 0:
        return 0.0, 0.0
    both = (np.corrcoef(values, truth), np.corrcoef(ranks(values), ranks(truth)))
    return float(both[0][0, 1]), float(both[1][0, 1])


def columns_of(data: Data, estimate: np.ndarray) -> dict[str, np.ndarray]:
    signals = {name: np.nan_to_num(data.signals[:, n]) for n, name in enumerate(SIGNALS[:-1])}
    checks = 3 * signals.pop("errors") + signals.pop("warnings")
    return {"estimate": estimate, **signals, "checks": checks}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scored", type=Path, help="hypotheses with token scores (bench/qwen.py --write)")
    options = parser.parse_args()
    data = evaluation_data()
    of_set = np.array([row.set for row in data.rows])
    estimate = np.zeros(len(data.rows))
    for name, _ in SETS:
        estimate[of_set == name] = estimates(data.part(of_set == name), fit(data.part(of_set != name)))
    table = columns_of(data, estimate)
    real = np.array([not kind for kind in data.kinds])

    print("Pearson / Spearman with segment chrF2 on untouched outputs, each set held out:\n")
    print("| set | segments | " + " | ".join(table) + " |\n|---|---|" + "---|" * len(table))
    for name, _ in SETS:
        rows = real & (of_set == name)
        cells = (
            "{:.2f} / {:.2f}".format(*correlations(column[rows], data.chrf[rows]))
            for column in table.values()
        )
        print(f"| {name} | {rows.sum()} | " + " | ".join(cells) + " |")

    print("\nAUC, untouched outputs against corrupted copies, held out as above:\n")
    print("| corruption | copies | " + " | ".join(table) + " |\n|---|---|" + "---|" * len(table))
    kinds = np.array(data.kinds)
    for kind in (*dict.fromkeys(k for k in data.kinds if k), "all"):
        bad = ~real if kind == "all" else kinds == kind
        # Against the outputs of the sets that the copies are from.
        good = real & np.isin(of_set, of_set[bad])
        cells = (f"{auc(column[good], column[bad]):.3f}" for column in table.values())
        print(f"| {kind} | {bad.sum()} | " + " | ".join(cells) + " |")

    if options.scored:
        scored = read_scored(options.scored)
        with_score = np.array(
            [estimate_quality(Signals(*row.tolist())) or 0.0 for row in np.nan_to_num(scored.signals)]
        )
        cells = {
            "estimate without token score": estimates(scored, fit(data)),
            "estimate with token score (weight fitted on these)": with_score,
            "token score alone": scored.signals[:, -1],
            "cosine alone": scored.signals[:, 0],
        }
        print(f"\nA model in none of the sets, {len(scored.rows)} hypotheses:\n")
        print("| signal | Pearson / Spearman |\n|---|---|")
        for name, column in cells.items():
            print("| {} | {:.2f} / {:.2f} |".format(name, *correlations(column, scored.chrf)))

    rows = data.rows[:2000]
    texts = [row.source for row in rows], [row.translation for row in rows]
    embedder = load_embedder()
    started = time.process_time()
    embedder.encode([*texts[0], *texts[1]])
    encoding = time.process_time() - started
    measure(*texts, embedder)
    print(
        f"\n{len(rows)} segments: encoding {encoding:.1f} s of CPU, encoding and measuring"
        f" {time.process_time() - started - encoding:.1f} s"
    )


if __name__ == "__main__":
    main()

"""How often the paired tests call a difference one where there is none but chance.

    python bench/significance.py --data ../shared/evaldata [--pairs 300]

From the outputs of two real systems, pairs of pseudo-systems are made: on each of some lines a coin decides
which of the two gets which output; on the others both have the same. Nothing but chance makes one better, so
a test at 0.05 should say so for 5 % of the pairs. Each pair has draws of its own.
"""

from __future__ import annotations

import argparse
import os
import random
from pathlib import Path

from mtalign.score.lines import read_lines
from mtalign.score.measured import SacreBleuLines
from mtalign.score.metrics import measure
from mtalign.score.significance import ALPHA, paired_differences

SYSTEMS = ("ONLINE-M", "NLLB_Greedy")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=300)
    options = parser.parse_args()
    folder = options.data / "mini" / "zh-en"
    reference = read_lines(folder / "ref.A.en")
    outputs = [read_lines(folder / f"hyp.{system}.en") for system in SYSTEMS]
    lines = len(reference)
    print(f"{lines} lines, {options.pairs} pairs, called different at {ALPHA}\n")
    print("| metric | lines that differ | randomisation | bootstrap |")
    print("|---|---|---|---|")
    for metric in ("BLEU", "chrF2"):
        (first,), (second,) = (measure(output, [reference], [metric]) for output in outputs)
        for differing in (lines, 12, 7):
            called = [0, 0]
            for number in range(options.pairs):
                os.environ["SACREBLEU_SEED"] = str(number + 1)
                toss = random.Random(number)
                chosen = set(toss.sample(range(lines), differing))
                sides: list[list[list[float]]] = [[], []]
                for line, rows in enumerate(zip(first.statistics, second.statistics, strict=True)):
                    got = [rows[0], rows[0]] if line not in chosen else toss.sample(rows, 2)
                    for side, row in zip(sides, got, strict=True):
                        side.append(list(row))
                pair = [[SacreBleuLines(metric, side, 1)] for side in sides]
                (found,) = paired_differences(*pair, resamples=200, trials=500)
                called[0] += (found.randomization or 0) <= ALPHA
                called[1] += (found.bootstrap or 0) <= ALPHA
            shares = " | ".join(f"{count / options.pairs:.3f}" for count in called)
            print(f"| {metric} | {differing} of {lines} | {shares} |", flush=True)


if __name__ == "__main__":
    main()

"""Make the tables of word order (mtalign/checks/order.json) from the development blocks.

    python bench/fit_order.py [--write]

A weight is the log of how often two classes are neighbours in references and outputs of good systems over how
often in the same texts with their words shuffled, both with two more. The limit is where one untouched output
in a hundred is flagged by tables made from the other half of the blocks.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from collections import Counter
from pathlib import Path

from evalsets import BLOCK, GOOD, Row, read_references, read_rows

from mtalign.checks import order

DATA = Path(order.__file__).with_name("order.json")
SHUFFLES = 6
MORE = 2.0
FALSE_ALARMS = 0.01
MIDDLE = len(order.ALPHABET) // 2


def table(good: Counter[order.Pair], shuffled: Counter[order.Pair]) -> dict[str, str]:
    """A row of letters for each class, in the order of the classes."""
    classes = sorted({one for pair in (*good, *shuffled) for one in pair})

    def letter(pair: order.Pair) -> str:
        weight = math.log((good[pair] + MORE) / (shuffled[pair] / SHUFFLES + MORE))
        return order.ALPHABET[MIDDLE + max(-MIDDLE, min(MIDDLE - 1, round(weight / order.STEP)))]

    return {first: "".join(letter((first, second)) for second in classes) for first in classes}


def tables(rows: list[Row]) -> tuple[dict[str, str], dict[str, str]]:
    """The tables of classes and of shapes from the translations and references of ``rows``."""
    texts = dict.fromkeys([row.translation for row in rows] + [row.reference for row in rows])
    rng = random.Random("order")
    good = Counter[order.Pair](), Counter[order.Pair]()
    shuffled = Counter[order.Pair](), Counter[order.Pair]()
    for text in texts:
        for counts, pairs in zip(good, order.neighbours(text), strict=True):
            counts.update(pairs)
        words = text.split(" ")
        for _ in range(SHUFFLES):
            rng.shuffle(words)
            for counts, pairs in zip(shuffled, order.neighbours(" ".join(words)), strict=True):
                counts.update(pairs)
    return table(good[0], shuffled[0]), table(good[1], shuffled[1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help=f"store them in {DATA.name}")
    options = parser.parse_args()
    rows = [row for row in read_rows() if row.system in GOOD and not row.held_out]
    references = [row for row in read_references() if not row.held_out]
    every = [*rows, *references]
    sums = []
    for half in (0, 1):
        learned = tables([row for row in every if row.number // BLOCK // 2 % 2 == half])
        readable = (order.read_table(learned[0]), order.read_table(learned[1]))
        for row in (*rows, *references[3::4]):
            if row.number // BLOCK // 2 % 2 != half:
                weights = order.weigh(row.source, row.translation, readable)
                sums.append(math.inf if weights is None else sum(weights))
    least = sorted(sums)[int(FALSE_ALARMS * len(sums))]
    words, shapes = tables(every)
    data = {"words": words, "shapes": shapes, "least": least}
    if options.write:
        DATA.write_text(json.dumps(data, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(words)} classes, {len(shapes)} shapes, limit {least}")


if __name__ == "__main__":
    main()

"""Time of ``mtalign score`` beside that of ``sacrebleu`` on the same line-aligned files.

    python bench/score.py --data ../shared/evaldata [--lines 2000] [--rounds 7]

Each command is a process of its own, start-up included. The two take turns, and a round's ratio is of the two
runs that followed each other; the medians stand in the table. Before anything is timed, both must give the
same JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

METRICS = {"BLEU": "bleu", "chrF2": "chrf", "TER": "ter"}

ROWS = (
    ("BLEU, chrF2", ("BLEU", "chrF2"), False),
    ("BLEU, chrF2 with intervals", ("BLEU", "chrF2"), True),
    ("BLEU", ("BLEU",), False),
    ("TER, a tenth of the lines", ("TER",), False),
)


def collect(data: Path, lines: int) -> tuple[list[str], list[str]]:
    """Outputs of real systems, one after the other, and their references."""
    hypotheses: list[str] = []
    references: list[str] = []
    for path in sorted((data / "wmt23").glob("*/hyp.*.en")):
        hypotheses += path.read_text(encoding="utf-8").split("\n")[:-1]
        references += (path.parent / "ref.A.en").read_text(encoding="utf-8").split("\n")[:-1]
        if len(hypotheses) >= lines:
            break
    return hypotheses[:lines], references[:lines]


def timed(command: list[str]) -> tuple[float, float]:
    """Wall-clock and CPU seconds of a process and its children."""
    before = os.times()
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    wall = time.perf_counter() - started
    after = os.times()
    return wall, (after.children_user + after.children_system) - (
        before.children_user + before.children_system
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--lines", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    hypotheses, references = collect(options.data, options.lines)
    print(f"{len(hypotheses)} lines, {options.rounds} rounds, {os.cpu_count()} cores\n")
    print("| | ratio | mtalign | sacrebleu | ratio of CPU time | CPU, mtalign | CPU, sacrebleu |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        hyp, ref = Path(folder, "hyp"), Path(folder, "ref")
        for label, metrics, intervals in ROWS:
            count = len(hypotheses) // 10 if "TER" in metrics else len(hypotheses)
            hyp.write_text("".join(line + "\n" for line in hypotheses[:count]), encoding="utf-8")
            ref.write_text("".join(line + "\n" for line in references[:count]), encoding="utf-8")
            names = [METRICS[name] for name in metrics]
            again = ["--confidence"] if intervals else []
            ours = [sys.executable, "-m", "mtalign", "score", str(hyp), "--ref", str(ref), "--lines", "-q"]
            ours += ["--metric", ",".join(names), "--json", *again]
            theirs = [sys.executable, "-m", "sacrebleu", str(ref), "-i", str(hyp), "-w", "2", "-m", *names]
            theirs += again
            found = [
                json.loads(subprocess.run(c, check=True, capture_output=True).stdout) for c in (ours, theirs)
            ]
            # A single metric is an object there, and a list of one here.
            if found[0] != (found[1] if isinstance(found[1], list) else [found[1]]):
                sys.exit(f"{label}: the two do not give the same: {found}")
            rounds = [(timed(ours), timed(theirs)) for _ in range(options.rounds)]
            cells = []
            for kind in (0, 1):
                cells.append(f"{statistics.median(a[kind] / b[kind] for a, b in rounds):.2f}")
                cells += [f"{statistics.median(r[side][kind] for r in rounds):.2f} s" for side in (0, 1)]
            print(f"| {label} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()

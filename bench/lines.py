"""Memory and time of ``mtalign translate --lines`` on files of 10⁴, 10⁵ and 10⁶ lines, with a tiny model.

    python bench/lines.py [--lines 10000 100000 1000000] [--json FILE]

The model has two layers of 64 (trained in seconds); the lines are phrases that it knows and pairs of them, so
that most of a large file comes from the memory: this measures the chain, not the model. Without a memory file
(``--no-memory``), results are kept in a temporary one.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import checkpoints

ROOT = Path(__file__).resolve().parents[1]
PEAK = """
import sys
from mtalign.cli.main import cli
code = cli.main(sys.argv[1:], standalone_mode=False)
from mtalign.job.rates import peak_rss_mb
print(peak_rss_mb())
raise SystemExit(0 if code in (0, 3) else code)
"""


def write_lines(path: Path, count: int) -> None:
    generator = random.Random(1)
    known = [source for language, source, _ in checkpoints.phrases() if language == checkpoints.KOREAN]
    with path.open("w", encoding="utf-8") as file:
        for _ in range(count):
            text = generator.choice(known)
            if generator.random() < 0.3:
                text = f"{text[:-1]}, {generator.choice(known)}"
            file.write(text + "\n")


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    print(
        "| lines | peak RSS MB | × the first | seconds | CPU seconds | lines/s |\n|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model = folder / "tiny"
        model.mkdir()
        checkpoints.build_marian(model)
        environment = {**os.environ, "MTALIGN_HOME": temporary, "PYTHONPATH": str(ROOT)}
        for count in (100, *options.lines):  # the first converts the model
            source, output = folder / "in.txt", folder / "out.txt"
            write_lines(source, count)
            command = [sys.executable, "-c", PEAK, "translate", str(source), "--lines", "--from", "ko", "-q"]
            command += ["-m", str(model), "--beam", "1", "--no-memory", "-o", str(output)]
            before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            finished = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
            seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
            with output.open("rb") as file:
                written = sum(1 for _ in file)
            if written != count:
                raise RuntimeError(f"{written} lines for {count}")
            if count == 100:
                continue
            row = {
                "lines": count,
                "peak_rss_mb": float(finished.stdout.split()[-1]),
                "seconds": round(seconds, 1),
                "cpu_seconds": round(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, 1),
            }
            rows.append(row)
            print(
                f"| {count:,} | {row['peak_rss_mb']:.0f} | {row['peak_rss_mb'] / rows[0]['peak_rss_mb']:.2f}"
                f" | {seconds:.0f} | {row['cpu_seconds']:.0f} | {count / seconds:.0f} |",
                flush=True,
            )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

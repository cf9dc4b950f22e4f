"""Start-up: a sentence from a cold shell with a converted model, and a run of which nothing has changed.

    python bench/startup.py [--rounds 5] [--folder FOLDER] [--json FILE]

The model has the opus-mt shape (random weights, 40 target tokens forced, beam 4; its nonsense is let stand
once the guard has looked at it). Medians of whole processes, from start to end, wall clock and CPU time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

ROOT = Path(__file__).resolve().parents[1]
LET_STAND = """
import sys
import mtalign.job.runner as runner
import mtalign.translate.decoder as decoder
from mtalign.engines.base import Decoding
guard = decoder.objection
decoder.objection = lambda request, answer: (guard(request, answer), None)[1]
runner.decoding_of = lambda config: Decoding(beam=config.model.beam, max_ratio=0.01, min_length=40)
from mtalign.cli.main import main
main(sys.argv[1:])
"""


def timed(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Wall-clock and CPU seconds of a process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment, cwd=ROOT)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="keep the checkpoint here, as bench/engines.py does")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    from engines import build_opus

    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        model = folder / "opus-mt shape"
        if not (model / "model.safetensors").exists():
            model.mkdir(parents=True, exist_ok=True)
            build_opus(model)
        environment = {**os.environ, "MTALIGN_HOME": temporary, "PYTHONPATH": str(ROOT)}
        environment.pop("CI", None)
        text = Path(temporary) / "one.txt"
        text.write_text("선생님은 책을 팔았습니다.\n", encoding="utf-8")
        kept = ["--from", "ko", "-m", str(model), "-q"]
        let_stand = [sys.executable, "-c", LET_STAND]
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "mtalign --help": [sys.executable, "-m", "mtalign", "--help"],
            "mtalign translate, one sentence, decoded": [
                *let_stand, "translate", str(text), "--no-memory", *kept,
            ],
            "mtalign translate, one sentence, from memory": [*let_stand, "translate", str(text), *kept],
            "mtalign run, nothing changed": [
                *let_stand, "run", str(text), "-o", str(Path(temporary) / "outputs"), *kept,
            ],
            "mtalign run --force, all from memory": [
                *let_stand, "run", str(text), "-o", str(Path(temporary) / "forced"), "--force", *kept,
            ],
        }  # fmt: skip
        for command in commands.values():
            timed(command, environment)
        found: dict[str, list[tuple[float, float]]] = {}
        for _ in range(options.rounds):
            for name, command in commands.items():
                found.setdefault(name, []).append(timed(command, environment))
    rows: list[dict[str, Any]] = [
        {
            "command": name,
            "seconds": round(statistics.median(wall for wall, _ in times), 3),
            "cpu_seconds": round(statistics.median(cpu for _, cpu in times), 3),
        }
        for name, times in found.items()
    ]
    print("| command | seconds | CPU seconds |\n|---|---|---|")
    for row in rows:
        print(f"| {row['command']} | {row['seconds']:.2f} | {row['cpu_seconds']:.2f} |")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

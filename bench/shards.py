"""What a segment costs beside its decoding: reading, journal, folder of a shard, merge. For docs/scaling.md.

    python bench/shards.py ../shared/evaldata --segments 2000 8000

Documents of FLORES-200 sentences (Korean, Japanese, Chinese, German; a paragraph of three, two hundred a
document) go through `run --shard 1/2`, `run --shard 2/2` and `merge` with an engine that answers at once, so
that everything but the model is measured. Each row is a process of its own; times are of one core and more
where a stage uses more; memory is the peak of the process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LANGUAGES = {"ko": "Korean", "ja": "Japanese", "zh": "Chinese", "de": "German"}


def write_documents(data: Path, folder: Path, count: int) -> None:
    folder.mkdir()
    sources = {
        code: (data / "flores200-devtest" / f"{code}-en" / f"src.{code}").read_text("utf-8").split("\n")[:-1]
        for code in LANGUAGES
    }
    codes = list(LANGUAGES)
    for number in range(-(-count // 200)):
        code = codes[number % len(codes)]
        lines = sources[code]
        # Another number makes another sentence of it, so that nothing is known from before.
        chosen = [f"{lines[(number * 200 + i) % len(lines)][:-1]} {number}。" for i in range(200)]
        if code in ("de", "ko"):
            chosen = [line[:-1] + "." for line in chosen]
        gap = " " if code in ("de", "ko") else ""
        blocks = [gap.join(chosen[i : i + 3]) for i in range(0, 200, 3)]
        (folder / f"{number:06}_{code}.txt").write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


def stage(name: str, folder: Path) -> None:
    """One measured process: prints a JSON line."""
    from mtalign.job.config import InputConfig, JobConfig, OutputConfig
    from mtalign.job.engines import EnginePool
    from mtalign.job.events import Silence
    from mtalign.job.inputs import read_inputs
    from mtalign.job.merge import merge_runs
    from mtalign.job.rates import peak_rss_mb
    from mtalign.job.runner import run_job
    from mtalign.job.shards import Shard, own_segments
    from mtalign.languages import ENGLISH
    from mtalign.models.store import ModelStore
    from mtalign.testing import EchoEngine

    engine = EchoEngine(batch_size=32)

    def engines_for(self: EnginePool, languages):
        self.languages = {language.code: engine.model.fingerprint for language in languages}
        self._engines = {engine.model.fingerprint: engine}
        return {language.code: engine for language in languages}

    EnginePool.engines_for = engines_for
    EnginePool.choose = lambda self, languages: "echo"
    started, cpu = time.perf_counter(), time.process_time()
    if name == "read":
        inputs, _ = read_inputs(["docs"], base=folder, source=None, target=ENGLISH, events=Silence())
        extra = {"segments": sum(len(item.segments) for item in inputs)}
        own_segments([item.segments for item in inputs], Shard(1, 2))
    elif name.startswith("shard"):
        part = Shard(int(name[-1]), 2)
        config = JobConfig(input=InputConfig(("docs",)), output=OutputConfig(f"part{part.part}"), base=folder)
        memory = folder / f"memory{part.part}.sqlite"
        run_job(config, store=ModelStore(), memory_path=memory, offline=True, events=Silence(), shard=part)
        extra = {"bytes": size(folder / f"part{part.part}"), "journal": memory.stat().st_size}
    else:
        merge_runs([folder / "part1", folder / "part2"], folder / "merged", events=Silence())
        extra = {"bytes": size(folder / "merged")}
    figures = {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "peak": peak_rss_mb(),
    }
    print(json.dumps(figures | extra))


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/evaldata"))
    parser.add_argument("--segments", type=int, nargs="+", default=[2000, 8000])
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stage:
        stage(arguments.stage, arguments.data)
        return
    print("| segments | stage | s | CPU ms a segment | peak MB | bytes written a segment | journal bytes |")
    print("|---|---|---|---|---|---|---|")
    for count in arguments.segments:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_documents(arguments.data, folder / "docs", count)
            segments = 0
            for one in ("read", "shard1", "shard2", "merge"):
                finished = subprocess.run(
                    [sys.executable, __file__, str(folder), "--stage", one],
                    capture_output=True,
                    text=True,
                    check=True,
                    env=os.environ | {"MTALIGN_HOME": str(folder / "home")},
                )
                figures = json.loads(finished.stdout)
                segments = figures.get("segments", segments)
                own = segments / 2 if one.startswith("shard") else segments
                written = f"{figures['bytes'] / own:,.0f}" if "bytes" in figures else ""
                journal = f"{figures['journal'] / own:,.0f}" if "journal" in figures else ""
                print(
                    f"| {segments:,} | {one} | {figures['seconds']:.1f} | {1000 * figures['cpu'] / own:.2f}"
                    f" | {figures['peak']:.0f} | {written} | {journal} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()

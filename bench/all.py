"""Run the benchmarks one after the other: ``bench/results.json`` and the same as Markdown, with the machine.

    python bench/all.py [--quick] [--data ../shared/evaldata] [--only engines startup]

``make bench`` runs it; ``make bench QUICK=1`` takes about ten minutes on two idle cores, all of it (with the
NLLB-200-600M shape) an hour or two. The offline model is measured where the store has it: nothing is fetched.
A benchmark that fails, or whose data is not there, is named with its reason; no figure of an earlier run
stands in its place.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from importlib.util import find_spec
from pathlib import Path
from typing import Any

BENCH = Path(__file__).resolve().parent
SHORT = 8 * 60
LONG = 90 * 60


def commands(quick: bool, data: Path, folder: Path) -> dict[str, list[str]]:
    """Name to script and arguments."""
    # All systems and beams of the NLLB shape would take many hours: the rows that matter.
    large = ["engines.py", "--folder", str(folder), "--only-nllb", "--quick"]
    found = {
        "engines": ["engines.py", "--folder", str(folder), *(["--quick"] if quick else [])],
        **({} if quick else {"engines, NLLB": large}),
        "startup": ["startup.py", "--folder", str(folder)],
        "lines": ["lines.py", *(["--lines", "10000", "100000"] if quick else [])],
        "embed": ["embed.py", "--data", str(data)],
        "align": ["align.py", *(["--parts", "speed"] if quick else [])],
        "score": ["score.py", "--data", str(data), *(["--rounds", "3"] if quick else [])],
        "page": ["page.py"],
    }
    if has_offline_model():
        few = ["--limit", "8", "--languages", "ko,de", "--qualities", "fast,good"]
        found["offline model"] = ["qwen.py", "--evaldata", str(data), *(few if quick else [])]
    else:
        print("offline model: not here; `mtalign models pull qwen` fetches it", file=sys.stderr)
    return found


def has_offline_model() -> bool:
    """Whether it lies in the store and both engines that are compared are installed."""
    from mtalign.models.store import ModelStore

    store = ModelStore()
    return store.has(store.catalogue.find("qwen")) and all(map(find_spec, ("openvino", "xllamacpp")))


def run(arguments: list[str], seconds: float) -> tuple[str, str]:
    """What a script printed, and why it failed."""
    command = [sys.executable, str(BENCH / arguments[0]), *arguments[1:]]
    try:
        finished = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, cwd=BENCH.parent, check=False
        )
    except subprocess.TimeoutExpired:
        return "", f"it took more than {seconds / 60:.0f} minutes"
    if finished.returncode:
        lines = finished.stderr.strip().splitlines() or ["no message"]
        return finished.stdout, f"exit code {finished.returncode}: {lines[-1]}"
    return finished.stdout, ""


def machine() -> dict[str, Any]:
    """The processor by name beside what every manifest says of the machine."""
    from mtalign.job.manifest import machine, package_versions

    model, memory = "", 0
    cpu, meminfo = Path("/proc/cpuinfo"), Path("/proc/meminfo")
    if cpu.is_file():
        names = [line for line in cpu.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else ""
    if meminfo.is_file():
        memory = int(meminfo.read_text().split()[1]) // 2**20
    return {**machine(), "model": model, "memory_gib": memory, "packages": package_versions()}


def markdown(results: dict[str, Any]) -> str:
    """The results as a page."""
    about = results["machine"]
    lines = [
        "# Benchmarks",
        "",
        f"{about['model'] or about['processor']}, {about['cores']} cores, {about['memory_gib']} GiB,"
        f" {about['system']}, Python {about['python']}; {results['created']}"
        + ("; a quick run" if results["quick"] else ""),
    ]
    for name, result in results["benchmarks"].items():
        lines += ["", f"## {name}", "", f"`python bench/{' '.join(result['command'])}`", ""]
        lines += [result["output"].rstrip()] if result["output"] else []
        lines += [f"Not measured: {result['problem']}"] if result["problem"] else []
    return "\n".join(lines) + "\n"


def write(results: dict[str, Any], folder: Path) -> None:
    """``results.json`` and ``results.md`` in ``folder``."""
    text = json.dumps(results, ensure_ascii=False, indent=2) + "\n"
    (folder / "results.json").write_text(text, encoding="utf-8")
    (folder / "results.md").write_text(markdown(results), encoding="utf-8")


def main() -> None:
    """Run what was asked for and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--data", type=Path, default=BENCH.parent.parent / "shared" / "evaldata")
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--output", type=Path, default=BENCH, help="folder of results.json and results.md")
    options = parser.parse_args()
    results: dict[str, Any] = {
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "quick": options.quick,
        "machine": machine(),
        "benchmarks": {},
    }
    with tempfile.TemporaryDirectory() as temporary:
        for name, arguments in commands(options.quick, options.data, Path(temporary)).items():
            if options.only and name not in options.only:
                continue
            print(f"{name} …", file=sys.stderr, flush=True)
            start = time.perf_counter()
            rows = Path(temporary) / f"{name}.json"
            keeps = arguments[0] in ("engines.py", "startup.py", "lines.py")
            output, problem = run(
                [*arguments, *(["--json", str(rows)] if keeps else [])], SHORT if options.quick else LONG
            )
            shown = [
                argument.replace(temporary, "FOLDER").replace(str(options.data), "../shared/evaldata")
                for argument in arguments
            ]
            results["benchmarks"][name] = {
                "command": shown,
                "seconds": round(time.perf_counter() - start, 1),
                "rows": json.loads(rows.read_text(encoding="utf-8")) if rows.is_file() else None,
                "output": output,
                "problem": problem,
            }
            # After each: what is stopped in its second hour has lost one benchmark.
            write(results, options.output)
    print(markdown(results))
    if any(result["problem"] for result in results["benchmarks"].values()):
        sys.exit(1)


if __name__ == "__main__":
    main()

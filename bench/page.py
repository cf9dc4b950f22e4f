"""How the review page holds a long document: ``python bench/page.py`` (needs Playwright and Chromium).

Builds a run of 10,000 segments from the seeds' real outputs, writes its page, and opens it in a fresh
Chromium several times. The table has the median and the worst of the visits beside the limit; the exit code
is 1 where a median is over its limit.

* first rows: from the start of the navigation until a frame with rows of text has been drawn;
* stalls: the longest time between two frames while the page is scrolled through, jumped about in, filtered,
  searched, and walked with the keyboard;
* memory: what the page's own process holds (proportional set size, Linux) and its JavaScript heap.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from mtalign.report import write_reports

ROOT = Path(__file__).resolve().parents[1]
FLAGS = ["--no-sandbox", "--disable-gpu", "--enable-precise-memory-info"]

WATCH = """
window.frames_ = { first: null, longest: 0, last: null };
(function frame(now) {
    const state = window.frames_;
    if (state.first === null && document.querySelector("#rows .row .text")?.textContent) {
        // The frame that this one precedes has them on the screen.
        requestAnimationFrame(() => requestAnimationFrame(() => { state.first ??= performance.now(); }));
    }
    if (state.last !== null) state.longest = Math.max(state.longest, now - state.last);
    state.last = now;
    requestAnimationFrame(frame);
})(performance.now());
"""


def build(folder: Path, count: int, times: int = 1) -> Path:
    """A run of one document of ``count`` segments, the seeds' real ones over and over.

    Each text stands ``times`` over in its segment, for very long lines.
    """
    lines = [
        json.loads(line)
        for path in sorted((ROOT / "outputs").glob("*/segments.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    lines = [line for line in lines if line["kind"] != "data"]
    document = folder / "long"
    document.mkdir(parents=True)
    with (document / "segments.jsonl").open("w", encoding="utf-8") as out:
        for number in range(count):
            line = dict(lines[number % len(lines)])
            old, line["id"] = line["id"], f"9.b{number // 5 + 1}.s{number % 5 + 1}"
            line |= {"document": "9", "block": f"9.b{number // 5 + 1}"}
            if line["link"] and line["link"]["source"] == [old]:
                line["link"] = line["link"] | {"source": [line["id"]], "target": [line["id"]]}
            for side in ("source", "translation"):
                line[side] = " ".join([line[side]] * times) if line[side] else line[side]
            line["quality"] = (number * 37 % 1000) / 1000
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
    manifest = {
        "schema": 1,
        "inputs": [{"document": "9", "path": "long.txt", "output": "long"}],
        "models": [],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    write_reports(folder)
    return document / "index.html"


def resident() -> float:
    """MB that the largest renderer below this process holds, proportionally; 0 without /proc."""
    listed = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True)
    rows = [row.split(None, 2) for row in listed.stdout.splitlines()[1:]]
    parents = {int(pid): int(parent) for pid, parent, *_ in rows}
    sizes = [0.0]
    for pid in (int(pid) for pid, _, *args in rows if args and "--type=renderer" in args[0]):
        above = pid
        while above in parents and above != os.getpid():
            above = parents[above]
        rollup = Path(f"/proc/{pid}/smaps_rollup")
        if above == os.getpid() and rollup.exists():
            sizes += [
                int(line.split()[1]) / 1024
                for line in rollup.read_text().splitlines()
                if line.startswith("Pss:")
            ]
    return max(sizes)


def until(page: Any, condition: str) -> None:
    """Wait; the page's policy forbids Playwright's own way, which evaluates text within the page."""
    while not page.evaluate(condition):
        page.wait_for_timeout(5)


def longest(page: Any, work: Callable[[], None], settle: int = 400) -> float:
    """The longest time between two frames, in ms, while ``work`` is done and just after."""
    page.evaluate("frames_.longest = 0")
    work()
    page.wait_for_timeout(settle)
    return float(page.evaluate("frames_.longest"))


def visit(path: Path) -> Iterator[tuple[str, float, float | None]]:
    """One opening of the page: figure, value, limit."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.add_init_script(WATCH)
        page.goto(path.as_uri(), wait_until="commit")
        until(page, "frames_.first !== null")
        yield "first rows, ms", float(page.evaluate("frames_.first")), 1000
        page.wait_for_timeout(1500)

        def scroll() -> None:
            page.mouse.move(700, 500)
            for _ in range(60):
                page.mouse.wheel(0, 700)
                page.wait_for_timeout(16)

        def jump() -> None:
            for share in (0.5, 1, 0.1, 0.77, 0):
                page.evaluate("share => scrollTo(0, share * document.body.scrollHeight)", share)
                page.wait_for_timeout(60)

        def walk() -> None:
            for _ in range(40):
                page.keyboard.press("j")

        def choose(fragment: str) -> Callable[[], None]:
            return lambda: page.evaluate("fragment => { location.hash = fragment }", fragment)

        def type_query() -> None:
            page.locator("#query").press_sequentially("NATO 2022", delay=30)

        yield "stall while scrolling, ms", longest(page, scroll), 100
        yield "stall on jumps of the scroll bar, ms", longest(page, jump), 100
        yield "stall while walking with j, ms", longest(page, walk), 100
        yield "stall on worst first, ms", longest(page, choose("order=worst")), 100
        yield "stall on a filter, ms", longest(page, choose("severity=warning")), 100
        yield "stall on a range of quality, ms", longest(page, choose("quality=0-0.3&order=worst")), 100
        yield "stall on show all, ms", longest(page, choose("order=")), 100
        yield "stall while typing a search, ms", longest(page, type_query), 100
        yield "stall on a pattern, ms", longest(page, choose("q=%5CbNATO%5Cb.*%5Cd&re=1"), 1200), 100
        yield "stall on a permalink, ms", longest(page, choose("9.b1500.s3")), 100
        yield "rows in the tree", float(page.evaluate("document.querySelectorAll('.row').length")), None
        heap = float(page.evaluate("performance.memory.usedJSHeapSize")) / 2**20
        yield "JavaScript heap, MB", heap, None
        yield "memory of the page's process, MB", resident(), 300
        started = time.perf_counter()
        page.emulate_media(media="print")
        until(page, "document.querySelectorAll('.row').length > 1000")
        yield "all rows for print, s", time.perf_counter() - started, None
        browser.close()


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--segments", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=1, help="each text so many times over: very long lines")
    parser.add_argument("--visits", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        path = build(Path(folder), options.segments, options.times)
        built = time.perf_counter() - started
        sys.stdout.write(
            f"{options.segments:,} segments, {path.stat().st_size / 2**20:.1f} MB, written in {built:.1f} s; "
            f"{options.visits} visits\n\n| figure | median | worst | limit | |\n|---|---|---|---|---|\n"
        )
        figures: dict[str, tuple[list[float], float | None]] = {}
        for _ in range(options.visits):
            for name, value, limit in visit(path):
                figures.setdefault(name, ([], limit))[0].append(value)
    over = 0
    for name, (values, limit) in figures.items():
        middle = statistics.median(values)
        over += limit is not None and middle > limit
        verdict = "" if limit is None else "ok" if middle <= limit else "OVER"
        shown = "" if limit is None else f"{limit:,.0f}"
        sys.stdout.write(f"| {name} | {middle:,.0f} | {max(values):,.0f} | {shown} | {verdict} |\n")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())

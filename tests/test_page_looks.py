"""The pages at three widths, light and dark: nothing overflows, text stands out, all can use it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from page_visit import missing
from report_samples import record, write_lines, write_run

from mtalign.document import BlockKind, Flag, Severity, Status
from mtalign.report import write_reports

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = "004_2c9f4eca55af6f73"
SCHEMES = ("light", "dark")


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core's script: where `make axe` puts it, or a folder that AXE names."""
    places = [os.environ.get("AXE", ""), str(ROOT / "node_modules" / "axe-core")]
    for place in filter(None, places):
        path = Path(place) / "axe.min.js"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    missing("axe-core", "`make axe` installs it with npm")
    raise AssertionError


VIEWS = {
    "overview": ("", "", ()),
    "reading": (DOCUMENT, "#004.b7.s8", ("d",)),
    "filters": (DOCUMENT, "#severity=warning&order=worst", ("f",)),
    "editing": (DOCUMENT, "#004.b7.s2", ("a", "e")),
    "conflict": ("5", "#5.b2.s2", ("conflict",)),
    "help": (DOCUMENT, "", ("?",)),
    "hand over": (DOCUMENT, "", ("E",)),
    "nothing found": (DOCUMENT, "#q=no+such+text", ()),
}


def take_in_a_conflict(page: Any) -> None:
    """A conflict in 5.b2.s2 and a correction of an earlier text in 5.b2.s3."""
    page.keyboard.press("r")
    file = {
        "schema": 1,
        "kind": "mtalign corrections",
        "run": "feedfacecafe0001",
        "reviewer": "Lee",
        "corrections": [
            {
                "segment": "5.b2.s2",
                "document": "5",
                "source": "日本有更多盟友。",
                "before": "Japan has more allies.",
                "verdict": "edited",
                "text": "Japan needs allies.",
                "by": "Lee",
            },
            {
                "segment": "5.b2.s3",
                "document": "5",
                "source": "可能是亚洲。",
                "before": "It was Asia.",
                "verdict": "accepted",
                "comment": "fine",
                "by": "Lee",
            },
        ],
    }
    page.locator("#exchange-button").click()
    page.locator("#import").set_input_files(
        {"name": "lee.json", "mimeType": "application/json", "buffer": json.dumps(file).encode()}
    )
    page.locator(".stale.panel").wait_for()
    assert page.locator(".conflict.panel").count() == 1


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", VIEWS)
def test_axe_finds_nothing_serious(browser, real_run, review_run, axe, scheme, name):
    folder, fragment, keys = VIEWS[name]
    run = review_run if folder == "5" else real_run
    # The page's own policy keeps axe out; it is lifted for the examination.
    context = browser.new_context(
        bypass_csp=True, color_scheme=scheme, viewport={"width": 1280, "height": 800}
    )
    page = context.new_page()
    page.goto((run / folder / "index.html").as_uri() + fragment)
    for key in keys:
        if key == "conflict":
            take_in_a_conflict(page)
        else:
            page.keyboard.press(key)
    page.wait_for_timeout(300)
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    assert len(found["passes"]) > 10
    serious = [
        (violation["id"], node["html"][:200], node["failureSummary"])
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
    assert serious == []
    context.close()


@pytest.mark.parametrize("width", [1440, 768, 390])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_nothing_overflows_and_text_stands_out_at_every_width(browser, review_run, real_run, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    for address, keys in (
        ((real_run / "index.html").as_uri(), ()),
        ((real_run / DOCUMENT / "index.html").as_uri() + "#004.b7.s2", ("a", "r", "e")),
        ((review_run / "5" / "index.html").as_uri() + "#5.b2.s1", ("a", "d", "f")),
        ((review_run / "5" / "index.html").as_uri() + "#5.b2.s2", ("conflict",)),
    ):
        page.goto(address)
        page.evaluate("localStorage.clear()")
        page.reload()
        for key in keys:
            if key == "conflict":
                take_in_a_conflict(page)
            else:
                page.keyboard.press(key)
        page.wait_for_timeout(250)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(CONTRAST) == []
        if keys:
            dock = page.locator("#dock .dock-line").bounding_box()
            assert dock["x"] >= 0
            assert dock["x"] + dock["width"] <= width
    context.close()


@pytest.mark.parametrize("width", [1440, 390])
def test_what_cannot_be_broken_does_not_burst_its_cell(browser, tmp_path, width):
    long = "x" * 3000
    run = write_run(
        tmp_path / "run",
        {
            "long": [
                record("1.b1.s1", "غ" * 3000, long, kind=BlockKind.HEADING, level=1, language="ar"),
                record("1.b1.s2", "https://example.org/" + "a" * 900, "漢" * 2000, language="zh"),
                record("1.b1.s3", long, None, failure=long, status=Status.FAILED),
                record("1.b1.s4", "가", "A", flags=(Flag(long, Severity.ERROR, long),)),
            ]
        },
    )
    write_lines(
        run / "long" / "reference.jsonl", [{"source": ["1.b1.s4"], "reference": [long], "score": 0.5}]
    )
    write_reports(run)
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    for path in (run / "long" / "index.html", run / "index.html"):
        page.goto(path.as_uri())
        page.wait_for_timeout(150)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        burst = page.evaluate(
            """[...document.querySelectorAll(".row > *, .document > *")].filter((cell) => {
                const outer = cell.getBoundingClientRect();
                return [...cell.querySelectorAll("*")].some(
                    (inner) => inner.getBoundingClientRect().right > outer.right + 1,
                );
            }).map((cell) => cell.className)"""
        )
        assert burst == []
    context.close()


# WCAG 2.2 contrast of every text against the colour behind it, at least 4.5 (3 for large text).
CONTRAST = """() => {
    const parse = (colour) => {
        const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
        return { r, g, b, a };
    };
    const luminance = ({ r, g, b }) => {
        const [x, y, z] = [r, g, b].map((v) => {
            v /= 255;
            return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const behind = (element) => {
        for (let e = element; e; e = e.parentElement) {
            const colour = parse(getComputedStyle(e).backgroundColor);
            if (colour.a === 1) return colour;
            if (colour.a > 0) throw new Error("half transparent");
            // A row's colour is a layer of its own behind it.
            if (e.matches(".row")) {
                const layer = parse(getComputedStyle(e, "::before").backgroundColor);
                if (layer.a === 1) return layer;
            }
        }
        throw new Error("no background");
    };
    const poor = new Set();
    for (const element of document.querySelectorAll("body *")) {
        if (!element.checkVisibility({ opacityProperty: true }) || element.closest(":disabled")) continue;
        if (element.matches("script, style, option, optgroup, svg *")) continue;
        if (![...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
        const style = getComputedStyle(element);
        const [a, b] = [luminance(parse(style.color)), luminance(behind(element))].sort((x, y) => y - x);
        const large = parseFloat(style.fontSize) >= 24;
        const ratio = (a + 0.05) / (b + 0.05), name = `${element.tagName}.${element.className}`;
        if (ratio < (large ? 3 : 4.5)) poor.add(`${name} ${ratio.toFixed(2)}`);
    }
    return [...poor];
}"""


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_browser_is_a_failure_in_ci_and_a_loud_skip_elsewhere(monkeypatch, ci, outcome):
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="PAGE TESTS NOT RUN: Chromium is not installed"):
        missing("Chromium")


def test_every_script_of_the_page_is_well_formed_by_itself():
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    for path in (ROOT / "mtalign/report/assets/document").glob("*.js"):
        subprocess.run([node, "--check", path], check=True)

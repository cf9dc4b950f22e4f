"""The pages at three widths, light and dark: nothing overflows, text stands out, all can use it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from page_visit import missing

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
    "help": (DOCUMENT, "", ("?",)),
    "hand over": (DOCUMENT, "", ("E",)),
    "nothing found": (DOCUMENT, "#q=no+such+text", ()),
}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", VIEWS)
def test_axe_finds_nothing_serious(browser, real_run, axe, scheme, name):
    folder, fragment, keys = VIEWS[name]
    # The page's own policy keeps axe out; it is lifted for the examination.
    context = browser.new_context(
        bypass_csp=True, color_scheme=scheme, viewport={"width": 1280, "height": 800}
    )
    page = context.new_page()
    page.goto((real_run / folder / "index.html").as_uri() + fragment)
    for key in keys:
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
    ):
        page.goto(address)
        for key in keys:
            page.keyboard.press(key)
        page.wait_for_timeout(250)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(CONTRAST) == []
        if keys:
            dock = page.locator("#dock .dock-line").bounding_box()
            assert dock["x"] >= 0
            assert dock["x"] + dock["width"] <= width
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

"""The pages in Chromium, opened from disk as a reviewer opens them from a mail attachment."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from report_samples import write_hostile_run, write_seed_run

from mtalign.report import write_reports

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DOCUMENT = "002_7a9b0708a55a9de9"


def missing(what: str) -> None:
    """Skip loudly; in CI, where the browser has to be, fail."""
    message = f"PAGE TESTS NOT RUN: {what} is not installed (`make browser` installs Chromium on Debian)"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        missing("Chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("Playwright")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def seed_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = write_seed_run(tmp_path_factory.mktemp("seeds"))
    write_reports(run)
    return run


class Visit:
    """A page with everything it did that it must not do."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.wrong: list[str] = []
        self.requests: list[str] = []
        page.on("dialog", self._dialog)
        page.on("pageerror", lambda error: self.wrong.append(f"error {error}"))
        page.on("console", lambda message: self.wrong.append(f"console {message.text}"))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("popup", lambda popup: self.wrong.append("popup"))

    def _dialog(self, dialog: Any) -> None:
        self.wrong.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def open(self, path: Path, fragment: str = "") -> None:
        self.page.goto("about:blank")
        self.requests.clear()
        self.page.goto(path.as_uri() + fragment)

    def shown(self) -> list[str]:
        found: list[str] = self.page.eval_on_selector_all(
            "tr.row", "rows => rows.filter(r => !r.hidden).map(r => r.dataset.segment)"
        )
        return found

    def current(self) -> str | None:
        return self.page.evaluate("document.querySelector('.row.current')?.dataset.segment ?? null")

    def fragment(self) -> str:
        return self.page.evaluate("location.hash")


@pytest.fixture
def visit(browser: Any) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    visit = Visit(context.new_page())
    yield visit
    context.close()
    assert visit.wrong == []


def test_filters_search_and_order_find_segments_and_live_in_the_link(visit, seed_run):
    path = seed_run / DOCUMENT / "index.html"
    visit.open(path)
    everything = visit.shown()
    assert len(everything) > 50

    visit.page.get_by_role("checkbox", name="failed").check()
    failed = visit.shown()
    assert failed == visit.page.eval_on_selector_all(".row.failed", "r => r.map(e => e.dataset.segment)")
    assert visit.fragment() == "#status=failed"
    assert visit.page.locator("#shown").inner_text() == f"{len(failed)} of {len(everything)} segments"

    visit.page.get_by_role("button", name="Show all").first.click()
    assert visit.shown() == everything

    visit.page.get_by_label("Flag").select_option("number")
    flagged = visit.shown()
    assert 0 < len(flagged) < len(everything)
    assert visit.page.locator(".row:visible .flags b", has_text="number").count() == len(flagged)

    visit.page.get_by_label("Flag").select_option("")
    visit.page.get_by_label("Search source and English").fill("2022")
    assert visit.shown() == visit.page.eval_on_selector_all(
        ".row", "r => r.filter(e => /2022/.test(e.innerText || e.textContent)).map(e => e.dataset.segment)"
    )
    assert visit.fragment() == "#q=2022"
    assert visit.page.evaluate("CSS.highlights.get('found').size") >= 1

    visit.page.get_by_label("Search source and English").fill("")
    visit.page.get_by_label("Order").select_option("worst")
    worst = visit.shown()
    assert worst[: len(failed)] == failed
    assert sorted(worst) == sorted(everything)
    assert worst != everything

    # A link shows the same view to somebody else.
    visit.open(path, "#status=failed%2Ckept&order=worst")
    assert set(failed) < set(visit.shown())
    assert visit.page.get_by_role("checkbox", name="kept").is_checked()
    visit.open(path, "#flag=severity%3Awarning")
    assert (
        visit.page.locator(".row:visible").count() == visit.page.locator(".row:visible:has(.warning)").count()
    )
    visit.open(path, "#q=no+such+text")
    assert visit.page.get_by_text("No segment matches").is_visible()


def test_a_permalink_opens_at_its_segment_and_the_keyboard_goes_on(visit, seed_run):
    path = seed_run / DOCUMENT / "index.html"
    visit.open(path, "#002.b5.s4")
    assert visit.current() == "002.b5.s4"
    assert visit.page.locator("[id='002.b5.s4']").evaluate(
        "e => { const box = e.getBoundingClientRect(); return box.top >= 0 && box.bottom <= innerHeight }"
    )
    order = visit.shown()
    place = order.index("002.b5.s4")
    visit.page.keyboard.press("j")
    visit.page.keyboard.press("j")
    assert visit.current() == order[place + 2]
    visit.page.keyboard.press("k")
    assert visit.current() == order[place + 1]
    assert visit.fragment() == f"#{order[place + 1]}"
    lit = "r => r.filter(e => getComputedStyle(e).boxShadow !== 'none').map(e => e.dataset.segment)"
    assert visit.page.eval_on_selector_all(".row", lit) == [order[place + 1]]

    visit.page.keyboard.press("w")
    assert visit.fragment().startswith("#order=worst")
    visit.page.keyboard.press("Escape")
    assert visit.shown() == order

    visit.page.keyboard.press("/")
    visit.page.keyboard.type("jk")
    assert visit.current() == order[place + 1]
    assert visit.page.locator("#query").input_value() == "jk"
    visit.page.keyboard.press("Escape")

    visit.page.locator("[id='002.b2.s1'] .permalink").click()
    assert visit.current() == "002.b2.s1"


def test_what_belongs_together_lights_up_together(visit, seed_run):
    visit.open(seed_run / "004_2c9f4eca55af6f73" / "index.html")
    row = visit.page.locator(".row:has(.reference-label:text('for 2 segments'))")
    row.locator("td.target .text").hover()
    together = visit.page.eval_on_selector_all(".row.together", "r => r.map(e => e.dataset.segment)")
    assert len(together) == 1
    assert row.evaluate("e => getComputedStyle(e).backgroundColor") == visit.page.locator(
        ".row.together"
    ).evaluate("e => getComputedStyle(e).backgroundColor")
    number = visit.page.locator("td.target .number:visible").first
    number.hover()
    assert "same" in number.get_attribute("class")


def test_a_figure_of_the_overview_opens_the_filtered_view(visit, seed_run):
    visit.open(seed_run / "index.html")
    visit.page.locator(".document").nth(2).get_by_role("link", name="failed").click()
    visit.page.wait_for_selector("#tools:not([hidden])")
    assert visit.page.url.endswith(f"{DOCUMENT}/index.html#status=failed")
    assert set(visit.shown()) == {"002.b5.s4", "002.b11.s6"}


def test_no_attack_does_anything_and_no_request_leaves_the_page(visit, tmp_path):
    run = write_hostile_run(tmp_path)
    written = write_reports(run)
    for path in (path for path in written if path.suffix == ".html"):
        visit.open(path)
        for fragment in (
            "#<img src=x onerror=alert(1)>",
            "#q=<img src=x onerror=alert(1)>",
            "#%",
            "#q=%E0%A4%A",
        ):
            visit.page.evaluate("hash => { location.hash = hash }", fragment)
        for element in visit.page.locator("h1, h3 a, .row:visible .source").all()[:12]:
            element.hover()
        visit.page.wait_for_timeout(100)
        assert visit.page.evaluate("document.querySelectorAll('img, iframe, main script, link').length") == 0
        assert [url.partition("#")[0] for url in visit.requests] == [path.as_uri()]


def test_the_policy_stops_what_would_get_into_the_page(visit, seed_run):
    visit.open(seed_run / DOCUMENT / "index.html")
    outcome = visit.page.evaluate(
        """async () => {
            const script = document.createElement("script");
            script.textContent = "window.intruder = true";
            document.body.append(script);
            const fetched = await fetch("http://127.0.0.1:9/").then(() => "sent", () => "refused");
            return [window.intruder ?? false, fetched];
        }"""
    )
    assert outcome == [False, "refused"]
    assert len(visit.wrong) >= 2
    assert all("Content Security Policy" in line or "Failed to fetch" in line for line in visit.wrong)
    visit.wrong.clear()


@pytest.mark.parametrize("width", [1440, 768, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_and_text_stands_out_at_every_width(browser, seed_run, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    for path in (seed_run / "index.html", seed_run / DOCUMENT / "index.html"):
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(CONTRAST) == []
    context.close()


def test_without_javascript_the_page_reads_and_links_work(browser, seed_run):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((seed_run / DOCUMENT / "index.html").as_uri() + "#002.b5.s4")
    assert page.locator("tr.row:visible").count() > 50
    assert page.locator("#tools").is_hidden()
    target = page.locator("[id='002.b5.s4']")
    assert target.is_visible()
    assert target.evaluate("e => getComputedStyle(e).boxShadow") != "none"
    context.close()


def test_print_has_every_row_and_no_tools(browser, seed_run):
    context = browser.new_context()
    page = context.new_page()
    page.goto((seed_run / DOCUMENT / "index.html").as_uri())
    page.emulate_media(media="print")
    assert page.locator("#tools").is_hidden()
    assert page.locator("tr.row:visible").count() == page.locator("tr.row").count()
    left, right = (page.locator(f"tr.row td.{side}").first.bounding_box() for side in ("source", "target"))
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]
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
        }
        throw new Error("no background");
    };
    const poor = new Set();
    for (const element of document.querySelectorAll("body *")) {
        if (!element.checkVisibility() || element.matches("script, style, option, optgroup, svg *")) continue;
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

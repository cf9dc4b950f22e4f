"""Finding segments on a document's page in Chromium: order, filters, search, navigator, links."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from report_samples import record, write_run

from mtalign.report import write_reports

DOCUMENT = "004_2c9f4eca55af6f73"


def lines_of(run, output=DOCUMENT):
    content = (run / output / "segments.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in content.splitlines()]


def test_filters_find_what_the_segments_say_and_live_in_the_link(visit, real_run):
    lines = lines_of(real_run)
    visit.open(real_run / DOCUMENT)
    assert visit.shown() == [line["id"] for line in lines]

    visit.press("f")
    visit.page.get_by_role("checkbox", name="kept").check()
    kept = [line["id"] for line in lines if line["status"] == "kept"]
    assert visit.shown() == kept
    assert visit.fragment() == "#status=kept"
    assert visit.page.locator("#found").inner_text() == f"{len(kept)} of {len(lines)} segments"

    visit.page.get_by_role("button", name="Show all").first.click()
    visit.page.get_by_label("Flag").select_option("short")
    flagged = [line["id"] for line in lines if any(flag["name"] == "short" for flag in line["flags"])]
    assert visit.shown() == flagged
    assert flagged

    visit.page.get_by_label("Language").select_option("zh")
    assert visit.fragment() == "#flag=short&lang=zh"
    visit.page.get_by_role("button", name="Remove filter: flag short").click()
    assert visit.shown() == [line["id"] for line in lines if line["source_lang"] == "zh"]

    # A link shows the same view to somebody else.
    visit.open(real_run / DOCUMENT, "#status=kept%2Cskipped")
    assert visit.shown() == [line["id"] for line in lines if line["status"] in ("kept", "skipped")]
    assert visit.page.get_by_role("checkbox", name="skipped").is_checked()
    visit.open(real_run / DOCUMENT, "#severity=warning")
    assert set(visit.shown()) == {
        line["id"] for line in lines if any(flag["severity"] == "warning" for flag in line["flags"])
    }
    visit.open(real_run / DOCUMENT, "#reference=1")
    assert len(visit.shown()) == 19
    visit.open(real_run / DOCUMENT, "#q=no+such+text")
    assert visit.page.get_by_text("No segment matches").is_visible()


def test_worst_first_goes_by_failure_severity_and_estimated_quality(visit, review_run):
    visit.open(review_run / "5")
    visit.page.get_by_role("radio", name="Worst first").check()
    assert visit.fragment() == "#order=worst"
    worst = visit.shown()
    lines = {line["id"]: line for line in lines_of(review_run, "5")}
    assert worst[:2] == ["5.b6.s1", "5.b2.s4"]
    warned = [i for i in worst if any(f["severity"] == "warning" for f in lines[i]["flags"])]
    assert worst[2 : 2 + len(warned)] == warned
    for group in (warned, [i for i in worst if not lines[i]["flags"] and lines[i]["quality"]]):
        values = [lines[i]["quality"] for i in group]
        assert values == sorted(values)


def test_engine_review_and_side_are_filters_too(visit, tmp_path):
    memory = record("1.b1.s2", "나토", "NATO again")
    memory = replace(memory, translation=replace(memory.translation, engine="memory"))
    records = [record("1.b1.s1", "나토 NATO", "The alliance"), memory, record("1.b1.s3", "일본", "Japan")]
    run = write_run(tmp_path / "run", {"a": records})
    write_reports(run)
    visit.open(run / "a", "#1.b1.s3")
    visit.press("a", "f")
    visit.page.get_by_label("Engine").select_option("memory")
    assert visit.shown() == ["1.b1.s2"]
    assert "engine=memory" in visit.fragment()
    visit.page.get_by_role("button", name="Show all").first.click()
    visit.page.get_by_role("checkbox", name="accepted").check()
    assert visit.shown() == ["1.b1.s3"]
    visit.page.get_by_role("checkbox", name="accepted").uncheck()
    visit.page.locator("#query").fill("NATO")
    assert visit.shown() == ["1.b1.s1", "1.b1.s2"]
    visit.page.get_by_label("Search in").select_option("english")
    assert visit.shown() == ["1.b1.s2"]
    assert visit.fragment().startswith("#q=NATO&side=english")


def test_a_range_of_estimated_quality_is_a_filter(visit, review_run):
    visit.open(review_run / "5")
    visit.press("f")
    visit.page.get_by_label("Quality from").fill("0.3")
    visit.page.get_by_label("to", exact=True).fill("0.5")
    wanted = [
        line["id"] for line in lines_of(review_run, "5") if line["quality"] and 0.3 <= line["quality"] < 0.5
    ]
    assert visit.shown() == wanted
    assert wanted
    assert visit.fragment() == "#quality=0.3-0.5"


def test_search_looks_on_either_side_and_marks_what_it_found(visit, real_run):
    lines = lines_of(real_run)
    visit.open(real_run / DOCUMENT)
    visit.press("/")
    visit.page.keyboard.type("nato")
    both = [x["id"] for x in lines if "nato" in f"{x['source']}\n{x['translation'] or x['failure']}".lower()]
    assert visit.shown() == both
    assert visit.fragment() == "#q=nato"
    assert {t.lower() for t in visit.page.locator("#rows mark.found").all_inner_texts()} == {"nato"}
    visit.page.evaluate("location.hash = '#q=nato&side=source'")
    visit.page.wait_for_timeout(50)
    assert visit.shown() == [x["id"] for x in lines if "nato" in x["source"].lower()]
    # Full-width digits are found by plain ones, and the other way round.
    visit.open(real_run / DOCUMENT, "#q=２０２２")
    assert visit.shown() == [x["id"] for x in lines if "2022" in f"{x['source']}\n{x['translation']}"]


def test_find_in_page_goes_to_the_search_box_which_knows_all_segments(visit, real_run):
    visit.open(real_run / DOCUMENT)
    last = lines_of(real_run)[-1]
    assert visit.row(last["id"]).count() == 0
    visit.press("Control+f")
    assert visit.page.evaluate("document.activeElement.id") == "query"
    assert visit.said().startswith("This searches all segments.")
    visit.page.keyboard.type(last["source"])
    assert last["id"] in visit.shown()
    # A second time the browser's own search opens: the page leaves the key alone.
    visit.page.evaluate(
        "document.addEventListener('keydown', (event) => { window.kept = event.defaultPrevented })"
    )
    visit.press("Control+f")
    assert visit.page.evaluate("window.kept") is False


def test_search_takes_regular_expressions(visit, real_run):
    import re

    lines = lines_of(real_run)
    visit.open(real_run / DOCUMENT)
    visit.press("p", "/")
    pattern = r"\b20\d\d\b"
    visit.page.keyboard.type(pattern)
    visit.page.locator("#rows mark.found").first.wait_for()
    wanted = [
        x["id"]
        for x in lines
        if re.search(pattern, x["source"], re.ASCII) or re.search(pattern, x["translation"] or "", re.ASCII)
    ]
    assert visit.shown() == wanted
    assert all(re.fullmatch(r"20\d\d", t) for t in visit.page.locator("#rows mark.found").all_inner_texts())
    assert "re=1" in visit.fragment()


def test_a_bad_pattern_is_told_in_words_and_leaves_the_list(visit, review_run):
    visit.open(review_run / "5")
    before = visit.shown()
    visit.press("p")
    visit.page.locator("#query").fill("(NATO")
    trouble = visit.page.locator("#trouble")
    assert "not a pattern yet (unterminated group)" in trouble.inner_text()
    assert visit.shown() == before
    visit.page.locator("#query").fill("(NATO)")
    visit.page.locator("#rows mark.found").first.wait_for()
    assert trouble.is_hidden()


def test_a_pattern_without_end_is_stopped_while_the_page_goes_on(visit, tmp_path):
    run = write_run(tmp_path / "run", {"a": [record("1.b1.s1", "가" + "a" * 60 + "!", "b")]})
    write_reports(run)
    visit.open(run / "a", "#q=(a%2B)%2B%24&re=1")
    assert visit.page.evaluate("1 + 1") == 2
    visit.page.get_by_text("This pattern takes too long: it was stopped after two seconds").wait_for()
    visit.page.locator("#query").fill("a+!")
    visit.page.locator("#rows mark.found").wait_for()
    assert visit.shown() == ["1.b1.s1"]


def test_a_permalink_opens_at_its_segment_and_the_navigator_goes_on(visit, real_run):
    visit.open(real_run / DOCUMENT, "#004.b7.s17")
    assert visit.current() == "004.b7.s17"
    inside = "e => { const b = e.getBoundingClientRect(); return b.top >= 0 && b.bottom <= innerHeight }"
    assert visit.row("004.b7.s17").evaluate(inside)
    order = [line["id"] for line in lines_of(real_run)]
    place = order.index("004.b7.s17")
    position = visit.page.locator("#position")
    assert position.inner_text() == f"{place + 1} of {len(order)}"
    visit.press("j", "j")
    assert visit.current() == order[place + 2]
    assert visit.row(order[place + 2]).evaluate("e => e === document.activeElement")
    visit.page.get_by_role("button", name="Previous segment").click()
    assert visit.current() == order[place + 1]
    assert visit.fragment() == f"#{order[place + 1]}"
    visit.press("G")
    assert visit.current() == order[-1]
    assert visit.row(order[-1]).evaluate(inside)
    visit.press("g")
    assert visit.row(order[0]).evaluate(inside)
    visit.row(order[1]).locator(".permalink").click()
    assert visit.fragment() == f"#{order[1]}"


def test_the_navigator_counts_within_the_filter_and_the_link_keeps_both(visit, review_run):
    visit.open(review_run / "5", "#severity=warning&order=worst")
    visit.press("j", "j")
    assert visit.page.locator("#position").inner_text() == "2 of 4"
    here = visit.current()
    assert visit.fragment() == f"#severity=warning&order=worst&id={here}"
    visit.open(review_run / "5", f"#severity=warning&order=worst&id={here}")
    assert visit.current() == here
    assert visit.page.locator("#position").inner_text() == "2 of 4"
    visit.press("Escape")
    assert visit.fragment() == f"#order=worst&id={here}"


@pytest.mark.parametrize("order", ["", "&order=worst"])
def test_siblings_show_in_context_on_demand(visit, review_run, order):
    visit.open(review_run / "5", f"#flag=number&id=5.b2.s4{order}")
    assert visit.shown() == ["5.b2.s4"]
    visit.press("x")
    visit.page.locator(".context").first.wait_for()
    around = visit.page.eval_on_selector_all(".row", "rows => rows.map(row => row.dataset.segment)")
    assert around == [f"5.b2.s{number}" for number in range(1, 7)]
    assert visit.page.locator(".row:not(.context)").count() == 1
    assert "context=5.b2.s4" in visit.fragment()
    visit.press("x")
    assert visit.page.locator(".context").count() == 0


def test_figures_of_the_overview_open_the_filtered_view(visit, review_run):
    visit.open(review_run)
    visit.page.get_by_role("link", name="failed").first.click()
    visit.page.locator("#dock").wait_for()
    assert visit.page.url.endswith("/5/index.html#status=failed")
    assert visit.shown() == ["5.b6.s1"]
    visit.open(review_run)
    visit.page.locator(".histogram a[aria-label*='0.5 to 0.6']").first.click()
    visit.page.locator("#dock").wait_for()
    assert set(visit.shown()) == {
        line["id"] for line in lines_of(review_run, "5") if line["quality"] and 0.5 <= line["quality"] < 0.6
    }
    visit.open(review_run)
    visit.page.locator("section[aria-labelledby=flags] a").first.click()
    visit.page.locator("#dock").wait_for()
    assert visit.shown() == ["5.b2.s4"]

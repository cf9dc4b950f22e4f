"""Reading a document's page in Chromium: what stands beside what, what lights up, what is on paper."""

from __future__ import annotations

import io
import json
import unicodedata
from pathlib import Path

import pytest
from pypdf import PdfReader
from report_samples import ATTACKS, record, write_hostile_run, write_run

from mtalign.document import Status
from mtalign.report import write_reports

ASSETS = Path(__file__).resolve().parents[1] / "mtalign/report/assets/document"


def test_source_and_english_stand_side_by_side_with_language_and_direction(visit, review_run):
    visit.open(review_run / "5")
    row = visit.row("5.b1.s2")
    source, target = row.locator(".source"), row.locator(".target")
    assert [source.get_attribute(name) for name in ("lang", "dir")] == ["ar", "rtl"]
    assert [target.get_attribute(name) for name in ("lang", "dir")] == ["en", "ltr"]
    left, right = source.bounding_box(), target.bounding_box()
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]
    heading = visit.row("5.b1.s1").locator(".source .text")
    size = "e => parseFloat(getComputedStyle(e).fontSize)"
    assert heading.evaluate(size) > source.locator(".text").evaluate(size)
    assert visit.row("5.b1.s1").locator(".source").evaluate("e => getComputedStyle(e).lineBreak") == "strict"


def test_lists_data_failures_and_kept_lines_read_as_what_they_are(visit, review_run):
    visit.open(review_run / "5", "#5.b8.s1")
    bullet = "e => getComputedStyle(e, '::before').content"
    assert visit.row("5.b8.s1").locator(".source .text").evaluate(bullet) == '"•"'
    assert visit.row("5.b7.s1").locator("details summary").inner_text() == "data, 8 characters"
    assert visit.row("5.b7.s1").locator("pre").is_hidden()
    assert visit.row("5.b6.s1").locator(".failure").inner_text() == "Not translated. empty output"
    assert visit.row("5.b6.s1").locator(".target > .text").count() == 0
    assert "kept" in visit.row("5.b6.s2").locator(".status").inner_text()


def test_beads_that_are_not_one_to_one_and_unaligned_lines_show(visit, review_run):
    visit.open(review_run / "5", "#5.b3.s2")
    assert visit.row("5.b3.s1").locator(".bead").inner_text() == "bead 2–1 with b3.s2"
    assert "source in bead 2–1" in visit.row("5.b3.s2").locator(".bead").first.inner_text()
    assert "English in no bead" in visit.row("5.b3.s2").locator(".bead").last.inner_text()
    assert "unaligned" in visit.row("5.b3.s4").locator(".bead").first.inner_text()
    bracket = "e => getComputedStyle(e, '::before').borderInlineStartWidth"
    assert visit.row("5.b3.s1").locator(".source").evaluate(bracket) == "2px"
    assert "together" in visit.row("5.b3.s1").get_attribute("class")


def test_flags_mark_the_characters_concerned_with_a_word_beside_the_colour(visit, review_run):
    visit.open(review_run / "5", "#5.b2.s4")
    row = visit.row("5.b2.s4")
    assert row.locator(".source mark.error").all_inner_texts() == ["2022"]
    assert " ".join(row.locator(".flags li").inner_text().split()) == "✕ error: number 2022 is missing"


def test_hover_on_one_side_lights_the_other_and_linked_words_light_each_other(visit, review_run):
    visit.open(review_run / "5", "#5.b2.s1")
    row = visit.row("5.b2.s1")
    row.locator(".source .word", has_text="北约").hover()
    assert "lit-side" in row.locator(".target").get_attribute("class")
    assert row.locator(".linked").all_inner_texts() == ["北约", "NATO"]
    row.locator(".target .number", has_text="1949").hover()
    assert row.locator(".linked").all_inner_texts() == ["1949", "1949"]


def test_the_arrow_keys_walk_the_linked_words_without_a_mouse(visit, review_run):
    visit.open(review_run / "5", "#5.b2.s1")
    visit.press("ArrowRight")
    assert visit.said() == "北约 – NATO"
    assert visit.row("5.b2.s1").locator(".linked").all_inner_texts() == ["北约", "NATO"]
    visit.press("ArrowRight")
    assert visit.said() == "1949 – 1949"
    visit.press("ArrowLeft")
    assert visit.said() == "北约 – NATO"


def test_glossary_terms_are_marked_on_both_sides_and_a_missing_one_is_named(browser, visit, tmp_path):
    run = write_run(
        tmp_path / "run", {"a": [record("1.b1.s1", "北约与日本", "NATO and others", language="zh")]}
    )
    write_reports(run)
    path = run / "a" / "index.html"
    page = path.read_text(encoding="utf-8")
    terms = json.dumps([[0, 2, "NATO", True], [3, 5, "Japan", False]])
    path.write_text(
        page.replace('"status":"translated"', f'"status":"translated","terms":{terms}', 1), "utf-8"
    )
    visit.open(run / "a")
    row = visit.row("1.b1.s1")
    assert row.locator(".source .term").all_inner_texts() == ["北约", "日本"]
    assert row.locator(".target .term").all_inner_texts() == ["NATO"]
    assert row.locator(".source .missing").inner_text() == "日本"
    assert row.locator(".glossary").inner_text() == "glossary: 日本 is Japan"
    row.locator(".source .term").first.hover()
    assert row.locator(".linked").all_inner_texts() == ["北约", "NATO"]


def test_the_reference_stands_beside_with_a_difference_by_words_or_characters(visit, review_run):
    visit.open(review_run / "5", "#5.b2.s1")
    reference = visit.row("5.b2.s1").locator(".reference")
    assert " ".join(reference.inner_text().split()) == "Reference 0.90 NATO was set up in 1949."
    visit.press("d")
    assert visit.fragment() == "#diff=words&id=5.b2.s1"
    assert reference.locator("del").all_inner_texts() == ["founded"]
    assert reference.locator("ins").all_inner_texts() == ["set up"]
    visit.press("d")
    assert (
        "".join(
            reference.locator(".difference").evaluate(
                "e => [...e.childNodes].filter(n => n.nodeName !== 'DEL').map(n => n.textContent)"
            )
        )
        == "NATO was set up in 1949."
    )
    assert reference.locator("del").count() > 1
    visit.press("d")
    assert reference.locator("del").count() == 0
    joint = visit.row("5.b2.s3")
    assert "Reference for 2 segments" in joint.locator(".reference").first.inner_text()
    assert "Nobody translated this." in joint.locator(".reference.unaligned").inner_text()


def test_names_are_marked_on_both_sides_and_light_each_other(visit, tmp_path):
    run = write_run(
        tmp_path / "run",
        {
            "a": [
                record(
                    "1.b1.s1",
                    "ウクライナのゼレンスキー氏とNATO",
                    "President Zelensky of Ukraine and NATO",
                    language="ja",
                ),
                record("1.b1.s2", "Der Partner Rutte", "Partner of Rutte", language="de"),
                record("1.b1.s3", "Rutte sagte", "The secretary Rutte said", language="de"),
                record("1.b1.s4", "北约与日本", "NATO and Japan", language="zh"),
            ]
        },
    )
    write_reports(run)
    visit.open(run / "a", "#1.b1.s1")
    row = visit.row("1.b1.s1")
    assert row.locator(".source .name").all_inner_texts() == ["ウクライナ", "ゼレンスキー", "NATO"]
    assert row.locator(".target .name").all_inner_texts() == ["Zelensky", "Ukraine", "NATO"]
    row.locator(".source .name", has_text="ウクライナ").hover()
    assert row.locator(".linked").all_inner_texts() == ["ウクライナ", "Ukraine"]
    visit.page.mouse.move(0, 0)
    visit.press("ArrowRight", "ArrowRight")
    assert visit.said() == "ゼレンスキー – Zelensky"
    # A German noun with a capital is no name; what the English has inside a sentence is.
    assert visit.row("1.b1.s2").locator(".name").all_inner_texts() == ["Rutte", "Rutte"]
    # Names in Han cannot be told from other words.
    assert visit.row("1.b1.s4").locator(".name").count() == 0
    # The marks were made on the engine's English and do not outlive it.
    visit.press("e")
    visit.page.locator("textarea").fill("Zelenskyy")
    visit.press("Enter")
    assert row.locator(".target .name").count() == 0


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("ar", "تأسس حلف NATO في عام 1949."),
        ("he", 'נאט"ו נוסדה בשנת 1949 (12 מדינות).'),
        ("fa", "ناتو در سال ۱۹۴۹ با ۱۲ کشور تأسیس شد."),
    ],
)
def test_what_is_written_from_the_right_reads_from_the_right(browser, visit, tmp_path, language, source):
    english = "NATO was founded in 1949 with 12 countries."
    run = write_run(tmp_path / "run", {"a": [record("1.b1.s1", source, english, language=language)]})
    write_reports(run)
    visit.open(run / "a", "#1.b1.s1")
    row = visit.row("1.b1.s1")
    assert [row.locator(c).get_attribute("dir") for c in (".source", ".target")] == ["rtl", "ltr"]
    cell, text = row.locator(".source").bounding_box(), row.locator(".source .text").bounding_box()
    assert cell["x"] + cell["width"] - (text["x"] + text["width"]) < 2
    # Numbers of both sides are found as the same, whatever digits they are written in.
    row.locator(".target .number", has_text="1949").hover()
    assert row.locator(".linked").count() == 2
    # The full stop of the source stands at its left end, that of the English at its right.
    ends = row.evaluate(
        """row => [".source", ".target"].map((side) => {
            const text = row.querySelector(`${side} .text`), range = document.createRange();
            const last = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
            let node = null;
            while (last.nextNode()) node = last.currentNode;
            range.setStart(node, node.length - 1);
            range.setEnd(node, node.length);
            const box = range.getBoundingClientRect(), all = text.getBoundingClientRect();
            return box.left - all.left < all.right - box.right ? "left" : "right";
        })"""
    )
    assert ends == ["left", "right"]
    # So does the title above it.
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((run / "a" / "index.html").as_uri())
    assert page.locator(".static-row p").first.evaluate("e => getComputedStyle(e).direction") == "rtl"
    context.close()


def test_an_empty_document_says_so(visit, tmp_path):
    run = write_run(tmp_path / "run", {"empty": [], "one": [record("1.b1.s1", "가", "A")]})
    write_reports(run)
    visit.open(run / "empty")
    assert visit.page.get_by_text("This document has no segments.").is_visible()
    visit.press("j", "a", "e", "m", "s", "n", "G", "w", "x", "d", "ArrowRight", "Escape")
    visit.page.locator("#query").fill("a")
    assert visit.page.get_by_text("This document has no segments.").is_visible()
    visit.open(run)
    assert visit.page.get_by_text("no segments", exact=True).is_visible()
    visit.open(run / "one")
    assert visit.shown() == ["1.b1.s1"]
    visit.press("j", "j", "k", "k", "m")
    assert visit.said() == "There is no segment after this one"


def test_a_document_of_failures_alone_shows_each_reason(visit, tmp_path):
    failed = [
        record(f"1.b1.s{n}", "가", None, failure=f"reason {n}", status=Status.FAILED) for n in range(1, 4)
    ]
    run = write_run(tmp_path / "run", {"a": failed})
    write_reports(run)
    visit.open(run / "a", "#1.b1.s1")
    assert visit.page.locator(".failure:visible").all_inner_texts() == [
        f"Not translated. reason {n}" for n in (1, 2, 3)
    ]
    visit.press("d", "ArrowRight")
    assert visit.said() == "Nothing is linked in this segment"


def test_only_the_rows_in_view_are_in_the_tree_and_the_table_says_how_many_there_are(visit, real_run):
    visit.open(real_run / "004_2c9f4eca55af6f73")
    assert visit.page.locator(".row").count() < 60
    assert visit.page.locator("#table").get_attribute("aria-rowcount") == "94"
    assert len(visit.shown()) == 93


def test_print_has_every_row_and_no_tools(visit, real_run):
    visit.open(real_run / "002_7a9b0708a55a9de9")
    every = visit.shown()
    visit.page.emulate_media(media="print")
    visit.page.locator(f"[id='{every[-1]}']").wait_for()
    assert visit.page.eval_on_selector_all(".row", "r => r.map(e => e.id)") == every
    for part in ("#tools", "#dock"):
        assert visit.page.locator(part).is_hidden()
    boxes = visit.page.eval_on_selector_all(".row", "r => r.map(e => e.getBoundingClientRect().top)")
    assert boxes == sorted(set(boxes))
    visit.page.emulate_media(media="screen")
    # The browser tells of the change with its next frame.
    for _ in range(100):
        if visit.page.locator(".row").count() < len(every):
            break
        visit.page.wait_for_timeout(50)
    assert visit.page.locator(".row").count() < len(every)


@pytest.mark.parametrize("document", ["002_7a9b0708a55a9de9", "004_2c9f4eca55af6f73"])
def test_the_printed_booklet_has_every_row_whole_and_a_running_head(visit, real_run, document):
    visit.open(real_run / document)
    title = " ".join(visit.page.locator("h1").inner_text().split())
    rows = visit.page.evaluate("JSON.parse(document.getElementById('data').textContent).segments")
    booklet = PdfReader(io.BytesIO(visit.page.pdf(prefer_css_page_size=True)))
    # Ligatures come out of a PDF as characters of their own.
    pages = [unicodedata.normalize("NFKC", page.extract_text()) for page in booklet.pages]
    assert 4 < len(pages) < 12

    def squeezed(text):
        return unicodedata.normalize("NFKC", "".join(text.split()))

    bare = [squeezed(page) for page in pages]
    for segment in rows:
        english = squeezed(segment.get("translation") or segment["failure"])
        # Every row stands whole on one page, or a page of its own would be cut.
        assert any(english in page for page in bare), segment["id"]
    label = rows[0]["id"].partition(".")[2]
    assert label in pages[0]
    for number, page in enumerate(pages, start=1):
        assert f"{number} / {len(pages)}" in page
        # The first page has the masthead instead; a title too long for the line is cut.
        head = " ".join(page.split()[:20])
        begun = head.partition("...")[0] if "..." in head else head
        assert number == 1 or title in head or (title.startswith(begun) and len(begun) > 60)
        assert (f"{document}.txt" in " ".join(page.split())) or number == 1
    for tool in ("Worst first", "Keyboard", "Clear the verdict"):
        assert not any(tool in page for page in pages)


def test_a_filtered_view_prints_what_it_shows_and_says_so(visit, real_run):
    folder = real_run / "004_2c9f4eca55af6f73"
    lines = (folder / "segments.jsonl").read_text(encoding="utf-8").splitlines()
    flagged = sum(bool(json.loads(line)["flags"]) for line in lines)
    assert 0 < flagged < len(lines)
    visit.open(folder, "#severity=warning")
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(visit.page.pdf())).pages)
    assert f"{flagged} of {len(lines)} segments: warning" in " ".join(text.split())
    assert "Abstract" not in text


def test_the_running_head_is_text_whatever_the_title_holds(visit, tmp_path):
    run = write_hostile_run(tmp_path)
    write_reports(run)
    (folder,) = (path for path in run.iterdir() if path.is_dir())
    visit.open(folder)
    rule = visit.page.evaluate("document.styleSheets[0].cssRules[0].cssText")
    assert rule.startswith("@page")
    assert "alert" in rule
    assert visit.page.evaluate("document.styleSheets.length") == 1
    visit.page.pdf()


def test_without_javascript_the_page_reads_and_permalinks_work(browser, real_run):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((real_run / "002_7a9b0708a55a9de9" / "index.html").as_uri() + "#002.b5.s4")
    assert page.locator(".static-row:visible").count() == 60
    assert page.locator("#tools").is_hidden()
    assert page.locator("#dock").is_hidden()
    target = page.locator(".static-row[id='002.b5.s4']")
    assert target.evaluate("e => getComputedStyle(e).boxShadow") != "none"
    context.close()


def test_no_attack_does_anything_and_no_request_leaves_the_page(visit, tmp_path):
    run = write_hostile_run(tmp_path)
    written = write_reports(run)
    for path in (path for path in written if path.suffix == ".html"):
        visit.open(path)
        for fragment in (
            "#<img src=x onerror=alert(1)>",
            "#q=<img src=x onerror=alert(1)>&re=1",
            "#%",
            "#q=%E0%A4%A",
            "#id=<svg onload=alert(1)>&flag=<b>&lang=<b>&review=<b>&context=<b>",
            "#diff=words",
        ):
            visit.page.evaluate("hash => { location.hash = hash }", fragment)
            visit.page.wait_for_timeout(30)
        if path.parent != run:
            for attack in ATTACKS:
                visit.import_file(
                    corrections_of_hostile(attack, visit.page.evaluate("JSON.parse(data.textContent)"))
                )
            visit.page.evaluate("location.hash = '#review=conflict'")
            visit.page.wait_for_timeout(50)
            assert visit.page.locator(".conflict").count() > 0
            visit.page.emulate_media(media="print")
            visit.page.emulate_media(media="screen")
        assert visit.page.evaluate("document.querySelectorAll('img, iframe, main script, link').length") == 0
        assert [url.partition("#")[0] for url in visit.requests if not url.startswith("blob:")] == [
            path.as_uri()
        ]


def corrections_of_hostile(attack: str, data: dict) -> dict:
    """Corrections that say ``attack`` in every field, of segments of the page and of others."""
    fields = {"document": data["document"], "comment": attack, "by": attack, "at": attack}
    segments = [s for s in data["segments"] if s.get("translation")]
    return {
        "schema": 1,
        "kind": "mtalign corrections",
        "run": data["run"],
        "reviewer": attack,
        "exported": attack,
        "corrections": [
            {
                "segment": s["id"],
                "source": s["source"],
                "before": s["translation"],
                "verdict": "edited",
                "text": attack + attack,
                **fields,
            }
            for s in segments[:3]
        ]
        + [
            {
                "segment": segments[4]["id"],
                "source": attack + "!",
                "before": attack,
                "verdict": None,
                **fields,
            },
            {"segment": attack, "source": attack, "before": None, "verdict": "rejected", **fields},
        ],
        "beads": [
            {"document": data["document"], "source": [attack], "target": [attack], "by": attack, "at": ""}
        ],
    }


def test_the_policy_stops_what_would_get_into_the_page(visit, real_run):
    visit.open(real_run / "002_7a9b0708a55a9de9")
    outcome = visit.page.evaluate(
        """async () => {
            const script = document.createElement("script");
            script.textContent = "window.intruder = true";
            document.body.append(script);
            const fetched = await fetch("http://127.0.0.1:9/").then(() => "sent", () => "refused");
            const worker = new Worker(URL.createObjectURL(new Blob([
                "fetch('http://127.0.0.1:9/').then(() => postMessage('sent'), () => postMessage('refused'))",
            ])));
            const inWorker = await new Promise((done) => { worker.onmessage = (event) => done(event.data); });
            return [window.intruder ?? false, fetched, inWorker];
        }"""
    )
    assert outcome == [False, "refused", "refused"]
    assert len(visit.wrong) >= 2
    assert all("Content Security Policy" in line or "Failed to fetch" in line for line in visit.wrong)
    visit.wrong.clear()


def in_page(visit, names: tuple[str, ...], expression: str, argument: object) -> object:
    """Evaluate with the named source files of the page's script, on an empty page."""
    visit.page.goto("about:blank")
    code = "".join((ASSETS / name).read_text(encoding="utf-8") for name in names)
    return visit.page.evaluate(f"(argument) => {{ {code}\n return ({expression})(argument); }}", argument)


def test_pieces_joined_give_the_text_back_and_digits_are_ascii(visit):
    texts = ["12,5 % – 2022年", "𠮷野😀 1", "٣٫٥ و १२", "", "a\u202eb"]
    spans = [[-2, 1], [0, 99], [3, 3], [5, 2], [1, 4]]
    joined = in_page(
        visit,
        ("dom.js", "pieces.js"),
        """([texts, spans]) => texts.map((text) => {
            const flags = spans.map(([start, end]) => ({ start, end, kind: "error" }));
            const layers = [...numberLayers(text), ...flags];
            return cut(text, layers).map((piece) => piece.text).join("");
        })""",
        [texts, spans],
    )
    assert joined == texts
    groups = in_page(
        visit,
        ("dom.js", "pieces.js"),
        "(texts) => texts.map((text) => numberLayers(text).map((layer) => layer.group))",
        ["12,5 %", "２０２２年", "१२ и ٣"],
    )
    assert groups == [["n125"], ["n2022"], ["n12", "n3"]]


@pytest.mark.parametrize("by", ["words", "characters"])
def test_a_difference_holds_both_texts(visit, by):
    pairs = [
        ["The parties met in 2022.", "Both parties met twice, in 2023."],
        ["", "new"],
        ["gone", ""],
        ["same", "same"],
        ["日本は島国です。", "日本は国です"],
        ["a b c d", "d c b a"],
    ]
    parts = in_page(
        visit, ("dom.js", "diff.js"), "([pairs, by]) => pairs.map(([a, b]) => diff(a, b, by))", [pairs, by]
    )
    for (before, after), pieces in zip(pairs, parts, strict=True):
        assert "".join(p["text"] for p in pieces if p["kind"] != "new") == before
        assert "".join(p["text"] for p in pieces if p["kind"] != "gone") == after

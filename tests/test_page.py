"""The pages as they stand in the file: complete without JavaScript, and nothing of a document is markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html
from report_samples import ATTACKS, NOTE, record, write_hostile_run, write_lines, write_run, write_seed_run

from mtalign.document import BlockKind, Flag, Link, Severity, Status
from mtalign.report import write_reports
from mtalign.report.html import pieces
from mtalign.report.pages import json_block, path_reference
from mtalign.report.payload import DocumentRun, read_run
from mtalign.report.text import visible


@pytest.fixture(scope="module")
def seed_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = write_seed_run(tmp_path_factory.mktemp("seeds"))
    write_reports(run)
    return run


@pytest.fixture(scope="module")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = write_hostile_run(tmp_path_factory.mktemp("hostile"))
    write_reports(run)
    return run


def pages(run: Path) -> list[Path]:
    return [run / "index.html", *(path for path in run.glob("*/index.html"))]


def parse(path: Path) -> html.HtmlElement:
    return html.document_fromstring(path.read_text(encoding="utf-8"))


def page_of(run: Path, document: DocumentRun) -> html.HtmlElement:
    return parse(run / document.output / "index.html")


def text(element: html.HtmlElement) -> str:
    return element.text_content()


def one_page(tmp_path: Path, *records: object) -> html.HtmlElement:
    run = write_run(tmp_path / "run", {"a": list(records)})
    write_reports(run)
    return parse(run / "a" / "index.html")


@pytest.fixture(params=["seed_run", "hostile_run"])
def any_run(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def test_every_segment_stands_in_the_page_without_javascript(seed_run):
    for document in read_run(seed_run).documents:
        rows = page_of(seed_run, document).cssselect("tr.row")
        assert [row.get("id") for row in rows] == [r.segment.id for r in document.records]
        for row, r in zip(rows, document.records, strict=True):
            (source,), (target,) = row.cssselect("td.source"), row.cssselect("td.target")
            assert r.segment.text in text(source)
            assert (r.translation.text or r.translation.failure) in text(target)
            assert r.translation.status.value in text(row.cssselect(".status")[0])


def test_each_cell_names_its_language_and_direction(seed_run):
    for document in read_run(seed_run).documents:
        for row, r in zip(page_of(seed_run, document).cssselect("tr.row"), document.records, strict=True):
            (source,), (target,) = row.cssselect("td.source"), row.cssselect("td.target")
            assert source.get("lang") == ("" if r.segment.language == "und" else r.segment.language)
            assert (target.get("lang"), target.get("dir"), source.get("dir")) == ("en", "auto", "auto")


def test_the_kind_and_level_of_a_block_show(tmp_path):
    page = one_page(
        tmp_path,
        record("1.b1.s1", "제목", "Heading", kind=BlockKind.HEADING, level=2),
        record("1.b2.s1", "하나", "One", kind=BlockKind.LIST_ITEM, level=1),
        record("1.b2.s2", "둘", "Two", kind=BlockKind.LIST_ITEM, level=1),
        record("1.b3.s1", "{}", None, failure="JSON", status=Status.SKIPPED, kind=BlockKind.DATA),
    )
    classes = [set(row.get("class").split()) for row in page.cssselect("tr.row")]
    assert {"heading", "level-2", "starts-block"} <= classes[0]
    assert {"list_item", "starts-block"} <= classes[1]
    assert "starts-block" not in classes[2]
    assert [text(pre) for pre in page.cssselect("details pre")] == ["{}"]
    assert "open" not in page.cssselect("details")[0].attrib


def test_a_failure_is_told_and_never_looks_like_a_translation(tmp_path):
    page = one_page(tmp_path, record("1.b1.s1", "가", None, failure="empty output", status=Status.FAILED))
    (target,) = page.cssselect("td.target")
    assert not target.cssselect(".text")
    assert " ".join(text(target).split()) == "Not translated. empty output"
    assert "failed" in page.cssselect("tr.row")[0].get("class").split()


def test_flags_show_severity_message_and_the_characters_concerned(tmp_path):
    flags = (
        Flag("number", Severity.ERROR, "12 is missing", source_span=(2, 4)),
        Flag("copied", Severity.INFO, "NATO is copied", translation_span=(0, 4)),
    )
    page = one_page(tmp_path, record("1.b1.s1", "약 12개", "NATO has", flags=flags))
    shown = [" ".join(text(item).split()) for item in page.cssselect(".flags li")]
    assert shown == ["✕error: number 12 is missing", "inote: copied NATO is copied"]
    assert [text(mark) for mark in page.cssselect("td.source mark.error")] == ["12"]
    assert [text(mark) for mark in page.cssselect("td.target mark.info")] == ["NATO"]


def test_numbers_are_marked_on_both_sides_with_the_digits_they_share(tmp_path):
    page = one_page(tmp_path, record("1.b1.s1", "2年、1,234人", "In 2 years 1234 people", language="ja"))
    numbers = {
        side: [(text(n), n.get("data-number")) for n in page.cssselect(f"td.{side} .number")]
        for side in ("source", "target")
    }
    assert numbers["source"] == [("2", "2"), ("1,234", "1234")]
    assert numbers["target"] == [("2", "2"), ("1234", "1234")]


def test_the_reference_stands_beside_the_last_segment_of_its_bead(tmp_path):
    run = write_run(tmp_path / "run", {"a": [record("1.b1.s1", "가", "A"), record("1.b1.s2", "나", "B")]})
    write_lines(
        run / "a" / "reference.jsonl",
        [
            {"source": ["1.b1.s1", "1.b1.s2"], "reference": ["A and", "B."], "score": 0.8},
            {"source": [], "reference": ["Nowhere"], "score": 0},
        ],
    )
    write_reports(run)
    first, second = parse(run / "a" / "index.html").cssselect("tr.row")
    assert not first.cssselect(".reference")
    assert (
        " ".join(text(second.cssselect(".reference")[0]).split()) == "Reference for 2 segments 0.80 A and B."
    )


def test_a_bead_that_is_not_one_to_one_is_shown(tmp_path):
    ids = ("1.b1.s1", "1.b1.s2")
    page = one_page(
        tmp_path,
        record(ids[0], "가", "A", link=Link(ids, ids[:1], 0.5)),
        record(ids[1], "나", "B", link=Link((ids[1],), (), 0.0)),
    )
    assert [text(bead) for bead in page.cssselect(".bead")] == ["bead 2–1", "unaligned"]


def test_a_link_without_a_score_shows_no_number(tmp_path):
    page = one_page(tmp_path, record("1.b1.s1", "가", "A", link=Link(("1.b1.s1",), ("1.b1.s1",), None)))
    assert not page.cssselect(".numbers")


def test_the_overview_says_what_the_scores_are_worth(seed_run):
    shown = " ".join(text(parse(seed_run / "index.html").cssselect("main")[0]).split())
    assert shown.count("Another article: covers 2 % of the reference, not scored") == 4
    assert "BLEU 27.1 chrF2 63.4 TER 61.2".replace(" ", "") in shown.replace(" ", "")
    assert "Whole reference: covers 98 % of it; 31 % of its English aligned" in shown
    assert NOTE in shown
    assert "it says nothing about translation quality" in shown
    assert "Apache-2.0" in shown
    assert "Alibaba Cloud" in shown


def test_every_link_of_the_overview_leads_to_a_file_or_a_segment(seed_run):
    links = [a.get("href") for a in parse(seed_run / "index.html").cssselect("a")]
    assert len(links) > 30
    for link in links:
        path, _, fragment = link.partition("#")
        assert (seed_run / path).is_file(), link
        if fragment and "=" not in fragment:
            assert parse(seed_run / path).get_element_by_id(fragment) is not None


def test_the_json_block_holds_the_segments(seed_run):
    for document in read_run(seed_run).documents:
        data = json.loads(text(page_of(seed_run, document).get_element_by_id("data")))
        assert [segment["id"] for segment in data["segments"]] == [r.segment.id for r in document.records]
        assert [s["translation"] for s in data["segments"]] == [r.translation.text for r in document.records]


def test_a_page_needs_nothing_but_itself_and_allows_no_connection(any_run):
    for path in pages(any_run):
        page = parse(path)
        (policy,) = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
        directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        assert directives["default-src"] == "'none'"
        assert directives["base-uri"] == directives["form-action"] == "'none'"
        assert "unsafe" not in policy
        for tag, directive in (("style", "style-src"), ("script", "script-src")):
            executed = [e for e in page.iter(tag) if e.get("type") != "application/json"]
            digests = [hashlib.sha256((e.text or "").encode()).digest() for e in executed]
            expected = [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
            assert expected == [value for value in directives[directive].split() if value != "'none'"]
        assert not page.xpath("//link | //img | //iframe | //object | //embed | //base | //@src | //@style")
        assert not page.xpath("//@*[starts-with(name(), 'on')]")
        for link in page.xpath("//@href"):
            assert re.match(r"#|\./|\.\./|segments\.|summary\.|manifest\.|scores\.", link), link


def test_no_text_of_a_document_becomes_markup(hostile_run):
    tags = {"html", "head", "meta", "title", "style", "body", "script", "svg", "rect"}
    for path in pages(hostile_run):
        page = parse(path)
        assert len(page.cssselect("meta")) == 5
        assert len(page.cssselect("script")) == (0 if path.parent == hostile_run else 2)
        assert len(page.cssselect("svg")) == (1 if path.parent == hostile_run else 0)
        assert tags.isdisjoint({element.tag for element in page.cssselect("main *")} - {"svg", "rect"})


def test_every_attack_reads_as_it_stands(hostile_run):
    (path,) = (path for path in pages(hostile_run) if path.parent != hostile_run)
    rows = parse(path).cssselect("tr.row")
    for attack, row in zip(ATTACKS, rows[::3], strict=True):
        # An HTML parser reads CR LF and CR as LF.
        shown = visible(attack).replace("\r\n", "\n").replace("\r", "\n")
        for side in ("source", "target"):
            cell = text(row.cssselect(f"td.{side} .text")[0])
            assert cell.replace("\r\n", "\n").replace("\r", "\n") == shown


@given(st.recursive(st.text() | st.none(), st.lists))
def test_the_json_block_comes_back_and_cannot_be_left(value):
    block = json_block(value)
    assert json.loads(block) == value
    assert not re.search("[<>&\u2028\u2029]", block)


SPANS = st.lists(
    st.tuples(
        st.none() | st.tuples(st.integers(-2, 30), st.integers(-2, 30)), st.sampled_from(list(Severity))
    )
)


@given(
    st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("0123456789.,3"), max_size=30), SPANS
)
def test_pieces_joined_give_the_text_back(value, spans):
    cut = list(pieces(value, spans))
    assert "".join(piece.text for piece in cut) == visible(value)
    for piece in cut:
        assert piece.number == "" or piece.number.isascii()


@pytest.mark.parametrize("name", ["a#b", "a?b", "a%41", "javascript:x", "//host/x", 'a"b', "é 가", ".."])
def test_a_reference_to_a_file_is_relative_whatever_its_name(name):
    reference = path_reference(name)
    assert re.fullmatch(r"\./[A-Za-z0-9_.~%-]+", reference)

"""The pages as they stand in the file: complete without JavaScript, and nothing of a document is markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html
from report_samples import ATTACKS, NOTE, metric, record, write_hostile_run, write_run, write_seed_run

from mtalign.document import Flag, Severity, Status
from mtalign.report import write_reports
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


def data_of(page: html.HtmlElement) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(text(page.get_element_by_id("data")))
    return value


def test_every_segment_stands_in_the_page_without_javascript(seed_run):
    for document in read_run(seed_run).documents:
        rows = page_of(seed_run, document).cssselect("noscript .static-row")
        assert [row.get("id") for row in rows] == [r.segment.id for r in document.records]
        for row, r in zip(rows, document.records, strict=True):
            source, target = row.cssselect("p")
            assert r.segment.text == text(source)
            assert (r.translation.text or r.translation.failure) in text(target)
            assert source.get("lang") == ("" if r.segment.language == "und" else r.segment.language)
            assert (source.get("dir"), r.translation.status.value in row.get("class")) == ("auto", True)


def test_offsets_are_counted_as_javascript_counts(tmp_path):
    flag = Flag("number", Severity.ERROR, "m", source_span=(1, 99), translation_span=(0, 1))
    page = one_page(
        tmp_path, record("1.b1.s1", "𠮷野12", "A😀B", flags=(flag,), words=((0, 1, 1, 2), (1, 2, 2, 3)))
    )
    (segment,) = data_of(page)["segments"]
    assert segment["flags"][0]["source"] == [2, 5]
    assert segment["words"] == [[0, 2, 1, 3], [2, 3, 3, 4]]


def test_glossary_terms_reach_the_page(tmp_path):
    page = one_page(tmp_path, replace(record("1.b1.s1", "北约与日本", "NATO"), terms=((0, 2, "NATO", True),)))
    (segment,) = data_of(page)["segments"]
    assert segment["terms"] == [[0, 2, "NATO", True]]


def test_the_worst_are_ranked_by_estimated_quality_within_their_severity(tmp_path):
    warning = (Flag("f", Severity.WARNING, "m"),)
    page = one_page(
        tmp_path,
        record("1.b1.s1", "가", "A", quality=0.9),
        record("1.b1.s2", "나", "B", quality=0.2),
        record("1.b1.s3", "다", "C", quality=0.7, flags=warning),
        record("1.b1.s4", "라", None, failure="why", status=Status.FAILED),
        record("1.b1.s5", "7", "7", status=Status.KEPT),
    )
    ranked = sorted(data_of(page)["segments"], key=lambda segment: segment["rank"])
    assert [segment["id"][-1] for segment in ranked] == ["4", "3", "2", "1", "5"]


def test_the_run_id_comes_from_the_manifest_or_the_sources(tmp_path):
    records = [record("1.b1.s1", "가", "A")]
    named = write_run(tmp_path / "named", {"a": records}, run="0123456789abcdef")
    assert read_run(named).id == "0123456789abcdef"
    plain, again, other = (
        read_run(write_run(tmp_path / name, {"a": [record("1.b1.s1", source, english)]})).id
        for name, source, english in (("one", "가", "A"), ("two", "가", "B"), ("three", "나", "A"))
    )
    assert re.fullmatch("[0-9a-f]{16}", plain)
    assert plain == again != other


def test_the_overview_charts_estimated_quality_and_every_bar_opens_its_segments(tmp_path):
    values = (0.05, 0.31, 0.35, 0.97, 1.0)
    run = write_run(
        tmp_path / "run",
        {"a": [record(f"1.b1.s{i}", "가", "A", quality=value) for i, value in enumerate(values)]},
    )
    write_reports(run)
    page = parse(run / "index.html")
    bars = [(a.get("href"), a.get("aria-label")) for a in page.cssselect(".result .histogram a")]
    assert bars == [
        ("./a/index.html#quality=0-0.1&order=worst", "1 segment of quality 0.0 to 0.1"),
        ("./a/index.html#quality=0.3-0.4&order=worst", "2 segments of quality 0.3 to 0.4"),
        ("./a/index.html#quality=0.9-1&order=worst", "2 segments of quality 0.9 to 1.0"),
    ]
    shown = " ".join(text(page).split())
    assert "Median 0.35 of 5 segments; 3 below one half" in shown


def test_the_overview_shows_intervals_and_what_they_mean(seed_run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(seed_run, copy)
    scores = json.loads((copy / "scores.json").read_text(encoding="utf-8"))
    scores["documents"][4]["metrics"][0] |= {"confidence_mean": 27.0, "confidence_var": 3.26}
    (copy / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
    write_reports(copy)
    shown = " ".join(text(parse(copy / "index.html")).split())
    assert "27.1 ± 3.3" in shown
    assert "half of the 95 % interval" in shown
    assert "half of the 95 % interval" not in text(parse(seed_run / "index.html"))


def test_intervals_of_sentence_scores_and_of_all_documents_together_show(seed_run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(seed_run, copy)
    scores = json.loads((copy / "scores.json").read_text(encoding="utf-8"))
    ter = metric("TER", 61.2) | {"confidence_mean": 61.0, "confidence_var": 5.43}
    scores["documents"][3] |= {"metrics": [], "sentence_metrics": [ter], "note": ""}
    scores["documents"][4] |= {"sentence_metrics": [ter]}
    scores["corpus"] = {
        "documents": 2,
        "lines": 30,
        "metrics": [metric("BLEU", 26.3)],
        "sentence_metrics": [ter],
    }
    (copy / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
    write_reports(copy)
    page = parse(copy / "index.html")
    shown = " ".join(text(page).split())
    assert shown.count("Sentence by sentence: TER 61.2 ± 5.4") == 3
    assert "All scored documents together: BLEU 26.3" in " ".join(
        text(page.cssselect(".corpus")[0]).split()
    ).replace("BLEU26.3", "BLEU 26.3")
    assert "half of the 95 % interval" in shown
    assert "edits per reference word" in shown
    document = read_run(copy).documents[4]
    assert "Sentence by sentence TER 61.2 ± 5.4" in " ".join(text(page_of(copy, document)).split())
    # One document alone is its own corpus.
    scores["documents"][3] |= {"sentence_metrics": []}
    (copy / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
    write_reports(copy)
    assert not parse(copy / "index.html").cssselect(".corpus")


def test_the_overview_says_when_how_long_and_how_fast(seed_run):
    shown = " ".join(text(parse(seed_run / "index.html").get_element_by_id("work").getparent()).split())
    assert "Made2026-11-22T10:00:00Z" in shown
    assert "Time7 min 12 s" in shown
    assert "Rate11.2 tokens a second" in shown


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
            assert fragment in {segment["id"] for segment in data_of(parse(seed_run / path))["segments"]}


def test_the_json_block_holds_the_segments(seed_run):
    for document in read_run(seed_run).documents:
        data = json.loads(text(page_of(seed_run, document).get_element_by_id("data")))
        assert [segment["id"] for segment in data["segments"]] == [r.segment.id for r in document.records]
        assert [s.get("translation") for s in data["segments"]] == [
            r.translation.text for r in document.records
        ]


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
    segments = data_of(parse(path))["segments"]
    for attack, segment in zip(ATTACKS, segments[::3], strict=True):
        assert segment["source"] == segment["translation"] == attack
    for attack, row in zip(ATTACKS, parse(path).cssselect("noscript .static-row")[::3], strict=True):
        # An HTML parser reads CR LF and CR as LF.
        shown = visible(attack).replace("\r\n", "\n").replace("\r", "\n")
        for cell in row.cssselect("p"):
            assert text(cell).replace("\r\n", "\n").replace("\r", "\n") == shown


@given(st.recursive(st.text() | st.none(), st.lists))
def test_the_json_block_comes_back_and_cannot_be_left(value):
    block = json_block(value)
    assert json.loads(block) == value
    assert not re.search("[<>&\u2028\u2029]", block)


@pytest.mark.parametrize("name", ["a#b", "a?b", "a%41", "javascript:x", "//host/x", 'a"b', "é 가", ".."])
def test_a_reference_to_a_file_is_relative_whatever_its_name(name):
    reference = path_reference(name)
    assert re.fullmatch(r"\./[A-Za-z0-9_.~%-]+", reference)

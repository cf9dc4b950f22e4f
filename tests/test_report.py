"""Reports as a whole: what is written, from what, and what happens where a run folder is damaged."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt
from report_samples import (
    ATTACKS,
    NOTE,
    metric,
    record,
    write_hostile_run,
    write_json,
    write_run,
    write_seed_run,
)

from mtalign.cli.report import command
from mtalign.document import Flag, Link, Severity, Status
from mtalign.errors import DocumentError, MtalignError, UsageError
from mtalign.report import write_reports
from mtalign.report.payload import DocumentScore, read_run, severity_rank
from mtalign.report.text import code, markdown, percent, visible, xml_text
from mtalign.report.wording import coverage_sentence


@pytest.fixture(scope="module")
def seed_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = write_seed_run(tmp_path_factory.mktemp("seeds"))
    write_reports(run)
    return run


@pytest.fixture
def small_run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", {"a": [record("1.b1.s1", "안녕", "Hello")]})


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def damage(run: Path, name: str, **values: object) -> None:
    path = run / name
    write_json(path, json.loads(path.read_text(encoding="utf-8")) | values)


def test_every_output_is_written_and_returned(small_run):
    written = write_reports(small_run)
    names = [path.relative_to(small_run).as_posix() for path in written]
    assert names == [
        "index.html",
        "summary.md",
        "a/index.html",
        "a/segments.tsv",
        "a/segments.tmx",
        "a/segments.xlf",
    ]
    assert all(path.read_bytes() for path in written)


def test_the_same_run_gives_the_same_bytes_and_leaves_nothing_else(seed_run, tmp_path):
    copy = tmp_path / "elsewhere"
    shutil.copytree(seed_run, copy)
    write_reports(copy)
    assert files(copy) == files(seed_run)


def without_work(page: bytes) -> bytes:
    """An overview without the one section that differs when a run is repeated."""
    return re.sub(rb'<section aria-labelledby="work".*?</section>', b"", page, flags=re.DOTALL)


def test_times_and_rates_stay_in_the_manifest_and_one_section_of_the_overview(seed_run, tmp_path):
    copy = tmp_path / "later"
    shutil.copytree(seed_run, copy)
    damage(copy, "manifest.json", created="2031-01-01T00:00:00Z", time={"seconds": 9}, rate={"x": 1})
    write_reports(copy)
    later, before = files(copy), files(seed_run)
    del later["manifest.json"], before["manifest.json"]
    assert b"7 min 12 s" in before["index.html"]
    assert b"9 s" in later["index.html"]
    for outputs in (later, before):
        outputs["index.html"] = without_work(outputs["index.html"])
    assert later == before


def test_counts_come_from_the_segments_not_from_the_manifest(small_run):
    manifest = json.loads((small_run / "manifest.json").read_text(encoding="utf-8"))
    manifest["inputs"][0]["segments"] = 999
    write_json(small_run / "manifest.json", manifest)
    write_reports(small_run)
    assert "1 document, 1 segment:" in (small_run / "summary.md").read_text(encoding="utf-8")
    assert "999" not in (small_run / "index.html").read_text(encoding="utf-8")


def test_the_command_prints_each_path_it_wrote(small_run):
    result = CliRunner().invoke(command, [str(small_run)], catch_exceptions=False)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == str(small_run / "index.html")
    assert all(Path(line).is_file() for line in result.stdout.splitlines())


def test_the_command_explains_itself():
    result = CliRunner().invoke(command, ["--help"])
    assert "Examples:" in result.stdout
    assert "mtalign report outputs" in result.stdout


def test_a_run_without_documents_has_pages_too(tmp_path):
    run = write_run(tmp_path / "run", {})
    assert [path.name for path in write_reports(run)] == ["index.html", "summary.md"]


def test_a_document_without_segments_has_a_page_too(tmp_path):
    run = write_run(tmp_path / "run", {"empty": []})
    write_reports(run)
    assert (run / "empty" / "index.html").is_file()


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.touch()])
def test_what_is_no_run_folder_is_a_usage_error(tmp_path, make):
    path = tmp_path / "here"
    make(path)
    with pytest.raises(UsageError, match="here is not a"):
        write_reports(path)


DAMAGES = {
    "a foreign manifest": ("manifest.json", '{"schema": 2, "inputs": []}', "schema 2"),
    "a manifest without schema": ("manifest.json", "{}", "schema None"),
    "a cut manifest": ("manifest.json", '{"schema": 1', "not JSON"),
    "a manifest that is a list": ("manifest.json", "[]", "not a JSON object"),
    "no inputs": ("manifest.json", '{"schema": 1}', "'inputs' is missing"),
    "inputs of another type": ("manifest.json", '{"schema": 1, "inputs": {}}', "wrong type"),
    "an input that is text": ("manifest.json", '{"schema": 1, "inputs": ["a"]}', "something else"),
    "an input without output": (
        "manifest.json",
        '{"schema": 1, "inputs": [{"document": "1", "path": "p"}]}',
        "'output' is missing",
    ),
    "foreign scores": ("scores.json", '{"schema": "x", "documents": []}', "schema 'x'"),
    "scores that are no numbers": ("scores.json", '{"schema": 1, "documents": NaN}', "NaN is not a number"),
    "a metric without signature": (
        "scores.json",
        '{"schema": 1, "documents": [{"document": "1", "metrics": [{"name": "BLEU", "score": 1}]}]}',
        "'signature' is missing",
    ),
    "a coverage that is text": (
        "scores.json",
        '{"schema": 1, "documents": [{"document": "1", "coverage": {"reference": "all"}}]}',
        "wrong type",
    ),
    "half a pair": (
        "scores.json",
        '{"schema": 1, "documents": [{"document": "1", "coverage": '
        '{"reference": 1, "reference_sentences": [1]}}]}',
        "two whole numbers",
    ),
    "a cut segment": ("a/segments.jsonl", '{"schema": 1', "line 1: not JSON"),
    "a foreign segment": ("a/segments.jsonl", '{"schema": 7}', "schema 7"),
    "a segment without fields": ("a/segments.jsonl", '{"schema": 1}', "damaged"),
    "a segment that is a list": ("a/segments.jsonl", "[]", "not a JSON object"),
    "a cut bead": ("a/reference.jsonl", '{"source": [', "line 1: not JSON"),
    "a bead of numbers": ("a/reference.jsonl", '{"source": [1], "reference": []}', "something else"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_named_in_one_line_and_nothing_is_written(small_run, name):
    file, content, message = DAMAGES[name]
    (small_run / file).write_text(content, encoding="utf-8")
    before = files(small_run)
    with pytest.raises(DocumentError) as caught:
        write_reports(small_run)
    assert message in str(caught.value)
    assert file.rpartition("/")[2] in str(caught.value)
    assert "\n" not in str(caught.value)
    assert files(small_run) == before


def test_bytes_that_are_not_utf_8_are_named(small_run):
    (small_run / "manifest.json").write_bytes(b'{"schema": 1, "x": "\xff"}')
    with pytest.raises(DocumentError, match="not UTF-8"):
        write_reports(small_run)


def test_missing_segments_are_an_error_not_an_empty_document(small_run):
    (small_run / "a" / "segments.jsonl").unlink()
    with pytest.raises(DocumentError, match=r"segments\.jsonl"):
        write_reports(small_run)


@pytest.mark.parametrize(
    ("field", "value"),
    [("score", "high"), ("source_lang", 5), ("link", {"source": [], "target": [], "score": "x"})],
)
def test_a_segment_with_a_value_of_the_wrong_type_is_refused(small_run, field, value):
    path = small_run / "a" / "segments.jsonl"
    write_json(path, json.loads(path.read_text(encoding="utf-8")) | {field: value})
    with pytest.raises(DocumentError, match=r"line 1: a value is of the wrong type"):
        write_reports(small_run)


def test_two_segments_with_one_id_are_refused(tmp_path):
    twice = record("1.b1.s1", "가", "A")
    run = write_run(tmp_path / "run", {"a": [twice, twice]})
    with pytest.raises(DocumentError, match=r"1\.b1\.s1 stands there twice"):
        write_reports(run)


@pytest.mark.parametrize("output", ["..", ".", "", " ", "../out", "a/b", "a\\b", "/etc", "a\0b"])
def test_an_output_name_cannot_leave_the_run_folder(small_run, output):
    entry = {"document": "1", "path": "p", "output": output}
    damage(small_run, "manifest.json", inputs=[entry])
    with pytest.raises(DocumentError, match="not the name of a folder"):
        write_reports(small_run)


def test_two_documents_cannot_share_a_folder(small_run):
    entry = {"document": "1", "path": "p", "output": "a"}
    damage(small_run, "manifest.json", inputs=[entry, entry])
    with pytest.raises(DocumentError, match="twice"):
        write_reports(small_run)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(small_run):
    (small_run / "a").chmod(0o500)
    with pytest.raises(DocumentError, match="cannot write"):
        write_reports(small_run)


def test_a_folder_in_the_place_of_an_output_is_named(small_run):
    (small_run / "index.html").mkdir()
    with pytest.raises(MtalignError, match=r"cannot write .*index\.html"):
        write_reports(small_run)


def test_missing_optional_fields_are_not_an_error(small_run):
    damage(small_run, "manifest.json", models=[{"name": "opus"}])
    write_json(small_run / "scores.json", {"schema": 1, "documents": [{"document": "1"}]})
    write_reports(small_run)
    assert "not scored" in (small_run / "summary.md").read_text(encoding="utf-8")


def test_the_worst_segments_come_first():
    link = Link(("x",), ("x",), 0.9)
    weak = Link(("x",), ("x",), 0.2)
    error, warning = (Flag("f", s, "m") for s in (Severity.ERROR, Severity.WARNING))
    ordered = [
        record("failed", "가", None, failure="why", status=Status.FAILED),
        record("two errors", "가", "A", flags=(error, error)),
        record("error", "가", "A", flags=(error,), link=link),
        record("warning", "가", "A", flags=(warning,), link=link),
        record("weak link", "가", "A", link=weak, score=-0.1),
        record("unsure", "가", "A", link=link, score=-2.0),
        record("good", "가", "A", link=link, score=-0.1),
        record("no score", "가", "A"),
        record("kept", "7", "7", status=Status.KEPT),
    ]
    mixed = sorted(ordered, key=lambda r: r.segment.id)
    assert [r.segment.id for r in sorted(mixed, key=severity_rank)] == [r.segment.id for r in ordered]


def test_coverage_near_nothing_says_that_it_is_another_article(seed_run):
    scores = {document.id: coverage_sentence(document.score) for document in read_run(seed_run).documents}
    assert scores["000"] == "another article: covers 2 % of the reference, not scored"
    assert scores["004"] == "whole reference: covers 98 % of it; 31 % of its English aligned"


def test_coverage_too_small_for_a_score_is_not_called_another_article(small_run):
    entry = {"document": "1", "coverage": {"reference": 0.4}}
    write_json(small_run / "scores.json", {"schema": 1, "documents": [entry]})
    score = read_run(small_run).documents[0].score
    assert coverage_sentence(score) == "covers 40 % of the reference, not scored"


def test_a_document_that_was_not_compared_says_so():
    assert coverage_sentence(None) == "not compared with a reference"
    assert coverage_sentence(DocumentScore()) == "not scored"


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (0.001, "< 1 %"), (0.024, "2 %"), (0.994, "99 %"), (0.999, "> 99 %"), (1, "100 %")],
)
def test_a_share_never_looks_like_nothing_or_all_when_it_is_not(share, text):
    assert percent(share) == text


def test_the_summary_tells_documents_scores_flags_failures_and_models(seed_run):
    text = (seed_run / "summary.md").read_text(encoding="utf-8")
    run = read_run(seed_run)
    assert f"5 documents, {run.segments} segments" in text
    for document in run.documents:
        assert f"| {document.id} | {markdown(document.file_name)} |" in text
        for failed in document.failures():
            assert f"**{failed.segment.id}**: the output repeats itself" in text
    assert "| 004 | 27.1 | 63.4 | 61.2 | 0.90 | whole reference: covers 98 %" in text
    assert "another article: covers 2 % of the reference, not scored" in text
    assert f"`{metric('BLEU', 1)['signature']}`" in text
    assert NOTE in text
    assert re.search(r"Topical similarity: .* nothing about translation quality", text)
    assert re.search(r"\| error \| number \| \d+ \| 000: \d+", text)
    assert "licence Apache-2.0" in text


def test_the_summary_of_a_hostile_run_is_text(tmp_path):
    run = write_hostile_run(tmp_path)
    write_reports(run)
    html = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(
        (run / "summary.md").read_text(encoding="utf-8")
    )
    allowed = {"h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "strong", "code"}
    assert set(re.findall(r"<([a-z0-9]+)", html)) <= allowed
    assert html.count("<h2>") == 6
    assert html.count("<li>") == 15 + 1 + 1 + 1  # failures, meaning, signature, model


@pytest.mark.parametrize("attack", ATTACKS)
def test_markdown_shows_every_attack_as_it_stands(attack):
    html = MarkdownIt("gfm-like", {"html": True, "linkify": False}).renderInline(markdown(attack))
    assert "<" not in html
    shown = html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
    assert shown == " ".join(visible(attack).split())


def test_a_backquote_does_not_end_a_code_span():
    assert code("a|b") == "`a|b`"
    assert "`" not in code("a`b`").replace("\\`", "")


def test_control_characters_become_visible_and_line_breaks_stay():
    assert visible("a\x00\x1b\x7f\t\n\rb") == "a␀␛␡\t\n\rb"


def test_what_xml_cannot_hold_is_counted():
    assert xml_text("a\x00\ud800\ufffe\tb") == ("a\ufffd\ufffd\ufffd\tb", 3)

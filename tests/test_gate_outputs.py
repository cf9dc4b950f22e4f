"""The gate for machines: JUnit XML, GitHub annotations at the real line of the source, the job summary."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from gate_samples import failing, write_gate_run
from lxml import etree

from mtalign.gate import Thresholds, parse_requirement
from mtalign.job.gate import hold
from mtalign.report.annotations import MAX_SUMMARY, github_annotations, step_summary
from mtalign.report.junit import write_junit
from mtalign.report.payload import read_run
from mtalign.report.places import places
from mtalign.report.summary import write_summary

SCHEMA = etree.RelaxNG(etree.parse(Path(__file__).parent / "data" / "junit.rng"))


@pytest.fixture
def base(tmp_path):
    write_gate_run(tmp_path)
    return tmp_path


def gated(base: Path, *requirements: str, records=None):
    run = read_run(base / "outputs")
    if records is not None:
        first = replace(run.documents[0], records=tuple(records(run.documents[0].records)))
        run = replace(run, documents=(first, *run.documents[1:]))
    gate = hold(run, Thresholds().with_limits(map(parse_requirement, requirements)))
    return replace(run, gate=gate)


# -- places ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("newline", ["\r\n", "\n", "\r"])
def test_the_place_of_a_segment_is_the_line_and_column_of_the_source_file(base, newline, tmp_path):
    for document in read_run(base / "outputs").documents:
        source = (base / document.path).read_bytes().decode().replace("\r\n", "\n")
        lines = source.split("\n")
        records = [
            replace(
                r,
                before=r.before.replace("\r\n", "\n").replace("\n", newline),
                after=r.after.replace("\r\n", "\n").replace("\n", newline),
            )
            for r in document.records
        ]
        found = places(records)
        assert len(found) == len(records)
        for record in records:
            place = found[record.segment.id]
            assert place.line == place.end_line
            assert lines[place.line - 1].startswith(record.segment.text, place.column - 1)


def test_a_segment_over_several_lines_ends_on_its_last_one(base):
    first, second, *_ = read_run(base / "outputs").documents[0].records
    wrapped = replace(second, segment=replace(second.segment, text="마을은\n작은 호숫가에\n있다."))
    place = places([first, wrapped])[second.segment.id]
    assert (place.line, place.end_line, place.column) == (3, 5, 1)


def test_an_annotation_of_several_lines_has_its_last_line_and_no_column(base):
    def wrapped(records):
        for record in records:
            text = record.segment.text.replace(" ", "\n")
            yield failing(replace(record, segment=replace(record.segment, text=text)), "no")

    lines = annotations(gated(base, "failed<=0", records=wrapped))
    assert "line=3,endLine=6,title=001.b2.s1" in "\n".join(lines)
    assert not any("endLine" in line and "col=" in line for line in lines)


# -- JUnit ----------------------------------------------------------------------------------------------


def suites(content: bytes):
    root = etree.fromstring(content)
    SCHEMA.assertValid(root)
    for one in (root, *root):
        cases = one.findall(".//testcase")
        assert one.get("tests") == str(len(cases))
        assert one.get("failures") == str(sum(case.find("failure") is not None for case in cases))
    return {suite.get("name"): suite for suite in root}


def test_junit_has_a_suite_for_the_run_and_one_for_each_document(base):
    run = gated(base, "failed<=0", "flags.number<=3", "documents.001.failed<=0", "documents.002.failed<=0")
    found = suites(write_junit(run, run.gate))
    assert {name: [case.get("name") for case in suite] for name, suite in found.items()} == {
        "gate": ["failed", "left_out", "flags.number"],
        "docs/001_village.md": ["documents.001.failed", "001.b3.s2"],
        "docs/002_people.txt": ["documents.002.failed"],
    }
    missed = found["gate"][0].find("failure")
    assert missed.get("type") == "missed"
    assert missed.get("message") == "1 failed segment of 8, must be at most 0: misses it by 1"
    assert missed.text.split("\n")[1:] == [
        "segments: 001.b3.s2",
        "page: 001_village/index.html#status=failed",
    ]
    assert found["gate"][2].find("failure") is None
    failed = found["docs/001_village.md"][1].find("failure")
    assert (failed.get("type"), failed.get("message")) == (
        "failed_segment",
        "the output repeats: 50 %, twice",
    )
    assert failed.text.split("\n") == [
        "docs/001_village.md:6:1",
        "source: 학교는 문을 닫았다.",
        "page: 001_village/index.html#001.b3.s2",
    ]


def test_what_xml_cannot_hold_or_would_read_as_markup_is_text_in_junit(base):
    reason = 'a "reason" with <b>&amp;</b> \x00\x1b[31m ]]> \ud800 and\nlines'
    run = gated(base, records=lambda records: [failing(record, reason) for record in records])
    suite = suites(write_junit(run, run.gate))["docs/001_village.md"]
    assert len(suite) == 6
    said = suite[0].find("failure").get("message")
    assert said == 'a "reason" with <b>&amp;</b> \ufffd\ufffd[31m ]]> \ufffd and lines'


def test_junit_is_read_by_a_reader_of_junit(base, tmp_path):
    from junitparser import Failure, JUnitXml

    run = gated(base, "failed<=0")
    path = tmp_path / "junit.xml"
    path.write_bytes(write_junit(run, run.gate))
    read = JUnitXml.fromfile(str(path))
    assert (read.tests, read.failures, read.errors) == (3, 2, 0)
    kinds = [type(one) for suite in read for case in suite for one in case.result]
    assert kinds == [Failure, Failure]


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'tests="', b'test="'), (b' type="missed"', b""), (b"testcase", b"case"), (b' time="0"', b"")],
)
def test_the_schema_refuses_what_is_not_junit(base, old, new):
    run = gated(base)
    broken = write_junit(run, run.gate).replace(old, new)
    assert not SCHEMA.validate(etree.fromstring(broken))


# -- annotations ------------------------------------------------------------------------------------------


def annotations(run):
    return github_annotations(run, run.gate, lambda path: f"sub/{path}")


def test_annotations_say_what_was_missed_and_lead_to_the_line_of_the_source(base):
    first, second = annotations(gated(base, "failed<=0"))
    assert first == (
        "::error title=mtalign gate%2C missed%3A failed::1 failed segment of 8, must be at most 0: misses it"
        " by 1%0Alook at 001.b3.s2%0A001_village/index.html#status=failed"
    )
    assert second == (
        "::error file=sub/docs/001_village.md,line=6,col=1,title=001.b3.s2%3A not translated"
        "::the output repeats: 50 %25, twice%0Asource: 학교는 문을 닫았다.%0A001_village/index.html#001.b3.s2"
    )


def test_failed_segments_that_the_gate_allows_are_warnings(base):
    run = gated(base, "failed<=1")
    assert run.gate.passed
    (line,) = annotations(run)
    assert line.startswith("::warning file=sub/docs/001_village.md,line=6,")


def test_a_flagged_segment_says_its_flags_and_both_texts(base):
    line = next(one for one in annotations(gated(base, "failed<=1", "severity.error<=0")) if "line=3" in one)
    assert "title=001.b2.s2%3A number%2C short::" in line
    assert "1840 of the source is not in the translation%0A1840 is lost%0Aonly 20 %25 as long" in line
    assert "source: 교회는 1840년에 지어졌다.%0Atranslation: English of 001.b2.s2." in line


def test_at_most_ten_errors_and_ten_warnings_are_given_the_worst_first_and_the_rest_is_counted(base):
    def many(records):
        for number in range(40):
            one = failing(records[0], f"reason {number}")
            yield replace(one, segment=replace(one.segment, id=f"001.b1.s{number + 100}"))

    lines = annotations(gated(base, "severity.error<=0", records=many))
    assert sum(line.startswith("::error") for line in lines) == 10
    # 1 criterion and 40 failed segments, 20 of them named by it: 10 errors, the other 20 as warnings.
    assert sum(line.startswith("::warning") for line in lines) == 10
    assert lines[-1].startswith("::notice title=mtalign%3A more::")
    assert "more are not shown here" in lines[-1]
    assert len(lines) == 21


def test_no_text_of_a_document_can_be_a_command_or_a_property(base):
    attack = "a\r\n::error file=x::boom\n::stop-commands::t,line=1%0A::set-output name=x::y"
    run = gated(base, records=lambda records: [failing(record, attack) for record in records])
    renamed = replace(run.documents[0], path="docs/a,line=9::b\n.md")
    run = replace(run, documents=(renamed, *run.documents[1:]))
    for line in annotations(run):
        assert "\n" not in line
        assert "\r" not in line
        head, _, data = line[2:].partition("::")
        assert "stop-commands" not in head
        if "file=" in head:
            assert head.count("line=") == 2  # the real one, and the one in the name
            assert "a%2Cline=9%3A%3Ab .md" in head
            assert "%250A::set-output" in data


# -- job summary ------------------------------------------------------------------------------------------


def test_the_summary_has_the_gate_first_and_what_is_missed_on_top(base):
    run = gated(base, "flags.number<=3", "severity.error<=0")
    text = write_summary(run).decode()
    gate = text.index("## Gate: missed, 2 of 4 criteria")
    assert gate < text.index("## Documents")
    rows = [line for line in text[gate:].split("\n") if line.startswith("|")][2:6]
    assert [row.split(" | ")[:2] for row in rows] == [
        ["| **missed**", "failed"],
        ["| **missed**", "severity.error"],
        ["| met", "left\\_out"],
        ["| met", "flags.number"],
    ]
    assert "## Gate: passed" in write_summary(gated(base, "failed<=1")).decode()


def test_a_summary_that_is_too_long_is_cut_at_a_line_with_a_note():
    line = "| 한 | b |"
    text = "\n".join([line] * 200_000)
    cut = step_summary(text)
    assert len(cut.encode()) <= MAX_SUMMARY
    body, _, note = cut.partition("\n\n…")
    assert set(body.split("\n")) == {line}
    assert "summary.md of the run has the rest" in note
    assert len(step_summary(text, already=MAX_SUMMARY - 1000).encode()) <= 1000
    assert step_summary(text, already=MAX_SUMMARY) == ""
    assert step_summary("short\n") == "short\n"

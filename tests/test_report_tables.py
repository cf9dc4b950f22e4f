"""``segments.tsv`` and ``segments.tmx``: every text comes back as it went in."""

from __future__ import annotations

import pytest
from exchange_schemas import LANG, TMX_SCHEMA, read_tmx
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from report_samples import ATTACKS, record, write_seed_run

from mtalign.document import Flag, Link, Severity, Status
from mtalign.records import Record
from mtalign.report.payload import read_run
from mtalign.report.text import xml_text
from mtalign.report.tmx import write_tmx
from mtalign.report.tsv import COLUMNS, write_tsv

TEXT = st.text().filter(str.strip)


def read_tsv(content: bytes) -> list[dict[str, str]]:
    unescape = {"\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r"}

    def cell(text: str) -> str:
        found, position = "", 0
        while position < len(text):
            pair = text[position : position + 2]
            found += unescape.get(pair, text[position])
            position += 2 if pair in unescape else 1
        return found

    lines = content.decode("utf-8").split("\n")
    assert lines.pop() == ""
    header, *rows = (line.split("\t") for line in lines)
    assert tuple(header) == COLUMNS
    assert all(len(row) == len(COLUMNS) for row in rows)
    return [dict(zip(COLUMNS, map(cell, row), strict=True)) for row in rows]


def segs(unit: etree._Element) -> list[tuple[str, str]]:
    return [(tuv.get(LANG), tuv.findtext("seg")) for tuv in unit.iter("tuv")]


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Record, ...]]:
    run = read_run(write_seed_run(tmp_path_factory.mktemp("run")))
    return {document.id: document.records for document in run.documents}


def test_a_tsv_line_says_what_its_segment_says():
    flags = (Flag("length", Severity.WARNING, "long"), Flag("number", Severity.ERROR, "7"))
    link = Link(("1.b1.s1",), ("1.b1.s1",), 0.75)
    rows = read_tsv(
        write_tsv(
            [
                record("1.b1.s1", "일곱", "Seven", flags=flags, score=-0.25, link=link),
                record("1.b1.s2", "둘", None, failure="empty output", status=Status.FAILED),
            ]
        )
    )
    assert rows[0] == {
        "id": "1.b1.s1",
        "source_lang": "ko",
        "status": "translated",
        "score": "-0.2500",
        "link_score": "0.7500",
        "flags": "warning:length error:number",
        "source": "일곱",
        "translation": "Seven",
        "failure": "",
        "review": "",
        "reviewer": "",
        "reviewed": "",
        "comment": "",
    }
    assert (rows[1]["status"], rows[1]["translation"], rows[1]["failure"]) == ("failed", "", "empty output")


@given(source=TEXT, translation=TEXT)
def test_any_text_comes_back_from_tsv(source, translation):
    (row,) = read_tsv(write_tsv([record("1.b1.s1", source, translation)]))
    assert (row["source"], row["translation"]) == (source, translation)


def test_tabs_line_breaks_and_backslashes_stay_in_their_cell():
    content = write_tsv([record("1.b1.s1", "a\tb\r\nc\\n", "d")])
    assert content.count(b"\n") == 2
    assert b"a\\tb\\r\\nc\\\\n" in content


def test_the_seeds_tsv_has_every_segment_in_order(documents):
    for records in documents.values():
        rows = read_tsv(write_tsv(records))
        assert [(row["id"], row["source"]) for row in rows] == [
            (r.segment.id, r.segment.text) for r in records
        ]


def test_the_seeds_tmx_validates_and_holds_the_translated_segments_alone(documents):
    for records in documents.values():
        root = read_tmx(write_tmx(records))
        translated = [r for r in records if r.translation.status is Status.TRANSLATED]
        assert 0 < len(translated) < len(records)
        assert [unit.get("tuid") for unit in root.iter("tu")] == [r.segment.id for r in translated]
        for unit, r in zip(root.iter("tu"), translated, strict=True):
            assert segs(unit) == [(r.segment.language, r.segment.text), ("en", r.translation.text)]


def test_the_tmx_header_says_who_made_it_and_from_which_language():
    header = read_tmx(write_tmx([record("1.b1.s1", "가", "A")], version="9.8")).find("header")
    assert dict(header.attrib) == {
        "creationtool": "mtalign",
        "creationtoolversion": "9.8",
        "segtype": "sentence",
        "o-tmf": "mtalign",
        "adminlang": "en",
        "srclang": "ko",
        "datatype": "plaintext",
    }


def test_units_of_several_languages_each_name_their_own():
    root = read_tmx(write_tmx([record("1.b1.s1", "가", "A"), record("1.b1.s2", "か", "B", language="ja")]))
    assert root.find("header").get("srclang") == "*all*"
    assert [unit.get("srclang") for unit in root.iter("tu")] == ["ko", "ja"]


def test_a_memory_without_a_unit_validates():
    kept = record("1.b1.s1", "7", "7", status=Status.KEPT)
    assert len(read_tmx(write_tmx([kept])).find("body")) == 0


@given(source=TEXT, translation=TEXT)
def test_any_text_that_xml_holds_comes_back_from_tmx(source, translation):
    root = read_tmx(write_tmx([record("1.b1.s1", source, translation)]))
    (unit,) = root.iter("tu")
    assert segs(unit) == [("ko", xml_text(source)[0]), ("en", xml_text(translation)[0])]


def test_characters_that_xml_cannot_hold_are_replaced_and_the_unit_says_so():
    (unit,) = read_tmx(write_tmx([record("1.b1.s1", "a\x00b\x1b", "c\ud800\r\n")])).iter("tu")
    assert segs(unit) == [("ko", "a\ufffdb\ufffd"), ("en", "c\ufffd\r\n")]
    assert unit.findtext("note").startswith("3 characters that XML cannot hold")


def test_attacks_are_text_in_tmx():
    records = [
        record(f"1.b1.s{number}", attack, attack, flags=(Flag(attack, Severity.INFO, attack),))
        for number, attack in enumerate(ATTACKS)
    ]
    root = read_tmx(write_tmx(records))
    assert {element.tag for element in root.iter()} <= {
        "tmx",
        "header",
        "body",
        "tu",
        "tuv",
        "seg",
        "prop",
        "note",
    }
    assert [segs(unit)[0][1] for unit in root.iter("tu")] == [xml_text(attack)[0] for attack in ATTACKS]


def test_the_validator_refuses_what_is_not_tmx():
    broken = write_tmx([record("1.b1.s1", "가", "A")]).replace(b' segtype="sentence"', b"")
    assert not TMX_SCHEMA.validate(etree.fromstring(broken))

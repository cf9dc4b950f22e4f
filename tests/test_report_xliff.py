"""``segments.xlf`` (and ``segments.tmx``): valid, whole, and read by Translate Toolkit as they were meant."""

from __future__ import annotations

from dataclasses import replace

import pytest
from exchange_schemas import NS, XLIFF_SCHEMA, read_tmx, wrong_in_xliff
from exchange_schemas import read_xliff as read
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from report_samples import ATTACKS, record, write_hostile_run, write_seed_run
from translate.storage.tmx import tmxfile
from translate.storage.xliff2 import Xliff2File

from mtalign.document import Flag, Review, Severity, Skip, Status, Verdict
from mtalign.records import Record
from mtalign.report.payload import read_run
from mtalign.report.tmx import write_tmx
from mtalign.report.xliff import write_xliff

TEXT = st.text().filter(str.strip)
KIM = Review(Verdict.EDITED, "Kim", "2026-11-25T11:58:03Z", "Before.", "a <b> comment", "llamacpp", "qwen@1")


def whole(element: etree._Element) -> str:
    """An element's text with its ``cp`` elements as the characters that they stand for."""
    parts = [element.text or ""]
    for child in element:
        parts += [chr(int(child.get("hex"), 16)), child.tail or ""]
    return "".join(parts)


def units(root: etree._Element) -> list[etree._Element]:
    return root.findall(".//x:unit", NS)


def meta(unit: etree._Element) -> dict[str, str]:
    return {one.get("type"): one.text for one in unit.iterfind(".//m:meta", NS)}


def notes(unit: etree._Element) -> list[tuple[str, str]]:
    return [(one.get("category"), one.text) for one in unit.iterfind("x:notes/x:note", NS)]


def reviewed(review: Review, text: str | None = "After.", **values) -> Record:
    one = record("1.b1.s1", "가", text, **values)
    return replace(one, translation=replace(one.translation, review=review))


def test_the_seeds_validate_and_hold_every_segment_in_order(tmp_path):
    for document in read_run(write_seed_run(tmp_path)).documents:
        found = units(read(write_xliff(document.records, original=document.path)))
        assert [unit.get("id") for unit in found] == [r.segment.id for r in document.records]
        for unit, r in zip(found, document.records, strict=True):
            assert whole(unit.find("x:segment/x:source", NS)) == r.segment.text
            target = unit.find("x:segment/x:target", NS)
            assert (None if target is None else whole(target)) == r.translation.text


def test_states_say_what_became_of_a_segment():
    records = [
        record("1.b1.s1", "가", "A"),
        record("1.b1.s2", "나", None, failure="empty", status=Status.FAILED),
        record("1.b1.s3", "7", "7", status=Status.KEPT, skip=Skip.NUMBER),
        record("1.b1.s4", "{}", None, failure="data", status=Status.SKIPPED, skip=Skip.DATA),
    ]
    found = units(read(write_xliff([*records, reviewed(KIM)][:4])))
    states = [unit.find("x:segment", NS).get("state") for unit in found]
    assert states == ["translated", "initial", "final", "initial"]
    assert [unit.get("translate") for unit in found] == [None, None, "no", "no"]
    (unit,) = units(read(write_xliff([reviewed(KIM)])))
    assert unit.find("x:segment", NS).get("state") == "reviewed"


def test_flags_failures_and_comments_are_notes_and_the_rest_is_metadata():
    flag = Flag("number", Severity.ERROR, "7 is not in the translation")
    (unit,) = units(read(write_xliff([reviewed(KIM, flags=(flag,))])))
    assert notes(unit) == [
        ("flag-error", "number: 7 is not in the translation"),
        ("comment", "Kim: a <b> comment"),
    ]
    assert (
        meta(unit).items()
        >= {
            "review": "edited",
            "reviewer": "Kim",
            "reviewed": "2026-11-25T11:58:03Z",
            "before": "Before.",
        }.items()
    )
    failed = record("1.b1.s2", "나", None, failure="rejected by Kim: no", status=Status.FAILED)
    (unit,) = units(read(write_xliff([failed])))
    assert notes(unit) == [("failed", "rejected by Kim: no")]


@given(source=TEXT, translation=TEXT)
def test_any_text_comes_back_from_xliff(source, translation):
    (unit,) = units(read(write_xliff([record("1.b1.s1", source, translation)])))
    assert whole(unit.find("x:segment/x:source", NS)) == source
    assert whole(unit.find("x:segment/x:target", NS)) == translation


def test_control_characters_and_half_surrogates_come_back():
    (unit,) = units(read(write_xliff([record("1.b1.s1", "a\x00\x1bb\r\n", "c\ud800\ufffe")])))
    assert whole(unit.find("x:segment/x:source", NS)) == "a\x00\x1bb\r\n"
    assert whole(unit.find("x:segment/x:target", NS)) == "c\ud800\ufffe"


def test_attacks_are_text_in_xliff(tmp_path):
    (document,) = read_run(write_hostile_run(tmp_path / "run")).documents
    root = read(write_xliff(document.records, original=document.path))
    assert root.find("x:file", NS).get("original") == document.path
    sources = [whole(unit.find("x:segment/x:source", NS)) for unit in units(root)]
    assert sources == [attack for attack in ATTACKS for _ in range(3)]


def test_ids_that_xml_does_not_take_are_numbered_and_stand_as_names():
    records = [record("문서.b1.s1", "가", "A"), record("1.b1.s2", "나", "B")]
    found = units(read(write_xliff(records)))
    assert [(unit.get("id"), unit.get("name")) for unit in found] == [
        ("u1", "문서.b1.s1"),
        ("1.b1.s2", "1.b1.s2"),
    ]


def test_a_document_of_several_languages_names_the_others_in_their_units():
    records = [record(f"1.b1.s{n}", "가", "A", language=code) for n, code in enumerate(("ko", "ja", "ko"))]
    root = read(write_xliff(records))
    assert (root.get("srcLang"), root.get("trgLang")) == ("ko", "en")
    assert [meta(unit).get("source-lang") for unit in units(root)] == [None, "ja", None]


def test_a_document_without_a_segment_validates():
    assert units(read(write_xliff([]))) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [(b' srcLang="ko"', b""), (b'state="translated"', b'state="done"'), (b"<source>", b"<src>")],
)
def test_the_validator_refuses_what_is_not_xliff(old, new):
    content = write_xliff([record("1.b1.s1", "가", "A")])
    broken = content.replace(old, new).replace(b"</source>", b"</src>" if new == b"<src>" else b"</source>")
    assert broken != content
    assert not XLIFF_SCHEMA.validate(etree.fromstring(broken))


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        (b"<source>", b'<source xml:lang="ja">', "source in ja, not ko"),
        (b"<target>", b'<target xml:lang="de">', "target in de, not en"),
        (b'id="1.b1.s2"', b'id="1.b1.s1"', "unit 1.b1.s1 twice in f1"),
        (b"<source>", b'<source><cp hex="0041"/>', "cp for U+0041, which XML holds"),
    ],
)
def test_the_validator_refuses_what_a_schema_cannot_say(old, new, wrong):
    content = write_xliff([record("1.b1.s1", "가", "A"), record("1.b1.s2", "나", "B")])
    broken = content.replace(old, new, 1)
    assert broken != content
    assert wrong_in_xliff(etree.fromstring(broken)) == [wrong]


TEXTS = [
    ("北约与日本的合作。", "NATO's cooperation with Japan."),
    ("協力を強化しました。", "<b>They</b> & </target> strengthened it ]]>"),
    ("  두 칸  ", " two  spaces "),
    ("a\r\nb\tc", "line\nbreak"),
]


def test_translate_toolkit_reads_the_units_of_an_xliff_back():
    flag = Flag("number", Severity.ERROR, "7 < 8")
    records = [
        record(f"1.b1.s{n}", source, english, language="zh", flags=(flag,))
        for n, (source, english) in enumerate(TEXTS, start=1)
    ]
    store = Xliff2File.parsestring(write_xliff([*records, reviewed(KIM)][:4]))
    assert (store.getsourcelanguage(), store.gettargetlanguage()) == ("zh", "en")
    assert [unit.getid() for unit in store.units] == [r.segment.id for r in records]
    assert [(unit.source, unit.target) for unit in store.units] == TEXTS
    assert all(unit.istranslated() and unit.istranslatable() for unit in store.units)
    # The toolkit looks for notes in the segment; XLIFF 2 has them in the unit, where its parser keeps them.
    held = [unit.getunitelement().findtext("x:notes/x:note", namespaces=NS) for unit in store.units]
    assert held == ["number: 7 < 8"] * 4
    (unit,) = Xliff2File.parsestring(write_xliff([reviewed(KIM)])).units
    assert unit.isapproved()
    failed = record("1.b1.s2", "나", None, failure="empty", status=Status.FAILED)
    (unit,) = Xliff2File.parsestring(write_xliff([failed])).units
    assert not unit.istranslated()


def test_translate_toolkit_reads_the_units_of_a_tmx_back():
    records = [record(f"1.b1.s{n}", s, e, language="zh") for n, (s, e) in enumerate(TEXTS, start=1)]
    store = tmxfile.parsestring(write_tmx(records))
    assert [(unit.source, unit.target) for unit in store.units] == TEXTS
    (unit,) = tmxfile.parsestring(write_tmx([reviewed(KIM)])).units
    assert (unit.target, unit.getnotes()) == ("After.", "Kim: a <b> comment")


def test_tmx_says_who_changed_the_english_and_when():
    root = read_tmx(write_tmx([reviewed(KIM), record("1.b1.s2", "나", "B")]))
    signed, plain = root.iter("tu")
    source, target = signed.findall("tuv")
    assert (target.get("changeid"), target.get("changedate")) == ("Kim", "20261125T115803Z")
    assert source.get("changeid") is None
    assert signed.findtext("prop[@type='x-review']") == "edited"
    assert "changeid" not in plain.findall("tuv")[1].attrib

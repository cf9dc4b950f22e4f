from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtalign.document import Document, Segment, Status, Translation
from mtalign.errors import MtalignError
from mtalign.formats import parse_document, read_document, render, render_records
from mtalign.languages import parse_language
from mtalign.records import Record, make_records
from mtalign.segment import segment_document

SEEDS = Path(__file__).resolve().parents[1] / "seeds"


def read(data: bytes, source: str = "zh", format: str = "text") -> tuple[Document, tuple[Segment, ...]]:
    document = parse_document(data, path="x", format=format, document_id="x")
    return document, segment_document(document, source=parse_language(source))


def records_of(document: Document, segments: tuple[Segment, ...], texts: dict[str, str]) -> list[Record]:
    translations = {
        segment.id: Translation(segment.id, Status.TRANSLATED, texts.get(segment.id, segment.text))
        for segment in segments
    }
    return make_records(document, segments, translations, "en")


def test_each_segment_is_replaced_and_everything_between_is_kept() -> None:
    document, segments = read("# 제목\r\n\r\n- 하나입니다. 둘입니다.\r\n".encode(), "ko", "markdown")
    texts = {"x.b1.s1": "Title", "x.b2.s1": "This is one.", "x.b2.s2": "This is two."}
    expected = "# Title\r\n\r\n- This is one. This is two.\r\n"
    assert render(document, segments, texts) == expected.encode()
    assert render_records(records_of(document, segments, texts)) == expected


def test_sentences_without_a_space_between_them_get_one_in_english() -> None:
    document, segments = read("　　首先如此。其次如此。　最后。\n".encode())
    texts = {"x.b1.s1": "First.", "x.b1.s2": "Second.", "x.b1.s3": "Last."}
    assert render(document, segments, texts) == b"  First. Second. Last.\n"


def test_a_line_break_between_two_sentences_stays() -> None:
    document = parse_document("하나.\n둘.".encode(), path="x", format="markdown", document_id="x")
    segments = segment_document(document, source=parse_language("ko"))
    assert [segment.text for segment in segments] == ["하나.", "둘."]
    assert render(document, segments, {segments[0].id: "One.", segments[1].id: "Two."}) == b"One.\nTwo."


def test_a_segment_without_an_entry_stays_as_it_is() -> None:
    data = '{"a": "文", "b": [1, 2, 3]}\n首先如此。其次如此。'.encode()
    document, segments = read(data)
    assert render(document, segments, {segments[1].id: "First."}).decode() == (
        '{"a": "文", "b": [1, 2, 3]}\nFirst. 其次如此。'
    )


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
    ],
)
def test_encoding_and_byte_order_mark_are_written_as_they_were_read(encoding: str, mark: bytes) -> None:
    document, segments = read(mark + "首先如此。\r\n\n其次。\r".encode(encoding))
    assert render(document, segments, {}) == mark + "首先如此。\r\n\n其次。\r".encode(encoding)
    english = render(document, segments, {"x.b1.s1": "First.", "x.b2.s1": "Second."})
    assert english == mark + "First.\r\n\nSecond.\r".encode(encoding)


def test_a_failed_segment_is_marked_and_never_replaced_by_its_source() -> None:
    document, segments = read("首先如此。其次如此。".encode())
    translations = {
        "x.b1.s1": Translation("x.b1.s1", Status.TRANSLATED, "First."),
        "x.b1.s2": Translation("x.b1.s2", Status.FAILED, None, failure="empty output"),
    }
    text = render_records(make_records(document, segments, translations, "en"))
    assert text == "First. [[not translated: x.b1.s2: empty output]]"
    assert "其次" not in text


def test_skipped_data_is_written_through_from_records() -> None:
    document, segments = read('{"a": "文", "b": [1, 2, 3]}\n首先。'.encode())
    translations = {
        segments[0].id: Translation(segments[0].id, Status.SKIPPED, None, failure="data"),
        segments[1].id: Translation(segments[1].id, Status.TRANSLATED, "First."),
    }
    assert render_records(make_records(document, segments, translations, "en")) == (
        '{"a": "文", "b": [1, 2, 3]}\nFirst.'
    )


def test_no_records_give_an_empty_text() -> None:
    assert render_records([]) == ""


@pytest.mark.parametrize("name", sorted(path.name for path in SEEDS.glob("*.txt")))
def test_a_seed_rendered_with_its_own_text_is_the_same_file(name: str) -> None:
    document = read_document(SEEDS / name)
    segments = segment_document(document)
    own = {segment.id: segment.text for segment in segments}
    assert render(document, segments, own) == render(document, segments, {}) == (SEEDS / name).read_bytes()


@given(
    st.text(
        st.one_of(
            st.sampled_from("\n\r\n\r \t　가나다. 。「」“”\"'()!?…aB-*#>|\u0301\ufeff"),
            st.characters(codec="utf-8", exclude_characters="\0"),
        ),
        max_size=120,
    ),
    st.sampled_from(["ko", "ja", "zh", "de", "hi"]),
    st.sampled_from(["text", "markdown"]),
    st.sampled_from([("utf-8", b""), ("utf-8", codecs.BOM_UTF8), ("utf-16-be", codecs.BOM_UTF16_BE)]),
)
def test_any_document_rendered_with_its_own_text_is_the_same_bytes(
    text: str, source: str, format: str, encoding: tuple[str, bytes]
) -> None:
    data = encoding[1] + text.encode(encoding[0])
    try:
        document, segments = read(data, source, format)
    except MtalignError:
        return
    own = {segment.id: segment.text for segment in segments}
    assert render(document, segments, own) == data
    if segments:
        assert render_records(records_of(document, segments, own)) == document.text

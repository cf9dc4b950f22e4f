from __future__ import annotations

import codecs
import json
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mtalign.document import BlockKind, Document
from mtalign.errors import DocumentError, MtalignError, UsageError
from mtalign.formats import document_ids, find_documents, parse_document, read_document

SEEDS = Path(__file__).resolve().parents[1] / "seeds"


def text_document(text: str, format: str = "text") -> Document:
    return parse_document(text.encode(), path="x.txt", format=format, document_id="x")


def blocks_of(text: str) -> list[tuple[str, str]]:
    return [(block.kind.value, block.text) for block in text_document(text).blocks]


# Files


def test_a_directory_gives_its_documents_by_name(tmp_path: Path) -> None:
    for name in ("b.md", "a.txt", "c.MARKDOWN", "d.pdf", ".hidden.txt"):
        (tmp_path / name).write_text("x")
    (tmp_path / "e.txt").mkdir()
    assert [path.name for path in find_documents(tmp_path)] == ["a.txt", "b.md", "c.MARKDOWN"]
    assert find_documents(tmp_path / "d.pdf") == [tmp_path / "d.pdf"]


def test_a_path_that_does_not_exist_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"missing\.txt does not exist"):
        find_documents(tmp_path / "missing.txt")
    with pytest.raises(UsageError, match=r"missing\.txt does not exist"):
        read_document(tmp_path / "missing.txt")
    with pytest.raises(UsageError, match="is a directory"):
        read_document(tmp_path)


def test_a_directory_without_documents_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"")
    with pytest.raises(UsageError, match="holds no document") as caught:
        find_documents(tmp_path)
    assert ".txt" in caught.value.hint


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        (["004_2c9f4eca55af6f73.txt", "000_0a.txt"], ["004", "000"]),
        (["report.ko.txt"], ["report-ko"]),
        (["a/report.txt", "b/report.txt", "c/report.md"], ["report", "report-2", "report-3"]),
        (["1_a.txt", "1_b.txt", "2_a.txt"], ["1_a", "1_b", "2"]),
        (["Report.txt", "x/report.txt"], ["Report", "report-2"]),
        (["보고서 (최종).txt"], ["보고서-최종"]),
        (["../../etc/passwd", "...", "a b/../c.txt"], ["passwd", "document", "c"]),
        (["<script>.txt"], ["script"]),
    ],
)
def test_document_ids_are_short_unique_and_safe(names: list[str], ids: list[str]) -> None:
    assert document_ids([Path(name) for name in names]) == ids


@given(st.lists(st.text(min_size=1, max_size=6).filter(lambda name: "\0" not in name), max_size=6))
def test_document_ids_never_collide_and_never_leave_the_folder(names: list[str]) -> None:
    ids = document_ids([Path(name + ".txt") for name in names])
    assert len({name.casefold() for name in ids}) == len(names)
    assert all(name and name not in (".", "..") and not set("/\\<>:\"'") & set(name) for name in ids)


# Encodings and bad input


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
    ],
)
def test_unicode_encodings_are_read_and_remembered(tmp_path: Path, encoding: str, mark: bytes) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(mark + "제목\r\n\r\n본문입니다.\r마지막 줄.\n".encode(encoding))
    document = read_document(path)
    assert document.text == "제목\r\n\r\n본문입니다.\r마지막 줄.\n"
    assert (document.encoding, document.bom) == (encoding, bool(mark))
    assert [block.text for block in document.blocks] == ["제목", "본문입니다.", "마지막 줄."]
    assert document.id == "a"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b" \n\t\r\n ", "holds white space only"),
        (codecs.BOM_UTF8, "white space only"),
        ("가나다".encode("euc-kr"), "is not UTF-8: invalid start byte at byte 0"),
        (b"abc \xff\xfe", "is not UTF-8: invalid start byte at byte 4"),
        ("日本".encode("shift_jis"), "at byte 0"),
        (b"abc\0def", "is binary"),
        (b"\x00\x01\x02\xff\xfe", "is binary"),
        ("한국어".encode("utf-16-le"), "is "),
        (codecs.BOM_UTF16_LE + b"\x00\xd8", "is not UTF-16-LE"),
        (codecs.BOM_UTF32_LE + "a".encode("utf-32-le"), "is binary"),
        (b"%PDF-1.7\n%\xe2\xe3", "is a PDF"),
        (b"PK\x03\x04rest", "a .docx"),
        (b"\x89PNG\r\n\x1a\n", "is a PNG image"),
        (b"\x1f\x8b\x08", "is a gzip file"),
    ],
)
def test_what_is_no_text_is_refused_in_one_line(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(data)
    with pytest.raises(DocumentError) as caught:
        read_document(path)
    assert message in caught.value.message
    assert "bad.txt" in caught.value.message
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 1


def test_another_encoding_gets_the_command_that_converts_it() -> None:
    with pytest.raises(DocumentError, match="standard input is not UTF-8") as caught:
        parse_document("가".encode("euc-kr"), path="-", format="text", document_id="x")
    assert "iconv -f EUC-KR -t utf-8" in caught.value.hint


def test_an_unreadable_file_is_a_document_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DocumentError, match=r"cannot read .*a\.txt: Permission denied"):
        read_document(tmp_path / "a.txt")


def test_an_unknown_format_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match='"docx" is not a format'):
        parse_document(b"a", path="a", format="docx", document_id="a")


# Plain text


def test_blank_lines_and_line_breaks_part_paragraphs() -> None:
    assert [text for _, text in blocks_of("하나입니다.\n\n \n둘입니다.\n셋입니다.\n")] == [
        "하나입니다.",
        "둘입니다.",
        "셋입니다.",
    ]


ENGLISH = (
    "The alliance has been expanding its presence in the region for several years, and officials say that "
    "the plan to open an office in the capital is only one of the steps that both sides agreed on. It was "
    "received well by the prime minister, who visited in spring."
)
JAPANESE = (
    "極東の観点からすれば、戦略的パートナーシップの方が中国の軍事的脅威にうまく対処できるだろう。最初"
    "のステップとして、例えば防衛を確保するために、東アジア諸国の間で共同軍事演習が実施される可能性が"
    "ある。第二に、諜報同盟を確立することが可能となる。"
)
KOREAN = (
    "최근 일본과 나토 관계가 따뜻해졌다는 신호에도 불구하고 일본의 나토 가입 가능성은 여전히 희박하다. "
    "도쿄 연락사무소 개설 계획은 새로운 정세에서 양측이 안보 협력 수준을 높이는 맥락에서 적절한 조치라고 "
    "볼 수 있다고 그는 말했다. 그러나 이것이 일본이 이 군사동맹의 일원이 된다는 의미는 아니라고 그는 "
    "덧붙였다."
)


def wrapped(text: str, columns: int, newline: str = "\n") -> str:
    """Break ``text`` as an editor does: greedily, Japanese anywhere; a wide character is two columns."""
    pieces = re.findall(r"[^\x00-\x7f]|[\x00-\x7f]+" if "。" in text else r"\S+\s*", text)
    lines, width = [""], 0
    for piece in pieces:
        size = sum(2 if ord(character) >= 0x1100 else 1 for character in piece.rstrip())
        if width + size > columns:
            lines, width = [*lines, ""], 0
        lines[-1] += piece
        width += size + len(piece) - len(piece.rstrip())
    return newline.join(line.rstrip() for line in lines)


@pytest.mark.parametrize("text", [ENGLISH, JAPANESE, KOREAN])
@pytest.mark.parametrize("columns", [60, 72, 78])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_hard_wrapped_paragraph_stays_whole(text: str, columns: int, newline: str) -> None:
    paragraph = wrapped(text, columns, newline)
    assert len(paragraph.splitlines()) >= 4
    found = [text for _, text in blocks_of(paragraph + 2 * newline + paragraph + newline)]
    assert found == [paragraph, paragraph]


def test_a_short_paragraph_in_a_wrapped_document_stays_whole() -> None:
    short = "Talks about the further steps of both of the sides will be held in autumn\nof next year."
    assert blocks_of(wrapped(ENGLISH, 72) + "\n\n" + short)[1] == ("paragraph", short)


def test_indented_first_lines_part_the_paragraphs_of_a_wrapped_text() -> None:
    paragraphs = [wrapped("　" + JAPANESE, 60), wrapped("　" + JAPANESE[:70] + "。", 60)]
    assert [text for _, text in blocks_of("\n".join(paragraphs))] == [text.strip() for text in paragraphs]


@pytest.mark.parametrize(
    "lines",
    [
        ["复制", "MLA", "复制", "APA", "导出至"],
        ["Kontakt", "Impressum", "Datenschutz", "Über uns"],
        ["NATO 정상회의 개최", "한일 관계 개선 논의 본격화", "미국 대선 이후의 동맹"],
        [
            "Der erste Absatz steht auf einer einzigen Zeile und endet hier mit einem Punkt.",
            "Der zweite Absatz steht ebenfalls auf einer Zeile und ist noch ein gutes Stück länger als er.",
            "Kurz.",
        ],
        ["Roses are red,", "Violets are blue,", "Sugar is sweet,", "And so are you."],
    ],
)
def test_lines_that_are_no_wrapped_paragraph_are_blocks_of_their_own(lines: list[str]) -> None:
    assert [text for _, text in blocks_of("\n".join(lines))] == lines


def test_list_markers_stay_outside_the_block() -> None:
    text = "- 사과\n- 배\n  그리고 감\n• 귤\n1. 하나\n2. 둘\n"
    assert blocks_of(text) == [
        ("list_item", "사과"),
        ("list_item", "배\n  그리고 감"),
        ("list_item", "귤"),
        ("list_item", "하나"),
        ("list_item", "둘"),
    ]


def test_a_date_at_the_beginning_of_a_line_is_no_list_marker() -> None:
    assert blocks_of("3. Oktober war ein Feiertag in Deutschland.") == [
        ("paragraph", "3. Oktober war ein Feiertag in Deutschland.")
    ]


def test_a_short_line_before_prose_is_a_heading_and_names_the_document() -> None:
    prose = (
        "나토는 일본과의 협력을 지속적으로 강화하고 있으며 도쿄에 사무소를 개설할 계획이라고 밝혔다. "
        "그러나 아직 결정된 것은 없다."
    )
    document = text_document(f"나토의 아시아 진출\n\n{prose}\n\n배경\n{prose}\n\n{prose}\n\n끝\n")
    assert [block.kind.value for block in document.blocks] == [
        "heading",
        "paragraph",
        "heading",
        "paragraph",
        "paragraph",
        "paragraph",
    ]
    assert document.title == "나토의 아시아 진출"


def test_a_photo_line_is_a_caption() -> None:
    text = "본문입니다.\n\n사진: 연합뉴스\n\nDer Minister in Tokio. Foto: dpa\n\n본문의 끝입니다."
    assert [kind for kind, _ in blocks_of(text)] == ["paragraph", "caption", "caption", "paragraph"]


@pytest.mark.parametrize(
    "data",
    [
        '{"title":"北约与日本","authors":"Ph. O. Trunov","url":null,"Total":0}',
        '[{"a": 1}, {"b": [1, 2, {"c": "文"}]}]',
        '{\n  "title": "北约",\n\n  "list": [1, 2]\n}',
        '{"a":"b","c":"d","e":"f","cut":"off',
        "<?xml version='1.0'?>",
        '<div class="x">',
        "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0NTY3ODkrL0FCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaYWJjZGVmZ2g=",
    ],
)
def test_data_is_a_block_of_its_own(data: str) -> None:
    assert blocks_of(f"앞의 문장입니다.\n{data}\n뒤의 문장입니다.") == [
        ("paragraph", "앞의 문장입니다."),
        ("data", data),
        ("paragraph", "뒤의 문장입니다."),
    ]


@pytest.mark.parametrize(
    "prose",
    [
        "[thus] Multiplizieren Sie es.",
        "[1] 참고 문헌입니다.",
        "<3 사랑합니다",
        "<p>한국어 문장입니다.</p>",
        "{이것은} 문장입니다.",
        "「引用」[注]",
        "[광고]",
    ],
)
def test_brackets_in_prose_are_no_data(prose: str) -> None:
    assert blocks_of(prose) == [("paragraph", prose)]


def test_program_code_is_recognised() -> None:
    code = "import os\n\nfor name in names:\n    print(name)\n    total = total + 1;"
    kinds = [kind for kind, _ in blocks_of(f"```\n{code}\n```\n설명입니다.")]
    assert kinds == ["code", "paragraph"]
    assert blocks_of("def add(a, b):\n    total = a + b\n    return total;\n\n설명입니다.")[0][0] == "code"


@pytest.mark.parametrize("name", sorted(path.name for path in SEEDS.glob("*.txt")))
def test_the_seed_documents_have_a_block_for_every_line_that_is_not_blank(name: str) -> None:
    document = read_document(SEEDS / name)
    lines = [line.strip() for line in document.text.split("\n") if line.strip()]
    assert [block.text for block in document.blocks] == lines
    data = [block for block in document.blocks if block.kind is BlockKind.DATA]
    assert len(data) == (1 if name.startswith("004") else 0)
    assert all(json.loads(block.text)["resultStr"] for block in data)


def test_the_title_of_a_seed_document_is_a_heading() -> None:
    document = read_document(SEEDS / "004_2c9f4eca55af6f73.txt")
    assert document.id == "004"
    assert document.title == "北约与日本发展合作的途径:困难与前景"
    assert document.blocks[0].kind is BlockKind.HEADING


# Any text

ANY_TEXT = st.text(
    st.one_of(
        st.sampled_from(
            "\n\r\n\r \t　가나다.!?。「」“”\"'()[]{}<>-*#`|>1234:;,aB\u0301\u200d\ufeff\u2028\x85…é"
        ),
        st.characters(codec="utf-8", exclude_characters="\0"),
    ),
    max_size=200,
)


@given(ANY_TEXT, st.sampled_from(["text", "markdown"]))
@example("- a\r\n  b\r\n> c\r> d\n", "markdown")
@example("| a | b\\|c |\n|---|---|\n| 1 | 2 |\n", "markdown")
def test_blocks_and_the_text_between_them_rebuild_any_document(text: str, format: str) -> None:
    try:
        document = text_document(text, format)
    except MtalignError:
        assert not text.strip() or not text.removeprefix("\ufeff").strip() or text.encode()[:4] == b"%PDF"
        return
    assert document.text == text.removeprefix("\ufeff")
    position = 0
    for number, block in enumerate(document.blocks, start=1):
        assert block.id == f"x.b{number}"
        assert position <= block.start < block.end
        assert document.text[block.start : block.end] == block.text
        assert block.text == block.text.strip() or block.kind in (BlockKind.CODE, BlockKind.DATA)
        if format == "text":
            assert (
                not document.text[position : block.start]
                .strip("-*+•·▪◦‣●○■□◆▶※–—0123456789().,; \t\r\n　")
                .strip()
            )
        position = block.end
    if format == "text":
        assert not document.text[position:].strip().strip(",;")
    outside = document.text
    for block in reversed(document.blocks):
        outside = outside[: block.start] + "\n" + outside[block.end :]
    lost = [line for line in re.split(r"[\r\n]", outside) if re.search(r"[^\W\d_]", line)]
    assert all(re.match(r"[\s>]*\[[^\]^][^\]]*\]:\s*[!-~]", line) for line in lost), lost

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtalign.document import Document, Segment, Skip
from mtalign.errors import LanguageError, MtalignError
from mtalign.formats import parse_document, read_document
from mtalign.languages import parse_language
from mtalign.segment import segment_document
from mtalign.segment.sentences import LONGEST

SEEDS = Path(__file__).resolve().parents[1] / "seeds"
LANGUAGES = {"000": "ko", "001": "ko", "002": "ja", "003": "de", "004": "zh"}


def document_of(text: str, format: str = "text") -> Document:
    return parse_document(text.encode(), path="x.txt", format=format, document_id="x")


def segments_of(text: str, source: str | None = None) -> list[tuple[str, str, str | None]]:
    segments = segment_document(document_of(text), source=parse_language(source) if source else None)
    return [(segment.text, segment.language, segment.skip and segment.skip.value) for segment in segments]


def seed(number: str) -> tuple[Document, tuple[Segment, ...]]:
    document = read_document(next(SEEDS.glob(f"{number}_*.txt")))
    return document, segment_document(document)


@pytest.mark.parametrize("number", sorted(LANGUAGES))
def test_every_seed_is_segmented_without_being_told_its_language(number: str) -> None:
    document, segments = seed(number)
    blocks = {block.id: block for block in document.blocks}
    assert {segment.block_id for segment in segments} == set(blocks)
    for segment in segments:
        assert blocks[segment.block_id].text[segment.start : segment.end] == segment.text
        if segment.skip is None:
            assert segment.language == LANGUAGES[number], segment
        elif segment.skip is Skip.ENGLISH:
            assert segment.language == "en"
        else:
            assert segment.language == "und"


def test_ids_count_blocks_and_sentences_from_one() -> None:
    _, segments = seed("000")
    assert [segment.id for segment in segments][:5] == [
        "000.b1.s1",
        "000.b2.s1",
        "000.b3.s1",
        "000.b3.s2",
        "000.b4.s1",
    ]
    assert len({segment.id for segment in segments}) == len(segments)


@pytest.mark.parametrize(
    ("number", "sentences"), [("000", 47), ("001", 30), ("002", 59), ("003", 60), ("004", 58)]
)
def test_the_number_of_sentences_to_translate_in_a_seed_is_what_a_reader_counted(
    number: str, sentences: int
) -> None:
    _, segments = seed(number)
    assert sum(segment.skip is None for segment in segments) == sentences


def test_an_english_title_in_a_korean_document_is_kept() -> None:
    _, segments = seed("000")
    assert [segment.text for segment in segments if segment.skip] == [
        "Japan and Europe Should Forge Ahead With Their Own Alliance, Without the US"
    ]


def test_german_sentences_with_english_names_and_glued_words_are_german() -> None:
    _, segments = seed("003")
    assert not [segment.text for segment in segments if segment.skip]


def test_the_english_abstract_is_kept_as_nineteen_sentences_like_the_chinese_one() -> None:
    document, segments = seed("004")
    abstracts = [block.id for block in document.blocks if block.text.startswith(("自从北约", "Since NATO"))]
    chinese, english = ([segment for segment in segments if segment.block_id == block] for block in abstracts)
    assert len(chinese) == len(english) == 19
    assert {segment.skip for segment in english} == {Skip.ENGLISH}
    assert english[4].text == "This inevitably requires substantial NATO-Japan cooperation."
    assert english[5].text.startswith("The article explores")
    assert chinese[5].text == "本文探讨了到本世纪20年代初这一进程的困难、进展和前景。"


def test_what_needs_no_model_in_the_scraped_page_is_recognised() -> None:
    _, segments = seed("004")
    skipped = {segment.text: segment.skip for segment in segments if segment.skip and len(segment.text) < 60}
    english = ["IF 0.1 Q4 AREA STUDIES", "Ph. O. Trunov", "GB/T 7714-2015", "MLA", "APA", "copy"]
    english.append("BibTeX EndNote RefMan NoteFirst NoteExpress")
    expected = dict.fromkeys(english, Skip.ENGLISH) | dict.fromkeys(["0.00%", "0", "×"], Skip.NUMBER)
    skipped = {text: skip for text, skip in skipped.items() if not text.startswith(("In this", "This inev"))}
    assert skipped == expected
    assert sum(segment.skip is Skip.DATA for segment in segments) == 1


def test_a_stray_stop_joins_the_sentence_before_it() -> None:
    _, segments = seed("001")
    assert sum(segment.text.endswith("니다. .") for segment in segments) == 2
    assert all(segment.text.strip(" .") for segment in segments)


@pytest.mark.parametrize(
    ("text", "skip"),
    [
        ("12,345", "number"),
        ("3.5 %", "number"),
        ("×", "number"),
        ("(2022.4.8)", "number"),
        ("https://example.com/a?b=c", "url"),
        ("www.example.co.kr/한국", "url"),
        ("info@example.com", "url"),
        ("doi: 10.55105/2500-2872", "url"),
        ("10.55105/2500-2872-2023-3-88-102", "url"),
        ("Nato.int", "url"),
        ('{"a": "가", "b": [1, 2, 3]}', "data"),
        ("Terms and Conditions of the Service", "english"),
        ("Amari Masaki", "english"),
        ("2022년", None),
        ("Book학술", None),
    ],
)
def test_what_does_not_go_through_a_model(text: str, skip: str | None) -> None:
    found = segments_of(f"한국어로 된 문장입니다.\n\n{text}\n\n한국어로 된 또 다른 문장입니다.")
    assert [segment for segment in found if "한국어로" not in segment[0]] == [
        (text, {"english": "en", None: "ko"}.get(skip, "und"), skip)
    ]


def test_code_is_one_segment() -> None:
    assert segments_of("한국어 문장입니다.\n```\nx = 1\n\nprint(x)\n```")[1] == (
        "```\nx = 1\n\nprint(x)\n```",
        "und",
        "code",
    )


def test_only_what_is_clearly_english_is_kept_in_a_german_document() -> None:
    german = "Der Minister besuchte gestern die Basis in Yokosuka und sprach mit der Presse."
    english = "The minister said that the visit was the first of its kind and would not be the last."
    assert segments_of(
        f"{german} {english}\n{english}\nMitsubishi Electric Kamakura Works\nNATO\n{german}"
    ) == [
        (german, "de", None),
        (english, "en", "english"),
        (english, "en", "english"),
        ("Mitsubishi Electric Kamakura Works", "de", None),
        ("NATO", "de", None),
        (german, "de", None),
    ]


def test_a_german_sentence_in_an_english_paragraph_is_not_kept() -> None:
    german = "Der Minister besuchte gestern die Basis in Yokosuka und sprach dort lange mit der Presse."
    english = "The minister said that the visit was the first of its kind and would not be the last. " * 3
    assert (german, "de", None) in segments_of(f"{english}{german}\n\n{german} {german}")


def test_a_third_language_is_found_by_block() -> None:
    french = "Le ministre a déclaré que la visite était la première de ce genre et ne serait pas la dernière."
    found = segments_of(f"한국어로 된 문장입니다.\n\n{french}\n\n日本語の文です。")
    assert [language for _, language, _ in found] == ["ko", "fr", "ja"]


def test_a_heading_in_kanji_is_japanese_in_a_japanese_document() -> None:
    japanese = "岸田総理大臣は北大西洋条約機構との協力を強化すると述べた。"
    assert [
        language for _, language, _ in segments_of(f"首相官邸\n\n{japanese}\n\n外交政策\n\n{japanese}")
    ] == ["ja"] * 4
    chinese = "北约与日本的合作已经持续了很多年，双方都希望继续加强。"
    assert [language for _, language, _ in segments_of(f"首相官邸\n\n{chinese}")] == ["zh", "zh"]


def test_chinese_beside_korean_is_chinese() -> None:
    found = segments_of("한국어로 된 문장입니다. 또 다른 문장입니다.\n\n中国与韩国的合作。\n\n联系我们")
    assert [language for _, language, _ in found] == ["ko", "ko", "zh", "zh"]


@pytest.mark.parametrize("text", ["Amari", "Lorem 5", "привет, как дела", "qwrtz plmk"])
def test_an_undecided_language_is_an_error_that_asks_for_it(text: str) -> None:
    with pytest.raises(LanguageError) as caught:
        segments_of(f"12\n\n{text}")
    assert f'x.txt: the language of block x.b2 is undecided ("{text}")' in caught.value.message
    assert "--from" in caught.value.hint
    assert caught.value.exit_code == 2


def test_the_language_given_settles_what_is_undecided() -> None:
    assert segments_of("Amari\n\n12", "de") == [("Amari", "de", None), ("12", "und", "number")]
    assert segments_of("首相官邸", "ja") == [("首相官邸", "ja", None)]
    assert segments_of("Amari Masaki\n首相官邸", "ja") == [
        ("Amari Masaki", "en", "english"),
        ("首相官邸", "ja", None),
    ]


def test_the_language_given_does_not_send_english_to_a_model() -> None:
    english = "The minister said that the visit was the first of its kind and would not be the last."
    assert segments_of(english, "de") == [(english, "en", "english")]
    assert segments_of(english, "ko") == [(english, "en", "english")]


def test_an_english_document_needs_no_model() -> None:
    english = "The minister said that the visit was the first of its kind. It would not be the last."
    assert [skip for _, _, skip in segments_of(english)] == ["english", "english"]


def test_a_document_of_data_and_numbers_needs_no_language() -> None:
    assert segments_of('{"a": "文", "b": [1, 2, 3]}\n\n5 %') == [
        ('{"a": "文", "b": [1, 2, 3]}', "und", "data"),
        ("5 %", "und", "number"),
    ]


@given(
    st.text(
        st.one_of(
            st.sampled_from("\n\r\n \t　가나다. 。「」“”\"'()!?…aB-*#>|12,\u0301"),
            st.characters(codec="utf-8", exclude_characters="\0"),
        ),
        max_size=150,
    ),
    st.sampled_from(["ko", "zh", "de"]),
    st.sampled_from(["text", "markdown"]),
)
def test_segments_and_gaps_rebuild_every_block(text: str, source: str, format: str) -> None:
    try:
        document = document_of(text, format)
    except MtalignError:
        return
    segments = segment_document(document, source=parse_language(source))
    by_block = {
        key: list(group) for key, group in itertools.groupby(segments, key=lambda segment: segment.block_id)
    }
    assert list(by_block) == [block.id for block in document.blocks]
    for block in document.blocks:
        position = 0
        for number, segment in enumerate(by_block[block.id], start=1):
            assert segment.id == f"{block.id}.s{number}"
            assert block.text[position : segment.start].strip() == ""
            assert block.text[segment.start : segment.end] == segment.text != ""
            assert (segment.language == "und") == (segment.skip not in (None, Skip.ENGLISH))
            position = segment.end
        assert block.text[position:].strip() == ""


@pytest.mark.parametrize(
    ("unit", "source"),
    [
        ("北约与日本的合作", "zh"),
        ("합의했습니다. ", "ko"),
        ("Rutte sprach mit der Presse. ", "de"),
        ("。", "ja"),
        ("“（", "zh"),
        ("a.b@", "de"),
        ("www.", "ko"),
    ],
)
def test_a_long_line_is_cut_in_short_segments(unit: str, source: str) -> None:
    text = "한국어 中文 " + unit * (300_000 // len(unit))
    document = document_of(text)
    segments = segment_document(document, source=parse_language(source))
    assert len(document.blocks) == 1
    assert max(len(segment.text) for segment in segments) <= LONGEST
    assert sum(len(segment.text.replace(" ", "")) for segment in segments) == len(text.replace(" ", ""))


def test_a_line_of_ten_megabytes_without_a_stop_is_read_and_segmented() -> None:
    text = "北约与日本的合作" * 420_000
    assert len(text.encode()) > 10_000_000
    segments = segment_document(document_of(text))
    assert {segment.language for segment in segments} == {"zh"}
    assert "".join(segment.text for segment in segments) == text
    assert max(len(segment.text) for segment in segments) <= LONGEST

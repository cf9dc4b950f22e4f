"""Checks: what each one flags, and what it must leave alone."""

from __future__ import annotations

import pytest

from mtalign.checks import check_translation
from mtalign.checks.copied import check_copied
from mtalign.checks.length import check_length
from mtalign.checks.numbers import check_numbers
from mtalign.checks.repetition import check_repetition, repeated_phrase
from mtalign.checks.script import check_script
from mtalign.document import Severity
from mtalign.languages import ENGLISH, parse_language

KO, JA, ZH, DE = (parse_language(code) for code in ("ko", "ja", "zh", "de"))


@pytest.mark.parametrize(
    ("source", "translation", "language", "left"),
    [
        ("遏制中国", "the 遏制 of China", ZH, "遏制"),
        ("溢出效应", "a 溢出效应 effect", ZH, "溢出效应"),
        ("カタカナ", "written in カタカナ", JA, "カタカナ"),
        ("노조의.", "of the 노조.", KO, "노조"),
    ],
)
def test_source_script_in_the_translation_is_an_error_with_its_place(source, translation, language, left):
    (flag,) = check_script(source, translation, language, ENGLISH)
    assert flag.severity is Severity.ERROR
    assert flag.translation_span is not None
    start, end = flag.translation_span
    assert translation[start:end] == left


def test_a_quoted_name_that_the_source_gives_in_that_script_may_stay():
    assert check_script("尹ソクヨル大統領", "President Yoon (“ソクヨル”)", JA, ENGLISH) == []


def test_a_quoted_run_that_the_source_does_not_have_may_not_stay():
    assert check_script("大統領", "the “ソクヨル”", JA, ENGLISH) != []


@pytest.mark.parametrize(
    ("text", "phrase", "copies"),
    [
        ("no no no no", "no no no no", 4),
        ("the alliance the alliance the alliance of", "the alliance the alliance the alliance", 3),
        (
            "It said that a b c d e f g. A b c d e f g. End",
            "a b c d e f g. A b c d e f g",
            2,
        ),
    ],
)
def test_a_phrase_in_a_row_is_found_with_its_place_and_number(text, phrase, copies):
    start, end, found = repeated_phrase(text)
    assert (text[start:end], found) == (phrase, copies)


@pytest.mark.parametrize(
    "text",
    ["", "very, very good", "that that is is", "We will fight and we will fight and win", "a b a b c"],
)
def test_figures_of_speech_are_no_loop(text):
    assert repeated_phrase(text) is None


def test_a_headline_that_loops_is_an_error():
    flags = check_repetition(
        "北约的合作", "NATO's cooperation, NATO's cooperation, NATO's cooperation", ZH, ENGLISH
    )
    assert [flag.severity for flag in flags] == [Severity.ERROR]


def test_a_loop_inside_one_word_is_found():
    assert check_repetition("笑った", "He laughed haha" + "ha" * 20, JA, ENGLISH) != []


def test_a_repetition_that_the_source_has_too_is_no_loop():
    assert check_repetition("谢谢，谢谢，谢谢，谢谢", "Thanks, thanks, thanks, thanks", ZH, ENGLISH) == []


def test_an_untranslated_german_sentence_is_an_error():
    source = "Der kritischste Schritt besteht darin, das Bedrohungsumfeld gemeinsam zu verstehen."
    assert [flag.name for flag in check_copied(source, source, DE, ENGLISH)] == ["copied"]
    nearly = source.replace("Der", "The").replace("Schritt", "step")
    assert [flag.name for flag in check_copied(source, nearly, DE, ENGLISH)] == ["copied"]


def test_a_translation_that_shares_names_with_its_source_is_no_copy():
    source = "NATO-Generalsekretär Mark Rutte besuchte Japan."
    assert check_copied(source, "NATO Secretary General Mark Rutte visited Japan.", DE, ENGLISH) == []
    assert check_copied("Mark Rutte", "Mark Rutte", DE, ENGLISH) == []


def test_an_output_that_lost_a_sentence_is_flagged_short():
    source = (
        "일본은 최근 몇 년 동안 협력을 강화했습니다. 그러나 가입을 추진하지 않을 것이라고 총리가 말했습니다."
    )
    flags = check_length(source, "Japan has strengthened.", KO, ENGLISH)
    assert [flag.name for flag in flags] == ["short"]


def test_an_answer_of_several_times_the_length_is_an_error():
    flags = check_length("导出至参考文献管理软件的按钮", "word " * 60, ZH, ENGLISH)
    assert [(flag.name, flag.severity) for flag in flags] == [("long", Severity.ERROR)]


def test_a_short_source_says_nothing_by_its_length():
    assert (
        check_length("引用次数", "Number of times this article has been cited by others", ZH, ENGLISH) == []
    )


@pytest.mark.parametrize(
    ("source", "translation", "language"),
    [
        ("GDP의 5 %로", "to 5% of GDP", KO),
        ("2.200.112 Euro", "2,200,112 euros", DE),
        ("57,60 Euro", "57.60 euros", DE),
        ("3만 명", "30,000 people", KO),
        ("2億5000万円", "250 million yen", JA),
        ("1万2千人", "12,000 people", JA),
        ("2007년에", "in 2007", KO),
        ("２０２２年", "in 2022", JA),
        ("4月8日", "on April 8", ZH),
        ("vom 8. bis 9. April", "from April 8 to 9", DE),
        ("3つの段階", "three stages", JA),
        ("第 3 段階", "the third stage", JA),
        ("1,5 Millionen", "1.5 million", DE),
    ],
)
def test_the_same_number_written_another_way_is_not_flagged(source, translation, language):
    assert check_numbers(source, translation, language, ENGLISH) == []


@pytest.mark.parametrize(
    ("source", "translation", "language", "lost"),
    [
        ("2.200.112 Euro", "2,200,12 euros", DE, "2.200.112"),
        ("102 Personen", "one hundred and something people", DE, "102"),
        ("€18.10", "18h10", DE, "18.10"),
        ("Version 0.85", "version 0.58", DE, "0.85"),
        ("3만 명", "3,000 people", KO, "3만"),
        ("2007년에", "in 2017", KO, "2007"),
    ],
)
def test_a_number_that_is_lost_or_changed_is_flagged_with_its_place(source, translation, language, lost):
    (flag,) = check_numbers(source, translation, language, ENGLISH)
    assert flag.source_span is not None
    start, end = flag.source_span
    assert source[start:end] == lost


def test_a_good_translation_has_no_flag():
    source = "일본은 2007 년에 NATO 본부를 방문한 이래 동맹과의 관계를 꾸준히 심화시켰다."
    good = "Since visiting NATO headquarters in 2007, Japan has steadily deepened its ties with the alliance."
    assert check_translation(source, good, KO, ENGLISH) == ()

"""What the words of a Chinese text mean, how they are read, and which of its names a translation lacks."""

from __future__ import annotations

import pytest

from mtalign.cedict import words_of
from mtalign.checks.dictionary import (
    count_syllables,
    is_spelled,
    lost_meanings,
    lost_people,
    meant_in,
)
from mtalign.checks.founded import suspects
from mtalign.checks.spelling import fold
from mtalign.languages import parse_language

ZH = parse_language("zh")


def test_a_text_is_taken_apart_at_the_longest_words_and_all_its_words_are_found():
    words = words_of("新华社北京电，新华社")
    assert [word for _, word in words.parts] == ["新华社", "北京", "电", "新华社"]
    assert words.parts[-1][0] == 7
    assert {"新华", "新华社", "北京"} <= words.found


@pytest.mark.parametrize(
    ("word", "source", "expected"),
    [
        ("Securities", "证监会公告", "word"),
        ("Shaanxi", "陕西省", "word"),
        ("Shaanxi", "陝西省", "word"),
        ("Committee", "委员会", "word"),
        ("Vietnam", "图自越通社", "character"),
        ("Philippine", "中菲关系", "word"),
        ("Sino", "中菲关系", "word"),
        ("China", "国内共有156家", "word"),
        ("China", "云南省", None),
        ("China", "工作中常见", None),
        ("Japan", "2月10日电", None),
        ("Hydrogen", "委员会", None),
    ],
)
def test_an_english_word_is_connected_with_a_word_of_the_source_or_a_character_short_for_it(
    word, source, expected
):
    meant = meant_in(word, source, names=word in ("China", "Japan", "Vietnam"))
    assert ("word" if meant.by_word else "character" if meant.by_character else None) == expected


def test_a_dictionary_knows_words_that_the_source_does_not_have_and_which_are_no_names():
    hydrogen, yunnan, nonsense = (
        meant_in(word, "你好", names=False) for word in ("Hydrogen", "Yunnan", "Siminoff")
    )
    assert (hydrogen.known, hydrogen.ordinary) == (True, True)
    assert (yunnan.known, yunnan.ordinary) == (True, False)
    assert not nonsense.known


@pytest.mark.parametrize(
    ("source", "translation", "lost"),
    [
        ("他去了陕西。", "He went to Shaanxi.", 0),
        ("他去了陕西。", "He went to Taiwan.", 1),
        ("他去了西班牙。", "He visited a Spanish town.", 0),
        ("美军开火。", "U.S. forces opened fire.", 0),
        ("价格是100美元。", "The price is $100.", 0),
        ("首相岸田文雄", "Prime Minister Fumio Kishida", 0.5),
        ("工作会议开始。", "The meeting begins.", 0),
    ],
)
def test_names_that_the_translation_lacks_are_counted_half_if_they_may_be_parts_of_others(
    source, translation, lost
):
    assert lost_meanings(source, fold(translation)) == lost


@pytest.mark.parametrize(
    ("source", "translation", "lost"),
    [
        ("主任何立峰出席。", "Director He Lifeng attended.", 0),
        ("主任何立峰出席。", "Director Lifeng He attended.", 0),
        ("主任何立峰出席。", "Director Xufeng attended.", 1),
        ("记者夏宾报道。", "Reporter Xia Bin reports.", 0),
        ("莫德罗去世。", "The prime minister died.", 0),
    ],
)
def test_people_with_a_common_surname_are_missed_if_their_reading_is_not_in_the_translation(
    source, translation, lost
):
    assert lost_people(source, fold(translation)) == lost


@pytest.mark.parametrize(
    ("letters", "syllables"),
    [("jinping", 2), ("xian", 1), ("zheng", 1), ("washington", 0), ("smith", 0), ("", 0)],
)
def test_syllables_of_mandarin_are_counted(letters, syllables):
    assert count_syllables(letters) == syllables


def test_a_name_is_spelled_by_the_readings_of_characters_in_a_row():
    assert is_spelled("jinping", "据说习近平在北京")
    assert is_spelled("shan", "姓单")
    assert not is_spelled("jinbei", "据说习近平在北京")
    assert not is_spelled("inping", "据说习近平在北京")


def test_a_single_syllable_counts_as_found_only_together_with_the_word_beside_it():
    (one,) = suspects("记者李絮双报道。", "It is said that Li Shuang reports.", ZH)
    assert (one.name, one.torn) == ("Shuang", True)
    assert suspects("记者陈姗报道。", "It is said that Chen Shan reports.", ZH) == []


def test_a_chinese_name_that_no_characters_spell_and_a_country_in_the_place_of_a_lost_name_are_marked():
    (spelled,) = suspects("记者李絮枫报道。", "The reporter Jinping reports.", ZH)
    assert spelled.misspelled
    (country,) = suspects("他去了陕西。", "Then he went to Brazil.", ZH)
    assert (country.absent, country.exchanged, country.lost_meanings) == (True, 1, 1.0)

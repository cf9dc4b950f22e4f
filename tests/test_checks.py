"""Checks: what each one flags, and what it must leave alone."""

from __future__ import annotations

import pytest

from mtalign.checks import check_translation, first_error
from mtalign.checks.consistency import Pair, check_consistency
from mtalign.checks.copied import check_copied
from mtalign.checks.length import check_length
from mtalign.checks.numbers import check_numbers
from mtalign.checks.order import check_order
from mtalign.checks.repetition import check_repetition, repeated_phrase
from mtalign.checks.script import check_script
from mtalign.checks.untranslated import check_untranslated
from mtalign.checks.vocabulary import check_vocabulary
from mtalign.document import Severity
from mtalign.languages import ENGLISH, parse_language

KO, JA, ZH, DE, FR = (parse_language(code) for code in ("ko", "ja", "zh", "de", "fr"))


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


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ("Extrait de /etc/inetd.conf", "Extract from /etc/inetd.conf"),
        ("Le fichier falcot-data.desktop", "The file falcot-data.desktop"),
        ("Mise à jour avec gpk-update-viewer", "Update with gpk-update-viewer"),
        ("Changements liés au support multi-architecture", "Changes related to multi-architecture support"),
        (
            "La configuration principale se trouve dans le fichier /etc/dirvish/master.conf.",
            "The main configuration is in the /etc/dirvish/master.conf file.",
        ),
        ("Voir https://www.debian.org/releases/stable.fr.html.", "See https://www.debian.org/releases/stable.fr.html"),
        ("sudo", "sudo"),
        ("Example entry format in /etc/apt/sources.list", "Example entry format in /etc/apt/sources.list"),
        (
            "To discover more options, read the apt.conf(5) manual page (« Les pages de manuel »).",
            'To discover more options, read the apt.conf(5) manual page ("Manual pages").',
        ),
        ("dpkg-reconfigure", "dpkg-reconfigure"),
        ("/usr/share/doc", "/usr/share/doc"),
    ],
)  # fmt: skip
def test_code_and_learned_words_that_both_languages_have_make_no_copy(source, translation):
    assert check_copied(source, translation, FR, ENGLISH) == []


def test_paths_options_and_addresses_that_stay_are_not_left_untranslated():
    source = "Exécutez apt-get remove --purge avant d'éditer le fichier /etc/apt/apt.conf.d/local.conf.dist."
    kept = "Run apt-get remove --purge before you edit the file /etc/apt/apt.conf.d/local.conf.dist."
    assert check_untranslated(source, kept, FR, ENGLISH) == []
    left = "Run apt-get remove --purge avant d'éditer le fichier /etc/apt/apt.conf.d/local.conf.dist."
    (flag,) = check_untranslated(source, left, FR, ENGLISH)
    start, end = flag.translation_span or (0, 0)
    assert left[start:end].endswith("éditer le fichier")


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


@pytest.mark.parametrize(
    ("source", "translation", "language"),
    [
        ("二〇二三年十五人", "15 people in 2023", ZH),
        ("两百五十万", "2.5 million", ZH),
        ("26万亿元", "26 trillion yuan", ZH),
        ("10-15万人", "100,000 to 150,000 people", ZH),
        ("百分之五", "5%", ZH),
        ("３割", "30 percent", JA),
        ("昭和60年3月", "March 1985", JA),
        ("2万5千円と3億5,000万円", "25,000 yen and 350 million yen", JA),
        ("3분의 1", "a third", KO),
        ("오후 3시 30분", "3:30 p.m.", KO),
        ("12개", "a dozen", KO),
        ("2,5 Stunden", "two and a half hours", DE),
        ("um 18.30 Uhr", "at 6:30 pm", DE),
        ("80er Jahre", "the eighties", DE),
        ("本世纪20年代初", "the early 2020s", ZH),
        ("20世纪20年代", "the 20s of the 20th century", ZH),
        ("20世纪", "the twentieth century", ZH),
        ("在二十年代", "in the twenties", ZH),
        ("zwölf Eier", "12 eggs", DE),
        ("am 08.04.2023", "on April 8, 2023", DE),
    ],
)
def test_dates_times_fractions_and_number_words_are_the_same_number(source, translation, language):
    assert check_numbers(source, translation, language, ENGLISH) == []


def test_a_number_that_only_the_translation_has_is_flagged_with_its_place():
    (flag,) = check_numbers("百分之二十五", "26%", ZH, ENGLISH)
    assert (flag.translation_span, flag.severity) == ((0, 2), Severity.WARNING)


@pytest.mark.parametrize(
    ("source", "language"),
    [("本世纪20年代初", ZH), ("in den 20er Jahren", DE), ("20世纪20年代", ZH), ("20년대", KO)],
)
@pytest.mark.parametrize("translation", ["in the 20th century", "in the twentieth century"])
def test_a_decade_is_no_century(source, language, translation):
    flags = check_numbers(source, translation, language, ENGLISH)
    assert [flag.name for flag in flags] == ["number"]


def test_a_number_left_in_the_way_of_the_source_is_flagged():
    (flag,) = check_numbers("5.000 Menschen", "5.000 people", DE, ENGLISH)
    assert "another number" in flag.message


def names_of(source, translation, language):
    return {flag.name for flag in check_translation(source, translation, language, ENGLISH)}


@pytest.mark.parametrize(
    ("source", "translation", "language", "name"),
    [
        ("€18.10", "18h10", DE, "number"),
        ("1.234", "There are 1,234 of them", DE, "added"),
        ("彼は笑った。", "...", JA, "empty"),
        ("彼は東京に行きました。", "He went to the", JA, "truncated"),
        ("그는 일본에 갔다.", "Er ist gestern mit seiner Frau nach Japan gefahren.", KO, "wrong_language"),
        ("Er sagte, dass er morgen kommt.", "He said dass er morgen kommt.", DE, "untranslated"),
        ("Der Preis stieg um 5 %.", "The price rose by 5 metres.", DE, "unit"),
        ("NATO与IP4的合作", "the alliance's cooperation with partners", ZH, "name"),
        ("Siehe https://a.example/b.", "See https://a.example/c.", DE, "address"),
        ("Hallo {name}!", "Hello name!", DE, "markup"),
        ("Er kam (spät) an.", "He arrived (late.", DE, "unpaired"),
        ("“今天是什么日子了？", "What day is it today?", ZH, "unpaired"),
        ("1) Die Hülle hält nicht, oder (selten", "The case does not last, or rarely", DE, "unpaired"),
        ("「1776年7月4日」とある。", 'It says July 4 1776".', JA, "unpaired"),
        (
            "Das löst in 70% der Fälle, ich bin enttäuscht.",
            "It helps in 70 metres, I am disappointed",
            DE,
            "unit",
        ),
        ("Das kostet acht Millionen Euro.", "That costs eight million.", DE, "unit"),
        ("Erst zwei Prozent, dann 8,5 Prozent.", "First two percent, then 8.5 metres.", DE, "unit"),
        ("他来自北京和上海的学校。", "He comes from from schools in Beijing.", ZH, "repetition"),
    ],
)
def test_each_failure_has_its_flag(source, translation, language, name):
    assert name in names_of(source, translation, language)


@pytest.mark.parametrize(
    ("source", "translation", "language"),
    [
        ("“今天是什么日子了？", "“What day is it today?", ZH),
        ("Der Schirm hat 24 Zoll.", 'The screen has 24".', DE),
        ("Er kostet acht Millionen Euro.", "It costs €8 million.", DE),
        ("Das sind 5 Prozent.", "That is 5 per cent.", DE),
        ("Die Strecke ist 20 km lang.", "The route is 20km long.", DE),
        ("Um 5 % in 5 Tagen.", "By 5 percent in 5 days.", DE),
        ("Erst 5 Prozent, dann 8 Prozent.", "First 5 and then 8 percent.", DE),
    ],
)
def test_what_is_right_has_neither_an_unpaired_mark_nor_a_lost_unit(source, translation, language):
    assert names_of(source, translation, language) & {"unpaired", "unit"} == set()


def test_katakana_left_in_english_is_an_error():
    flags = check_translation("スタートアップの成長", "growth of スタートアップ", JA, ENGLISH)
    assert any(flag.name == "source_script" and flag.severity is Severity.ERROR for flag in flags)


def test_a_paragraph_that_lost_its_last_sentence_is_flagged():
    source = (
        "Etwa 50 Schilder sind es bis jetzt. Passanten sollen sich auf diese Weise informieren können."
        " Das Projekt wird im kommenden Jahr fortgesetzt."
    )
    assert "sentences" in names_of(source, "There are about 50 signs so far. This informs passers-by.", DE)
    whole = (
        "There are about 50 signs so far. This is meant to let passers-by inform themselves."
        " The project will go on next year."
    )
    assert names_of(source, whole, DE) == set()


def test_the_guard_and_all_checks_agree_on_what_is_an_error():
    for source, translation, language in (
        ("北约的合作", "cooperation, cooperation, cooperation, cooperation", ZH),
        ("カタカナ", "カタカナ", JA),
        ("Es regnet heute.", "It is raining today.", DE),
    ):
        every = check_translation(source, translation, language, ENGLISH)
        errors = [flag for flag in every if flag.severity is Severity.ERROR]
        assert first_error(source, translation, language, ENGLISH) == (errors[0] if errors else None)


def test_one_source_translated_in_two_ways_is_flagged_in_both_places():
    pairs = [Pair("a", "총리가 어제 일본을 방문했다.", "The prime minister visited Japan.", "ko")]
    pairs += [Pair("b", "총리가 어제 일본을 방문했다.", "Japan was visited by the premier.", "ko")]
    pairs += [Pair("c", "네.", "Yes.", "ko")]
    flags = check_consistency(pairs)
    assert {key: [flag.name for flag in value] for key, value in flags.items()} == {
        "a": ["inconsistent"],
        "b": ["inconsistent"],
    }
    assert "in b" in flags["a"][0].message


def test_a_name_spelled_otherwise_than_in_the_rest_of_the_run_is_flagged_there():
    pairs = [Pair(str(n), f"링의 Siminoff 대표 {n}", f"Siminoff of Ring {n}", "ko") for n in range(3)]
    flags = check_consistency([*pairs, Pair("x", "링의 Siminoff 대표", "Seminoff of Ring", "ko")])
    ((identifier, (flag,)),) = flags.items()
    assert (identifier, flag.name, flag.translation_span) == ("x", "name_spelling", (0, 8))


def test_a_name_and_its_genitive_or_adjective_are_no_two_spellings():
    pairs = [Pair(str(n), f"Japans Sieg kam {n}.", f"Japan's victory came {n}.", "de") for n in range(3)]
    pairs += [Pair("x", "Japans Regierung ging.", "The Japanese government left.", "de")]
    pairs += [Pair("y", "Kishidas Minister ging.", "Kishida's minister left.", "de")]
    pairs += [Pair("z", "Kishidas Rede half.", "The Kishidas speech helped.", "de")]
    assert check_consistency(pairs) == {}
    misspelt = Pair("w", "Japans Regierung sprach.", "Jappan's government spoke.", "de")
    assert [flag.name for flag in check_consistency([*pairs, misspelt])["w"]] == ["name_spelling"]


NAMED = [
    Pair("a", "Gestern kam Gavrilita nach Bonn.", "Yesterday Gavrilita came to Bonn.", "de"),
    Pair("b", "Heute sprach Gavrilita lange.", "Today Gavrilita spoke at length.", "de"),
    Pair("c", "Dann traf Gavrilita den Minister.", "Then Gavrilita met the minister.", "de"),
    Pair("d", "Bald geht Gavrilita.", "Soon Gavrilita leaves.", "de"),
]


def test_a_name_of_the_source_that_four_other_segments_keep_is_missed_where_it_is_lost():
    lost = Pair("x", "Nun geht Gavrilita.", "Now the president leaves.", "de")
    flags = check_consistency([*NAMED, lost])
    assert {key: [(f.name, f.severity) for f in some] for key, some in flags.items()} == {
        "x": [("name", Severity.WARNING)]
    }
    assert flags["x"][0].source_span == (9, 18)
    assert check_consistency([*NAMED[1:], lost]) == {}


def test_a_name_spelled_otherwise_than_in_one_other_segment_is_a_hint():
    changed = Pair("x", "Nun geht Gavrilita.", "Now Gavrilitza leaves.", "de")
    ((flag,),) = check_consistency([NAMED[0], changed]).values()
    assert (flag.name, flag.severity) == ("name_spelling", Severity.INFO)


def test_a_name_that_stands_in_the_source_elsewhere_and_not_here_is_flagged_in_the_translation():
    changed = Pair("x", "Nun geht der Minister.", "Now leaves Gavrilita for good.", "de")
    flags = check_consistency([*NAMED, changed])
    ((identifier, (flag,)),) = flags.items()
    assert (identifier, flag.name, flag.severity) == ("x", "name", Severity.WARNING)
    assert flag.message == "“Gavrilita” is not in the source, as it is in 4 other segments"
    assert flag.translation_span is not None
    assert changed.translation[slice(*flag.translation_span)] == "Gavrilita"


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ("Die Hand tut weh.", "It hurts."),
        ("Der Gavrilitaplan gilt.", "The plan of Gavrilita holds."),
    ],
)
def test_common_words_and_parts_of_a_compound_are_no_lost_or_foreign_names(source, translation):
    others = [*NAMED, *(Pair(f"h{n}", f"Meine {n} Hand.", f"My {n} Hand.", "de") for n in range(5))]
    others += [Pair("e", "Eine Hand.", "A hand.", "de")]
    assert "x" not in check_consistency([*others, Pair("x", source, translation, "de")])


def test_characters_that_the_vocabulary_lacks_are_flagged_in_runs():
    flags = check_vocabulary("我和饕餮", lambda character: character in "我和")
    assert [flag.source_span for flag in flags] == [(2, 4)]


@pytest.mark.parametrize(
    "heap",
    [
        "yesterday the in Tokyo of prime. met The ministers and",
        "What's next for in days Moldova? a government new",
        "is ticket this. now So new, every house like another number.",
    ],
)
def test_a_heap_of_words_is_no_english_order_and_its_characters_are_told(heap):
    (flag,) = check_order("Die Minister trafen sich gestern.", heap, DE, ENGLISH)
    assert (flag.name, flag.severity) == ("word_order", Severity.WARNING)
    assert flag.translation_span is not None
    start, end = flag.translation_span
    assert heap[start:end][:20] in flag.message


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Die Minister trafen sich gestern in Tokio.", "Yesterday the ministers met in Tokyo."),
        ("braune Haare und blaue Augen", "brown hair and blue eyes"),
        ("Moldau bekommt neue Regierung", "Moldova Gets New Government After Weeks of Crisis"),
        ("Was er davon hielt, weiß ich nicht.", "What he thought of it I do not know."),
    ],
)
def test_sentences_fragments_and_titles_have_an_english_order(source, text):
    assert check_order(source, text, DE, ENGLISH) == []


def test_the_order_of_words_is_judged_in_english_only():
    assert check_order("yesterday", "the in of prime met and The or gestern.", DE, DE) == []

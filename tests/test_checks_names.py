"""Names of a translation that stand for something in the source, and those that stand for nothing."""

from __future__ import annotations

import numpy as np
import pytest

from mtalign.checks.consistency import Pair
from mtalign.checks.exonyms import called_in_short, countries_in, is_called_so, lost_exonyms
from mtalign.checks.founded import check_founded, suspects
from mtalign.checks.heard import heard_in, unheard_in_chinese
from mtalign.checks.run_names import RUN_SIGNS, RunNames
from mtalign.checks.sound import unheard
from mtalign.checks.spelling import fold, shared_letters
from mtalign.document import Flag, Segment, Severity, Status, Translation
from mtalign.embed import TokenSummer, load_embedder
from mtalign.job.estimates import check_run, estimate_qualities, run_names
from mtalign.languages import ENGLISH, parse_language
from mtalign.quality import measure_names

KO, JA, ZH, DE = (parse_language(code) for code in ("ko", "ja", "zh", "de"))


def names_of(source, translation, language):
    return [one.name for one in suspects(source, translation, language)]


def flagged(source, translation, language):
    (names,) = measure_names([(source, translation, language)], load_embedder("use"))
    return check_founded(names, language)


@pytest.mark.parametrize(
    ("source", "translation", "language"),
    [
        ("Dann kam Merkel nach Köln.", "Then Merkel came.", DE),
        ("Die Politik Merkels gefällt vielen.", "Many people like what Merkel does.", DE),
        ("Die Obama-Regierung zögerte.", "At first the Obama administration hesitated.", DE),
        ("Präsident Obama kam gestern.", "Yesterday it was said that Obama came.", DE),
        ("Der Müller-Prozess beginnt.", "Now the Muller trial begins.", DE),
        ("In Deutschland regnet es.", "It rains in Germany.", DE),
        ("Die deutsche Regierung tritt zurück.", "It is said that the German government resigns.", DE),
        ("Im Oktober und am Freitag.", "It was in October and on a Friday.", DE),
        ("오바마 대통령이 왔다.", "It was said that Obama came.", KO),
        ("10월에 한국에서.", "It was in October and in Korea.", KO),
        ("アンゲラ・メルケル首相", "It was chancellor Angela Merkel who came.", JA),
        ("据说习近平在北京。", "It is said that Jinping is in Beijing.", ZH),
        ("文莱大学", "It is the university of Brunei.", ZH),
    ],
)
def test_a_name_that_is_spelled_or_sounds_as_in_the_source_or_is_its_exonym_is_not_suspected(
    source, translation, language
):
    assert names_of(source, translation, language) == []


@pytest.mark.parametrize(
    ("source", "translation", "language", "name"),
    [
        ("Gestern traf Scholz den Papst.", "Yesterday the pope met Macron.", DE, "Macron"),
        ("In Deutschland regnet es.", "It rains in Poland.", DE, "Poland"),
        ("오바마 대통령이 왔다.", "It was said that Merkel came.", KO, "Merkel"),
        ("アンゲラ・メルケル首相", "It was chancellor Angela Gorbachev who came.", JA, "Gorbachev"),
        ("据说习近平在北京。", "It is said that Jinping is in Toronto.", ZH, "Toronto"),
    ],
)
def test_a_name_of_which_the_source_has_neither_letters_nor_sound_is_suspected_with_its_place(
    source, translation, language, name
):
    (one,) = suspects(source, translation, language)
    assert [translation[slice(*span)] for span in one.spans] == [name]


def test_the_first_word_of_a_sentence_is_not_suspected_and_an_english_source_never_is():
    assert names_of("Es regnet. Bald schneit es.", "Rain falls. Soon it snows.", DE) == []
    assert names_of("It rains in Rome.", "It rains in Paris.", ENGLISH) == []


def test_words_of_the_source_that_the_translation_lacks_are_given_with_a_suspect():
    source = "Gestern traf Scholz den Papst."
    (one,) = suspects(source, "Yesterday the pope met Macron.", DE)
    assert "Scholz" in [source[slice(*span)] for span in one.lost]


@pytest.mark.parametrize(
    ("word", "source", "language", "expected"),
    [
        ("Germany", "die deutsche regierung", "de", True),
        ("Brazilian", "in brasilien", "de", True),
        ("Spain", "der spanische könig", "de", True),
        ("Tuesday", "am freitag", "de", False),
        ("French", "auf deutsch", "de", False),
        ("Vietnam", "越南总理", "zh", True),
        ("Singapore", "영국 순양함", "ko", False),
        ("Merkel", "frau merkel", "de", None),
        ("Germany", "x", "ace", None),
    ],
)
def test_countries_languages_months_and_weekdays_are_known_by_their_names_in_the_source_language(
    word, source, language, expected
):
    assert is_called_so(word, fold(source), language) is expected


def test_one_character_may_name_a_country_in_japanese_and_korean():
    assert called_in_short("American", "中米諸国", "ja")
    assert not called_in_short("Brazil", "中米諸国", "ja")
    assert called_in_short("American", "미 국방부", "ko")
    assert called_in_short("American", "그는 북미", "ko")
    assert not called_in_short("American", "미래의 취미", "ko")
    assert not called_in_short("Vietnam", "越新", "de")


@pytest.mark.parametrize(
    ("source", "translation", "language", "lost"),
    [
        ("新加坡旅游局发布数据。", "The Singapore Tourism Board published figures.", "zh", 0),
        ("新加坡旅游局发布数据。", "The Macau Tourism Board published figures.", "zh", 1),
        ("美国和荷兰", "the U.S. and the Dutch", "zh", 0),
        ("1990 年 3 月在莫斯科", "in March 1990 in Moscow", "zh", 0),
        ("1990 年 3 月在莫斯科", "in American 1990 in Kyiv", "zh", 2),
        ("水曜日にスウェーデンとインドで", "on Wednesday in India", "ja", 1),
        ("タイトルとインドネシア語", "a title, and Indonesian", "ja", 0),
        ("모스크바와 한국", "Moscow and Korea", "ko", 0),
        ("Am Sonntag in Deutschland und Polens Kiew", "on Sunday in Kiev, Poland and Germany", "de", 0),
        ("Am Sonntag in Deutschland", "on Monday in Germany", "de", 1),
        ("Der Besuch des niederländischen Premiers", "the Dutch prime minister's visit", "de", 0),
        ("Der Besuch des niederländischen Premiers", "the German prime minister's visit", "de", 1),
        ("Der Deutschlandfunk", "the radio", "de", 0),
        ("x", "y", "ace", 0),
    ],
)
def test_countries_cities_months_and_weekdays_that_a_translation_lacks_are_counted(
    source, translation, language, lost
):
    assert lost_exonyms(fold(source), fold(translation), language) == lost


@pytest.mark.parametrize(
    ("source", "language", "countries"),
    [
        ("逆に、韓国は米国と", "ja", {"韓国": "South Korea", "米国": "United States"}),
        ("トルコとトルコ人のネクタイ", "ja", {"トルコ": "Turkey"}),
        ("ボスニア・ヘルツェゴビナ", "ja", {"ボスニア・ヘルツェゴビナ": "Bosnia and Herzegovina"}),
        ("インド太平洋と南アメリカ、ソ連のタイトル", "ja", {}),
        ("북한은 한국과", "ko", {"북한": "North Korea", "한국": "South Korea"}),
        ("인도적 지원의 수단으로 전쟁을 저지", "ko", {}),
        ("전한국의", "ko", {}),
        ("韩国和美国", "zh", {}),
        ("x", "ace", {}),
    ],
)
def test_countries_of_a_source_are_found_with_their_english_names_unless_they_may_be_other_words(
    source, language, countries
):
    found = countries_in(fold(source), language)
    assert list(found.items()) == list(countries.items())


def test_a_word_written_by_its_sound_that_nothing_in_the_translation_sounds_like_is_noticed():
    assert unheard("シンシナティの郊外", "in a suburb of Cincinnati") < 0.1
    assert unheard("シンシナティの郊外", "in a suburb of Egglburger") > 0.2
    assert unheard("郊外", "in a suburb") == 0
    assert unheard_in_chinese("戈尔巴乔夫说", "Gorbachev said") < 0.1
    assert unheard_in_chinese("戈尔巴乔夫说", "Niemeyer said") > 0.2
    assert unheard_in_chinese("他说", "he said") == 0


def test_a_word_beside_a_lost_name_and_beside_the_suspect_points_to_it():
    source = "Die Abgeordnete Nancy Pelosi sprach gestern."
    (beside,) = suspects(source, "Yesterday deputy Nancy Treasury spoke.", DE)
    (apart,) = suspects(source, "Nancy spoke, it is said, of the Treasury.", DE)
    assert (beside.beside, apart.beside) == (True, False)
    heard = suspects("라이언 고슬링이 왔다.", "It was Zhongjian Gosling who came.", KO)[0]
    assert heard.heard_beside > 0.2


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("Obama", "오바마 대통령"),
        ("Nicholas", "니콜라스 올던"),
        ("Merkel", "アンゲラ・メルケル首相"),
        ("Blinken", "美国国务卿布林肯"),
        ("Jinping", "习近平主席"),
        ("Gorbachev", "Михаил Горбачёв"),
    ],
)
def test_a_name_is_heard_in_its_own_text_and_better_than_another_name(word, text):
    assert heard_in(word, text)[0] > 0.8
    assert heard_in(word, text)[0] > 0.2 + heard_in("Hamilton", text)[0]


def test_nothing_is_heard_of_or_in_nothing():
    assert heard_in("", "오바마") == (0.0, 0)
    assert heard_in("Obama", "")[0] == 0.0


def test_spelling_is_compared_without_case_and_accents():
    assert fold("Köln, Łódź, Straße") == "koln, lodz, strasse"
    assert fold("가나 ガ") == "가나 ガ"
    assert shared_letters("franken", "frankfurt") == pytest.approx(5 / 7)


@pytest.mark.parametrize(
    ("source", "translation", "language"),
    [
        (
            "Die Ministerin flog am Montag von Mailand nach Deutschland.",
            "The minister flew from Milan to Germany on Monday.",
            DE,
        ),
        (
            "Der Präsident der USA sprach gestern vor dem Kongress in Washington.",
            "Yesterday the President of the United States spoke before Congress in Washington.",
            DE,
        ),
        ("Die Obama-Regierung zögerte lange.", "For a long time, the Obama administration hesitated.", DE),
    ],
)
def test_right_names_raise_no_flag(source, translation, language):
    assert flagged(source, translation, language) == []


@pytest.mark.parametrize(
    ("source", "translation", "language", "name"),
    [
        (
            "Gestern sprach Bundeskanzler Scholz in Paris mit Präsident Macron über die Ukraine.",
            "Yesterday Chancellor Scholz spoke in Paris with President Bolsonaro about Ukraine.",
            DE,
            "Bolsonaro",
        ),
        (
            "연구진은 어제 서울에서 새로운 백신의 시험 결과를 발표했다.",
            "Researchers presented the results of trials of a new vaccine in Nicaragua yesterday.",
            KO,
            "Nicaragua",
        ),
        (
            "彼女はアメリカの作家ヘミングウェイの小説を読んだ。",
            "She read a novel by the American writer Schwarzenegger.",
            JA,
            "Schwarzenegger",
        ),
        (
            "研究人员昨天在上海公布了新疫苗的试验结果。",
            "Researchers presented the results of trials of a new vaccine in Nicaragua yesterday.",
            ZH,
            "Nicaragua",
        ),
    ],
)
def test_a_name_that_stands_for_nothing_is_flagged_with_its_place(source, translation, language, name):
    (flag,) = flagged(source, translation, language)
    assert (flag.name, flag.severity) == ("name", Severity.WARNING)
    assert flag.translation_span is not None
    assert translation[slice(*flag.translation_span)] == name


def test_an_embedder_that_sums_no_tokens_says_nothing_of_names():
    pair = ("Gestern kam Scholz.", "Yesterday it was Bolsonaro.", DE)
    assert measure_names([pair], load_embedder("hash")) == [()]


def test_token_sums_add_up_to_the_text():
    embedder = load_embedder("use")
    inner = getattr(embedder, "inner", embedder)
    assert isinstance(inner, TokenSummer)
    texts = ["Yesterday it rained in Köln.", "", "어제 왔다."]
    found = inner.encode_token_sums(texts)
    for text, one in zip(texts, found, strict=True):
        assert len(one.spans) == len(one.sums)
        if text:
            whole = inner.finish(
                (one.sums.sum(axis=0) + one.edge)[None], np.array([len(one.sums) + one.edges], np.float32)
            )
            np.testing.assert_allclose(whole, embedder.encode([text]), atol=1e-4)
    assert inner.count_tokens(["minister", "Egglburger"])[0] == 1
    assert inner.count_tokens(["Egglburger"])[0] > 1
    assert inner.count_tokens([]) == []


RUN = [
    Pair("a", "范明政在河内。", "It is said that Pham is in Hanoi.", "zh"),
    Pair("b", "范明政来了。", "It is said that Pham came.", "zh"),
    Pair("c", "天气好。", "It is said that the weather is good and the board agrees.", "zh"),
]


def run_signs(run, identifier, source, translation, language):
    (one,) = suspects(source, translation, language)
    return dict(zip(RUN_SIGNS, run.signs(identifier, source, translation, one), strict=True))


def test_a_run_knows_what_the_sources_of_a_name_have_in_common():
    run = RunNames(RUN)
    shared = run_signs(run, "x", "范明政说", "It is said that Pham spoke.", ZH)
    other = run_signs(run, "x", "天气很好", "It is said that Pham spoke.", ZH)
    assert shared["shared"] > 0
    assert (shared["unshared"], other["unshared"]) == (0, 1)
    assert shared["shared_most"] > other["shared_most"]


def test_a_run_expects_the_name_that_others_have_with_the_same_in_their_sources():
    run = RunNames(
        Pair(str(n), f"第{n}天新加坡来了。", f"On day {n} it is said Singapore came.", "zh") for n in range(4)
    )
    source = "据说新加坡很好。"
    missing = run_signs(run, "x", source, "It is said that Sagittarius is good.", ZH)
    there = run_signs(run, "x", source, "It is said of Singapore that Sagittarius is good.", ZH)
    assert missing["expected"] > 0.5
    assert there["expected"] == 0


def test_a_country_that_the_run_names_without_its_source_may_be_named_so_again():
    others = [
        Pair(str(n), f"第{n}天委员会公告。", f"On day {n} the China board spoke.", "zh") for n in range(3)
    ]
    assert run_signs(RunNames(others), "x", "委员会", "It is said of the China board.", ZH)["free"] > 0.5
    assert run_signs(RunNames(others[:1]), "0", "委员会", "It is said of the China board.", ZH)["free"] == 0


def test_a_segment_does_not_vouch_for_its_own_names():
    alone = run_signs(RunNames(RUN[:1]), "a", RUN[0].source, "It is said that Pham is in.", ZH)
    assert (alone["elsewhere"], alone["shared"]) == (0, 0)


def test_a_word_that_is_written_small_in_the_run_is_ordinary():
    assert run_signs(RunNames(RUN), "x", "天气", "It is said that the Board met.", ZH)["ordinary"] == 1


def test_a_lost_word_that_the_run_keeps_elsewhere_speaks_against_the_name_in_its_place():
    run = RunNames(
        Pair(str(n), f"Dort kam Modrow {n} nach Hause.", f"There Modrow {n} came home.", "de")
        for n in range(3)
    )
    signs = run_signs(run, "x", "Dort ging Modrow.", "There went Kissling.", DE)
    assert (signs["lost_kept"], signs["lost_names"]) == (1, 1)


def test_a_run_flags_a_name_once():
    source = "연구진은 어제 서울에서 새로운 백신의 시험 결과를 발표했다."
    text = "Researchers presented the results of trials of a new vaccine in Nicaragua yesterday."
    segment = Segment("x", "d", "b", source, 0, len(source), "ko")
    place = (text.index("Nicaragua"), text.index("Nicaragua") + len("Nicaragua"))
    known = Flag("name", Severity.WARNING, "known already", translation_span=place)
    translation = Translation("x", Status.TRANSLATED, text)
    embedder = load_embedder("use")
    translations = check_run([segment], {"x": translation})
    names = run_names([segment], translations)
    flagged, qualities = estimate_qualities([segment], translations, embedder, names)
    assert [flag.translation_span for flag in flagged["x"].flags if flag.name == "name"] == [place]
    assert 0 < qualities["x"] < 1
    again = Translation("x", Status.TRANSLATED, text, flags=(known,))
    flagged, _ = estimate_qualities([segment], {"x": again}, embedder, names)
    assert [flag.message for flag in flagged["x"].flags if flag.name == "name"] == ["known already"]

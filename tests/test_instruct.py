"""What engines of instruction models share: vocabulary, grammar, prompts, chatter, choice of a candidate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sacrebleu.metrics import CHRF
from tiny_gguf import DE, EN, ZH, token_list

from mtalign.engines.base import ContextPair, Hypothesis, Request
from mtalign.engines.instruct.choose import Chooser, _agreement
from mtalign.engines.instruct.gguf import read_gguf
from mtalign.engines.instruct.output import strip_chatter
from mtalign.engines.instruct.prompts import CONVERSATION, EXAMPLES, conversation_for, with_countries
from mtalign.engines.instruct.vocabulary import (
    EAST_ASIAN_RANGES,
    Vocabulary,
    forbidden_ranges,
    spells,
)
from mtalign.glossary import Term
from mtalign.languages import Language, parse_language

JA = parse_language("ja")


@pytest.mark.parametrize(
    "token",
    ["遏制", "한", "ひ", "カ", "。", "「", "ＡＢ", " 日本", "㈱", "﹏", "𠀀", "ㄅ", "x中"],
)
def test_a_token_with_an_east_asian_character_is_forbidden(token: str) -> None:
    assert spells(token.encode(), EAST_ASIAN_RANGES)


@pytest.mark.parametrize(
    "token",
    [
        b"\xe4",
        b"\xe4\xb8",
        b" \xe5\x9b",
        b"abc\xed",
        b"\xed\x95",
        b"\xe3\x81",
        b"\xef\xbc",
        b"\xf0\xa0\x80",
        b"\xf0",
    ],
)
def test_a_token_that_ends_in_the_beginning_of_an_east_asian_character_is_forbidden(token: bytes) -> None:
    assert spells(token, EAST_ASIAN_RANGES)


@pytest.mark.parametrize(
    "text", ["hello", " é", "“", "”", "’", "–", "—", "…", "€", "ß", "Ş", "😀", "→", "×", "ﬁ", "π"]
)
def test_what_english_needs_is_allowed_whole_and_in_its_last_fragments(text: str) -> None:
    data = text.encode()
    assert not spells(data, EAST_ASIAN_RANGES)
    assert not spells(data[-1:], EAST_ASIAN_RANGES)


@pytest.mark.parametrize(
    "token", [b"\xe2\x80", b"\xc3", b"\xf0\x9f", b"\xf0\x9f\x98", b"\x80", b"\xb8\xad", b""]
)
def test_a_fragment_that_no_east_asian_character_begins_with_is_allowed(token: bytes) -> None:
    assert not spells(token, EAST_ASIAN_RANGES)


def test_allowed_tokens_cannot_spell_an_east_asian_character(model_path: Path) -> None:
    vocabulary = Vocabulary(read_gguf(model_path))
    forbidden = set(vocabulary.spelling(EAST_ASIAN_RANGES))
    allowed = [token for index, token in enumerate(vocabulary.tokens) if index not in forbidden and token]
    for character in "遏中한ひカ。「Ａ𠀀㈱ﾊ":
        data = character.encode()
        reached = {0}
        for position in range(len(data)):
            if position in reached:
                rest = data[position:]
                reached |= {position + len(token) for token in allowed if rest.startswith(token)}
        assert len(data) not in reached, character


def test_the_vocabulary_gives_the_bytes_of_each_token(model_path: Path) -> None:
    vocabulary = Vocabulary(read_gguf(model_path))
    assert vocabulary.tokens[: len(token_list())] == token_list()
    assert vocabulary.tokens[len(token_list()) :] == [b""] * 3
    assert vocabulary.count("NATO and Japan") == 3
    assert vocabulary.count("") == 0
    assert vocabulary.count("遏制é") == 2


def test_a_target_in_an_east_asian_script_forbids_nothing() -> None:
    assert forbidden_ranges("Latn") == EAST_ASIAN_RANGES
    assert forbidden_ranges("Cyrl") == EAST_ASIAN_RANGES
    assert forbidden_ranges("Hans") == forbidden_ranges("Jpan") == forbidden_ranges("Hang") == ()


@pytest.mark.parametrize(
    ("said", "translation"),
    [
        ("Here is the translation: The union said no.", "The union said no."),
        ("Sure! Here's the English translation:\nThe union said no.", "The union said no."),
        ("Translation: The union said no.", "The union said no."),
        ('"The union said no."', "The union said no."),
        ("“The union said no.”", "The union said no."),
        ("The union said no.\n\nNote: the source is a fragment.", "The union said no."),
        ("The union said no.\n(Note: literal.)", "The union said no."),
        ("  The union said no. ", "The union said no."),
    ],
)
def test_chatter_round_a_translation_is_taken_off(said: str, translation: str) -> None:
    assert strip_chatter(said, "노조는 아니라고 했다.") == translation


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ('"No," said the union.', "노조는 아니라고 했다."),
        ('"No" and "yes"', "아니라고 했다."),
        ('"The union said no."', '"노조는 아니라고 했다."'),
        ("“The union said no.”", "「組合は否と言った。」"),
        ("Translation: Kim Min-su", "번역: 김민수"),
        ("Note: prices may change.", "注意:价格可能变动。"),
        ("Here is the translation bureau.", "ここが翻訳局です。"),
        ("Sure.", "물론이다."),
        ('"', "「"),
    ],
)
def test_what_may_belong_to_the_translation_stays(said: str, source: str) -> None:
    assert strip_chatter(said, source) == said


def hypothesis(text: str, finished: bool = True) -> Hypothesis:
    return Hypothesis(text, tokens=3, finished=finished)


def test_the_candidate_that_means_what_the_source_says_is_chosen() -> None:
    wrong, right = hypothesis("The weather will be fine tomorrow."), hypothesis("Export the file to disk.")
    for candidates in ([wrong, right], [right, wrong]):
        chosen = Chooser(2.0).choose(Request("将文件导出到磁盘。", ZH, EN), candidates)
        assert chosen.text == right.text
        assert chosen.tokens == 6


def test_an_unfinished_or_empty_candidate_is_chosen_only_where_there_is_no_other() -> None:
    cut, empty, whole = hypothesis("Export the file", finished=False), hypothesis(" "), hypothesis("No idea")
    request = Request("将文件导出到磁盘。", ZH, EN)
    assert Chooser(2.0).choose(request, [cut, empty, whole]).text == "No idea"
    assert not Chooser(2.0).choose(request, [cut, cut]).finished


@pytest.mark.parametrize(
    "texts",
    [
        ["He has built a doorbell.", "He built a Wi-Fi doorbell", "A bell", "He has built a doorbell."],
        ["a", "", "b c", "  "],
        ["", ""],
        ["the only one"],
    ],
)
def test_the_agreement_of_candidates_is_the_mean_chrf_of_sacrebleu(texts: list[str]) -> None:
    chrf = CHRF()
    expected = [
        sum(chrf.sentence_score(text, [other]).score for other in texts[:index] + texts[index + 1 :])
        / (100 * max(1, len(texts) - 1))
        for index, text in enumerate(texts)
    ]
    assert _agreement(texts) == pytest.approx(expected, abs=1e-12)


def test_of_candidates_as_good_the_one_with_the_numbers_of_the_source_is_chosen() -> None:
    request = Request("到本世纪20年代初,产量增长了12%。", ZH, EN)
    wrong = hypothesis("By the early 20th century, output had grown by 12%.")
    right = hypothesis("By the early 2020s, output had grown by 12%.")
    for candidates in ([wrong, right], [right, wrong]):
        assert Chooser(0.0).choose(request, candidates).text == right.text


@pytest.mark.parametrize(
    ("language", "source", "right", "wrong"),
    [
        (
            ZH,
            "国防部长周二在会议上说。",
            "The defence minister spoke at the meeting on Tuesday.",
            "The Pakistani minister spoke at the meeting on Tuesday.",
        ),
        (JA, "会議は京都で開かれた。", "The meeting was held in Kyoto.", "The meeting was held in Nagoya."),
        (
            JA,
            "韓国の信頼できるパートナーである。",
            "It is a trusted partner of South Korea.",
            "It is a most trusted partner of them all.",
        ),
        (ZH, "「我们走吧」,他说。", "“Let us go,” he said.", "“Let us all go, he said."),
    ],
    ids=["a name from nowhere", "a city for another", "a country lost", "a flag that a reviewer would see"],
)
def test_what_the_checks_find_costs_a_candidate_more_than_a_bit_of_agreement(
    language: Language, source: str, right: str, wrong: str
) -> None:
    agreement = dict(zip((right, wrong), _agreement([right, wrong]), strict=True))
    assert agreement[wrong] > agreement[right]
    for texts in ([wrong, right], [right, wrong]):
        chosen = Chooser(0.0).choose(Request(source, language, EN), [hypothesis(text) for text in texts])
        assert chosen.text == right


def test_names_are_judged_in_english_only() -> None:
    texts = ["Das Treffen fand in Nagoya statt.", "Das Treffen fand in Kyoto statt."]
    agreement = _agreement(texts)
    assert 0 < agreement[0] - agreement[1] < 0.02
    request = Request("会議は京都で開かれた。", JA, DE)
    assert Chooser(0.0).choose(request, [hypothesis(text) for text in texts]).text == texts[0]


def test_a_candidate_that_must_not_stand_is_chosen_only_where_there_is_no_other() -> None:
    source = "我们明天再来开会讨论这个问题。"
    request, copied = Request(source, ZH, EN), hypothesis(source)
    agreed = [copied, copied, copied, hypothesis("We meet again tomorrow to discuss it.")]
    assert Chooser(2.0).choose(request, agreed).text == "We meet again tomorrow to discuss it."
    assert Chooser(2.0).choose(request, [copied, hypothesis("我们明天再来。")]).text == source


def test_of_candidates_as_good_the_one_with_the_terms_of_the_glossary_is_chosen() -> None:
    request = Request("溢出效应", ZH, EN, terms=(Term("溢出效应", ("spill-over effect",)),))
    wrong, right = hypothesis("The overflow effect"), hypothesis("The spill-over effect")
    for candidates in ([wrong, right], [right, wrong]):
        assert Chooser(0.0).choose(request, candidates).text == right.text


def test_countries_of_a_text_are_terms_behind_those_of_the_glossary_which_go_before() -> None:
    term = Term("韓国", ("Republic of Korea",))
    request = Request("韓国と米国は合意した。", JA, EN, terms=(term,))
    assert with_countries(request).terms == (term, Term("米国", ("United States",)))
    assert with_countries(replace(request, target=DE)).terms == (term,)


def test_a_prompt_names_the_languages_and_ends_with_the_text_as_it_stands() -> None:
    text = "{source} {0} %s <|im_end|> 导出至"
    messages = CONVERSATION.messages(Request(text, ZH, EN))
    assert "Chinese" in messages[0]["content"]
    assert "English" in messages[0]["content"]
    assert messages[-1] == {"role": "user", "content": text}
    assert [message["role"] for message in messages[1:]] == ["user", "assistant"] * 3 + ["user"]


def test_a_language_without_examples_gets_none() -> None:
    french = Language("fr", "French", "fra_Latn", "Latn")
    assert len(CONVERSATION.messages(Request("Bonjour", french, EN))) == 2
    assert len(CONVERSATION.messages(Request("你好", ZH, DE))) == 2


@pytest.mark.parametrize(
    "text", ["返回首页", "Zurück zur Startseite", "(お問い合わせ)", "1.2 Ergebnisse", "共有:"]
)
def test_a_heading_or_a_button_is_shown_how_others_are_translated(text: str) -> None:
    assert len(conversation_for(text).messages(Request(text, ZH, EN))) == 2 + 2 * len(EXAMPLES["zh"])


@pytest.mark.parametrize("text", ["他来了。", "Kommt er?", "「来ました。」", "„Ja!“", "왔다.", "So weiter …"])
def test_a_sentence_is_seen_with_those_before_it_and_no_examples(text: str) -> None:
    context = (ContextPair("一", "One."),)
    messages = conversation_for(text).messages(Request(text, ZH, EN, context))
    assert [message["content"] for message in messages[1:]] == ["一", "One.", text]


def test_examples_are_english_on_one_side() -> None:
    for pairs in EXAMPLES.values():
        for source, translation in pairs:
            assert source.strip() == source
            assert translation.isascii()

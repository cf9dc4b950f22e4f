"""Word links: which words of a sentence translate which."""

from __future__ import annotations

import json
from importlib import resources

import numpy as np
import pytest

from mtalign.align.words import has_word_links, link_words, token_embedder
from mtalign.embed import TokenEmbedder, load_embedder
from mtalign.embed.cache import VectorCache, cached
from mtalign.embed.hashing import HashEmbedder
from mtalign.embed.spans import piece_spans

PAIRS = (
    (
        "Am 3. März kaufte Frau Müller in Österreich 250 Bücher.",
        "On 3 March Mrs Müller bought 250 books in Austria.",
        {"März": "March", "250": "250", "Bücher": "books", "Österreich": "Austria", "kaufte": "bought"},
    ),
    (
        "정부는 월요일에 한국의 경제 보고서를 발표했다.",
        "The government published a report on the economy of Korea on Monday.",
        {"정부는": "government", "월요일에": "Monday", "한국의": "Korea", "경제": "economy"},
    ),
    (
        "中国政府は月曜日に経済報告を発表した。",
        "On Monday the Chinese government published a report on the economy.",
        {"政府": "government", "経済": "economy", "報告": "report"},
    ),
    (
        "巴西总统星期五访问了德国首都。",
        "The President of Brazil visited the capital of Germany on Friday.",
        {"巴西": "Brazil", "总统": "President", "星期五": "Friday", "德国": "Germany"},
    ),
)


@pytest.fixture(scope="module")
def embedder() -> TokenEmbedder:
    found = token_embedder(load_embedder("use"))
    assert found is not None
    return found


@pytest.mark.parametrize(("source", "translation", "expected"), PAIRS, ids=["de", "ko", "ja", "zh"])
def test_words_are_linked_with_their_translations(
    source: str, translation: str, expected: dict[str, str], embedder: TokenEmbedder
) -> None:
    (links,) = link_words([(source, translation)], embedder)
    found = {source[a:b]: translation[c:d] for a, b, c, d in links}
    right = [word for word, other in expected.items() if found.get(word) == other]
    wrong = {word: found[word] for word, other in expected.items() if word in found and found[word] != other}
    assert not wrong
    assert len(right) >= len(expected) - 1
    assert links == tuple(sorted(links))
    assert all(0 <= a < b <= len(source) and 0 <= c < d <= len(translation) for a, b, c, d in links)


def test_a_pair_has_the_same_links_alone_and_among_others(embedder: TokenEmbedder) -> None:
    pairs = [(source, translation) for source, translation, _ in PAIRS]
    assert link_words(pairs, embedder) == [link_words([pair], embedder)[0] for pair in pairs]


def test_unrelated_sentences_put_together_are_not_linked_with_each_other(embedder: TokenEmbedder) -> None:
    (one, first, _), (two, second, _) = (
        PAIRS[0],
        (
            "Die Regierung hat gestern einen Bericht über die Wirtschaft vorgelegt.",
            "Yesterday the government presented a report on the economy.",
            None,
        ),
    )
    (links,) = link_words([(f"{one} {two}", f"{first} {second}")], embedder)
    assert len(links) > 6
    assert all((a > len(one)) == (c > len(first)) for a, _, c, _ in links)


def test_numbers_are_linked_with_the_same_numbers_only(embedder: TokenEmbedder) -> None:
    source, translation = (
        "Es waren 17 Männer, 25 Frauen und 1.300 Kinder.",
        "25 women, 1,300 children and 17 men.",
    )
    (links,) = link_words([(source, translation)], embedder)
    found = {source[a:b]: translation[c:d] for a, b, c, d in links}
    assert {key: found.get(key) for key in ("17", "25", "1.300")} == {
        "17": "17",
        "25": "25",
        "1.300": "1,300",
    }


@pytest.mark.parametrize(
    ("source", "translation"), [("", "word"), ("...", "!!!"), ("Wort", ""), ("a " * 2000, "b " * 2000)]
)
def test_texts_without_words_or_too_long_have_no_links(
    source: str, translation: str, embedder: TokenEmbedder
) -> None:
    assert link_words([(source, translation)], embedder) == [()]
    assert link_words([], embedder) == []


def test_lone_particles_and_articles_are_left_out(embedder: TokenEmbedder) -> None:
    source, translation, _ = PAIRS[2]
    (links,) = link_words([(source, translation)], embedder)
    assert not {"は", "に", "を"} & {source[a:b] for a, b, _, _ in links}
    assert not {"the", "a", "The"} & {translation[c:d] for _, _, c, d in links}


def test_links_are_on_for_measured_languages_only() -> None:
    use = load_embedder("use")
    assert has_word_links(use, "ko", "en")
    assert has_word_links(use, "zh-Hant", "en")
    assert not has_word_links(use, "fi", "en")
    assert not has_word_links(use, "ko", "de")
    assert not has_word_links(HashEmbedder(), "ko", "en")


def test_links_are_on_exactly_where_the_stored_figures_say_they_are_good() -> None:
    data = json.loads(resources.files("mtalign.align").joinpath("words.json").read_text(encoding="utf-8"))
    for embedder, pairs in data["figures"].items():
        for pair, figures in pairs.items():
            right, of = map(int, figures.get("read", "0/1").split("/"))
            judged = max(figures.get("gold", 1.0), right / of)
            good = min(figures["names"], figures["apart"], judged) >= 0.85
            assert (pair in data["on"][embedder]) == good, (embedder, pair)
        assert set(data["on"][embedder]) <= set(pairs)


def test_the_encoder_behind_a_cache_is_found(tmp_path) -> None:
    use = load_embedder("use")
    wrapped = cached(use, VectorCache(tmp_path / "vectors.sqlite"))
    assert token_embedder(wrapped) is use
    assert has_word_links(wrapped, "ja", "en")


def test_spans_are_characters_of_the_text_before_it_was_normalised() -> None:
    text = "ﬁne  ｗｏｒｄ①, 한국\u00a0ok"
    spans = piece_spans(["\u2581fine", "\u2581wo", "rd", "1", ",", "\u2581한국", "\u2581ok"], text)
    assert [text[a:b] for a, b in spans] == ["ﬁne", "ｗｏ", "ｒｄ", "①", ",", "한국", "ok"]
    # What the tokenizer changed in a way of its own is left out, and moves nothing after it.
    assert piece_spans(["\u2581x", "\u2581b", "c"], "ab bc") == [(0, 0), (3, 4), (4, 5)]


def test_token_vectors_are_unit_rows_with_spans_of_words(embedder: TokenEmbedder) -> None:
    text = "Hello, ｗｏｒｌｄ! 你好。"
    (tokens,) = embedder.encode_tokens([text])
    assert "".join(text[a:b] for a, b in tokens.spans) == "Helloｗｏｒｌｄ你好"
    np.testing.assert_allclose(np.linalg.norm(tokens.vectors, axis=1), 1, atol=1e-4)

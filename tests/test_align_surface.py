"""What two texts share on their surface, and the words that translate each other in them."""

from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
import pytest

from mtalign.align.kernel import band_around
from mtalign.align.lexicon import Lexicon
from mtalign.align.surface import (
    Tokens,
    folded,
    number_tokens,
    shared_weight,
    token_weights,
    words_and_terms,
)


def numbered(*texts: list[set[str]]) -> list[Tokens]:
    vocabulary: defaultdict[str, int] = defaultdict(itertools.count().__next__)
    return [Tokens.of(text, vocabulary) for text in texts]


@pytest.mark.parametrize("seed", range(20))
def test_the_weight_that_sentences_share_is_that_of_each_pair_in_the_band(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m, radius = (int(number) for number in rng.integers((1, 1, 0), (12, 12, 6)))
    texts = [[set(rng.choice(list("abcdef"), rng.integers(0, 5))) for _ in range(size)] for size in (n, m)]
    source, target = numbered(*texts)
    weights = rng.random(max(source.numbers.max(initial=0), target.numbers.max(initial=0)) + 1)
    by_name = {
        name: weights[number]
        for text, tokens in zip(texts, (source, target), strict=True)
        for name, number in zip((name for held in text for name in held), tokens.numbers, strict=True)
    }
    band = band_around([(i, i + 1, i * m // n, (i + 1) * m // n) for i in range(n)], n, m, radius)
    wanted = [
        sum(by_name[name] for name in texts[0][i - 1] & texts[1][j - 1]) if i and j else 0.0
        for i in range(n + 1)
        for j in range(band.starts[i], band.stops[i])
    ]
    np.testing.assert_allclose(shared_weight(source, target, weights, band), wanted, atol=1e-6)
    own = [sum(by_name[name] for name in held) for held in texts[0]]
    np.testing.assert_allclose(source.weight(weights), own, atol=1e-9)


def test_a_token_weighs_less_the_more_sentences_of_a_side_hold_it() -> None:
    source, target = numbered([{"Lee"}, {"Lee"}, {"Kim"}], [{"Kim", "Lee"}, {"Park"}])
    lee, kim, park = token_weights(source, target)
    assert lee < kim == park == 1


def test_texts_without_any_token_share_nothing() -> None:
    source, target = numbered([set(), set()], [set()])
    band = band_around([(0, 1, 0, 1), (1, 2, 1, 1)], 2, 1, 1)
    assert not shared_weight(source, target, token_weights(source, target), band).any()


def test_numbers_are_the_same_however_they_are_written() -> None:
    assert number_tokens("1,300 in 007") == number_tokens("1.300 und ７") == {"1300", "7"}


def test_terms_are_the_beginnings_of_words_and_pairs_of_characters_where_words_are_not_spaced() -> None:
    for text, terms in (
        ("Die Übersetzungen, 12 im Jahr", {"die", "uberse", "jahr"}),
        ("東京都のABC", {"東京", "京都", "都の", "abc"}),
        ("Владимир и Łódź", {"владим", "łodz"}),
    ):
        assert words_and_terms(folded(text))[1] == terms


def test_words_are_the_beginnings_of_those_in_latin_letters_whatever_stands_around_them() -> None:
    for text, words in (
        ("Die Übersetzungen, 12 im Jahr", {"ubers", "jahr"}),
        ("NATO는 東京 Tower, ver2beta_gamma", {"nato", "tower", "beta", "gamma"}),
        ("Владимир и Łódź – „Straße“", {"łodz", "stras"}),
        ("łódźжук", {"łodz"}),
    ):
        assert words_and_terms(folded(text))[0] == words


def test_words_that_keep_turning_up_in_the_same_beads_translate_each_other() -> None:
    nouns = [("berg", "mountain"), ("fluss", "river"), ("stadt", "town"), ("wald", "forest")]
    pairs = [nouns[number % 4] for number in range(40)]
    source, target = (
        [words_and_terms(f"{words[side]} xyz{k:04d}")[1] for k, words in enumerate(pairs)] for side in (0, 1)
    )
    places = np.arange(40)
    sides = [Tokens.of(text, defaultdict[str, int](itertools.count().__next__)) for text in (source, target)]
    found = Lexicon.of(sides[0], sides[1], (places, places + 1, places, places + 1))
    assert len(found.weights) == 0, "each word is in a quarter of the beads: too common to tell anything"
    rare = Lexicon.of(
        *(
            Tokens.of([*text, *([frozenset()] * 160)], defaultdict[str, int](itertools.count().__next__))
            for text in (source, target)
        ),
        (np.arange(200), np.arange(1, 201), np.arange(200), np.arange(1, 201)),
    )
    assert len(rare.weights) == 4
    held = [
        [set(side.numbers[a:b]) for a, b in itertools.pairwise(side.first)]
        for side in (rare.source, rare.target)
    ]
    assert held[0] == held[1]
    assert {frozenset(pair) for pair in held[0]} == {frozenset(), *(frozenset({k}) for k in range(4))}
    assert (rare.elsewhere == rare.weights).all()

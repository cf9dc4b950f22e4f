"""What a dictionary says of the words of a Chinese text and an English one, as evidence of the aligner."""

from __future__ import annotations

import numpy as np
import pytest

from mtalign.align.aligner import encode_sides, look_closely, search_band
from mtalign.align.cost import Lattice, Texts, Weights
from mtalign.align.features import FEATURES
from mtalign.align.meanings import Meanings
from mtalign.embed import load_embedder

CHINESE = ["蝴蝶飞过花园。", "他修理了一把旧雨伞。", "医生打开了窗户。"]
ENGLISH = [
    "A butterfly flew across the garden.",
    "He repaired an old umbrella.",
    "The doctor opened the window.",
]


def shared(meanings: Meanings, source: int, target: int) -> float:
    """Weight of the pairs that a source and a target sentence have in common."""
    tokens = [
        set(side.numbers[side.first[k] : side.first[k + 1]].tolist())
        for side, k in ((meanings.source, source), (meanings.target, target))
    ]
    return float(sum(meanings.weights[pair] for pair in tokens[0] & tokens[1]))


def test_sentences_that_translate_each_other_share_meanings_and_others_do_not() -> None:
    meanings = Meanings.of(CHINESE, ENGLISH)
    found = np.array([[shared(meanings, i, j) for j in range(3)] for i in range(3)])
    assert (found.diagonal() >= 2).all(), "butterfly and garden; repair and umbrella; doctor, open and window"
    assert found.sum() == found.diagonal().sum()


def test_own_weight_counts_a_word_once_and_only_if_the_other_text_has_a_translation() -> None:
    meanings = Meanings.of(["蝴蝶。", "雨伞。"], ["A butterfly flew.", "Nothing."])
    assert meanings.source_own.tolist() == [1, 0]
    assert meanings.target_own.tolist() == [1, 0]


def test_it_is_the_same_whichever_text_is_chinese() -> None:
    there, back = Meanings.of(CHINESE, ENGLISH), Meanings.of(ENGLISH, CHINESE)
    assert there.weights.tolist() == back.weights.tolist() != []
    for ours, theirs in ((there.source, back.target), (there.target, back.source)):
        assert ours.numbers.tolist() == theirs.numbers.tolist()
        assert ours.first.tolist() == theirs.first.tolist()
    assert there.source_own.tolist() == back.target_own.tolist()


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (["Der Schmetterling."], ["The butterfly."]),
        (["蝶が花園を飛んだ。庭園。"], ["A butterfly flew across the garden."]),
        (["정원에 나비가 난다."], ["A butterfly in the garden."]),
        (["蝴蝶。"], ["蝴蝶飞。"]),
        ([""], ["The butterfly."]),
        (["蝴蝶。"], ["12, 34."]),
    ],
    ids=["German", "Japanese", "Korean", "both Chinese", "empty", "no words"],
)
def test_there_is_nothing_where_not_just_one_text_is_chinese_or_nothing_matches(
    source: list[str], target: list[str]
) -> None:
    meanings = Meanings.of(source, target)
    assert meanings.weights.size == 0
    assert meanings.source_own.tolist() == meanings.target_own.tolist() == [0]
    assert len(meanings.source.first) == len(meanings.target.first) == 2


def test_words_that_too_many_sentences_hold_say_nothing() -> None:
    meanings = Meanings.of([*CHINESE, *["蝴蝶。"] * 100], [*ENGLISH, *["A butterfly."] * 100])
    assert shared(meanings, 1, 1) > 0
    assert shared(meanings, 5, 5) == 0
    assert meanings.source_own[5] == 0


def test_the_close_look_sees_meanings_in_the_beads_that_share_them() -> None:
    # Spelling, all that the hash embedder sees, says nothing of Chinese and English.
    read = Texts.read(CHINESE, ENGLISH, encode_sides(CHINESE, ENGLISH, load_embedder("hash")))
    band, ratio, _ = search_band(read)
    look = look_closely(read, Lattice(band, 3, 3), ratio, Weights.load())
    single = (look.candidates.heights == 1) & (look.candidates.widths == 1)
    same = (look.candidates.source_ends == look.candidates.target_ends)[single]
    values = look.features[single, FEATURES.index("meanings shared")]
    assert same.any()
    assert (~same).any()
    assert (values[same] > 1).all()
    assert (values[~same] == 0).all()

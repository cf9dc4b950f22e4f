"""Passages that stand elsewhere in the other text."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_align import ENGLISH, GERMAN, sides

from mtalign.align import Bead, in_reading_order, mark_moved, moved_passages
from mtalign.align.aligner import align_segments
from mtalign.align.moved import _AGAINST, _GAP, Chain, Passage, _best_chain, find_passages, reordered
from mtalign.align.windows import encode_side
from mtalign.embed import Embedder, load_embedder

MENU_GERMAN = ("Startseite", "Über uns", "Impressum und Datenschutz", "Teilen Sie diesen Artikel")
MENU_ENGLISH = ("Home", "About us", "Imprint and privacy", "Share this article")


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder("use")


def moved_sides(beads: Sequence[Bead]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    return sides([bead for bead in beads if bead.moved])


def assert_each_sentence_once(beads: Sequence[Bead], n: int, m: int) -> None:
    assert [index for bead in beads for index in bead.source] == list(range(n))
    assert sorted(index for bead in beads for index in bead.target) == list(range(m))
    in_place = [bead.target[0] for bead in beads if bead.target and not bead.moved]
    assert all(first < second for first, second in pairwise(in_place))


@pytest.mark.parametrize("turned", [False, True])
def test_a_moved_passage_is_found_and_the_rest_stays(embedder: Embedder, turned: bool) -> None:
    english = [*ENGLISH[3:9], *ENGLISH[:3], *ENGLISH[9:]]
    first, second = (english, GERMAN) if turned else (GERMAN, english)
    beads = align_segments(first, second, embedder=embedder)
    assert_each_sentence_once(beads, 12, 12)
    found = [(target, source) for source, target in sides(beads)] if turned else sides(beads)
    expected = [
        (0, 6),
        (1, 7),
        (2, 8),
        (3, 0),
        (4, 1),
        (5, 2),
        (6, 3),
        (7, 4),
        (8, 5),
        (9, 9),
        (10, 10),
        (11, 11),
    ]
    assert sorted(found) == [((i,), (j,)) for i, j in expected]
    # The smaller of the two blocks is the one that moved.
    passage = (range(6, 9), range(3)) if turned else (range(3), range(6, 9))
    assert moved_passages(beads) == [passage]
    assert min(bead.score for bead in beads) > 0.5


def test_merged_and_split_sentences_inside_a_moved_passage_are_beads(embedder: Embedder) -> None:
    english = [
        *ENGLISH[:2],
        *ENGLISH[6:],
        f"{ENGLISH[2][:-1]}, and {ENGLISH[3]}",
        "The teacher died three years ago.",
        "There is no new one.",
        ENGLISH[5],
    ]
    beads = align_segments(GERMAN, english, embedder=embedder)
    assert_each_sentence_once(beads, 12, 12)
    assert moved_sides(beads) == [((2, 3), (8,)), ((4,), (9, 10)), ((5,), (11,))]


def test_a_sentence_that_moved_far_is_found_alone(embedder: Embedder) -> None:
    english = [*ENGLISH[:2], *ENGLISH[3:10], ENGLISH[2], *ENGLISH[10:]]
    beads = align_segments(GERMAN, english, embedder=embedder)
    assert moved_sides(beads) == [((2,), (9,))]


def test_nothing_has_moved_where_passages_are_only_missing(embedder: Embedder) -> None:
    german, english = [*GERMAN[:3], *GERMAN[5:]], [*ENGLISH[:8], *ENGLISH[10:]]
    beads = align_segments(german, english, embedder=embedder)
    assert_each_sentence_once(beads, 10, 10)
    assert moved_sides(beads) == []
    assert sides(beads)[3:5] == [((), (3,)), ((), (4,))]


def test_repeated_lines_are_not_reported_as_moved(embedder: Embedder) -> None:
    german = [*MENU_GERMAN, *GERMAN[:4], *MENU_GERMAN, *GERMAN[4:8], *GERMAN[8:], *MENU_GERMAN]
    english = [*ENGLISH[:4], *MENU_ENGLISH, *ENGLISH[4:8], *MENU_ENGLISH, *ENGLISH[8:]]
    beads = align_segments(german, english, embedder=embedder)
    assert_each_sentence_once(beads, len(german), len(english))
    assert moved_sides(beads) == []


def test_unrelated_texts_share_no_moved_passage(embedder: Embedder) -> None:
    other = [
        "Interest rates rose again in the second quarter.",
        "The committee postponed its vote on the budget.",
        "Software updates are installed automatically at night.",
        "Mix the flour with two eggs and a pinch of salt.",
        "The striker scored twice before half-time.",
        "Chlorophyll absorbs red and blue light.",
        "The parties signed the contract in Geneva.",
    ]
    assert moved_sides(align_segments(GERMAN, other, embedder=embedder)) == []


def test_too_short_texts_are_left_as_they_are(embedder: Embedder) -> None:
    beads = align_segments(GERMAN[:3], [ENGLISH[2], *ENGLISH[:2]], embedder=embedder)
    assert_each_sentence_once(beads, 3, 3)
    assert moved_sides(beads) == []


def test_several_passages_of_a_long_text_are_found() -> None:
    rng = random.Random(3)
    vocabulary = ["".join(rng.choices("abcdefghijklmnop", k=6)) for _ in range(3000)]
    source = [" ".join(rng.choices(vocabulary, k=9)) + "." for _ in range(600)]
    order = [
        *range(100),
        *range(110, 400),
        *range(405, 500),
        *range(100, 110),
        *range(500, 600),
        *range(400, 405),
    ]
    beads = align_segments(source, [source[k] for k in order], embedder=load_embedder("hash"))
    assert_each_sentence_once(beads, 600, 600)
    assert moved_passages(beads) == [(range(100, 110), range(485, 495)), (range(400, 405), range(595, 600))]
    assert all(order[bead.target[0]] == bead.source[0] for bead in beads)


@pytest.mark.parametrize("name", ["use", "hash"])
def test_vectors_of_a_reordered_text_are_those_of_the_text(name: str) -> None:
    embedder = load_embedder(name)
    order = [5, 6, 7, 0, 1, 2, 3, 4, 11, 9]
    taken = reordered(encode_side(GERMAN, embedder), order)
    anew = encode_side([GERMAN[k] for k in order], embedder)
    assert len(taken) == len(order)
    np.testing.assert_allclose(taken.runs(3, 0, 11), anew.runs(3, 0, 11), atol=1e-4)
    np.testing.assert_array_equal(taken.first_clause, anew.first_clause)
    np.testing.assert_array_equal(taken.first_window, anew.first_window)
    np.testing.assert_allclose(
        taken.windows.rows(0, len(taken.windows)), anew.windows.rows(0, len(anew.windows)), atol=1e-3
    )
    np.testing.assert_array_equal(taken.clause_counts, anew.clause_counts)
    np.testing.assert_allclose(
        taken.clauses.rows(0, len(taken.clauses)), anew.clauses.rows(0, len(anew.clauses)), atol=1e-3
    )


def test_beads_of_a_file_that_cross_the_longest_chain_are_marked() -> None:
    beads = [Bead((0,), (0,)), Bead((1, 2), (5,)), Bead((3,), (1, 2)), Bead((4,), ()), Bead((5,), (3,))]
    assert moved_sides(mark_moved(beads)) == [((1, 2), (5,))]
    assert [bead.moved for bead in mark_moved(beads)] == [False, True, False, False, False]
    assert mark_moved([]) == []


def test_reading_order_fills_in_what_no_bead_holds() -> None:
    beads = [Bead((3,), (4,)), Bead((1,), (0,)), Bead((2,), (6,), 0.5, moved=True)]
    assert sides(in_reading_order(beads, 5, 8)) == [
        ((0,), ()),
        ((1,), (0,)),
        ((2,), (6,)),
        ((), (1,)),
        ((), (2,)),
        ((), (3,)),
        ((3,), (4,)),
        ((4,), ()),
        ((), (5,)),
        ((), (7,)),
    ]


@given(st.permutations(range(12)))
def test_marking_leaves_a_monotone_rest_and_reading_order_loses_nothing(order: list[int]) -> None:
    marked = mark_moved([Bead((i,), (j,)) for i, j in enumerate(order)])
    assert_each_sentence_once(in_reading_order(marked, 12, 12), 12, 12)
    passages = moved_passages(marked)
    assert sum(len(source) for source, _ in passages) >= sum(bead.moved for bead in marked)


def test_passages_are_moved_beads_that_follow_each_other() -> None:
    beads = [
        Bead((0,), (7,), 1.0, moved=True),
        Bead((1, 2), (8, 9), 1.0, moved=True),
        Bead((4,), (11,), 1.0, moved=True),
        Bead((5,), (0,), 1.0),
        Bead((6,), (4,), 1.0, moved=True),
    ]
    assert moved_passages(beads) == [(range(5), range(7, 12)), (range(6, 7), range(4, 5))]


def every_chain(evidence: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> list[Chain]:
    """All chains of pairs in order; what is left out between two of them costs."""
    found = []

    def go_on(i: int, j: int, total: float, first: tuple[int, int]) -> None:
        total += float(evidence[i, j])
        found.append(Chain(total, (first[0], i + 1), (first[1], j + 1)))
        for k in range(i + 1, len(rows)):
            for to in range(j + 1, len(columns)):
                skipped = rows[k] - rows[i] - 1 + columns[to] - columns[j] - 1
                go_on(k, to, total - _GAP * float(skipped), first)

    for i in range(len(rows)):
        for j in range(len(columns)):
            go_on(i, j, 0.0, (i, j))
    return found


@given(st.integers(0, 10**6))
def test_the_best_chain_of_evidence_is_the_best_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = (np.cumsum(rng.integers(1, 4, rng.integers(1, 5))) for _ in range(2))
    evidence = np.maximum(rng.normal(0, 2, (len(rows), len(columns))), _AGAINST).astype(np.float32)
    evidence[rng.random(evidence.shape) < 0.2] = -1e3
    found, best = _best_chain(iter(evidence), rows, columns), max(every_chain(evidence, rows, columns))
    if best.evidence <= 0:
        assert found is None
    else:
        assert found is not None
        assert found.evidence == pytest.approx(best.evidence, abs=1e-4)
        assert found[1:] in [c[1:] for c in every_chain(evidence, rows, columns) if c[0] > best[0] - 1e-4]


@pytest.mark.parametrize("twice", [False, True])
def test_what_stands_in_two_places_has_not_moved(embedder: Embedder, twice: bool) -> None:
    front = ENGLISH[:3] if twice else ()
    target = [*front, *ENGLISH[3:], *ENGLISH[:3]]
    vectors = encode_side(GERMAN, embedder), encode_side(target, embedder)
    links = [Bead((i,), (len(front) + i - 3,), 1.0) for i in range(3, 12)]
    held = {bead.target[0] for bead in links}
    free = [Bead((i,), ()) for i in range(3)]
    free += [Bead((), (j,)) for j in range(len(target)) if j not in held]
    passages = [] if twice else [Passage((0, 3), (9, 12))]
    assert find_passages([*free, *links], *vectors) == passages


def test_long_texts_that_have_nothing_in_common_share_no_moved_passage() -> None:
    rng = random.Random(3)
    vocabulary = ["".join(rng.choices("abcdefghijklmnop", k=6)) for _ in range(3000)]
    encoded = load_embedder("hash")
    for _ in range(2):
        texts = ([" ".join(rng.choices(vocabulary, k=9)) + "." for _ in range(500)] for _ in range(2))
        source, target = (encode_side(text, encoded) for text in texts)
        # One link, so that all others would cross it.
        beads = [Bead((250,), (0,), 1.0), *(Bead((i,), ()) for i in range(500) if i != 250)]
        beads += [Bead((), (j,)) for j in range(1, 500)]
        assert find_passages(beads, source, target) == []

"""Aligning two texts."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mtalign.align import (
    Bead,
    parse_beads,
    read_beads,
    strict_agreement,
)
from mtalign.align.aligner import (
    _anchored_band,
    _sure_points,
    align_segments,
    align_sides,
    decode,
    encode_sides,
    look_closely,
    search_band,
    see_gaps,
)
from mtalign.align.cost import Candidates, Lattice, Texts, Weights
from mtalign.align.features import FEATURES, GAP_FEATURES, NULL_FEATURES
from mtalign.align.kernel import full_band
from mtalign.align.windows import window_shares
from mtalign.cli.align import command
from mtalign.embed import Embedder, load_embedder
from mtalign.errors import DocumentError
from mtalign.score import read_lines

GOLD = Path(__file__).resolve().parents[1].parent / "shared" / "gold"

GERMAN = (
    "Das Dorf liegt an einem kleinen See.",
    "Die Kirche wurde 1840 von den Bauern selbst gebaut.",
    "Im Winter ist die Straße wegen des Schnees gesperrt.",
    "Die meisten jungen Leute sind in die Stadt gezogen.",
    "Der Lehrer ist vor drei Jahren gestorben, und einen neuen gibt es nicht.",
    "Am Sonntag kommt der Pfarrer mit dem Fahrrad.",
    "Meine Großmutter erinnert sich noch an den Krieg.",
    "Damals versteckten sie die Kühe im Wald.",
    "Ein Soldat schenkte ihr eine Tafel Schokolade.",
    "Heute verkauft sie Honig an die Touristen.",
    "Der Zug fährt schon lange nicht mehr.",
    "Auf den Gleisen wächst Gras.",
)
ENGLISH = (
    "The village lies on a small lake.",
    "The church was built by the farmers themselves in 1840.",
    "In winter the road is closed because of the snow.",
    "Most of the young people have moved to the city.",
    "The teacher died three years ago, and there is no new one.",
    "On Sundays the priest comes by bicycle.",
    "My grandmother still remembers the war.",
    "In those days they hid the cows in the forest.",
    "A soldier gave her a bar of chocolate.",
    "Today she sells honey to the tourists.",
    "The train stopped running long ago.",
    "Grass grows on the tracks.",
)


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder("use")


def sides(beads: Sequence[Bead]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    return [(bead.source, bead.target) for bead in beads]


def assert_partition(beads: Sequence[Bead], n: int, m: int) -> None:
    assert [index for bead in beads for index in bead.source] == list(range(n))
    assert [index for bead in beads for index in bead.target] == list(range(m))
    assert all(bead.source or bead.target for bead in beads)
    assert all(len(bead.source) <= 5 and len(bead.target) <= 5 for bead in beads)
    assert all(0 <= bead.score <= 1 for bead in beads)
    assert all(bead.score == 0 for bead in beads if bead.is_null)


def test_sentences_one_to_one(embedder: Embedder) -> None:
    beads = align_segments(GERMAN, ENGLISH, embedder=embedder)
    assert sides(beads) == [((number,), (number,)) for number in range(12)]
    assert min(bead.score for bead in beads) > 0.5


def test_merged_and_split_sentences(embedder: Embedder) -> None:
    english = [
        *ENGLISH[:2],
        f"{ENGLISH[2][:-1]}, and {ENGLISH[3]}",
        "The teacher died three years ago.",
        "There is no new one.",
        *ENGLISH[5:],
    ]
    found = sides(align_segments(GERMAN, english, embedder=embedder))
    assert ((2, 3), (2,)) in found
    assert ((4,), (3, 4)) in found
    assert ((11,), (11,)) in found


@pytest.mark.parametrize("turned", [False, True])
def test_no_bead_spans_a_passage_that_is_missing_on_one_side(embedder: Embedder, turned: bool) -> None:
    whole, cut = (ENGLISH, [*GERMAN[:4], *GERMAN[8:]]) if turned else (GERMAN, [*ENGLISH[:4], *ENGLISH[8:]])
    beads = align_segments(whole, cut, embedder=embedder)
    expected = [
        *(((number,), (number,)) for number in range(4)),
        *(((number,), ()) for number in range(4, 8)),
        *(((number,), (number - 4,)) for number in range(8, 12)),
    ]
    assert sides(beads) == expected
    other_way = align_segments(cut, whole, embedder=embedder)
    assert sides(other_way) == [(target, source) for source, target in expected]


def test_the_band_is_narrow_where_every_sentence_has_an_anchor_and_wide_around_a_gap() -> None:
    n, m = 80, 83
    anchors = [(k, k) for k in range(1, 38)] + [(k, k + 3) for k in range(42, n + 1)]
    band = _anchored_band(anchors, n, m)
    widths = band.stops - band.starts
    assert max(widths[14:24]) == 11
    assert min(widths[37:42]) > 25
    assert max(widths[58:74]) == 11
    assert all(band.starts[end] < stop < band.stops[end] for end, stop in anchors)
    assert (band.starts[0], band.stops[-1]) == (0, m + 1)
    assert (np.diff(band.starts) >= 0).all()
    assert (np.diff(band.stops) >= 0).all()
    nothing = _anchored_band([], 5, 3)
    assert (nothing.starts[0], nothing.stops[-1]) == (0, 4)


def test_a_point_is_sure_only_amid_many_anchors_in_a_row_that_stand_out() -> None:
    anchors = [(k, k) for k in range(1, 38)] + [(k, k + 3) for k in range(42, 81)]
    margins = np.full(len(anchors), 0.3)
    assert _sure_points(anchors, margins) == [(6, 6), (47, 50)]
    # One that is weak, and one that is not there.
    margins[7] = 0.2
    assert _sure_points(anchors, margins) == [(14, 14), (47, 50)]
    assert _sure_points([*anchors[:45], *anchors[46:]], np.full(75, 0.3)) == [(6, 6), (56, 59)]
    assert _sure_points(anchors[:11], margins) == _sure_points([], np.zeros(0)) == []


def test_what_is_likely_is_the_same_between_sure_points_as_in_one_piece() -> None:
    rng = random.Random(5)
    words = [f"{a}{b}{c}" for a in "bdfgklm" for b in "aeiou" for c in "nrst"]
    source = [" ".join(rng.choices(words, k=12)) for _ in range(120)]
    target = source[:50] + source[56:]
    embedder = load_embedder("hash")
    band, ratio, sure = search_band(Texts.read(source, target, encode_sides(source, target, embedder)))
    assert len(sure) >= 3
    assert {i - j for i, j in sure} == {0, 6}
    lattice = Lattice(band, len(source), len(target))
    looks = [
        look_closely(
            Texts.read(source, target, encode_sides(source, target, embedder)),
            lattice,
            ratio,
            Weights.load(),
            points,
        )
        for points in ((), sure)
    ]
    for name in ("cells", "heights", "widths"):
        one, other = (getattr(look.candidates, name) for look in looks)
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("turned", [False, True])
def test_what_is_missing_on_one_side_makes_no_holes_on_the_other(embedder: Embedder, turned: bool) -> None:
    cut = [*ENGLISH[:4], *ENGLISH[8:]]
    texts = (cut, GERMAN) if turned else (GERMAN, cut)
    texts_read = Texts.read(*texts, encode_sides(*texts, embedder))
    band, ratio, _ = search_band(texts_read)
    n, m = map(len, texts)
    look = look_closely(texts_read, Lattice(band, n, m), ratio, Weights.load())
    row = NULL_FEATURES.index("unaligned on a side that seems intact")
    intact = [set(side[row].tolist()) for side in look.nulls]
    assert intact == ([{1.0}, {0.0}] if turned else [{0.0}, {1.0}])
    # Twelve sentences are too few to be sure.
    row = NULL_FEATURES.index("unaligned on a side that surely is intact across from one that is not")
    assert [set(side[row].tolist()) for side in look.nulls] == [{0.0}, {0.0}]


@pytest.mark.parametrize("turned", [False, True])
def test_beads_beside_a_missing_passage_are_seen_as_such(embedder: Embedder, turned: bool) -> None:
    cut = [*ENGLISH[:4], *ENGLISH[8:]]
    texts = (cut, GERMAN) if turned else (GERMAN, cut)
    read = Texts.read(*texts, encode_sides(*texts, embedder))
    band, ratio, _ = search_band(read)
    weights = Weights.load()
    look = look_closely(read, Lattice(band, *map(len, texts)), ratio, weights)
    see_gaps(look, weights.first, band)
    beads, gap = look.candidates, look.features[:, len(FEATURES) + GAP_FEATURES.index("beside a gap")]
    single = (beads.heights == 1) & (beads.widths == 1)
    # The last sentence before the passage that is missing, and the first of all.
    for number, expected in ((3, 1.0), (0, 0.0)):
        here = single & (beads.source_starts == number) & (beads.target_starts == number)
        np.testing.assert_allclose(gap[here], [expected], atol=0.1)


@pytest.mark.parametrize(("chance", "taken"), [(0.45, False), (0.55, True)])
def test_a_bead_whose_sentences_may_have_no_counterpart_must_be_likelier_than_not(
    chance: float, taken: bool
) -> None:
    one = np.array([1])
    candidates = Candidates(one, one, np.array([3]), one, one)
    nulls = np.zeros(1), np.zeros(1)
    potentials = candidates.potentials(np.log([chance / (1 - chance)]), *nulls, 0.0)
    beads = decode(potentials, candidates, full_band(1, 1), 1, 1)
    assert sides(beads) == ([((0,), (0,))] if taken else [((0,), ()), ((), (0,))])
    assert beads[0].score == (pytest.approx(chance) if taken else 0)


def test_where_all_sentences_surely_have_a_counterpart_less_is_enough() -> None:
    heights, ends = np.array([1, 1, 2]), np.array([1, 2, 2])
    candidates = Candidates(heights, heights, np.array([4, 8, 8]), ends, ends)
    nulls = np.full(2, -20.0), np.full(2, -20.0)
    potentials = candidates.potentials(np.log([0.45, 1.0, 0.55]), *nulls, 0.0)
    beads = decode(potentials, candidates, full_band(2, 2), 2, 2)
    assert sides(beads) == [((0,), (0,)), ((1,), (1,))]
    assert [bead.score for bead in beads] == pytest.approx([0.45, 0.45])


def test_a_stretch_of_sentences_that_nothing_is_likely_for_is_no_error(embedder: Embedder) -> None:
    side, other = encode_sides([*GERMAN] * 25, ENGLISH, embedder)
    starts, stops = np.full(300, 0), np.full(300, 0)
    starts[:10], stops[:10] = 0, 12
    shares = window_shares(side, other, starts, stops)
    assert np.isfinite(shares.nearest).tolist() == [True] * 10 + [False] * 290
    first = np.flatnonzero(np.diff(side.first_window[:11]) > 0)
    inside = shares.between(side.first_window[first], first, np.full(len(first), 0), np.full(len(first), 12))
    np.testing.assert_allclose(inside, 1, atol=1e-5)


def test_languages_and_progress_are_taken(embedder: Embedder) -> None:
    calls: list[tuple[int, int]] = []
    beads = align_segments(
        GERMAN,
        ENGLISH,
        embedder=embedder,
        source_language="zh",
        target_language="xx",
        progress=lambda done, total: calls.append((done, total)),
    )
    assert len(beads) == 12
    done = [done for done, _ in calls]
    assert done == sorted(done)
    # Each sentence is encoded, the runs that end with it are made ready, and then it is searched for.
    assert {24, 48} < set(done)
    assert calls[-1] == (96, 96)
    calls.clear()
    encoded = encode_sides(GERMAN, ENGLISH, embedder)
    again = align_sides(GERMAN, ENGLISH, encoded, progress=lambda done, total: calls.append((done, total)))
    assert again == beads
    assert calls[:2] == [(12, 72), (24, 72)]
    # Five steps of one search; a second one was not needed.
    assert [done for done, _ in calls[2:]] == [28, 32, 36, 40, 44, 72]


@pytest.mark.parametrize("name", ["use", "hash"])
@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (3, 0), (1, 1), (1, 12), (12, 1), (1, 400), (700, 7)])
def test_every_shape_gives_a_whole_alignment(name: str, n: int, m: int) -> None:
    source = [GERMAN[number % 12] for number in range(n)]
    target = [ENGLISH[number % 12] for number in range(m)]
    assert_partition(align_segments(source, target, embedder=load_embedder(name)), n, m)


def test_two_hundred_identical_sentences_are_aligned_one_to_one(embedder: Embedder) -> None:
    beads = align_segments([GERMAN[0]] * 200, [ENGLISH[0]] * 200, embedder=embedder)
    assert [(bead.source, bead.target) for bead in beads] == [((k,), (k,)) for k in range(200)]


def test_blank_and_odd_lines_are_aligned_too(embedder: Embedder) -> None:
    source = [GERMAN[0], "", "  ", "\x00\ufffd", GERMAN[1], "12345", "—"]
    target = [ENGLISH[0], "", ENGLISH[1], "12345"]
    beads = align_segments(source, target, embedder=embedder)
    assert_partition(beads, 7, 4)
    assert any(0 in bead.source and 0 in bead.target for bead in beads)
    assert any(4 in bead.source and 2 in bead.target for bead in beads)


def test_a_long_text_is_aligned_through_its_blocks() -> None:
    rng = random.Random(7)
    vocabulary = ["".join(rng.choices("abcdefghijklmnop", k=6)) for _ in range(3000)]
    source = [" ".join(rng.choices(vocabulary, k=9)) + "." for _ in range(1500)]
    gold, target = [], []
    number = 0
    while number < len(source):
        if rng.random() < 0.1 and number + 1 < len(source):
            gold.append(Bead((number, number + 1), (len(target),)))
            target.append(f"{source[number]} {source[number + 1]}")
            number += 2
        elif 600 <= number < 700:
            number += 1
        else:
            gold.append(Bead((number,), (len(target),)))
            target.append(source[number])
            number += 1
    beads = align_segments(source, target, embedder=load_embedder("hash"))
    assert_partition(beads, len(source), len(target))
    assert strict_agreement([(beads, gold)]).f1 > 0.97


@pytest.mark.skipif(not GOLD.is_dir(), reason="no gold alignments beside the project")
def test_gold_chapter_is_aligned_well(embedder: Embedder) -> None:
    stem = GOLD / "mac_dev" / "001"
    source, target = read_lines(stem.with_suffix(".src")), read_lines(stem.with_suffix(".tgt"))
    beads = align_segments(source, target, embedder=embedder)
    assert strict_agreement([(beads, read_beads(stem.with_suffix(".gold")))]).f1 > 0.9


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "text.de").write_text("\n".join(GERMAN) + "\n", encoding="utf-8")
    (tmp_path / "text.en").write_text("\n".join(ENGLISH) + "\n", encoding="utf-8")
    return str(tmp_path / "text.de"), str(tmp_path / "text.en")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(command, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_prints_beads_that_it_reads_again(files: tuple[str, str], tmp_path: Path) -> None:
    output = run(*files, "--lines", "--format", "beads")
    beads = parse_beads(output)
    assert sides(beads) == [((number,), (number,)) for number in range(12)]
    gold = tmp_path / "gold"
    gold.write_text(output)
    table = run(*files, "--lines", "--eval", str(gold))
    assert table.splitlines() == [
        "measure\tprecision\trecall\tF1",
        "strict\t1.0000\t1.0000\t1.0000",
        "lax\t1.0000\t1.0000\t1.0000",
    ]


def test_the_command_prints_tsv_and_jsonl(files: tuple[str, str]) -> None:
    rows = [line.split("\t") for line in run(*files, "--lines").splitlines()]
    assert [(row[1], row[2]) for row in rows] == list(zip(GERMAN, ENGLISH, strict=True))
    objects = [json.loads(line) for line in run(*files, "--lines", "--format", "jsonl").splitlines()]
    assert objects[3]["source"] == objects[3]["target"] == [3]
    assert objects[3]["target_text"] == [ENGLISH[3]]


def test_documents_are_segmented_first_and_come_out_as_tmx(tmp_path: Path) -> None:
    from lxml import etree

    (tmp_path / "de.txt").write_text(" ".join(GERMAN[:6]) + "\n\n" + " ".join(GERMAN[6:]), encoding="utf-8")
    (tmp_path / "en.txt").write_text(" ".join(ENGLISH), encoding="utf-8")
    arguments = (str(tmp_path / "de.txt"), str(tmp_path / "en.txt"), "--from", "de", "--to", "en")
    tree = etree.fromstring(run(*arguments, "--format", "tmx").encode())
    pairs = [tuple(unit.itertext("seg")) for unit in tree.iter("tu")]
    assert pairs == list(zip(GERMAN, ENGLISH, strict=True))


def test_a_damaged_gold_file_is_one_line_error(files: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "gold").write_text("0-0\n")
    with pytest.raises(DocumentError, match="line 1: not a bead"):
        run(*files, "--lines", "--eval", str(tmp_path / "gold"), "--embedder", "hash")

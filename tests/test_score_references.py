"""Documents against several references that split their sentences differently."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from run_samples import GOOD, POOR, REFERENCE

from mtalign.align import Bead
from mtalign.cli.score import command
from mtalign.errors import ScoreError
from mtalign.score import corpus_scores, to_json
from mtalign.score.reference import AlignedReference, scored_part
from mtalign.score.references import share_lines


def aligned(reference: list[str], *links: tuple[tuple[int, ...], tuple[int, ...]]) -> AlignedReference:
    hypothesis = ["h0", "h1", "h2", "h3"]
    return scored_part(hypothesis, reference, [Bead(a, b, 0.9) for a, b in links], topical=1.0)


def test_lines_are_merged_until_the_references_share_their_boundaries() -> None:
    first, second = ["a0", "a1", "a2", "a3"], ["b0b1", "b2", "b3"]
    shared = share_lines(
        ["h0", "h1", "h2", "h3"],
        [first, second],
        [
            aligned(first, ((0,), (0,)), ((1,), (1,)), ((2,), (2,)), ((3,), (3,))),
            aligned(second, ((0, 1), (0,)), ((2,), (1,)), ((3,), (2,))),
        ],
    )
    assert shared.hypotheses == ("h0 h1", "h2", "h3")
    assert shared.references == (("a0 a1", "a2", "a3"), ("b0b1", "b2", "b3"))


def test_what_one_reference_has_alone_belongs_to_the_line_before() -> None:
    first, second = ["aaaaaaaaaa", "a", "aaaaaaaaaa"], ["bbbbbbbbbbbbb", "bbbbbbbbbbbbb"]
    shared = share_lines(
        ["h0", "h1", "h2", "h3"],
        [first, second],
        [aligned(first, ((0,), (0,)), ((3,), (2,))), aligned(second, ((0,), (0,)), ((3,), (1,)))],
    )
    assert shared.hypotheses == ("h0 h1 h2", "h3")
    assert shared.references == (("aaaaaaaaaa a", "aaaaaaaaaa"), ("bbbbbbbbbbbbb", "bbbbbbbbbbbbb"))


def test_a_line_that_a_whole_reference_has_nothing_for_is_no_line_of_its_own() -> None:
    first, second = ["a0", "a1"], ["b0"]
    links = (((0,), (0,)), ((1,), (1,)))
    shared = share_lines(
        ["h0", "h1", "h2", "h3"], [first, second], [aligned(first, *links), aligned(second, ((1,), (0,)))]
    )
    assert shared.hypotheses == ("h0 h1",)
    assert shared.references == (("a0 a1",), ("b0",))


def test_of_references_covered_in_part_only_what_all_have_is_scored() -> None:
    first, second = ["a0", "a1", "a2"], ["b0", "b1", "b2", "b3"]
    shared = share_lines(
        ["h0", "h1", "h2", "h3"],
        [first, second],
        [aligned(first, ((0,), (0,)), ((3,), (2,))), aligned(second, ((0,), (0,)), ((1,), (1,)))],
    )
    assert shared.hypotheses == ("h0",)
    assert shared.references == (("a0",), ("b0",))


def write(path: Path, sentences: tuple[str, ...]) -> str:
    path.write_text(" ".join(sentences) + "\n", encoding="utf-8")
    return str(path)


def test_the_command_scores_a_document_with_two_references(tmp_path: Path) -> None:
    joined = (*POOR[:3], f"{POOR[3][:-1]}, and {POOR[4][0].lower()}{POOR[4][1:]}", *POOR[5:])
    files = [write(tmp_path / name, t) for name, t in (("h", GOOD), ("a", REFERENCE), ("b", joined))]
    line = [files[0], "--ref", files[1], "--ref", files[2], "--metric", "bleu,chrf,ter", "--json"]
    result = CliRunner().invoke(command, line, catch_exceptions=False, standalone_mode=False)
    found = json.loads(result.stdout)
    texts = [[" ".join(t)] for t in (GOOD, REFERENCE, joined)]
    whole = corpus_scores(texts[0], texts[1:], ["BLEU", "chrF2"])
    assert found[:2] == [to_json(score) for score in whole]
    assert [metric["nrefs"] for metric in found] == ["2"] * 3
    notes = result.stderr.splitlines()
    assert [note.split(":")[1].strip() for note in notes] == files[1:]
    rows = CliRunner().invoke(
        command, [*line[:-3], "--metric", "chrf", "--per-segment", "--tsv"], catch_exceptions=False
    )
    assert len(rows.stdout.splitlines()) == 1 + 9


def test_a_second_reference_that_is_of_another_text_is_named(tmp_path: Path) -> None:
    other = ("The central bank left its rates unchanged.", "Shares fell in early trading on Monday.")
    files = [write(tmp_path / name, t) for name, t in (("h", GOOD), ("a", REFERENCE), ("b", other))]
    with pytest.raises(ScoreError, match=rf"h covers only 0 % of the reference {files[2]}; check that"):
        CliRunner().invoke(
            command,
            [files[0], "--ref", files[1], "--ref", files[2]],
            catch_exceptions=False,
            standalone_mode=False,
        )

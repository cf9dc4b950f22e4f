"""Every published BLEU and chrF2 of the evaluation outputs, to the printed digit."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtalign.score import corpus_scores, read_lines

EVALDATA = Path(__file__).resolve().parents[1].parent / "shared" / "evaldata"
TER_SETS = ("mini/ja-en", "mini/ko-en")
"""Sets of short segments: TER is slow on long ones."""


def rows() -> Iterator[dict[str, str]]:
    table = EVALDATA / "published.tsv"
    if not table.is_file():
        return
    with table.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            if (EVALDATA / row["set"] / f"hyp.{row['system']}.en").is_file():
                yield row


@pytest.mark.skipif(not EVALDATA.is_dir(), reason="no evaluation data beside the project")
@pytest.mark.parametrize("row", list(rows()), ids=lambda row: f"{row['set']}-{row['system']}")
def test_scores_equal_the_published_ones_to_the_printed_digit(row: dict[str, str]) -> None:
    folder = EVALDATA / row["set"]
    hypotheses = read_lines(folder / f"hyp.{row['system']}.en")
    reference = read_lines(folder / f"ref.{row['ref']}.en")
    assert len(hypotheses) == int(row["lines"])
    with_ter = row["set"] in TER_SETS and row["ter"] not in ("", "-")
    scores = corpus_scores(hypotheses, [reference], ["BLEU", "chrF2", *(["TER"] if with_ter else [])])
    assert f"{scores[0].score:.2f}" == row["bleu"]
    assert f"{scores[1].score:.2f}" == row["chrf2"]
    assert f"BP = {row['bp']} " in str(scores[0].details["verbose_score"])
    if row["published_bleu_chrf"]:
        assert row["published_bleu_chrf"] == f"{scores[0].score:.2f} / {scores[1].score:.2f}"
    if with_ter:
        assert f"{scores[2].score:.2f}" == row["ter"]


def constant_rows() -> Iterator[tuple[str, str, dict[str, str]]]:
    table = EVALDATA / "published.tsv"
    if table.is_file():
        with table.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t"):
                for system, text in (("EMPTY", ""), ("CONST_the", "the")):
                    if row["system"] == system:
                        yield row["set"], text, row


@pytest.mark.skipif(not EVALDATA.is_dir(), reason="no evaluation data beside the project")
@pytest.mark.parametrize(("name", "text", "row"), list(constant_rows()), ids=lambda value: str(value)[:40])
def test_worthless_outputs_get_the_scores_they_deserve(name: str, text: str, row: dict[str, str]) -> None:
    reference = read_lines(EVALDATA / name / f"ref.{row['ref']}.en")
    bleu, chrf = corpus_scores([text] * len(reference), [reference], ["BLEU", "chrF2"])
    assert (f"{bleu.score:.2f}", f"{chrf.score:.2f}") == (row["bleu"], row["chrf2"])

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


def derived(folder: Path, reference: int) -> dict[str, list[str]]:
    """The worthless and spoiled outputs that figures are published for, but for the shuffled one."""
    names = [path.name[4:-3] for path in folder.glob("hyp.*.en")]
    best = next(name for name in names if name.casefold() == "online-b" or len(names) == 1)
    lines = read_lines(folder / f"hyp.{best}.en")
    (source,) = folder.glob("src.*")
    return {
        "EMPTY": [""] * reference,
        "CONST_the": ["the"] * reference,
        "SRC_COPY": read_lines(source),
        "LOWER_best": [line.lower() for line in lines],
        "DOUBLED_best": [f"{line} {line}" for line in lines],
        "HALF_TRUNC_best": [" ".join(line.split()[: max(1, len(line.split()) // 2)]) for line in lines],
        "OFF_BY_ONE_best": lines[1:] + lines[:1],
    }


def derived_sets() -> Iterator[tuple[str, list[dict[str, str]]]]:
    table = EVALDATA / "published.tsv"
    if table.is_file():
        with table.open(encoding="utf-8", newline="") as lines:
            published = list(csv.DictReader(lines, delimiter="\t"))
        for name in dict.fromkeys(row["set"] for row in published):
            if any((EVALDATA / name).glob("hyp.*.en")):
                yield name, [row for row in published if row["set"] == name]


@pytest.mark.skipif(not EVALDATA.is_dir(), reason="no evaluation data beside the project")
@pytest.mark.parametrize(("name", "published"), list(derived_sets()), ids=lambda value: str(value)[:40])
def test_worthless_and_spoiled_outputs_get_the_scores_they_deserve(
    name: str, published: list[dict[str, str]]
) -> None:
    rows = {row["system"]: row for row in published}
    reference = read_lines(EVALDATA / name / f"ref.{published[0]['ref']}.en")
    outputs = derived(EVALDATA / name, len(reference))
    assert outputs.keys() <= rows.keys()
    for system, lines in outputs.items():
        bleu, chrf = corpus_scores(lines, [reference], ["BLEU", "chrF2"])
        row = rows[system]
        assert (system, f"{bleu.score:.2f}", f"{chrf.score:.2f}") == (system, row["bleu"], row["chrf2"])


@pytest.mark.skipif(not EVALDATA.is_dir(), reason="no evaluation data beside the project")
def test_every_output_has_a_published_score() -> None:
    files = {(str(p.parent.relative_to(EVALDATA)), p.name[4:-3]) for p in EVALDATA.rglob("hyp.*.en")}
    assert len(files) >= 20
    assert {(row["set"], row["system"]) for row in rows()} == files

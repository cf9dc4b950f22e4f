"""Runs read back from their folders, and the lines on which they can be compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from run_samples import GOOD, POOR, REFERENCE, write_run

from mtalign.errors import DocumentError, MtalignError, ScoreError, UsageError
from mtalign.score.comparison import compare_runs
from mtalign.score.pairing import pair_runs
from mtalign.score.runs import RunScores, load_run

OTHER = (
    "The central bank left its rates unchanged on Thursday.",
    "Shares fell in early trading.",
    "Analysts had expected a small step.",
)


def corpus(folder: Path) -> dict[str, float]:
    scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    return {metric["name"]: metric["score"] for metric in scores["corpus"]["sentence_metrics"]}


def test_a_run_is_read_back_with_its_lines_scores_and_signatures(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", {"001": GOOD, "002": OTHER})
    run = load_run(folder)
    assert run.name == str(folder)
    assert run.models == ("qwen@cc324af070c2",)
    assert run.reference == REFERENCE
    assert run.scores == corpus(folder)
    assert run.signatures["BLEU"].startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")
    first, second = run.documents
    assert first.hypotheses == GOOD
    assert first.is_scored
    assert list(first.aligned.lines) == list(zip(GOOD, REFERENCE, strict=True))
    assert not second.is_scored
    assert "covers 0 % of the reference" in second.aligned.note


def test_runs_that_align_alike_have_the_units_and_scores_of_their_lines(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name, {"001": texts}) for name, texts in (("a", GOOD), ("b", POOR))]
    comparison = compare_runs([load_run(run) for run in runs], resamples=100, trials=200)
    assert [unit.reference for unit in comparison.units] == list(REFERENCE)
    assert [unit.hypotheses for unit in comparison.units] == list(zip(GOOD, POOR, strict=True))
    assert comparison.metrics == ("BLEU", "chrF2")
    for system, folder in zip(comparison.systems, runs, strict=True):
        assert {s.name: round(s.score, 2) for s in system.scores} == corpus(folder)
    assert comparison.systems[0].differences == ()
    worse = comparison.systems[1].differences
    assert [d.metric for d in worse] == ["BLEU", "chrF2"]
    assert all(d.lines == 10 and d.is_worse(0.05) for d in worse)
    assert comparison.notes == comparison.left_out == ()


def test_beads_are_merged_until_all_runs_share_their_boundaries(tmp_path: Path) -> None:
    joined = (*GOOD[:3], f"{GOOD[3][:-1]}, and {GOOD[4][0].lower()}{GOOD[4][1:]}", *GOOD[5:])
    runs = [load_run(write_run(tmp_path / n, {"001": t})) for n, t in (("a", GOOD), ("b", joined))]
    units = pair_runs(runs).units
    assert [unit.indices for unit in units] == [(0,), (1,), (2,), (3, 4), (5,), (6,), (7,), (8,), (9,)]
    assert units[3].hypotheses == (f"{GOOD[3]} {GOOD[4]}", joined[3])
    assert units[3].reference == f"{REFERENCE[3]} {REFERENCE[4]}"
    assert units[3].segments == (("001.b1.s4", "001.b1.s5"), ("001.b1.s4",))


def test_a_run_gains_nothing_by_what_it_leaves_out(tmp_path: Path) -> None:
    short = (*GOOD[:4], *GOOD[7:])
    runs = [load_run(write_run(tmp_path / n, {"001": t})) for n, t in (("a", GOOD), ("b", short))]
    # Its own scores leave the missing part out, since it covers less than nine tenths.
    assert runs[1].documents[0].aligned.note.startswith("aligned part only")
    units = pair_runs(runs).units
    assert len(units) == 10
    assert [unit.hypotheses[1] for unit in units[3:8]] == [GOOD[3], "", "", "", GOOD[7]]
    (chrf,) = compare_runs(runs, ["chrf"], resamples=50, trials=50).systems[1].differences
    assert chrf.improvement < -15


def test_what_was_added_counts_against_a_run(tmp_path: Path) -> None:
    chatter = "Here is the translation that you asked me for, my friend."
    longer = (*GOOD[:5], chatter, *GOOD[5:])
    runs = [load_run(write_run(tmp_path / n, {"001": t})) for n, t in (("a", GOOD), ("b", longer))]
    units = pair_runs(runs).units
    assert [unit.hypotheses[1] for unit in units][4] == f"{GOOD[4]} {chatter}"
    assert len(units) == 10
    (bleu,) = compare_runs(runs, ["bleu"], resamples=50, trials=50).systems[1].differences
    assert bleu.improvement < 0


def test_documents_that_not_all_runs_have_scored_are_left_out_by_name(tmp_path: Path) -> None:
    first = load_run(write_run(tmp_path / "a", {"001": GOOD, "002": GOOD, "003": OTHER, "004": GOOD}))
    second = load_run(write_run(tmp_path / "b", {"001": POOR, "002": OTHER, "003": OTHER}))
    pairing = pair_runs([first, second])
    assert pairing.documents == ("001",)
    assert {unit.document for unit in pairing.units} == {"001"}
    assert [note.replace(str(tmp_path), "") for note in pairing.left_out] == [
        "document 002: in /b not scored: covers 0 % of the reference",
        "document 004: not in /b",
    ]


def refused(*runs: RunScores) -> str:
    with pytest.raises(ScoreError) as caught:
        compare_runs(list(runs))
    assert caught.value.exit_code == 1
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_runs_against_different_references_are_refused_and_both_are_named(tmp_path: Path) -> None:
    first = load_run(write_run(tmp_path / "a", {"001": GOOD}))
    other = load_run(write_run(tmp_path / "b", {"001": GOOD}, reference=POOR, path="poor.txt"))
    message = refused(first, other)
    assert f"{tmp_path}/a and {tmp_path}/b were scored against different references" in message
    assert "reference.txt, 10 sentences, sha256" in message
    assert "poor.txt, 10 sentences, sha256" in message
    assert message.endswith("run one of them again with the reference of the other")


def test_runs_with_different_signatures_are_refused_but_an_interval_makes_none(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / name, {"001": GOOD}) for name in ("a", "b")]
    path = folders[1] / "scores.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("bs:1000|seed:12345", "bs:500|seed:7"), encoding="utf-8")
    assert compare_runs([load_run(f) for f in folders], resamples=50, trials=50).metrics == ("BLEU", "chrF2")
    path.write_text(text.replace("tok:13a", "tok:intl"), encoding="utf-8")
    message = refused(*map(load_run, folders))
    assert "have different signatures of BLEU: nrefs:1|case:mixed|eff:no|tok:13a|" in message
    assert "and nrefs:1|case:mixed|eff:no|tok:intl|" in message
    assert compare_runs([load_run(f) for f in folders], ["chrf"], resamples=9, trials=9).metrics == ("chrF2",)


def test_a_metric_that_only_one_run_has_is_left_out_unless_it_is_asked_for(tmp_path: Path) -> None:
    first = load_run(write_run(tmp_path / "a", {"001": GOOD}, metrics=("BLEU", "chrF2", "TER")))
    second = load_run(write_run(tmp_path / "b", {"001": POOR}, metrics=("chrF2",)))
    comparison = compare_runs([first, second], resamples=50, trials=50)
    assert comparison.metrics == ("chrF2",)
    assert [note.replace(str(tmp_path), "") for note in comparison.left_out] == [
        "BLEU: not among the scores of /b",
        "TER: not among the scores of /b",
    ]
    asked = compare_runs([first, second], ["ter"], resamples=50, trials=50)
    assert asked.metrics == ("TER",)
    assert asked.systems[1].differences[0].improvement < 0


def test_runs_without_a_document_in_common_are_refused(tmp_path: Path) -> None:
    first = load_run(write_run(tmp_path / "a", {"001": GOOD}))
    second = load_run(write_run(tmp_path / "b", {"002": GOOD}))
    assert "have scored no document in common (document 001: not in" in refused(first, second)
    nothing = load_run(write_run(tmp_path / "c", {"001": OTHER}))
    assert "c has no scores: no document covers enough of the reference" in refused(first, nothing)
    assert "one run alone cannot be compared" in refused(first)


def test_texts_that_changed_after_scoring_are_said_to(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / name, {"001": GOOD}) for name in ("a", "b")]
    segments = folders[1] / "001_text" / "segments.jsonl"
    text = segments.read_text(encoding="utf-8")
    segments.write_text(text.replace("a van", "an old van"), encoding="utf-8")
    comparison = compare_runs([load_run(folder) for folder in folders], resamples=50, trials=50)
    (note,) = comparison.notes
    assert note.startswith(f"the translations of {folders[1]} have changed since it was scored")
    assert comparison.systems[1].differences[0].changed == 1


def damage(folder: Path, name: str, before: str, after: str) -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "before", "after", "message"),
    [
        ("scores.json", '"schema": 1', '"schema": 99', r"scores.json has schema 99, this version.*reads 1"),
        ("manifest.json", '"schema": 1', '"schema": 0', r"manifest.json has schema 0"),
        ("reference.txt", "village", "town", r"reference.txt is not the reference that the scores were made"),
        ("scores.json", "{", "", r"scores.json is not JSON"),
        ("scores.json", '"documents"', '"texts"', r"its files are damaged \(KeyError"),
        ("001_text/reference.jsonl", '"index"', '"place"', r"its files are damaged \(KeyError"),
        (
            "001_text/reference.jsonl",
            '"index": [0]',
            '"index": [77]',
            r"sentence that the reference does not",
        ),
    ],
)
def test_a_damaged_run_is_one_line_that_names_it(
    name: str, before: str, after: str, message: str, tmp_path: Path
) -> None:
    folder = write_run(tmp_path / "run", {"001": GOOD})
    damage(folder, name, before, after)
    with pytest.raises(DocumentError, match=message) as caught:
        load_run(folder)
    assert str(folder) in str(caught.value)
    assert caught.value.exit_code == 1
    assert "run `mtalign run` again" in str(caught.value)


def test_what_is_no_run_or_has_no_reference_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere is not the output folder of a run: there is no such fold"):
        load_run(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"empty is not the output folder of a run: there is no manifest"):
        load_run(tmp_path / "empty")
    folder = write_run(tmp_path / "run", {"001": GOOD})
    (folder / "reference.txt").unlink()
    with pytest.raises(MtalignError, match=r"written by an earlier version of mtalign, which kept no ref"):
        load_run(folder)
    scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    (folder / "scores.json").write_text(json.dumps({**scores, "reference": None}))
    with pytest.raises(ScoreError, match=r"run without a reference, so it has no scores; name one under"):
        load_run(folder)

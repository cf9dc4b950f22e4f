"""What a run is held to, and what becomes of it: met, missed or undecided, by how much, where to look."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gate_samples import write_gate_run
from run_samples import GOOD, POOR, write_run

from mtalign.errors import DocumentError, ScoreError, UsageError
from mtalign.gate import Criterion, Gate, Outcome, Regression, Thresholds, parse_requirement
from mtalign.gate.result import gate_from_json
from mtalign.job.gate import hold
from mtalign.job.regression import check_reference, compare_with_baseline, load_baseline
from mtalign.report.payload import read_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_gate_run(tmp_path_factory.mktemp("gate"), left_out=("docs/x.txt is not UTF-8",))


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A run whose document 001 is scored, and whose document 002 is another article."""
    other = ("The bank left its rates unchanged.", "Shares fell.", "Analysts had expected a step.")
    return write_run(tmp_path_factory.mktemp("scored") / "run", {"001": GOOD, "002": other})


def of(folder: Path, *requirements: str) -> dict[str, Criterion]:
    thresholds = Thresholds().with_limits(map(parse_requirement, requirements))
    return {criterion.name: criterion for criterion in hold(read_run(folder), thresholds).criteria}


def test_a_run_that_nothing_is_said_of_is_held_to_no_failed_segment_and_no_document_left_out(folder, scored):
    found = of(folder)
    assert list(found) == ["failed", "left_out"]
    assert found["failed"].outcome is Outcome.MISSED
    assert found["failed"].message == "1 failed segment of 8, must be at most 0: misses it by 1"
    assert found["failed"].segments == ("001.b3.s2",)
    assert found["failed"].pages == ("001_village/index.html#status=failed",)
    assert found["left_out"].message == (
        "1 document left out (docs/x.txt is not UTF-8), must be at most 0: misses it by 1"
    )
    assert all(criterion.outcome is Outcome.MET for criterion in of(scored).values())


@pytest.mark.parametrize(
    ("requirement", "outcome", "says"),
    [
        ("failed<=1", "met", "1 failed segment of 8, must be at most 1"),
        ("failed<=15%", "met", "1 failed segment of 8 (12 %), must be at most 15 %"),
        ("failed<=10%", "missed", "misses it by 2.5 percentage points"),
        ("documents.002.failed<=0", "met", "0 failed segments of 2"),
        ("documents.001.failed<=0", "missed", "1 failed segment of 6"),
        ("left_out<=1", "met", "1 document left out"),
        ("left_out<=10%", "missed", "misses it by 23.3 percentage points"),
        ("quality.mean>=0.7", "met", "mean estimated quality 0.729, must be at least 0.700"),
        ("quality.mean>=0.8", "missed", "misses it by 0.071"),
        ("quality.below.0.5<=2", "met", "2 segments of 7 with estimated quality below 0.5"),
        ("quality.below.0.5<=1", "missed", "misses it by 1"),
        ("quality.below.0.4<=1", "met", "1 segment of 7"),
        ("quality.below.0.5<=20%", "missed", "(29 %), must be at most 20 %: misses it by 8.57 percent"),
        ("flags.number<=3", "met", "flag number: 3 in 2 segments"),
        ("flags.number<=2", "missed", "flag number: 3 in 2 segments, must be at most 2: misses it by 1"),
        ("flags.number<=25%", "missed", "flag number: in 2 of 7 segments (29 %)"),
        ("flags.markup<=0", "met", "flag markup: 0 in 0 segments"),
        ("severity.error<=0", "missed", "flags of severity error: 1 in 1 segment"),
        ("severity.info<=1", "met", "flags of severity info: 1 in 1 segment"),
        ("chrf>=10", "missed", "chrF2 was not computed (the run has no reference), must be at least 10.00"),
        ("glossary.rate>=90%", "missed", "glossary hit rate was not computed (the run has no glossary)"),
        ("documents.007.chrf>=10", "missed", "chrF2: no document 007 in this run"),
    ],
)
def test_each_threshold_says_what_the_run_has_and_by_how_much_it_misses(folder, requirement, outcome, says):
    name = parse_requirement(requirement).name
    criterion = of(folder, requirement)[name]
    assert (criterion.outcome.value, says in criterion.message) == (outcome, True), criterion.message


def test_a_missed_threshold_leads_to_the_worst_segments_and_to_the_filtered_page(folder):
    found = of(folder, "flags.number<=2", "quality.below.0.5<=0", "severity.error<=0", "quality.mean>=0.9")
    flags = found["flags.number"]
    # Document 001 has the segment with an error; it stands first, and so does its page.
    assert (flags.segments, flags.concerned) == (("001.b2.s2", "002.b2.s1"), 2)
    assert flags.pages == (
        "001_village/index.html#flag=number&order=worst",
        "002_people/index.html#flag=number&order=worst",
    )
    assert found["quality.below.0.5"].pages[0] == "001_village/index.html#quality=0-0.5&order=worst"
    assert found["severity.error"].pages == ("001_village/index.html#severity=error&order=worst",)
    assert found["quality.mean"].segments[:2] == ("001.b2.s2", "002.b2.s1")


def test_what_is_met_leads_nowhere(folder):
    found = of(folder, "flags.number<=3")["flags.number"]
    assert (found.segments, found.concerned, found.pages) == ((), 0, ())


def test_scores_are_held_to_their_thresholds_at_their_level(scored):
    corpus = json.loads((scored / "scores.json").read_text(encoding="utf-8"))["corpus"]
    chrf = next(m["score"] for m in corpus["metrics"] if m["name"] == "chrF2")
    lines = next(m["score"] for m in corpus["sentence_metrics"] if m["name"] == "chrF2")
    assert lines != chrf
    found = of(scored, f"chrf>={chrf}", f"sentence_metrics.chrf>={lines + 0.5}", "documents.001.bleu>=20")
    assert found["metrics.chrF2"].outcome is Outcome.MET
    sentence = found["sentence_metrics.chrF2"]
    assert (sentence.outcome, sentence.value) == (Outcome.MISSED, lines)
    assert sentence.message.startswith(
        f"chrF2 (sentence level) {lines:.2f}, must be at least {lines + 0.5:.2f}"
    )
    assert sentence.message.endswith("misses it by 0.50")
    assert found["documents.001.BLEU"].document == "001"


def test_a_missed_score_leads_to_the_lines_that_score_worst(scored):
    rows = (scored / "001_text/reference.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    worst = min(map(json.loads, rows), key=lambda row: row["metrics"]["chrF2"])
    found = of(scored, "chrf>=99")["metrics.chrF2"]
    assert found.segments[0] == worst["source"][0]
    assert found.concerned == len(GOOD)
    assert found.pages == ("001_text/index.html#reference=1&order=worst&diff=words",)


def test_a_score_that_was_not_computed_is_missed_and_says_why(scored):
    found = of(scored, "ter<=90", "chrf++>=1", "documents.*.chrf>=10", "documents.002.coverage>=0.5")
    assert "add it to metrics in [reference]" in found["metrics.TER"].message
    assert "chrF2++ was not computed (the run has BLEU, chrF2: add" in found["metrics.chrF2++"].message
    assert [found[f"documents.{name}.chrF2"].outcome.value for name in ("001", "002")] == ["met", "missed"]
    assert found["documents.002.chrF2"].message == (
        "002 chrF2 was not computed (not scored: covers 0 % of the reference), must be at least 10.00"
    )
    assert found["documents.002.coverage"].message.endswith(
        "must be at least 50 %: misses it by 50 percentage points"
    )
    assert found["documents.002.coverage"].message.startswith("002 covers 0 % of the reference, must be")
    assert all(one.value is None for one in found.values() if "not computed" in one.message)


# -- regression ---------------------------------------------------------------------------------------


def against(baseline: Path, run: Path, **settings) -> dict[str, Criterion]:
    regression = Regression(str(baseline), **settings)
    return {one.name: one for one in compare_with_baseline(run, read_run(run), regression, Path())}


def test_a_real_drop_is_missed_with_its_p_value_and_the_segments_that_fell_most(tmp_path):
    baseline, run = (write_run(tmp_path / n, {"001": t}) for n, t in (("before", GOOD), ("now", POOR)))
    found = against(baseline, run, metrics=("chrF2",))
    chrf = found["regression.chrF2"]
    assert chrf.outcome is Outcome.MISSED
    assert chrf.details["p_value"] <= 0.05
    assert chrf.value == pytest.approx(chrf.details["baseline"]["score"] - chrf.details["score"], abs=1e-3)
    assert chrf.value > 15
    assert f"{baseline} " in chrf.message
    assert "on the same 10 lines" in chrf.message
    assert "more than chance at p ≤ 0.05" in chrf.message
    assert chrf.pages == ("001_text/index.html#reference=1&order=worst&diff=words",)
    assert len(chrf.segments) == 10
    assert found["regression.documents"].outcome is Outcome.MET


def test_noise_is_no_regression(tmp_path):
    # One sentence of ten became worse, another better: nothing that a test could tell from chance.
    now = (POOR[0], "The church was built in 1840 by the farmers themselves.", *GOOD[2:])
    baseline, run = (write_run(tmp_path / n, {"001": t}) for n, t in (("before", GOOD), ("now", now)))
    chrf = against(baseline, run)["regression.chrF2"]
    assert chrf.outcome is Outcome.MET
    assert chrf.value > 1
    assert "no more than chance at p ≤ 0.05" in chrf.message


def test_a_drop_that_is_allowed_or_no_drop_is_met(tmp_path):
    baseline, run = (write_run(tmp_path / n, {"001": t}) for n, t in (("before", GOOD), ("now", POOR)))
    assert "within the 60 that are allowed" in against(baseline, run, drop=60.0)["regression.chrF2"].message
    better = against(run, baseline)
    assert {one.outcome for one in better.values()} == {Outcome.MET}
    assert "no worse" in better["regression.chrF2"].message
    assert {one.outcome for one in against(run, run).values()} == {Outcome.MET}


def test_a_document_that_is_not_scored_any_more_is_missed(tmp_path):
    baseline = write_run(tmp_path / "before", {"001": GOOD, "002": GOOD})
    run = write_run(tmp_path / "now", {"001": GOOD, "002": GOOD[:3]})
    found = against(baseline, run)["regression.documents"]
    assert found.outcome is Outcome.MISSED
    assert "1 of the 2 documents" in found.message
    assert "002: not scored: covers" in found.message


def test_a_run_that_covers_the_reference_no_more_is_missed(tmp_path):
    baseline = write_run(tmp_path / "before", {"001": GOOD})
    run = write_run(tmp_path / "now", {"001": GOOD[:3]})
    (found,) = against(baseline, run).values()
    assert (found.name, found.outcome) == ("regression.documents", Outcome.MISSED)
    assert "0 of the 1 documents" in found.message


def test_too_few_lines_for_a_test_is_undecided_not_passed(tmp_path):
    few = [write_run(tmp_path / n, {"001": t[:4]}, reference=GOOD[:4]) for n, t in (("a", GOOD), ("b", POOR))]
    found = against(*few)["regression.chrF2"]
    assert found.outcome is Outcome.UNDECIDED
    assert "too few lines for a test" in found.message


def test_a_baseline_of_another_reference_or_signature_is_undecided_and_says_why(tmp_path):
    run = write_run(tmp_path / "now", {"001": GOOD})
    other = write_run(tmp_path / "other", {"001": GOOD}, reference=POOR, path="poor.txt")
    (found,) = against(other, run).values()
    assert (found.name, found.outcome) == ("regression", Outcome.UNDECIDED)
    assert "different references" in found.message
    signed = write_run(tmp_path / "signed", {"001": GOOD})
    path = signed / "scores.json"
    path.write_text(path.read_text(encoding="utf-8").replace("tok:13a", "tok:zh"), encoding="utf-8")
    (found,) = against(signed, run).values()
    assert found.outcome is Outcome.UNDECIDED
    assert "different signatures of BLEU" in found.message


def test_a_baseline_that_is_not_there_or_of_another_schema_is_one_error(tmp_path):
    with pytest.raises(UsageError, match="there is no such folder"):
        load_baseline(Regression("nowhere"), tmp_path)
    run = write_run(tmp_path / "now", {"001": GOOD})
    (found,) = against(Path("nowhere"), run).values()
    assert (found.outcome, "there is no such folder" in found.message) == (Outcome.UNDECIDED, True)
    old = write_run(tmp_path / "old", {"001": GOOD})
    path = old / "scores.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"schema": 1', '"schema": 7'), encoding="utf-8")
    with pytest.raises(DocumentError, match="has schema 7"):
        load_baseline(Regression("old"), tmp_path)
    assert load_baseline(Regression(), tmp_path) is None


def test_another_reference_is_told_before_anything_is_translated(tmp_path):
    known = load_baseline(Regression(str(write_run(tmp_path / "before", {"001": GOOD}))), Path())
    with pytest.raises(ScoreError, match=r"another reference \(reference.txt, 10 sentences, sha256 \w{12};"):
        check_reference(known, POOR)


def test_the_gate_in_scores_json_is_read_back_as_it_was(folder):
    gate = hold(read_run(folder), Thresholds().with_limits([parse_requirement("flags.number<=2")]))
    again = gate_from_json(json.loads(json.dumps(gate.to_json())), "scores.json")
    assert again == gate
    assert not again.passed
    assert len(again.missed) == 3
    assert Gate(()).passed


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"schema": 2, "criteria": []}, "its gate has schema 2, this version reads 1"),
        ({"schema": 1}, "is damaged"),
        ({"schema": 1, "criteria": [{"name": "x"}]}, "is damaged"),
        ({"schema": 1, "criteria": "x"}, "is damaged"),
    ],
)
def test_a_damaged_gate_is_refused(value, says):
    with pytest.raises(DocumentError, match=says):
        gate_from_json(value, "scores.json")

"""Paired bootstrap and approximate randomisation: sacreBLEU's numbers, and none where it is mistaken."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from run_samples import GOOD, POOR, REFERENCE

from mtalign.errors import ScoreError, UsageError
from mtalign.score import resampling
from mtalign.score.measured import PluginLines
from mtalign.score.metrics import measure
from mtalign.score.significance import PairedDifference, paired_differences

METRICS = ("BLEU", "chrF2", "chrF2++", "TER")


def systems(lines: int, poorer: float = 0.5) -> tuple[list[str], list[str], list[str]]:
    """A good and a poorer system's lines with their reference, each line with a number of its own."""
    draw = random.Random(4)
    good, poor, reference = [], [], []
    for number in range(lines):
        place = draw.randrange(10)
        reference.append(f"{REFERENCE[place]} {number}")
        good.append(f"{GOOD[place] if draw.random() < 0.7 else POOR[place]} {number}")
        poor.append(f"{POOR[place] if draw.random() < poorer else GOOD[place]} {number}")
    return good, poor, reference


def theirs(
    good: list[str], poor: list[str], reference: list[str], test: str, samples: int
) -> dict[str, list[Any]]:
    from sacrebleu.metrics import BLEU, CHRF, TER
    from sacrebleu.significance import PairedTest

    metrics = {
        "BLEU": BLEU(references=[reference]),
        "chrF2": CHRF(references=[reference]),
        "chrF2++": CHRF(word_order=2, references=[reference]),
        "TER": TER(references=[reference]),
    }
    return PairedTest([("good", good), ("poor", poor)], metrics, None, test_type=test, n_samples=samples)()[1]


@pytest.mark.parametrize("seed", [None, "7"])
def test_scores_and_p_values_are_those_of_sacrebleu_with_the_same_seed(
    seed: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SACREBLEU_SEED", raising=False)
    if seed:
        monkeypatch.setenv("SACREBLEU_SEED", seed)
    good, poor, reference = systems(75, 0.35)
    bootstrap = theirs(good, poor, reference, "bs", 300)
    randomization = theirs(good, poor, reference, "ar", 1000)
    first, second = (measure(lines, [reference], METRICS) for lines in (good, poor))
    found = paired_differences(first, second, resamples=300, trials=1000)
    assert [d.metric for d in found] == list(METRICS)
    for d in found:
        baseline, system = bootstrap[d.metric]
        assert (d.baseline, d.score) == (baseline.score, system.score)
        assert d.bootstrap == system.p_value
        assert d.randomization == randomization[d.metric][1].p_value
    # They must not all be at the least value that there is: that would be equal by accident.
    assert len({d.bootstrap for d in found} | {d.randomization for d in found}) > 3


def test_draws_in_pieces_are_the_draws_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    good, poor, reference = systems(45)
    first, second = (measure(lines, [reference], ["BLEU", "TER"]) for lines in (good, poor))
    whole = paired_differences(first, second, resamples=200, trials=500)
    monkeypatch.setattr(resampling, "_CHUNK_VALUES", 45 * 70)
    assert paired_differences(first, second, resamples=200, trials=500) == whole


def test_an_interval_holds_the_difference_and_its_sign_says_better_or_worse() -> None:
    good, poor, reference = systems(75)
    first, second = (measure(lines, [reference], ["chrF2", "TER"]) for lines in (good, poor))
    chrf, ter = paired_differences(first, second)
    for d in (chrf, ter):
        assert d.interval is not None
        assert d.interval[0] < d.difference < d.interval[1]
        assert d.improvement < 0
        assert d.is_worse(0.05)
    assert chrf.difference < 0 < ter.difference
    back = paired_differences(second, first)
    assert all(d.improvement > 0 and not d.is_worse() for d in back)
    assert [d.randomization for d in back] == [d.randomization for d in (chrf, ter)]


def one_changed(lines: int, changed: int) -> list[PairedDifference]:
    good, _, reference = systems(lines)
    other = [POOR[0] if number < changed else line for number, line in enumerate(good)]
    return paired_differences(
        measure(good, [reference], ["BLEU", "chrF2"]), measure(other, [reference], ["BLEU", "chrF2"])
    )


def test_a_system_beside_itself_does_not_differ() -> None:
    for d in one_changed(40, 0):
        assert (d.changed, d.difference, d.bootstrap, d.randomization) == (0, 0, 1.0, 1.0)


def test_a_change_of_one_line_is_never_significant() -> None:
    for d in one_changed(40, 1):
        assert d.changed == 1
        assert d.improvement < 0
        assert d.randomization == 1.0
        assert not d.is_worse(0.5)


def test_few_changed_lines_cannot_be_more_significant_than_their_number_allows() -> None:
    for d in one_changed(60, 5):
        assert d.changed == 5
        assert d.randomization is not None
        assert d.randomization > 0.05
    for d in one_changed(60, 12):
        assert d.is_worse(0.01)


def test_too_few_lines_have_no_p_value() -> None:
    for d in one_changed(5, 3):
        assert (d.bootstrap, d.randomization, d.interval) == (None, None, None)
        assert d.lines == 5
        assert not d.is_worse()
    assert all(d.randomization is not None for d in one_changed(6, 3))


def test_a_plug_in_is_tested_by_the_mean_of_its_segments() -> None:
    class Metric:
        name = "Errors"
        signature = "version:1"
        needs_sources = False
        lower_is_better = True

        def score_segments(self, hypotheses: Any, references: Any, sources: Any) -> list[float]:
            return []

    draw = np.random.default_rng(3)
    few, many = draw.uniform(0, 1, 50), draw.uniform(0.3, 1.3, 50)
    (d,) = paired_differences(
        [PluginLines(Metric(), few.tolist(), 1)], [PluginLines(Metric(), many.tolist(), 1)]
    )
    assert d.difference == pytest.approx(many.mean() - few.mean())
    assert d.lower_is_better
    assert d.is_worse(0.01)
    assert d.interval is not None
    assert d.interval[0] > 0


def test_what_is_not_paired_is_refused() -> None:
    good, poor, reference = systems(10)
    first = measure(good, [reference], ["BLEU"])
    with pytest.raises(ScoreError, match="different metrics"):
        paired_differences(first, measure(poor, [reference], ["chrF2"]))
    with pytest.raises(ScoreError, match="different numbers of lines"):
        paired_differences(first, measure(poor[:9], [reference[:9]], ["BLEU"]))


def test_a_seed_that_is_no_number_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SACREBLEU_SEED", "soon")
    good, poor, reference = systems(10)
    with pytest.raises(UsageError, match="SACREBLEU_SEED is 'soon', not a whole number; set it to a number"):
        paired_differences(measure(good, [reference], ["BLEU"]), measure(poor, [reference], ["BLEU"]))

"""The links of a missed gate, opened in Chromium: they show the segments that it is about."""

from __future__ import annotations

import pytest

from mtalign.gate import Thresholds, parse_requirement
from mtalign.job.gate import hold
from mtalign.report.payload import read_run


@pytest.mark.parametrize(
    "requirement",
    ["flags.number<=0", "severity.warning<=0", "quality.below.0.3<=0", "documents.004.chrf>=99"],
)
def test_the_pages_of_a_missed_threshold_show_its_segments_and_no_others(visit, real_run, requirement):
    threshold = parse_requirement(requirement)
    gate = hold(read_run(real_run), Thresholds().with_limits([threshold]))
    (criterion,) = (one for one in gate.missed if one.name == threshold.name)
    if not criterion.segments:
        pytest.skip("the outputs in this repository have no scores of their lines yet")
    shown = []
    for page in criterion.pages:
        path, _, fragment = page.partition("#")
        visit.open(real_run / path, f"#{fragment}")
        shown += visit.shown()
    assert set(criterion.segments) <= set(shown)
    assert len(shown) == criterion.concerned

"""Estimated quality: monotone in every signal, absent where nothing can be said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mtalign.checks.coverage import Similarity, check_coverage
from mtalign.document import Flag, Segment, Severity, Status, Translation
from mtalign.embed import load_embedder
from mtalign.job.estimates import estimate_qualities
from mtalign.languages import parse_language
from mtalign.quality import Signals, estimate_quality, measure, signals_of
from mtalign.quality.estimate import SIGNALS, weights

MIDDLE = Signals(0.7, 0.0, 0.0, -0.1, -1.0, 0.0, -0.4)


@pytest.mark.parametrize("name", SIGNALS)
def test_a_better_signal_never_lowers_the_estimate(name):
    values = [getattr(MIDDLE, name) + step / 20 for step in range(-60, 61)]
    estimates = [estimate_quality(replace(MIDDLE, **{name: value})) for value in values]
    assert all(0 <= one <= 1 for one in estimates)
    assert estimates == sorted(estimates)


def test_no_weight_points_the_wrong_way_and_those_that_matter_count():
    table = weights()
    assert all(table[name]["weight"] >= 0 for name in SIGNALS)
    assert all(table[name]["weight"] > 0 for name in ("cosine", "warnings", "errors"))


def test_without_similarity_there_is_no_estimate():
    assert estimate_quality(replace(MIDDLE, cosine=None)) is None


def test_flags_lower_the_estimate():
    german = parse_language("de")
    similar = Similarity(0.8, -0.1, -0.1)
    texts = ("Heute regnet es in ganz Japan.", "It is raining all over Japan today.", german)
    flag = Flag("number", Severity.WARNING, "x")
    clean, flagged = (estimate_quality(signals_of(*texts, flags, similar)) for flags in ((), (flag,)))
    assert clean is not None
    assert flagged is not None
    assert flagged < clean


def test_a_missing_sentence_and_another_text_are_seen_by_the_vectors():
    source = "Der Minister besuchte gestern Tokio. Die Preise für Brot und Milch sind stark gestiegen."
    whole = "The minister visited Tokyo yesterday. Prices for bread and milk have risen sharply."
    embedder = load_embedder()
    full, lost, other = measure(
        [source] * 3, [whole, "The minister visited Tokyo yesterday.", "My cat likes fish."], embedder
    )
    assert check_coverage(full) == []
    assert [flag.name for flag in check_coverage(lost)] == ["uncovered"]
    assert [flag.name for flag in check_coverage(other)] == ["unrelated"]
    assert full.cosine == pytest.approx(
        float(embedder.encode([source])[0] @ embedder.encode([whole])[0]), abs=1e-5
    )


def test_every_translated_segment_of_a_known_language_gets_an_estimate_and_no_other():
    def segment(number: int, text: str, language: str) -> Segment:
        return Segment(f"d.b1.s{number}", "d", "d.b1", text, 0, len(text), language)

    segments = [
        segment(1, "일본은 오늘 비가 온다.", "ko"),
        segment(2, "Japan ina mvua leo.", "sw"),
        segment(3, "일본은 맑다.", "ko"),
    ]
    translations = {
        "d.b1.s1": Translation("d.b1.s1", Status.TRANSLATED, "It is raining in Japan today."),
        "d.b1.s2": Translation("d.b1.s2", Status.TRANSLATED, "It is raining in Japan today."),
        "d.b1.s3": Translation("d.b1.s3", Status.FAILED, None, failure="no"),
    }
    flagged, qualities = estimate_qualities(segments, translations, load_embedder())
    assert set(qualities) == {"d.b1.s1"}
    assert 0 < qualities["d.b1.s1"] < 1
    assert flagged["d.b1.s2"] == translations["d.b1.s2"]

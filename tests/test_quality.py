"""Estimated quality: monotone in every signal, absent where nothing can be said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtalign.checks.coverage import Similarity, check_coverage, check_sentence_coverage
from mtalign.document import Flag, Segment, Severity, Status, Translation
from mtalign.embed import load_embedder
from mtalign.job.estimates import estimate_qualities
from mtalign.languages import ENGLISH, parse_language
from mtalign.quality import (
    Signals,
    estimate_quality,
    measure,
    measure_sentences,
    signals_of,
)
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


SOURCE = (
    "Der Minister besuchte gestern Tokio. Die Preise für Brot und Milch sind stark gestiegen."
    " Unsere Katze frisst am liebsten Fisch."
)
SENTENCES = (
    "The minister visited Tokyo yesterday.",
    "Prices for bread and milk have risen sharply.",
    "Our cat likes fish best.",
)


def sentence_flags(source: str, translation: str) -> list[Flag]:
    pair = (source, translation, parse_language("de"), ENGLISH)
    (signs,) = measure_sentences([pair], load_embedder())
    return check_sentence_coverage(signs.source, signs.translation)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_sentence_that_was_dropped_is_named_by_its_characters(place):
    (flag,) = sentence_flags(SOURCE, " ".join(s for n, s in enumerate(SENTENCES) if n != place))
    assert (flag.name, flag.severity) == ("uncovered", Severity.WARNING)
    assert flag.source_span is not None
    start, end = flag.source_span
    assert SOURCE[start:end] == SOURCE.split(". ")[place].rstrip(".") + "."


@pytest.mark.parametrize("place", [0, 2])
def test_a_sentence_that_was_added_is_named_by_its_characters(place):
    extra = "The Romans built this bridge two thousand years ago."
    translation = " ".join([*SENTENCES[:place], extra, *SENTENCES[place:]])
    (flag,) = sentence_flags(SOURCE, translation)
    assert flag.name == "added"
    assert flag.translation_span is not None
    assert translation[slice(*flag.translation_span)] == extra


def test_sentences_that_are_all_there_or_joined_have_no_flag():
    assert sentence_flags(SOURCE, " ".join(SENTENCES)) == []
    joined = f"{SENTENCES[0][:-1]}, while prices for bread and milk have risen sharply. {SENTENCES[2]}"
    assert sentence_flags(SOURCE, joined) == []


def test_texts_of_one_sentence_and_other_embedders_have_no_signs_of_sentences():
    german = parse_language("de")
    one = ("Unsere Katze frisst am liebsten Fisch.", SENTENCES[2], german, ENGLISH)
    two = (SOURCE, SENTENCES[2], german, ENGLISH)

    class Plain:
        name, fingerprint, dimension = "plain", "plain", 2

        def encode(self, texts):
            raise AssertionError("nothing is to be encoded")

    for (signs,) in (measure_sentences([one], load_embedder()), measure_sentences([two], Plain())):
        assert (signs.source, signs.translation) == ((), ())


def test_a_headline_that_lost_its_end_is_seen_by_its_length_and_likeness():
    source = "Bürgermeister eröffnet nach langem Streit das neue Museum für moderne Kunst"
    whole = "Mayor opens new museum of modern art after long dispute"
    pairs = [(source, text, parse_language("de"), ENGLISH) for text in (whole, whole[:16])]
    embedder = load_embedder()
    similarities = measure([source] * 2, [pair[1] for pair in pairs], embedder)
    found = [
        [flag.name for flag in check_coverage(similarity, excess=signs.excess)]
        for similarity, signs in zip(similarities, measure_sentences(pairs, embedder), strict=True)
    ]
    assert found == [[], ["uncovered"]]


def test_an_embedder_without_clauses_does_not_say_what_is_missing():
    class Plain:
        name, fingerprint, dimension = "plain", "plain", 2

        def encode(self, texts):
            return np.eye(2, dtype=np.float32)[: len(texts)]

    (similarity,) = measure(["Die Katze schläft heute lange."], ["The cat"], Plain())
    assert not similarity.by_clause
    assert [f.name for f in check_coverage(replace(similarity, cosine=0.5), excess=-1.0)] == []


def test_a_run_says_which_sentence_of_a_segment_is_missing():
    segment = Segment("d.b1.s1", "d", "d.b1", SOURCE, 0, len(SOURCE), "de")
    lost = Translation("d.b1.s1", Status.TRANSLATED, f"{SENTENCES[0]} {SENTENCES[2]}")
    flagged, _ = estimate_qualities([segment], {"d.b1.s1": lost}, load_embedder())
    (flag,) = [flag for flag in flagged["d.b1.s1"].flags if flag.name == "uncovered"]
    assert flag.source_span is not None
    assert SOURCE[slice(*flag.source_span)].startswith("Die Preise")


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

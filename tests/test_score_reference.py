"""Scoring a document against a reference that does not match it line by line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mtalign.embed import Embedder, load_embedder
from mtalign.errors import ScoreError
from mtalign.score import corpus_scores
from mtalign.score.metrics import DEFAULT_METRICS
from mtalign.score.reference import (
    MIN_COVERAGE,
    ReferenceScore,
    align_with_reference,
    score_aligned,
    topical_similarity,
)

SEED = Path(__file__).resolve().parents[1] / "seeds" / "004_2c9f4eca55af6f73.txt"

OFF_TOPIC = (
    "The museum opened a new exhibition of Korean pottery on Saturday.",
    "Visitors queued for two hours in the rain.",
    "Tickets cost 15 euros, and children under six are admitted free of charge.",
    "The director said that the vases had never been shown in Europe.",
    "Some of them are more than eight hundred years old.",
    "A catalogue is available in three languages.",
    "The exhibition runs until the end of March.",
)


def aligned_and_scored(
    hypothesis: list[str],
    reference: list[str],
    *,
    embedder: Embedder,
    metrics: Sequence[str] = DEFAULT_METRICS,
    min_coverage: float = MIN_COVERAGE,
) -> ReferenceScore:
    aligned = align_with_reference(hypothesis, reference, embedder=embedder, min_coverage=min_coverage)
    return score_aligned([aligned], metrics=metrics)[0][0]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder("use")


@pytest.fixture(scope="module")
def reference() -> list[str]:
    text = SEED.read_text(encoding="utf-8")
    abstract = text.split("\n")[12]
    assert abstract.startswith("Since NATO’s establishment")
    return [sentence for sentence in re.split(r"(?<=\.)\s*(?=[A-Z])", abstract) if sentence]


def paraphrase(sentence: str) -> str:
    for old, new in (
        ("cooperation", "collaboration"),
        ("the sphere of", "the area of"),
        ("This", "That"),
        ("has", "had"),
        ("growing", "increasing"),
    ):
        sentence = sentence.replace(old, new)
    return sentence


def test_the_reference_has_nineteen_sentences(reference: list[str]) -> None:
    assert len(reference) == 19


def test_a_document_with_the_translation_inside_covers_the_reference(
    embedder: Embedder, reference: list[str]
) -> None:
    own = [paraphrase(sentence) for sentence in reference]
    document = [
        "Ways to develop cooperation between NATO and Japan",
        *own[:4],
        f"{own[4]} {own[5]}",
        *own[6:9],
        *re.split(r"(?<=,) ", own[9], maxsplit=1),
        *own[10:],
        "Request the full text",
        "Click here to download the paper free of charge.",
    ]
    result = aligned_and_scored(document, reference, embedder=embedder)
    assert result.coverage.reference == pytest.approx(1)
    assert result.coverage.reference_sentences == (19, 19)
    assert result.coverage.hypothesis_sentences[1] == len(document)
    assert ((5,), (4, 5)) in [(bead.source, bead.target) for bead in result.beads]
    assert all(0.4 <= bead.score <= 1 for bead in result.beads)
    assert [score.name for score in result.metrics] == ["BLEU", "chrF2"]
    assert [score.name for score in result.sentence_metrics] == ["BLEU", "chrF2", "TER"]
    assert 60 < result.metrics[0].score < 100
    assert result.note.startswith("whole reference: covers 100 %")


def test_the_reference_itself_scores_one_hundred(embedder: Embedder, reference: list[str]) -> None:
    result = aligned_and_scored(reference, reference, embedder=embedder, metrics=("BLEU", "TER"))
    assert result.metrics[0].score == pytest.approx(100)
    assert result.sentence_metrics[1].score == 0
    assert [bead.source for bead in result.beads] == [(number,) for number in range(19)]


@pytest.mark.parametrize("repeat", [1, 20])
def test_another_article_is_not_scored(embedder: Embedder, reference: list[str], repeat: int) -> None:
    document = [sentence for _ in range(repeat) for sentence in OFF_TOPIC]
    result = aligned_and_scored(document, reference, embedder=embedder)
    assert result.metrics == ()
    assert result.coverage.reference < 0.06
    assert re.fullmatch(r"not scored: covers \d % of the reference", result.note)
    assert 0 <= result.topical_similarity < 0.5


def test_leaving_bad_sentences_out_does_not_raise_the_score(embedder: Embedder, reference: list[str]) -> None:
    own = [paraphrase(sentence) for sentence in reference]
    whole = aligned_and_scored(own, reference, embedder=embedder, metrics=("chrF2",))
    less = aligned_and_scored([*own[:7], *own[8:]], reference, embedder=embedder, metrics=("chrF2",))
    assert less.coverage.reference > 0.9
    assert less.metrics[0].score < whole.metrics[0].score
    assert ("", reference[7]) in less.lines
    assert "sentences missing, counted as empty: 1" in less.note


def test_added_sentences_inside_count_and_outside_do_not(embedder: Embedder, reference: list[str]) -> None:
    around = [OFF_TOPIC[0], *reference, OFF_TOPIC[3]]
    inside = [*reference[:9], OFF_TOPIC[2], *reference[9:]]
    assert aligned_and_scored(around, reference, embedder=embedder).metrics[0].score == pytest.approx(100)
    result = aligned_and_scored(inside, reference, embedder=embedder)
    assert result.metrics[0].score < 99
    assert "counted as added: 1" in result.note


def test_half_a_translation_is_scored_on_its_part_and_says_so(
    embedder: Embedder, reference: list[str]
) -> None:
    result = aligned_and_scored(reference[:13], reference, embedder=embedder, metrics=("BLEU",))
    assert 0.5 < result.coverage.reference < 0.9
    assert result.coverage.reference_sentences == (13, 19)
    assert result.metrics[0].score == pytest.approx(100)
    assert (
        result.note == f"aligned part only: covers {100 * result.coverage.reference:.0f} % of the reference"
    )
    strict = aligned_and_scored(reference[:13], reference, embedder=embedder, min_coverage=0.9)
    assert strict.metrics == ()


def test_metrics_are_those_of_the_lines_given(embedder: Embedder, reference: list[str]) -> None:
    own = [paraphrase(sentence) for sentence in reference]
    result = aligned_and_scored(own, reference, embedder=embedder, metrics=("BLEU", "chrF2++"))
    hypotheses, references = zip(*result.lines, strict=True)
    assert list(result.sentence_metrics) == corpus_scores(hypotheses, [references], ["BLEU", "chrF2++"])


def test_the_document_level_is_the_whole_text_as_one_line(embedder: Embedder, reference: list[str]) -> None:
    own = [paraphrase(sentence) for sentence in reference]
    result = aligned_and_scored(own, reference, embedder=embedder, metrics=("BLEU", "chrF2"))
    whole = " ".join(own), " ".join(reference)
    assert list(result.metrics) == corpus_scores([whole[0]], [[whole[1]]], ["BLEU", "chrF2"])


def test_a_dropped_sentence_costs_at_the_document_level_too(embedder: Embedder, reference: list[str]) -> None:
    whole, short = (
        aligned_and_scored(own, reference, embedder=embedder, metrics=("chrF2",)).metrics[0].score
        for own in (reference, reference[:8] + reference[9:])
    )
    assert short < whole - 1


def test_the_json_entry_has_the_documented_shape(embedder: Embedder, reference: list[str]) -> None:
    entry = aligned_and_scored(reference, reference, embedder=embedder, metrics=("BLEU",)).to_json()
    assert list(entry) == ["metrics", "sentence_metrics", "coverage", "topical_similarity", "note"]
    assert {"name", "score", "signature", "verbose_score", "nrefs"} <= set(entry["metrics"][0])
    assert entry["coverage"] == {
        "reference": 1.0,
        "hypothesis": 1.0,
        "reference_sentences": [19, 19],
        "hypothesis_sentences": [19, 19],
    }


def test_no_translation_covers_nothing_and_an_empty_reference_is_an_error(
    embedder: Embedder, reference: list[str]
) -> None:
    result = aligned_and_scored([], reference, embedder=embedder)
    assert (result.metrics, result.coverage.reference, result.coverage.hypothesis) == ((), 0, 0)
    assert result.topical_similarity == 0
    for empty in ([], [" ", ""]):
        with pytest.raises(ScoreError, match="the reference is empty"):
            aligned_and_scored(["Text."], empty, embedder=embedder)


def test_topical_similarity_is_the_cosine_of_the_mean_vectors(embedder: Embedder) -> None:
    first, second = OFF_TOPIC[:3], OFF_TOPIC[3:]
    means = [embedder.encode(texts).mean(axis=0) for texts in (first, second)]
    expected = means[0] @ means[1] / np.linalg.norm(means[0]) / np.linalg.norm(means[1])
    assert topical_similarity(first, second, embedder) == pytest.approx(float(expected), abs=1e-5)
    assert topical_similarity(first, first, embedder) == pytest.approx(1)

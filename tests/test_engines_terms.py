"""The seq2seq engines asked for terms: the n-best list of the beam, the same in both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from checkpoints import resolved, sample_requests
from test_engines import unseen_requests

from mtalign.engines import ctranslate2, transformers
from mtalign.engines.base import Decoding, Engine, Hypothesis, Request
from mtalign.engines.batching import N_BEST, choose
from mtalign.engines.registry import load_engine
from mtalign.glossary import Term, count_hits, holds

FAMILIES = ["marian", "nllb"]
NOWHERE = Term("x", ("zzzz",))
DECODING = Decoding(min_length=128)


@pytest.fixture
def load(request: pytest.FixtureRequest, family: str, converted_home: Path) -> Iterator[Callable[..., Any]]:
    """Loads the checkpoint of the test's family with an engine by name, and closes it after the test."""
    engines: list[Engine] = []
    path = request.getfixturevalue(f"{family}_checkpoint")

    def loader(name: str, **settings: Any) -> Any:
        if name == "ctranslate2":
            settings = {"home": converted_home, "workers": 1, "compute_type": "float32", **settings}
        engines.append(load_engine(name, resolved(path), **settings))
        return engines[-1]

    yield loader
    for engine in engines:
        engine.close()


def with_terms(requests: list[Request], *terms: Term) -> list[Request]:
    return [replace(request, terms=terms) for request in requests]


def n_best(
    engine: Any, requests: list[Request], monkeypatch: pytest.MonkeyPatch
) -> dict[str, list[Hypothesis]]:
    """What the engine had to choose from, by the request's text."""
    seen: dict[str, list[Hypothesis]] = {}

    def spy(request: Request, hypotheses: list[Hypothesis]) -> Hypothesis:
        seen[request.text] = list(hypotheses)
        return choose(request, hypotheses)

    with monkeypatch.context() as patch:
        patch.setattr(ctranslate2, "choose", spy)
        patch.setattr(transformers, "choose", spy)
        engine.translate(with_terms(requests, NOWHERE), DECODING)
    return seen


@pytest.mark.parametrize("family", FAMILIES)
def test_both_engines_have_the_same_list_in_the_same_order(
    load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [request for request, _ in sample_requests(10)] + unseen_requests(15)
    lists = [n_best(load(name), requests, monkeypatch) for name in ("ctranslate2", "transformers")]
    fast, reference = ({text: [h.token_ids for h in found] for text, found in one.items()} for one in lists)
    assert fast == reference
    assert {len(found) for found in fast.values()} == {N_BEST}
    assert all(len(set(found)) == N_BEST for found in fast.values())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_term_that_the_best_hypothesis_misses_is_taken_from_the_list(
    load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fast, reference = load("ctranslate2"), load("transformers")
    requests = [request for request, _ in sample_requests(6)] + unseen_requests(8)
    asked, expected = [], []
    for request in requests:
        hypotheses = n_best(fast, [request], monkeypatch)[request.text]
        finished = [one for one in hypotheses if one.finished]
        words = {word for one in finished[1:] for word in one.text.split() if word.isalpha()}
        missed = sorted(word for word in words if not holds(finished[0].text, word))
        if missed:
            asked.append(replace(request, terms=(Term("x", (missed[0],)),)))
            expected.append(next(one for one in finished if holds(one.text, missed[0])))
    assert len(asked) > 5, "the lists offer something to choose"
    plain = fast.translate([replace(request, terms=()) for request in asked], DECODING)
    found = fast.translate(asked, DECODING)
    assert [one.token_ids for one in found] == [one.token_ids for one in expected]
    assert all(count_hits(request.terms, one.text) == 1 for request, one in zip(asked, found, strict=True))
    assert all(one.text != other.text for one, other in zip(found, plain, strict=True))
    slow = reference.translate(asked, DECODING)
    assert [(one.text, one.tokens, one.finished) for one in slow] == [
        (one.text, one.tokens, one.finished) for one in found
    ]
    assert [one.score for one in slow] == pytest.approx([one.score for one in found], abs=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["ctranslate2", "transformers"])
def test_requests_with_terms_change_no_other_request_of_their_batch(
    name: str, load: Callable[..., Any]
) -> None:
    engine = load(name)
    requests = [request for request, _ in sample_requests(8)] + unseen_requests(8)
    mixed = [
        replace(request, terms=(NOWHERE,) if number % 2 else ()) for number, request in enumerate(requests)
    ]
    alone = [engine.translate([request], DECODING)[0] for request in mixed]
    together = engine.translate(mixed, DECODING)
    assert [one.token_ids for one in together] == [one.token_ids for one in alone]
    plain = engine.translate(requests, DECODING)
    assert [one.token_ids for one in together][::2] == [one.token_ids for one in plain][::2]


def hypothesis(text: str, *, finished: bool = True) -> Hypothesis:
    return Hypothesis(text, 3, finished)


def test_the_best_of_those_with_the_most_terms_is_chosen_and_one_cut_off_only_where_there_is_no_other() -> (
    None
):
    request = replace(sample_requests(1)[0][0], terms=(Term("x", ("book",)), Term("y", ("bridge", "span"))))
    nothing, book, span = hypothesis("A map."), hypothesis("A book."), hypothesis("The spans of books.")
    cut = hypothesis("The bridge, a book and", finished=False)
    assert choose(request, [nothing, book, span]) is span
    assert choose(request, [nothing, book, cut]) is book
    assert choose(request, [nothing, hypothesis("No map.")]) is nothing
    assert choose(request, [cut]) is cut

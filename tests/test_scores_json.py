"""``scores.json`` as documented: real outputs against the schema in ``docs``."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from run_samples import GOOD, POOR, write_run

jsonschema = pytest.importorskip("jsonschema")

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = json.loads((ROOT / "docs" / "scores.schema.json").read_text(encoding="utf-8"))


def errors(value: Any) -> list[str]:
    found = jsonschema.Draft202012Validator(SCHEMA).iter_errors(value)
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in found]


def read(folder: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    return value


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of a run with one scored document and one that is another article."""
    other = ["The central bank left its rates unchanged.", "Shares fell in early trading."]
    base = tmp_path_factory.mktemp("scores")
    return read(write_run(base / "run", {"001": POOR, "002": other}, metrics=("BLEU", "chrF2++", "TER")))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_scores_of_a_run_are_as_the_schema_says(scores: dict[str, Any]) -> None:
    assert errors(scores) == []
    assert [len(document["sentence_metrics"]) for document in scores["documents"]] == [3, 0]
    assert [metric["name"] for metric in scores["corpus"]["metrics"]] == ["BLEU", "chrF2++"]


def test_a_run_without_a_reference_is_as_the_schema_says(scores: dict[str, Any]) -> None:
    assert errors({**scores, "reference": None, "documents": [], "corpus": None}) == []


def test_the_committed_outputs_are_as_the_schema_says() -> None:
    found = read(ROOT / "outputs")
    if "figures" not in found:
        pytest.skip("outputs/ are those of an earlier version: `make run` writes them anew")
    assert errors(found) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), 2),
        (("reference", "sha256"), "short"),
        (("documents", 0, "coverage", "reference"), 1.2),
        (("documents", 0, "coverage", "reference_sentences"), [1]),
        (("documents", 0, "sentence_metrics", 0, "score"), "12.3"),
        (("documents", 0, "sentence_metrics", 0, "signature"), ""),
        (("corpus", "unknown"), 1),
        (("figures", "all", "status", "failed"), -1),
        (("figures", "documents", 0, "unknown"), 1),
        (("surprise",), 1),
    ],
)
def test_the_schema_refuses_what_is_not_documented(
    scores: dict[str, Any], path: tuple[Any, ...], value: Any
) -> None:
    spoiled = copy.deepcopy(scores)
    place: Any = spoiled
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert errors(spoiled) != []


def test_every_field_of_the_schema_is_in_the_document() -> None:
    text = (ROOT / "docs" / "scores-json.md").read_text(encoding="utf-8")

    def names(part: Any) -> set[str]:
        if isinstance(part, list):
            return {name for item in part for name in names(item)}
        if not isinstance(part, dict):
            return set()
        own = set(part.get("properties", {}))
        return own | {name for item in part.values() for name in names(item)}

    known = names(SCHEMA)
    assert len(known) > 40
    missing = [name for name in known if not re.search(rf"[`.]{re.escape(name)}[`.]", text)]
    assert missing == []


def test_compare_prints_the_fields_that_are_documented(tmp_path: Path) -> None:
    from mtalign.report.comparison import comparison_json
    from mtalign.score.comparison import compare_runs
    from mtalign.score.runs import load_run

    runs = [
        load_run(write_run(tmp_path / name, {"001": texts})) for name, texts in (("a", GOOD), ("b", POOR))
    ]
    found = comparison_json(compare_runs(runs, resamples=20, trials=20))
    text = (ROOT / "docs" / "scores-json.md").read_text(encoding="utf-8").split("## Comparing")[1]
    fields = {*found, *found["tests"], *found["runs"][1], *found["runs"][1]["differences"][0]}
    fields -= {"run", "models"}
    assert [name for name in sorted(fields) if f"`{name}`" not in text] == []

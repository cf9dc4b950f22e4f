"""BLEU, chrF2, chrF2++ and TER through sacreBLEU, each with its signature (Post 2018)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from mtalign.document import Score
from mtalign.errors import ScoreError, UsageError

METRICS = ("BLEU", "chrF2", "chrF2++", "TER")
"""Names as sacreBLEU prints them."""

DEFAULT_METRICS = ("BLEU", "chrF2", "TER")

_ALIASES = {"bleu": "BLEU", "chrf": "chrF2", "chrf2": "chrF2", "chrf++": "chrF2++", "chrf2++": "chrF2++"}
_ALIASES["ter"] = "TER"


def parse_metrics(names: str | Sequence[str]) -> tuple[str, ...]:
    """Metric names as sacreBLEU prints them, from a list or a text such as ``bleu,chrf++``; each once.

    Raises:
        UsageError: a name is unknown or there is none.
    """
    parts = names.split(",") if isinstance(names, str) else names
    parsed: list[str] = []
    for part in parts:
        name = _ALIASES.get(part.strip().casefold())
        if name is None:
            raise UsageError(f"unknown metric {part.strip()!r}", hint="choose from: bleu, chrf, chrf++, ter")
        if name not in parsed:
            parsed.append(name)
    if not parsed:
        raise UsageError("no metric was named", hint="choose from: bleu, chrf, chrf++, ter")
    return tuple(parsed)


def corpus_scores(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    metrics: Sequence[str] = DEFAULT_METRICS,
) -> list[Score]:
    """Score line-aligned hypotheses against one or more references of the same number of lines.

    ``references`` holds one sequence for each reference. An empty hypothesis counts; so does an empty line
    of a reference, but a reference without any text is an error.

    Raises:
        ScoreError: there is nothing to score, the numbers of lines differ, or a reference is empty.
        UsageError: a metric is unknown.
    """
    names = parse_metrics(metrics)
    _check(hypotheses, references)
    scores = []
    for name in names:
        metric = _metric(name)
        result = metric.corpus_score(list(hypotheses), [list(reference) for reference in references])
        scores.append(_score(metric, result))
    return scores


def segment_scores(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    metrics: Sequence[str] = DEFAULT_METRICS,
) -> list[list[Score]]:
    """Scores of each line alone, in the order of ``metrics``; BLEU with effective order, as is usual there.

    Raises:
        ScoreError, UsageError: as :func:`corpus_scores`.
    """
    names = parse_metrics(metrics)
    _check(hypotheses, references)
    tools = [_metric(name, sentence=True) for name in names]
    return [
        [
            _score(tool, tool.sentence_score(hypothesis, [reference[line] for reference in references]))
            for tool in tools
        ]
        for line, hypothesis in enumerate(hypotheses)
    ]


def to_json(score: Score, width: int = 2) -> dict[str, Any]:
    """The object that ``sacrebleu --json`` writes for a score, rounded to ``width`` decimals as there."""
    return {
        "name": score.name,
        "score": float(f"{score.score:.{width}f}"),
        "signature": score.signature,
        **score.details,
    }


def _check(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    if not references:
        raise ScoreError("no reference to score against", hint="give one with --ref")
    if not hypotheses:
        raise ScoreError("nothing to score: the hypothesis has no line", hint="check the file")
    for number, reference in enumerate(references, start=1):
        which = "the reference" if len(references) == 1 else f"reference {number}"
        if not any(line.strip() for line in reference):
            raise ScoreError(f"{which} is empty", hint="check the file")
        if len(reference) != len(hypotheses):
            raise ScoreError(
                f"{which} has {len(reference)} lines, the hypothesis {len(hypotheses)}",
                hint="give line-aligned files, or leave out --lines to have the sentences aligned",
            )


def _metric(name: str, *, sentence: bool = False) -> Any:
    from sacrebleu.metrics import BLEU, CHRF, TER

    if name == "BLEU":
        return BLEU(effective_order=sentence)
    if name == "TER":
        return TER()
    return CHRF(word_order=2 if name == "chrF2++" else 0)


def _score(metric: Any, result: Any) -> Score:
    signature = metric.get_signature().format()
    fields = json.loads(result.format(signature=signature, is_json=True))
    details = {key: value for key, value in fields.items() if key not in ("name", "score", "signature")}
    return Score(result.name, float(result.score), signature, details)

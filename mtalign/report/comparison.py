"""Runs compared with each other: as JSON, and as a page to be read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from mtalign.document import SCHEMA_VERSION
from mtalign.score.comparison import Comparison, Move, System
from mtalign.score.metrics import decimals, to_json
from mtalign.score.resampling import seed
from mtalign.score.significance import ALPHA, MIN_LINES, PairedDifference

TOP = 10
"""Units that are shown as those that moved most, for each run."""

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


def comparison_json(comparison: Comparison, top: int = TOP) -> dict[str, Any]:
    """The comparison as ``mtalign compare --json`` prints it; metric objects as sacreBLEU writes them.

    Segments, sources and hypotheses of a unit that moved are in the order baseline, run.
    """
    return {
        "schema": SCHEMA_VERSION,
        "baseline": comparison.systems[0].name,
        "reference": {"path": comparison.reference_path, "sha256": comparison.reference_sha256},
        "documents": list(comparison.documents),
        "units": len(comparison.units),
        "tests": {"resamples": comparison.resamples, "trials": comparison.trials, "seed": seed()},
        "runs": [
            {
                "run": system.name,
                "models": list(system.models),
                "metrics": [to_json(score) for score in system.scores],
                "documents": [
                    {
                        "document": document.document,
                        "units": document.units,
                        "metrics": [to_json(score) for score in document.scores],
                    }
                    for document in system.documents
                ],
                "differences": [_difference(difference) for difference in system.differences],
                "moved": [_move(move, place, comparison) for move in system.moves[:top]],
            }
            for place, system in enumerate(comparison.systems)
        ],
        "left_out": list(comparison.left_out),
        "notes": list(comparison.notes),
    }


def _difference(difference: PairedDifference) -> dict[str, Any]:
    digits = decimals(difference.metric)
    return {
        "name": difference.metric,
        "difference": round(difference.difference, digits),
        "interval": difference.interval and [round(end, digits) for end in difference.interval],
        "paired_bootstrap": _rounded(difference.bootstrap),
        "approximate_randomization": _rounded(difference.randomization),
        "verdict": difference.verdict(),
        "units": difference.lines,
        "changed": difference.changed,
    }


def _rounded(p_value: float | None) -> float | None:
    return None if p_value is None else round(p_value, 6)


def _move(move: Move, place: int, comparison: Comparison) -> dict[str, Any]:
    unit, digits = move.unit, decimals(comparison.moves_by)
    return {
        "document": unit.document,
        "metric": comparison.moves_by,
        "baseline": round(move.baseline, digits),
        "score": round(move.score, digits),
        "improvement": round(move.improvement, digits),
        "index": list(unit.indices),
        "reference": unit.reference,
        "segments": [list(unit.segments[side]) for side in (0, place)],
        "sources": [unit.sources[side] for side in (0, place)],
        "hypotheses": [unit.hypotheses[side] for side in (0, place)],
    }


@dataclass(frozen=True)
class ScoreRow:
    """A run's score by one metric, as the page shows it."""

    run: str
    score: str
    difference: str
    """``−3.10``; empty for the baseline."""
    bar: tuple[float, float, float] | None
    """Interval and difference on an axis from −50 to 50, 0 in the middle."""
    interval: str
    bootstrap: str
    randomization: str
    verdict: str


@dataclass(frozen=True)
class MovedRow:
    """A unit that moved, as the page shows it."""

    move: Move
    baseline: str
    score: str
    change: str
    place: str
    """``sentence 7`` or ``sentences 7–8`` of the reference, from 1."""
    segments: tuple[str, ...]
    sources: tuple[str, ...]
    """The source texts, once where both runs have the same."""
    before: list[tuple[str, bool]]
    """The baseline's text in pieces, and whether the run has another one there."""
    after: list[tuple[str, bool]]


def write_comparison(comparison: Comparison, top: int = TOP) -> bytes:
    """The page: one self-contained HTML file, no script, nothing to load."""
    from mtalign.report.pages import render

    others = comparison.systems[1:]
    return render(
        "compare.html",
        styles=("base.css", "sheet.css", "compare.css"),
        comparison=comparison,
        baseline=comparison.systems[0],
        metrics=[
            (name, comparison.signatures[place], _score_rows(comparison, place))
            for place, name in enumerate(comparison.metrics)
        ],
        documents=[
            (name, comparison.systems[0].documents[place].units, _document_rows(comparison, place))
            for place, name in enumerate(comparison.documents)
        ],
        moved=[
            (system, [_moved_row(move, place, comparison) for move in system.moves[:top]])
            for place, system in enumerate(others, start=1)
        ],
        least=MIN_LINES,
        alpha=ALPHA,
    )


def signed(value: float, digits: int = 2) -> str:
    """``+1.25``, ``−3.10``: with a true minus sign."""
    return f"{value:+.{digits}f}".replace("-", "−")


def _score_rows(comparison: Comparison, metric: int) -> list[ScoreRow]:
    digits = decimals(comparison.metrics[metric])
    reach = max(
        (abs(end) for s in comparison.systems[1:] for end in s.differences[metric].interval or ()),
        default=0.0,
    )
    rows = []
    for system in comparison.systems:
        score = system.scores[metric]
        half = score.details.get("confidence_var")
        shown = f"{score.score:.{digits}f}" + (f" ± {half:.{digits}f}" if half is not None else "")
        if not system.differences:
            rows.append(ScoreRow(system.name, shown, "", None, "", "", "", ""))
            continue
        found = system.differences[metric]
        ends = found.interval
        rows.append(
            ScoreRow(
                run=system.name,
                score=shown,
                difference=signed(found.difference, digits),
                bar=(50 * ends[0] / reach, 50 * ends[1] / reach, 50 * found.difference / reach)
                if ends and reach
                else None,
                interval=f"{signed(ends[0], digits)} to {signed(ends[1], digits)}" if ends else "",
                bootstrap=_p_value(found.bootstrap),
                randomization=_p_value(found.randomization),
                verdict=found.verdict(),
            )
        )
    return rows


def _document_rows(comparison: Comparison, place: int) -> list[tuple[System, list[str]]]:
    return [
        (
            system,
            [f"{score.score:.{decimals(score.name)}f}" for score in system.documents[place].scores],
        )
        for system in comparison.systems
    ]


def _p_value(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _moved_row(move: Move, place: int, comparison: Comparison) -> MovedRow:
    unit, digits = move.unit, decimals(comparison.moves_by)
    before, after = _differing(unit.hypotheses[0], unit.hypotheses[place])
    first, last = unit.indices[0] + 1, unit.indices[-1] + 1
    return MovedRow(
        move=move,
        baseline=f"{move.baseline:.{digits}f}",
        score=f"{move.score:.{digits}f}",
        change=signed(move.score - move.baseline, digits),
        place=f"sentence {first}" if first == last else f"sentences {first}–{last}",
        segments=tuple(dict.fromkeys((*unit.segments[0], *unit.segments[place]))),
        sources=tuple(text for text in dict.fromkeys((unit.sources[0], unit.sources[place])) if text),
        before=before,
        after=after,
    )


def _differing(first: str, second: str) -> tuple[list[tuple[str, bool]], list[tuple[str, bool]]]:
    """Both texts in pieces of words, and whether a piece is in that one alone."""
    ours, theirs = _WORDS.findall(first), _WORDS.findall(second)
    before: list[tuple[str, bool]] = []
    after: list[tuple[str, bool]] = []
    for kind, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if b > a:
            before.append(("".join(ours[a:b]), kind != "equal"))
        if d > c:
            after.append(("".join(theirs[c:d]), kind != "equal"))
    return before, after

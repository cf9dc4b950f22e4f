"""No worse than before: a run against a baseline run, by the paired test, so that noise fails no build."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mtalign.errors import MtalignError, ScoreError
from mtalign.gate import Criterion, Outcome, Regression
from mtalign.gate.result import MAX_SEGMENTS
from mtalign.job.scoring import reference_text

if TYPE_CHECKING:
    from mtalign.report.payload import RunPayload
    from mtalign.score.comparison import Comparison, Move
    from mtalign.score.runs import RunScores
    from mtalign.score.significance import PairedDifference


def load_baseline(regression: Regression, base: Path) -> RunScores | None:
    """The baseline of ``regression``, relative to ``base``; None where it names none.

    Raises:
        UsageError: it is not the folder of a run.
        DocumentError: it is damaged, or of another schema version.
        ScoreError: it has no scores.
    """
    if not regression.baseline:
        return None
    from mtalign.score.runs import load_run

    return load_run(base / regression.baseline)


def check_reference(baseline: RunScores, reference: Sequence[str]) -> None:
    """See that a run against ``reference`` can be compared with ``baseline``, before it is translated.

    Raises:
        ScoreError: the baseline was scored against another one.
    """
    own = hashlib.sha256(reference_text(reference).encode()).hexdigest()
    if own != baseline.reference_sha256:
        raise ScoreError(
            f"the baseline {baseline.name} was scored against another reference"
            f" ({baseline.reference_path}, {len(baseline.reference)} sentences, sha256"
            f" {baseline.reference_sha256[:12]}; this run's: {len(reference)} sentences, sha256 {own[:12]})",
            hint="make a baseline with this reference, or name the baseline's",
        )


def compare_with_baseline(
    folder: Path,
    run: RunPayload,
    regression: Regression,
    base: Path,
    *,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[Criterion]:
    """A criterion for each metric, and one for the documents that the baseline has scores of.

    A metric is missed where it dropped by more than ``regression.drop`` points and the paired test
    (approximate randomisation) gives that a p-value of at most ``regression.p_value``. What cannot be
    compared (no such folder any more, another reference, another signature) or tested (too few lines) is
    undecided, never met. No criterion where there is no baseline.
    """
    if not regression.baseline:
        return []
    from mtalign.score.comparison import compare_runs
    from mtalign.score.runs import load_run

    baseline = own = None
    try:
        baseline = load_run(base / regression.baseline)
        own = load_run(folder)
        comparison = compare_runs([baseline, own], regression.metrics or None, jobs=jobs, progress=progress)
    except MtalignError as error:
        if own is not None and baseline is not None and _lost_everything(baseline, own):
            return [_documents(baseline, own)]
        # The other criteria are still worth saying; this one says why it could not be looked at.
        return [Criterion("regression", Outcome.UNDECIDED, str(error), threshold=regression.p_value)]
    outputs = {document.id: document.output for document in run.documents}
    found = [_documents(baseline, own)]
    for difference in comparison.systems[1].differences:
        found.append(_criterion(difference, regression, comparison, outputs))
    return found


def _lost_everything(baseline: RunScores, own: RunScores) -> bool:
    """Whether the same reference could be compared with before, and nothing of the run covers it now."""
    same = baseline.reference_sha256 == own.reference_sha256
    before, now = (any(document.is_scored for document in run.documents) for run in (baseline, own))
    return same and before and not now


def _documents(baseline: RunScores, own: RunScores) -> Criterion:
    """A document that is not scored any more would otherwise pass unseen."""
    scored = {document.id for document in own.documents if document.is_scored}
    wanted = [document.id for document in baseline.documents if document.is_scored]
    gone = [name for name in wanted if name not in scored]
    notes = {document.id: document.aligned.note for document in own.documents}
    message = f"{len(wanted) - len(gone)} of the {len(wanted)} documents that {baseline.name} has scores of"
    message += " are scored, must be all"
    if gone:
        message += ": " + "; ".join(f"{name}: {notes.get(name, 'not in this run')}" for name in gone[:5])
    return Criterion(
        "regression.documents",
        Outcome.MISSED if gone else Outcome.MET,
        message,
        threshold=0,
        value=len(gone),
    )


def _criterion(
    difference: PairedDifference, regression: Regression, comparison: Comparison, outputs: dict[str, str]
) -> Criterion:
    drop = -difference.improvement
    p_value = difference.randomization
    outcome = Outcome.MET
    if drop > regression.drop and drop > 0:
        if p_value is None:
            outcome = Outcome.UNDECIDED
        elif p_value <= regression.p_value:
            outcome = Outcome.MISSED
    worse: list[Move] = []
    if outcome is not Outcome.MET:
        worse = sorted(
            (move for move in comparison.systems[1].moves if move.improvement < 0),
            key=lambda move: move.improvement,
        )
    segments = [identifier for move in worse for identifier in move.unit.segments[1]]
    pages = dict.fromkeys(outputs[move.unit.document] for move in worse if move.unit.document in outputs)
    return Criterion(
        name=f"regression.{difference.metric}",
        outcome=outcome,
        message=_message(difference, regression, comparison.systems[0].name, drop, outcome),
        operator="<=",
        threshold=regression.drop,
        value=drop,
        segments=tuple(segments[:MAX_SEGMENTS]),
        concerned=len(segments),
        pages=_pages(list(pages)[:MAX_SEGMENTS]),
        details={
            "baseline": {"run": comparison.systems[0].name, "score": round(difference.baseline, 4)},
            "score": round(difference.score, 4),
            "p_value": None if p_value is None else round(p_value, 6),
            "max_p_value": regression.p_value,
            "lines": difference.lines,
            "changed": difference.changed,
            "trials": difference.trials,
        },
    )


def _message(
    difference: PairedDifference, regression: Regression, baseline: str, drop: float, outcome: Outcome
) -> str:
    line = (
        f"{difference.metric} {difference.score:.2f}, {baseline} {difference.baseline:.2f}"
        f" on the same {difference.lines} lines"
    )
    if drop <= 0:
        return f"{line}: no worse"
    line += f": {drop:.2f} worse"
    if outcome is Outcome.UNDECIDED:
        return f"{line}, and too few lines for a test"
    said = "" if difference.randomization is None else f" (p = {difference.randomization:.4f})"
    if outcome is Outcome.MISSED:
        allowed = f", and {regression.drop:g} are allowed" if regression.drop else ""
        return f"{line}{said}: more than chance at p ≤ {regression.p_value:g}{allowed}"
    if drop <= regression.drop:
        return f"{line}{said}: within the {regression.drop:g} that are allowed"
    return f"{line}{said}: no more than chance at p ≤ {regression.p_value:g}"


def _pages(outputs: Sequence[str]) -> tuple[str, ...]:
    from mtalign.report.pages import fragment, path_reference

    view = {"reference": "1", "order": "worst", "diff": "words"}
    return tuple(
        path_reference(output, "index.html").removeprefix("./") + fragment(**view) for output in outputs
    )

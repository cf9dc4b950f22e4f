"""Compare finished runs: scores on the same lines, paired tests against the first run, what moved most.

``compare_runs([load_run(a), load_run(b)])`` is all that a caller needs, ``mtalign compare`` as well as a gate
against a baseline run::

    comparison = compare_runs([load_run(baseline), load_run(run)])
    for difference in comparison.systems[1].differences:
        if difference.is_worse(alpha=0.05): ...
    comparison.left_out     # documents that only some of the runs have scored: a gate must look at these too
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mtalign.document import Score
from mtalign.errors import ScoreError
from mtalign.score.measured import Measured
from mtalign.score.metrics import METRICS, measure, parse_metrics
from mtalign.score.pairing import Unit, pair_runs
from mtalign.score.resampling import RESAMPLES, TRIALS
from mtalign.score.runs import RunScores, recipe
from mtalign.score.significance import MIN_LINES, PairedDifference, paired_differences

MOVES_BY = ("chrF2", "chrF2++", "BLEU")
"""The metric that orders the units by how far they moved: the first of these that is compared, else the first
compared. BLEU of one sentence says little."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Move:
    """A unit whose score differs between the baseline and another run."""

    unit: Unit
    baseline: float
    score: float
    improvement: float
    """Points by which it got better; negative for worse."""


@dataclass(frozen=True)
class DocumentComparison:
    """One document's scores in a run."""

    document: str
    units: int
    scores: tuple[Score, ...]


@dataclass(frozen=True)
class System:
    """A run in the comparison."""

    name: str
    models: tuple[str, ...]
    scores: tuple[Score, ...]
    """Over all units, by each metric; with the bootstrap interval where there are enough units."""
    documents: tuple[DocumentComparison, ...]
    differences: tuple[PairedDifference, ...]
    """Against the baseline, by each metric; none for the baseline itself."""
    moves: tuple[Move, ...]
    """The units that moved, the farthest first; none for the baseline itself."""


@dataclass(frozen=True)
class Comparison:
    """What comparing runs gave; the first system is the baseline."""

    metrics: tuple[str, ...]
    signatures: tuple[str, ...]
    """Of ``metrics``, without the parts of an interval or a test."""
    moves_by: str
    reference_path: str
    reference_sha256: str
    units: tuple[Unit, ...]
    documents: tuple[str, ...]
    systems: tuple[System, ...]
    left_out: tuple[str, ...]
    """A sentence for each document or metric that some runs have and others do not."""
    notes: tuple[str, ...]
    """A sentence for each circumstance that a reader must know."""
    resamples: int
    trials: int


def compare_runs(
    runs: Sequence[RunScores],
    metrics: Sequence[str] | None = None,
    *,
    resamples: int = RESAMPLES,
    trials: int = TRIALS,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Comparison:
    """Compare runs on the units that they share (see :mod:`mtalign.score.pairing`).

    The scores are of these units: equal to those of the runs' own sentence level where all runs aligned
    alike, and close to them elsewhere. P-values are not corrected for their number.

    Args:
        runs: Two or more; the first is the baseline.
        metrics: Names; None for those that all the runs were scored by.
        resamples: Of the bootstrap.
        trials: Of the approximate randomisation.
        jobs: Processes for TER.
        progress: Called with lines done and lines in all.

    Raises:
        ScoreError: there are less than two runs, their references or signatures differ, or they have scored
            no document in common.
        UsageError: a metric is unknown.
        MissingPackageError: a plug-in's package is not installed.
    """
    if len(runs) < 2:
        raise ScoreError("one run alone cannot be compared", hint="name two or more")
    names, left_out = _check(runs, metrics)
    pairing = pair_runs(runs)
    if not pairing.units:
        why = f" ({'; '.join(pairing.left_out)})" if pairing.left_out else ""
        raise ScoreError(
            f"the runs have scored no document in common{why}", hint="compare runs of the same documents"
        )
    units = pairing.units
    total = len(units) * len(names) * len(runs)
    measured: list[list[Measured]] = []
    for place in range(len(runs)):
        done = place * len(units) * len(names)
        measured.append(
            measure(
                [unit.hypotheses[place] for unit in units],
                [[unit.reference for unit in units]],
                names,
                sources=[unit.sources[place] for unit in units],
                jobs=jobs,
                progress=progress and (lambda now, _, done=done: progress(done + now, total)),  # type: ignore[misc]
            )
        )
    notes = [*pairing.notes, *(note for run in runs for note in _changed(run))]
    if len(units) < MIN_LINES:
        notes.append(f"too few units for a test: {len(units)}, where {MIN_LINES} are needed")
    moves_by = next((name for name in MOVES_BY if name in names), names[0])
    again = resamples if len(units) >= MIN_LINES else 0
    systems = tuple(
        System(
            name=run.name,
            models=run.models,
            scores=tuple(m.score(resamples=again) for m in own),
            documents=tuple(_document(name, units, own) for name in pairing.documents),
            differences=tuple(
                paired_differences(measured[0], own, resamples=resamples, trials=trials) if place else ()
            ),
            moves=_moves(units, measured[0], own, names.index(moves_by)) if place else (),
        )
        for place, (run, own) in enumerate(zip(runs, measured, strict=True))
    )
    return Comparison(
        metrics=names,
        signatures=tuple(recipe(m.score().signature) for m in measured[0]),
        moves_by=moves_by,
        reference_path=runs[0].reference_path,
        reference_sha256=runs[0].reference_sha256,
        units=units,
        documents=pairing.documents,
        systems=systems,
        left_out=(*left_out, *pairing.left_out),
        notes=tuple(notes),
        resamples=resamples,
        trials=trials,
    )


def _check(runs: Sequence[RunScores], metrics: Sequence[str] | None) -> tuple[tuple[str, ...], list[str]]:
    """The metrics to compare by, and what is left out; runs that cannot be compared are refused."""
    first = runs[0]
    for run in runs[1:]:
        if run.reference_sha256 != first.reference_sha256:
            raise ScoreError(
                f"{first.name} and {run.name} were scored against different references: "
                f"{_about(first)} and {_about(run)}",
                hint="run one of them again with the reference of the other",
            )
    known = list(dict.fromkeys(name for run in runs for name in run.signatures))
    chosen = parse_metrics(metrics) if metrics else None
    left_out = []
    for name in known if chosen is None else chosen:
        having = [run for run in runs if name in run.signatures]
        for run in having[1:]:
            ours, theirs = having[0].signatures[name], run.signatures[name]
            if ours != theirs:
                raise ScoreError(
                    f"{having[0].name} and {run.name} have different signatures of {name}: "
                    f"{ours} and {theirs}",
                    hint="run one of them again, or leave that metric out with --metric",
                )
        missing = [run.name for run in runs if name not in run.signatures]
        # A metric that was asked for is computed here, whether or not the runs were scored by it.
        if chosen is None and missing and len(missing) < len(runs):
            left_out.append(f"{name}: not among the scores of {', '.join(missing)}")
    names = chosen or tuple(name for name in known if all(name in run.signatures for run in runs))
    for run in runs:
        if not run.signatures:
            raise ScoreError(
                f"{run.name} has no scores: no document covers enough of the reference",
                hint="compare runs that have scores",
            )
    if not names:
        raise ScoreError("the runs have no metric in common", hint="name one with --metric")
    return names, left_out


def _about(run: RunScores) -> str:
    return f"{run.reference_path}, {len(run.reference)} sentences, sha256 {run.reference_sha256[:12]}"


def _changed(run: RunScores) -> list[str]:
    """A note where the run's texts are not those that it was scored with."""
    name = next((name for name in run.scores if name in METRICS and name != "TER"), None)
    lines = [line for document in run.documents for line in document.aligned.lines]
    if name is None or not lines:
        return []
    (now,) = measure([line[0] for line in lines], [[line[1] for line in lines]], [name])
    if abs(now.score().score - run.scores[name]) < 0.006:
        return []
    return [
        f"the translations of {run.name} have changed since it was scored (by a review?): "
        "here they count as they are now"
    ]


def _document(name: str, units: Sequence[Unit], measured: Sequence[Measured]) -> DocumentComparison:
    lines = [place for place, unit in enumerate(units) if unit.document == name]
    return DocumentComparison(name, len(lines), tuple(m.score(lines) for m in measured))


def _moves(
    units: Sequence[Unit], baseline: Sequence[Measured], own: Sequence[Measured], metric: int
) -> tuple[Move, ...]:
    found = []
    for place, unit in enumerate(units):
        was, now = baseline[metric].segment(place).score, own[metric].segment(place).score
        improvement = was - now if own[metric].lower_is_better else now - was
        if improvement:
            found.append(Move(unit, was, now, improvement))
    return tuple(sorted(found, key=lambda move: -abs(move.improvement)))

"""Hold a run to its thresholds: from its folder alone, so that `run` and `check` cannot disagree."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mtalign.document import Severity, Status
from mtalign.errors import ConfigError
from mtalign.gate import (
    DEFAULT_THRESHOLDS,
    Criterion,
    Gate,
    Outcome,
    Threshold,
    Thresholds,
    parse_table,
)
from mtalign.gate.result import MAX_SEGMENTS
from mtalign.gate.thresholds import AT_LEAST, EVERY_DOCUMENT, METRIC_LEVELS
from mtalign.job.outputs import write_json
from mtalign.report.payload import severity_rank
from mtalign.report.text import percent, plural

if TYPE_CHECKING:
    from pathlib import Path

    from mtalign.job.config import JobConfig
    from mtalign.records import Record
    from mtalign.report.payload import DocumentRun, DocumentScore, RunPayload

_STALE = "scored before reviewers' corrections"
"""In the note of a document whose texts were corrected after it was scored."""

_Place = tuple["DocumentRun", "Record"]
"""A segment and the document that it stands in."""


@dataclass(frozen=True)
class _Found:
    """What a run has of one thing that it can be held to."""

    value: float | None
    what: str
    """Begins the message: ``chrF2 58.2``."""
    look: tuple[_Place, ...] = ()
    """The segments concerned, the worst first."""
    view: Mapping[str, str] | None = None
    """The filter that shows them in a document's page."""


def check_gate(config: JobConfig) -> None:
    """See that a job can be held to what its configuration asks for, before hours of work are spent.

    Raises:
        ConfigError: a score, a glossary's rate or a comparison is asked for that this job cannot have.
    """
    from mtalign.score.metrics import parse_metrics

    if config.gate.regression.baseline and not config.reference.document:
        raise ConfigError(
            "[gate.regression] needs a reference, and there is none",
            hint="name that of the baseline in [reference]",
        )
    computed = parse_metrics(config.reference.metrics) if config.reference.document else ()
    for limit in config.gate.limits:
        metric = _metric_of(limit)
        if metric is not None and not config.reference.document:
            raise ConfigError(
                f"[gate] {limit.name} needs a reference, and there is none",
                hint="name one in [reference], or leave the threshold out",
            )
        if metric not in (None, "coverage", *computed):
            raise ConfigError(
                f"[gate] {limit.name} is asked for, and {metric} is not computed",
                hint=f"add it to metrics in [reference], which has {', '.join(computed)}",
            )
        if limit.path[0] == "glossary" and not config.glossary.file:
            raise ConfigError(
                "[gate] glossary.rate needs a glossary, and there is none",
                hint="name one in [glossary], or leave the threshold out",
            )


def _metric_of(limit: Threshold) -> str | None:
    if limit.path[0] in METRIC_LEVELS or (limit.path[0] == "documents" and limit.path[2] != "failed"):
        return limit.path[-1]
    return None


def recorded_thresholds(folder: Path) -> Thresholds:
    """What the run in ``folder`` was held to when it was made; none where its manifest does not say."""
    path = folder / "manifest.json"
    options = json.loads(path.read_text(encoding="utf-8")).get("options")
    table = options.get("gate") if isinstance(options, dict) else None
    return parse_table(table, f"{path}: [gate]") if isinstance(table, dict) else Thresholds()


def hold(run: RunPayload, thresholds: Thresholds) -> Gate:
    """Compare what ``run`` has with ``thresholds`` and with those that hold for every run.

    A baseline is compared with elsewhere: :func:`mtalign.job.regression.compare_with_baseline`.
    """
    limits = Thresholds(DEFAULT_THRESHOLDS).with_limits(thresholds.limits).limits
    return Gate(tuple(one for limit in limits for one in _criteria(run, limit)))


def record(folder: Path, gate: Gate) -> None:
    """Write ``gate`` into the ``scores.json`` of the run in ``folder``.

    Raises:
        DocumentError: it cannot be written.
    """
    path = folder / "scores.json"
    if path.is_file():
        scores = json.loads(path.read_text(encoding="utf-8"))
        write_json(path, {**scores, "gate": gate.to_json()})


def _criteria(run: RunPayload, limit: Threshold) -> Iterator[Criterion]:
    if limit.path[0] != "documents":
        yield _criterion(limit, _of_run(run, limit))
        return
    wanted = limit.path[1]
    documents = [d for d in run.documents if wanted in (EVERY_DOCUMENT, d.id)]
    for document in documents:
        own = replace(limit, path=("documents", document.id, limit.path[2]))
        yield _criterion(own, _of_document(document, limit.path[2], run), document.id)
    if not documents:
        what = "no document" if wanted == EVERY_DOCUMENT else f"no document {wanted} in this run"
        yield _criterion(limit, _Found(None, f"{limit.path[2]}: {what}"))


def _criterion(limit: Threshold, found: _Found, document: str = "") -> Criterion:
    bound = f"{'at least' if limit.operator == AT_LEAST else 'at most'} {_shown(limit, limit.value)}"
    message, outcome = f"{found.what}, must be {bound}", Outcome.MET
    if found.value is None:
        outcome = Outcome.MISSED
    elif not limit.is_met_by(found.value):
        outcome = Outcome.MISSED
        message += f": misses it by {_shown(limit, abs(found.value - limit.value), difference=True)}"
    # Where nothing is wrong there is nothing to look at.
    look = found.look if outcome is Outcome.MISSED else ()
    return Criterion(
        name=limit.name,
        outcome=outcome,
        message=message,
        operator=limit.operator,
        threshold=limit.value,
        value=found.value,
        share=limit.share,
        document=document,
        segments=tuple(record.segment.id for _, record in look[:MAX_SEGMENTS]),
        concerned=len(look),
        pages=pages_of(look, found.view),
    )


def pages_of(look: Sequence[_Place], view: Mapping[str, str] | None) -> tuple[str, ...]:
    """The pages of the documents in which ``look`` stands, the worst first, with ``view`` as their filter."""
    from mtalign.report.pages import fragment, path_reference

    if view is None:
        return ()
    outputs = dict.fromkeys(document.output for document, _ in look)
    return tuple(
        path_reference(output, "index.html").removeprefix("./") + fragment(**view)
        for output in [*outputs][:MAX_SEGMENTS]
    )


def _of_run(run: RunPayload, limit: Threshold) -> _Found:
    section, name = limit.path[0], limit.path[-1]
    everything = [(document, record) for document in run.documents for record in document.records]
    if section == "failed":
        return _failed(everything, limit.share)
    if section == "left_out":
        count, segments = len(run.left_out), len(run.documents) + len(run.left_out)
        what = f"{plural(count, 'document')} left out" + (f" ({run.left_out[0]})" if count else "")
        return _Found(count / max(1, segments) if limit.share else count, what)
    if section in METRIC_LEVELS:
        return _metric(run, section, name, run.corpus, run.documents)
    if section == "quality":
        return _quality(everything, limit)
    if section == "flags":
        flagged = _flagged(everything, lambda record: [f for f in record.translation.flags if f.name == name])
        return _flags(flagged, everything, f"flag {name}", {"flag": name, "order": "worst"}, limit.share)
    if section == "severity":
        wanted = Severity(name)
        flagged = _flagged(
            everything, lambda record: [f for f in record.translation.flags if f.severity is wanted]
        )
        view = {"severity": name, "order": "worst"}
        return _flags(flagged, everything, f"flags of severity {name}", view, limit.share)
    return _glossary(run, everything)


def _of_document(document: DocumentRun, name: str, run: RunPayload) -> _Found:
    if name == "failed":
        return _failed([(document, record) for record in document.records], False)
    score = document.score
    if name == "coverage":
        coverage = score.coverage if score else None
        if coverage is None:
            return _Found(None, f"{document.id} coverage was not computed (not compared with a reference)")
        return _Found(
            coverage.reference, f"{document.id} covers {percent(coverage.reference)} of the reference"
        )
    return _metric(run, "metrics", name, score, (document,), f"{document.id} ")


def _metric(
    run: RunPayload,
    level: str,
    name: str,
    score: DocumentScore | None,
    documents: Sequence[DocumentRun],
    prefix: str = "",
) -> _Found:
    from mtalign.score.metrics import METRICS, SENTENCE_METRICS

    # TER and plug-ins are given sentence by sentence only.
    if name not in METRICS or name in SENTENCE_METRICS:
        level = "sentence_metrics"
    own = (score.sentence_metrics if level == "sentence_metrics" else score.metrics) if score else ()
    value = next((metric.score for metric in own if metric.name == name), None)
    label = f"{prefix}{name}" + (" (sentence level)" if level == "sentence_metrics" else "")
    if value is None:
        return _Found(None, f"{label} was not computed ({_why(run, score, own, documents)})")
    stale = [d.id for d in documents if d.score and _STALE in d.score.note]
    note = f" ({_STALE}: {', '.join(stale)})" if stale else ""
    view = {"reference": "1", "order": "worst", "diff": "words"}
    return _Found(value, f"{label} {value:.2f}{note}", tuple(_lowest(documents, name)), view)


def _why(
    run: RunPayload, score: DocumentScore | None, own: Sequence[Any], documents: Sequence[DocumentRun]
) -> str:
    if run.reference is None:
        return "the run has no reference"
    if own:
        return f"the run has {', '.join(metric.name for metric in own)}: add it to metrics in [reference]"
    if len(documents) == 1 and score is not None:
        return score.note or "not scored"
    if any(document.score and document.score.metrics for document in documents):
        return "scores.json has no corpus: an earlier version wrote it, run `mtalign run` again"
    return "no document covers enough of the reference"


def _lowest(documents: Sequence[DocumentRun], name: str) -> Iterator[_Place]:
    """The segments whose lines have the worst scores of their own."""
    sign = -1 if name == "TER" else 1
    lines = [
        (sign * bead.metrics[name], place, document, bead.source_ids)
        for document in documents
        for place, bead in enumerate(document.beads)
        if name in bead.metrics
    ]
    for _, _, document, ids in sorted(lines, key=lambda line: line[:2]):
        for record in document.records:
            if record.segment.id in ids:
                yield document, record


def _failed(places: Sequence[_Place], share: bool) -> _Found:
    tried = (Status.TRANSLATED, Status.FAILED)
    total = sum(record.translation.status in tried for _, record in places)
    failed = tuple(place for place in places if place[1].translation.status is Status.FAILED)
    what = f"{plural(len(failed), 'failed segment')} of {total}"
    value = len(failed) / max(1, total) if share else len(failed)
    if share:
        what += f" ({percent(value)})"
    return _Found(value, what, failed, {"status": "failed"})


def _quality(places: Sequence[_Place], limit: Threshold) -> _Found:
    rated = [place for place in places if place[1].quality is not None]
    if not rated:
        return _Found(None, "estimated quality was not computed (no segment has an estimate)")
    worst = sorted(rated, key=lambda place: place[1].quality or 0.0)
    values = [record.quality or 0.0 for _, record in rated]
    if limit.path[1] == "mean":
        mean = round(sum(values) / len(values), 4)
        return _Found(mean, f"mean estimated quality {mean:.3f}", tuple(worst), {"order": "worst"})
    mark = float(limit.path[2])
    low = tuple(place for place in worst if (place[1].quality or 0.0) < mark)
    what = f"{plural(len(low), 'segment')} of {len(rated)} with estimated quality below {mark:g}"
    value = len(low) / len(rated) if limit.share else len(low)
    if limit.share:
        what += f" ({percent(value)})"
    return _Found(value, what, low, {"quality": f"0-{mark:g}", "order": "worst"})


def _flagged(places: Sequence[_Place], flags: Callable[[Record], Sequence[Any]]) -> list[tuple[_Place, int]]:
    counted = [(place, len(flags(place[1]))) for place in places]
    return sorted((one for one in counted if one[1]), key=lambda one: severity_rank(one[0][1]))


def _flags(
    flagged: Sequence[tuple[_Place, int]],
    places: Sequence[_Place],
    what: str,
    view: Mapping[str, str],
    share: bool,
) -> _Found:
    look = tuple(place for place, _ in flagged)
    if not share:
        count = sum(number for _, number in flagged)
        return _Found(count, f"{what}: {count:,} in {plural(len(look), 'segment')}", look, view)
    translated = sum(record.translation.status is Status.TRANSLATED for _, record in places)
    value = len(look) / max(1, translated)
    return _Found(value, f"{what}: in {len(look)} of {translated} segments ({percent(value)})", look, view)


def _glossary(run: RunPayload, places: Sequence[_Place]) -> _Found:
    counts = run.glossary
    if counts is None or not counts.found:
        why = "the run has no glossary" if counts is None else "none of its terms is in the sources"
        return _Found(None, f"glossary hit rate was not computed ({why})")
    missed = tuple(place for place in places if not all(term[3] for term in place[1].terms))
    rate = counts.hit / counts.found
    what = f"glossary terms hit: {counts.hit} of {counts.found} ({percent(rate)})"
    return _Found(rate, what, missed, {"flag": "glossary", "order": "worst"})


def _shown(limit: Threshold, value: float, *, difference: bool = False) -> str:
    if limit.share:
        return f"{100 * value:.3g} " + ("percentage points" if difference else "%")
    if limit.path[0] in METRIC_LEVELS or (limit.path[0] == "documents" and limit.path[2] != "failed"):
        return f"{value:.2f}"
    if limit.path == ("quality", "mean"):
        return f"{value:.3f}"
    return f"{value:,g}"

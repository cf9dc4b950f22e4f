"""Reviews taken back: the run's folder as before them, and nothing of them in the memory."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mtalign.document import Status, Translation, Verdict
from mtalign.errors import UsageError
from mtalign.report.payload import read_whole_run
from mtalign.review.apply import (
    ApplyPlan,
    changed_record,
    flags_of,
    memory_entry,
    own_review,
    relink,
    write_plan,
)

if TYPE_CHECKING:
    from mtalign.embed import Embedder
    from mtalign.memory import Memory
    from mtalign.records import Record


def undo_reviews(
    run: Path, memory: Memory | None, *, segments: Collection[str] = (), by: str | None = None
) -> list[str]:
    """Take back the reviews of ``segments``, or all that ``by`` signed; both given: what both name.

    A text goes back to what the reviewer saw; the engine's score of it is not known any more, a run brings it
    back. What the reviewer saw no translation of is failed until the next run.

    Returns:
        The ids of the segments whose review was taken back.

    Raises:
        UsageError: a segment is not in the run, or nobody reviewed it.
        MtalignError: see :func:`mtalign.review.write_plan`.
    """
    payload = read_whole_run(run, "a review")
    known = {record.segment.id: record for d in payload.documents for record in d.records}
    for segment_id in segments:
        if segment_id not in known:
            raise UsageError(
                f"{run} has no segment {segment_id}", hint="its id stands in the page and the TSV"
            )
        review = known[segment_id].translation.review
        if review is None:
            raise UsageError(f"{segment_id} has no review", hint="`mtalign review stats RUN` counts them")
        if review.segment:
            raise UsageError(
                f"{segment_id} was translated as {review.segment} was reviewed",
                hint="take back the review of that one, and run again",
            )
    chosen = {
        identifier
        for identifier, record in known.items()
        if (one := own_review(record)) is not None
        and (not segments or identifier in segments)
        and (by is None or by in (one.by, *one.by.split(" & ")))
    }
    if not chosen:
        raise UsageError(
            f"{run} has no review by {by!r}", hint="`mtalign review stats RUN` names the reviewers"
        )
    plan = ApplyPlan(run)
    embedder: Embedder | None = None
    forgotten = []
    for document in payload.documents:
        records = []
        for record in document.records:
            if record.segment.id in chosen:
                entry = memory_entry(record)
                forgotten += [entry] if entry else []
                translation = _without_review(record)
                if translation.text != record.translation.text:
                    plan.changed_texts.add(document.output)
                    if translation.text is not None and embedder is None:
                        from mtalign.embed import load_embedder

                        embedder = load_embedder()
                    given = embedder if translation.status is Status.TRANSLATED else None
                    record = changed_record(record, translation, relink(record, translation, given), given)
                else:
                    record = replace(record, translation=translation)
            records.append(record)
        if any(record.segment.id in chosen for record in records):
            plan.records[document.output] = records
    if memory is not None:
        memory.forget_reviews(forgotten)
    write_plan(plan, None)
    return [identifier for identifier in known if identifier in chosen]


def _without_review(record: Record) -> Translation:
    old, review = record.translation, record.translation.review
    if review is None or review.verdict in (None, Verdict.ACCEPTED):
        return replace(old, review=None)
    if review.before is None:
        failure = old.failure or "its correction was taken back; the next run translates it"
        status = Status.SKIPPED if record.segment.skip else Status.FAILED
        return Translation(old.segment_id, status, None, failure, review.engine, review.model)
    kept = record.segment.skip is not None and review.before == record.segment.text
    return Translation(
        old.segment_id,
        Status.KEPT if kept else Status.TRANSLATED,
        review.before,
        engine=review.engine,
        model=review.model,
        flags=flags_of(record, review.before),
    )

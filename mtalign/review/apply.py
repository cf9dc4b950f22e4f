"""Corrections applied to a run: what fits is planned first, then written to the memory and the run's folder.

A correction fits where the segment's source is what the reviewer saw, and its translation too: either it is
what stands in the run now, or what stood there before a review that has been applied already. That review is
one more side then: the same outcome is one, another one by the same person replaces it if it is newer,
another one by somebody else is a conflict. A correction of what an applied review left (its text, its
rejection) follows up on it and replaces it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtalign.checks import check_translation
from mtalign.document import PERSON, Flag, Link, Review, Status, Translation, Verdict
from mtalign.errors import LanguageError, UsageError
from mtalign.files import write_atomically
from mtalign.formats import render_records
from mtalign.formats.decode import decode, encode
from mtalign.job.estimates import estimate_qualities
from mtalign.job.links import change_links, link_translations
from mtalign.job.outputs import english_name
from mtalign.languages import parse_language
from mtalign.memory import ReviewEntry, rejection_reason
from mtalign.records import Record, dump_records, segments_digest
from mtalign.report import write_reports
from mtalign.report.payload import read_run, read_whole_run
from mtalign.review.corrections import BeadChange, Correction, Corrections
from mtalign.review.merge import Conflict, merge_beads, merge_segment
from mtalign.segment import plain_text

if TYPE_CHECKING:
    from mtalign.embed import Embedder
    from mtalign.memory import Memory
    from mtalign.report.payload import DocumentRun, RunPayload

_SCORED_BEFORE = "; scored before reviewers' corrections, `mtalign run` scores them too"


@dataclass(frozen=True)
class Problem:
    """A correction that does not fit the run, and why; it stays in its file."""

    segment: str
    document: str
    origin: str
    by: str
    reason: str
    saw: str | None = None
    """What the reviewer saw, where that is what has changed."""
    now: str | None = None
    """What stands there now."""


@dataclass
class ApplyPlan:
    """What applying corrections to a run comes to."""

    run: Path
    records: dict[str, list[Record]] = field(default_factory=dict)
    """The records of each document that corrections touch, by folder, as they will be."""
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    """By folder: accepted, edited, rejected, commented, beads, and unchanged (applied before)."""
    problems: list[Problem] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    entries: list[ReviewEntry] = field(default_factory=list)
    """What goes into the memory."""
    beads: dict[str, list[Link]] = field(default_factory=dict)
    """The beads that reviewers set, by folder."""
    changed_texts: set[str] = field(default_factory=set)
    """Folders of the documents whose English changes."""

    @property
    def applied(self) -> int:
        """Corrections and beads that take effect, or did before."""
        return sum(sum(counter.values()) for counter in self.counts.values())


def plan_corrections(
    run: Path,
    files: Sequence[Corrections],
    *,
    memory: Memory | None = None,
    prefer: str | None = None,
    any_run: bool = False,
) -> ApplyPlan:
    """What applying ``files`` to the run folder ``run`` comes to; nothing is written.

    Args:
        memory: where rejections and beads of before are looked up.
        prefer: which side of a conflict to take: a reviewer's name, or ``newest``.
        any_run: take files of other runs too, segment by segment, where source and translation fit.

    Raises:
        UsageError: ``run`` is not a run folder, or a file belongs to another run.
        DocumentError: a file of the run is damaged.
        MemoryStoreError: the memory cannot be read.
    """
    payload = read_whole_run(run, "a review")
    _check_run(run, payload, files, any_run)
    plan = ApplyPlan(run)
    by_output = {document.output: document for document in payload.documents}
    by_id = {document.id: document for document in payload.documents}
    corrections: dict[str, list[Correction]] = {}
    beads: dict[str, list[BeadChange]] = {}

    def output_of(named: str) -> str | None:
        document = by_output.get(named) or by_id.get(named)
        return None if document is None else document.output

    for one in (correction for file in files for correction in file.corrections):
        output = output_of(one.document)
        if output is None:
            plan.problems.append(_no_document(one.segment, one))
        else:
            corrections.setdefault(output, []).append(one)
    for bead in (bead for file in files for bead in file.beads):
        output = output_of(bead.document)
        if output is None:
            plan.problems.append(_no_document((bead.source_ids or bead.target_ids)[0], bead))
        else:
            beads.setdefault(output, []).append(replace(bead, document=output))
    for document in payload.documents:
        mine, changes = corrections.get(document.output, []), beads.get(document.output, [])
        if mine or changes:
            _DocumentPlan(plan, document, memory, prefer).add(mine, changes)
    return plan


def write_plan(plan: ApplyPlan, memory: Memory | None) -> list[Path]:
    """Write what ``plan`` says: the memory, the records, the English documents, the manifest, the reports.

    Everything is prepared before the first file is written; a call that was cut off is mended by the same
    call again.

    Returns:
        The paths written.

    Raises:
        DocumentError: a file cannot be written.
        MemoryStoreError: the memory cannot be written.
    """
    payload = read_run(plan.run)
    contents: dict[Path, bytes] = {}
    for document in payload.documents:
        if document.output in plan.records:
            records = plan.records[document.output]
            folder = plan.run / document.output
            contents[folder / "segments.jsonl"] = dump_records(records).encode()
            english = folder / english_name(Path(document.path), records[0].target_language)
            contents[english] = _english(english, records)
    contents |= _manifest_and_scores(plan, payload)
    if memory is not None:
        memory.put_reviews(plan.entries)
        for document in payload.documents:
            if document.output in plan.beads:
                memory.put_beads(
                    document.id,
                    document.records[0].target_language,
                    segments_digest(record.segment for record in document.records),
                    plan.beads[document.output],
                )
    written = [write_atomically(path, content) for path, content in contents.items()]
    return written + write_reports(plan.run)


def own_review(record: Record) -> Correction | None:
    """The review that has been applied to a segment, as a correction; None where there is none of its own."""
    translation, review = record.translation, record.translation.review
    if review is None or review.segment:
        return None
    edited = review.verdict is Verdict.EDITED
    return Correction(
        segment=record.segment.id,
        document="",
        source=record.segment.text,
        before=review.before,
        verdict=review.verdict,
        text=translation.text if edited else None,
        comment=review.comment,
        by=review.by,
        at=review.at,
    )


def changed_record(
    record: Record, translation: Translation, link: Link | None, embedder: Embedder | None = None
) -> Record:
    """``record`` with another translation; what was computed on the old text is gone.

    With an embedder its quality is estimated as a run would estimate it.
    """
    if translation.text == record.translation.text:
        return replace(record, translation=translation)
    quality = None
    own = record.segment.id
    if embedder is not None and translation.status is Status.TRANSLATED:
        flagged, qualities = estimate_qualities([record.segment], {own: translation}, embedder)
        translation, quality = flagged[own], qualities.get(own)
    return replace(record, translation=translation, link=link, quality=quality, words=(), terms=())


def flags_of(record: Record, text: str) -> tuple[Flag, ...]:
    """The flags of ``text`` as the record's translation; none where its language is not known."""
    if record.segment.skip:
        return ()
    try:
        source, target = parse_language(record.segment.language), parse_language(record.target_language)
    except LanguageError:
        return ()
    return check_translation(record.segment.text, text, source, target)


def relink(record: Record, translation: Translation, embedder: Embedder | None) -> Link | None:
    """The bead of a record with another translation, with the similarity that a run would compute."""
    own = (record.segment.id,)
    link = record.link
    if link is not None and (link.source_ids, link.target_ids) != (own, own):
        return replace(link, score=None if link.source_ids and link.target_ids else 0.0)
    if embedder is None:
        return None
    return next(iter(link_translations([record.segment], {own[0]: translation}, embedder)), None)


def memory_entry(record: Record) -> ReviewEntry | None:
    """What the memory keeps of a record's review; None where it has none of its own."""
    review, segment = record.translation.review, record.segment
    if review is None or review.segment:
        return None
    stands = review.verdict in (Verdict.ACCEPTED, Verdict.EDITED)
    return ReviewEntry(
        segment_id=segment.id,
        document_id=segment.document_id,
        source=plain_text(segment.text),
        source_lang=segment.language,
        target_lang=record.target_language,
        translation=record.translation.text if stands else None,
        review=review,
        score=record.translation.score if stands else None,
    )


class _DocumentPlan:
    """One document's corrections on their way into the plan."""

    def __init__(
        self, plan: ApplyPlan, document: DocumentRun, memory: Memory | None, prefer: str | None
    ) -> None:
        self.plan = plan
        self.document = document
        self.memory = memory
        self.prefer = prefer
        self.records = {record.segment.id: record for record in document.records}
        self.counts: Counter[str] = Counter()
        self._embedder: Embedder | None = None

    def add(self, corrections: Iterable[Correction], beads: Sequence[BeadChange]) -> None:
        """Plan these corrections and beads."""
        groups: dict[str, list[Correction]] = {}
        for one in corrections:
            groups.setdefault(one.segment, []).append(one)
        reviewed: list[str] = []
        for segment_id, group in groups.items():
            if self._segment(segment_id, group):
                reviewed.append(segment_id)
        # Beads last: a text that changes takes its bead's score with it.
        self._beads(beads)
        output = self.document.output
        self.plan.counts[output] = self.counts
        self.plan.records[output] = list(self.records.values())
        self._entries(reviewed)

    def _segment(self, segment_id: str, group: list[Correction]) -> bool:
        """Plan the corrections of one segment; whether any takes effect."""
        record = self.records.get(segment_id)
        if record is None:
            for one in group:
                self._problem(one, f"{self.document.output} has no segment {segment_id}")
            return False
        applied = own_review(record)
        sides: list[Correction] = []
        superseded = False
        for one in group:
            fitting = self._fitting(one, record, applied)
            if fitting is not None:
                side, follows = fitting
                sides.append(side)
                superseded |= (
                    follows
                    and applied is not None
                    and side.outcome
                    not in (
                        applied.outcome,
                        (None, None),
                    )
                )
        if not sides:
            return False
        if applied is not None:
            # Of a review that a later one was made on, the comment alone still counts.
            standing = replace(applied, verdict=None, text=None) if superseded else applied
            sides.insert(0, replace(standing, document=self.document.output))
        merged = merge_segment(sides, self.prefer)
        if isinstance(merged, Conflict):
            self.plan.conflicts.append(merged)
            return False
        self._put(record, merged)
        return True

    def _fitting(
        self, one: Correction, record: Record, applied: Correction | None
    ) -> tuple[Correction, bool] | None:
        """``one`` as said of what the applied review was made on, and whether it follows up on that review.

        None, and a problem in the plan, where it fits neither.
        """
        now = record.translation.text
        one = replace(one, document=self.document.output)
        if one.source != record.segment.text:
            self._problem(one, "its source has changed since", one.source, record.segment.text)
            return None
        if one.verdict is Verdict.ACCEPTED and one.before is None and record.segment.skip is None:
            self._problem(one, "it was accepted, but there was no translation")
            return None
        if applied is None or applied.verdict is None:
            if one.before == now:
                return one, False
        elif one.before == applied.before:
            return one, False
        elif one.before == now:
            return _follow_up(one, applied), True
        who = f": {applied.who} reviewed it" if applied is not None and applied.verdict else ""
        self._problem(one, f"its translation has changed since{who}", one.before or "", now or "")
        return None

    def _problem(self, one: Correction, reason: str, saw: str | None = None, now: str | None = None) -> None:
        self.plan.problems.append(
            Problem(one.segment, self.document.output, one.origin, one.by, reason, saw, now)
        )

    def _put(self, record: Record, merged: Correction) -> None:
        translation = self._translation(record, merged)
        if translation == record.translation:
            self.counts["unchanged"] += 1
            return
        self.counts[merged.verdict.value if merged.verdict else "commented"] += 1
        if translation.text != record.translation.text:
            self.plan.changed_texts.add(self.document.output)
            embedder = self._embedder_for(translation)
            record = changed_record(record, translation, relink(record, translation, embedder), embedder)
        else:
            record = replace(record, translation=translation)
        self.records[record.segment.id] = record

    def _embedder_for(self, translation: Translation) -> Embedder | None:
        if translation.text is None:
            return None
        if self._embedder is None:
            from mtalign.embed import load_embedder

            self._embedder = load_embedder()
        return self._embedder

    def _translation(self, record: Record, merged: Correction) -> Translation:
        old = record.translation
        known = old.review
        if known is not None and not known.segment and known.before == merged.before:
            engine, model = known.engine, known.model
        else:
            engine, model = old.engine, old.model
        review = Review(merged.verdict, merged.by, merged.at, merged.before, merged.comment, engine, model)
        if merged.verdict is Verdict.REJECTED:
            return Translation(
                old.segment_id,
                Status.FAILED,
                None,
                failure=rejection_reason(review),
                engine=engine,
                model=model,
                review=review,
            )
        text = merged.text if merged.verdict is Verdict.EDITED else merged.before
        if merged.verdict is None or text == old.text or text is None:
            return replace(old, review=review)
        edited = merged.verdict is Verdict.EDITED
        return Translation(
            old.segment_id,
            Status.TRANSLATED,
            text,
            engine=PERSON if edited else engine,
            model="" if edited else model,
            flags=flags_of(record, text),
            review=review,
        )

    def _entries(self, reviewed: Iterable[str]) -> None:
        originals = {record.segment.id: record for record in self.document.records}
        records = [self.records[segment_id] for segment_id in reviewed]
        refused = self._refused(records)
        for record in records:
            entry = memory_entry(record)
            if entry is None or entry.review is None:
                continue
            texts = dict.fromkeys(refused.get(record.segment.id, ()))
            if entry.review.verdict is Verdict.REJECTED:
                # With the text also what it was written in the place of.
                before = originals[record.segment.id].translation
                candidates = [entry.review.before]
                if before.review is not None and before.review.verdict in (Verdict.EDITED, Verdict.REJECTED):
                    candidates.append(before.review.before)
                texts.update(dict.fromkeys(text.strip() for text in candidates if text))
            self.plan.entries.append(replace(entry, refused=tuple(texts)))

    def _refused(self, records: Sequence[Record]) -> dict[str, tuple[str, ...]]:
        """What had been refused before, by segment."""
        if self.memory is None or not records:
            return {}
        sources = [plain_text(record.segment.text) for record in records]
        known = self.memory.reviews(sources, records[0].target_language)
        return {entry.segment_id: entry.refused for entry in known}

    def _beads(self, changes: Sequence[BeadChange]) -> None:
        fitting = []
        for change in changes:
            unknown = [i for i in (*change.source_ids, *change.target_ids) if i not in self.records]
            if unknown:
                self.plan.problems.append(
                    Problem(
                        unknown[0],
                        self.document.output,
                        change.origin,
                        change.by,
                        f"its bead is left out: {self.document.output} has no segment {unknown[0]}",
                    )
                )
            else:
                fitting.append(change)
        kept, conflicts = merge_beads(fitting, self.prefer)
        self.plan.conflicts += conflicts
        if not kept:
            return
        new = [Link(change.source_ids, change.target_ids, None) for change in kept]
        links = list(dict.fromkeys(record.link for record in self.records.values() if record.link))
        standing = {(link.source_ids, link.target_ids) for link in links}
        for link in new:
            done = (link.source_ids, link.target_ids) in standing
            self.counts["unchanged" if done else "beads"] += 1
        new = [link for link in new if (link.source_ids, link.target_ids) not in standing]
        link_of = {i: link for link in change_links(links, new) for i in link.source_ids}
        for identifier, record in self.records.items():
            self.records[identifier] = replace(record, link=link_of.get(identifier))
        if self.memory is not None:
            first = self.document.records[0]
            digest = segments_digest(record.segment for record in self.document.records)
            known = self.memory.beads(self.document.id, first.target_language, digest)
            given = [Link(change.source_ids, change.target_ids, None) for change in kept]
            self.plan.beads[self.document.output] = change_links(known, given)


def _no_document(segment: str, one: Correction | BeadChange) -> Problem:
    return Problem(segment, one.document, one.origin, one.by, f"the run has no document {one.document}")


def _follow_up(one: Correction, applied: Correction) -> Correction:
    """A correction of what an applied review left, as one of what that review was made on."""
    if applied.verdict is Verdict.EDITED and one.verdict is Verdict.REJECTED:
        # It is the reviewer's text that is rejected.
        return one
    if applied.verdict is Verdict.EDITED and one.verdict is Verdict.ACCEPTED:
        one = replace(one, verdict=Verdict.EDITED, text=applied.text)
    return replace(one, before=applied.before)


def _check_run(run: Path, payload: RunPayload, files: Sequence[Corrections], any_run: bool) -> None:
    own = payload.id
    for file in files:
        if file.run != own and not any_run:
            sources = {
                record.segment.id: record.segment.text for d in payload.documents for record in d.records
            }
            fits = sum(sources.get(one.segment) == one.source for one in file.corrections)
            raise UsageError(
                f"{file.path} belongs to another run ({file.run or 'none'}; {run} is {own});"
                f" {fits} of its {len(file.corrections)} corrections are of sentences that stand here too",
                hint="give the run that the page came from, or take those that fit with --any-run",
            )


def _english(path: Path, records: Sequence[Record]) -> bytes:
    """The English document anew, in the encoding of the one that stands there."""
    try:
        standing = decode(path.read_bytes(), str(path))
    except FileNotFoundError:
        return encode(render_records(records), "utf-8", False)
    return encode(render_records(records), standing.encoding, standing.bom)


def _manifest_and_scores(plan: ApplyPlan, payload: RunPayload) -> dict[Path, bytes]:
    """``manifest.json`` with the new counts, and ``scores.json`` with a note where it is of older texts."""
    contents = {}
    path = plan.run / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest.setdefault("run", payload.id)
    for entry in manifest["inputs"]:
        records = plan.records.get(entry["output"])
        if records is not None:
            counts = Counter(record.translation.status for record in records)
            entry["status"] = {status.value: counts[status] for status in Status}
    contents[path] = _json(manifest)
    path = plan.run / "scores.json"
    if path.is_file() and plan.changed_texts:
        scores = json.loads(path.read_text(encoding="utf-8"))
        changed = {d.id for d in payload.documents if d.output in plan.changed_texts}
        for entry in scores["documents"]:
            note = entry.get("note") or ""
            if entry["document"] in changed and entry.get("metrics") and _SCORED_BEFORE not in note:
                entry["note"] = (note + _SCORED_BEFORE).removeprefix("; ")
        # It was of the texts before; `mtalign check` looks at these.
        scores["gate"] = None
        contents[path] = _json(scores)
    return contents


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()

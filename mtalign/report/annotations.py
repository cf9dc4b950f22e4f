"""What a GitHub Actions job shows of a gate: annotations on the source documents, and a job summary.

GitHub shows ten annotations of each level a step, and takes 1 MiB of summary a step; what goes beyond that
is dropped there without a word, so it is cut here with one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from mtalign.document import Status
from mtalign.gate.result import Criterion, Gate
from mtalign.records import Record
from mtalign.report.payload import DocumentRun, RunPayload, severity_rank
from mtalign.report.places import Place, places
from mtalign.report.text import visible

MAX_ANNOTATIONS = 10
"""Of each level a step."""

MAX_SUMMARY = 1024 * 1024
"""Bytes a step."""

_MAX_CRITERIA = 5
"""Annotations that say which criteria are missed; the others lead to segments."""

_MAX_MESSAGE = 1000
"""Characters of a message: GitHub cuts annotations at 64 KiB, and nobody reads that much."""


@dataclass(frozen=True)
class _Note:
    """One annotation."""

    title: str
    message: str
    properties: tuple[tuple[str, str], ...] = ()


def github_annotations(run: RunPayload, gate: Gate, file_of: Callable[[str], str]) -> list[str]:
    """Workflow commands that annotate the job and the source documents.

    Criteria that are missed and the segments that they lead to are errors; failed segments that the gate
    allows are warnings. The worst come first; where there are more than GitHub shows, a notice says how many.

    Args:
        run: The run.
        gate: What became of it.
        file_of: The path of an input, as the run has it, to the file's path in the repository.
    """
    errors = [_of_criterion(criterion) for criterion in gate.missed]
    left = len(errors) - _MAX_CRITERIA
    errors = errors[:_MAX_CRITERIA]
    wrong = dict.fromkeys(identifier for criterion in gate.missed for identifier in criterion.segments)
    at = _Sources(run, file_of)
    errors += [at.note(*at.known[identifier]) for identifier in at.worst(wrong)]
    allowed = [r.segment.id for d in run.documents for r in d.failures() if r.segment.id not in wrong]
    warnings = [at.note(*at.known[identifier]) for identifier in at.worst(allowed)]
    lines = [_command("error", note) for note in errors[:MAX_ANNOTATIONS]]
    lines += [_command("warning", note) for note in warnings[:MAX_ANNOTATIONS]]
    concerned = sum(max(0, criterion.concerned - len(criterion.segments)) for criterion in gate.missed)
    more = (
        max(0, left) + sum(max(0, len(notes) - MAX_ANNOTATIONS) for notes in (errors, warnings)) + concerned
    )
    if more:
        text = f"{more:,} more are not shown here; index.html and junit.xml of the run have them all"
        lines.append(_command("notice", _Note("mtalign: more", text)))
    return lines


def step_summary(summary: str, already: int = 0) -> str:
    """``summary`` (the content of ``summary.md``), cut where it would go over a step's limit.

    Args:
        summary: Markdown.
        already: Bytes that stand in the step's summary.
    """
    limit = MAX_SUMMARY - already
    if len(summary.encode()) <= limit:
        return summary
    note = "\n\n… cut at GitHub's limit for a job summary: summary.md of the run has the rest\n"
    kept, size = [], len(note.encode())
    for line in summary.split("\n"):
        size += len(line.encode()) + 1
        if size > limit:
            break
        kept.append(line)
    return "\n".join(kept) + note if kept else ""


class _Sources:
    """Where the segments of a run stand in their source files."""

    def __init__(self, run: RunPayload, file_of: Callable[[str], str]) -> None:
        self.known: dict[str, tuple[DocumentRun, Record]] = {
            record.segment.id: (document, record) for document in run.documents for record in document.records
        }
        self._places: dict[str, Place] = {}
        for document in run.documents:
            self._places |= places(document.records)
        self._file_of = file_of

    def worst(self, identifiers: Iterable[str]) -> list[str]:
        return sorted(
            (identifier for identifier in identifiers if identifier in self.known),
            key=lambda identifier: severity_rank(self.known[identifier][1]),
        )

    def note(self, document: DocumentRun, record: Record) -> _Note:
        place = self._places[record.segment.id]
        properties = [("file", self._file_of(document.path)), ("line", str(place.line))]
        if place.end_line != place.line:
            # GitHub takes no column together with a last line.
            properties.append(("endLine", str(place.end_line)))
        else:
            properties.append(("col", str(place.column)))
        page = f"{document.output}/index.html#{record.segment.id}"
        return _Note(_title(record), "\n".join([*_said(record), page]), tuple(properties))


def _title(record: Record) -> str:
    translation = record.translation
    if translation.status is Status.FAILED:
        return f"{record.segment.id}: not translated"
    flags = ", ".join(dict.fromkeys(flag.name for flag in translation.flags))
    return f"{record.segment.id}: {flags}" if flags else f"{record.segment.id}: look at this translation"


def _said(record: Record) -> Iterator[str]:
    translation = record.translation
    if translation.failure:
        yield _short(translation.failure)
    yield from (_short(flag.message) for flag in translation.flags)
    yield f"source: {_short(record.segment.text)}"
    if translation.text:
        yield f"translation: {_short(translation.text)}"


def _of_criterion(criterion: Criterion) -> _Note:
    lines = [criterion.message]
    if criterion.segments:
        more = criterion.concerned - 5
        lines.append(
            "look at " + ", ".join(criterion.segments[:5]) + (f" and {more} more" if more > 0 else "")
        )
    lines += criterion.pages[:1]
    return _Note(f"mtalign gate, {criterion.outcome.value}: {criterion.name}", "\n".join(lines))


def _short(text: str) -> str:
    line = " ".join(visible(text).split())
    return line if len(line) <= _MAX_MESSAGE else line[: _MAX_MESSAGE - 1] + "…"


def _command(level: str, note: _Note) -> str:
    properties = [*note.properties, ("title", note.title)]
    head = ",".join(f"{name}={_property(value)}" for name, value in properties)
    return f"::{level} {head}::{_data(note.message)}"


def _data(text: str) -> str:
    # The percent sign first: it is what the others become.
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(" ".join(text.split())).replace(":", "%3A").replace(",", "%2C")

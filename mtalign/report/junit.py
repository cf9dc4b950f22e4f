"""``junit.xml``: the gate for CI systems that read JUnit reports (Jenkins, GitLab, Azure, CircleCI, …).

A suite ``gate`` with what the run as a whole is held to, then a suite a document: a case for each criterion
of that document, and one for each of its failed segments. It is the form that the schemas of Surefire and of
Jenkins' xUnit plug-in both take. Neither an undecided criterion nor a failed segment is an ``<error>``: the
two schemas name that element differently; the ``type`` of the ``<failure>`` says which it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from mtalign.document import Status
from mtalign.gate.result import Criterion, Gate, Outcome
from mtalign.records import Record
from mtalign.report.payload import DocumentRun, RunPayload
from mtalign.report.places import Place, places
from mtalign.report.text import encode, xml_text

RUN_SUITE = "gate"


@dataclass(frozen=True)
class _Case:
    """A test case; ``kind`` is the type of its failure, empty where it passed."""

    name: str
    group: str
    kind: str = ""
    message: str = ""
    text: str = ""


def write_junit(run: RunPayload, gate: Gate) -> bytes:
    """The content of ``junit.xml``."""
    own = [criterion for criterion in gate.criteria if not criterion.document]
    suites = [(RUN_SUITE, [_criterion_case(one, RUN_SUITE) for one in own])]
    for document in run.documents:
        of_document = [one for one in gate.criteria if one.document == document.id]
        where = places(document.records) if document.failures() else {}
        cases = [_criterion_case(one, document.path) for one in of_document]
        cases += [_failed_case(record, document, where) for record in document.failures()]
        suites.append((document.path or document.id, cases))
    every = [case for _, cases in suites for case in cases]
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="mtalign" {_counts(every)} time="0">',
    ]
    for name, cases in suites:
        lines.append(f'  <testsuite name={_attribute(name)} {_counts(cases)} skipped="0" time="0">')
        for case in cases:
            lines += _case(case)
        lines.append("  </testsuite>")
    lines += ["</testsuites>", ""]
    return encode("\n".join(lines))


def _criterion_case(criterion: Criterion, group: str) -> _Case:
    if criterion.outcome is Outcome.MET:
        return _Case(criterion.name, group)
    return _Case(
        criterion.name, group, criterion.outcome.value, criterion.message, "\n".join(_look(criterion))
    )


def _look(criterion: Criterion) -> Iterable[str]:
    yield criterion.message
    if criterion.segments:
        more = criterion.concerned - len(criterion.segments)
        yield "segments: " + ", ".join(criterion.segments) + (f" and {more} more" if more > 0 else "")
    for page in criterion.pages:
        yield f"page: {page}"


def _failed_case(record: Record, document: DocumentRun, where: dict[str, Place]) -> _Case:
    segment = record.segment
    reason = " ".join((record.translation.failure or Status.FAILED.value).split())
    place = where[segment.id]
    lines = (
        f"{document.path}:{place.line}:{place.column}",
        f"source: {segment.text}",
        f"page: {document.output}/index.html#{segment.id}",
    )
    return _Case(segment.id, document.path, "failed_segment", reason, "\n".join(lines))


def _case(case: _Case) -> Iterable[str]:
    head = f"    <testcase name={_attribute(case.name)} classname={_attribute(case.group)}"
    head += ' time="0"'
    if not case.kind:
        yield f"{head}/>"
        return
    yield f"{head}>"
    yield (
        f"      <failure message={_attribute(case.message)} type={_attribute(case.kind)}>"
        f"{escape(xml_text(case.text)[0])}</failure>"
    )
    yield "    </testcase>"


def _counts(cases: Iterable[_Case]) -> str:
    listed = list(cases)
    return f'tests="{len(listed)}" failures="{sum(bool(case.kind) for case in listed)}" errors="0"'


def _attribute(value: str) -> str:
    return quoteattr(xml_text(value)[0])

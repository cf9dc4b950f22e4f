"""``summary.md``: the run on one screen, for a CI job summary or a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence

from mtalign.document import Status
from mtalign.report.payload import DocumentRun, RunPayload
from mtalign.report.text import code, encode, markdown, number, percent, plural
from mtalign.report.wording import (
    METRIC_MEANINGS,
    SEVERITY_LABELS,
    TOPICAL_SIMILARITY_MEANING,
    coverage_sentence,
    language_name,
    metric_value,
    sentences,
    shard_sentence,
)

MAX_FAILURES = 200
"""Failures listed before the rest is only counted: a job summary has a size limit."""

MAX_TERMS = 50
"""Terms of the glossary listed, those missed most often first."""


def write_summary(run: RunPayload) -> bytes:
    """The content of ``summary.md``."""
    parts = [
        _headline(run),
        _gate(run),
        _documents(run),
        _scores(run),
        _glossary(run),
        _flags(run),
        _failures(run),
        _reviews(run),
        _models(run),
    ]
    return encode("\n\n".join(part for part in parts if part) + "\n")


def _headline(run: RunPayload) -> str:
    counts = ", ".join(f"{count} {status.value}" for status, count in run.statuses.items())
    size = f"{plural(len(run.documents), 'document')}, {plural(run.segments, 'segment')}"
    lines = f"# Translation run\n\n{size}: {counts}."
    return f"{lines}\n\n{shard_sentence(run)}" if run.shard else lines


def _gate(run: RunPayload) -> str:
    gate = run.gate
    if gate is None:
        return ""
    missed = len(gate.missed)
    said = "passed" if gate.passed else f"missed, {missed} of {len(gate.criteria)} criteria"
    # What is missed stands first; sorted() keeps the order among equals.
    rows = [
        (
            f"**{one.outcome.value}**" if one in gate.missed else one.outcome.value,
            markdown(one.name),
            markdown(one.message),
            markdown(", ".join(one.segments[:10])) + (" …" if one.concerned > 10 else ""),
        )
        for one in sorted(gate.criteria, key=lambda one: one not in gate.missed)
    ]
    table = _table(("", "Criterion", "What the run has", "Look at"), rows)
    return f"## Gate: {said}\n\n{table}"


def _documents(run: RunPayload) -> str:
    header = ("Document", "File", "Languages", "Segments", *(status.value.capitalize() for status in Status))
    rows = [
        (
            markdown(document.id),
            markdown(document.file_name),
            markdown(", ".join(language_name(code) for code in document.languages)) or "–",
            str(len(document.records)),
            *(str(count) for count in document.statuses.values()),
        )
        for document in run.documents
    ]
    return "## Documents\n\n" + _table(header, rows, right=range(3, 8))


def _scores(run: RunPayload) -> str:
    if run.reference is None and all(document.score is None for document in run.documents):
        return ""
    lines = ["## Scores against the reference"]
    if run.reference is not None:
        size = (
            f", {plural(run.reference.sentences, 'sentence')}" if run.reference.sentences is not None else ""
        )
        where = markdown(run.reference.path or run.reference.document) or "given"
        lines.append(f"Reference: {where}{size}. {markdown(run.reference.note)}".strip())
    names = list(dict.fromkeys(metric.name for d in run.documents if d.score for metric in d.score.metrics))
    rows = []
    for document in run.documents:
        score = document.score
        values = {metric.name: metric_value(metric) for metric in score.metrics} if score else {}
        similarity = score.topical_similarity if score else None
        rows.append(
            (
                markdown(document.id),
                *(values.get(name, "–") for name in names),
                "–" if similarity is None else f"{similarity:.2f}",
                markdown(_coverage(document)),
            )
        )
    header = ("Document", *(markdown(name) for name in names), "Topical similarity", "Coverage")
    lines.append(_table(header, rows, right=range(1, len(names) + 2)))
    lines += [
        f"{markdown(document.id)} sentence by sentence (stricter; not to be compared with the document level"
        " above): "
        + ", ".join(f"{markdown(m.name)} {metric_value(m)}" for m in document.score.sentence_metrics)
        for document in run.documents
        if document.score and document.score.sentence_metrics
    ]
    meanings = [f"- {name}: {METRIC_MEANINGS[name]}" for name in names if name in METRIC_MEANINGS]
    meanings.append(f"- Topical similarity: {TOPICAL_SIMILARITY_MEANING}")
    lines.append("\n".join(meanings))
    signatures = [
        f"- {markdown(document.id)} {markdown(metric.name)}: {code(metric.signature)}"
        for document in run.documents
        if document.score
        for metric in document.score.metrics
    ]
    if signatures:
        lines.append("Signatures:\n\n" + "\n".join(signatures))
    return "\n\n".join(lines)


def _coverage(document: DocumentRun) -> str:
    text = coverage_sentence(document.score)
    coverage = document.score.coverage if document.score else None
    counted = sentences(coverage.reference_sentences) if coverage else ""
    return f"{text} ({counted})" if counted else text


def _glossary(run: RunPayload) -> str:
    glossary = run.glossary
    if glossary is None:
        return ""
    size = f"{markdown(glossary.file)}, {plural(glossary.terms, 'term')}"
    if not glossary.found:
        return f"## Glossary\n\n{size}: none of them is in the translated sources."
    share = percent(glossary.hit / glossary.found)
    line = f"{size}. Found in {plural(glossary.found, 'place')}; the translation has the English in {share}"
    line += f" ({glossary.hit} of {glossary.found})."
    # What was missed most stands first; sorted() keeps the glossary's order among equals.
    terms = sorted(glossary.by_term, key=lambda term: term.hit - term.found)
    rows = [
        (
            markdown(term.source),
            " or ".join(markdown(english) for english in term.english),
            str(term.found),
            str(term.hit),
            percent(term.hit / term.found) if term.found else "–",
            markdown(term.note),
        )
        for term in terms[:MAX_TERMS]
    ]
    table = _table(("Term", "English", "Found", "Hit", "Rate", "Note"), rows, right=(2, 3, 4))
    if len(terms) > MAX_TERMS:
        table += f"\n\n… and {len(terms) - MAX_TERMS} more: see scores.json"
    return f"## Glossary\n\n{line}\n\n{table}"


def _flags(run: RunPayload) -> str:
    kinds = run.flag_kinds()
    if not kinds:
        return "## Flags\n\nNone."
    rows = [
        (
            SEVERITY_LABELS[kind.severity],
            markdown(kind.name),
            str(kind.count),
            ", ".join(
                f"{markdown(d.id)}: {kind.by_output[d.output]}"
                for d in run.documents
                if d.output in kind.by_output
            ),
        )
        for kind in kinds
    ]
    return "## Flags\n\n" + _table(("Severity", "Flag", "Count", "By document"), rows, right=(2,))


def _failures(run: RunPayload) -> str:
    failures = [record for document in run.documents for record in document.failures()]
    if not failures:
        return "## Failed segments\n\nNone."
    lines = [
        f"- **{markdown(record.segment.id)}**: {markdown(record.translation.failure or '')}"
        for record in failures[:MAX_FAILURES]
    ]
    if len(failures) > MAX_FAILURES:
        lines.append(f"- … and {len(failures) - MAX_FAILURES} more: see the documents' segments.tsv")
    return "## Failed segments\n\n" + "\n".join(lines)


def _reviews(run: RunPayload) -> str:
    every = (r.translation.review for document in run.documents for r in document.records)
    reviews = [review for review in every if review]
    if not reviews:
        return ""
    counts = Counter(review.verdict.value if review.verdict else "commented on" for review in reviews)
    # Several people who agree have signed as one.
    signed = [name for review in reviews for name in (review.by or "somebody").split(" & ")]
    people = dict.fromkeys(map(markdown, signed))
    order = ("accepted", "edited", "rejected", "commented on")
    said = ", ".join(f"{number(counts[verdict])} {verdict}" for verdict in order if counts[verdict])
    return f"## Review\n\n{said}. By {', '.join(people)}."


def _models(run: RunPayload) -> str:
    if not run.models:
        return ""
    lines = []
    for model in run.models:
        engine = f"{model.engine} {model.engine_version}".strip()
        facts = (
            model.fingerprint and f"fingerprint {model.fingerprint[:12]}",
            engine and f"engine {engine}",
            model.licence and f"licence {model.licence}",
            model.attribution,
        )
        lines.append("- " + "; ".join(markdown(fact) for fact in (model.name, *facts) if fact))
    return "## Models\n\n" + "\n".join(lines)


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, right: Container[int] = ()) -> str:
    rule = ["---:" if column in right else "---" for column in range(len(header))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *rows))

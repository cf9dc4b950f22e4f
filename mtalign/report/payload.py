"""A run folder, read: what every report is made from.

``manifest.json`` and, for each document, ``segments.jsonl`` must be there. ``scores.json`` and a document's
``reference.jsonl`` are read where they are. Fields that this version does not know are ignored, optional
ones may be missing; another ``schema`` is refused.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from mtalign.document import SCHEMA_VERSION, BlockKind, Flag, Score, Severity, Status
from mtalign.errors import DocumentError, UsageError
from mtalign.gate.result import Gate, gate_from_json
from mtalign.records import Record, read_records, run_id

NEAR_NOTHING = 0.1
"""A document that covers less of the reference than this is another article."""

SEVERITIES = (Severity.ERROR, Severity.WARNING, Severity.INFO)
"""From the one that matters most."""

_RUN_AGAIN = "run `mtalign run` again to write it anew"
_T = TypeVar("_T")


@dataclass(frozen=True)
class Model:
    """A model that took part in the run."""

    name: str
    fingerprint: str = ""
    licence: str = ""
    attribution: str = ""
    engine: str = ""
    engine_version: str = ""


@dataclass(frozen=True)
class Reference:
    """The reference translation that documents were aligned with."""

    path: str = ""
    document: str = ""
    sentences: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Coverage:
    """How much of each side aligned; shares are of characters or sentences as the scorer counts, 0 to 1."""

    reference: float
    hypothesis: float | None = None
    reference_sentences: tuple[int, int] | None = None
    """Aligned, in all."""
    hypothesis_sentences: tuple[int, int] | None = None


@dataclass(frozen=True)
class DocumentScore:
    """What ``scores.json`` says of one document, or of all that are scored together."""

    metrics: tuple[Score, ...] = ()
    """Document level: the aligned part as one line a side."""
    sentence_metrics: tuple[Score, ...] = ()
    """The same part bead by bead."""
    coverage: Coverage | None = None
    topical_similarity: float | None = None
    """Cosine of the two texts' sentence embeddings: closeness of subject, not quality."""
    note: str = ""

    @property
    def scored(self) -> bool:
        """Whether any metric was computed."""
        return bool(self.metrics or self.sentence_metrics)


@dataclass(frozen=True)
class ReferenceBead:
    """Segments of the document and the sentences of the reference that say the same."""

    source_ids: tuple[str, ...]
    sentences: tuple[str, ...]
    score: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Scores of this line alone, by metric."""


@dataclass(frozen=True)
class DocumentRun:
    """One document of a run with its segments."""

    id: str
    path: str
    output: str
    """Name of its folder in the run folder."""
    records: tuple[Record, ...]
    beads: tuple[ReferenceBead, ...] = ()
    score: DocumentScore | None = None
    given_title: str = ""

    @property
    def file_name(self) -> str:
        """The last part of its path, whichever separator the path was written with."""
        return self.path.replace("\\", "/").rstrip("/").rpartition("/")[2] or self.id

    @property
    def title_record(self) -> Record | None:
        """The segment that names the document: a heading near its beginning, or a short first block."""
        for record in self.records[:5]:
            if record.kind is BlockKind.HEADING:
                return record
        if not self.records or self.records[0].segment.skip or len(self.records[0].segment.text) > 120:
            return None
        first = self.records[0]
        alone = len(self.records) == 1 or self.records[1].segment.block_id != first.segment.block_id
        return first if alone else None

    @property
    def opening(self) -> str:
        """The English of its first translated segment."""
        texts = (r.translation.text or "" for r in self.records if r.translation.status is Status.TRANSLATED)
        return next(texts, "")

    @property
    def statuses(self) -> dict[Status, int]:
        """How many segments have each status, all four named."""
        counts = Counter(record.translation.status for record in self.records)
        return {status: counts[status] for status in Status}

    @property
    def languages(self) -> dict[str, int]:
        """Source languages with how many segments each has, the most frequent first."""
        counts = Counter(r.segment.language for r in self.records if r.segment.language != "und")
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    @property
    def severities(self) -> dict[Severity, int]:
        """How many flags have each severity, the worst first."""
        counts = Counter(flag.severity for _, flag in self.flags())
        return {severity: counts[severity] for severity in SEVERITIES}

    def flags(self) -> Iterator[tuple[Record, Flag]]:
        """Every flag with the segment it stands on, in document order."""
        for record in self.records:
            for flag in record.translation.flags:
                yield record, flag

    def failures(self) -> list[Record]:
        """The segments that should have been translated and were not."""
        return [record for record in self.records if record.translation.status is Status.FAILED]


@dataclass(frozen=True)
class TermCount:
    """What became of one term of the glossary."""

    source: str
    english: tuple[str, ...]
    """The preferred English, then what may stand for it."""
    note: str
    found: int
    """Places in the translated sources."""
    hit: int
    """Those of them whose translation holds the English."""


@dataclass(frozen=True)
class GlossaryCounts:
    """What became of the terms of the glossary, as ``scores.json`` says it under ``glossary``."""

    file: str
    terms: int
    """Lines of the glossary."""
    found: int
    hit: int
    by_term: tuple[TermCount, ...]


@dataclass(frozen=True)
class Work:
    """When the run was made, how long it took and how fast it went: what differs when it is repeated."""

    created: str = ""
    """ISO 8601."""
    seconds: float | None = None
    segments: int | None = None
    from_memory: int | None = None
    decoded: int | None = None
    tokens_per_second: float | None = None

    def __bool__(self) -> bool:
        return self != Work()


@dataclass(frozen=True)
class Shard:
    """A part of a run, as `mtalign run --shard` writes it: the segments of other parts are not in it."""

    part: int
    parts: int
    of: int
    """Segments in all parts."""


@dataclass(frozen=True)
class RunPayload:
    """A whole run."""

    documents: tuple[DocumentRun, ...]
    models: tuple[Model, ...] = ()
    reference: Reference | None = None
    version: str = ""
    """The version of mtalign that made the run."""
    glossary: GlossaryCounts | None = None
    id: str = ""
    """The run's id, by which corrections of another run are recognised."""
    work: Work = Work()
    shard: Shard | None = None
    """Which part of a run this is; None for a whole one."""
    corpus: DocumentScore | None = None
    """The scored documents together; None where there are none."""
    left_out: tuple[str, ...] = ()
    """Why each document was left out that could not be read."""
    gate: Gate | None = None
    """What became of what the run is held to; None where that was not looked at."""

    @property
    def scored_documents(self) -> int:
        """How many documents have a score."""
        return sum(document.score is not None and document.score.scored for document in self.documents)

    @property
    def statuses(self) -> dict[Status, int]:
        """How many segments of all documents have each status."""
        return {status: sum(d.statuses[status] for d in self.documents) for status in Status}

    @property
    def segments(self) -> int:
        """Number of segments in all documents."""
        return sum(len(document.records) for document in self.documents)

    def flag_kinds(self) -> list[FlagKind]:
        """Flags by name and severity, the worst and most frequent first."""
        counts: dict[tuple[str, Severity], Counter[str]] = {}
        for document in self.documents:
            for _, flag in document.flags():
                counts.setdefault((flag.name, flag.severity), Counter())[document.output] += 1
        kinds = [FlagKind(name, severity, dict(counter)) for (name, severity), counter in counts.items()]
        return sorted(kinds, key=lambda kind: (SEVERITIES.index(kind.severity), -kind.count, kind.name))


@dataclass(frozen=True)
class FlagKind:
    """How often a flag stands in a run."""

    name: str
    severity: Severity
    by_output: Mapping[str, int]
    """Count by the document's folder."""

    @property
    def count(self) -> int:
        """In all documents."""
        return sum(self.by_output.values())


def severity_rank(record: Record) -> tuple[float, ...]:
    """Sort key that puts the segment a reviewer should see first at the front.

    Failed segments, then by number of errors and of warnings, estimated quality, number of notes, similarity
    of the bead and the engine's score; what did not go through a model comes after what did.
    """
    translation = record.translation
    counts = Counter(flag.severity for flag in translation.flags)
    untouched = translation.status in (Status.KEPT, Status.SKIPPED)
    return (
        0 if translation.status is Status.FAILED else 1,
        -counts[Severity.ERROR],
        -counts[Severity.WARNING],
        1 if untouched else 0,
        record.quality if record.quality is not None else 2.0,
        -counts[Severity.INFO],
        record.link.score if record.link and record.link.score is not None else 2.0,
        translation.score if translation.score is not None else 1.0,
    )


def read_run(run: Path) -> RunPayload:
    """Read a run folder.

    Raises:
        UsageError: ``run`` is not a run folder.
        DocumentError: one of its files is missing, damaged or of another schema.
    """
    manifest_path = run / "manifest.json"
    if not run.is_dir():
        raise UsageError(f"{run} is not a folder", hint="give the output folder of `mtalign run`")
    if not manifest_path.is_file():
        raise UsageError(
            f"{run} is not a run folder: it has no manifest.json",
            hint="give the output folder of `mtalign run`",
        )
    manifest = _read_object(manifest_path)
    scores_path = run / "scores.json"
    reference, scores, corpus, glossary, gate = _scores(scores_path) if scores_path.is_file() else _NO_SCORES
    where = str(manifest_path)
    documents = []
    outputs: set[str] = set()
    shard = _shard(manifest, where)
    for entry in _objects(manifest, "inputs", where, required=True):
        output = _field(entry, "output", str, where)
        # A folder's name comes out of a file: it must stay inside the run folder.
        if not output.strip() or output in {".", ".."} or any(c in output for c in "/\\\0"):
            raise DocumentError(
                f"{where} is damaged: {output!r} is not the name of a folder", hint=_RUN_AGAIN
            )
        if output in outputs:
            raise DocumentError(f"{where} is damaged: it names {output} twice", hint=_RUN_AGAIN)
        outputs.add(output)
        identifier = _field(entry, "document", str, where)
        if shard and not _field(entry, "segments", int, where):
            continue
        documents.append(
            DocumentRun(
                id=identifier,
                path=_field(entry, "path", str, where),
                output=output,
                given_title=_field(entry, "title", str, where, ""),
                records=_records(run / output / "segments.jsonl"),
                beads=tuple(_beads(run / output / "reference.jsonl")),
                score=scores.get(identifier),
            )
        )
    return RunPayload(
        documents=tuple(documents),
        models=tuple(_model(entry, where) for entry in _objects(manifest, "models", where)),
        reference=reference,
        version=_field(manifest, "mtalign", str, where, ""),
        glossary=glossary,
        id=_field(manifest, "run", str, where, "")
        or run_id((d.output, (record.segment for record in d.records)) for d in documents),
        work=_work(manifest, where),
        shard=shard,
        corpus=corpus,
        left_out=_strings(manifest, "left_out", where) if "left_out" in manifest else (),
        gate=gate,
    )


def read_whole_run(run: Path, what: str) -> RunPayload:
    """Read a run folder for something that needs all of the run; ``what`` names it: ``a review``.

    Raises:
        UsageError: ``run`` is no run folder, or a shard of a run.
        DocumentError: see :func:`read_run`.
    """
    payload = read_run(run)
    if payload.shard:
        raise UsageError(
            f"{run} is shard {payload.shard.part}/{payload.shard.parts} of a run, and {what} needs all of it",
            hint="put the shards together first: mtalign merge SHARD... -o FOLDER",
        )
    return payload


def _shard(manifest: Mapping[str, Any], where: str) -> Shard | None:
    entry = _field(manifest, "shard", dict, where, None)
    return entry and Shard(*(_field(entry, key, int, where) for key in ("part", "parts", "of")))


def _work(manifest: Mapping[str, Any], where: str) -> Work:
    time = _field(manifest, "time", dict, where, {})
    rate = _field(manifest, "rate", dict, where, {})
    return Work(
        created=_field(manifest, "created", str, where, ""),
        seconds=_number(time, "seconds", where),
        segments=_field(rate, "segments", int, where, None),
        from_memory=_field(rate, "from_memory", int, where, None),
        decoded=_field(rate, "decoded", int, where, None),
        tokens_per_second=_number(rate, "tokens_per_second", where),
    )


def _records(path: Path) -> tuple[Record, ...]:
    records = tuple(read_records(path))
    seen: set[str] = set()
    for number, record in enumerate(records, start=1):
        segment, translation, link = record.segment, record.translation, record.link
        texts = [segment.id, segment.document_id, segment.block_id, segment.text, segment.language]
        texts += [translation.text or "", translation.failure or "", translation.engine, translation.model]
        texts += [text for flag in translation.flags for text in (flag.name, flag.message)]
        numbers = [record.level, translation.score or 0, (link and link.score) or 0, record.quality or 0]
        typed = all(isinstance(t, str) for t in texts) and all(isinstance(n, (int, float)) for n in numbers)
        if not typed or segment.id in seen:
            what = "a value is of the wrong type" if not typed else f"{segment.id} stands there twice"
            raise DocumentError(f"{path}, line {number}: {what}", hint=_RUN_AGAIN)
        seen.add(segment.id)
    return records


def _model(entry: Mapping[str, Any], where: str) -> Model:
    optional = ("fingerprint", "licence", "attribution", "engine", "engine_version")
    return Model(
        name=_field(entry, "name", str, where),
        **{key: _field(entry, key, str, where, "") for key in optional},
    )


class _Scores(NamedTuple):
    """What ``scores.json`` says."""

    reference: Reference | None
    documents: Mapping[str, DocumentScore]
    corpus: DocumentScore | None
    glossary: GlossaryCounts | None
    gate: Gate | None


_NO_SCORES = _Scores(None, {}, None, None, None)


def _scores(path: Path) -> _Scores:
    scores, where = _read_object(path), str(path)
    entry = _field(scores, "reference", dict, where, None)
    reference = entry and Reference(
        path=_field(entry, "path", str, where, ""),
        document=_field(entry, "document", str, where, ""),
        sentences=_field(entry, "sentences", int, where, None),
        note=_field(entry, "note", str, where, ""),
    )
    documents = {
        _field(document, "document", str, where): _score(document, where)
        for document in _objects(scores, "documents", where, required=True)
    }
    corpus = _field(scores, "corpus", dict, where, None)
    gate = _field(scores, "gate", dict, where, None)
    return _Scores(
        reference,
        documents,
        corpus and _score(corpus, where),
        _glossary(scores, where),
        gate and gate_from_json(gate, where),
    )


def _score(entry: Mapping[str, Any], where: str) -> DocumentScore:
    return DocumentScore(
        metrics=tuple(_metric(metric, where) for metric in _objects(entry, "metrics", where)),
        sentence_metrics=tuple(
            _metric(metric, where) for metric in _objects(entry, "sentence_metrics", where)
        ),
        coverage=_coverage(_field(entry, "coverage", dict, where, None), where),
        topical_similarity=_number(entry, "topical_similarity", where),
        note=_field(entry, "note", str, where, ""),
    )


def _glossary(scores: Mapping[str, Any], where: str) -> GlossaryCounts | None:
    entry = _field(scores, "glossary", dict, where, None)
    if entry is None:
        return None
    return GlossaryCounts(
        file=_field(entry, "file", str, where, ""),
        terms=_field(entry, "terms", int, where),
        found=_field(entry, "found", int, where),
        hit=_field(entry, "hit", int, where),
        by_term=tuple(
            TermCount(
                source=_field(term, "source", str, where),
                english=_strings(term, "english", where),
                note=_field(term, "note", str, where, ""),
                found=_field(term, "found", int, where),
                hit=_field(term, "hit", int, where),
            )
            for term in _objects(entry, "by_term", where)
        ),
    )


def _metric(metric: Mapping[str, Any], where: str) -> Score:
    return Score(
        name=_field(metric, "name", str, where),
        score=float(_field(metric, "score", (int, float), where)),
        signature=_field(metric, "signature", str, where),
        details={k: v for k, v in metric.items() if k not in {"name", "score", "signature"}},
    )


def _coverage(entry: Mapping[str, Any] | None, where: str) -> Coverage | None:
    if entry is None:
        return None
    return Coverage(
        reference=float(_field(entry, "reference", (int, float), where)),
        hypothesis=_number(entry, "hypothesis", where),
        reference_sentences=_pair(entry, "reference_sentences", where),
        hypothesis_sentences=_pair(entry, "hypothesis_sentences", where),
    )


def _beads(path: Path) -> Iterator[ReferenceBead]:
    if not path.is_file():
        return
    for number, line in enumerate(_read_text(path).split("\n"), start=1):
        if not line:
            continue
        where = f"{path}, line {number}"
        bead = _parse_object(line, where)
        yield ReferenceBead(
            source_ids=_strings(bead, "source", where),
            sentences=_strings(bead, "reference", where),
            score=_number(bead, "score", where) or 0.0,
            metrics={
                name: value
                for name, value in _field(bead, "metrics", dict, where, {}).items()
                if isinstance(value, (int, float))
            },
        )


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DocumentError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DocumentError(f"{path} is not UTF-8 ({error.reason} at byte {error.start})") from error


def _read_object(path: Path) -> dict[str, Any]:
    value = _parse_object(_read_text(path), str(path))
    if value.get("schema") != SCHEMA_VERSION:
        raise DocumentError(
            f"{path} has schema {value.get('schema')!r}, this version reads {SCHEMA_VERSION}", hint=_RUN_AGAIN
        )
    return value


def _parse_object(text: str, where: str) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise DocumentError(f"{where} is damaged: {constant} is not a number", hint=_RUN_AGAIN)

    try:
        value = json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise DocumentError(f"{where}: not JSON ({error.msg})", hint=_RUN_AGAIN) from error
    except RecursionError as error:
        raise DocumentError(f"{where} is damaged: nested too deep", hint=_RUN_AGAIN) from error
    if not isinstance(value, dict):
        raise DocumentError(f"{where} is damaged: not a JSON object", hint=_RUN_AGAIN)
    return value


_REQUIRED: Any = object()


def _field(
    entry: Mapping[str, Any],
    key: str,
    kind: type[_T] | tuple[type, ...],
    where: str,
    default: Any = _REQUIRED,
) -> Any:
    value = entry.get(key)
    if value is None:
        if default is _REQUIRED:
            raise DocumentError(f"{where} is damaged: {key!r} is missing", hint=_RUN_AGAIN)
        return default
    if not isinstance(value, kind) or isinstance(value, bool):
        raise DocumentError(
            f"{where} is damaged: {key!r} is of the wrong type ({type(value).__name__})", hint=_RUN_AGAIN
        )
    return value


def _number(entry: Mapping[str, Any], key: str, where: str) -> float | None:
    value = _field(entry, key, (int, float), where, None)
    return None if value is None else float(value)


def _objects(
    entry: Mapping[str, Any], key: str, where: str, *, required: bool = False
) -> list[Mapping[str, Any]]:
    values = _field(entry, key, list, where, _REQUIRED if required else [])
    if not all(isinstance(value, dict) for value in values):
        raise DocumentError(f"{where} is damaged: {key!r} holds something else than objects", hint=_RUN_AGAIN)
    return list(values)


def _strings(entry: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    values = _field(entry, key, list, where)
    if not all(isinstance(value, str) for value in values):
        raise DocumentError(f"{where} is damaged: {key!r} holds something else than text", hint=_RUN_AGAIN)
    return tuple(values)


def _pair(entry: Mapping[str, Any], key: str, where: str) -> tuple[int, int] | None:
    values = _field(entry, key, list, where, None)
    if values is None:
        return None
    if len(values) != 2 or not all(isinstance(value, int) for value in values):
        raise DocumentError(f"{where} is damaged: {key!r} is not two whole numbers", hint=_RUN_AGAIN)
    return values[0], values[1]

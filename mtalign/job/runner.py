"""The chain: read, segment, translate, align, score, report. The one place that knows the order.

The end of a run, :func:`finish_job`, works from translations alone, with no engine, whoever made them: this
process, an executor's workers, or shards of the run that :mod:`mtalign.job.merge` puts together.
"""

from __future__ import annotations

import os
import time
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtalign import __version__
from mtalign.document import PERSON, SCHEMA_VERSION, Status
from mtalign.embed.cache import VectorCache
from mtalign.engines.base import Decoding
from mtalign.gate import gate_table
from mtalign.job.engines import EnginePool
from mtalign.job.estimates import check_run, run_names
from mtalign.job.executors import LocalExecutor
from mtalign.job.findings import Finder, texts_digest
from mtalign.job.gate import check_gate, hold, record
from mtalign.job.inputs import read_inputs
from mtalign.job.links import change_links
from mtalign.job.manifest import machine, package_versions
from mtalign.job.outputs import check_writable, jsonl, write_document, write_json, write_or_remove
from mtalign.job.rates import rate
from mtalign.job.reference import load_reference
from mtalign.job.regression import check_reference, compare_with_baseline, load_baseline
from mtalign.job.scoring import align_document, reference_text, scores_json
from mtalign.job.shards import claim_folder, own_segments, reviews_digest, write_part
from mtalign.job.terms import TermCounts, configured_glossary
from mtalign.job.translated import translated_document
from mtalign.languages import parse_language
from mtalign.memory import Decision, Memory
from mtalign.records import run_id, segments_digest
from mtalign.score.metrics import check_metrics
from mtalign.score.runs import REFERENCE_FILE
from mtalign.segment import plain_text
from mtalign.translate import PlanStatistics, untouched

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mtalign.document import Translation
    from mtalign.errors import MtalignError
    from mtalign.glossary import Glossary
    from mtalign.job.config import JobConfig
    from mtalign.job.events import Events
    from mtalign.job.executors import Executor
    from mtalign.job.inputs import Input
    from mtalign.job.reference import Reference
    from mtalign.job.scoring import ScoredDocument
    from mtalign.job.shards import Shard
    from mtalign.job.translated import TranslatedDocument
    from mtalign.languages import Language
    from mtalign.models.store import ModelStore
    from mtalign.records import Record
    from mtalign.report.payload import RunPayload


@dataclass(frozen=True)
class RunResult:
    """What a run came to."""

    folder: Path
    documents: tuple[dict[str, Any], ...]
    """The manifest's entry of each document."""
    scores: dict[str, Any]
    """``scores.json``."""
    errors: tuple[MtalignError, ...]
    """Documents that were left out."""
    statistics: PlanStatistics
    seconds: float
    shard: Shard | None = None
    """Which part of the run this is, where it is not the whole; a part has no scores."""
    payload: RunPayload | None = None
    """The folder as it was read again, with its gate; None for a part, which is held to nothing."""

    @property
    def failed(self) -> int:
        """Segments that should have been translated and were not."""
        return sum(document["status"][Status.FAILED.value] for document in self.documents)


def decoding_of(config: JobConfig) -> Decoding:
    """The decoding options that a configuration asks for."""
    return Decoding(beam=config.model.beam, quality=config.model.quality)


def parse_source(name: str) -> Language | None:
    """The source language of a configuration or option; None for ``auto``.

    Raises:
        LanguageError: it is not a language.
    """
    return None if name == "auto" else parse_language(name)


def translate_inputs(
    inputs: Iterable[Input],
    *,
    pool: EnginePool,
    target: Language,
    memory: Memory,
    decoding: Decoding,
    events: Events,
    glossary: Glossary | None = None,
    executor: Executor | None = None,
) -> tuple[dict[str, Translation], PlanStatistics]:
    """Translate all segments, each with the engine for its language; ``executor`` says where."""
    executor = executor or LocalExecutor()
    segments = [segment for item in inputs for segment in item.segments]
    wanted = {segment.language for segment in segments if not segment.skip}
    engines = pool.engines_for([parse_language(code) for code in sorted(wanted)])
    translations: dict[str, Translation] = {}
    statistics = PlanStatistics()
    for engine in dict.fromkeys(engines.values()):
        mine = [s for s in segments if not s.skip and engines[s.language] is engine]
        with events.stage(f"translating with {engine.model.name}", "segments") as stage:
            done, cost = executor.translate(
                mine,
                engine=engine,
                target=target,
                memory=memory,
                decoding=decoding,
                glossary=glossary,
                progress=lambda now, stage=stage: stage.update(  # type: ignore[misc]
                    now.done, now.total, f"{now.tokens} tokens" if now.tokens else "from memory"
                ),
            )
        translations.update(done)
        statistics.add(cost)
    skipped = [segment for segment in segments if segment.skip]
    decisions = memory.decisions(
        [(s.id, plain_text(s.text), s.language) for s in skipped], target.code, own_only=True
    )
    translations.update({s.id: untouched(s, decisions.get(s.id, Decision())) for s in skipped})
    return translations, statistics


@dataclass(frozen=True)
class Work:
    """What the translations of a job were made with, and what they cost."""

    models: list[dict[str, Any]]
    statistics: PlanStatistics
    packages: dict[str, str | None] = field(default_factory=package_versions)
    created: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    started: float = field(default_factory=time.perf_counter)
    """On the clock of :func:`time.perf_counter`."""
    shards: tuple[dict[str, Any], ...] = ()
    """Of a merged run: what each shard took, as the manifest has it."""

    @property
    def seconds(self) -> float:
        """Since ``started``, and what the shards took."""
        shards: float = sum(one["time"]["seconds"] for one in self.shards)
        return time.perf_counter() - self.started + shards


def run_job(
    config: JobConfig,
    *,
    store: ModelStore,
    memory_path: Path | None,
    offline: bool,
    events: Events,
    shard: Shard | None = None,
    executor: Executor | None = None,
) -> RunResult:
    """Translate, align and score the documents of ``config`` and write its output folder.

    With ``shard``, translate that part of them and write the folder of a part (:mod:`mtalign.job.shards`).

    Raises:
        MtalignError: see :mod:`mtalign.errors`; what had been translated before is in the memory.
    """
    started, created = time.perf_counter(), datetime.now(timezone.utc)
    finder = Finder(None if memory_path is None or shard is not None else VectorCache(note=events.note))
    folder = config.base / config.output.folder
    target = parse_language(config.input.target)
    source = parse_source(config.input.source)
    inputs, errors = read_inputs(
        config.input.paths, base=config.base, source=source, target=target, events=events
    )
    reference = load_reference(config, target)
    if reference is not None and shard is None:
        check_metrics(config.reference.metrics)
    check_gate(config)
    if shard is None:
        baseline = load_baseline(config.gate.regression, config.base)
        if baseline is not None and reference is not None:
            check_reference(baseline, reference.sentences)
    glossary = configured_glossary(config, target)
    claim_folder(folder, shard)
    check_writable(folder)
    own = own_segments([item.segments for item in inputs], shard) if shard else None
    chosen = inputs if own is None else [_part_of(item, r) for item, r in zip(inputs, own, strict=True)]
    with (
        Memory(memory_path) as memory,
        EnginePool(config.model, store=store, offline=offline, events=events, base=config.base) as pool,
    ):
        if shard is not None:
            # The model of the whole run, whichever languages this part has.
            every = {s.language for item in inputs for s in item.segments if not s.skip}
            if every:
                pool.choose([parse_language(code) for code in sorted(every)])
        translations, statistics = translate_inputs(
            chosen,
            pool=pool,
            target=target,
            memory=memory,
            decoding=decoding_of(config),
            events=events,
            glossary=glossary,
            executor=executor,
        )
        work = Work(pool.used(), statistics, created=created, started=started)
        documents = [
            translated_document(
                item,
                translations,
                target.code,
                memory.beads(item.document.id, target.code, segments_digest(item.segments)),
                own=None if own is None else own[number],
            )
            for number, item in enumerate(inputs)
        ]
        reviews = reviews_digest(memory, [item.segments for item in inputs], target.code) if shard else ""
    if shard is None:
        # What was found out stays known, even where the end of the run fails.
        with closing(finder):
            return finish_job(
                config, documents, work, reference, glossary, errors=errors, events=events, finder=finder
            )
    identity = run_id((item.output, item.segments) for item in inputs)
    entries = write_part(
        folder,
        shard,
        config,
        documents,
        manifest=_manifest(config, documents, work, identity, errors),
        counts=[len(item.segments) for item in inputs],
        own=own or [],
        languages=pool.languages,
        glossary=glossary,
        reference=reference,
        reviews=reviews,
        statistics=asdict(statistics),
    )
    scores: dict[str, Any] = {"documents": [], "glossary": None}
    return RunResult(folder, tuple(entries), scores, tuple(errors), statistics, work.seconds, shard)


def _part_of(item: Input, own: range) -> Input:
    return replace(item, segments=item.segments[own.start : own.stop])


def finish_job(
    config: JobConfig,
    documents: Sequence[TranslatedDocument],
    work: Work,
    reference: Reference | None,
    glossary: Glossary | None,
    *,
    errors: Sequence[MtalignError],
    events: Events,
    finder: Finder,
) -> RunResult:
    """Align and score translated documents and write the output folder of ``config``: the end of every run.

    Args:
        config: of the job.
        documents: translated, in order.
        work: what that took.
        reference: what they are aligned with, where there is one.
        glossary: whose terms are counted, where there is one.
        errors: documents that were left out.
        events: is told how far it is.
        finder: finds out what sentence vectors say.

    Raises:
        MtalignError: see :mod:`mtalign.errors`.
    """
    folder = config.base / config.output.folder
    target = parse_language(config.input.target)
    segments_of_run = [segment for document in documents for segment in document.segments]
    translations = check_run(
        segments_of_run, {r.segment.id: r.translation for document in documents for r in document.records}
    )
    names = cache(partial(run_names, segments_of_run, translations))
    texts = texts_digest(segments_of_run, translations)
    scored, made = [], {}
    counts = None if glossary is None else TermCounts(glossary)
    with events.stage("aligning", "documents") as stage:
        for number, document in enumerate(documents, start=1):
            output = folder / document.output
            segments = document.segments
            flagged = [
                replace(record, translation=translations[record.segment.id]) for record in document.records
            ]
            found = finder.translations(flagged, names, texts, target.code)
            links = change_links(found.links, document.beads) if document.beads else found.links
            link_of = {source: link for link in links for source in link.source_ids}
            terms = {} if counts is None else counts.add(segments, translations)
            records = [
                replace(
                    record,
                    translation=replace(
                        one := record.translation, flags=(*one.flags, *found.flags.get(one.segment_id, ()))
                    ),
                    link=link_of.get(record.segment.id),
                    quality=found.qualities.get(record.segment.id),
                    words=found.words.get(record.segment.id, ()),
                    terms=terms.get(record.segment.id, ()),
                )
                for record in flagged
            ]
            write_document(output, document, records, target.code)
            made[document.id] = records
            if reference is None:
                (output / "reference.jsonl").unlink(missing_ok=True)
            else:
                scored.append(
                    align_document(document.id, document.output, records, reference.sentences, finder)
                )
            stage.update(number, len(documents))
    scores = _write_scores(folder, config, reference, scored, made, counts, events, finder)
    identity = run_id((document.output, document.segments) for document in documents)
    manifest = _manifest(config, documents, work, identity, errors)
    write_json(folder / "manifest.json", manifest)
    from mtalign.report import write_reports
    from mtalign.report.payload import read_run

    payload = read_run(folder)
    gate = hold(payload, config.gate)
    with events.stage("comparing with the baseline", "lines") as stage:
        gate = gate.and_also(
            compare_with_baseline(
                folder,
                payload,
                config.gate.regression,
                config.base,
                jobs=os.cpu_count() or 1,
                progress=stage.update,
            )
        )
    record(folder, gate)
    payload = replace(payload, gate=gate)
    write_reports(folder, payload)
    entries = tuple(manifest["inputs"])
    return RunResult(folder, entries, scores, tuple(errors), work.statistics, work.seconds, payload=payload)


def _manifest(
    config: JobConfig,
    documents: Iterable[TranslatedDocument],
    work: Work,
    identity: str,
    errors: Iterable[MtalignError],
) -> dict[str, Any]:
    seconds, engine_seconds = work.seconds, work.statistics.engine_seconds
    manifest = {
        "schema": SCHEMA_VERSION,
        "run": identity,
        "mtalign": __version__,
        "created": work.created.isoformat(timespec="seconds"),
        "inputs": [document.entry() for document in documents],
        "left_out": [str(error) for error in errors],
        "models": work.models,
        "options": _options(config),
        "packages": work.packages,
        "machine": machine(),
        "time": {"seconds": round(seconds, 2), "engine_seconds": round(engine_seconds, 2)},
        "rate": rate(work.statistics),
    }
    return manifest | {"shards": list(work.shards)} if work.shards else manifest


def _write_scores(
    folder: Path,
    config: JobConfig,
    reference: Reference | None,
    documents: list[ScoredDocument],
    records: Mapping[str, list[Record]],
    terms: TermCounts | None,
    events: Events,
    finder: Finder,
) -> dict[str, Any]:
    """Score ``documents`` and write ``scores.json``, ``reference.txt`` and each one's ``reference.jsonl``."""
    sentences = reference.sentences if reference else ()
    with events.stage("scoring", "lines") as stage:
        entries, corpus, rows = finder.scores(documents, sentences, config.reference.metrics, stage.update)
    for entry in entries:
        translated = [r for r in records[entry["document"]] if r.translation.status is Status.TRANSLATED]
        edited = sum(record.translation.engine == PERSON for record in translated)
        if edited:
            # A reader must not take for the model's what people wrote.
            note = f"of {len(translated)} segments {edited} were written by a reviewer"
            entry["note"] = f"{entry['note']}; {note}" if entry["note"] else note
    for output, own in rows.items():
        write_or_remove(folder / output / "reference.jsonl", jsonl(own))
    write_or_remove(folder / REFERENCE_FILE, reference_text(sentences).encode())
    about = None
    if reference:
        starts_with = config.reference.starts_with
        about = {"path": reference.path, "starts_with": starts_with, "note": reference.note}
    counts = None if terms is None else terms.to_json()
    scores = scores_json(about, sentences, entries, corpus, records, counts)
    write_json(folder / "scores.json", scores)
    return scores


def _options(config: JobConfig) -> dict[str, Any]:
    return {
        "input": asdict(config.input),
        "model": asdict(config.model),
        "reference": asdict(config.reference),
        "glossary": asdict(config.glossary),
        "decoding": asdict(decoding_of(config)),
        "gate": gate_table(config.gate),
    }

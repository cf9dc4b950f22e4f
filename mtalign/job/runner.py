"""The chain: read, segment, translate, align, score, report. The one place that knows the order."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtalign import __version__
from mtalign.document import PERSON, SCHEMA_VERSION, Status
from mtalign.engines.base import Decoding
from mtalign.job.engines import EnginePool
from mtalign.job.estimates import check_run, estimate_qualities
from mtalign.job.inputs import read_inputs
from mtalign.job.links import change_links, link_segment_words, link_translations
from mtalign.job.manifest import machine, package_versions
from mtalign.job.outputs import (
    check_writable,
    count_statuses,
    jsonl,
    write_document,
    write_json,
    write_or_remove,
)
from mtalign.job.reference import load_reference
from mtalign.job.scoring import align_document, reference_text, score_documents, scores_json
from mtalign.job.terms import TermCounts, configured_glossary
from mtalign.languages import parse_language
from mtalign.memory import Decision, Memory
from mtalign.records import make_records, run_id, segments_digest
from mtalign.score.metrics import check_metrics
from mtalign.score.runs import REFERENCE_FILE
from mtalign.segment import plain_text
from mtalign.translate import PlanStatistics, translate_segments, untouched

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mtalign.document import Translation
    from mtalign.errors import MtalignError
    from mtalign.glossary import Glossary
    from mtalign.job.config import JobConfig
    from mtalign.job.events import Events
    from mtalign.job.inputs import Input
    from mtalign.job.reference import Reference
    from mtalign.job.scoring import ScoredDocument
    from mtalign.languages import Language
    from mtalign.models.store import ModelStore
    from mtalign.records import Record


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
) -> tuple[dict[str, Translation], PlanStatistics]:
    """Translate all segments, each with the engine for its language."""
    segments = [segment for item in inputs for segment in item.segments]
    wanted = {segment.language for segment in segments if not segment.skip}
    engines = pool.engines_for([parse_language(code) for code in sorted(wanted)])
    translations: dict[str, Translation] = {}
    statistics = PlanStatistics()
    for engine in dict.fromkeys(engines.values()):
        mine = [s for s in segments if not s.skip and engines[s.language] is engine]
        with events.stage(f"translating with {engine.model.name}", "segments") as stage:
            done, cost = translate_segments(
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


def run_job(
    config: JobConfig,
    *,
    store: ModelStore,
    memory_path: Path | None,
    offline: bool,
    events: Events,
) -> RunResult:
    """Translate, align and score the documents of ``config`` and write its output folder.

    Raises:
        MtalignError: see :mod:`mtalign.errors`; what had been translated before is in the memory.
    """
    started = time.perf_counter()
    created = datetime.now(timezone.utc)
    folder = config.base / config.output.folder
    target = parse_language(config.input.target)
    source = parse_source(config.input.source)
    inputs, errors = read_inputs(
        config.input.paths, base=config.base, source=source, target=target, events=events
    )
    reference = load_reference(config, target)
    if reference is not None:
        check_metrics(config.reference.metrics)
    glossary = configured_glossary(config, target)
    check_writable(folder)
    with (
        Memory(memory_path) as memory,
        EnginePool(config.model, store=store, offline=offline, events=events) as pool,
    ):
        translations, statistics = translate_inputs(
            inputs,
            pool=pool,
            target=target,
            memory=memory,
            decoding=decoding_of(config),
            events=events,
            glossary=glossary,
        )
        models = pool.used()
        beads = {
            item.output: memory.beads(item.document.id, target.code, segments_digest(item.segments))
            for item in inputs
        }

    from mtalign.embed import load_embedder

    embedder = load_embedder()
    translations = check_run((s for item in inputs for s in item.segments), translations)
    entries, scored, made = [], [], {}
    counts = None if glossary is None else TermCounts(glossary)
    with events.stage("aligning", "documents") as stage:
        for number, item in enumerate(inputs, start=1):
            output = folder / item.output
            links = link_translations(item.segments, translations, embedder)
            if beads[item.output]:
                links = change_links(links, beads[item.output])
            words = link_segment_words(item.segments, translations, embedder, target.code)
            terms = None if counts is None else counts.add(item.segments, translations)
            flagged, qualities = estimate_qualities(item.segments, translations, embedder)
            records = make_records(
                item.document,
                item.segments,
                flagged,
                target.code,
                links,
                words=words,
                qualities=qualities,
                terms=terms,
            )
            write_document(output, item, records, translations, target.code)
            made[item.document.id] = records
            if reference is None:
                (output / "reference.jsonl").unlink(missing_ok=True)
            else:
                scored.append(
                    align_document(item.document.id, item.output, records, reference.sentences, embedder)
                )
            entries.append(_entry(item, translations))
            stage.update(number, len(inputs))
    scores = _write_scores(folder, config, reference, scored, made, counts, events)
    seconds = time.perf_counter() - started
    write_json(
        folder / "manifest.json",
        {
            "schema": SCHEMA_VERSION,
            "run": run_id((item.output, item.segments) for item in inputs),
            "mtalign": __version__,
            "created": created.isoformat(timespec="seconds"),
            "inputs": entries,
            "left_out": [str(error) for error in errors],
            "models": models,
            "options": _options(config),
            "packages": package_versions(),
            "machine": machine(),
            "time": {"seconds": round(seconds, 2), "engine_seconds": round(statistics.engine_seconds, 2)},
            "rate": _rate(statistics),
        },
    )
    from mtalign.report import write_reports

    write_reports(folder)
    return RunResult(folder, tuple(entries), scores, tuple(errors), statistics, seconds)


def _write_scores(
    folder: Path,
    config: JobConfig,
    reference: Reference | None,
    documents: list[ScoredDocument],
    records: Mapping[str, list[Record]],
    terms: TermCounts | None,
    events: Events,
) -> dict[str, Any]:
    """Score ``documents`` and write ``scores.json``, ``reference.txt`` and each one's ``reference.jsonl``."""
    sentences = reference.sentences if reference else ()
    with events.stage("scoring", "lines") as stage:
        entries, corpus, rows = score_documents(
            documents, sentences, config.reference.metrics, progress=stage.update
        )
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


def _entry(item: Input, translations: Mapping[str, Translation]) -> dict[str, Any]:
    languages = Counter(s.language for s in item.segments if s.language != "und")
    return {
        "document": item.document.id,
        "path": item.name,
        "sha256": item.sha256,
        "bytes": item.size,
        "output": item.output,
        "segments": len(item.segments),
        "languages": dict(languages.most_common()),
        "status": count_statuses(item.segments, translations),
    }


def _options(config: JobConfig) -> dict[str, Any]:
    return {
        "input": asdict(config.input),
        "model": asdict(config.model),
        "reference": asdict(config.reference),
        "glossary": asdict(config.glossary),
        "decoding": asdict(decoding_of(config)),
    }


def _rate(statistics: PlanStatistics) -> dict[str, Any]:
    seconds = statistics.engine_seconds
    return {
        "segments": statistics.segments,
        "from_memory": statistics.from_memory,
        "from_review": statistics.from_review,
        "decoded": statistics.decoded,
        "retried": statistics.retried,
        "asked_for_terms": statistics.asked_for_terms,
        "tokens": statistics.tokens,
        "tokens_per_second": round(statistics.tokens / seconds, 2) if seconds and statistics.tokens else None,
    }

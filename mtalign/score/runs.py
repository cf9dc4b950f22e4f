"""What a finished run says about its scores, read back from its folder: enough to compare it with another.

:func:`load_run` needs ``manifest.json``, ``scores.json`` and ``reference.txt`` of the folder, and
``segments.jsonl`` and ``reference.jsonl`` of each document in it; no model, no embedder. Two such runs are
compared by :func:`mtalign.score.comparison.compare_runs`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtalign.align import Bead
from mtalign.document import SCHEMA_VERSION, Status
from mtalign.errors import DocumentError, ScoreError, UsageError
from mtalign.records import Record, read_records
from mtalign.score.lines import read_lines
from mtalign.score.reference import AlignedReference, scored_part

REFERENCE_FILE = "reference.txt"
"""In the run folder: the reference, a sentence a line."""

_AGAIN = "run `mtalign run` again to write it anew"
_RESAMPLING = ("bs:", "seed:")


@dataclass(frozen=True)
class RunDocument:
    """A document of a run and what of it aligned with the reference."""

    id: str
    output: str
    """Name of its folder in the run folder."""
    sha256: str
    """Of the source file, hex; empty where the manifest does not say."""
    ids: tuple[str, ...]
    """The translated segments in order: what ``aligned`` counts as the hypothesis."""
    sources: tuple[str, ...]
    languages: tuple[str, ...]
    """Of the sources, codes."""
    hypotheses: tuple[str, ...]
    """Empty for a segment that was translated when it was aligned and is not any more."""
    aligned: AlignedReference

    @property
    def is_scored(self) -> bool:
        """Whether enough of the reference is covered for a score."""
        return bool(self.aligned.lines)


@dataclass(frozen=True)
class RunScores:
    """A run's reference, signatures, and documents."""

    name: str
    """The folder, as it was given."""
    models: tuple[str, ...]
    """``qwen@cc324af070c2``: the models that took part."""
    reference: tuple[str, ...]
    """The reference's sentences."""
    reference_path: str
    reference_sha256: str
    """Of ``reference.txt``, hex."""
    scores: Mapping[str, float]
    """The corpus' score at the sentence level by each metric, rounded as in ``scores.json``; empty where no
    document is scored."""
    signatures: Mapping[str, str]
    """Of these, without what only says how the interval was drawn."""
    documents: tuple[RunDocument, ...]


def load_run(folder: Path) -> RunScores:
    """Read the scores of a finished run.

    Raises:
        UsageError: ``folder`` is not that of a run.
        DocumentError: a file of it cannot be read, is damaged, of another schema version, or does not belong
            to the others.
        ScoreError: the run had no reference.
    """
    for name in ("manifest.json", "scores.json"):
        if not (folder / name).is_file():
            what = f"there is no {name}" if folder.is_dir() else "there is no such folder"
            raise UsageError(
                f"{folder} is not the output folder of a run: {what}",
                hint="give the folder that `mtalign run -o` wrote",
            )
    manifest, scores = read_versioned(folder / "manifest.json"), read_versioned(folder / "scores.json")
    about = scores.get("reference")
    if not about:
        raise ScoreError(
            f"{folder} was run without a reference, so it has no scores",
            hint="name one under [reference] and run `mtalign run` again",
        )
    sentences = _reference(folder, about)
    try:
        entries = {entry["document"]: entry for entry in scores["documents"]}
        documents = [
            _document(folder, entry, entries[entry["document"]], sentences)
            for entry in manifest["inputs"]
            if entry["document"] in entries
        ]
        metrics = (scores.get("corpus") or {}).get("sentence_metrics", [])
        return RunScores(
            name=str(folder),
            models=tuple(_model(model) for model in manifest.get("models", ())),
            reference=sentences,
            reference_path=str(about["path"]),
            reference_sha256=str(about["sha256"]),
            scores={metric["name"]: float(metric["score"]) for metric in metrics},
            signatures={metric["name"]: recipe(metric["signature"]) for metric in metrics},
            documents=tuple(documents),
        )
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise DocumentError(
            f"{folder}: its files are damaged ({type(error).__name__}: {error})", hint=_AGAIN
        ) from error


def translated(records: Iterable[Record]) -> list[Record]:
    """The segments that a reference is compared with: what a model gave, not what was kept."""
    return [record for record in records if record.translation.status is Status.TRANSLATED]


def recipe(signature: str) -> str:
    """A signature without the parts that do not bear on the score: the interval's draws and their seed."""
    return "|".join(part for part in signature.split("|") if not part.startswith(_RESAMPLING))


def read_versioned(path: Path) -> dict[str, Any]:
    """A JSON object of this schema version.

    Raises:
        DocumentError: it cannot be read, is none, or is of another version.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DocumentError(f"cannot read {path}: {error.strerror}", hint="check the path") from error
    except ValueError as error:
        raise DocumentError(f"{path} is not JSON: {error}", hint=_AGAIN) from error
    version = value.get("schema") if isinstance(value, dict) else None
    if version != SCHEMA_VERSION:
        raise DocumentError(
            f"{path} has schema {version!r}, this version of mtalign reads {SCHEMA_VERSION}", hint=_AGAIN
        )
    found: dict[str, Any] = value
    return found


def _reference(folder: Path, about: Mapping[str, Any]) -> tuple[str, ...]:
    path = folder / REFERENCE_FILE
    if not path.is_file() or not about.get("sha256"):
        raise DocumentError(
            f"{folder} was written by an earlier version of mtalign, which kept no {REFERENCE_FILE}",
            hint=_AGAIN,
        )
    if hashlib.sha256(path.read_bytes()).hexdigest() != about["sha256"]:
        raise DocumentError(
            f"{path} is not the reference that the scores were made with: it has been changed since",
            hint=_AGAIN,
        )
    return tuple(read_lines(path))


def _document(
    folder: Path, entry: Mapping[str, Any], score: Mapping[str, Any], reference: tuple[str, ...]
) -> RunDocument:
    output = folder / entry["output"]
    rows = _rows(output / "reference.jsonl")
    named = {segment for row in rows for segment in row["source"]}
    # A reviewer may have rejected a translation that was aligned: it is still one of the lines, and empty.
    records = [
        record
        for record in read_records(output / "segments.jsonl")
        if record.translation.status is Status.TRANSLATED or record.segment.id in named
    ]
    ids = tuple(record.segment.id for record in records)
    place = {segment: number for number, segment in enumerate(ids)}
    hypotheses = tuple(record.translation.text or "" for record in records)
    beads = [
        Bead(tuple(place[s] for s in row["source"]), tuple(row["index"]), float(row["score"])) for row in rows
    ]
    if any(not 0 <= index < len(reference) for bead in beads for index in bead.target):
        raise ValueError("reference.jsonl names a sentence that the reference does not have")
    return RunDocument(
        id=entry["document"],
        output=entry["output"],
        sha256=entry.get("sha256", ""),
        ids=ids,
        sources=tuple(record.segment.text for record in records),
        languages=tuple(record.segment.language for record in records),
        hypotheses=hypotheses,
        aligned=scored_part(hypotheses, reference, beads, topical=score["topical_similarity"]),
    )


def _rows(path: Path) -> list[dict[str, Any]]:
    """The beads of a ``reference.jsonl``; none where there is no such file: then nothing aligned."""
    if not path.is_file():
        return []
    return [json.loads(line) for line in read_lines(path)]


def _model(model: Mapping[str, Any]) -> str:
    fingerprint = str(model.get("fingerprint") or "")
    return f"{model.get('name', '')}@{fingerprint[:12]}" if fingerprint else str(model.get("name", ""))

"""Run folders with scores, made by the code that a run uses from its translations on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mtalign.document import Block, BlockKind, Document, Segment, Status, Translation
from mtalign.files import write_atomically
from mtalign.job.findings import Finder
from mtalign.job.outputs import jsonl, write_json, write_or_remove
from mtalign.job.scoring import align_document, reference_text, score_documents, scores_json
from mtalign.records import Record, dump_records, make_records, run_id
from mtalign.score.runs import REFERENCE_FILE

REFERENCE = (
    "The village lies on a small lake in the north of the country.",
    "Its church was built in 1840 by the farmers themselves.",
    "In winter the road is closed because of the snow.",
    "Most of the young people have moved to the city.",
    "The school was given up ten years ago.",
    "A bus comes twice a day, except on Sundays.",
    "The baker sells his bread from a van.",
    "Every autumn there is a market with cattle and cheese.",
    "Tourists come for the silence and the fishing.",
    "The mayor hopes for a railway station.",
)

GOOD = (
    "The village lies at a small lake in the north of the country.",
    "The church was built by the farmers themselves in 1840.",
    "In winter the road is closed because of the snow.",
    "Most of the young people have moved to the city.",
    "The school was given up ten years ago.",
    "A bus comes twice a day, but not on Sundays.",
    "The baker sells his bread from a van.",
    "Every autumn there is a market with cattle and cheese.",
    "Tourists come because of the silence and for the fishing.",
    "The mayor hopes for a railway station.",
)

POOR = (
    "A village is located near one little lake in the north of this land.",
    "Its church has been erected in 1840 by farmers.",
    "The street is shut in winter due to snow.",
    "Young people mostly went to live in the city.",
    "They gave up the school a decade ago.",
    "The bus is coming two times per day, not on Sunday.",
    "Bread is sold by the baker out of his van.",
    "There is a market of cheese and cattle every autumn.",
    "The tourists come for fishing and for silence.",
    "A railway station is what the mayor hopes for.",
)


def write_run(
    folder: Path,
    documents: Mapping[str, Sequence[str]],
    *,
    reference: Sequence[str] = REFERENCE,
    metrics: Sequence[str] = ("BLEU", "chrF2"),
    path: str = "reference.txt",
) -> Path:
    """A run folder of ``documents``: the translations of each by its id; the sources are made up."""
    finder = Finder()
    inputs: list[dict[str, Any]] = []
    scored, everything, segments_of = [], {}, []
    for name, texts in documents.items():
        records, segments = _records(name, texts)
        everything[name] = records
        segments_of.append((f"{name}_text", segments))
        (folder / f"{name}_text").mkdir(parents=True)
        write_atomically(folder / f"{name}_text" / "segments.jsonl", dump_records(records).encode())
        scored.append(align_document(name, f"{name}_text", records, reference, finder))
        inputs.append({"document": name, "path": f"{name}_text.txt", "sha256": "0", "output": f"{name}_text"})
    entries, corpus, rows = score_documents(scored, reference, metrics)
    for output, own in rows.items():
        write_or_remove(folder / output / "reference.jsonl", jsonl(own))
    write_or_remove(folder / REFERENCE_FILE, reference_text(reference).encode())
    about = {"path": path, "starts_with": "", "note": ""}
    write_json(folder / "scores.json", scores_json(about, reference, entries, corpus, everything, None))
    model = {"name": "qwen", "fingerprint": "cc324af070c2ecbf"}
    manifest = {"schema": 1, "run": run_id(segments_of), "inputs": inputs, "models": [model]}
    write_json(folder / "manifest.json", manifest)
    return folder


def _records(name: str, texts: Sequence[str]) -> tuple[list[Record], list[Segment]]:
    sources = [f"{number}번째 문장입니다." for number in range(1, len(texts) + 1)]
    text = " ".join(sources)
    block = Block(f"{name}.b1", BlockKind.PARAGRAPH, text, 0, len(text))
    segments, start = [], 0
    for number, source in enumerate(sources, start=1):
        segments.append(
            Segment(f"{block.id}.s{number}", name, block.id, source, start, start + len(source), "ko")
        )
        start += len(source) + 1
    document = Document(name, f"{name}.txt", "text", text, (block,))
    translations = {
        segment.id: Translation(segment.id, Status.TRANSLATED, english, engine="llamacpp", model="qwen")
        for segment, english in zip(segments, texts, strict=True)
    }
    return make_records(document, segments, translations, "en"), segments

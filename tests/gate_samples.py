"""A run folder in which every kind of threshold has something to count, beside its source documents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mtalign.document import Flag, Segment, Severity, Status, Translation
from mtalign.files import write_atomically
from mtalign.formats import read_document
from mtalign.job.outputs import write_json
from mtalign.job.scoring import scores_json
from mtalign.languages import parse_language
from mtalign.records import Record, dump_records, make_records, run_id
from mtalign.segment import segment_document

FIRST = (
    "# 마을\r\n\r\n마을은 작은 호숫가에 있다. 교회는 1840년에 지어졌다.\r\n"
    "\r\n겨울에는 길이 막힌다.\r\n학교는 문을 닫았다.\r\n\r\n버스는 하루에 두 번 온다.\r\n"
)
SECOND = "시장은 기차역을 원한다.\n\n빵집 주인은 빵을 판다.\n"

NUMBER = Flag("number", Severity.WARNING, "1840 of the source is not in the translation", (4, 8), None)
SHORT = Flag("short", Severity.ERROR, "only 20 % as long as expected")
NOTE = Flag("split", Severity.INFO, "translated in parts and put together")


def write_gate_run(base: Path, *, left_out: tuple[str, ...] = (), name: str = "outputs") -> Path:
    """``base/outputs`` from ``base/docs``: nine segments, one of which failed; no reference, no glossary."""
    docs, folder = base / "docs", base / name
    docs.mkdir(parents=True, exist_ok=True)
    (docs / "001_village.md").write_bytes(FIRST.encode())
    (docs / "002_people.txt").write_bytes(SECOND.encode())
    inputs, everything, listed = [], {}, []
    for path in sorted(docs.iterdir()):
        document = read_document(path, document_id=path.name[:3])
        segments = segment_document(document, source=parse_language("ko"), target=parse_language("en"))
        translations = {segment.id: _translation(segment) for segment in segments}
        qualities = {s.id: _quality(s) for s in segments if translations[s.id].text}
        records = make_records(document, segments, translations, "en", qualities=qualities)
        (folder / path.stem).mkdir(parents=True)
        write_atomically(folder / path.stem / "segments.jsonl", dump_records(records).encode())
        everything[document.id] = records
        listed.append((path.stem, segments))
        inputs.append({"document": document.id, "path": f"docs/{path.name}", "output": path.stem})
    write_json(folder / "scores.json", scores_json(None, (), [], None, everything, None))
    write_json(
        folder / "manifest.json",
        {"schema": 1, "run": run_id(listed), "inputs": inputs, "models": [], "left_out": list(left_out)},
    )
    return folder


def _translation(segment: Segment) -> Translation:
    if "학교" in segment.text:
        return Translation(segment.id, Status.FAILED, None, failure="the output repeats: 50 %, twice")
    flags: tuple[Flag, ...] = ()
    if "1840" in segment.text:
        flags = (NUMBER, replace(NUMBER, message="1840 is lost"), SHORT)
    elif "빵집" in segment.text:
        flags = (NUMBER, NOTE)
    return Translation(segment.id, Status.TRANSLATED, f"English of {segment.id}.", flags=flags)


def _quality(segment: Segment) -> float:
    return {"1840": 0.2, "빵집": 0.4}.get(next((k for k in ("1840", "빵집") if k in segment.text), ""), 0.9)


def failing(record: Record, reason: str) -> Record:
    """``record`` as one that failed for ``reason``."""
    identifier = record.segment.id
    return replace(record, translation=Translation(identifier, Status.FAILED, None, failure=reason))

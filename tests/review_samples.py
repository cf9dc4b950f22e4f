"""A run folder to review, with an English document, and corrections of it as the page exports them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from report_samples import metric, record, write_json, write_run

from mtalign.document import BlockKind, Flag, Link, Severity, Skip, Status
from mtalign.formats import render_records
from mtalign.records import Record, run_id

AT = "2026-11-25T11:58:03Z"
LATER = "2026-11-25T12:30:00Z"
SOURCES = {
    "1.b1.s1": "일본은 섬나라입니다.",
    "1.b1.s2": "회원국은 32개국입니다.",
    "1.b1.s3": "총리가 말했습니다.",
    "1.b2.s1": "안녕하세요.",
}
ENGLISH: dict[str, str | None] = {
    "1.b1.s1": "Japan is an island country.",
    "1.b1.s2": "There are 32 member countries in all.",
    "1.b1.s3": "The president has said so.",
    "1.b2.s1": None,
}
GAPS = {"1.b1.s1": "", "1.b1.s2": " ", "1.b1.s3": " ", "1.b2.s1": "\r\n\r\n", "1.b3.s1": "\r\n"}


def records() -> list[Record]:
    """Three sentences in a paragraph, one that failed, and a block of data."""
    flag = Flag("length", Severity.WARNING, "shorter than expected")
    found = []
    for identifier, source in SOURCES.items():
        english = ENGLISH[identifier]
        if english is None:
            one = record(identifier, source, None, failure="empty output", status=Status.FAILED)
        else:
            link = Link((identifier,), (identifier,), 0.75)
            one = record(
                identifier,
                source,
                english,
                score=-0.25,
                link=link,
                flags=(flag,),
                quality=0.5,
                words=((0, 2, 0, 5),),
            )
        found.append(one)
    data = record(
        "1.b3.s1",
        '{"a": 1}',
        None,
        failure="data is not translated",
        status=Status.SKIPPED,
        kind=BlockKind.DATA,
        language="und",
        skip=Skip.DATA,
    )
    found.append(data)
    found = [replace(one, before=GAPS[one.segment.id]) for one in found]
    return [*found[:-1], replace(found[-1], after="\r\n")]


def write_review_run(folder: Path, encoding: str = "utf-8") -> Path:
    """The run folder ``folder`` with the document ``one`` and its English, and a score."""
    lines = records()
    write_run(folder, {"one": lines}, run=RUN)
    english = render_records(lines)
    bom = "\ufeff" if encoding == "utf-16-le" else ""
    (folder / "one" / "one.en.txt").write_bytes((bom + english).encode(encoding))
    coverage = {"reference": 1.0}
    entry = {"document": "1", "metrics": [metric("BLEU", 20.0)], "coverage": coverage, "note": "whole"}
    write_json(folder / "scores.json", {"schema": 1, "reference": None, "documents": [entry]})
    return folder


RUN = run_id([("one", [one.segment for one in records()])])


def correction(segment: str, verdict: str | None, **values: Any) -> dict[str, Any]:
    """One correction as the page exports it."""
    known = {"1.b3.s1": '{"a": 1}'} | SOURCES
    return {
        "segment": segment,
        "document": "one",
        "source": known.get(segment, "?"),
        "before": ENGLISH.get(segment),
        "verdict": verdict,
        "comment": "",
        "by": "Kim",
        "at": AT,
    } | values


def write_corrections(path: Path, *corrections: dict[str, Any], **values: Any) -> Path:
    """A corrections file."""
    value = {
        "schema": 1,
        "kind": "mtalign corrections",
        "run": RUN,
        "reviewer": "Kim",
        "exported": LATER,
        "corrections": list(corrections),
    }
    path.write_text(json.dumps(value | values, ensure_ascii=False), encoding="utf-8")
    return path


def lines(run: Path, output: str = "one") -> dict[str, dict[str, Any]]:
    """The lines of a document's segments.jsonl by id."""
    text = (run / output / "segments.jsonl").read_text(encoding="utf-8")
    return {line["id"]: line for line in map(json.loads, text.split("\n")[:-1])}

"""Run folders for the report tests: one from the seeds with made-up English, one that attacks its readers."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from mtalign.document import (
    Block,
    BlockKind,
    Document,
    Flag,
    Link,
    Segment,
    Severity,
    Skip,
    Status,
    Translation,
)
from mtalign.records import Record, WordLink, dump_records, make_records

SEEDS = Path(__file__).resolve().parents[1] / "seeds"
LANGUAGES = {"000": "ko", "001": "ko", "002": "ja", "003": "de", "004": "zh"}
MODEL = "qwen@cc324af070c2"
NOTE = "The Chinese of document 004 is itself machine-translated from this English abstract."

_SENTENCE = re.compile(r".+?(?:[。!?!?]+|(?<=[^\d\s])[.!?](?=\s|$)|$)\s*", re.DOTALL)


def seed_documents() -> list[Document]:
    """The seeds, cut at line breaks into blocks."""
    documents = []
    for path in sorted(SEEDS.glob("*.txt")):
        text = path.read_bytes().decode("utf-8")
        identifier = path.name.partition("_")[0]
        blocks: list[Block] = []
        for match in re.finditer(r"[^\r\n]*\S[^\r\n]*", text):
            line = match.group()
            kind = BlockKind.PARAGRAPH
            if line.startswith("{"):
                kind = BlockKind.DATA
            elif not blocks and len(line) < 80:
                kind = BlockKind.HEADING
            elif line.startswith("IF "):
                kind = BlockKind.CAPTION
            blocks.append(
                Block(
                    id=f"{identifier}.b{len(blocks) + 1}",
                    kind=kind,
                    text=line,
                    start=match.start(),
                    end=match.end(),
                    level=1 if kind is BlockKind.HEADING else 0,
                )
            )
        documents.append(Document(identifier, f"seeds/{path.name}", "text", text, tuple(blocks)))
    return documents


def cut(document: Document) -> list[Segment]:
    """The document's sentences, roughly; what holds no letter of its language is not translated."""
    language = LANGUAGES[document.id]
    segments = []
    for block in document.blocks:
        spans = [(0, len(block.text))]
        if block.kind is not BlockKind.DATA:
            spans = [m.span() for m in _SENTENCE.finditer(block.text) if m.group().strip()]
        for number, (start, end) in enumerate(spans, start=1):
            text = block.text[start:end]
            end -= len(text) - len(text.rstrip())
            text = text.rstrip()
            skip = None
            if block.kind is BlockKind.DATA:
                skip = Skip.DATA
            elif not any(c.isalpha() for c in text):
                skip = Skip.NUMBER
            elif language != "de" and text.isascii():
                skip = Skip.ENGLISH
            segments.append(
                Segment(
                    id=f"{block.id}.s{number}",
                    document_id=document.id,
                    block_id=block.id,
                    text=text,
                    start=start,
                    end=end,
                    language={Skip.ENGLISH: "en", None: language}.get(skip, "und"),
                    skip=skip,
                )
            )
    return segments


def abstract() -> list[str]:
    """The sentences of the English abstract in document 004: the reference, and the made-up English."""
    text = (SEEDS / "004_2c9f4eca55af6f73.txt").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("Since NATO"))
    return [s.strip() for s in re.split(r"(?<=[a-z)\"”])\.\s*(?=[A-Z])", line)]


def translate(segment: Segment, place: int, english: list[str]) -> Translation:
    """A made-up translation, the same for the same place; some fail, some carry flags."""
    common: dict[str, Any] = {"engine": "llamacpp", "model": MODEL}
    if segment.skip in (Skip.DATA, Skip.CODE):
        return Translation(segment.id, Status.SKIPPED, None, "JSON, written through unchanged")
    if segment.skip:
        return Translation(segment.id, Status.KEPT, segment.text)
    if place % 29 == 17:
        reason = "the output repeats itself, also with other decoding"
        return Translation(segment.id, Status.FAILED, None, reason, **common)
    text = english[place % len(english)].rstrip(".") + "."
    flags: list[Flag] = []
    number = re.search(r"\d+", segment.text)
    if number and number.group() not in text:
        message = f"{number.group()} of the source is not in the translation"
        flags.append(Flag("number", Severity.ERROR, message, source_span=number.span()))
    if place % 7 == 3:
        flags.append(Flag("length", Severity.WARNING, "2.4 times as long as expected"))
    name = re.search(r"NATO", text)
    if place % 11 == 5 and name:
        flags.append(Flag("copied", Severity.INFO, "NATO stands as in the source", None, name.span()))
    score = -0.05 - (place * 37 % 100) / 80
    return Translation(segment.id, Status.TRANSLATED, text, score=score, flags=tuple(flags), **common)


def write_seed_run(folder: Path) -> Path:
    """A run folder as `mtalign run` leaves it before the reports, from the five seeds."""
    english = abstract()
    inputs, scores = [], []
    for document in seed_documents():
        segments = cut(document)
        translations = {s.id: translate(s, place, english) for place, s in enumerate(segments)}
        links = [
            Link((s.id,), (s.id,), round(0.45 + (place * 13 % 50) / 100, 4))
            for place, s in enumerate(segments)
            if translations[s.id].status is Status.TRANSLATED
        ]
        output = Path(document.path).stem
        write_records(folder / output, make_records(document, segments, translations, "en", links))
        inputs.append({"document": document.id, "path": document.path, "output": output})
        near = document.id == "004"
        if near:
            translated = [s.id for s in segments if translations[s.id].status is Status.TRANSLATED]
            beads = [
                {"source": [i], "reference": [sentence], "score": 0.83}
                for i, sentence in zip(translated[4:], english[2:], strict=False)
            ]
            beads[0] = {"source": translated[2:4], "reference": english[:2], "score": 0.71}
            beads.append({"source": [], "reference": [english[1]], "score": 0.0})
            write_lines(folder / output / "reference.jsonl", beads)
        share = 0.98 if near else 0.02
        scores.append(
            {
                "document": document.id,
                "metrics": [metric("BLEU", 27.1), metric("chrF2", 63.4), metric("TER", 61.2)] if near else [],
                "coverage": {
                    "reference": share,
                    "hypothesis": 0.31 if near else 0.01,
                    "reference_sentences": [19 if near else 0, 19],
                    "hypothesis_sentences": [19 if near else 0, len(segments)],
                },
                "topical_similarity": 0.9 if near else 0.62,
                "note": "whole reference: covers 98 % of it"
                if near
                else "not scored: covers 2 % of the reference",
            }
        )
    write_json(folder / "manifest.json", manifest(inputs))
    reference = {"path": "seeds/004_2c9f4eca55af6f73.txt", "sentences": 19, "note": NOTE}
    write_json(folder / "scores.json", {"schema": 1, "reference": reference, "documents": scores})
    return folder


def manifest(inputs: list[dict[str, Any]], **values: Any) -> dict[str, Any]:
    """A manifest with the fields that reports read, and times that they must not."""
    return {
        "schema": 1,
        "mtalign": "0.1.0",
        "created": "2026-11-22T10:00:00Z",
        "inputs": inputs,
        "models": [
            {
                "name": "qwen",
                "fingerprint": "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
                "licence": "Apache-2.0",
                "attribution": "Qwen2.5-Coder-1.5B-Instruct, Alibaba Cloud",
                "engine": "llamacpp",
                "engine_version": "2026.10.11549",
            }
        ],
        "time": {"seconds": 431.77},
        "rate": {"tokens_per_second": 11.25},
    } | values


def metric(name: str, score: float) -> dict[str, Any]:
    """A metric as sacreBLEU's JSON has it."""
    return {"name": name, "score": score, "signature": "nrefs:1|case:mixed|eff:no|tok:13a|version:2.6.0"}


def record(
    identifier: str,
    source: str,
    translation: str | None,
    *,
    failure: str | None = None,
    status: Status = Status.TRANSLATED,
    kind: BlockKind = BlockKind.PARAGRAPH,
    level: int = 0,
    language: str = "ko",
    flags: tuple[Flag, ...] = (),
    score: float | None = None,
    link: Link | None = None,
    skip: Skip | None = None,
    quality: float | None = None,
    words: tuple[WordLink, ...] = (),
) -> Record:
    """One record, everything else at its default."""
    document, block, _ = f"{identifier}.x.x".split(".", 2)
    return Record(
        segment=Segment(
            identifier, document, f"{document}.{block}", source, 0, len(source), language, skip=skip
        ),
        kind=kind,
        level=level,
        target_language="en",
        translation=Translation(identifier, status, translation, failure, "llamacpp", MODEL, score, flags),
        link=link,
        quality=quality,
        words=words,
    )


def write_run(folder: Path, outputs: dict[str, list[Record]], **values: Any) -> Path:
    """A run folder of these documents, no scores."""
    for output, records in outputs.items():
        write_records(folder / output, records)
    inputs = [
        {
            "document": records[0].segment.document_id if records else output,
            "path": f"in/{output}.txt",
            "output": output,
        }
        for output, records in outputs.items()
    ]
    write_json(folder / "manifest.json", manifest(inputs, **values))
    return folder


def write_records(folder: Path, records: list[Record]) -> None:
    """A document's ``segments.jsonl``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "segments.jsonl").write_text(dump_records(records), encoding="utf-8", newline="\n")


def write_lines(path: Path, values: list[dict[str, Any]]) -> None:
    """JSON, one value a line."""
    path.write_text("".join(json.dumps(v, ensure_ascii=False) + "\n" for v in values), encoding="utf-8")


def write_json(path: Path, value: dict[str, Any]) -> None:
    """JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def write_review_run(folder: Path) -> Path:
    """Thirty segments in six blocks, with beads, a failure, flags, word links, quality and a reference."""
    english = [
        "NATO was founded in 1949.",
        "Japan has more allies.",
        "It could be Asia.",
        "They met in 2022.",
    ]
    sources = ["北约成立于1949年。", "日本有更多盟友。", "可能是亚洲。", "他们在2022年会面。"]
    records = [
        record("5.b1.s1", "北约与日本", "NATO and Japan", kind=BlockKind.HEADING, level=1, language="zh"),
        record("5.b1.s2", "حلف NATO", "The NATO alliance", language="ar", quality=0.55),
    ]
    for number in range(24):
        identifier = f"5.b{2 + number // 6}.s{1 + number % 6}"
        flags: tuple[Flag, ...] = ()
        if number % 6 == 2:
            flags = (Flag("length", Severity.WARNING, "half as long as expected"),)
        if number == 3:
            flags = (Flag("number", Severity.ERROR, "2022 is missing", (3, 7), (12, 16)),)
        records.append(
            record(
                identifier,
                sources[number % 4],
                english[number % 4],
                language="zh",
                flags=flags,
                score=-0.2,
                quality=round(0.95 - number * 0.03, 2),
                words=((0, 2, 0, 4), (5, 9, 20, 24)) if number % 4 == 0 else (),
                link=Link((identifier,), (identifier,), 0.8),
            )
        )
    pair = ("5.b3.s1", "5.b3.s2")
    link = Link(pair, (pair[0],), 0.6)
    records = [
        replace(r, link=link if r.segment.id in pair else Link((r.segment.id,), (), 0.0))
        if r.segment.id in (*pair, "5.b3.s4")
        else r
        for r in records
    ]
    records += [
        record("5.b6.s1", "失败了。", None, failure="empty output", status=Status.FAILED, language="zh"),
        record("5.b6.s2", "https://example.org", "https://example.org", status=Status.KEPT, language="und"),
        record("5.b7.s1", '{"a": 1}', None, failure="data", status=Status.SKIPPED, kind=BlockKind.DATA),
        record("5.b8.s1", "目录", "List", kind=BlockKind.LIST_ITEM, level=1, language="zh"),
    ]
    run = write_run(
        folder / "run", {"5": records, "6": [record("6.b1.s1", "가", "A")]}, run="feedfacecafe0001"
    )
    write_lines(
        run / "5" / "reference.jsonl",
        [
            {"source": ["5.b2.s1"], "reference": ["NATO was set up in 1949."], "score": 0.9},
            {
                "source": ["5.b2.s2", "5.b2.s3"],
                "reference": ["Japan needs allies.", "Perhaps Asia."],
                "score": 0.7,
            },
            {"source": [], "reference": ["Nobody translated this."], "score": 0.0},
        ],
    )
    return run


ATTACKS = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<!--<script>alert(3)",
    "--><img src=x onerror=alert(4)>",
    '"><svg onload=alert(5)>',
    "' onmouseover='alert(6)' x='",
    "javascript:alert(7)",
    "</title><iframe src=javascript:alert(8)>",
    "{{ 7*7 }}{% raw %}${alert(9)}",
    "]]><tu/>\u2028alert(10)\u2029",
    '</style><link rel=stylesheet href="http://example.invalid/x.css">',
    '<meta http-equiv="refresh" content="0;url=http://example.invalid/">',
    "&lt;b&gt; &amp; &#x3c;",
    '=HYPERLINK("http://example.invalid")\t\n\r\\t | `a` [x](http://example.invalid) <b>',
    "a\u202eb\x00\x07\x1b[31m\ufffe",
)
"""Texts that do something where text is taken for markup."""


def write_hostile_run(folder: Path) -> Path:
    """Every attack through every field that comes from a document or a file name."""
    outputs: dict[str, list[Record]] = {}
    name = 'x" onclick="alert(11)"><img src=x onerror=alert(12)>#?%41&'
    records = []
    for number, attack in enumerate(ATTACKS, start=1):
        flag = Flag(attack, Severity.ERROR, attack, (0, 4), (1, 3))
        terms = ((0, 4, attack, True), (1, 3, attack, False))
        records += [
            replace(
                record(f"9.b{number}.s1", attack, attack, flags=(flag,), kind=BlockKind.HEADING, level=1),
                terms=terms,
            ),
            record(f"9.b{number}.s2", attack, None, failure=attack, status=Status.FAILED),
            record(
                f"9.b{number}.s3", attack, None, failure=attack, status=Status.SKIPPED, kind=BlockKind.DATA
            ),
        ]
    outputs[name] = records
    hostile = "<img src=x onerror=alert(13)>"
    write_run(
        folder,
        outputs,
        models=[
            dict.fromkeys(
                ("name", "fingerprint", "licence", "attribution", "engine", "engine_version"), hostile
            )
        ],
        mtalign=hostile,
    )
    path = folder / "manifest.json"
    value = json.loads(path.read_text(encoding="utf-8"))
    value["inputs"][0] |= {"path": f"in/{ATTACKS[1]}{ATTACKS[3]}.txt", "title": "".join(ATTACKS)}
    write_json(path, value)
    write_lines(
        folder / name / "reference.jsonl",
        [{"source": ["9.b1.s1"], "reference": list(ATTACKS), "score": 0.5}],
    )
    scores = {
        "schema": 1,
        "reference": {"path": hostile, "document": hostile, "sentences": 1, "note": hostile},
        "documents": [
            {
                "document": "9",
                "metrics": [{"name": hostile, "score": 1.0, "signature": hostile}],
                "coverage": {"reference": 0.5},
                "topical_similarity": 0.1,
                "note": hostile,
            }
        ],
        "glossary": {
            "file": hostile,
            "terms": 1,
            "found": 1,
            "hit": 0,
            "by_term": [{"source": hostile, "english": [hostile], "note": hostile, "found": 1, "hit": 0}],
        },
    }
    write_json(folder / "scores.json", scores)
    return folder

"""``corrections.json``: what a reviewer exports from the page; read and checked, every field of it.

::

    {"schema": 1, "kind": "mtalign corrections", "run": "<run id>", "reviewer": "Kim", "exported": "…Z",
     "corrections": [{"segment": "004.b7.s17", "document": "<folder in the run>", "source": "…",
                      "before": "the translation that the reviewer saw" or null,
                      "verdict": "accepted", "rejected", "edited" or null (a comment alone),
                      "text": "the corrected English, only with edited",
                      "comment": "", "by": "Kim", "at": "…Z"}],
     "beads": [{"document": "…", "source": [ids], "target": [ids], "by": "Kim", "at": "…Z"}]}

Fields that this version does not know are ignored. Times are brought to ISO 8601 in UTC, in seconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from mtalign.document import Verdict
from mtalign.errors import DocumentError, UsageError

SCHEMA = 1
KIND = "mtalign corrections"

_EXPORT_AGAIN = "nothing was applied; export it again from the page"
_LINE_BREAKS = re.compile("[^\\S\r\n]*[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+\\s*")
_UNFIT = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class Correction:
    """What one reviewer said of one segment."""

    segment: str
    document: str
    source: str
    before: str | None
    verdict: Verdict | None
    text: str | None
    """The corrected English, on one line; None but for an edited segment."""
    comment: str
    by: str
    at: str
    origin: str = ""
    """The file it stands in; empty where the run's folder itself says so."""

    @property
    def outcome(self) -> tuple[Verdict | None, str | None]:
        """What is to become of the segment, whoever says so."""
        return self.verdict, self.text

    @property
    def who(self) -> str:
        """The reviewer, for a reader."""
        return self.by or "somebody"


@dataclass(frozen=True)
class BeadChange:
    """A bead as a reviewer set it."""

    document: str
    source_ids: tuple[str, ...]
    target_ids: tuple[str, ...]
    by: str
    at: str
    origin: str = ""


@dataclass(frozen=True)
class Corrections:
    """A corrections file."""

    run: str
    corrections: tuple[Correction, ...] = ()
    beads: tuple[BeadChange, ...] = ()
    reviewer: str = ""
    exported: str = ""
    path: str = ""


def read_corrections(path: Path) -> Corrections:
    """Read a corrections file.

    Raises:
        UsageError: there is no such file, or it is something else than a corrections file.
        DocumentError: it cannot be read or is damaged; the message names the entry.
    """
    where = str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(f"{where} does not exist", hint="check the path") from error
    except OSError as error:
        raise DocumentError(f"cannot read {where}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DocumentError(
            f"{where} is not UTF-8 ({error.reason} at byte {error.start})", hint=_EXPORT_AGAIN
        ) from error
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        what = "is empty" if not text.strip() else f"is not JSON ({error.msg}, line {error.lineno})"
        raise DocumentError(f"{where} {what}", hint=_EXPORT_AGAIN) from error
    except RecursionError as error:
        raise DocumentError(f"{where} is damaged: nested too deep", hint=_EXPORT_AGAIN) from error
    if not isinstance(value, dict) or value.get("kind") != KIND:
        raise UsageError(
            f"{where} is not a corrections file",
            hint="give what the page's export (JSON) wrote, or `mtalign review merge`",
        )
    if value.get("schema") != SCHEMA:
        raise DocumentError(
            f"{where} has schema {value.get('schema')!r}, this version reads {SCHEMA}",
            hint="use the version of mtalign that made the page",
        )
    entries, beads = _list(value, "corrections", where), _list(value, "beads", where)
    found = Corrections(
        run=_text(value, "run", where),
        corrections=tuple(_correction(e, n, where) for n, e in enumerate(entries, start=1)),
        beads=tuple(_bead(e, n, where) for n, e in enumerate(beads, start=1)),
        reviewer=_text(value, "reviewer", where, ""),
        exported=_text(value, "exported", where, ""),
        path=where,
    )
    _refuse_twice(found.beads, where)
    return found


def dump_corrections(corrections: Corrections) -> bytes:
    """The content of a corrections file that :func:`read_corrections` reads as ``corrections``."""
    value: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": KIND,
        "run": corrections.run,
        "reviewer": corrections.reviewer,
        "exported": corrections.exported,
        "corrections": [_to_json(correction) for correction in corrections.corrections],
        "beads": [
            {
                "document": bead.document,
                "source": list(bead.source_ids),
                "target": list(bead.target_ids),
                "by": bead.by,
                "at": bead.at,
            }
            for bead in corrections.beads
        ],
    }
    # Half a surrogate pair, which UTF-8 cannot hold, can stand in a source: JSON writes it as an escape.
    text = json.dumps(value, ensure_ascii=False, indent=2)
    text = re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match.group()):04x}", text)
    return (text + "\n").encode()


def same_run(files: Iterable[Corrections]) -> bool:
    """Whether all files belong to one run."""
    return len({file.run for file in files}) <= 1


def _to_json(correction: Correction) -> dict[str, Any]:
    value: dict[str, Any] = {
        "segment": correction.segment,
        "document": correction.document,
        "source": correction.source,
        "before": correction.before,
        "verdict": correction.verdict and correction.verdict.value,
    }
    if correction.text is not None:
        value["text"] = correction.text
    return value | {"comment": correction.comment, "by": correction.by, "at": correction.at}


def _correction(entry: Any, number: int, path: str) -> Correction:
    where = f"{path}: correction {number}"
    if not isinstance(entry, dict):
        raise DocumentError(f"{where} is not an object", hint=_EXPORT_AGAIN)
    segment = _text(entry, "segment", where)
    where = f"{where} ({segment})"
    verdict = entry.get("verdict")
    if verdict is not None and verdict not in [known.value for known in Verdict]:
        raise DocumentError(f"{where}: {verdict!r} is not a verdict", hint=_EXPORT_AGAIN)
    before = entry.get("before")
    if before is not None and not isinstance(before, str):
        raise DocumentError(f"{where}: 'before' is neither a text nor null", hint=_EXPORT_AGAIN)
    text = None
    if verdict == Verdict.EDITED.value:
        text = _LINE_BREAKS.sub(" ", _text(entry, "text", where)).strip()
        if not text:
            raise DocumentError(
                f"{where} is edited, but its text is blank",
                hint="nothing was applied; reject the segment in the page instead, and export again",
            )
        _fit(text, "text", where)
    comment = _text(entry, "comment", where, "").strip()
    by = " ".join(_text(entry, "by", where, "").split())
    _fit(_LINE_BREAKS.sub("\n", comment).replace("\n", " "), "comment", where)
    _fit(by, "by", where)
    found = Correction(
        segment=segment,
        document=_text(entry, "document", where),
        source=_text(entry, "source", where),
        before=before,
        verdict=None if verdict is None else Verdict(verdict),
        text=text,
        comment=comment,
        by=by,
        at=_time(entry, where),
        origin=path,
    )
    if found.verdict is Verdict.EDITED and found.text == (found.before or "").strip():
        # Opened for editing and left as it was.
        return replace(found, verdict=Verdict.ACCEPTED, text=None)
    return found


def _bead(entry: Any, number: int, path: str) -> BeadChange:
    where = f"{path}: bead {number}"
    if not isinstance(entry, dict):
        raise DocumentError(f"{where} is not an object", hint=_EXPORT_AGAIN)
    sides = {}
    for side in ("source", "target"):
        ids = _list(entry, side, where)
        if not all(isinstance(identifier, str) for identifier in ids) or len(set(ids)) != len(ids):
            raise DocumentError(f"{where}: {side!r} is not a list of different ids", hint=_EXPORT_AGAIN)
        sides[side] = tuple(ids)
    if not sides["source"] and not sides["target"]:
        raise DocumentError(f"{where} names no segment", hint=_EXPORT_AGAIN)
    return BeadChange(
        document=_text(entry, "document", where),
        source_ids=sides["source"],
        target_ids=sides["target"],
        by=" ".join(_text(entry, "by", where, "").split()),
        at=_time(entry, where),
        origin=path,
    )


def _refuse_twice(beads: Iterable[BeadChange], where: str) -> None:
    seen: set[tuple[str, str, str]] = set()
    for bead in beads:
        for side, ids in (("source", bead.source_ids), ("target", bead.target_ids)):
            for identifier in ids:
                if (bead.document, side, identifier) in seen:
                    raise DocumentError(
                        f"{where}: {identifier} is in two beads ({side} side)", hint=_EXPORT_AGAIN
                    )
                seen.add((bead.document, side, identifier))


def _time(entry: Mapping[str, Any], where: str) -> str:
    text = _text(entry, "at", where)
    try:
        # Python 3.10 reads neither a Z nor fractions of other than three or six digits.
        moment = datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00"))
    except ValueError as error:
        raise DocumentError(f"{where}: {text!r} is not a time", hint=_EXPORT_AGAIN) from error
    if moment.tzinfo is None:
        raise DocumentError(f"{where}: {text!r} names no time zone", hint=_EXPORT_AGAIN)
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _fit(text: str, key: str, where: str) -> None:
    match = _UNFIT.search(text)
    if match:
        raise DocumentError(
            f"{where}: {key!r} holds a character that is no text (U+{ord(match.group()):04X})",
            hint="nothing was applied; take it out in the page and export again",
        )


_REQUIRED: Any = object()


def _text(entry: Mapping[str, Any], key: str, where: str, default: Any = _REQUIRED) -> str:
    value = entry.get(key, default)
    if value is _REQUIRED:
        raise DocumentError(f"{where} is damaged: {key!r} is missing", hint=_EXPORT_AGAIN)
    if not isinstance(value, str):
        raise DocumentError(f"{where} is damaged: {key!r} is not a text", hint=_EXPORT_AGAIN)
    return value


def _list(entry: Mapping[str, Any], key: str, where: str) -> list[Any]:
    value = entry.get(key, [] if key == "beads" else None)
    if not isinstance(value, list):
        what = "is missing" if value is None else "is not a list"
        raise DocumentError(f"{where} is damaged: {key!r} {what}", hint=_EXPORT_AGAIN)
    return value

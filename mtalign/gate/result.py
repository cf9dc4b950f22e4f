"""What became of a gate: the object ``gate`` of ``scores.json``, one criterion for each threshold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from mtalign.errors import DocumentError

GATE_SCHEMA = 1
"""Version of the object ``gate``; raised whenever a field changes its meaning."""

MAX_SEGMENTS = 20
"""Segments that a criterion names; ``concerned`` counts all of them."""


class Outcome(str, Enum):
    """Whether a run is what it is held to be."""

    MET = "met"
    MISSED = "missed"
    UNDECIDED = "undecided"
    """It could not be found out: a baseline that cannot be compared with. Never a pass."""


@dataclass(frozen=True)
class Criterion:
    """A threshold and what the run has."""

    name: str
    """``metrics.chrF2``; see :class:`mtalign.gate.Threshold`."""
    outcome: Outcome
    message: str
    """One line: what the run has, what it must have, by how much it misses."""
    operator: str = "<="
    threshold: float = 0.0
    value: float | None = None
    """What the run has; None where it was not computed."""
    share: bool = False
    """``value`` and ``threshold`` are shares of the segments, 0 to 1."""
    document: str = ""
    """Id of the document that it is about; empty for the run."""
    segments: tuple[str, ...] = ()
    """Where to look: ids of segments, the worst first, ``MAX_SEGMENTS`` at most."""
    concerned: int = 0
    """How many segments there are in all, of which ``segments`` are the first."""
    pages: tuple[str, ...] = ()
    """Where to look: pages of documents with the filter in the address, relative to the run folder."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Further figures; for a regression those of the paired test."""

    def to_json(self) -> dict[str, Any]:
        """An entry of ``criteria``."""
        return {
            "name": self.name,
            "outcome": self.outcome.value,
            "message": self.message,
            "operator": self.operator,
            "threshold": _rounded(self.threshold),
            "value": None if self.value is None else _rounded(self.value),
            "share": self.share,
            "document": self.document or None,
            "segments": list(self.segments),
            "concerned": self.concerned,
            "pages": list(self.pages),
            **({"details": dict(self.details)} if self.details else {}),
        }


@dataclass(frozen=True)
class Gate:
    """All criteria of a run, in the order of its thresholds."""

    criteria: tuple[Criterion, ...]

    @property
    def missed(self) -> tuple[Criterion, ...]:
        """Those that are not met, decided or not."""
        return tuple(one for one in self.criteria if one.outcome is not Outcome.MET)

    @property
    def undecided(self) -> tuple[Criterion, ...]:
        """Those that could not be decided."""
        return tuple(one for one in self.criteria if one.outcome is Outcome.UNDECIDED)

    @property
    def passed(self) -> bool:
        """Whether every criterion is met."""
        return not self.missed

    def and_also(self, criteria: Iterable[Criterion]) -> Gate:
        """This gate with ``criteria`` behind its own."""
        return Gate((*self.criteria, *criteria))

    def to_json(self) -> dict[str, Any]:
        """The object ``gate`` of ``scores.json``."""
        return {
            "schema": GATE_SCHEMA,
            "passed": self.passed,
            "criteria": [criterion.to_json() for criterion in self.criteria],
        }


def gate_from_json(value: Mapping[str, Any], where: str) -> Gate:
    """Read the object ``gate`` of ``scores.json``; ``where`` names the file in errors.

    Raises:
        DocumentError: it is of another schema, or damaged.
    """
    if value.get("schema") != GATE_SCHEMA:
        raise DocumentError(
            f"{where}: its gate has schema {value.get('schema')!r}, this version reads {GATE_SCHEMA}",
            hint="run `mtalign check` again to write it anew",
        )
    try:
        criteria = tuple(_criterion(entry) for entry in value["criteria"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DocumentError(
            f"{where} is damaged: its gate ({type(error).__name__}: {error})",
            hint="run `mtalign check` again to write it anew",
        ) from error
    return Gate(criteria)


def _criterion(entry: Mapping[str, Any]) -> Criterion:
    texts = [entry["name"], entry["message"], entry["operator"], *entry["segments"], *entry["pages"]]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a text is of another type")
    return Criterion(
        name=entry["name"],
        outcome=Outcome(entry["outcome"]),
        message=entry["message"],
        operator=entry["operator"],
        threshold=float(entry["threshold"]),
        value=None if entry["value"] is None else float(entry["value"]),
        share=bool(entry["share"]),
        document=str(entry["document"] or ""),
        segments=tuple(entry["segments"]),
        concerned=int(entry["concerned"]),
        pages=tuple(entry["pages"]),
        details=dict(entry.get("details", {})),
    )


def _rounded(value: float) -> float:
    whole = round(value, 4)
    return int(whole) if whole == int(whole) and isinstance(value, int) else whole

"""The nouns: what every stage of the chain takes and gives. Frozen dataclasses, no input or output.

Offsets are in characters (Python code points), half-open, and exact:

* ``document.text[block.start:block.end] == block.text``
* ``block.text[segment.start:segment.end] == segment.text``

so segments joined with the gaps between them give every block, and blocks joined with the text between
them give the document, byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

SCHEMA_VERSION = 1
"""Version of the ``segments.jsonl`` schema; raised whenever a field changes its meaning."""


class BlockKind(str, Enum):
    """What a block is in its document."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    LIST_ITEM = "list_item"
    QUOTE = "quote"
    CAPTION = "caption"
    CELL = "cell"
    DATA = "data"
    CODE = "code"


class Skip(str, Enum):
    """Why a segment does not go through a model."""

    ENGLISH = "english"
    """Already in the target language: kept as it is."""
    NUMBER = "number"
    """Digits, punctuation and symbols only: kept as it is."""
    URL = "url"
    """A URL, an e-mail address or a DOI: kept as it is."""
    DATA = "data"
    """JSON or another machine format: not translated, written through unchanged."""
    CODE = "code"
    """Source code: not translated, written through unchanged."""


class Status(str, Enum):
    """What became of a segment."""

    TRANSLATED = "translated"
    """A model (or the translation memory) gave the English, or a reviewer wrote it."""
    KEPT = "kept"
    """Nothing to translate (English, a number, a URL): the source is the English."""
    SKIPPED = "skipped"
    """Data or code: no translation, ``failure`` says why; written through unchanged."""
    FAILED = "failed"
    """Should have been translated and was not; ``failure`` says why."""


class Verdict(str, Enum):
    """What a reviewer said of a translation."""

    ACCEPTED = "accepted"
    """It stands as it is."""
    EDITED = "edited"
    """The reviewer wrote the English that stands now."""
    REJECTED = "rejected"
    """It must not stand, and nobody has written another: the segment is failed."""


PERSON = "person"
"""The ``engine`` of a translation that a reviewer wrote."""


class Severity(str, Enum):
    """How much a flag matters to a reviewer."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Block:
    """A paragraph, heading, list item, … of a document, with its exact place in the document's text."""

    id: str
    kind: BlockKind
    text: str
    start: int
    end: int
    level: int = 0
    """Heading level 1–6 or list depth; 0 where it has none."""


@dataclass(frozen=True)
class Document:
    """A document as read: its decoded text with newlines as they stood, and its blocks in order."""

    id: str
    path: str
    format: str
    text: str
    blocks: tuple[Block, ...]
    encoding: str = "utf-8"
    bom: bool = False
    title: str = ""


@dataclass(frozen=True)
class Segment:
    """One sentence (or one unit that is not translated) of a block."""

    id: str
    """``<document>.b<block number>.s<sentence number>``, numbers from 1: ``004.b12.s3``."""
    document_id: str
    block_id: str
    text: str
    start: int
    end: int
    language: str
    """Language code as :mod:`mtalign.languages` gives it (``ko``); ``und`` only where ``skip`` is set."""
    skip: Skip | None = None


@dataclass(frozen=True)
class Flag:
    """Something a reviewer should look at."""

    name: str
    severity: Severity
    message: str
    source_span: tuple[int, int] | None = None
    """Characters of the source segment concerned, half-open."""
    translation_span: tuple[int, int] | None = None
    """Characters of the translation concerned, half-open."""


@dataclass(frozen=True)
class Review:
    """What a reviewer said of a segment's translation, and of which one."""

    verdict: Verdict | None
    """None where there is only a comment."""
    by: str
    """The reviewer's name; empty where none was given."""
    at: str
    """When, ISO 8601 in UTC: ``2026-11-25T11:58:03Z``."""
    before: str | None = None
    """The translation that the reviewer saw; None where the segment had none."""
    comment: str = ""
    engine: str = ""
    """The engine that made ``before``."""
    model: str = ""
    """The model that made ``before``, as in a translation."""
    segment: str = ""
    """Id of the segment it was said of, where that is another one with the same source; else empty."""


@dataclass(frozen=True)
class Translation:
    """A segment's English, or an explicit failure; never a guess."""

    segment_id: str
    status: Status
    text: str | None
    """The English; ``None`` exactly when ``failure`` is set."""
    failure: str | None = None
    engine: str = ""
    """The engine that made the text; ``person`` where a reviewer wrote it."""
    model: str = ""
    """Catalogue name or path of the model, with its fingerprint: ``qwen@cc324af070c2``."""
    score: float | None = None
    """Mean log-probability of a target token, where the engine gives one (natural logarithm, ≤ 0)."""
    flags: tuple[Flag, ...] = ()
    review: Review | None = None
    """What a reviewer said of it; None where nobody did."""

    def __post_init__(self) -> None:
        if (self.text is None) == (self.failure is None):
            raise ValueError(f"{self.segment_id}: a translation has either a text or a failure")
        if self.text is not None and not self.text.strip():
            raise ValueError(f"{self.segment_id}: an empty text is not a translation")


@dataclass(frozen=True)
class Link:
    """An alignment bead: m source segments with n target segments; m or n may be 0."""

    source_ids: tuple[str, ...]
    target_ids: tuple[str, ...]
    score: float | None
    """Similarity of the two sides, 0 to 1; 0 where a side is empty, None where it was not computed."""


@dataclass(frozen=True)
class Score:
    """A metric's value with the recipe it was computed by."""

    name: str
    """``BLEU``, ``chrF2``, ``TER``, as sacreBLEU names it."""
    score: float
    signature: str
    """sacreBLEU's signature: ``nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0``."""
    details: dict[str, object] = field(default_factory=dict)
    """Every further field of sacreBLEU's own JSON for this score."""

"""Translation memory and resume journal: one SQLite file, written as the work goes.

A result is stored under everything it depends on (:func:`memory_key`), so a hit is exactly what the engine
would give again. Each :meth:`Memory.put` is one transaction: Ctrl-C, ``kill -9`` or a power cut loses at most
the batch in flight. Several processes may share a file (write-ahead log).

Beside the model's results stands what reviewers said (:class:`ReviewEntry`): it depends on no engine, model
or option, and :func:`decide` says what becomes of a segment because of it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtalign.document import Link, Review, Verdict
from mtalign.errors import MemoryStoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from mtalign.engines.base import ContextPair, Decoding, Engine
    from mtalign.glossary import Term
    from mtalign.languages import Language

SCHEMA = 2
"""1 had the table of outcomes alone; it is brought to 2 in place."""

_TABLES = """
CREATE TABLE IF NOT EXISTS outcome (
    key TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    source_lang TEXT NOT NULL,
    target_lang TEXT NOT NULL,
    model TEXT NOT NULL,
    engine TEXT NOT NULL,
    translation TEXT,
    failure TEXT,
    score REAL,
    tokens INTEGER NOT NULL,
    notes TEXT NOT NULL,
    created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CHECK ((translation IS NULL) <> (failure IS NULL))
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS review (
    source TEXT NOT NULL,
    source_lang TEXT NOT NULL,
    target_lang TEXT NOT NULL,
    segment TEXT NOT NULL,
    document TEXT NOT NULL,
    verdict TEXT,
    translation TEXT,
    before TEXT,
    refused TEXT NOT NULL,
    score REAL,
    engine TEXT NOT NULL,
    model TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    reviewed TEXT NOT NULL,
    comment TEXT NOT NULL,
    PRIMARY KEY (source, source_lang, target_lang, segment)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bead (
    document TEXT NOT NULL,
    target_lang TEXT NOT NULL,
    segments TEXT NOT NULL,
    beads TEXT NOT NULL,
    PRIMARY KEY (document, target_lang, segments)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Outcome:
    """What the translate plan arrived at for one text: a translation or a failure."""

    translation: str | None
    failure: str | None
    score: float | None
    tokens: int
    """Target tokens decoded for it, retries included."""
    notes: tuple[str, ...] = ()
    """What the plan had to do: ``retried``, ``split``, ``terms`` (asked again for glossary terms)."""


@dataclass(frozen=True)
class Entry:
    """An outcome with the text and the languages it belongs to."""

    key: str
    source: str
    source_lang: str
    target_lang: str
    outcome: Outcome


@dataclass(frozen=True)
class ReviewEntry:
    """What a reviewer said of a segment, with the text and the languages it belongs to."""

    segment_id: str
    document_id: str
    source: str
    """The segment's text as an engine is asked for it."""
    source_lang: str
    target_lang: str
    translation: str | None
    """The English that stands because of it; None where it was rejected or commented on alone."""
    review: Review
    refused: tuple[str, ...] = ()
    """Translations that must not come back."""
    score: float | None = None
    """The engine's score of ``translation``, where an engine made it."""


@dataclass(frozen=True)
class Decision:
    """What becomes of a segment because of what reviewers said."""

    translation: str | None = None
    """The English to take; None where there is none and the model is asked."""
    review: Review | None = None
    """The review that decides, or that refuses; else the segment's own, such as a comment alone."""
    refused: tuple[str, ...] = ()
    """What the model must not give again; ``review`` says who refused it."""
    score: float | None = None


def decide(entries: Iterable[ReviewEntry], segment_id: str) -> Decision:
    """What ``entries`` (all of one source text and pair of languages) say of the segment ``segment_id``.

    Its own review goes first, then those of other segments, the newest first. A rejected translation stays
    refused whoever else accepted it; the first text that was accepted or written, and is not refused, stands.
    """
    own = [entry for entry in entries if entry.segment_id == segment_id]
    others = [entry for entry in entries if entry.segment_id != segment_id and entry.review.verdict]
    others.sort(key=lambda entry: (entry.review.at, entry.segment_id), reverse=True)
    refused: dict[str, None] = {}
    refusal: Review | None = None
    for entry in (*own, *others):
        review = entry.review
        if entry.segment_id != segment_id:
            review = replace(review, segment=entry.segment_id)
        if review.verdict is Verdict.REJECTED:
            refused.update(dict.fromkeys(entry.refused))
            refusal = refusal or review
        elif entry.translation is not None and entry.translation not in refused:
            return Decision(entry.translation, review, (), entry.score)
    # A comment, or the acceptance of data, which has no translation.
    without_text = next((entry.review for entry in own), None)
    return Decision(None, refusal or without_text, tuple(refused))


def rejection_reason(review: Review) -> str:
    """Why a rejected segment is failed, in words for a reader."""
    reason = f"rejected by {review.by or 'somebody'}"
    comment = " ".join(review.comment.split())
    return f"{reason}: {comment}" if comment else reason


def refusing_key(key: str, refused: Sequence[str]) -> str:
    """The key of what is decoded where ``refused`` must not come back; ``key`` itself where nothing is.

    It is a key of its own, so that taking a review back brings back the result that it refused.
    """
    if not refused:
        return key
    return hashlib.sha256(json.dumps([key, sorted(refused)], ensure_ascii=True).encode()).hexdigest()


def memory_key(
    text: str,
    source: Language,
    target: Language,
    context: Sequence[ContextPair],
    engine: Engine,
    decoding: Decoding,
    plan_version: int,
    terms: Sequence[Term] = (),
    terms_version: int = 0,
) -> str:
    """SHA-256, hex, over all that a result depends on: another value of any of these is another key.

    A result that no glossary term was asked for has the key that it had before there were glossaries.
    """
    parts: list[Any] = [
        text,
        source.code,
        target.code,
        [[pair.source, pair.translation] for pair in context],
        engine.name,
        engine.version,
        engine.model.fingerprint,
        asdict(decoding),
        plan_version,
    ]
    if terms:
        parts.append([terms_version, [[term.source, *term.english] for term in terms]])
    return hashlib.sha256(json.dumps(parts, ensure_ascii=True, sort_keys=True).encode()).hexdigest()


_REVIEW_COLUMNS = (
    "source, source_lang, target_lang, segment, document, verdict, translation, before, refused, score,"
    " engine, model, reviewer, reviewed, comment"
)


def _review_entry(row: tuple[Any, ...]) -> ReviewEntry:
    source, source_lang, target_lang, segment, document, verdict, translation, before, refused, score = row[
        :10
    ]
    engine, model, by, at, comment = row[10:]
    review = Review(verdict and Verdict(verdict), by, at, before, comment, engine, model)
    return ReviewEntry(
        segment,
        document,
        source,
        source_lang,
        target_lang,
        translation,
        review,
        tuple(json.loads(refused)),
        score,
    )


class Memory:
    """A translation memory in an SQLite file; ``Memory(None)`` keeps it in RAM for this process only.

    Raises:
        MemoryStoreError: the file cannot be opened, is not ours, is damaged, or the disk is full.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        with self._errors():
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                if not path.exists():
                    path.touch(mode=0o600)
            self._connection = sqlite3.connect(path or ":memory:", timeout=60, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self) -> None:
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, 1, SCHEMA):
            raise MemoryStoreError(
                f"{self.path} has schema {version}, this version of mtalign uses {SCHEMA}",
                hint="name another file with --memory",
            )
        # Each statement is whole, and the version comes last: the next start mends a break here.
        self._connection.executescript(_TABLES)
        if version != SCHEMA:
            self._connection.execute(f"PRAGMA user_version={SCHEMA}")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            message = str(error)
            if "full" in message:
                hint = "free some space and run the same command again; what is done is kept"
            elif "not a database" in message or "malformed" in message:
                hint = "move the file away, or name another one with --memory"
            else:
                hint = "name a writable file with --memory, or use --no-memory"
            raise MemoryStoreError(f"translation memory {self.path}: {message}", hint=hint) from error
        except OSError as error:
            raise MemoryStoreError(
                f"translation memory {self.path}: {error.strerror}",
                hint="name a writable file with --memory, or use --no-memory",
            ) from error

    def get(self, keys: Iterable[str]) -> dict[str, Outcome]:
        """The outcomes known for ``keys``; a key that is not known is not in the result."""
        found = {}
        wanted = list(keys)
        with self._errors():
            for start in range(0, len(wanted), 500):
                some = wanted[start : start + 500]
                marks = ",".join("?" * len(some))
                rows = self._connection.execute(
                    "SELECT key, translation, failure, score, tokens, notes FROM outcome"  # noqa: S608
                    f" WHERE key IN ({marks})",
                    some,
                )
                for key, translation, failure, score, tokens, notes in rows:
                    found[key] = Outcome(translation, failure, score, tokens, tuple(json.loads(notes)))
        return found

    def put(self, entries: Iterable[Entry], engine: Engine) -> None:
        """Store ``entries`` in one transaction; an entry with a known key replaces the old one."""
        rows = [
            (
                entry.key,
                entry.source,
                entry.source_lang,
                entry.target_lang,
                engine.model.label,
                f"{engine.name} {engine.version}",
                entry.outcome.translation,
                entry.outcome.failure,
                entry.outcome.score,
                entry.outcome.tokens,
                json.dumps(entry.outcome.notes),
            )
            for entry in entries
        ]
        with self._transaction():
            self._connection.executemany(
                "INSERT OR REPLACE INTO outcome (key, source, source_lang, target_lang, model, engine,"
                " translation, failure, score, tokens, notes) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                rows,
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    # -- what reviewers said ----------------------------------------------------------------------------

    def put_reviews(self, entries: Iterable[ReviewEntry]) -> None:
        """Store ``entries`` in one transaction; each replaces what was said of the same segment and text."""
        rows = [
            (
                entry.source,
                entry.source_lang,
                entry.target_lang,
                entry.segment_id,
                entry.document_id,
                entry.review.verdict and entry.review.verdict.value,
                entry.translation,
                entry.review.before,
                json.dumps(entry.refused),
                entry.score,
                entry.review.engine,
                entry.review.model,
                entry.review.by,
                entry.review.at,
                entry.review.comment,
            )
            for entry in entries
        ]
        with self._transaction():
            self._connection.executemany(
                f"INSERT OR REPLACE INTO review ({_REVIEW_COLUMNS}) VALUES ({','.join('?' * 15)})",  # noqa: S608
                rows,
            )

    def reviews(self, sources: Iterable[str], target_lang: str) -> list[ReviewEntry]:
        """Everything reviewers said of segments with one of these source texts, in no particular order."""
        found = []
        wanted = list(dict.fromkeys(sources))
        with self._errors():
            for start in range(0, len(wanted), 500):
                some = wanted[start : start + 500]
                rows = self._connection.execute(
                    f"SELECT {_REVIEW_COLUMNS} FROM review"  # noqa: S608
                    f" WHERE source IN ({','.join('?' * len(some))}) AND target_lang = ?",
                    [*some, target_lang],
                )
                found += [_review_entry(row) for row in rows]
        return found

    def decisions(
        self, wanted: Iterable[tuple[str, str, str]], target_lang: str, *, own_only: bool = False
    ) -> dict[str, Decision]:
        """What reviewers decided for segments, by id; a segment of which nobody said anything is not in it.

        ``wanted`` are segment id, source text and source language; with ``own_only`` a segment is not
        decided by what was said of others with the same text.
        """
        asked = list(wanted)
        entries: dict[tuple[str, str], list[ReviewEntry]] = {}
        for entry in self.reviews((source for _, source, _ in asked), target_lang):
            entries.setdefault((entry.source, entry.source_lang), []).append(entry)
        decided = {}
        for segment_id, source, language in asked:
            known = entries.get((source, language), [])
            if own_only:
                known = [entry for entry in known if entry.segment_id == segment_id]
            decision = decide(known, segment_id)
            if decision != Decision():
                decided[segment_id] = decision
        return decided

    def forget_reviews(self, entries: Iterable[ReviewEntry]) -> None:
        """Take out what was said of these segments and texts."""
        with self._transaction():
            self._connection.executemany(
                "DELETE FROM review WHERE source = ? AND source_lang = ? AND target_lang = ? AND segment = ?",
                [(e.source, e.source_lang, e.target_lang, e.segment_id) for e in entries],
            )

    def put_beads(self, document_id: str, target_lang: str, segments: str, beads: Iterable[Link]) -> None:
        """Store the beads that reviewers changed in a document; ``segments`` is a digest of its segments."""
        value = json.dumps([[bead.source_ids, bead.target_ids] for bead in beads])
        with self._transaction():
            self._connection.execute(
                "INSERT OR REPLACE INTO bead (document, target_lang, segments, beads) VALUES (?,?,?,?)",
                (document_id, target_lang, segments, value),
            )

    def beads(self, document_id: str, target_lang: str, segments: str) -> list[Link]:
        """The beads that reviewers changed in a document with exactly these segments."""
        with self._errors():
            row = self._connection.execute(
                "SELECT beads FROM bead WHERE document = ? AND target_lang = ? AND segments = ?",
                (document_id, target_lang, segments),
            ).fetchone()
        return [Link(tuple(s), tuple(t), None) for s, t in json.loads(row[0])] if row else []

    def reviews_digest(self) -> str:
        """SHA-256 over everything that reviewers said, hex."""
        digest = hashlib.sha256()
        with self._errors():
            for table in ("review", "bead"):
                for row in self._connection.execute(f"SELECT * FROM {table}"):  # noqa: S608
                    digest.update(json.dumps([table, *row]).encode())
        return digest.hexdigest()

    def count(self) -> int:
        """How many results it holds."""
        with self._errors():
            (count,) = self._connection.execute("SELECT count(*) FROM outcome").fetchone()
        return int(count)

    def close(self) -> None:
        """Close the file; calling it twice is harmless."""
        self._connection.close()

    def __enter__(self) -> Memory:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

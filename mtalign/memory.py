"""Translation memory and resume journal: one SQLite file, written as the work goes.

A result is stored under everything it depends on (:func:`memory_key`), so a hit is exactly what the engine
would give again. Each :meth:`Memory.put` is one transaction: Ctrl-C, ``kill -9`` or a power cut loses at most
the batch in flight. Several processes may share a file (write-ahead log).
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtalign.errors import MemoryStoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from mtalign.engines.base import ContextPair, Decoding, Engine
    from mtalign.glossary import Term
    from mtalign.languages import Language

SCHEMA = 1

_TABLE = """
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
) WITHOUT ROWID
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
        if version not in (0, SCHEMA):
            raise MemoryStoreError(
                f"{self.path} has schema {version}, this version of mtalign uses {SCHEMA}",
                hint="name another file with --memory",
            )
        self._connection.execute(_TABLE)
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
        with self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany(
                    "INSERT OR REPLACE INTO outcome (key, source, source_lang, target_lang, model, engine,"
                    " translation, failure, score, tokens, notes) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                    rows,
                )
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

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

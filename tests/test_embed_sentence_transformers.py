"""sentence-transformers models: a small real one, built here, through the real library, with no network."""

from __future__ import annotations

import builtins
import json
import shutil
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from mtalign.embed import AdditiveEmbedder, load_embedder
from mtalign.errors import MissingPackageError, ModelError, UsageError
from mtalign.models.resolve import resolve
from mtalign.models.store import ModelStore

WORDS = "der die das Haus Baum Katze the house tree cat is old alt ist rot red".split()


def build(folder: Path) -> None:
    """A two-layer BERT with mean pooling, a dense layer and normalisation, as LaBSE is laid out."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    source = folder / "source"
    source.mkdir(parents=True, exist_ok=True)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = list("abcdefghijklmnopqrstuvwxyz")
    pieces = [*special, *WORDS, *letters, *(f"##{c}" for c in letters)]
    (source / "vocab.txt").write_text("\n".join(pieces) + "\n")
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(source)
    BertTokenizerFast(vocab=str(source / "vocab.txt"), do_lower_case=False).save_pretrained(source)
    transformer = Transformer(str(source))
    parts = [
        transformer,
        Pooling(32, "mean"),
        Dense(32, 24, activation_function=torch.nn.Tanh()),
        Normalize(),
    ]
    SentenceTransformer(modules=parts, device="cpu").save(str(folder / "model"))
    shutil.rmtree(source)


@pytest.fixture(scope="session")
def model(shared_folder: Path) -> Path:
    folder = shared_folder / "sentence-transformers"
    with FileLock(shared_folder / "sentence-transformers.lock"):
        if not (folder / "model" / "modules.json").exists():
            build(folder)
    return folder / "model"


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    tried: list[Any] = []

    def refuse(self: socket.socket, address: Any) -> None:
        tried.append(address)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: refuse(None, a))  # type: ignore[arg-type]
    return tried


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MTALIGN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_folder_is_loaded_and_gives_the_library_s_vectors(
    model: Path, home: Path, no_network: list[Any]
) -> None:
    from sentence_transformers import SentenceTransformer

    embedder = load_embedder(str(model))
    texts = ["das Haus ist alt", "", "the red house is old and the cat is red", "  "]
    vectors = embedder.encode(texts)
    assert (embedder.name, embedder.dimension) == (str(model), 24)
    assert vectors.shape == (4, 24)
    assert vectors.dtype == np.float32
    assert not vectors[[1, 3]].any()
    expected = SentenceTransformer(str(model), device="cpu", local_files_only=True).encode(texts[::2])
    np.testing.assert_allclose(vectors[[0, 2]], expected, atol=1e-5)
    assert embedder.encode([]).shape == (0, 24)
    assert no_network == []


def test_it_is_not_taken_for_an_additive_embedder_and_still_aligns(model: Path, home: Path) -> None:
    from mtalign.align.aligner import align_segments

    embedder = load_embedder(str(model))
    assert not isinstance(embedder, AdditiveEmbedder)
    beads = align_segments(["das Haus", "ist alt"], ["the house", "is old"], embedder=embedder)
    assert sorted(i for bead in beads for i in bead.source) == [0, 1]


def test_the_fingerprint_follows_every_file_of_every_module(model: Path, home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(model, other)
    (other / "README.md").write_text("a read-me does not count")
    assert load_embedder(str(other)).fingerprint == load_embedder(str(model)).fingerprint
    pooling = other / "1_Pooling" / "config.json"
    pooling.write_text(pooling.read_text() + " ")
    assert load_embedder(str(other)).fingerprint != load_embedder(str(model)).fingerprint


def test_labse_comes_from_the_store_once_a_copy_was_pulled(
    model: Path, home: Path, no_network: list[Any]
) -> None:
    store = ModelStore()
    with pytest.raises(ModelError, match="labse is not in the store; `mtalign models pull labse`"):
        load_embedder("labse")
    store.pull(store.catalogue.find("labse"), path=model)
    embedder = load_embedder("labse")
    assert embedder.name == "labse"
    texts = ["das Haus ist alt", "the cat"]
    np.testing.assert_array_equal(embedder.encode(texts), load_embedder(str(model)).encode(texts))
    assert store.verify("labse") == ()
    assert {file.name for file in store.record(store.catalogue.find("labse")).files} > {
        "modules.json",
        "1_Pooling/config.json",
        "2_Dense/model.safetensors",
        "model.safetensors",
    }
    assert no_network == []


def test_labse_is_pulled_from_a_hub_with_its_modules_folders(
    model: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hubserver import serve

    for name in ("HF_HUB_OFFLINE", "HF_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    files = {f.relative_to(model).as_posix(): f.read_bytes() for f in model.rglob("*") if f.is_file()}
    with serve() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        evil = {"9_Evil/../../../escaped/config.json": b"{}", "onnx/model.onnx": b"x"}
        hub.repositories["sentence-transformers/LaBSE"] = {**files, **evil}
        store = ModelStore()
        store.pull(store.catalogue.find("labse"))
    assert not list(home.parent.rglob("escaped"))
    assert not (store.root / "labse" / "onnx").exists()
    np.testing.assert_array_equal(
        load_embedder("labse").encode(["the old tree"]), load_embedder(str(model)).encode(["the old tree"])
    )


def test_a_sentence_model_is_refused_as_a_translation_model(model: Path, home: Path) -> None:
    for name in ("labse", str(model)):
        with pytest.raises(UsageError, match=r"does not translate; --embedder"):
            resolve(name, source_language=None, store=ModelStore(), offline=True)


def test_a_folder_that_is_none_or_is_not_there_is_one_line(home: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        load_embedder(str(tmp_path / "nothing"))
    (tmp_path / "config.json").write_text('{"model_type": "marian"}')
    with pytest.raises(ModelError, match=r"is not a sentence-transformers model; .*modules.json"):
        load_embedder(str(tmp_path))


@pytest.mark.parametrize("fault", ["cut", "missing", "modules"])
def test_a_damaged_folder_is_refused(fault: str, model: Path, home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(model, folder)
    weights = folder / "model.safetensors"
    if fault == "cut":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif fault == "missing":
        weights.unlink()
    else:
        unknown = {"idx": 0, "name": "0", "path": "", "type": "no.Such"}
        (folder / "modules.json").write_text(json.dumps([unknown]))
    with pytest.raises(ModelError, match=r"(is damaged: 0?\d+ bytes instead|cannot be loaded)"):
        load_embedder(str(folder))


def test_without_the_library_the_install_line_is_named(
    model: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "sentence_transformers":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingPackageError, match=r"pip install 'mtalign\[sentence-transformers\]'"):
        load_embedder(str(model))

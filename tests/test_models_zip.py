"""A model in a zip that is cut into the wheels of a package index: the real pip, a stand-in index."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import pytest
from hubserver import MARIAN_WANTED, closed_port, marian_files, noise, serve_index, sha256, wheel

from mtalign.errors import DownloadError
from mtalign.languages import parse_language
from mtalign.models.catalogue import CatalogueEntry, FilePin, WheelPart, ZipMember, load_catalogue
from mtalign.models.download import Client
from mtalign.models.resolve import resolve, select_model
from mtalign.models.sources.hub import HubSource
from mtalign.models.store import ModelStore, State

pytest.importorskip("pip")

FRENCH, KOREAN = parse_language("fr"), parse_language("ko")
FILES = {name: data for name, data in marian_files(size=20_000).items() if name in MARIAN_WANTED}
CUT = 9000
"""Bytes of a part."""


def whole_zip() -> tuple[bytes, dict[str, int]]:
    """A zip in which the model lies behind and before other things, and where each local header begins."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("store/other.bin", noise(12_000, 7))
        for name, data in FILES.items():
            kind = zipfile.ZIP_STORED if name == "source.spm" else zipfile.ZIP_DEFLATED
            archive.writestr(f"store/fr/{name}", data, kind)
        archive.writestr("store/more.bin", noise(25_000, 8))
        offsets = {info.filename: info.header_offset for info in archive.infolist()}
    return stream.getvalue(), offsets


ZIP, OFFSETS = whole_zip()
FIRST = OFFSETS["store/fr/config.json"] // CUT
LAST = OFFSETS["store/more.bin"] // CUT
"""Only these parts hold something of the model."""


def part(number: int) -> bytes:
    return ZIP[number * CUT : (number + 1) * CUT]


def member(number: int) -> str:
    return f"cut-part_{number:03d}/input/store.zip.{number:03d}"


@pytest.fixture(scope="module")
def entry() -> CatalogueEntry:
    """The catalogue's French model, with the stand-in's bytes."""
    return replace(
        load_catalogue().find("opus-fr-en"),
        files=tuple(FilePin(name, sha256(data), len(data)) for name, data in FILES.items()),
        wheels=tuple(
            WheelPart(f"cut-part-{number:03d}", "0.0.1", member(number), sha256(part(number)), CUT)
            for number in range(FIRST, LAST + 1)
        ),
        zip=tuple(
            ZipMember(name, f"store/fr/{name}", OFFSETS[f"store/fr/{name}"] - FIRST * CUT) for name in FILES
        ),
    )


@pytest.fixture
def index(monkeypatch):
    with serve_index(monkeypatch) as server:
        for number in range(-(-len(ZIP) // CUT)):
            package = f"cut-part-{number:03d}"
            server.wheels[package] = wheel(package, "0.0.1", member(number), part(number))
        yield server


@pytest.fixture
def store(tmp_path, entry):
    catalogue = load_catalogue()
    entries = tuple(entry if one.name == entry.name else one for one in catalogue)
    client = Client(timeout=5, attempts=2, wait=lambda _seconds: None)
    return ModelStore(
        root=tmp_path, catalogue=replace(catalogue, entries=entries), hub=HubSource(client, probe_seconds=30)
    )


def fetched(index) -> list[int]:
    """Numbers of the parts whose wheels were asked for."""
    return [
        int(answered.path.split("_")[2].split("-")[0])
        for answered in index.log
        if answered.path.startswith("/wheels/")
    ]


def test_the_models_files_are_unpacked_and_verified_and_no_part_too_many_is_fetched(index, store, entry):
    notes, seen = [], []
    record = store.pull(
        entry, note=notes.append, progress=lambda done, total, _name: seen.append((done, total))
    )
    assert FIRST > 0
    assert fetched(index) == [*range(FIRST, LAST + 1)]
    directory = store.path("opus-fr-en")
    assert {file.name for file in directory.iterdir()} == {*FILES, "mtalign-model.json"}
    assert all((directory / name).read_bytes() == data for name, data in FILES.items())
    assert store.verify("opus-fr-en") == ()
    assert record.source == f"pypi cut-part-{FIRST:03d} … cut-part-{LAST:03d} ==0.0.1"
    assert (record.licence, record.family) == ("Apache-2.0", "marian")
    assert "University of Helsinki" in record.attribution
    assert "taking opus-fr-en from PyPI" in notes[0]
    total = (LAST + 1 - FIRST) * CUT + sum(map(len, FILES.values()))
    assert seen == sorted(seen)
    assert seen[0] == (0, total)
    assert seen[-1] == (total, total)
    assert store.remove("opus-fr-en") > 20_000
    assert store.state(entry) is State.MISSING


def test_a_pull_that_broke_off_while_parts_came_fetches_the_rest_only(index, store, entry):
    bad = f"cut-part-{FIRST + 1:03d}"
    good, index.wheels[bad] = index.wheels[bad], wheel(bad, "0.0.1", member(FIRST + 1), b"x" * CUT)
    with pytest.raises(DownloadError, match="not the part expected"):
        store.pull(entry, origin="pypi")
    assert store.state(entry) is State.PARTIAL
    index.wheels[bad] = good
    del index.log[:]
    store.pull(entry, origin="pypi")
    assert fetched(index) == [*range(FIRST + 1, LAST + 1)]
    assert store.verify("opus-fr-en") == ()


def test_a_pull_that_broke_off_while_it_unpacked_fetches_nothing_again(index, store, entry):
    def stop(_done, _total, name):
        if name == "pytorch_model.bin":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.pull(entry, origin="pypi", progress=stop)
    assert store.state(entry) is State.PARTIAL
    del index.log[:]
    store.pull(entry, origin="pypi")
    assert index.log == []
    assert store.verify("opus-fr-en") == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"offset": 17}, "there is no file's header at its place"),
        ({"offset": len(ZIP)}, "there is no file's header at its place"),
        ({"member": "store/fr/vocab.txt"}, "'store/fr/vocab.json' lies at its place"),
        ({}, "sha-256 [0-9a-f]{12}… instead of 000000000000…"),
    ],
)
def test_what_is_not_the_file_expected_is_refused_on_one_line(index, store, entry, change, message):
    places = tuple(replace(place, **change) if place.name == "vocab.json" else place for place in entry.zip)
    pins = tuple(
        replace(pin, sha256="0" * 64) if pin.name == "vocab.json" and not change else pin
        for pin in entry.files
    )
    with pytest.raises(DownloadError, match=rf"the vocab.json expected: {message}; try another") as caught:
        store.pull(replace(entry, zip=places, files=pins), origin="pypi")
    assert "\n" not in str(caught.value)
    assert not (store.root / "opus-fr-en").exists()
    assert not list(store.root.rglob("vocab.json*"))


def test_a_file_that_goes_on_in_a_part_that_is_not_there_is_cut_off(index, store, entry):
    short = replace(entry, wheels=entry.wheels[:1])
    with pytest.raises(DownloadError, match=r"the pytorch_model\.bin expected: it is cut off"):
        store.pull(short, origin="pypi")


def test_the_hub_goes_first_where_it_answers(index, store, entry, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", index.address)
    index.repositories[entry.hub] = FILES
    index.commits[entry.hub] = entry.revision or ""
    record = store.pull(entry)
    assert record.source == f"{index.address}/{entry.hub}"
    assert fetched(index) == []
    assert record.fingerprint == store.pull(entry, origin="pypi", force=True).fingerprint


# auto


def test_auto_takes_french_from_the_index_where_no_hub_answers_and_the_rest_by_qwen(index, store):
    selection = select_model("auto", [FRENCH, KOREAN], store=store, offline=False)
    assert selection.names == {FRENCH.code: "opus", KOREAN.code: "qwen"}
    assert selection.reason == (
        "model: opus for French (from PyPI; the hub, which has opus-fr-en, does not answer); "
        "qwen for Korean (from PyPI; the hub, which has opus-ko-en, does not answer)"
    )
    model = resolve("opus", source_language=FRENCH, store=store, offline=False)
    assert model.name == "opus-fr-en"
    assert select_model("auto", [FRENCH], store=store, offline=True).reason == "model: opus (in the store)"


def test_an_index_that_cannot_be_reached_is_no_error_where_qwen_is_in_the_store(index, store, monkeypatch):
    monkeypatch.setattr(ModelStore, "has", lambda _store, one: one.name == "qwen")
    assert {*select_model("auto", [FRENCH], store=store, offline=False).names.values()} == {"opus"}
    monkeypatch.setenv("PIP_INDEX_URL", f"{closed_port()}/simple")
    selection = select_model("auto", [FRENCH], store=store, offline=False)
    assert {*selection.names.values()} == {"qwen"}
    assert selection.reason == ("model: qwen (in the store; the hub, which has opus-fr-en, does not answer)")


def test_the_catalogues_places_of_the_french_model_are_inside_its_parts():
    entry = load_catalogue().find("opus", FRENCH)
    assert {place.name for place in entry.zip} == {pin.name for pin in entry.files} == MARIAN_WANTED
    assert [part.package for part in entry.wheels] == [f"aait-store-cut-part-0{n}" for n in range(12, 16)]
    assert len({part.sha256 for part in entry.wheels}) == 4
    end = sum(part.size for part in entry.wheels)
    assert all(0 < place.offset < end for place in entry.zip)
    assert entry.size == 303_749_394

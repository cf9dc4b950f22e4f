"""What a run found out about its texts is not worked out again; after a change nothing stale is told."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from checkpoints import KOREAN, phrases
from click.testing import CliRunner

from mtalign.cli.main import cli

PAIRS = [(source, english) for language, source, english in phrases() if language == KOREAN]


@pytest.fixture
def job(tmp_path, marian_checkpoint, job_home):
    """A document with a reference, and its configuration, run once."""
    (tmp_path / "docs").mkdir()
    write_document(tmp_path, [source for source, _ in PAIRS[:6]])
    (tmp_path / "english.txt").write_text("\n\n".join(english for _, english in PAIRS[:6]), encoding="utf-8")
    configure(tmp_path, marian_checkpoint)
    run()
    return tmp_path


def configure(folder, model, more=""):
    (folder / "mtalign.toml").write_text(
        f'[input]\npaths = ["docs"]\nfrom = "ko"\n[model]\nname = "{model}"\n'
        f'[reference]\ndocument = "english.txt"\n{more}',
        encoding="utf-8",
    )


def write_document(folder, sources, name="a.txt"):
    (folder / "docs" / name).write_text("\n\n".join(sources) + "\n", encoding="utf-8")


def run(*arguments):
    result = CliRunner().invoke(cli, ["run", *arguments], catch_exceptions=False, standalone_mode=False)
    assert result.return_value in (0, 3), result.output
    return result


def outputs(folder, name="outputs"):
    """Every file but those that say when and how long."""
    root = folder / name
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.name not in ("manifest.json", "index.html", "junit.xml")
    }


class EncoderLoadedError(Exception):
    """The encoder was loaded."""


def refuse(*arguments, **settings):
    raise EncoderLoadedError


@pytest.fixture
def no_encoder(monkeypatch):
    monkeypatch.setattr("mtalign.embed.load_embedder", refuse)


def test_what_a_run_found_out_is_kept_when_its_end_fails(job, monkeypatch):
    write_document(job, [source for source, _ in PAIRS[2:6]])
    scores = job / "outputs" / "scores.json"
    scores.unlink()
    scores.mkdir()
    assert CliRunner().invoke(cli, ["run"]).exit_code == 1
    scores.rmdir()
    monkeypatch.setattr("mtalign.embed.load_embedder", refuse)
    run()
    assert json.loads(scores.read_text(encoding="utf-8"))["documents"][0]["document"] == "a"


def test_a_run_done_again_gives_the_same_bytes_and_loads_no_encoder(job, no_encoder):
    before = outputs(job)
    [line, *_] = (job / "outputs/a/segments.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["quality"] is not None
    assert json.loads(line)["link"]["score"] > 0
    assert (job / "outputs/a/reference.jsonl").read_text(encoding="utf-8").count("\n") >= 6
    for file in (job / "outputs").rglob("segments.jsonl"):
        file.unlink()
    run("--force")
    assert outputs(job) == before


def test_a_model_is_not_loaded_where_nothing_is_to_be_decoded(job, monkeypatch):
    def refuse(engine):
        raise AssertionError("loaded")

    monkeypatch.setattr("mtalign.engines.ctranslate2.Ctranslate2Engine._open", refuse)
    assert "6 from memory" in run("--force").output
    change_document(job)
    with pytest.raises(AssertionError, match="loaded"):
        run()


def test_another_threshold_and_another_folder_cost_no_encoder(job, no_encoder):
    run("-o", "elsewhere", "--require", "failed<=50%")
    before, after = outputs(job), outputs(job, "elsewhere")
    lines = [name for name in before if name.endswith((".jsonl", ".tmx", ".xlf", ".tsv"))]
    assert len(lines) >= 4
    assert {name: after[name] for name in lines} == {name: before[name] for name in lines}


def test_the_scores_are_not_computed_again_and_are_the_same(job, monkeypatch):
    before = json.loads((job / "outputs/scores.json").read_text(encoding="utf-8"))
    assert before["documents"][0]["metrics"]

    def refuse(*arguments, **settings):
        raise AssertionError("scored again")

    monkeypatch.setattr("mtalign.score.reference.measure", refuse)
    run("--force")
    assert json.loads((job / "outputs/scores.json").read_text(encoding="utf-8")) == before
    change_metrics(job)
    with pytest.raises(AssertionError, match="scored again"):
        run()


def change_metrics(job):
    path = job / "mtalign.toml"
    path.write_text(path.read_text(encoding="utf-8") + 'metrics = ["bleu"]\n', encoding="utf-8")


def change_document(job):
    write_document(job, [PAIRS[40][0], *(source for source, _ in PAIRS[1:6])])


def add_document(job):
    write_document(job, [PAIRS[40][0]], "b.txt")


def change_reference(job):
    (job / "english.txt").write_text("A house stands there.\n\nThe road is long.", encoding="utf-8")


def change_language(job):
    path = job / "mtalign.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('from = "ko"', 'from = "ja"'), encoding="utf-8")


@pytest.mark.parametrize("change", [change_document, add_document, change_reference, change_language])
def test_what_a_finding_follows_from_has_changed_and_it_is_found_out_anew(job, no_encoder, change):
    change(job)
    with pytest.raises(EncoderLoadedError):
        run()


def test_another_installation_takes_nothing_over(job, monkeypatch, no_encoder):
    monkeypatch.setattr("mtalign.job.findings.installation_digest", lambda: "another")
    with pytest.raises(EncoderLoadedError):
        run("--force")


def test_nothing_is_kept_where_the_installation_changes_while_a_run_is_on(job, monkeypatch):
    digests = iter("ab" * 9)
    before = rows(job)
    monkeypatch.setattr("mtalign.job.findings.installation_digest", lambda: next(digests))
    run("--force")
    assert rows(job) == before


def rows(job):
    with sqlite3.connect(job / "home/vectors.sqlite") as connection:
        return connection.execute("SELECT count(*) FROM vector").fetchone()[0]


def test_without_a_memory_nothing_is_taken_over_and_nothing_kept(job, no_encoder):
    before = rows(job)
    with pytest.raises(EncoderLoadedError):
        run("--no-memory")
    assert rows(job) == before


def test_a_damaged_finding_is_found_out_anew(job):
    before = outputs(job)
    with sqlite3.connect(job / "home/vectors.sqlite") as connection:
        connection.execute("UPDATE vector SET value = x'00ff'")
    run("--force")
    assert outputs(job) == before


def test_the_digest_of_the_installation_is_that_of_its_files_and_settings(monkeypatch, tmp_path):
    from mtalign.job import installation

    before = installation.installation_digest()
    assert installation.installation_digest() == before
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert installation.installation_digest() != before
    monkeypatch.undo()
    package = tmp_path / "numpy-99.dist-info"
    package.mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert installation.installation_digest() != before
    monkeypatch.undo()
    changed = Path(installation.__file__).resolve().parents[1] / "data" / "languages.tsv"
    real = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: real(path) + b"x" * (path == changed))
    assert installation.installation_digest() != before

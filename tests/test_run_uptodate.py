"""A run of which nothing has changed is not done again; whatever has changed, no stale output stays."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from checkpoints import KOREAN, phrases
from click.testing import CliRunner

from mtalign.cli.main import cli
from mtalign.memory import Memory, ReviewEntry
from mtalign.models.hashing import sha256_file

SENTENCES = [source for language, source, _ in phrases() if language == KOREAN][:4]
OTHER = [source for language, source, _ in phrases() if language == KOREAN][40]


@pytest.fixture
def job(tmp_path, marian_checkpoint, job_home, monkeypatch):
    """A document, a glossary and a configuration, run once."""
    monkeypatch.delenv("CI", raising=False)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/a.txt").write_text("\n\n".join(SENTENCES) + "\n", encoding="utf-8")
    (tmp_path / "terms.tsv").write_text("책\tbook\n", encoding="utf-8")
    (tmp_path / "mtalign.toml").write_text(
        f'[input]\npaths = ["docs"]\nfrom = "ko"\n[model]\nname = "{marian_checkpoint}"\n'
        '[glossary]\nfile = "terms.tsv"\n',
        encoding="utf-8",
    )
    assert run().return_value == 0
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(cli, ["run", *arguments], catch_exceptions=False, standalone_mode=False)


def state(folder):
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def is_up_to_date(result):
    assert result.return_value == 0
    return "up to date since 20" in result.output


def test_a_second_run_leaves_every_file_as_it_is_and_says_the_same(job):
    before = state(job / "outputs")
    first = run("--force")
    assert "4 from memory" in first.output
    before = state(job / "outputs")
    second = run()
    assert is_up_to_date(second)
    assert state(job / "outputs") == before
    for line in first.output.split("\n"):
        assert line in second.output or "from memory" in line


def test_a_run_that_is_up_to_date_loads_no_model(job, monkeypatch):
    def refuse(*arguments, **settings):
        raise AssertionError("loaded")

    monkeypatch.setattr("mtalign.job.engines.load_engine", refuse)
    assert is_up_to_date(run())
    with pytest.raises(AssertionError, match="loaded"):
        run("--force")


def change_document(job):
    (job / "docs/a.txt").write_text(OTHER + "\n", encoding="utf-8")


def add_document(job):
    (job / "docs/b.txt").write_text(OTHER + "\n", encoding="utf-8")


def change_glossary(job):
    (job / "terms.tsv").write_text("책\tvolume\n", encoding="utf-8")


def change_option(job):
    text = (job / "mtalign.toml").read_text(encoding="utf-8")
    (job / "mtalign.toml").write_text(text + "[output]\nfolder = 'outputs/'\n", encoding="utf-8")


def change_output(job):
    path = next((job / "outputs").rglob("segments.jsonl"))
    path.write_text(path.read_text(encoding="utf-8").replace("book", "look"), encoding="utf-8")


def remove_output(job):
    (job / "outputs/index.html").unlink()


def throw_away_memory(job):
    for path in (job / "home").glob("memory.sqlite*"):
        path.unlink()


def take_from_memory(job):
    with sqlite3.connect(job / "home/memory.sqlite") as connection:
        connection.execute("DELETE FROM outcome WHERE source LIKE '%책%'")


def review(job):
    from mtalign.document import Review, Verdict

    said = Review(Verdict.EDITED, "anna", "2026-11-25T12:00:00Z", "x")
    with Memory(job / "home/memory.sqlite") as memory:
        memory.put_reviews([ReviewEntry("a.b1.s1", "a", SENTENCES[0], "ko", "en", "An edit.", said)])


def change_environment(job):
    import os

    os.environ["CT2_USE_MKL"] = "0"


@pytest.mark.parametrize(
    "change",
    [
        change_document,
        add_document,
        change_glossary,
        change_option,
        change_output,
        remove_output,
        throw_away_memory,
        take_from_memory,
        review,
        change_environment,
    ],
)
def test_whatever_has_changed_makes_the_run_anew(job, change, monkeypatch):
    monkeypatch.setenv("CT2_USE_MKL", "1")
    run("--force")
    assert is_up_to_date(run())
    change(job)
    result = run()
    assert not is_up_to_date(result)
    written = state(job / "outputs")
    assert is_up_to_date(run())
    fresh = run("-o", "fresh")
    assert fresh.return_value == 0
    # What there is, is what a run into an empty folder leaves, but for times and the folder's name.
    for name, (content, _) in state(job / "fresh").items():
        if name not in ("manifest.json", "index.html", "summary.md"):
            assert written[name][0] == content, name


def test_an_input_that_changes_while_the_run_goes_on_is_not_taken_for_done(job, monkeypatch):
    import mtalign.job.runner as runner

    read = runner.read_inputs

    def read_then_change(*arguments, **settings):
        found = read(*arguments, **settings)
        change_document(job)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(runner, "read_inputs", read_then_change)
        run("--force")
    assert not is_up_to_date(run())
    assert OTHER in next((job / "outputs").rglob("segments.jsonl")).read_text(encoding="utf-8")


def test_a_model_that_changes_meanwhile_is_not_taken_for_done(job, marian_checkpoint, monkeypatch):
    import mtalign.job.runner as runner

    model = job / "model"
    shutil.copytree(marian_checkpoint, model)
    read = runner.read_inputs

    def read_then_change(*arguments, **settings):
        found = read(*arguments, **settings)
        (model / "config.json").write_text((model / "config.json").read_text(encoding="utf-8") + "\n")
        return found

    assert run("-m", str(model)).return_value == 0
    assert is_up_to_date(run("-m", str(model)))
    with monkeypatch.context() as patch:
        patch.setattr(runner, "read_inputs", read_then_change)
        run("-m", str(model), "--force")
    assert not is_up_to_date(run("-m", str(model)))


def test_the_files_of_a_model_are_hashed_once_for_all_runs(job, marian_checkpoint, monkeypatch):
    hashed = []

    def watched(path, *rest):
        hashed.append(path)
        return sha256_file(path, *rest)

    monkeypatch.setattr("mtalign.job.uptodate.sha256_file", watched)
    monkeypatch.setattr("mtalign.models.store.sha256_file", watched)
    assert is_up_to_date(run())
    assert run("--force").return_value == 0
    assert Path("docs/a.txt") in hashed
    assert not [path for path in hashed if path.is_relative_to(marian_checkpoint)]


def test_without_memory_on_ci_and_after_a_failure_nothing_is_skipped(job, monkeypatch):
    assert not is_up_to_date(run("--no-memory"))
    assert not is_up_to_date(run("--no-memory"))
    with monkeypatch.context() as patch:
        patch.setenv("CI", "true")
        assert not is_up_to_date(run())
    (job / "docs/a.txt").write_text(SENTENCES[0] + "\n\n" + "책 " * 3 + "👀\n", encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr("mtalign.translate.decoder.objection", lambda request, answer: "refused")
        assert run().return_value == 3
        assert run().return_value == 3


def test_a_damaged_record_is_no_record(job):
    (record,) = (job / "home/runs").iterdir()
    assert json.loads(record.read_text(encoding="utf-8"))["languages"] == ["ko"]
    record.write_text("{", encoding="utf-8")
    assert not is_up_to_date(run())
    assert is_up_to_date(run())

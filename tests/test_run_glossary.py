"""A glossary through the command line, on a real (small, trained) MarianMT checkpoint."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from checkpoints import KOREAN, phrases
from click.testing import CliRunner

from mtalign.cli.main import cli, main

SOURCES = [source for language, source, _ in phrases() if language == KOREAN][:6]


@pytest.fixture
def job(tmp_path, marian_checkpoint, job_home):
    """A document of six Korean sentences, and a configuration with a glossary that stands beside it."""
    (tmp_path / "a.txt").write_text("\n\n".join(SOURCES) + "\n", encoding="utf-8")
    (tmp_path / "terms.tsv").write_text(
        "source\tenglish\tnote\n선생님\tteacher\n팔다\tsell\n책\tvolume|tome\t<b>never</b> book\n",
        encoding="utf-8",
    )
    (tmp_path / "mtalign.toml").write_text(
        f'[input]\npaths = ["a.txt"]\nfrom = "ko"\n[model]\nname = "{marian_checkpoint}"\n'
        '[glossary]\nfile = "terms.tsv"\n',
        encoding="utf-8",
    )
    return tmp_path


def call(*arguments):
    return CliRunner().invoke(cli, arguments, catch_exceptions=False, standalone_mode=False)


def records(folder: Path):
    lines = (folder / "a" / "segments.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line) for line in lines]


def test_a_run_counts_flags_and_shows_the_terms(job):
    result = call("run")
    written = records(job / "outputs")
    teachers = sum("선생님" in r["source"] for r in written)
    books = sum("책을" in r["source"] for r in written)
    assert (teachers, books) == (6, 6)
    hit = sum("teacher" in r["translation"].casefold() for r in written)
    glossary = json.loads((job / "outputs/scores.json").read_text(encoding="utf-8"))["glossary"]
    assert (glossary["file"], glossary["terms"], glossary["found"]) == ("terms.tsv", 3, 12)
    assert len(glossary["sha256"]) == 64
    assert [(t["source"], t["english"], t["found"], t["hit"]) for t in glossary["by_term"]] == [
        ("선생님", ["teacher"], 6, hit),
        ("책", ["volume", "tome"], 6, 0),
    ]
    assert glossary["hit"] == hit
    assert glossary["rate"] == round(hit / 12, 4)
    assert hit >= 5
    for record in written:
        (teacher, book) = record["terms"]
        assert record["source"][teacher[0] : teacher[1]] == "선생님"
        assert record["source"][book[0] : book[1]] == "책"
        assert book[2:] == ["volume", False]
        flag = next(
            flag for flag in record["flags"] if flag["name"] == "glossary" and "책" in flag["message"]
        )
        assert flag["message"] == "„책“ should be “volume” or “tome” (<b>never</b> book)"
        assert flag["source_span"] == book[:2]
    assert f"glossary: {hit} of 12 terms as asked for" in result.output
    assert "책 6 of 6" in result.output
    summary = (job / "outputs/summary.md").read_text(encoding="utf-8")
    assert "| 책 | volume or tome | 6 | 0 | 0 % | \\<b\\>never\\</b\\> book |" in summary
    page = (job / "outputs/a/index.html").read_text(encoding="utf-8")
    assert "<b>never" not in page


def test_a_run_without_a_glossary_has_no_terms_and_the_same_english_where_none_was_missed(job):
    call("run", "-o", "with")
    config = (job / "mtalign.toml").read_text(encoding="utf-8")
    (job / "mtalign.toml").write_text(config.partition("[glossary]")[0], encoding="utf-8")
    result = call("run", "-o", "without")
    assert "glossary: " not in result.output
    assert "0 segments decoded" in result.output, "what was translated with a glossary serves without one"
    assert json.loads((job / "without/scores.json").read_text(encoding="utf-8"))["glossary"] is None
    assert all(r["terms"] == [] for r in records(job / "without"))
    assert all(flag["name"] != "glossary" for r in records(job / "without") for flag in r["flags"])


def test_a_second_run_with_the_glossary_asks_nothing_and_gives_the_same_bytes(job):
    call("run", "-o", "one")
    again = call("run", "-o", "two")
    assert "0 segments decoded" in again.output
    for name in ("scores.json", "summary.md", "a/segments.jsonl", "a/a.en.txt"):
        assert (job / "one" / name).read_bytes() == (job / "two" / name).read_bytes(), name


def test_both_seq2seq_engines_give_the_same_english_with_a_glossary(job):
    call("run", "-o", "fast", "--compute-type", "float32")
    call("run", "-o", "torch", "--engine", "transformers")
    assert (job / "fast/a/a.en.txt").read_bytes() == (job / "torch/a/a.en.txt").read_bytes()


def test_the_option_goes_before_the_configuration_and_is_relative_to_the_caller(job, monkeypatch):
    (job / "elsewhere").mkdir()
    (job / "elsewhere" / "own.tsv").write_text("책\tbook\n", encoding="utf-8")
    monkeypatch.chdir(job / "elsewhere")
    call("run", "-c", "../mtalign.toml", "--glossary", "own.tsv")
    glossary = json.loads((job / "outputs/scores.json").read_text(encoding="utf-8"))["glossary"]
    assert (glossary["file"], glossary["terms"]) == ("elsewhere/own.tsv", 1)


def test_translate_says_the_hit_rate_on_stderr_and_prints_the_english_alone(job, marian_checkpoint):
    runner = CliRunner()
    arguments = [
        "translate",
        "a.txt",
        "--from",
        "ko",
        "-m",
        str(marian_checkpoint),
        "--glossary",
        "terms.tsv",
    ]
    result = runner.invoke(cli, arguments, catch_exceptions=False, standalone_mode=False)
    assert "of 12 terms as asked for" in result.stderr
    assert "glossary" not in result.stdout
    assert len(result.stdout.split("\n\n")) == 6


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--glossary", "nothing.tsv"], "no glossary"),
        (["--glossary", "damaged.tsv"], "damaged.tsv, line 2: no English term"),
        (["--glossary", "latin1.tsv"], "UTF-8"),
        (["--glossary", "terms.tsv", "--to", "de"], "the target is German"),
    ],
)
@pytest.mark.parametrize("command", ["run", "translate"])
def test_a_glossary_that_cannot_be_used_ends_with_2_before_any_work(job, capsys, command, arguments, says):
    (job / "damaged.tsv").write_text("책\tbook\n다리\n", encoding="utf-8")
    (job / "latin1.tsv").write_bytes("für\tfor\n".encode("latin-1"))
    with pytest.raises(SystemExit) as caught:
        main([command, "a.txt", "--from", "ko", "-m", "no/model", *arguments])
    (line,) = [one for one in capsys.readouterr().err.split("\n") if one]
    assert caught.value.code == 2
    assert line.startswith("Error: ")
    assert says in line
    assert not (job / "outputs").exists()

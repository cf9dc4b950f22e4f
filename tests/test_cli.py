"""The command line: exit codes, one-line errors, help; as a user's shell sees them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from mtalign.cli.main import COMMANDS, cli, main

SEEDS = Path(__file__).resolve().parents[1] / "seeds"


@pytest.fixture(autouse=True)
def _own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("MTALIGN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ko.txt").write_text("일본에는 더 많은 동맹국이 필요합니다.\n", encoding="utf-8")


def call(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "mtalign", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def one_line(capsys, *arguments):
    """Exit code and the error of a call in this process; there is exactly one line of it, no traceback."""
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    lines = [
        line for line in capsys.readouterr().err.split("\n") if line and not line.startswith("mtalign: ")
    ]
    assert len(lines) == 1, lines
    assert lines[0].startswith("Error: ")
    return caught.value.code, lines[0]


def test_help_lists_every_command_with_a_summary():
    finished = call("--help")
    assert finished.returncode == 0
    for command in COMMANDS:
        summaries = [line for line in finished.stdout.split("\n") if line.startswith(f"  {command}  ")]
        assert [len(line.split()) > 3 for line in summaries] == [True], command


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_every_option_and_gives_an_example(name):
    command = cli.get_command(None, name)
    commands = [command, *getattr(command, "commands", {}).values()]
    for one in commands:
        for parameter in one.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.name}"
    assert any("Examples:" in (one.help or "") for one in commands), name


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["translate", "nothing.txt"], 2, "nothing.txt"),
        (["run", "nothing"], 2, "nothing"),
        (["run"], 2, "mtalign.toml"),
        (["run", "-c", "other.toml"], 2, "other.toml"),
        (["run", "empty"], 2, "empty"),
        (["translate", "latin1.txt"], 1, "UTF-8"),
        (["translate", "empty.txt"], 1, "empty"),
        (["translate", "binary.txt"], 1, "binary"),
        (["translate", "ko.txt", "--from", "kr"], 2, "ko"),
        (["translate", "ko.txt", "--from", "Koraen"], 2, "Korean"),
        (["translate", "ko.txt", "--model", "qwem"], 2, "qwen"),
        (["translate", "ko.txt", "--model", "./no/model"], 2, "no/model"),
        (["translate", "ko.txt", "--model", "broken.gguf"], 1, "broken.gguf"),
        (["translate", "ko.txt", "--model", "qwen", "--offline"], 1, "mtalign models pull qwen"),
        (["translate", "ko.txt", "--model", "nllb"], 1, "--accept-license cc-by-nc-4.0"),
        (["translate", "ko.txt", "--memory", "a", "--no-memory"], 2, "--no-memory"),
        (["run", "ko.txt", "-o", "ko.txt/outputs"], 1, "ko.txt/outputs"),
        (["tranlsate", "ko.txt"], 2, "translate"),
        (["translate", "ko.txt", "--qualty", "good"], 2, "--quality"),
        (["translate", "--beam", "0", "ko.txt"], 2, "--beam"),
        (["score", "ko.txt", "--ref", "nothing.txt", "--lines"], 2, "nothing.txt"),
        (["report", "nowhere"], 2, "nowhere"),
    ],
)
def test_a_mistake_is_one_line_with_the_cause_and_the_right_exit_code(
    tmp_path, capsys, arguments, code, says
):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "latin1.txt").write_bytes("für".encode("latin-1"))
    (tmp_path / "binary.txt").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)))
    (tmp_path / "broken.gguf").write_bytes(b"GGUF\3\0\0\0")
    found, line = one_line(capsys, *arguments)
    assert found == code, line
    assert says in line


def test_an_undecided_language_asks_for_from_and_is_not_guessed(tmp_path, capsys):
    (tmp_path / "short.txt").write_text("Ok tak.\n", encoding="utf-8")
    code, line = one_line(capsys, "translate", "short.txt", "--model", "broken")
    assert (code, "--from" in line) == (2, True), line


def test_debug_shows_the_traceback_wherever_it_stands_on_the_line():
    finished = call("translate", "nothing.txt", "--debug")
    assert "Traceback" in finished.stderr


def test_an_interruption_ends_with_130_and_says_what_to_do(capsys, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("mtalign.job.runner.run_job", interrupted)
    code, line = one_line(capsys, "run", "ko.txt")
    assert (code, "same command" in line) == (130, True)


def test_an_error_nobody_expected_is_one_line_too(capsys, monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("a\nb")

    monkeypatch.setattr("mtalign.job.runner.run_job", broken)
    code, line = one_line(capsys, "run", "ko.txt")
    assert (code, "RuntimeError: a b" in line) == (1, True)


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    (tmp_path / "en.txt").write_text(
        "Japan needs more allies in the region now.\n" * 40_000, encoding="utf-8"
    )
    shell = (
        f"{sys.executable} -m mtalign translate en.txt -q --no-memory | head -c 10; exit ${{PIPESTATUS[0]}}"
    )
    finished = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False)
    assert (finished.stdout, finished.stderr) == ("Japan need", "")
    assert finished.returncode in (0, 128 + signal.SIGPIPE)


def test_a_document_that_is_english_already_needs_no_model(tmp_path):
    (tmp_path / "en.txt").write_text("Japan needs more allies in the region now.\n", encoding="utf-8")
    finished = call("translate", "en.txt", "--offline")
    assert (finished.returncode, finished.stdout) == (0, "Japan needs more allies in the region now.\n")


WRITE_A_MEGABYTE = """
import resource, signal, sys
from pathlib import Path
from mtalign.cli.main import main
from mtalign.files import write_atomically
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
sys.modules["mtalign.job.runner"].run_job = lambda *a, **k: write_atomically(Path("out.txt"), b"x" * 10**6)
main(["run", "ko.txt"])
"""


def test_a_disk_that_takes_no_more_is_one_line_and_leaves_no_half_file(tmp_path):
    (tmp_path / "out.txt").write_text("what stood there")
    finished = subprocess.run(
        [sys.executable, "-c", "import mtalign.job.runner\n" + WRITE_A_MEGABYTE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    (line,) = finished.stderr.strip().split("\n")
    assert line.startswith("Error: cannot write out.txt: File too large")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "home") == ["ko.txt", "out.txt"]
    assert (tmp_path / "out.txt").read_text() == "what stood there"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_told_before_any_work_is_done(tmp_path, capsys):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    code, line = one_line(capsys, "run", "ko.txt", "-o", folder)
    assert (code, str(folder) in line) == (1, True)

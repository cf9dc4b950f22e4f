"""Files of lines: one comes out for each that goes in, in parts as in one piece, killed or not."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from checkpoints import GERMAN, KOREAN, phrases
from click.testing import CliRunner

from mtalign.cli.main import cli
from mtalign.engines.ctranslate2 import Ctranslate2Engine
from mtalign.job import stream

KOREAN_TEXTS = [source for language, source, _ in phrases() if language == KOREAN]
GERMAN_TEXTS = [source for language, source, _ in phrases() if language == GERMAN]
ENGLISH_OF = {source: english for _, source, english in phrases()}


pytestmark = pytest.mark.usefixtures("job_home")


@pytest.fixture
def translate(marian_checkpoint):
    def call(*arguments, code=0, stdin=None):
        everything = ["translate", *map(str, arguments), "-m", str(marian_checkpoint), "-q"]
        result = CliRunner().invoke(
            cli, everything, catch_exceptions=False, input=stdin, standalone_mode=False
        )
        assert result.return_value == code
        return result.stdout_bytes

    return call


def test_a_line_comes_out_for_each_that_goes_in(translate, tmp_path):
    lines = [
        KOREAN_TEXTS[0],
        "",
        KOREAN_TEXTS[9] + " " + KOREAN_TEXTS[30],
        "2007",
        "Already in English.",
    ]
    (tmp_path / "in.txt").write_bytes(("\n".join(lines) + "\r\n" + KOREAN_TEXTS[5]).encode())
    first, blank, two, number, english, last = translate("in.txt", "--lines").split(b"\n")
    assert first.decode() == ENGLISH_OF[KOREAN_TEXTS[0]]
    assert two.decode() == f"{ENGLISH_OF[KOREAN_TEXTS[9]]} {ENGLISH_OF[KOREAN_TEXTS[30]]}"
    assert (blank, number, english) == (b"", b"2007", b"Already in English.\r")
    assert last.decode() == ENGLISH_OF[KOREAN_TEXTS[5]]


def test_lines_that_look_wrapped_or_like_a_list_stay_lines(translate, tmp_path):
    lines = [f"{number}. {text}" for number, text in enumerate(KOREAN_TEXTS[:12], start=1)]
    (tmp_path / "in.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert translate("in.txt", "--lines").count(b"\n") == 12


def test_standard_input_is_translated_line_by_line(translate):
    out = translate("--lines", stdin=f"{KOREAN_TEXTS[0]}\n\n{KOREAN_TEXTS[1]}\n".encode())
    assert out.decode() == f"{ENGLISH_OF[KOREAN_TEXTS[0]]}\n\n{ENGLISH_OF[KOREAN_TEXTS[1]]}\n"


def test_an_object_keeps_its_keys_and_gets_its_translation(translate, tmp_path):
    objects = [{"id": 7, "body": KOREAN_TEXTS[0], "x": [1, None]}, {"body": "", "id": 8}]
    text = "\n".join(json.dumps(one) for one in objects) + "\n\n"
    (tmp_path / "in.jsonl").write_text(text, encoding="utf-8")
    first, second, blank, rest = translate("in.jsonl", "--field", "body").decode().split("\n")
    assert list(json.loads(first).items()) == [
        *objects[0].items(),
        ("translation", ENGLISH_OF[KOREAN_TEXTS[0]]),
    ]
    assert json.loads(second) == {**objects[1], "translation": ""}
    assert (blank, rest) == ("", "")


def test_what_fails_is_marked_in_text_and_null_in_an_object(translate, tmp_path, monkeypatch):
    monkeypatch.setattr("mtalign.translate.decoder.objection", lambda request, answer: "refused by the test")
    (tmp_path / "in.txt").write_text(KOREAN_TEXTS[0] + "\n", encoding="utf-8")
    assert translate("in.txt", "--lines", code=3) == b"[[not translated: in.l1.b1.s1: refused by the test]]\n"
    (tmp_path / "in.jsonl").write_text(json.dumps({"text": KOREAN_TEXTS[0]}) + "\n", encoding="utf-8")
    found = json.loads(translate("in.jsonl", code=3))
    assert (found["translation"], found["failure"]) == (None, "refused by the test")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"text": "a"}\n{"text"\n', "line 2 is not JSON"),
        (b'{"text": "a"}\n[1]\n', "line 2 is not a JSON object"),
        (b'{"body": "a"}\n', "line 1 has no text under 'text'; name its key with --field (body)"),
        (b'{"text": 3}\n', "line 1 has no text"),
        (b'{"text": "a"}\n{"text": "\xff"}\n', "not UTF-8: invalid start byte in line 2"),
    ],
)
def test_a_line_that_is_no_object_with_a_text_ends_it_with_its_number(
    content, why, tmp_path, marian_checkpoint
):
    (tmp_path / "in.jsonl").write_bytes(content)
    (tmp_path / "out.jsonl").write_text("old")
    command = [sys.executable, "-m", "mtalign", "translate", "in.jsonl", "-o", "out.jsonl", "--from", "ko"]
    finished = subprocess.run(
        [*command, "-m", str(marian_checkpoint)], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 1
    assert why in finished.stderr.replace("\n", " ")
    assert (tmp_path / "out.jsonl").read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home", "in.jsonl", "out.jsonl"]


@pytest.mark.parametrize(("parts", "window"), [(1, 3), (3, 3), (3, 1024), (40, 1024)])
def test_the_parts_one_after_the_other_are_the_whole(translate, tmp_path, monkeypatch, parts, window):
    # A few German lines among Korean ones: a part of their own would find another main language.
    lines = [*KOREAN_TEXTS[:20], *GERMAN_TEXTS[:8], "", *KOREAN_TEXTS[20:25]]
    (tmp_path / "in.txt").write_text("\n".join(lines), encoding="utf-8")
    whole = translate("in.txt", "--lines", "--no-memory")
    monkeypatch.setattr(stream, "WINDOW", window)
    together = b"".join(
        translate("in.txt", "--lines", "--no-memory", "--shard", f"{part}/{parts}")
        for part in range(1, parts + 1)
    )
    assert together == whole
    assert whole.count(b"\n") == len(lines) - 1


def test_the_first_lines_of_a_pipe_come_before_its_end(marian_checkpoint):
    command = [sys.executable, "-m", "mtalign", "translate", "--lines", "--from", "ko", "--no-memory", "-q"]
    process = subprocess.Popen(
        [*command, "-m", str(marian_checkpoint)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    texts = KOREAN_TEXTS[:100]
    # Windows of 32 and 64 lines, and a few of the next: three are open at once.
    process.stdin.write("".join(f"{text}\n" for text in KOREAN_TEXTS[:100] * 4).encode())
    process.stdin.flush()
    first = process.stdout.readline().decode()
    assert process.poll() is None
    assert first == f"{ENGLISH_OF[texts[0]]}\n"
    process.stdin.close()
    assert len(process.stdout.read().splitlines()) == 399
    assert process.wait() == 0


def test_parts_in_a_folder_have_names_in_their_order(translate, tmp_path):
    (tmp_path / "in.jsonl").write_text(json.dumps({"text": KOREAN_TEXTS[0]}) + "\n", encoding="utf-8")
    (tmp_path / "out").mkdir()
    for part in (2, 10):
        translate("in.jsonl", "-o", "out", "--shard", f"{part}/10")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "in.en.02-of-10.jsonl",
        "in.en.10-of-10.jsonl",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["a.txt", "--shard", "1/2"],
        ["a.txt", "b.jsonl"],
        ["b.jsonl", "--lines"],
        ["--lines", "--shard", "1/2", "-"],
        ["a.txt", "b.txt", "--lines"],
        ["nothing.jsonl"],
        ["a.txt", "-", "--lines"],
    ],
)
def test_what_does_not_go_together_is_a_usage_error(arguments, tmp_path):
    for name in ("a.txt", "b.txt", "b.jsonl"):
        (tmp_path / name).write_text("{}\n")
    result = CliRunner().invoke(cli, ["translate", *arguments])
    assert result.exit_code == 2, result.output


def test_killed_in_the_middle_it_goes_on_and_gives_the_same_bytes(
    translate, tmp_path, job_home, monkeypatch, marian_checkpoint
):
    texts = [f"{a} {b}" for a in KOREAN_TEXTS[:60] for b in KOREAN_TEXTS[60:100]]
    (tmp_path / "in.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "mtalign", "translate", "in.txt", "--lines", "-q", "-o", "out.txt"]
    process = subprocess.Popen([*command, "-m", str(marian_checkpoint), "--beam", "8"])
    memory = job_home / "memory.sqlite"
    deadline = time.monotonic() + 120
    known = 0
    while known < 16 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
        known = stored(memory)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    known = stored(memory)
    assert 16 <= known < len(KOREAN_TEXTS)
    assert not (tmp_path / "out.txt").exists()
    asked = []
    start = Ctranslate2Engine.start

    def counted(self, requests, decoding):
        asked.extend(request.text for request in requests if decoding.seed == 0)
        return start(self, requests, decoding)

    monkeypatch.setattr(Ctranslate2Engine, "start", counted)
    translate("in.txt", "--lines", "-o", "out.txt", "--beam", "8")
    assert len(asked) == len(set(asked)) == 100 - known
    fresh = translate("in.txt", "--lines", "--beam", "8", "--no-memory")
    assert (tmp_path / "out.txt").read_bytes() == fresh
    assert fresh.count(b"\n") == len(texts)


def stored(path: Path) -> int:
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            return connection.execute("SELECT count(*) FROM outcome").fetchone()[0]
    except sqlite3.Error:
        return 0

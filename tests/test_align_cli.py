"""``mtalign align``: formats, files of beads, and input that is not what it should be."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from lxml import etree, html
from report_samples import ATTACKS
from test_align import ENGLISH, GERMAN

from mtalign.align import parse_beads
from mtalign.align.documents import read_sentences
from mtalign.cli.align import command

SECONDS = 60
"""What any of these inputs may take on a loaded machine, start-up of Python and the encoder included."""
MOVED = [*ENGLISH[3:9], *ENGLISH[:3], *ENGLISH[9:]]


def write(path: Path, lines: list[str] | tuple[str, ...]) -> str:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    return write(tmp_path / "text.de", GERMAN), write(tmp_path / "text.en", ENGLISH)


@pytest.fixture
def moved(tmp_path: Path) -> tuple[str, str]:
    return write(tmp_path / "text.de", GERMAN), write(tmp_path / "text.en", MOVED)


def run(*arguments: str) -> tuple[str, str]:
    """Standard output and standard error of a call that succeeds."""
    result = CliRunner().invoke(command, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The real command, within its time."""
    code = [sys.executable, "-m", "mtalign", "align", *arguments]
    return subprocess.run(code, capture_output=True, text=True, timeout=SECONDS)


def refusal(*arguments: str, code: int = 1) -> str:
    """The one line that a call is refused with."""
    finished = call(*arguments)
    assert finished.returncode == code, finished.stderr
    assert finished.stdout == ""
    lines = finished.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("Error: ")
    return lines[0]


def test_moved_passages_are_named_on_stderr_and_marked_in_jsonl(moved: tuple[str, str]) -> None:
    out, err = run(*moved, "--lines", "--format", "jsonl")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["moved"] for row in rows] == [True] * 3 + [False] * 9
    assert rows[1]["target"] == [7]
    assert rows[1]["target_text"] == [ENGLISH[1]]
    assert err.splitlines()[-1] == "moved: 1 passage: source 0–2 is target 6–8"
    assert run(*moved, "--lines", "--quiet")[1] == ""


def test_tsv_has_three_columns_in_the_order_of_the_source(moved: tuple[str, str]) -> None:
    rows = [line.split("\t") for line in run(*moved, "--lines")[0].splitlines()]
    assert {len(row) for row in rows} == {3}
    assert [row[1] for row in rows] == list(GERMAN)
    assert [row[2] for row in rows] == list(ENGLISH)


def test_crossing_beads_are_written_and_marked_again_when_read(
    moved: tuple[str, str], tmp_path: Path
) -> None:
    ladder = run(*moved, "--lines", "--format", "beads")[0]
    assert [line.rsplit(":", 1)[0] for line in ladder.splitlines()[:4]] == [
        "[0]:[6]",
        "[1]:[7]",
        "[2]:[8]",
        "[3]:[0]",
    ]
    (tmp_path / "found").write_text(ladder)
    out, err = run(*moved, "--lines", "--beads", str(tmp_path / "found"), "--format", "jsonl")
    assert [json.loads(line)["moved"] for line in out.splitlines()] == [True] * 3 + [False] * 9
    assert err.startswith("moved: 1 passage")


def test_a_foreign_ladder_file_is_evaluated_without_an_encoder(
    files: tuple[str, str], tmp_path: Path
) -> None:
    ladder = "# vecalign\n[0]:[0]:0.051\n[1, 2]:[1]:0.2\r\n[3]:[]:0.5\n\n[4]:[ 4 ]\n"
    (tmp_path / "found").write_text(ladder)
    (tmp_path / "gold").write_text("[0]:[0]\n[1]:[1]\n[2]:[2]\n[3]:[3]\n[4]:[4]\n")
    arguments = ("--lines", "--beads", str(tmp_path / "found"), "--embedder", "none of that name")
    table = run(*files, *arguments, "--eval", str(tmp_path / "gold"))[0]
    assert table.splitlines()[1:] == ["strict\t0.6667\t0.4000\t0.5000", "lax\t1.0000\t0.6000\t0.7500"]
    rows = [json.loads(line) for line in run(*files, *arguments, "--format", "jsonl")[0].splitlines()]
    assert [index for row in rows for index in row["source"]] == list(range(12))
    assert [index for row in rows for index in row["target"]] == list(range(12))
    assert rows[0]["score"] == 0.051


@pytest.mark.parametrize("option", ["--beads", "--eval"])
def test_beads_of_other_texts_are_one_line_error(files: tuple[str, str], tmp_path: Path, option: str) -> None:
    (tmp_path / "found").write_text("[0]:[0]\n[1]:[11, 12]\n")
    line = refusal(*files, "--lines", option, str(tmp_path / "found"))
    assert "bead [1]:[11, 12] names target sentence 12, but the target has 12" in line
    assert "found" in line


def page(*arguments: str) -> html.HtmlElement:
    return html.document_fromstring(run(*arguments, "--format", "html")[0])


def cells(row: html.HtmlElement) -> list[str]:
    return [" ".join(cell.text_content().split()) for cell in row.cssselect("td")]


def test_the_page_shows_merged_unaligned_and_moved_beads(tmp_path: Path) -> None:
    english = [*MOVED[:9], f"{ENGLISH[9][:-1]}, and {ENGLISH[10]}", ENGLISH[11], "Bees are insects."]
    files = write(tmp_path / "a.txt", GERMAN), write(tmp_path / "b.txt", english)
    tree = page(*files, "--lines", "--from", "de", "--to", "en")
    rows = {row.get("id"): row for row in tree.cssselect("tbody tr")}
    first = cells(rows["b1"])
    assert first[0] == "1 ⇅moved"
    assert first[1:3] == [f"0{GERMAN[0]}", f"6{ENGLISH[0]}"]
    assert re.fullmatch(r"[01]\.\d\d", first[3])
    assert "moved" in rows["b1"].get("class").split()
    assert "moved" not in rows["b4"].get("class").split()
    merged = next(row for row in rows.values() if f"9{GERMAN[9]}" in cells(row)[1])
    assert cells(merged)[0].endswith("2–1")
    assert len(merged.cssselect("td")[1].cssselect("p")) == 2
    null = next(row for row in rows.values() if cells(row)[2] == "11Bees are insects.")
    assert "∅unaligned" in cells(null)[0]
    assert cells(null)[1] == "–no counterpart"
    assert cells(null)[3] == ""
    place = tree.cssselect("tr.place")
    assert [cells(row)[2] for row in place] == ["⇅target 6–8 stands with bead 1"]
    assert place[0].cssselect("a")[0].get("href") == "#b1"
    assert {cell.get("lang") for cell in tree.cssselect("td.text")} == {"de", "en"}
    facts = " ".join(tree.cssselect(".facts")[0].text_content().split())
    assert "German, 12 sentences" in facts
    assert "1 unaligned" in facts
    assert "1 moved passage" in facts


def test_the_page_holds_text_as_text_and_allows_nothing_but_its_style(tmp_path: Path) -> None:
    lines = [attack.replace("\n", " ").replace("\r", " ").replace("\0", "") for attack in ATTACKS]
    files = write(tmp_path / '"><img src=x onerror=alert(1)>.txt', lines), write(tmp_path / "b.txt", lines)
    (tmp_path / "beads").write_text("".join(f"[{k}]:[{k}]\n" for k in range(len(lines))))
    content = run(*files, "--lines", "--beads", str(tmp_path / "beads"), "--format", "html")[0]
    tree = html.document_fromstring(content)
    assert tree.xpath("//script | //img | //iframe | //object | //link | //base | //form | //svg") == []
    names = {name for element in tree.iter(etree.Element) for name in element.attrib}
    assert not [name for name in names if name.startswith("on") or name in ("src", "style")]
    assert {link.get("href")[:2] for link in tree.xpath("//a")} == {"#b"}
    shown = [paragraph.text_content() for paragraph in tree.cssselect("td.text p")]
    assert sum("<script" in text for text in shown) == 2 * sum("<script" in line for line in lines) > 0
    policy = tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
    digest = base64.b64encode(hashlib.sha256(tree.xpath("//style/text()")[0].encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; script-src 'none'; base-uri 'none';"
        " form-action 'none'"
    )


def test_tmx_takes_the_pairs_of_moved_passages_too(moved: tuple[str, str]) -> None:
    out = run(*moved, "--lines", "--from", "de", "--to", "en", "--format", "tmx")[0]
    pairs = [tuple(unit.itertext("seg")) for unit in etree.fromstring(out.encode()).iter("tu")]
    assert pairs == list(zip(GERMAN, ENGLISH, strict=True))


def test_a_document_is_split_block_by_block(tmp_path: Path) -> None:
    text = f"# Das Dorf\n\n{GERMAN[0]} {GERMAN[1]}\n\n- {GERMAN[2]}\n- {GERMAN[3]}\n"
    (tmp_path / "a.md").write_text(text, encoding="utf-8")
    sentences = read_sentences(tmp_path / "a.md", "de")
    assert sentences.texts == ("Das Dorf", *GERMAN[:4])


@pytest.mark.parametrize("content", ["", "\n\n \n"])
@pytest.mark.parametrize("lines", [True, False])
@pytest.mark.parametrize("empty", [0, 1])
def test_an_empty_side_is_named(
    files: tuple[str, str], tmp_path: Path, content: str, lines: bool, empty: int
) -> None:
    (tmp_path / "empty.txt").write_text(content)
    arguments = list(files)
    arguments[empty] = str(tmp_path / "empty.txt")
    result = CliRunner().invoke(command, [*arguments, *(["--lines"] if lines else [])])
    assert result.stdout == ""
    assert "empty" in str(result.exception)
    assert result.exception.exit_code == 1


def test_the_command_refuses_an_empty_side_in_one_line(files: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("")
    assert "empty.txt: holds no text to align" in refusal(files[0], str(tmp_path / "empty.txt"), "--lines")


@pytest.mark.parametrize("content", [b"\x00\x01\x02\x00text\n", bytes(range(256)), b"\x89PNG\r\n\x1a\n\x00"])
@pytest.mark.parametrize("lines", [True, False])
def test_a_binary_side_is_one_line_error(
    files: tuple[str, str], tmp_path: Path, content: bytes, lines: bool
) -> None:
    (tmp_path / "binary.txt").write_bytes(content)
    line = refusal(files[0], str(tmp_path / "binary.txt"), *(["--lines"] if lines else []))
    assert "binary.txt" in line
    assert re.search("binary|not UTF-8|PNG image", line)


def test_a_missing_file_and_an_unknown_language_are_mistakes_in_the_call(
    files: tuple[str, str], tmp_path: Path
) -> None:
    assert "does not exist" in refusal(files[0], str(tmp_path / "none.txt"), code=2)
    assert "klingonisch" in refusal(*files, "--from", "klingonisch", code=2)
    assert "nonesuch" in refusal(*files, "--lines", "--embedder", "nonesuch", code=2)


def result_of(*arguments: str) -> list[dict[str, object]]:
    started = time.monotonic()
    finished = call(*arguments, "--format", "jsonl")
    assert finished.returncode == 0, finished.stderr
    assert time.monotonic() - started < SECONDS
    return [json.loads(line) for line in finished.stdout.splitlines()]


def held(rows: list[dict[str, object]], side: str) -> list[int]:
    return sorted(index for row in rows for index in row[side])  # type: ignore[attr-defined]


def test_a_single_line_against_a_text_is_aligned(files: tuple[str, str], tmp_path: Path) -> None:
    one = write(tmp_path / "one.txt", [" ".join(ENGLISH[:3])])
    rows = result_of(files[0], one, "--lines")
    assert held(rows, "source") == list(range(12))
    assert held(rows, "target") == [0]
    assert {0, 1, 2} <= {index for row in rows if row["target"] for index in row["source"]}


def test_two_hundred_identical_sentences_are_aligned_in_order(tmp_path: Path) -> None:
    files = write(tmp_path / "a.txt", [GERMAN[0]] * 200), write(tmp_path / "b.txt", [ENGLISH[0]] * 200)
    rows = result_of(*files, "--lines")
    assert held(rows, "source") == held(rows, "target") == list(range(200))
    assert not any(row["moved"] for row in rows)


def test_a_wrong_language_still_gives_a_whole_alignment(files: tuple[str, str]) -> None:
    rows = result_of(*files, "--from", "zh", "--to", "ko")
    texts = [text for row in rows for text in row["source_text"]]  # type: ignore[attr-defined]
    assert "".join("".join(texts).split()) == "".join("".join(GERMAN).split())


@pytest.mark.parametrize("turned", [False, True])
def test_sides_unequal_by_a_hundred_times_end_with_a_result_and_a_note(tmp_path: Path, turned: bool) -> None:
    long = [f"{ENGLISH[k % 12][:-1]}, number {k}." for k in range(3000)]
    short = [f"{GERMAN[k % 12][:-1]}, Nummer {k}." for k in range(1500, 1530)]
    files = write(tmp_path / "a.txt", short), write(tmp_path / "b.txt", long)
    files = files[::-1] if turned else files
    started = time.monotonic()
    finished = call(*files, "--lines", "--format", "beads")
    assert finished.returncode == 0, finished.stderr
    assert time.monotonic() - started < SECONDS
    beads = parse_beads(finished.stdout)
    sizes = (3000, 30) if turned else (30, 3000)
    assert sorted(index for bead in beads for index in bead.source) == list(range(sizes[0]))
    assert sorted(index for bead in beads for index in bead.target) == list(range(sizes[1]))
    name = "b.txt"
    assert f"of 3000 sentences of {name} have a counterpart" in finished.stderr


def test_vectors_are_kept_for_the_next_time_unless_told_not_to(
    files: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MTALIGN_HOME", str(tmp_path / "home"))
    kept = tmp_path / "home" / "vectors.sqlite"
    run(*files, "--lines", "--no-cache")
    assert not kept.exists()
    first, _ = run(*files, "--lines")
    assert kept.stat().st_size > 10_000
    assert run(*files, "--lines")[0] == first
    kept.write_bytes(b"no database at all, and longer than its head would be\n" * 50)
    again, notes = run(*files, "--lines")
    assert again == first
    assert [line for line in notes.splitlines() if "vector cache" in line] == [
        f"mtalign: vector cache {kept} was damaged (file is not a database); moved to {kept.name}.damaged"
    ]

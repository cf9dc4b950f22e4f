"""`mtalign check` and the gate of `mtalign run`: exit codes, what they say, what they write."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from checkpoints import KOREAN, phrases
from gate_samples import write_gate_run
from lxml import etree
from run_samples import GOOD, POOR, write_run

from mtalign.cli.main import main


@pytest.fixture
def base(tmp_path, monkeypatch):
    """A folder with documents and a run of them, and no sign of a CI system."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    write_gate_run(tmp_path)
    return tmp_path


@pytest.fixture
def call(capsys):
    def one(*arguments):
        with pytest.raises(SystemExit) as caught:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return caught.value.code or 0, captured.out, captured.err

    return one


def gate_of(folder: Path):
    return json.loads((folder / "scores.json").read_text(encoding="utf-8"))["gate"]


def test_a_missed_gate_ends_with_3_and_says_which_by_how_much_and_where(base, call):
    code, out, err = call("check", "outputs", "--require", "flags.number<=2", "--require", "failed<=1")
    assert (code, err) == (3, "")
    assert out.split("\n")[:-1] == [
        "gate: missed, 1 of 3 criteria",
        "  missed: flags.number: flag number: 3 in 2 segments, must be at most 2: misses it by 1",
        "    docs/001_village.md:3:17: 001.b2.s2",
        "    docs/002_people.txt:3:1: 002.b2.s1",
        "    outputs/001_village/index.html#flag=number&order=worst",
        "    outputs/002_people/index.html#flag=number&order=worst",
    ]


def test_a_gate_that_is_met_ends_with_0_in_one_line(base, call):
    code, out, _ = call("check", "outputs", "--require", "failed<=1", "--require", "flags.number<=3")
    assert (code, out) == (0, "gate: passed, 3 of 3 criteria\n")


def test_without_any_threshold_a_failed_segment_is_enough_to_miss(base, call):
    code, out, _ = call("check", "outputs")
    assert code == 3
    assert "missed: failed: 1 failed segment of 8" in out
    assert "docs/001_village.md:6:1: 001.b3.s2" in out


def test_the_verdict_is_written_into_the_run(base, call):
    call("check", "outputs", "--require", "flags.number<=2")
    gate = gate_of(base / "outputs")
    assert (gate["schema"], gate["passed"]) == (1, False)
    assert {entry["name"]: entry["outcome"] for entry in gate["criteria"]} == {
        "failed": "missed",
        "left_out": "met",
        "flags.number": "missed",
    }
    root = etree.parse(base / "outputs/junit.xml").getroot()
    assert root.get("failures") == "3"
    assert "## Gate: missed, 2 of 3 criteria" in (base / "outputs/summary.md").read_text(encoding="utf-8")
    call("check", "outputs", "--require", "failed<=1")
    assert gate_of(base / "outputs")["passed"]
    # What is rebuilt from the folder says the same.
    before = (base / "outputs/junit.xml").read_bytes()
    (base / "outputs/junit.xml").unlink()
    assert call("report", "outputs")[0] == 0
    assert (base / "outputs/junit.xml").read_bytes() == before


def test_checking_twice_gives_the_same_bytes(base, call):
    names = ("scores.json", "junit.xml", "summary.md")
    seen = []
    for _ in range(2):
        call("check", "outputs")
        seen.append([(base / "outputs" / name).read_bytes() for name in names])
    assert seen[0] == seen[1]


def test_a_run_that_cannot_be_written_to_is_checked_all_the_same(base, call):
    (base / "outputs/junit.xml").mkdir()
    code, out, err = call("check", "outputs", "--junit", "mine.xml")
    assert code == 3
    assert out.startswith("gate: missed")
    assert "junit.xml" in err
    assert etree.parse(base / "mine.xml").getroot().tag == "testsuites"


def test_json_is_all_there_is_on_stdout(base, call, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    code, out, err = call("check", "outputs", "--json")
    assert code == 3
    assert json.loads(out) == gate_of(base / "outputs")
    assert err.startswith("::error ")


def test_thresholds_come_from_the_configuration_and_an_option_replaces_one(base, call):
    config = base / "strict.toml"
    config.write_text("[gate]\nfailed = 1\n[gate.flags]\nnumber = 2\n", encoding="utf-8")
    assert call("check", "outputs", "-c", "strict.toml")[0] == 3
    assert call("check", "outputs", "-c", "strict.toml", "--require", "flags.number<=3")[0] == 0


def test_without_c_the_configuration_here_holds_or_else_what_the_run_was_made_with(base, call):
    manifest = json.loads((base / "outputs/manifest.json").read_text(encoding="utf-8"))
    manifest["options"] = {"gate": {"failed": 1, "flags": {"number": 0}}}
    (base / "outputs/manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    code, out, err = call("check", "outputs")
    assert (code, "missed: flags.number" in out) == (3, True)
    assert err == "mtalign: thresholds that outputs was made with\n"
    (base / "mtalign.toml").write_text('[input]\npaths = ["docs"]\n', encoding="utf-8")
    assert "made with" in call("check", "outputs")[2]
    (base / "mtalign.toml").write_text("[gate]\nfailed = 1\n", encoding="utf-8")
    assert call("check", "outputs") == (
        0,
        "gate: passed, 2 of 2 criteria\n",
        "mtalign: thresholds of mtalign.toml\n",
    )
    assert call("check", "outputs", "-q")[2] == ""


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nowhere"], 2, "nowhere is not a folder"),
        (["docs"], 2, "has no manifest.json"),
        (["outputs", "-c", "other.toml"], 2, "no configuration file other.toml"),
        (["outputs", "--require", "chrf"], 2, "is no requirement"),
        (["outputs", "--require", "chrf<=6"], 2, 'write "chrf>=6"'),
        (["outputs", "--baseline", "nowhere"], 2, "nowhere is not the output folder of a run"),
        (["outputs", "--baseline", "outputs"], 1, "was run without a reference"),
        (["outputs", "--junit", "no/such/folder/j.xml"], 1, "no/such/folder/j.xml"),
    ],
)
def test_a_mistake_is_one_line_and_never_a_pass(base, call, arguments, code, says):
    found, _, err = call("check", *arguments)
    lines = [line for line in err.split("\n") if line]
    assert (found, len(lines)) == (code, 1), err
    assert lines[0].startswith("Error: ")
    assert says in lines[0]


def test_a_drop_against_a_baseline_ends_with_3(tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    for name, texts in (("before", GOOD), ("now", POOR)):
        write_run(tmp_path / name, {"001": texts})
    code, out, _ = call("check", "now", "--baseline", "before")
    assert code == 3
    assert re.search(
        r"missed: regression.chrF2: chrF2 [\d.]+, before [\d.]+ on the same 10 lines: [\d.]+ worse", out
    )
    assert call("check", "before", "--baseline", "now")[0] == 0
    # In a configuration the baseline is relative to its file.
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/gate.toml").write_text('[gate.regression]\nbaseline = "../before"\n', encoding="utf-8")
    assert call("check", "now", "-c", "jobs/gate.toml")[0] == 3


def test_a_baseline_that_cannot_be_compared_with_ends_with_1_and_the_rest_is_said(
    tmp_path, monkeypatch, call
):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "now", {"001": GOOD})
    write_run(tmp_path / "other", {"001": GOOD}, reference=POOR)
    code, out, err = call("check", "now", "--baseline", "other", "--require", "chrf>=99")
    assert code == 1
    assert "missed: metrics.chrF2" in out
    assert "undecided: regression: " in out
    assert len(err.split("\n")) == 2
    assert err.startswith("Error: the gate could not be decided: ")
    assert "different references" in err
    assert etree.parse("now/junit.xml").getroot().get("failures") == "2"


def test_on_github_the_job_is_annotated_and_its_summary_written(base, call, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(base.parent))
    summary = base / "step.md"
    summary.write_text("# Before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    code, out, err = call("check", "outputs", "-q")
    assert code == 3
    assert not out.startswith("::")
    first, second = err.split("\n")[:-1]
    assert first.startswith("::error title=mtalign gate%2C missed%3A failed::")
    # The path is that of the repository, wherever in it the job stands.
    assert f"file={base.name}/docs/001_village.md,line=6,col=1," in second
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("# Before\n# Translation run\n")
    assert "## Gate: missed, 1 of 2 criteria" in text


def test_a_step_summary_never_goes_over_githubs_limit(base, call, monkeypatch):
    summary = base / "step.md"
    summary.write_bytes(b"x" * (1024 * 1024 - 500))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    call("check", "outputs")
    size = summary.stat().st_size
    assert 1024 * 1024 - 500 < size <= 1024 * 1024
    assert "cut at GitHub" in summary.read_text(encoding="utf-8")


# -- run ------------------------------------------------------------------------------------------------


@pytest.fixture
def job(tmp_path, marian_checkpoint, job_home, monkeypatch):
    """Eight Korean sentences, a reference, a real model, and a configuration that a test adds a gate to."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    pairs = [(source, english) for language, source, english in phrases() if language == KOREAN][::30]
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/001.txt").write_text("\n".join(s for s, _ in pairs) + "\n", encoding="utf-8")
    (tmp_path / "reference.txt").write_text(
        "\n".join(e for _, e in pairs).replace("The", "That") + "\n", encoding="utf-8"
    )

    def write(gate: str) -> None:
        (tmp_path / "mtalign.toml").write_text(
            f'[input]\npaths = ["docs"]\nfrom = "ko"\n[model]\nname = "{marian_checkpoint}"\n'
            '[reference]\ndocument = "reference.txt"\nmetrics = ["bleu", "chrf"]\n' + gate,
            encoding="utf-8",
        )

    write("")
    return write


def test_a_run_is_held_to_the_gate_of_its_configuration(job, call, tmp_path):
    job("[gate.metrics]\nchrf = 50\n[gate.flags]\nempty = 0\n")
    code, out, _ = call("run", "-q")
    assert (code, out.split("\n")[-2]) == (0, "gate: passed, 4 of 4 criteria")
    assert [entry["name"] for entry in gate_of(tmp_path / "outputs")["criteria"]] == [
        *("failed", "left_out", "metrics.chrF2", "flags.empty"),
    ]
    manifest = json.loads((tmp_path / "outputs/manifest.json").read_text(encoding="utf-8"))
    assert manifest["options"]["gate"] == {"metrics": {"chrF2": 50.0}, "flags": {"empty": 0}}
    code, out, _ = call(
        "run", "-q", "--require", "chrf>=99.99", "--require", "bleu>=99.99", "--junit", "j.xml"
    )
    assert code == 3
    assert "missed: metrics.BLEU: BLEU" in out
    assert re.search(r"docs/001.txt:\d+:1: 001.b\d+.s\d+", out)
    assert (tmp_path / "j.xml").read_bytes() == (tmp_path / "outputs/junit.xml").read_bytes()
    # Everything is there all the same, and a later check says the same.
    assert (tmp_path / "outputs/index.html").is_file()
    assert call("check", "outputs", "-q", "--require", "chrf>=99.99", "--require", "bleu>=99.99")[0] == 3


@pytest.mark.parametrize(
    ("gate", "code", "says"),
    [
        (
            "[gate.metrics]\nter = 60\n",
            2,
            "metrics.TER is asked for, and TER is not computed; add it to metrics",
        ),
        ("[gate.glossary]\nrate = 0.9\n", 2, "glossary.rate needs a glossary"),
        ('[gate.regression]\nbaseline = "nowhere"\n', 2, "nowhere is not the output folder of a run"),
        ('[gate.regression]\nbaseline = "other"\n', 1, "was scored against another reference"),
    ],
)
def test_what_cannot_be_held_is_told_before_anything_is_translated(job, call, tmp_path, gate, code, says):
    write_run(tmp_path / "other", {"001": GOOD})
    job(gate)
    found, _, err = call("run", "-q")
    assert (found, says in err) == (code, True), err
    assert not (tmp_path / "outputs").exists()


def test_a_threshold_on_scores_needs_a_reference(job, call, tmp_path):
    config = tmp_path / "mtalign.toml"
    text = re.sub(
        r"\[reference\][^[]*", "", config.read_text(encoding="utf-8").replace('["bleu", "chrf"]', "")
    )
    config.write_text(text.split("metrics =")[0] + "[gate.metrics]\nchrf = 50\n", encoding="utf-8")
    code, _, err = call("run", "-q")
    assert (code, "needs a reference, and there is none" in err) == (2, True), err


def test_a_run_is_held_to_a_baseline(job, call, tmp_path):
    assert call("run", "-q")[0] == 0
    shutil.copytree(tmp_path / "outputs", tmp_path / "before")
    job('[gate.regression]\nbaseline = "before"\nmetrics = ["chrf"]\n')
    code, out, _ = call("run", "-q")
    assert (code, "gate: passed, 4 of 4 criteria" in out) == (0, True)
    names = [entry["name"] for entry in gate_of(tmp_path / "outputs")["criteria"]]
    assert names == ["failed", "left_out", "regression.documents", "regression.chrF2"]


def test_a_part_of_a_run_is_held_to_nothing_and_the_merged_run_to_the_gate_of_the_parts(job, call, tmp_path):
    job("[gate.metrics]\nchrf = 99.99\n")
    for part in (1, 2):
        assert call("run", "-q", "--shard", f"{part}/2", "-o", f"outputs-{part}")[0] == 0
        code, _, err = call("check", f"outputs-{part}")
        assert (code, "put the parts together with `mtalign merge`" in err) == (2, True)
    assert call("run", "--shard", "1/2", "--junit", "j.xml")[0] == 2
    code, out, _ = call("merge", "-q", "outputs-1", "outputs-2", "-o", "outputs")
    assert (code, "missed: metrics.chrF2" in out) == (3, True)
    assert call("check", "-q", "outputs")[0] == 3
    assert call("check", "-q", "outputs", "--require", "chrf>=50")[0] == 0
    assert call("run", "-q", "-o", "whole")[0] == 3
    call("check", "-q", "outputs")
    assert gate_of(tmp_path / "outputs") == gate_of(tmp_path / "whole")


def test_a_document_that_is_left_out_misses_the_gate_unless_it_is_allowed(job, call, tmp_path):
    (tmp_path / "docs/002.txt").write_bytes("für".encode("latin-1"))
    code, out, _ = call("run", "-q")
    assert code == 3
    assert "missed: left_out: 1 document left out" in out
    assert call("run", "-q", "--require", "left_out<=1")[0] == 0

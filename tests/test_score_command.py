"""What ``mtalign score`` gives beyond one figure: documents, intervals, processes for TER, plug-ins."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from mtalign.cli.main import main
from mtalign.cli.score import command
from mtalign.errors import MissingPackageError, ScoreError, UsageError
from mtalign.score import corpus_scores
from mtalign.score.metrics import check_metrics, measure

HYPOTHESES = [
    "The cat sat on the mat.",
    "There is no rain today, she said.",
    "He has bought a red bicycle for his son.",
    "Nobody knew where the road ended.",
    "The parliament votes on the budget in the autumn.",
    "",
]
REFERENCES = [
    "The cat is sitting on the mat.",
    "It does not rain today, she said.",
    "He bought his son a red bicycle.",
    "Nobody knew where the road came to an end.",
    "Parliament will vote on the budget in autumn.",
    "Nothing.",
]
DOCUMENTS = ["b", "b", "a", "a", "b", "a"]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    contents = {"hyp": HYPOTHESES, "ref": REFERENCES, "docids": DOCUMENTS}
    for name, lines in contents.items():
        (tmp_path / name).write_text("".join(line + "\n" for line in lines))
    return {name: str(tmp_path / name) for name in contents}


def score(files: dict[str, str], *arguments: str) -> str:
    line = [files["hyp"], "--ref", files["ref"], "--lines", *arguments]
    return CliRunner().invoke(command, line, catch_exceptions=False, standalone_mode=False).stdout


def test_docids_give_each_document_the_score_of_its_lines_and_the_corpus_last(files: dict[str, str]) -> None:
    rows = json.loads(score(files, "--docids", files["docids"], "--metric", "bleu,chrf,ter", "--json"))
    assert [(row["document"], row["segments"]) for row in rows] == [("b", 3), ("a", 3), (None, 6)]
    for row in rows:
        own = [n for n, name in enumerate(DOCUMENTS) if row["document"] in (name, None)]
        alone = corpus_scores([HYPOTHESES[n] for n in own], [[REFERENCES[n] for n in own]])
        assert [(m["name"], m["score"]) for m in row["metrics"]] == [
            (s.name, float(f"{s.score:.2f}")) for s in alone
        ]
        assert [m["signature"] for m in row["metrics"]] == [s.signature for s in alone]


def test_docids_as_table_and_tsv_show_the_same_figures(files: dict[str, str]) -> None:
    arguments = ("--docids", files["docids"], "--metric", "chrf")
    figures = [row["metrics"][0] for row in json.loads(score(files, *arguments, "--json"))]
    expected = [f"{figure['score']:.2f}" for figure in figures]
    table = [line.split() for line in score(files, *arguments).splitlines()]
    assert table[0] == ["document", "segments", "chrF2"]
    assert [row[0] for row in table[1:4]] == ["b", "a", "corpus"]
    assert [row[2] for row in table[1:4]] == expected
    assert table[4] == ["chrF2:", figures[0]["signature"]]
    tsv = [line.split("\t") for line in score(files, *arguments, "--tsv").splitlines()]
    assert tsv == [["document", "segments", "chrF2"]] + [
        [name, "6" if not name else "3", value] for name, value in zip(("b", "a", ""), expected, strict=True)
    ]


def test_docids_that_do_not_fit_the_lines_are_refused(files: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "short").write_text("b\na\n")
    with pytest.raises(ScoreError, match=r"short has 2 lines, the hypothesis 6; give an id for each line"):
        score(files, "--docids", str(tmp_path / "short"))


@pytest.mark.parametrize("arguments", [["--docids", "x"], ["--src", "x"], ["--confidence"]])
def test_what_needs_line_aligned_files_says_so(files: dict[str, str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["score", files["hyp"], "--ref", files["ref"], *arguments])
    assert left.value.code == 2


def test_segments_have_no_interval(files: dict[str, str], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["score", files["hyp"], "--ref", files["ref"], "--lines", "--per-segment", "--confidence"])
    assert left.value.code == 2
    assert "--per-segment gives segments only" in capfd.readouterr().err


@pytest.mark.parametrize("seed", [None, "7"])
def test_intervals_are_those_of_sacrebleu_with_the_same_seed(
    files: dict[str, str], seed: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SACREBLEU_SEED", raising=False)
    if seed:
        monkeypatch.setenv("SACREBLEU_SEED", seed)
    options = ["-m", "bleu", "chrf", "ter", "-w", "2", "--confidence", "--confidence-n", "300"]
    theirs = subprocess.run(
        [sys.executable, "-m", "sacrebleu", files["ref"], "-i", files["hyp"], *options],
        capture_output=True,
        check=True,
        text=True,
    )
    ours = score(files, "--metric", "bleu,chrf,ter", "--confidence", "--resamples", "300", "--json")
    assert json.loads(ours) == json.loads(theirs.stdout)
    assert f"|bs:300|seed:{seed or 12345}|" in ours
    assert all(float(metric["confidence_var"]) > 0 for metric in json.loads(ours))


def test_intervals_stand_in_the_table_and_the_tsv(files: dict[str, str]) -> None:
    arguments = ("--metric", "chrf", "--confidence")
    figure = json.loads(score(files, *arguments, "--json"))[0]
    value, half = f"{figure['score']:.2f}", f"{figure['confidence_var']:.2f}"
    assert score(files, *arguments).split() == ["chrF2", value, "±", half, figure["signature"]]
    assert score(files, *arguments, "--tsv").splitlines() == [
        "name\tscore\tconfidence_var\tsignature",
        f"chrF2\t{value}\t{half}\t{figure['signature']}",
    ]


def test_ter_in_processes_is_ter_in_one() -> None:
    many = [f"{line} {number}" for number in range(20) for line in HYPOTHESES]
    references = [[f"{line} {number}" for number in range(20) for line in REFERENCES]]
    seen: list[tuple[int, int]] = []
    (serial,) = measure(many, references, ["TER"])
    (parallel,) = measure(many, references, ["TER"], jobs=2, progress=lambda *now: seen.append(now))
    assert parallel.score() == serial.score()
    assert [parallel.segment(line) for line in range(120)] == [serial.segment(line) for line in range(120)]
    assert seen[-1] == (120, 120)
    assert seen == sorted(seen)
    assert len(seen) > 2


PLUG_IN = """
class Length:
    name = "Length"
    signature = "unit:characters|version:1"
    needs_sources = False

    def score_segments(self, hypotheses, references, sources):
        return [len(h) / len(r) for h, r in zip(hypotheses, references[0])]


class Source(Length):
    name = "Source"
    needs_sources = True


class Short(Length):
    name = "Short"

    def score_segments(self, hypotheses, references, sources):
        return [1.0]


class Nan(Length):
    name = "Nan"

    def score_segments(self, hypotheses, references, sources):
        return [float("nan") if not h else 1.0 for h in hypotheses]


class Raises(Length):
    name = "Raises"

    def score_segments(self, hypotheses, references, sources):
        return 1 / 0


load = Length
"""

ENTRY_POINTS = """[mtalign.metrics]
Length = lengthmetric:load
Source = lengthmetric:Source
Short = lengthmetric:Short
Nan = lengthmetric:Nan
Raises = lengthmetric:Raises
Other = lengthmetric:load
BLEU = lengthmetric:load
COMET = lengthmetric:load
Broken = no_such_module:load
"""


@pytest.fixture(scope="module")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed a package with metrics, some of them broken."""
    base = tmp_path_factory.mktemp("plugin")
    info = "lengthmetric-1.0.dist-info"
    contents = {
        "lengthmetric.py": PLUG_IN,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: lengthmetric\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": ENTRY_POINTS,
    }
    wheel = base / "lengthmetric-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in contents.items():
            archive.writestr(name, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in [*contents, f"{info}/RECORD"]))
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target"]
    subprocess.run([*install, str(base / "site"), str(wheel)], check=True, capture_output=True)
    return base / "site"


@pytest.fixture
def plug_in(distribution: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(distribution))


@pytest.mark.usefixtures("plug_in")
def test_another_package_adds_a_metric(files: dict[str, str]) -> None:
    ratios = [len(h) / len(r) for h, r in zip(HYPOTHESES, REFERENCES, strict=True)]
    found = json.loads(score(files, "--metric", "chrf,length", "--confidence", "--json"))
    assert [metric["name"] for metric in found] == ["chrF2", "Length"]
    assert found[1]["score"] == pytest.approx(sum(ratios) / 6, abs=1e-4)
    assert found[1]["signature"] == "nrefs:1|unit:characters|version:1|bs:1000|seed:12345"
    assert 0 < found[1]["confidence_var"] < 0.5
    rows = score(files, "--metric", "length", "--per-segment", "--tsv").splitlines()
    assert rows == [
        "segment\tLength",
        *(f"{number}\t{ratio:.4f}" for number, ratio in enumerate(ratios, start=1)),
    ]


@pytest.mark.usefixtures("plug_in")
def test_a_metric_that_cannot_be_imported_is_an_error_and_nothing_stands_in_for_it() -> None:
    with pytest.raises(MissingPackageError, match=r"metric Broken cannot be imported.*no_such_module"):
        check_metrics(["bleu", "broken"])
    with pytest.raises(UsageError, match=r"unknown metric 'lenght'; choose from: .*COMET.*Length"):
        check_metrics(["lenght"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("source", r"Source needs the sources too; give them with --lines and --src"),
        ("short", r"the metric Short gave 1 values for 6 segments"),
        ("nan", r"the metric Nan gave nan for segment 6"),
        ("raises", r"the metric Raises failed \(ZeroDivisionError: division by zero\)"),
        ("other", r"the metric Other calls itself 'Length'"),
        ("comet", r"two packages give a metric COMET: lengthmetric:load, mtalign.score.comet:load; uninst"),
    ],
)
@pytest.mark.usefixtures("plug_in")
def test_a_plug_in_that_gives_no_sound_score_is_an_error_of_one_line(name: str, message: str) -> None:
    with pytest.raises(ScoreError, match=message) as caught:
        measure(HYPOTHESES, [REFERENCES], ["bleu", name])
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("plug_in")
def test_no_package_takes_the_place_of_a_metric_of_sacrebleu(files: dict[str, str]) -> None:
    (found,) = json.loads(score(files, "--metric", "BLEU", "--json"))
    assert found["signature"].startswith("nrefs:1|case:mixed|eff:no|tok:13a|")


def test_comet_that_is_not_here_is_one_line_with_the_command_that_helps(
    files: dict[str, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MTALIGN_COMET", "no-such-comet-score")
    with pytest.raises(SystemExit) as left:
        main(["score", files["hyp"], "--ref", files["ref"], "--lines", "--metric", "bleu,comet"])
    out, err = capfd.readouterr()
    assert left.value.code == 1
    assert out == ""
    assert len(err.splitlines()) == 1
    assert "COMET needs the command no-such-comet-score" in err
    assert "pipx install unbabel-comet" in err


# Its models cannot be fetched here: this stands for the command, to see what it is asked and how it fails.
COMET_SCORE = """#!{python}
import json, sys
given = dict(zip(sys.argv[1::], sys.argv[2::]))
sources, hypotheses, references = (open(given[o]).read().split("\\n")[:-1] for o in ("-s", "-t", "-r"))
if "refuse" in sources:
    sys.exit("no model Unbabel/wmt22-comet-da")
scores = [0.5 if h == r else len(s) / 100 for s, h, r in zip(sources, hypotheses, references)]
json.dump({{given["-t"]: [{{"COMET": score}} for score in scores]}}, open(given["--to_json"], "w"))
"""


@pytest.fixture
def comet_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "comet-score"
    script.write_text(COMET_SCORE.format(python=sys.executable))
    script.chmod(0o755)
    monkeypatch.setenv("MTALIGN_COMET", str(script))


@pytest.mark.usefixtures("comet_score")
def test_comet_gets_source_hypothesis_and_reference_line_by_line() -> None:
    (measured,) = measure(["a b", "c\nd"], [["a b", "e"]], ["COMET"], sources=["xx", "xxx"])
    assert [measured.segment(line).score for line in (0, 1)] == [0.5, 0.03]
    assert measured.score().signature == "nrefs:1|model:Unbabel/wmt22-comet-da|tool:comet-score"


@pytest.mark.usefixtures("comet_score")
def test_comet_without_sources_or_with_two_references_or_failing_says_why() -> None:
    with pytest.raises(ScoreError, match=r"needs the sources too; give them with --lines and --src"):
        measure(["a"], [["b"]], ["COMET"])
    with pytest.raises(ScoreError, match="takes one reference"):
        measure(["a"], [["b"], ["c"]], ["COMET"], sources=["x"])
    with pytest.raises(ScoreError, match=r"exit code 1: no model Unbabel/wmt22-comet-da; try it alone"):
        measure(["a"], [["b"]], ["COMET"], sources=["refuse"])

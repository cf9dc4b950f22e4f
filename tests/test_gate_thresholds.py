"""What a run is held to: the section [gate] of the configuration, and --require."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from mtalign.checks import FLAG_NAMES
from mtalign.errors import ConfigError
from mtalign.gate import Regression, Threshold, gate_table, parse_requirement, parse_table
from mtalign.job.config import load_config

EVERYTHING = """
[gate]
failed = "2 %"
left_out = 1
[gate.metrics]
bleu = 24.0
chrf = 60
[gate.sentence_metrics]
ter = 70.5
[gate.documents.004]
chrf = 55.0
coverage = "90 %"
failed = 0
[gate.documents."*"]
"chrf++" = 40
[gate.quality]
mean = 0.5
[gate.quality.below]
"0.3" = "5 %"
"0.50" = 12
[gate.flags]
number = 3
[gate.severity]
error = 0
warning = "10%"
[gate.glossary]
rate = 0.9
[gate.regression]
baseline = "../before/outputs"
metrics = ["chrf"]
drop = 0.5
p_value = 0.01
"""


def load(tmp_path: Path, text: str):
    path = tmp_path / "mtalign.toml"
    path.write_text(text, encoding="utf-8")
    return load_config(path).gate


def test_every_kind_of_threshold_is_read_from_the_configuration(tmp_path):
    gate = load(tmp_path, EVERYTHING)
    assert [(limit.name, limit.operator, limit.value, limit.share) for limit in gate.limits] == [
        ("failed", "<=", 0.02, True),
        ("left_out", "<=", 1, False),
        ("metrics.BLEU", ">=", 24.0, False),
        ("metrics.chrF2", ">=", 60.0, False),
        ("sentence_metrics.TER", "<=", 70.5, False),
        ("documents.004.chrF2", ">=", 55.0, False),
        ("documents.004.coverage", ">=", 0.9, True),
        ("documents.004.failed", "<=", 0, False),
        ("documents.*.chrF2++", ">=", 40.0, False),
        ("quality.mean", ">=", 0.5, False),
        ("quality.below.0.3", "<=", 0.05, True),
        ("quality.below.0.5", "<=", 12, False),
        ("flags.number", "<=", 3, False),
        ("severity.error", "<=", 0, False),
        ("severity.warning", "<=", 0.1, True),
        ("glossary.rate", ">=", 0.9, True),
    ]
    assert gate.regression == Regression("../before/outputs", ("chrF2",), 0.5, 0.01)
    # What the manifest records is the same section again.
    assert parse_table(gate_table(gate), "[gate]") == gate


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gate = 3\n", "gate must be a section"),
        ("[gate]\nfailled = 3\n", "[gate] failled is unknown; did you mean failed?"),
        ("[gate]\nmetrics = 3\n", "[gate.metrics] must be a section"),
        ("[gate]\nfailed = 0.02\n", '[gate] failed must be a whole number or a share, not 0.02; write "2 %"'),
        ("[gate]\nfailed = true\n", "not True"),
        ("[gate]\nfailed = -1\n", "a number of segments or a share"),
        ('[gate]\nfailed = "101 %"\n', "a number of segments or a share"),
        ('[gate]\nfailed = "few"\n', "a number of segments or a share"),
        ("[gate.metrics]\nbleau = 3\n", "[gate.metrics] bleau: unknown metric 'bleau'; choose from: bleu"),
        ('[gate.metrics]\nbleu = "good"\n', "[gate.metrics] bleu must be a number, not 'good'"),
        ("[gate.metrics]\nbleu = nan\n", "must be a number"),
        ("[gate.documents]\n004 = 3\n", "there is documents.004.chrf"),
        ("[gate.quality]\nmean = 60\n", "must be between 0 and 1"),
        ("[gate.quality]\nmedian = 0.5\n", "there is quality.mean or quality.below.0.3"),
        ("[gate.flags]\nnumbers = 3\n", "no flag 'numbers'; did you mean number?"),
        ("[gate.severity]\nfatal = 0\n", "no severity 'fatal'; use info, warning, error"),
        ("[gate.glossary]\nhits = 3\n", "there is glossary.rate"),
        ("[gate.regression]\nbase = 'x'\n", "[gate.regression] base is unknown; did you mean baseline?"),
        ("[gate.regression]\np_value = 0.05\n", "[gate.regression] baseline must be the folder of a run"),
        ("[gate.regression]\nbaseline = 'x'\np_value = 0\n", "nothing would ever be missed"),
        ("[gate.regression]\nbaseline = 'x'\ndrop = -1\n", "points of the metric, 0 or more"),
        ("[gate.regression]\nbaseline = 'x'\nmetrics = ['blue']\n", "unknown metric 'blue'"),
    ],
)
def test_a_wrong_threshold_is_one_line_that_names_the_mistake(tmp_path, text, says):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "threshold"),
    [
        ("chrf>=60", Threshold(("metrics", "chrF2"), ">=", 60.0)),
        (" BLEU >= 24.5 ", Threshold(("metrics", "BLEU"), ">=", 24.5)),
        ("ter<=60", Threshold(("metrics", "TER"), "<=", 60.0)),
        ("sentence_metrics.chrf++>=50", Threshold(("sentence_metrics", "chrF2++"), ">=", 50.0)),
        ("documents.004.chrf>=60", Threshold(("documents", "004", "chrF2"), ">=", 60.0)),
        ("documents.a.b.failed<=0", Threshold(("documents", "a.b", "failed"), "<=", 0)),
        ("documents.*.coverage>=0.9", Threshold(("documents", "*", "coverage"), ">=", 0.9, share=True)),
        ("failed<=2%", Threshold(("failed",), "<=", 0.02, share=True)),
        ("failed <= 2 %", Threshold(("failed",), "<=", 0.02, share=True)),
        ("quality.below.0.3<=5%", Threshold(("quality", "below", "0.3"), "<=", 0.05, share=True)),
        ("flags.number<=3", Threshold(("flags", "number"), "<=", 3)),
    ],
)
def test_a_requirement_on_the_command_line_has_the_names_of_the_configuration(text, threshold):
    assert parse_requirement(text) == threshold


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("chrf", "--require 'chrf' is no requirement; write it like \"chrf>=60\""),
        ("chrf<=60", 'a run is held to at least that much; write "chrf>=60"'),
        ("chrf=60", 'write "chrf>=60"'),
        ("failed>=1", 'at most that much; write "failed<=1"'),
        ("chrf>=high", "must be a number, not 'high'"),
        ("sharpness>=1", "unknown metric 'sharpness'"),
        ("regression.drop<=1", "give --baseline FOLDER"),
    ],
)
def test_a_wrong_requirement_says_what_to_write(text, says):
    with pytest.raises(ConfigError) as caught:
        parse_requirement(text)
    assert says in str(caught.value)


def test_the_list_of_flags_is_that_of_the_code():
    found = set()
    for path in (Path(__file__).resolve().parents[1] / "mtalign").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Flag"
            if named and node.args and isinstance(node.args[0], ast.Constant):
                found.add(node.args[0].value)
    assert set(FLAG_NAMES) == found
    assert list(FLAG_NAMES) == sorted(FLAG_NAMES)

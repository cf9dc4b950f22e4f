"""The CI files of the documentation, run here step by step: their shell lines, artifacts and exit codes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkpoints import KOREAN, phrases

ROOT = Path(__file__).resolve().parents[1]
GITHUB = ROOT / "docs/ci/github-actions.yml"
GITLAB = ROOT / "docs/ci/gitlab-ci.yml"


@pytest.fixture
def repository(tmp_path, marian_checkpoint, new_home):
    """A repository with documents and a configuration, an environment with this mtalign, and its home."""
    (tmp_path / "repository/docs").mkdir(parents=True)
    pairs = [(source, english) for language, source, english in phrases() if language == KOREAN][::24]
    for number, part in enumerate((pairs[:5], pairs[5:]), start=1):
        text = "\n\n".join(source for source, _ in part)
        (tmp_path / f"repository/docs/00{number}.txt").write_text(text + "\n", encoding="utf-8")
    (tmp_path / "repository/reference.txt").write_text(
        "\n".join(english for _, english in pairs[:5]) + "\n", encoding="utf-8"
    )
    (tmp_path / "repository/mtalign.toml").write_text(
        f'[input]\npaths = ["docs"]\nfrom = "ko"\n[model]\nname = "{marian_checkpoint}"\n'
        '[reference]\ndocument = "reference.txt"\nmetrics = ["bleu", "chrf"]\n'
        "[gate.metrics]\nchrf = 50\n",
        encoding="utf-8",
    )
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "mtalign").write_text(f'#!/bin/sh\nexec {sys.executable} -m mtalign "$@"\n')
    # What is installed is what is tested; a real pip has nothing to do here.
    (programs / "pip").write_text('#!/bin/sh\n[ "$1 $2" = "install mtalign[offline]" ]\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "CI_"))},
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    return tmp_path, environment, new_home


def shell(line: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", line],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


class GitHub:
    """As much of GitHub Actions as the workflow uses; what it does not know is an error."""

    def __init__(self, base: Path, environment: dict[str, str], home: Path) -> None:
        self.base, self.environment, self.home = base, environment, home
        self.workflow = yaml.safe_load(GITHUB.read_text(encoding="utf-8"))
        self.artifacts = base / "artifacts"
        self.artifacts.mkdir()

    def run(self, job: str, **matrix: Any) -> tuple[Path, list[subprocess.CompletedProcess[str]]]:
        """The folder of the job, and what each of its shell steps came to."""
        folder = self.base / "-".join([job, *map(str, matrix.values())])
        summary = folder.with_suffix(".md")
        spec = self.workflow["jobs"][job]
        context = {f"matrix.{key}": str(value) for key, value in matrix.items()}
        context |= {"github.workspace": str(folder), "github.run_id": "1"}
        context["strategy.job-total"] = str(len(spec.get("strategy", {}).get("matrix", {}).get("shard", [1])))
        environment = {
            **self.environment,
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(folder),
            "GITHUB_STEP_SUMMARY": str(summary),
            **{key: self.filled(value, context) for key, value in self.workflow["env"].items()},
        }
        environment["MTALIGN_HOME"] = str(self.home)
        done, failed = [], False
        for step in spec["steps"]:
            if failed and step.get("if") != "always()":
                continue
            if "run" in step:
                done.append(shell(self.filled(step["run"], context), folder, environment))
                failed = failed or done[-1].returncode != 0
                continue
            given = {k: self.filled(str(v), context) for k, v in step.get("with", {}).items()}
            self.use(step["uses"].partition("@")[0], given, folder)
        return folder, done

    def filled(self, text: str, context: dict[str, str]) -> str:
        return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: context[found[1]], text)

    def use(self, action: str, given: dict[str, str], folder: Path) -> None:
        if action == "actions/checkout":
            shutil.copytree(self.base / "repository", folder)
        elif action == "actions/upload-artifact":
            shutil.copytree(folder / given["path"], self.artifacts / given["name"])
        elif action == "actions/download-artifact":
            for artifact in self.artifacts.iterdir():
                if fnmatch(artifact.name, given["pattern"]):
                    shutil.copytree(artifact, folder / artifact.name)
        else:
            assert action in ("actions/setup-python", "actions/cache"), action


def test_the_github_workflow_translates_in_shards_merges_and_passes_the_gate(repository):
    github = GitHub(*repository)
    shards = github.workflow["jobs"]["translate"]["strategy"]["matrix"]["shard"]
    for shard in shards:
        _, steps = github.run("translate", shard=shard)
        assert [step.returncode for step in steps] == [0, 0], steps[-1].stderr
    folder, steps = github.run("gate")
    assert [step.returncode for step in steps] == [0, 0, 0], steps[-1].stderr + steps[-2].stderr
    assert steps[-1].stdout == "gate: passed, 3 of 3 criteria\n"
    assert "## Gate: passed" in folder.with_suffix(".md").read_text(encoding="utf-8")
    whole = github.artifacts / "translation"
    manifest = json.loads((whole / "manifest.json").read_text(encoding="utf-8"))
    assert len(manifest["shards"]) == len(shards)
    assert sum(entry["status"]["translated"] for entry in manifest["inputs"]) == 10
    assert (whole / "junit.xml").is_file()


def test_the_github_workflow_fails_at_the_gate_annotates_and_keeps_the_run(repository):
    base, *_ = repository
    config = base / "repository/mtalign.toml"
    config.write_text(
        config.read_text(encoding="utf-8").replace("chrf = 50", "chrf = 100.5"), encoding="utf-8"
    )
    github = GitHub(*repository)
    for shard in (1, 2):
        github.run("translate", shard=shard)
    folder, steps = github.run("gate")
    # The merge says 3, too, and the job goes on to the step that judges.
    assert [step.returncode for step in steps] == [0, 0, 3]
    assert "::error" not in steps[1].stderr
    lines = steps[2].stderr.split("\n")
    assert lines[0].startswith("::error title=mtalign gate%2C missed%3A metrics.chrF2::chrF2 ")
    at = re.match(r"::error file=(docs/00\d.txt),line=(\d+),col=1,title=(00\d.b\d+.s\d+)", lines[1])
    assert at, lines[1]
    source = (folder / at[1]).read_text(encoding="utf-8").split("\n")[int(at[2]) - 1]
    assert f"source: {source}" in lines[1]
    assert "## Gate: missed, 1 of 3 criteria" in folder.with_suffix(".md").read_text(encoding="utf-8")
    assert (github.artifacts / "translation/index.html").is_file()


def test_a_shard_that_breaks_stops_the_github_workflow(repository):
    base, *_ = repository
    (base / "repository/mtalign.toml").write_text('[input]\npaths = ["nothing"]\n', encoding="utf-8")
    github = GitHub(*repository)
    _, steps = github.run("translate", shard=1)
    assert steps[-1].returncode != 0
    assert list(github.artifacts.iterdir()) == []


def test_the_gitlab_pipeline_translates_in_shards_merges_and_passes_the_gate(repository):
    base, environment, home = repository
    pipeline = yaml.safe_load(GITLAB.read_text(encoding="utf-8"))
    folder = base / "project"
    shutil.copytree(base / "repository", folder)
    environment = environment | {"MTALIGN": pipeline["variables"]["MTALIGN"], "MTALIGN_HOME": str(home)}
    total = pipeline["translate"]["parallel"]
    jobs = [
        *(("translate", {"CI_NODE_INDEX": str(i), "CI_NODE_TOTAL": str(total)}) for i in range(1, total + 1)),
        ("gate", {}),
    ]
    for job, own in jobs:
        for line in (*pipeline["default"]["before_script"], *pipeline[job]["script"]):
            step = shell(line, folder, environment | own)
            assert step.returncode == 0, step.stderr
    assert step.stdout == "gate: passed, 3 of 3 criteria\n"
    assert (folder / pipeline["gate"]["artifacts"]["reports"]["junit"]).is_file()
    assert pipeline["translate"]["stage"] in pipeline["stages"]

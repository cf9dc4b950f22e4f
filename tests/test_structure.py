"""The structure that the design promises: who may import whom, and what start-up may cost."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "mtalign"

# Ground floor first: a room imports only rooms above it in this list; cli may import all.
ROOMS = [
    "errors",
    "document",
    "home",
    "files",
    "unpacked",
    "threads",
    "scripts",
    "identifier",
    "cedict",
    "languages",
    "records",
    "formats",
    "glossary",
    "segment",
    "models",
    "embed",
    "checks",
    "quality",
    "engines",
    "memory",
    "translate",
    "align",
    "score",
    "gate",
    "report",
    "job",
    "review",
    "cli",
    "testing",
]
HEAVY = {"torch", "transformers", "ctranslate2", "xllamacpp", "ray"}


def imports(path: Path) -> set[str]:
    """Rooms that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("mtalign."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.ImportFrom) and node.module == "mtalign":
            found |= {alias.name for alias in node.names if alias.name != "__version__"}
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("mtalign.")}
    return found


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def test_every_file_belongs_to_a_known_room():
    assert {room_of(path) for path in ROOT.rglob("*.py")} - {"__init__", "__main__"} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_above_it(room):
    allowed = set(ROOMS[: ROOMS.index(room) + 1])
    files = [path for path in ROOT.rglob("*.py") if room_of(path) == room]
    assert files
    for path in files:
        assert imports(path) <= allowed, path.relative_to(ROOT)


def loaded_modules(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sys.modules)"
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in finished.stdout.split("\n")[-2].split()}


@pytest.mark.parametrize(
    "code",
    [
        "import mtalign",
        "import mtalign.job.runner, mtalign.models.store, mtalign.translate",
        *(
            f"from click.testing import CliRunner\nfrom mtalign.cli.main import cli\n"
            f"assert CliRunner().invoke(cli, {arguments!r}).exit_code == 0"
            for arguments in (["--help"], ["score", "--help"], ["run", "--help"], ["models", "list"])
        ),
    ],
)
def test_start_up_imports_nothing_heavy(code):
    assert loaded_modules(code) & HEAVY == set()


def test_scoring_line_files_imports_no_engine(tmp_path):
    (tmp_path / "h").write_text("the cat sat\n")
    (tmp_path / "r").write_text("the cat sat down\n")
    code = (
        "from click.testing import CliRunner\nfrom mtalign.cli.main import cli\n"
        f"result = CliRunner().invoke(cli, ['score', {str(tmp_path / 'h')!r}, '--ref',"
        f" {str(tmp_path / 'r')!r}, '--lines'])\nassert result.exit_code == 0, result.output"
    )
    assert loaded_modules(code) & HEAVY == set()


def test_nothing_below_the_command_line_leaves_the_process():
    for path in ROOT.rglob("*.py"):
        if room_of(path) in ("cli", "__main__"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ("exit", "_exit"):
                assert not (isinstance(node.value, ast.Name) and node.value.id in ("sys", "os")), path

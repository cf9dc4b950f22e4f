"""Templates are compiled once for all processes; a bad copy of what was compiled costs time only."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jinja2 import Environment

from mtalign.align import Bead
from mtalign.report import pages
from mtalign.report.alignment import AlignedText, write_alignment


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("MTALIGN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def written(home, monkeypatch) -> Iterator[Callable[[], tuple[bytes, list[str]]]]:
    """A page as a new process writes it, and the templates that it compiled for it."""
    compiled: list[str] = []
    compile_one = Environment._compile

    def watched(self, source, filename):
        compiled.append(Path(filename).name)
        return compile_one(self, source, filename)

    monkeypatch.setattr(Environment, "_compile", watched)

    def write() -> tuple[bytes, list[str]]:
        compiled.clear()
        pages._environment.cache_clear()
        one, other = (AlignedText(name, "", (name,)) for name in ("Eins.", "One."))
        return write_alignment([Bead((0,), (0,), 0.5)], one, other), list(compiled)

    yield write
    pages._environment.cache_clear()


def copies(home: Path) -> list[Path]:
    return [path for path in (home / "templates").rglob("*") if path.is_file()]


def test_the_next_process_compiles_nothing_and_writes_the_same_page(home, written):
    page, compiled = written()
    assert b"Eins." in page
    assert b"One." in page
    assert "align.html" in compiled
    assert len(copies(home)) == len(compiled)
    assert written() == (page, [])


@pytest.mark.parametrize("kept", [0, 20, 500])
def test_a_damaged_copy_is_compiled_anew_and_mended(home, written, kept):
    page, compiled = written()
    for path in copies(home):
        path.write_bytes(path.read_bytes()[:kept])
    assert written() == (page, compiled)
    assert written() == (page, [])


def test_a_template_that_has_changed_is_compiled_anew(home, written, monkeypatch):
    written()
    read = pages.PackageLoader.get_source

    def changed(self, environment, template):
        source, *rest = read(self, environment, template)
        return source.replace(">Target<", ">English<"), *rest

    monkeypatch.setattr(pages.PackageLoader, "get_source", changed)
    page, again = written()
    assert again == ["align.html"]
    assert b">English</th>" in page


def test_other_options_of_the_environment_have_copies_of_their_own(home, written, monkeypatch):
    page, compiled = written()
    own = pages.Environment
    monkeypatch.setattr(pages, "Environment", lambda **options: own(**{**options, "trim_blocks": False}))
    other, again = written()
    assert again == compiled
    assert other != page


def test_a_home_that_cannot_be_written_costs_time_only(home, written):
    page, compiled = written()
    shutil.rmtree(home / "templates")
    (home / "templates").write_text("a file")
    assert written() == (page, compiled)
    assert written() == (page, compiled)

"""Fixtures that several test files share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import page_visit
import pytest

# One thread for each xdist worker: torch's threads wait for each other in a busy loop.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this test session that all xdist workers see."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session", autouse=True)
def own_home(shared_folder: Path) -> Iterator[None]:
    """No test reads or writes the user's own files; a test that needs a folder of its own sets one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTALIGN_HOME", str(shared_folder / "own-home"))
        yield


@pytest.fixture(scope="module")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny GGUF model with random weights."""
    import tiny_gguf

    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    tiny_gguf.write_model(path)
    return path


@pytest.fixture(scope="session")
def marian_checkpoint(shared_folder: Path) -> Path:
    """A small trained MarianMT checkpoint, ko/ja/de/zh → en."""
    import checkpoints

    return checkpoints.shared_checkpoint(shared_folder, "marian", checkpoints.build_marian)


@pytest.fixture(scope="session")
def nllb_checkpoint(shared_folder: Path) -> Path:
    """A small trained NLLB checkpoint, ko/ja/de/zh → en."""
    import checkpoints

    return checkpoints.shared_checkpoint(shared_folder, "nllb", checkpoints.build_nllb)


@pytest.fixture(scope="session")
def converted_home(shared_folder: Path) -> Path:
    """The folder in which all tests of a session keep their converted models."""
    return shared_folder / "home"


@pytest.fixture
def new_home(tmp_path: Path, shared_folder: Path, converted_home: Path) -> Path:
    """A folder for MTALIGN_HOME that is empty but for what the session has converted and unpacked."""
    home = tmp_path / "home"
    home.mkdir()
    unpacked = {name: shared_folder / "own-home" / name for name in ("encoder", "cedict", "langid")}
    for name, folder in {"converted": converted_home, **unpacked}.items():
        folder.mkdir(parents=True, exist_ok=True)
        (home / name).symlink_to(folder, target_is_directory=True)
    return home


@pytest.fixture
def job_home(new_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That folder as MTALIGN_HOME, in the folder that a job is run in."""
    monkeypatch.setenv("MTALIGN_HOME", str(new_home))
    monkeypatch.chdir(tmp_path)
    return new_home


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for all page tests of a worker."""
    executable = next(filter(None, map(shutil.which, page_visit.BROWSERS)), None)
    if executable is None:
        page_visit.missing("Chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        page_visit.missing("Playwright")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=page_visit.FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[page_visit.Visit]:
    """A page in a browser profile of its own; at the end it must have done nothing that it must not do."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    visit = page_visit.Visit(context.new_page())
    yield visit
    context.close()
    assert visit.wrong == []


@pytest.fixture(scope="session")
def real_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The seeds' real outputs with pages of this version."""
    from mtalign.report import write_reports

    run = tmp_path_factory.mktemp("real") / "outputs"
    shutil.copytree(Path(__file__).resolve().parents[1] / "outputs", run)
    write_reports(run)
    return run


@pytest.fixture(scope="session")
def review_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run in which every feature of the page has something to show."""
    from report_samples import write_review_run

    from mtalign.report import write_reports

    run = write_review_run(tmp_path_factory.mktemp("review"))
    write_reports(run)
    return run

"""Fixtures that several test files share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# One thread for each xdist worker: torch's threads wait for each other in a busy loop.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this test session that all xdist workers see."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


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

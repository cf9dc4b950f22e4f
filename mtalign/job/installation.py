"""What outputs depend on besides the inputs: mtalign's files, what is installed, the machine, settings."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from pathlib import Path

_SETTINGS = ("MTALIGN_", "CT2_", "OMP_", "MKL_", "OPENBLAS_")


def installation_digest() -> str:
    """SHA-256, hex, over all of it, as it is now."""
    parts = [
        _code(),
        _distributions(),
        [sys.version, platform.platform(), platform.machine()],
        sorted((name, value) for name, value in os.environ.items() if name.startswith(_SETTINGS)),
    ]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=True).encode()).hexdigest()


def files_of(folder: Path) -> list[Path]:
    """Every file in ``folder`` and below, in a fixed order."""
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _code() -> str:
    """Digest of this package's own files."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for file in files_of(root):
        if file.suffix != ".pyc":
            digest.update(f"{file.relative_to(root)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _distributions() -> list[str]:
    """What is installed, with versions, as the names of the folders that say so."""
    names = {
        entry.name
        for folder in sys.path
        if folder and Path(folder).is_dir()
        for entry in Path(folder).iterdir()
        if entry.suffix in (".dist-info", ".egg-info")
    }
    return sorted(names)

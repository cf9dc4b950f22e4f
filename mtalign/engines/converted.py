"""Conversions of models: each made once, in a process of its own, and kept under ``<home>/converted/``.

A directory is named after all that the conversion depends on, so what is found there is never stale. The
process of its own gives back the memory that a conversion takes, which is several times the model.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from mtalign.engines.base import ResolvedModel
from mtalign.errors import ModelError

Notice = Callable[[str], None]

_RECEIPT = "mtalign-conversion.json"


def converted(
    target: Path,
    *,
    weights: str,
    receipt: dict[str, str],
    make: Callable[[Path], None],
    announce: Callable[[], None],
) -> Path:
    """``target``, made first where it is not there or not whole.

    Safe for several processes: the first converts, the others wait for it.

    Args:
        target: the directory of the conversion.
        weights: name of the file in it whose size tells whether it is whole.
        receipt: what the conversion is of; written beside the weights.
        make: writes the conversion into the directory that it is given, which does not exist yet.
        announce: is called before a conversion begins.

    Raises:
        ModelError: ``make`` raised it, or the directory cannot be written.
    """
    from filelock import FileLock

    if _is_whole(target, weights):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{target}.lock"):
            if not _is_whole(target, weights):
                announce()
                _convert_into(target, weights, receipt, make)
    except OSError as error:
        raise ModelError(
            f"cannot write the converted model to {target.parent}: {error.strerror or error}",
            hint="free some space or set MTALIGN_HOME to a folder that can be written",
        ) from error
    return target


def discard_conversions(home: Path, fingerprint: str) -> int:
    """Delete all conversions of a model, those by older versions too; gives the bytes freed.

    Raises:
        ModelError: one cannot be deleted.
    """
    freed = 0
    for place in sorted((home / "converted").glob(f"{fingerprint}-*")):
        try:
            if place.is_dir():
                freed += sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
                shutil.rmtree(place)
            else:
                place.unlink()
        except OSError as error:
            raise ModelError(
                f"cannot delete {place}: {error.strerror or error}", hint="delete the folder yourself"
            ) from error
    return freed


def run_converter(module: str, model: ResolvedModel, arguments: list[str], *, library: str, hint: str) -> str:
    """Run ``python -m module arguments``, offline; the last line of its stderr is the error.

    Returns:
        What it printed.

    Raises:
        ModelError: it ended with an error.
    """
    package_root = str(Path(__file__).resolve().parents[2])
    search_path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "PYTHONPATH": search_path}
    finished = subprocess.run(  # noqa: S603
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **offline},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if finished.returncode:
        lines = finished.stderr.strip().splitlines() or [f"the converter ended with {finished.returncode}"]
        raise ModelError(f"{model.path} cannot be converted for {library}: {lines[-1]}", hint=hint)
    return finished.stdout.strip()


def _is_whole(directory: Path, weights: str) -> bool:
    """Whether ``directory`` holds a finished conversion, its weights of the size they were written with."""
    try:
        receipt = json.loads((directory / _RECEIPT).read_text(encoding="utf-8"))
        return bool((directory / weights).stat().st_size == receipt["size"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _convert_into(target: Path, weights: str, receipt: dict[str, str], make: Callable[[Path], None]) -> None:
    for leftover in target.parent.glob(f"{target.name}.half-*"):  # of a killed process: we hold the lock
        shutil.rmtree(leftover, ignore_errors=True)
    half = Path(tempfile.mkdtemp(prefix=f"{target.name}.half-", dir=target.parent))
    try:
        make(half / "model")
        size = (half / "model" / weights).stat().st_size
        (half / "model" / _RECEIPT).write_text(json.dumps({"size": size, **receipt}), encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        (half / "model").replace(target)
    finally:
        shutil.rmtree(half, ignore_errors=True)

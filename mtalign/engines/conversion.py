"""Conversion of a checkpoint for CTranslate2: once, cached, in a process of its own.

The cache is ``<home>/converted/<fingerprint>-<compute type>-<ctranslate2 version>/``. Another model, weight
type or library version is another directory, so a cached conversion is never stale. The conversion loads the
whole checkpoint in torch; a process of its own gives that memory back.
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
from mtalign.errors import ModelError, MtalignError

Notice = Callable[[str], None]

_RECEIPT = "mtalign-conversion.json"


def converted_directory(model: ResolvedModel, compute_type: str, home: Path) -> Path:
    """Where the conversion of ``model`` lies or will lie."""
    import ctranslate2

    name = f"{model.fingerprint}-{compute_type}-{ctranslate2.__version__}"
    return home / "converted" / name


def convert(model: ResolvedModel, compute_type: str, home: Path, notice: Notice | None = None) -> Path:
    """The CTranslate2 directory of ``model``, converted if it is not there yet.

    Safe for several processes: the first converts, the others wait for it.

    Raises:
        ModelError: the checkpoint cannot be converted, or the cache cannot be written.
    """
    from filelock import FileLock

    target = converted_directory(model, compute_type, home)
    if _is_whole(target):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{target}.lock"):
            if not _is_whole(target):
                if notice:
                    notice(f"converting {model.name} to {compute_type} for CTranslate2, once")
                _convert_into(target, model, compute_type)
    except OSError as error:
        raise ModelError(
            f"cannot write the converted model to {target.parent}: {error.strerror or error}",
            hint="free some space or set MTALIGN_HOME to a folder that can be written",
        ) from error
    return target


def _is_whole(directory: Path) -> bool:
    """Whether ``directory`` holds a finished conversion, its weights of the size they were written with."""
    try:
        receipt = json.loads((directory / _RECEIPT).read_text(encoding="utf-8"))
        return bool((directory / "model.bin").stat().st_size == receipt["size"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _convert_into(target: Path, model: ResolvedModel, compute_type: str) -> None:
    for leftover in target.parent.glob(f"{target.name}.half-*"):  # of a killed process: we hold the lock
        shutil.rmtree(leftover, ignore_errors=True)
    half = Path(tempfile.mkdtemp(prefix=f"{target.name}.half-", dir=target.parent))
    try:
        _run_converter(model, half / "model", compute_type)
        size = (half / "model" / "model.bin").stat().st_size
        (half / "model" / _RECEIPT).write_text(
            json.dumps({"size": size, "model": model.label, "compute_type": compute_type}), encoding="utf-8"
        )
        shutil.rmtree(target, ignore_errors=True)
        (half / "model").replace(target)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _run_converter(model: ResolvedModel, output: Path, compute_type: str) -> None:
    package_root = str(Path(__file__).resolve().parents[2])
    search_path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "PYTHONPATH": search_path}
    command = [sys.executable, "-m", __name__, str(model.path.resolve()), str(output), compute_type]
    finished = subprocess.run(  # noqa: S603
        command,
        env={**os.environ, **offline},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if finished.returncode:
        lines = finished.stderr.strip().splitlines() or [f"the converter ended with {finished.returncode}"]
        raise ModelError(
            f"{model.path} cannot be converted for CTranslate2: {lines[-1]}",
            hint="fetch the model again, or try --engine transformers",
        )


def _convert_checkpoint(source: str, output: str, compute_type: str) -> None:
    """What the process of its own does."""
    from ctranslate2.converters import TransformersConverter

    from mtalign.engines.transformers import load_checkpoint

    class WholeCheckpointConverter(TransformersConverter):  # type: ignore[misc]
        """Refuses a checkpoint that lacks weights, where the base class would go on with random ones."""

        def load_model(self, model_class: type, model_name_or_path: str, **kwargs: object) -> object:
            return load_checkpoint(model_class, Path(model_name_or_path), dtype=kwargs.get("dtype"))

    WholeCheckpointConverter(source).convert(output, quantization=compute_type)


if __name__ == "__main__":
    try:
        _convert_checkpoint(*sys.argv[1:])
    except (MtalignError, OSError, ValueError, RuntimeError, KeyError) as failure:
        print(f"{failure}" if isinstance(failure, MtalignError) else f"{type(failure).__name__}: {failure}",
              file=sys.stderr)  # fmt: skip
        raise SystemExit(1) from None

"""Conversion of a checkpoint for CTranslate2: once, cached, in a process of its own.

The cache is ``<home>/converted/<fingerprint>-<compute type>-<ctranslate2 version>/``; see
:mod:`mtalign.engines.converted`. The conversion loads the whole checkpoint in torch.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

from mtalign.engines.base import ResolvedModel
from mtalign.engines.converted import Notice, converted, run_converter
from mtalign.errors import MtalignError


def converted_directory(model: ResolvedModel, compute_type: str, home: Path) -> Path:
    """Where the conversion of ``model`` lies or will lie."""
    name = f"{model.fingerprint}-{compute_type}-{version('ctranslate2')}"
    return home / "converted" / name


def convert(model: ResolvedModel, compute_type: str, home: Path, notice: Notice | None = None) -> Path:
    """The CTranslate2 directory of ``model``, converted if it is not there yet.

    Raises:
        ModelError: the checkpoint cannot be converted, or the cache cannot be written.
    """

    def announce() -> None:
        if notice:
            notice(f"converting {model.name} to {compute_type} for CTranslate2, once")

    def make(output: Path) -> None:
        run_converter(
            __name__,
            model,
            [str(model.path.resolve()), str(output), compute_type],
            library="CTranslate2",
            hint="fetch the model again, or try --engine transformers",
        )

    return converted(
        converted_directory(model, compute_type, home),
        weights="model.bin",
        receipt={"model": model.label, "compute_type": compute_type},
        make=make,
        announce=announce,
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

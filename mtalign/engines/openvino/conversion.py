"""Conversion of a GGUF model for OpenVINO: once, cached, in a process of its own.

OpenVINO can read a GGUF file at each start, but takes ten times as long, most of it for the vocabulary. The
cache is ``<home>/converted/<fingerprint>-openvino-<version>/``; see :mod:`mtalign.engines.converted`.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from mtalign.engines.base import ResolvedModel
from mtalign.engines.converted import Notice, converted, run_converter
from mtalign.engines.instruct.gguf import read_gguf
from mtalign.errors import MissingPackageError

ARCHITECTURES = frozenset({"llama", "qwen2", "qwen3"})
"""Values of ``general.architecture`` that OpenVINO reads."""


def library_version() -> str:
    """Version of OpenVINO GenAI, without importing it.

    Raises:
        MissingPackageError: it is not installed.
    """
    if find_spec("openvino_genai") is None:
        raise MissingPackageError(
            "the openvino engine needs the package openvino-genai", hint="pip install 'mtalign[offline]'"
        )
    return version("openvino-genai")


def can_convert(path: Path) -> bool:
    """Whether OpenVINO GenAI is installed and knows the architecture of the GGUF model at ``path``.

    Raises:
        ModelError: the file cannot be read.
    """
    installed = find_spec("openvino_genai") is not None
    return installed and read_gguf(path).text("general.architecture") in ARCHITECTURES


def convert(model: ResolvedModel, home: Path, notice: Notice | None = None) -> Path:
    """The OpenVINO directory of ``model``, converted if it is not there yet.

    Raises:
        MissingPackageError: OpenVINO GenAI is not installed.
        ModelError: the model cannot be converted, or the cache cannot be written.
    """

    def announce() -> None:
        if notice:
            notice(f"converting {model.name} for OpenVINO, once")

    def make(output: Path) -> None:
        run_converter(
            __name__,
            model,
            [str(model.path.resolve()), str(output)],
            library="OpenVINO",
            hint="fetch the model again, or try --engine llamacpp",
        )

    return converted(
        home / "converted" / f"{model.fingerprint}-openvino-{library_version()}",
        weights="openvino_model.bin",
        receipt={"model": model.label},
        make=make,
        announce=announce,
    )


def _convert_gguf(source: str, output: str) -> None:
    """What the process of its own does."""
    import openvino_genai

    directory = Path(output)
    directory.mkdir()
    # OpenVINO writes its files beside the model's.
    link = directory / "model.gguf"
    link.symlink_to(source)
    openvino_genai.ContinuousBatchingPipeline(
        str(link),
        openvino_genai.Tokenizer(str(link), enable_save_ov_model=True),
        openvino_genai.SchedulerConfig(),
        "CPU",
        enable_save_ov_model=True,
    )
    link.unlink()


if __name__ == "__main__":
    try:
        _convert_gguf(*sys.argv[1:])
    except (OSError, ValueError, RuntimeError, KeyError) as failure:
        print(f"{type(failure).__name__}: {' '.join(str(failure).split())}", file=sys.stderr)
        raise SystemExit(1) from None

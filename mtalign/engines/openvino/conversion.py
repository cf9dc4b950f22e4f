"""Conversion of a GGUF model for OpenVINO: once, cached, in a process of its own.

OpenVINO can read a GGUF file at each start, but takes ten times as long, most of it for the vocabulary. The
cache is ``<home>/converted/<fingerprint>-openvino-<version>-<recipe>-<characters>/``; see
:mod:`mtalign.engines.converted`. What a target language never writes is made impossible in the conversion
itself: the scores of those tokens are lowered for good, which costs nothing in decoding. The weights are
rewritten for integer arithmetic; see :mod:`mtalign.engines.openvino.weights`.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mtalign.engines.base import ResolvedModel
from mtalign.engines.converted import Notice, converted, run_converter
from mtalign.engines.instruct.gguf import read_architecture, read_gguf
from mtalign.engines.instruct.vocabulary import Vocabulary, forbidden_ranges
from mtalign.engines.openvino.exact import ExactWeights
from mtalign.engines.openvino.weights import regroup
from mtalign.errors import MissingPackageError

ARCHITECTURES = frozenset({"llama", "qwen2", "qwen3"})
"""Values of ``general.architecture`` that OpenVINO reads."""
_PACKAGES = ("openvino-genai", "gguf")
_NEVER = -1e9
_RECIPE = 3
"""Of the conversion: raised whenever it changes."""


def library_version() -> str:
    """Version of OpenVINO GenAI, without importing it.

    Raises:
        MissingPackageError: it is not installed, or what reads the weights is not.
    """
    if package := _missing_package():
        raise MissingPackageError(
            f"the openvino engine needs the package {package}", hint="pip install 'mtalign[offline]'"
        )
    return version("openvino-genai")


def _missing_package() -> str | None:
    return next((one for one in _PACKAGES if find_spec(one.replace("-", "_")) is None), None)


def can_convert(path: Path) -> bool:
    """Whether the packages are installed and OpenVINO knows the architecture of the GGUF model at ``path``.

    Raises:
        ModelError: the file cannot be read.
    """
    return _missing_package() is None and read_architecture(path) in ARCHITECTURES


def convert(model: ResolvedModel, script: str, home: Path, notice: Notice | None = None) -> Path:
    """The OpenVINO directory of ``model`` for targets in ``script``, converted if it is not there yet.

    Raises:
        MissingPackageError: OpenVINO GenAI is not installed.
        ModelError: the model cannot be converted, or the cache cannot be written.
    """

    def announce() -> None:
        if notice:
            notice(f"converting {model.name} for OpenVINO, once")

    def make(output: Path) -> None:
        said = run_converter(
            __name__,
            model,
            [str(model.path.resolve()), str(output), script],
            library="OpenVINO",
            hint="fetch the model again, or try --engine llamacpp",
        )
        if said and notice:
            notice(said)

    return converted(
        home
        / "converted"
        / f"{model.fingerprint}-openvino-{library_version()}-{_RECIPE}-{characters(script)}",
        weights="openvino_model.bin",
        receipt={"model": model.label},
        make=make,
        announce=announce,
    )


def characters(script: str) -> str:
    """A name for what may be written in ``script``: conversions of the same name are the same."""
    ranges = forbidden_ranges(script)
    return f"without-{hashlib.sha256(repr(ranges).encode()).hexdigest()[:8]}" if ranges else "all"


def _convert_gguf(source: str, output: str, script: str) -> None:
    """What the process of its own does."""
    import openvino
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
    model = openvino.Core().read_model(directory / "openvino_model.xml")
    rewritten, exact = regroup(model, ExactWeights(Path(source)))
    if exact < rewritten:
        print(
            f"{rewritten - exact} of {rewritten} weight matrices are as OpenVINO rounds them, "
            "less exact than in the file"
        )
    if ranges := forbidden_ranges(script):
        _forbid(model, Vocabulary(read_gguf(Path(source))).spelling(ranges))
    openvino.save_model(model, directory / "rewritten.xml", compress_to_fp16=False)
    del model
    for end in ("xml", "bin"):
        (directory / f"rewritten.{end}").replace(directory / f"openvino_model.{end}")


def _forbid(model: Any, tokens: Sequence[int]) -> None:
    """Lower the scores of ``tokens`` so far that none of them is ever written."""
    import numpy as np
    import openvino

    (result,) = model.get_results()
    scores = result.input_value(0)
    size = scores.get_partial_shape()[2].get_length()
    penalty = np.zeros((1, 1, size), dtype=np.float32)
    penalty[0, 0, [token for token in tokens if token < size]] = _NEVER
    lowered = openvino.opset13.add(scores, openvino.opset13.constant(penalty))
    lowered.output(0).set_names(result.get_output_tensor(0).get_names())
    result.input(0).replace_source_output(lowered.output(0))


if __name__ == "__main__":
    try:
        _convert_gguf(*sys.argv[1:])
    except (OSError, ValueError, RuntimeError, KeyError) as failure:
        print(f"{type(failure).__name__}: {' '.join(str(failure).split())}", file=sys.stderr)
        raise SystemExit(1) from None

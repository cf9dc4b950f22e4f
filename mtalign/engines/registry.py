"""Engines by name: ours and those of other packages, all found through one entry point group."""

from __future__ import annotations

import difflib
import inspect
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from mtalign.engines.base import Engine, ResolvedModel
from mtalign.engines.openvino.conversion import can_convert
from mtalign.errors import MissingPackageError, UsageError

GROUP = "mtalign.engines"


def engine_names() -> list[str]:
    """Names of all installed engines, sorted."""
    return sorted(_entry_points())


def load_engine(name: str, model: ResolvedModel, **settings: Any) -> Engine:
    """Load ``model`` with the engine ``name``; ``settings`` are the engine's own.

    Raises:
        UsageError: there is no such engine (names the nearest), or it has no such setting.
        MissingPackageError: the engine's package is not whole.
        ModelError: the engine cannot load the model.
    """
    known = _entry_points()
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(sorted(known))}"
        raise UsageError(f"unknown engine {name!r}", hint=hint)
    try:
        load = known[name].load()
    except (ImportError, AttributeError) as error:
        raise MissingPackageError(
            f"the engine {name} cannot be imported: {error}", hint="`mtalign doctor` shows what is missing"
        ) from error
    try:
        inspect.signature(load).bind(model, **settings)
    except TypeError as error:
        raise UsageError(f"the engine {name} does not take these settings: {error}") from error
    engine: Engine = load(model, **settings)
    return engine


def default_engine(model: ResolvedModel) -> str:
    """The engine that runs ``model`` unless another is asked for.

    Of the two for GGUF models the faster one, where it is installed and knows the architecture.

    Raises:
        ModelError: a GGUF model cannot be read.
    """
    if model.family != "gguf":
        return "ctranslate2"
    return "openvino" if can_convert(model.path) else "llamacpp"


def _entry_points() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}

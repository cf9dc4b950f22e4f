"""What this installation can do: packages, store, models, and what a run would use."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtalign.engines.registry import engine_names
from mtalign.errors import MtalignError
from mtalign.home import mtalign_home
from mtalign.job.manifest import machine, package_versions
from mtalign.languages import parse_language
from mtalign.memory import Memory
from mtalign.models.resolve import select_model
from mtalign.models.store import ModelStore, State

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPTIONAL = {
    "openvino-genai": "pip install 'mtalign[offline]' (runs the offline model, qwen)",
    "gguf": "pip install 'mtalign[offline]' (reads the offline model for OpenVINO)",
    "xllamacpp": "pip install 'mtalign[offline]' (runs GGUF models that OpenVINO does not know)",
}
_EXAMPLE_LANGUAGES = ("ko", "ja", "de", "zh", "fr")


@dataclass(frozen=True)
class Finding:
    """One line of the examination."""

    what: str
    well: bool = True
    step: str = ""
    """What to do about it."""
    needed: bool = False
    """Nothing can be translated without it."""


def examine(*, offline: bool) -> list[Finding]:
    """Look at packages, memory, models and what ``--model auto`` would choose."""
    return [*_packages(), *_home(), *_models(), *_choice(offline)]


def _packages() -> Iterator[Finding]:
    here = machine()
    yield Finding(f"Python {here['python']} on {here['system']} {here['processor']}, {here['cores']} cores")
    for name, version in package_versions().items():
        if version is not None:
            yield Finding(f"{name} {version}")
        else:
            step = _OPTIONAL.get(name, f"{sys.executable} -m pip install {name}")
            yield Finding(name, False, step, needed=name not in _OPTIONAL)
    yield Finding(f"engines: {', '.join(engine_names())}")


def _home() -> Iterator[Finding]:
    home = mtalign_home()
    path = home / "memory.sqlite"
    if not path.exists():
        yield Finding(f"home {home}: no translation memory yet")
        return
    try:
        with Memory(path) as memory:
            yield Finding(f"home {home}: translation memory with {memory.count()} results")
    except MtalignError as error:
        yield Finding(error.message, False, error.hint, needed=True)


def _models() -> Iterator[Finding]:
    ready = [status for status in ModelStore().list() if status.state is State.READY]
    for status in ready:
        yield Finding(f"model {status.entry.name} ({status.entry.licence}): {status.path}")
    if not ready:
        yield Finding(
            "no model in the store yet", True, "the first run pulls one, or: mtalign models pull qwen"
        )


def _choice(offline: bool) -> Iterator[Finding]:
    store = ModelStore()
    for code in _EXAMPLE_LANGUAGES:
        language = parse_language(code)
        try:
            selection = select_model("auto", [language], store=store, offline=offline)
        except MtalignError as error:
            yield Finding(f"{language.name}: {error.message}", False, error.hint, needed=True)
        else:
            yield Finding(f"{language.name} would run on {selection.reason.removeprefix('model: ')}")

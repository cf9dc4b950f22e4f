"""The job's configuration: a TOML file read into frozen dataclasses, every key known or refused."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from mtalign.errors import ConfigError
from mtalign.gate.thresholds import Thresholds, gate_table, parse_table

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

QUALITIES = ("fast", "good", "best")


@dataclass(frozen=True)
class InputConfig:
    """``[input]``: what to translate, from which language into which."""

    paths: tuple[str, ...] = ()
    source: str = "auto"
    """``from`` in the file: a language, or ``auto`` to find it for each block."""
    target: str = "en"
    """``to`` in the file."""


@dataclass(frozen=True)
class ModelConfig:
    """``[model]``: which model translates, on which engine, with which decoding."""

    name: str = "auto"
    engine: str = "auto"
    quality: str = "good"
    beam: int = 4
    compute_type: str = "auto"
    """``int8``, ``float32``, … for the ctranslate2 engine; ``auto`` is int8 on a CPU."""
    accept_licenses: tuple[str, ...] = ()
    shortlist: str = ""
    """File with the only target tokens to write (ctranslate2), relative to this file; empty for all."""


@dataclass(frozen=True)
class ReferenceConfig:
    """``[reference]``: an English text to score against; empty ``document`` for none."""

    document: str = ""
    starts_with: str = ""
    """The block of ``document`` that begins so is the reference; empty for the whole document."""
    note: str = ""
    """A sentence that every report shows beside the scores."""
    metrics: tuple[str, ...] = ("bleu", "chrf", "ter")
    """As ``mtalign score --metric`` takes them."""


@dataclass(frozen=True)
class GlossaryConfig:
    """``[glossary]``: terms and their English; empty ``file`` for none."""

    file: str = ""
    """See :mod:`mtalign.glossary` for its format."""


@dataclass(frozen=True)
class OutputConfig:
    """``[output]``: where the run is written."""

    folder: str = "outputs"


@dataclass(frozen=True)
class JobConfig:
    """A whole configuration; paths are relative to ``base``, the folder of the file."""

    input: InputConfig = field(default_factory=InputConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    reference: ReferenceConfig = field(default_factory=ReferenceConfig)
    glossary: GlossaryConfig = field(default_factory=GlossaryConfig)
    output: OutputConfig = field(default_factory=OutputConfig)
    gate: Thresholds = field(default_factory=Thresholds)
    """``[gate]``: what the run is held to; see :mod:`mtalign.gate.thresholds`."""
    base: Path = field(default_factory=Path)


_SECTIONS: dict[str, type[Any]] = {
    "input": InputConfig,
    "model": ModelConfig,
    "reference": ReferenceConfig,
    "glossary": GlossaryConfig,
    "output": OutputConfig,
}
_GATE = "gate"
# `from` is a word of Python, so these two fields have other names there.
_NAMES_IN_FILE = {"source": "from", "target": "to"}


def load_config(path: Path) -> JobConfig:
    """Read a configuration file.

    Raises:
        ConfigError: it cannot be read, is not TOML, or has an unknown key or a value of the wrong type.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"no configuration file {path}", hint="name one with -c FILE") from error
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    return config_from(table, base=path.parent, path=path)


def config_table(config: JobConfig) -> dict[str, dict[str, Any]]:
    """A configuration as its file would have it, every key written out; where the run is written is left out.

    :func:`config_from` makes an equal one of it, on this machine or another.
    """
    in_file = {section: asdict(getattr(config, section)) for section in _SECTIONS if section != "output"}
    tables = {
        section: {_NAMES_IN_FILE.get(key, key): value for key, value in values.items() if value is not None}
        for section, values in in_file.items()
    }
    return {**tables, _GATE: gate_table(config.gate)}


def config_from(table: Mapping[str, Any], *, base: Path, path: Path) -> JobConfig:
    """The configuration that the parsed ``table`` of a file says; ``path`` names it in errors.

    Raises:
        ConfigError: it has an unknown key or a value of the wrong type.
    """
    _refuse_unknown(table, (*_SECTIONS, _GATE), f"{path}: section")
    for name, value in table.items():
        if not isinstance(value, Mapping):
            raise ConfigError(f"{path}: {name} must be a section", hint=f"write [{name}] above its keys")
    sections = {
        name: _section(section, table.get(name, {}), f"{path}: [{name}]")
        for name, section in _SECTIONS.items()
    }
    gate = parse_table(table.get(_GATE, {}), f"{path}: [{_GATE}]")
    config = JobConfig(base=base, gate=gate, **sections)
    if config.model.quality not in QUALITIES:
        raise ConfigError(
            f"{path}: [model] quality is {config.model.quality!r}", hint=f"use {', '.join(QUALITIES)}"
        )
    if config.model.beam < 1:
        raise ConfigError(f"{path}: [model] beam is {config.model.beam}", hint="use 1 or more")
    return config


def _section(section: type[Any], table: Mapping[str, Any], where: str) -> Any:
    known = {_NAMES_IN_FILE.get(item.name, item.name): item for item in fields(section)}
    _refuse_unknown(table, known, f"{where} key")
    values = {}
    for key, value in table.items():
        item = known[key]
        default = item.default
        if isinstance(default, tuple):
            if not isinstance(value, (list, tuple)) or not all(isinstance(entry, str) for entry in value):
                raise ConfigError(f"{where} {key} must be a list of strings")
            value = tuple(value)
        elif type(value) is not type(default):
            kind = {str: "a string", int: "a whole number", bool: "true or false"}[type(default)]
            raise ConfigError(f"{where} {key} must be {kind}, not {value!r}")
        values[item.name] = value
    return section(**values)


def _refuse_unknown(table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    names = list(known)
    for key in table:
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}"
            raise ConfigError(f"{where} {key} is unknown", hint=hint)

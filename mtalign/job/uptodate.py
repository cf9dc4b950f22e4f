"""Whether a run would write what is there already: then it need not be done again.

After a run that left nothing undone, a record of it is kept in ``<home>/runs``: a digest of everything that
its outputs depend on, and the SHA-256 of every file that it left. A run is up to date where the digest is the
same today and every file is still as it was. What cannot be digested (another package's plug-ins, a memory
that was thrown away, a model that would be fetched) makes it not up to date, never the other way round.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtalign.errors import MtalignError
from mtalign.files import write_atomically
from mtalign.formats import find_documents
from mtalign.home import mtalign_home
from mtalign.job.installation import files_of, installation_digest
from mtalign.memory import Memory
from mtalign.models.hashing import sha256_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtalign.job.config import JobConfig
    from mtalign.models.store import ModelStore

_GROUPS = ("mtalign.engines", "mtalign.metrics", "mtalign.embedders")
_MOST_FILES = 5000
"""In a folder that a configuration names; a larger one is not looked through."""


@dataclass(frozen=True)
class KnownRun:
    """A run that need not be done again."""

    created: str
    """When its outputs were made, ISO 8601."""
    summary: tuple[str, ...]
    """What was printed then."""


def find_known_run(
    config: JobConfig, *, store: ModelStore, memory_path: Path | None, offline: bool
) -> KnownRun | None:
    """The run that left ``config``'s outputs as they would be written now; None where there is none."""
    folder = (config.base / config.output.folder).resolve()
    try:
        record = json.loads(_record_path(folder).read_text(encoding="utf-8"))
        state = look_at(config, store, memory_path)
        digest = _digest(config, record["languages"], store, state, offline)
        if digest is None or record["digest"] != digest:
            return None
        if not _holds(memory_path, record["memory"]):
            return None
        if any(sha256_file(folder / name) != known for name, known in record["files"].items()):
            return None
        return KnownRun(record["created"], tuple(record["summary"]))
    except (MtalignError, OSError, ValueError, KeyError, TypeError, AttributeError):
        # Whatever is wrong will be said by the run itself.
        return None


def look_at(config: JobConfig, store: ModelStore, memory_path: Path | None) -> str | None:
    """Digest of the files and reviews that a run is about to read, to be given to :func:`remember_run`."""
    if memory_path is None:
        return None
    try:
        state = [list(_named_files(config, store)), _reviews(memory_path)]
    except (MtalignError, OSError):
        return None
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()


def remember_run(
    config: JobConfig,
    *,
    before: str | None,
    store: ModelStore,
    memory_path: Path | None,
    offline: bool,
    languages: Iterable[str],
    created: str,
    summary: Iterable[str],
) -> None:
    """Keep a record of a run that has just ended, with nothing failed and nothing left out.

    Args:
        config: as the run was given it.
        before: what :func:`look_at` gave before it began; what has changed since was not in the run.
        store: where its models are.
        memory_path: its translation memory; without one nothing is recorded.
        offline: whether it was told to open no connection.
        languages: source languages of what was translated.
        created: when, ISO 8601.
        summary: the lines that were printed.
    """
    folder = (config.base / config.output.folder).resolve()
    path = _record_path(folder)
    wanted = sorted(set(languages))
    try:
        path.unlink(missing_ok=True)
        if memory_path is None or before is None or look_at(config, store, memory_path) != before:
            return
        digest = _digest(config, wanted, store, before, offline)
        if digest is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        record = {
            "folder": str(folder),
            "created": created,
            "digest": digest,
            "languages": wanted,
            "memory": _memory_state(memory_path),
            "summary": list(summary),
            "files": {file.relative_to(folder).as_posix(): sha256_file(file) for file in files_of(folder)},
        }
        write_atomically(path, json.dumps(record, ensure_ascii=False).encode())
    except (MtalignError, OSError):
        # Only a shortcut: the next run is done in full.
        return


def _record_path(folder: Path) -> Path:
    return mtalign_home() / "runs" / f"{hashlib.sha256(str(folder).encode()).hexdigest()}.json"


def _digest(
    config: JobConfig, languages: list[str], store: ModelStore, state: str | None, offline: bool
) -> str | None:
    """SHA-256 over what the outputs of a run depend on; None where that cannot be known.

    ``state`` is what :func:`look_at` gives.
    """
    if state is None or _has_plug_ins():
        return None
    models = _models(config, languages, store, offline)
    if models is None:
        return None
    parts: list[Any] = [
        1,
        installation_digest(),
        str(config.base.resolve()),
        asdict(config),
        models,
        state,
    ]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=True, default=str).encode()).hexdigest()


def _has_plug_ins() -> bool:
    """Whether another package takes part, whose code may change without its version."""
    from importlib.metadata import entry_points

    found = (entry for group in _GROUPS for entry in entry_points(group=group))
    return any(not entry.value.startswith("mtalign.") for entry in found)


def _models(
    config: JobConfig, languages: list[str], store: ModelStore, offline: bool
) -> list[list[str]] | None:
    """The model that each language would be translated with; None where one would have to be fetched."""
    from mtalign.languages import parse_language
    from mtalign.models.resolve import resolve, select_model

    wanted = [parse_language(code) for code in languages]
    if not wanted:
        return []
    names = select_model(config.model.name, wanted, store=store, offline=offline).names
    found = [
        resolve(
            names[language.code],
            source_language=language,
            store=store,
            offline=offline,
            accepted_licences=config.model.accept_licenses,
            pull=False,
        )
        for language in wanted
    ]
    return [[model.name, model.fingerprint] for model in found]


def _named_files(config: JobConfig, store: ModelStore) -> Iterator[list[str]]:
    """Every file that the configuration names, itself or its folder, with its SHA-256."""
    for name in config.input.paths:
        for file in find_documents(config.base / name):
            yield [str(file), sha256_file(file)]
    settings = {
        name: value for name, value in vars(config).items() if name not in ("input", "output", "base")
    }
    for text in _strings(settings):
        if text == config.model.name:
            # Gigabytes: hashed once, as when the model is resolved.
            path, sha256 = Path(text).expanduser(), store.sha256
        else:
            path, sha256 = config.base / text, sha256_file
        if path.is_file():
            yield [str(path), sha256(path)]
        elif path.is_dir() and path != config.base:
            files = files_of(path)
            if len(files) > _MOST_FILES:
                raise OSError(f"{path} holds too many files")
            yield from ([str(file), sha256(file)] for file in files)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        # A sentence of a note is no path, and may be longer than one can be.
        if value and len(value) < 1024 and "\n" not in value:
            yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _strings(one)
    elif hasattr(value, "__dataclass_fields__"):
        yield from _strings(vars(value))


def _reviews(path: Path) -> str:
    """Digest of everything that reviewers said."""
    with Memory(path) as memory:
        return memory.reviews_digest()


def _memory_state(path: Path) -> list[int]:
    with Memory(path) as memory:
        return [path.stat().st_ino, memory.count()]


def _holds(path: Path | None, state: list[int]) -> bool:
    """Whether the memory is the same file, and nothing was taken out of it."""
    if path is None or not path.exists():
        return False
    inode, count = _memory_state(path)
    return inode == state[0] and count >= state[1]

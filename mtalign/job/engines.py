"""The engines of a job: which model translates which language, loaded once each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtalign.engines.registry import default_engine, load_engine
from mtalign.models.resolve import resolve, select_model

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from mtalign.engines.base import Engine, ResolvedModel
    from mtalign.job.config import ModelConfig
    from mtalign.job.events import Events
    from mtalign.languages import Language
    from mtalign.models.store import ModelStore


class EnginePool:
    """Engines by model; a context manager that closes them."""

    def __init__(
        self,
        config: ModelConfig,
        *,
        store: ModelStore,
        offline: bool,
        events: Events,
        base: Path | None = None,
    ) -> None:
        self._config = config
        self._base = base or Path()
        self._store = store
        self._offline = offline
        self._events = events
        self._engines: dict[str, Engine] = {}
        self._chosen: dict[str, str] = {}
        self.languages: dict[str, str] = {}
        """Fingerprint of the model that translates each language asked for so far, by code."""

    def choose(self, languages: Iterable[Language]) -> None:
        """Decide what ``auto`` stands for, once for each language.

        Raises:
            ModelError: offline, and the store has no model.
        """
        new = [language for language in languages if language.code not in self._chosen]
        if not new:
            return
        selection = select_model(self._config.name, new, store=self._store, offline=self._offline)
        if selection.reason:
            self._events.note(selection.reason)
        self._chosen.update(selection.names)

    def engines_for(self, languages: Iterable[Language]) -> dict[str, Engine]:
        """The engine that translates each of ``languages``, by language code; models are pulled if missing.

        Raises:
            ModelError: a model is missing, refused, damaged, or cannot be fetched.
            UsageError: there is no such model or engine.
        """
        wanted = list(languages)
        if not wanted:
            return {}
        self.choose(wanted)
        engines = {
            language.code: self._engine(self._resolve(self._chosen[language.code], language))
            for language in wanted
        }
        self.languages.update((code, engine.model.fingerprint) for code, engine in engines.items())
        return engines

    def _resolve(self, name: str, language: Language) -> ResolvedModel:
        with self._events.stage(f"fetching {name}", "B") as stage:
            return resolve(
                name,
                source_language=language,
                store=self._store,
                offline=self._offline,
                accepted_licences=self._config.accept_licenses,
                progress=lambda done, total, file: stage.update(done, total or done, file),
                note=self._events.note,
            )

    def _engine(self, model: ResolvedModel) -> Engine:
        if model.fingerprint not in self._engines:
            name = default_engine(model) if self._config.engine == "auto" else self._config.engine
            settings: dict[str, Any] = {}
            if self._config.compute_type != "auto":
                settings["compute_type"] = self._config.compute_type
            if self._config.shortlist:
                settings["shortlist"] = self._base / self._config.shortlist
            if name in ("ctranslate2", "openvino"):
                # A conversion takes a minute, once: the user should know why nothing happens.
                settings["notice"] = self._events.note
            self._engines[model.fingerprint] = load_engine(name, model, **settings)
            if model.attribution:
                self._events.note(model.attribution)
        return self._engines[model.fingerprint]

    def used(self) -> list[dict[str, Any]]:
        """The models that were used, with their engines: what the manifest says of them."""
        return [
            {
                "name": engine.model.name,
                "family": engine.model.family,
                "fingerprint": engine.model.fingerprint,
                "licence": engine.model.licence,
                "revision": engine.model.revision,
                "accepted_licence": engine.model.accepted_licence,
                "attribution": engine.model.attribution,
                "engine": engine.name,
                "engine_version": engine.version,
            }
            for engine in self._engines.values()
        ]

    def __enter__(self) -> EnginePool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for engine in self._engines.values():
            engine.close()

"""Executors: where the segments of a job are translated.

An executor translates the segments of one engine, and whatever it is, the translations and what the memory
holds afterwards are the same: ``local`` is the translate plan in this process; ``ray`` has workers on a
cluster do what the memory lacks, records it, and then lets the plan in this process find everything there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mtalign.errors import UsageError
from mtalign.job.executors.local import LocalExecutor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mtalign.document import Segment, Translation
    from mtalign.engines.base import Decoding, Engine
    from mtalign.glossary import Glossary
    from mtalign.job.config import ModelConfig
    from mtalign.job.events import Events
    from mtalign.languages import Language
    from mtalign.memory import Memory
    from mtalign.translate import PlanProgress, PlanStatistics

EXECUTORS = ("local", "ray")

__all__ = ["EXECUTORS", "Executor", "LocalExecutor", "make_executor"]


class Executor(Protocol):
    """What a job needs of an executor."""

    def translate(
        self,
        segments: Sequence[Segment],
        *,
        engine: Engine,
        target: Language,
        memory: Memory,
        decoding: Decoding,
        glossary: Glossary | None,
        progress: Callable[[PlanProgress], None],
    ) -> tuple[dict[str, Translation], PlanStatistics]:
        """As :func:`mtalign.translate.translate_segments`: what that gives, and its errors.

        All that is done stands in ``memory`` as it comes, also where this raises.
        """
        ...


def make_executor(name: str, model: ModelConfig, *, offline: bool, events: Events) -> Executor:
    """The executor of that name, for the model of a configuration.

    Raises:
        UsageError: there is none of that name.
        MissingPackageError: the package that it needs is not installed.
    """
    if name == "local":
        return LocalExecutor()
    if name == "ray":
        from mtalign.job.executors.ray import RayExecutor

        return RayExecutor(model, offline=offline, events=events)
    raise UsageError(f"no executor {name!r}", hint=f"use {' or '.join(EXECUTORS)}")

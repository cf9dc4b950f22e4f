"""What a job says while it works: notes, and progress of its stages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from types import TracebackType


class StageProgress(Protocol):
    """Progress of one stage; a context manager."""

    def update(self, done: int, total: int, detail: str = "") -> None:
        """``done`` of ``total`` units are done."""
        ...

    def __enter__(self) -> StageProgress:
        """Begin the stage."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        ...


class Events(Protocol):
    """Where a job reports to."""

    def note(self, text: str) -> None:
        """One line that a user should see: a choice made, a document left out."""
        ...

    def stage(self, label: str, unit: str) -> StageProgress:
        """A stage begins; ``unit`` is what its progress counts."""
        ...


class Silence:
    """Events that nobody hears."""

    def note(self, text: str) -> None:
        """Not said."""

    def stage(self, label: str, unit: str) -> _SilentStage:
        """Not shown."""
        return _SilentStage()


class _SilentStage:
    def update(self, done: int, total: int, detail: str = "") -> None:
        pass

    def __enter__(self) -> _SilentStage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

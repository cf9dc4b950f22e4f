"""Metrics of other packages, found through the entry point group ``mtalign.metrics``.

A plug-in is a callable without arguments that gives a :class:`SegmentMetric`::

    [project.entry-points."mtalign.metrics"]
    MyMetric = "mypackage.metric:load"

It is loaded only when its name is asked for, and nothing stands in for it where it is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Protocol

from mtalign.errors import MissingPackageError

GROUP = "mtalign.metrics"

_OURS = {"COMET": "mtalign.score.comet:load"}


class SegmentMetric(Protocol):
    """A metric that gives each segment a value; a corpus has their mean.

    More is better, unless it has the attribute ``lower_is_better`` and that is true.
    """

    name: str
    """As scores and reports show it."""
    signature: str
    """Its recipe without the number of references: ``model:Unbabel/wmt22-comet-da|version:2.2.7``."""
    needs_sources: bool

    def score_segments(
        self,
        hypotheses: Sequence[str],
        references: Sequence[Sequence[str]],
        sources: Sequence[str] | None,
    ) -> Sequence[float]:
        """One value a hypothesis. ``references`` has one sequence for each reference, all of that length."""
        ...


def plugin_names() -> list[str]:
    """Names of all metrics that are not sacreBLEU's, ours first; none of them is imported for it."""
    return list(dict.fromkeys([*_OURS, *sorted(_entry_points())]))


def load_plugin(name: str) -> SegmentMetric:
    """The metric ``name`` of :func:`plugin_names`.

    Raises:
        MissingPackageError: its package is not installed, or not whole; the hint is the command that helps.
    """
    target = _entry_points().get(name) or _OURS[name]
    module, _, attribute = target.partition(":")
    try:
        load: Callable[[], SegmentMetric] = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise MissingPackageError(
            f"the metric {name} cannot be imported: {error}", hint="install its package, or leave it out"
        ) from error
    return load()


def _entry_points() -> dict[str, str]:
    from importlib.metadata import entry_points

    return {entry.name: entry.value for entry in entry_points(group=GROUP)}

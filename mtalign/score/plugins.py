"""Metrics of other packages, found through the entry point group ``mtalign.metrics``.

A plug-in is a callable without arguments that gives a :class:`SegmentMetric`::

    [project.entry-points."mtalign.metrics"]
    MyMetric = "mypackage.metric:load"

It is loaded only when its name is asked for, and nothing stands in for it where it is missing. Its name is
the entry point's; the names of sacreBLEU's metrics stay sacreBLEU's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from math import isfinite
from typing import Protocol, TypeVar

from mtalign.errors import MissingPackageError, MtalignError, ScoreError

_T = TypeVar("_T")

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
        ScoreError: two packages give a metric of that name, or what the package gives is not that metric.
    """
    targets = _entry_points().get(name, set()) | ({_OURS[name]} if name in _OURS else set())
    if len(targets) > 1:
        raise ScoreError(
            f"two packages give a metric {name}: {', '.join(sorted(targets))}",
            hint="uninstall one of them: a score must say by what it was computed",
        )
    module, _, attribute = next(iter(targets)).partition(":")
    try:
        load: Callable[[], SegmentMetric] = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise MissingPackageError(
            f"the metric {name} cannot be imported: {error}", hint="install its package, or leave it out"
        ) from error
    metric: SegmentMetric = _asked(name, load)
    if metric.name != name:
        raise ScoreError(
            f"the metric {name} calls itself {metric.name!r}", hint="its package has to mend that"
        )
    return metric


def segment_values(
    metric: SegmentMetric,
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    sources: Sequence[str] | None,
) -> list[float]:
    """The metric's value of every hypothesis.

    Raises:
        ScoreError: it needs sources and there are none, it fails, or it gives something else than a finite
            number for each hypothesis.
    """
    if metric.needs_sources and sources is None:
        raise ScoreError(f"{metric.name} needs the sources too", hint="give them with --lines and --src")
    values = _asked(
        metric.name,
        lambda: [float(value) for value in metric.score_segments(hypotheses, references, sources)],
    )
    if len(values) != len(hypotheses):
        raise ScoreError(f"the metric {metric.name} gave {len(values)} values for {len(hypotheses)} segments")
    bad = next((place for place, value in enumerate(values) if not isfinite(value)), None)
    if bad is not None:
        raise ScoreError(f"the metric {metric.name} gave {values[bad]} for segment {bad + 1}")
    return values


def _asked(name: str, question: Callable[[], _T]) -> _T:
    """What a plug-in answers; whatever it raises is an error of that metric."""
    try:
        return question()
    except MtalignError:
        raise
    except Exception as error:
        raise ScoreError(
            f"the metric {name} failed ({type(error).__name__}: {error})", hint="leave it out, or mend it"
        ) from error


def _entry_points() -> dict[str, set[str]]:
    """By name, what the installed packages offer under it."""
    from importlib.metadata import entry_points

    found: dict[str, set[str]] = {}
    for entry in entry_points(group=GROUP):
        found.setdefault(entry.name, set()).add(entry.value)
    return found

"""What a run is held to: the ``[gate]`` section of a configuration, and ``--require`` on the command line.

A threshold has a name, which is its place in the section (``metrics.chrF2``, ``flags.number``), and a value.
The name says which side is good: a score must not be lower, a count not higher.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from mtalign.document import Severity
from mtalign.errors import ConfigError, MtalignError

AT_LEAST, AT_MOST = ">=", "<="

EVERY_DOCUMENT = "*"
"""In the place of a document's id: each of them."""

METRIC_LEVELS = ("metrics", "sentence_metrics")
"""Sections of metrics, named as in ``scores.json``: document level, and sentence by sentence."""

_SECTIONS = (
    "failed",
    "left_out",
    *METRIC_LEVELS,
    "documents",
    "quality",
    "flags",
    "severity",
    "glossary",
    "regression",
)
_TABLES = frozenset(_SECTIONS) - {"failed", "left_out"}

_LOWER_IS_BETTER = frozenset({"TER"})

_REQUIREMENT = re.compile(r"\s*(?P<name>[^<>=]+?)\s*(?P<operator>>=|<=|=>|=<|==|=|<|>)\s*(?P<value>.*?)\s*")
_NUMBER = re.compile(r"(?P<number>[-+]?(?:\d+\.?\d*|\.\d+))\s*(?P<percent>%)?")


@dataclass(frozen=True)
class Threshold:
    """One thing that a run is held to."""

    path: tuple[str, ...]
    """Its place in ``[gate]``, metric names as they are printed: ``("documents", "004", "chrF2")``."""
    operator: str
    """``>=`` (at least) or ``<=`` (at most)."""
    value: float
    share: bool = False
    """``value`` is a share of the segments, 0 to 1, not a number of them."""

    @property
    def name(self) -> str:
        """``documents.004.chrF2``."""
        return ".".join(self.path)

    def is_met_by(self, value: float) -> bool:
        """Whether ``value`` is on the good side; equal is good."""
        return value >= self.value if self.operator == AT_LEAST else value <= self.value


@dataclass(frozen=True)
class Regression:
    """``[gate.regression]``: no worse than a run of before."""

    baseline: str = ""
    """Its folder; empty for none."""
    metrics: tuple[str, ...] = ()
    """As they are printed; none for those that both runs have."""
    drop: float = 0.0
    """A smaller drop, in points of the metric, is never a miss."""
    p_value: float = 0.05
    """A drop is a miss only where the paired test gives at most this p-value."""


@dataclass(frozen=True)
class Thresholds:
    """All that a run is held to, by name; a later one replaces an earlier one of the same name."""

    limits: tuple[Threshold, ...] = ()
    regression: Regression = field(default_factory=Regression)

    def with_limits(self, limits: Iterable[Threshold]) -> Thresholds:
        """These, and ``limits`` in the place of those that have their names."""
        by_name = {limit.name: limit for limit in (*self.limits, *limits)}
        return replace(self, limits=tuple(by_name.values()))


DEFAULT_THRESHOLDS = (Threshold(("failed",), AT_MOST, 0), Threshold(("left_out",), AT_MOST, 0))
"""What every run is held to that says nothing else: no failed segment, no document left out."""


def parse_table(table: Mapping[str, Any], where: str) -> Thresholds:
    """The section ``[gate]`` of a configuration; ``where`` names it in errors.

    Raises:
        ConfigError: an unknown name, or a value that is none for its name; one line says which.
    """
    limits: list[Threshold] = []
    regression = Regression()
    for section, value in table.items():
        if section not in _SECTIONS:
            raise ConfigError(f"{where} {section} is unknown", hint=_near(section, _SECTIONS))
        if section not in _TABLES:
            limits.append(_threshold((section,), value, f"{where} {section}"))
            continue
        own = f"{where[:-1]}.{section}]" if where.endswith("]") else f"{where} {section}"
        if not isinstance(value, Mapping):
            raise ConfigError(f"{own} must be a section", hint=f"write [gate.{section}] above its keys")
        if section == "regression":
            regression = _regression(value, own)
        else:
            limits += [
                _threshold((section, *path), one, f"{own} {'.'.join(path)}") for path, one in _leaves(value)
            ]
    return Thresholds(regression=regression).with_limits(limits)


def gate_table(thresholds: Thresholds) -> dict[str, Any]:
    """``thresholds`` as the section ``[gate]`` of a file; :func:`parse_table` makes equal ones of it."""
    table: dict[str, Any] = {}
    for limit in thresholds.limits:
        place = table
        for name in limit.path[:-1]:
            place = place.setdefault(name, {})
        # Of what is counted, a number and a share differ by the percent sign alone.
        share = limit.share and limit.operator == AT_MOST
        place[limit.path[-1]] = f"{100 * limit.value:.12g} %" if share else limit.value
    regression = thresholds.regression
    if regression.baseline:
        table["regression"] = {**asdict(regression), "metrics": list(regression.metrics)}
    return table


def parse_requirement(text: str) -> Threshold:
    """What ``--require`` takes: ``chrf>=60``, ``failed<=2%``, ``flags.number<=3``.

    A metric's name alone is that of the section ``metrics``; other names are their places in ``[gate]``.

    Raises:
        ConfigError: it is not of that form; one line says what is.
    """
    where = f"--require {text!r}"
    match = _REQUIREMENT.fullmatch(text)
    if match is None:
        raise ConfigError(f"{where} is no requirement", hint='write it like "chrf>=60" or "failed<=2%"')
    parts = match["name"].split(".")
    if parts[0] == "documents" and len(parts) > 3:
        # A document's id may hold full stops; a metric's name does not.
        parts = ["documents", ".".join(parts[1:-1]), parts[-1]]
    elif parts[:2] == ["quality", "below"] and len(parts) > 3:
        parts = ["quality", "below", ".".join(parts[2:])]
    if parts[0] not in _SECTIONS:
        parts = ["metrics", *parts]
    elif parts[0] == "regression":
        raise ConfigError(f"{where}: a baseline is no threshold", hint="give --baseline FOLDER")
    threshold = _threshold(tuple(parts), match["value"], where)
    if match["operator"] != threshold.operator:
        side = "at least" if threshold.operator == AT_LEAST else "at most"
        raise ConfigError(
            f"{where}: a run is held to {side} that much",
            hint=f'write "{match["name"]}{threshold.operator}{match["value"]}"',
        )
    return threshold


def _threshold(path: tuple[str, ...], value: Any, where: str) -> Threshold:
    section, names = path[0], path[1:]
    if section in ("failed", "left_out"):
        return _count(path, value, where)
    if section in METRIC_LEVELS and len(names) == 1:
        return _metric((section,), names[0], value, where)
    if section == "documents" and len(names) == 2:
        if names[1] == "failed":
            return _count(path, value, where)
        if names[1] == "coverage":
            return Threshold(path, AT_LEAST, _share(value, where), share=True)
        return _metric(path[:2], names[1], value, where, also=("coverage", "failed"))
    if section == "quality" and names == ("mean",):
        return Threshold(path, AT_LEAST, _share(value, where))
    if section == "quality" and len(names) == 2 and names[0] == "below":
        mark = _share(names[1], where)
        return _count(("quality", "below", f"{mark:g}"), value, where)
    if section == "flags" and len(names) == 1:
        from mtalign.checks import FLAG_NAMES

        # A name that is written wrong would never be missed.
        if names[0] not in FLAG_NAMES:
            raise ConfigError(f"{where}: no flag {names[0]!r}", hint=_near(names[0], FLAG_NAMES))
        return _count(path, value, where)
    if section == "severity" and len(names) == 1:
        known = [severity.value for severity in Severity]
        if names[0] not in known:
            raise ConfigError(f"{where}: no severity {names[0]!r}", hint=f"use {', '.join(known)}")
        return _count(path, value, where)
    if path == ("glossary", "rate"):
        return Threshold(path, AT_LEAST, _share(value, where), share=True)
    forms = {
        "metrics": "metrics.chrf",
        "sentence_metrics": "sentence_metrics.ter",
        "documents": 'documents.004.chrf, .coverage or .failed, with "*" for every document',
        "quality": "quality.mean or quality.below.0.3",
        "flags": "flags.number, flags.name and so on",
        "severity": "severity.error, severity.warning or severity.info",
        "glossary": "glossary.rate",
    }
    raise ConfigError(f"{where}: no threshold {'.'.join(path)}", hint=f"there is {forms[section]}")


def _metric(
    place: tuple[str, ...], name: str, value: Any, where: str, also: tuple[str, ...] = ()
) -> Threshold:
    from mtalign.score.metrics import parse_metrics

    try:
        (metric,) = parse_metrics([name])
    except MtalignError as error:
        more = f", {', '.join(also)}" if also else ""
        raise ConfigError(f"{where}: {error.message}", hint=f"{error.hint}{more}") from error
    number, percent = _parsed(value)
    if number is None or percent:
        raise ConfigError(f"{where} must be a number, not {value!r}", hint="write a score such as 60.0")
    return Threshold((*place, metric), AT_MOST if metric in _LOWER_IS_BETTER else AT_LEAST, number)


def _count(path: tuple[str, ...], value: Any, where: str) -> Threshold:
    number, percent = _parsed(value)
    if number is None or number < 0 or (percent and number > 100):
        raise ConfigError(
            f"{where} must be a number of segments or a share, not {value!r}",
            hint='write 3, or "2 %" for a share',
        )
    if not percent and number != int(number):
        raise ConfigError(
            f"{where} must be a whole number or a share, not {value!r}",
            hint=f'write "{100 * number:g} %" for a share' if number < 1 else "write a whole number",
        )
    return Threshold(path, AT_MOST, number / 100 if percent else int(number), share=percent)


def _share(value: Any, where: str) -> float:
    number, percent = _parsed(value)
    if number is not None and percent:
        number /= 100
    if number is None or not 0 <= number <= 1:
        raise ConfigError(
            f"{where} must be between 0 and 1, not {value!r}", hint='write 0.9, or "90 %" for the same'
        )
    return number


def _parsed(value: Any) -> tuple[float | None, bool]:
    """The number that ``value`` is, and whether a percent sign follows it."""
    if isinstance(value, str):
        match = _NUMBER.fullmatch(value.strip())
        return (float(match["number"]), bool(match["percent"])) if match else (None, False)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None, False
    return float(value), False


def _regression(table: Mapping[str, Any], where: str) -> Regression:
    known = ("baseline", "metrics", "drop", "p_value")
    for key in table:
        if key not in known:
            raise ConfigError(f"{where} {key} is unknown", hint=_near(key, known))
    baseline = table.get("baseline", "")
    if not isinstance(baseline, str) or not baseline.strip():
        raise ConfigError(f"{where} baseline must be the folder of a run", hint='baseline = "path/to/run"')
    names = table.get("metrics", [])
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"{where} metrics must be a list of strings")
    from mtalign.score.metrics import parse_metrics

    try:
        metrics = parse_metrics(names) if names else ()
    except MtalignError as error:
        raise ConfigError(f"{where} metrics: {error.message}", hint=error.hint) from error
    drop, of_percent = _parsed(table.get("drop", 0.0))
    if drop is None or of_percent or drop < 0:
        raise ConfigError(f"{where} drop must be points of the metric, 0 or more", hint="drop = 0.5")
    p_value = _share(table.get("p_value", 0.05), f"{where} p_value")
    if p_value == 0:
        raise ConfigError(f"{where} p_value is 0: nothing would ever be missed", hint="p_value = 0.05")
    return Regression(baseline, metrics, drop, p_value)


def _leaves(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterable[tuple[tuple[str, ...], Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _near(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}"

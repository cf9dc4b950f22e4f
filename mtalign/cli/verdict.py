"""How a gate reaches a person at a terminal, a CI job, and the shell: lines, annotations, an exit code."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mtalign.errors import EXIT_DONE, EXIT_INCOMPLETE, DocumentError, ScoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mtalign.gate import Criterion, Gate, Thresholds
    from mtalign.report.payload import RunPayload
    from mtalign.report.places import Place

_SHOWN = 5
"""Segments named under a criterion; the page has them all."""


def require_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options that hold a run to something."""
    options = (
        click.option(
            "--require",
            "requirements",
            multiple=True,
            metavar="THRESHOLD",
            help='Hold the run to this, too: "chrf>=60", "failed<=2%", "flags.number<=3"; again for more.',
        ),
        click.option(
            "--baseline",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="FOLDER",
            help="A run of before: significantly worse than it is a miss.",
        ),
        click.option(
            "--junit",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Write the gate as JUnit XML here, too.  [always: junit.xml in the run's folder]",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def with_options(
    thresholds: Thresholds, requirements: Iterable[str], baseline: Path | None, base: Path
) -> Thresholds:
    """``thresholds`` (of a configuration in the folder ``base``) with what the options say.

    Raises:
        ConfigError: a requirement is none.
    """
    from mtalign.gate import parse_requirement

    together = thresholds.with_limits(parse_requirement(text) for text in requirements)
    if baseline is None:
        return together
    # Named where the user stands, not where the configuration does.
    own = baseline if baseline.is_absolute() else os.path.relpath(baseline, base)
    return replace(together, regression=replace(together.regression, baseline=str(own)))


def conclude(
    folder: Path, run: RunPayload, bases: Sequence[Path], junit: Path | None, *, as_json: bool = False
) -> int:
    """Say what became of the gate of ``run`` wherever somebody looks, and give the exit code.

    Lines on stdout; on GitHub Actions annotations on stderr (stdout stays what a pipe wants) and the job's
    summary.

    Args:
        folder: The run folder, as the user named it.
        run: The run with its gate.
        bases: Folders that the paths of its inputs may be relative to.
        junit: Where JUnit XML is wanted besides the run folder.
        as_json: The gate as JSON on stdout in the place of lines.

    Raises:
        ScoreError: a criterion could not be decided.
        DocumentError: ``junit`` cannot be written.
    """
    gate = _gate(run)
    if junit is not None:
        from mtalign.files import write_atomically
        from mtalign.report.junit import write_junit

        write_atomically(junit, write_junit(run, gate))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from mtalign.report.annotations import github_annotations

        for line in github_annotations(run, gate, _Places(run, bases).in_repository):
            click.echo(line, err=True)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        _append_summary(Path(summary), run)
    if as_json:
        click.echo(json.dumps(gate.to_json(), ensure_ascii=False, indent=2))
        return _code(gate)
    return say(folder, run, bases)


def say(folder: Path, run: RunPayload, bases: Sequence[Path]) -> int:
    """Say on stdout what became of the gate of ``run``, and give the exit code; see :func:`conclude`."""
    for line in verdict_lines(folder, run, bases):
        click.echo(line)
    return _code(_gate(run))


def verdict_lines(folder: Path, run: RunPayload, bases: Sequence[Path]) -> list[str]:
    """What became of the gate of ``run``, a line each, as :func:`say` prints it."""
    return list(_lines(folder, _gate(run), _Places(run, bases)))


def _gate(run: RunPayload) -> Gate:
    if run.gate is None:
        raise ValueError("a run without a gate cannot be concluded")
    return run.gate


def _code(gate: Gate) -> int:
    if gate.undecided:
        raise ScoreError(f"the gate could not be decided: {gate.undecided[0].message}")
    return EXIT_DONE if gate.passed else EXIT_INCOMPLETE


def _lines(folder: Path, gate: Gate, places: _Places) -> Iterable[str]:
    missed = gate.missed
    if gate.passed:
        yield f"gate: passed, {len(gate.criteria)} of {len(gate.criteria)} criteria"
        return
    yield f"gate: missed, {len(missed)} of {len(gate.criteria)} criteria"
    for criterion in missed:
        yield f"  {criterion.outcome.value}: {criterion.name}: {criterion.message}"
        yield from (f"    {line}" for line in _where(folder, criterion, places))


def _where(folder: Path, criterion: Criterion, places: _Places) -> Iterable[str]:
    shown: Sequence[str] = criterion.segments[:_SHOWN]
    for identifier in shown:
        yield f"{places.of(identifier)}: {identifier}"
    if criterion.concerned > len(shown):
        yield f"and {criterion.concerned - len(shown):,} more segments"
    for page in criterion.pages[:_SHOWN]:
        yield f"{folder.as_posix()}/{page}"


def _append_summary(path: Path, run: RunPayload) -> None:
    from mtalign.report.annotations import step_summary
    from mtalign.report.summary import write_summary

    try:
        already = path.stat().st_size if path.exists() else 0
        with path.open("a", encoding="utf-8") as file:
            file.write(step_summary(write_summary(run).decode(), already))
    except OSError as error:
        raise DocumentError(
            f"cannot write {path}: {error.strerror}", hint="GITHUB_STEP_SUMMARY names the job's summary"
        ) from error


class _Places:
    """Where the inputs of a run and their segments are, as somebody here would open them."""

    def __init__(self, run: RunPayload, bases: Sequence[Path]) -> None:
        self._run = run
        self._bases = bases

    @cached_property
    def _where(self) -> dict[str, tuple[str, Place]]:
        """Only where something is missed does anybody ask."""
        from mtalign.report.places import places

        return {
            identifier: (document.path, place)
            for document in self._run.documents
            for identifier, place in places(document.records).items()
        }

    def of(self, identifier: str) -> str:
        """``docs/a.txt:12:5``."""
        path, place = self._where[identifier]
        return f"{self._found(path, Path.cwd())}:{place.line}:{place.column}"

    def in_repository(self, path: str) -> str:
        """An input's path relative to the root of the repository that the job has checked out."""
        return self._found(path, Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()))

    def _found(self, path: str, root: Path) -> str:
        for base in self._bases:
            whole = (base / path).resolve()
            if whole.is_file():
                own = root.resolve()
                return (whole.relative_to(own) if whole.is_relative_to(own) else whole).as_posix()
        return path

"""``mtalign check``: hold a finished run to a gate."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mtalign.cli.progress import Progress
from mtalign.cli.verdict import conclude, require_options, with_options

if TYPE_CHECKING:
    from mtalign.gate import Thresholds

DEFAULT_CONFIG = "mtalign.toml"


@click.command("check", short_help="Hold a finished run to a gate; exit code 3 where it is missed.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "-c",
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help=f"Configuration with a [gate].  [default: {DEFAULT_CONFIG} where there is one, else the run's own]",
)
@require_options
@click.option("--json", "as_json", is_flag=True, help="The object `gate` of scores.json on stdout instead.")
@click.option("-q", "--quiet", is_flag=True, help="No notes and no progress on stderr.")
def command(
    run: Path,
    config_path: Path | None,
    requirements: tuple[str, ...],
    baseline: Path | None,
    junit: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Hold the run folder RUN to the thresholds of [gate] and of the options; no model, no network.

    A threshold given by --require replaces that of the same name in the configuration. A run that nothing is
    said of is held to no failed segment and no document left out. What became of it goes to stdout, and
    into scores.json, junit.xml and summary.md of RUN; on GitHub Actions also into annotations and the job's
    summary.

    Exit codes: 0 all met, 3 a threshold missed, 1 undecided (a baseline that cannot be compared with).

    \b
    Examples:
      mtalign check outputs
      mtalign check outputs -c mtalign.toml --junit reports/mtalign.xml
      mtalign check outputs --require "chrf>=60" --require "failed<=2%" --require "flags.number<=3"
      mtalign check outputs --baseline last-release/outputs
    """
    from mtalign.errors import DocumentError, UsageError
    from mtalign.job.gate import hold, record
    from mtalign.job.regression import compare_with_baseline, load_baseline
    from mtalign.report import write_verdict
    from mtalign.report.payload import read_run

    payload = read_run(run)
    if payload.shard is not None:
        raise UsageError(
            f"{run} is a part of a run, and a gate is for the whole",
            hint="put the parts together with `mtalign merge`",
        )
    thresholds, base = _thresholds(run, config_path, quiet)
    thresholds = with_options(thresholds, requirements, baseline, base)
    # What is not there at all is told as the mistake that it is.
    load_baseline(thresholds.regression, base)
    gate = hold(payload, thresholds)
    with Progress("comparing with the baseline", "lines", quiet=quiet) as progress:
        gate = gate.and_also(
            compare_with_baseline(
                run, payload, thresholds.regression, base, jobs=os.cpu_count() or 1, progress=progress.update
            )
        )
    payload = replace(payload, gate=gate)
    try:
        record(run, gate)
        write_verdict(run, payload)
    except DocumentError as error:
        # Somebody else's artifact may be read-only; the verdict stands all the same.
        click.echo(f"mtalign: {error}", err=True)
    return conclude(run, payload, (base, Path.cwd(), run.parent), junit, as_json=as_json)


def _thresholds(run: Path, config_path: Path | None, quiet: bool) -> tuple[Thresholds, Path]:
    """What to hold the run to, and the folder that its paths are relative to."""
    from mtalign.gate import Thresholds
    from mtalign.job.config import load_config
    from mtalign.job.gate import recorded_thresholds

    if config_path is not None:
        return load_config(config_path).gate, config_path.parent
    default = Path(DEFAULT_CONFIG)
    if default.is_file():
        config = load_config(default)
        if config.gate != Thresholds():
            _note(f"thresholds of {default}", quiet)
            return config.gate, default.parent
    found = recorded_thresholds(run)
    if found != Thresholds():
        _note(f"thresholds that {run} was made with", quiet)
    return found, Path()


def _note(text: str, quiet: bool) -> None:
    if not quiet:
        click.echo(f"mtalign: {text}", err=True)

"""``mtalign doctor``: what is installed, what would run, what is missing and how to get it."""

from __future__ import annotations

import click


@click.command(short_help="What is installed, what would run, what is missing.")
@click.option("--offline", is_flag=True, help="Do not ask whether the hub answers.")
def command(offline: bool) -> int:
    """Say what is installed, which models are there, what would run, and how to get what is missing.

    The exit code is 0 when something can translate, else 1.

    \b
    Examples:
      mtalign doctor
      mtalign doctor --offline
    """
    from mtalign.job.doctor import examine

    findings = examine(offline=offline)
    for finding in findings:
        mark = "ok     " if finding.well else "missing"
        click.echo(f"{mark}  {finding.what}")
        if finding.step:
            click.echo(f"         {finding.step}")
    return 0 if all(finding.well for finding in findings if finding.needed) else 1

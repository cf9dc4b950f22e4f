"""``mtalign report``: rebuild a run's reports from its records."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("report", short_help="Rebuild the pages and exports of a run, with no model.")
@click.argument("run", type=click.Path(path_type=Path))
def command(run: Path) -> None:
    """Rebuild the pages, TSV, TMX, XLIFF and summary of the output folder RUN.

    Reads manifest.json, scores.json and each document's segments.jsonl; needs no model and no network. The
    same folder gives the same files, byte for byte. Prints the path of each file written.

    \b
    Examples:
      mtalign report outputs
      mtalign report outputs | head -n 1 | xargs xdg-open
    """
    from mtalign.report import write_reports

    for path in write_reports(run):
        click.echo(path)

"""``mtalign merge``: the shards of a run put together."""

from __future__ import annotations

from pathlib import Path

import click

from mtalign.cli.options import ConsoleEvents


@click.command("merge", short_help="Put the shards of a run together, with no model.")
@click.argument("runs", nargs=-1, required=True, metavar="SHARD...", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    default=Path("outputs"),
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where the whole run is written.  [default: outputs]",
)
@click.option("-q", "--quiet", is_flag=True, help="No notes and no progress on stderr.")
def command(runs: tuple[Path, ...], output: Path, quiet: bool) -> int:
    """Put the folders that `mtalign run --shard I/N` wrote together, in any order.

    The result is the folder that the run would have written in one piece, byte for byte but for times and
    machines. Needs the shards' folders alone: no model, no network, none of the documents. A shard that is
    missing, there twice, damaged, or of another run is refused and named. It is held to the gate of the
    shards' configuration: exit code 3 where that is missed. `mtalign check` says it to GitHub, too.

    \b
    Examples:
      mtalign run --shard 1/2 -o one        on one machine
      mtalign run --shard 2/2 -o two        on another
      mtalign merge one two -o outputs
    """
    from mtalign.cli.run import summary_lines
    from mtalign.cli.verdict import say
    from mtalign.job.merge import merge_runs

    result = merge_runs(runs, output, events=ConsoleEvents(quiet))
    click.echo("\n".join(summary_lines(result)))
    return say(result.folder, result.payload, (Path.cwd(),)) if result.payload else 0

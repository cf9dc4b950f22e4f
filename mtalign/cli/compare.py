"""``mtalign compare``: which of two or more runs is better, and is that more than chance?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mtalign.report.comparison import TOP

if TYPE_CHECKING:
    from mtalign.document import Score
    from mtalign.score.comparison import Comparison, System


@click.command(short_help="Compare the scores of runs, with paired tests.")
@click.argument("runs", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="RUN_A RUN_B ...")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAMES",
    help="bleu, chrf, chrf++, ter (slow) or a plug-in; a list with commas, or the option again."
    "  [default: those that all runs were scored by]",
)
@click.option("--json", "form", flag_value="json", help="One JSON object.")
@click.option("--table", "form", flag_value="table", default="table", help="Tables.  [default]")
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write a page, one file to be read offline.",
)
@click.option(
    "--top",
    type=click.IntRange(min=0),
    default=TOP,
    show_default=True,
    metavar="N",
    help="Show the N segments of each run that moved most.",
)
@click.option(
    "--resamples",
    type=click.IntRange(min=2),
    default=1000,
    show_default=True,
    help="Of the paired bootstrap.",
)
@click.option(
    "--trials",
    type=click.IntRange(min=2),
    default=10000,
    show_default=True,
    help="Of the approximate randomisation.",
)
@click.option(
    "--jobs", type=click.IntRange(min=1), metavar="N", help="Processes for TER.  [default: all cores]"
)
@click.option("-q", "--quiet", is_flag=True, help="No notes on stderr.")
def command(
    runs: tuple[Path, ...],
    metrics: tuple[str, ...],
    form: str,
    page: Path | None,
    top: int,
    resamples: int,
    trials: int,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Compare the output folders of runs against the same reference; the first one is the baseline.

    Scores, differences with their 95 % interval, and two-sided p-values of the paired bootstrap and of
    approximate randomisation; then the segments that moved most. Runs may have split or joined sentences
    differently: they are compared on the smallest sets of reference sentences that fit all of them. Needs no
    model. Refuses (exit code 1) to compare scores made against different references or with different
    signatures.

    \b
    Examples:
      mtalign compare runs/old runs/new
      mtalign compare runs/opus runs/nllb runs/qwen --html comparison.html
      mtalign compare runs/old runs/new --metric chrf --json
    """
    import os

    from mtalign.cli.progress import Progress
    from mtalign.score.comparison import compare_runs
    from mtalign.score.metrics import check_metrics, parse_metrics
    from mtalign.score.runs import load_run

    if len(runs) < 2:
        raise click.UsageError("one run alone cannot be compared: name two or more")
    names = parse_metrics(",".join(metrics)) if metrics else None
    check_metrics(names or ())
    loaded = [load_run(run) for run in runs]
    with Progress("score", "lines", quiet=quiet) as progress:
        comparison = compare_runs(
            loaded,
            names,
            resamples=resamples,
            trials=trials,
            jobs=jobs or os.cpu_count() or 1,
            progress=progress.update,
        )
    if page is not None:
        from mtalign.files import write_atomically
        from mtalign.report.comparison import write_comparison

        write_atomically(page, write_comparison(comparison, top))
    if not quiet:
        for sentence in comparison.left_out:
            click.echo(f"mtalign: left out: {sentence}", err=True)
        for sentence in comparison.notes:
            click.echo(f"mtalign: {sentence}", err=True)
    if form == "json":
        from mtalign.report.comparison import comparison_json

        click.echo(json.dumps(comparison_json(comparison, top), ensure_ascii=False, indent=1))
    else:
        _echo(comparison, top)


def _echo(comparison: Comparison, top: int) -> None:
    click.echo(
        f"{_count(len(comparison.units), 'unit')} of {_count(len(comparison.documents), 'document')}"
        f" against {comparison.reference_path}"
    )
    click.echo()
    _echo_table(
        [
            ("metric", "run", "score", "difference", "95 % of it", "bootstrap p", "randomisation p", ""),
            *(row for place in range(len(comparison.metrics)) for row in _score_rows(comparison, place)),
        ],
        left=(0, 1, 7),
    )
    for name, signature in zip(comparison.metrics, comparison.signatures, strict=True):
        click.echo(f"{name}: {signature}")
    if len(comparison.documents) > 1:
        click.echo()
        rows = [
            (document.document, str(document.units), system.name, *map(_number, document.scores))
            for place in range(len(comparison.documents))
            for system in comparison.systems
            for document in (system.documents[place],)
        ]
        _echo_table([("document", "units", "run", *comparison.metrics), *rows], left=(0, 2))
    for place, system in enumerate(comparison.systems[1:], start=1):
        if top and system.moves:
            _echo_moves(comparison, system, place, top)


def _score_rows(comparison: Comparison, metric: int) -> list[tuple[str, ...]]:
    from mtalign.score.metrics import decimals

    name = comparison.metrics[metric]
    digits = decimals(name)
    rows: list[tuple[str, ...]] = []
    for system in comparison.systems:
        score = system.scores[metric]
        half = score.details.get("confidence_var")
        value = _number(score) + (f" ± {half:.{digits}f}" if half is not None else "")
        if not system.differences:
            rows.append((name, system.name, value, "", "", "", "", "baseline"))
            continue
        found = system.differences[metric]
        ends = found.interval
        rows.append(
            (
                name,
                system.name,
                value,
                f"{found.difference:+.{digits}f}",
                f"{ends[0]:+.{digits}f} to {ends[1]:+.{digits}f}" if ends else "–",
                "–" if found.bootstrap is None else f"{found.bootstrap:.4f}",
                "–" if found.randomization is None else f"{found.randomization:.4f}",
                found.verdict(),
            )
        )
    return rows


def _echo_moves(comparison: Comparison, system: System, place: int, top: int) -> None:
    from mtalign.score.metrics import decimals

    digits = decimals(comparison.moves_by)
    click.echo()
    shown = min(top, len(system.moves))
    moved = _count(len(system.moves), "unit")
    click.echo(f"moved most in {system.name}, by {comparison.moves_by} ({shown} of {moved} that moved):")
    for move in system.moves[:top]:
        unit = move.unit
        ids = ", ".join(dict.fromkeys((*unit.segments[0], *unit.segments[place])))
        change = move.score - move.baseline
        values = f"{move.baseline:.{digits}f} -> {move.score:.{digits}f}"
        click.echo(f"{change:+.{digits}f}  {values}  {ids or unit.document}")
        click.echo(f"  reference  {unit.reference}")
        click.echo(f"  baseline   {unit.hypotheses[0] or '(nothing)'}")
        click.echo(f"  run        {unit.hypotheses[place] or '(nothing)'}")


def _echo_table(rows: list[tuple[str, ...]], left: tuple[int, ...]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())


def _number(score: Score) -> str:
    from mtalign.score.metrics import decimals

    return f"{score.score:.{decimals(score.name)}f}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")

"""``mtalign review``: what reviewers exported from the page comes back into the run and the memory."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mtalign.errors import EXIT_INCOMPLETE, ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from mtalign.memory import Memory
    from mtalign.review import ApplyPlan, Conflict, Correction, ReviewStatistics

_COUNTS = ("accepted", "edited", "rejected", "commented", "beads", "unchanged")
_FILES = click.Path(dir_okay=False, path_type=Path)
_RUN = click.Path(path_type=Path)


@click.group(name="review", short_help="Bring reviewers' corrections back, merge and count them.")
def command() -> None:
    """Bring back what reviewers exported from the page (JSON): apply, merge, count, take back.

    What is applied is in the run's folder and in the translation memory: the next `mtalign run` uses it.

    \b
    Examples:
      mtalign review apply outputs corrections.json
      mtalign review stats outputs
      mtalign review merge kim.json lee.json -o merged.json
      mtalign review undo outputs 004.b7.s17
    """


def _memory_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--memory`` and ``--no-memory``; the command gets ``opened``, a function that opens what they say.

    Its argument says whether a memory that is not there may be made.
    """

    @functools.wraps(function)
    def collected(memory: Path | None, no_memory: bool, **values: Any) -> Any:
        if memory is not None and no_memory:
            raise click.UsageError("--memory and --no-memory exclude each other")

        def opened(create: bool) -> AbstractContextManager[Memory | None]:
            from contextlib import nullcontext

            from mtalign.home import mtalign_home
            from mtalign.memory import Memory

            path = memory or mtalign_home() / "memory.sqlite"
            return nullcontext() if no_memory or not (create or path.exists()) else Memory(path)

        return function(opened=opened, **values)

    for option in (
        click.option(
            "--no-memory", is_flag=True, help="Change the run's folder alone; the next run forgets it."
        ),
        click.option(
            "--memory",
            type=_FILES,
            metavar="FILE",
            help="Translation memory.  [default: memory.sqlite in MTALIGN_HOME]",
        ),
    ):
        collected = option(collected)
    return collected


_prefer_option = click.option(
    "--prefer", metavar="NAME|newest", help="Where reviewers disagree: whose side to take, or the newest."
)


@command.command("apply")
@click.argument("run", type=_RUN)
@click.argument("files", nargs=-1, required=True, type=_FILES, metavar="CORRECTIONS...")
@_prefer_option
@click.option("--any-run", is_flag=True, help="Take corrections of another run too, where they fit this one.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
@_memory_options
def apply(
    run: Path,
    files: tuple[Path, ...],
    prefer: str | None,
    any_run: bool,
    dry_run: bool,
    as_json: bool,
    opened: Callable[[bool], AbstractContextManager[Memory | None]],
) -> int:
    """Apply reviewers' CORRECTIONS (JSON files of the page) to the run folder RUN and the memory.

    Writes segments.jsonl, the English documents, and every page and export anew. An edited segment gets the
    reviewer's text; a rejected one is failed and its translation refused from now on; all of it with who and
    when. The next `mtalign run` takes what was accepted or edited before it asks any model.

    A correction of something that has changed since is left out and reported, and stays in its file: exit
    code 3. Where reviewers disagree nothing is changed (exit code 1) until --prefer says whose side to take.
    Applying the same file again changes nothing.

    \b
    Examples:
      mtalign review apply outputs corrections.json
      mtalign review apply outputs kim.json lee.json --dry-run
      mtalign review apply outputs kim.json lee.json --prefer Kim
    """
    from mtalign.review import plan_corrections, read_corrections, write_plan

    read = [read_corrections(path) for path in files]
    with opened(not dry_run) as memory:
        plan = plan_corrections(run, read, memory=memory, prefer=prefer, any_run=any_run)
        if plan.conflicts:
            _refuse(plan.conflicts, as_json, f"nothing was changed in {run}")
        if not dry_run:
            write_plan(plan, memory)
    if as_json:
        click.echo(json.dumps(_plan_json(plan, dry_run), ensure_ascii=False, indent=1))
    else:
        _echo_plan(plan, dry_run)
    return EXIT_INCOMPLETE if plan.problems else 0


@command.command("merge")
@click.argument("files", nargs=-1, required=True, type=_FILES, metavar="CORRECTIONS...")
@click.option("-o", "--output", type=_FILES, metavar="FILE", help="Write here instead of stdout.")
@_prefer_option
def merge(files: tuple[Path, ...], output: Path | None, prefer: str | None) -> None:
    """Make one corrections file out of those of several reviewers of one run.

    The same outcome for a segment is one, comments are joined, and of one reviewer the newest counts.
    Different outcomes are shown with both sides, and nothing is written (exit code 1) until --prefer says
    whose side to take.

    \b
    Examples:
      mtalign review merge kim.json lee.json -o merged.json
      mtalign review merge kim.json lee.json --prefer newest > merged.json
    """
    from mtalign.files import write_atomically
    from mtalign.review import dump_corrections, merge_files, read_corrections

    merged, conflicts = merge_files([read_corrections(path) for path in files], prefer)
    if conflicts:
        _refuse(conflicts, False, "nothing was written")
    content = dump_corrections(merged)
    if output is None:
        click.echo(content.decode(), nl=False)
        return
    write_atomically(output, content)
    click.echo(f"{output}: {len(merged.corrections)} corrections, {len(merged.beads)} beads")


@command.command("stats")
@click.argument("paths", nargs=-1, required=True, type=_RUN, metavar="RUN|CORRECTIONS...")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
def stats(paths: tuple[Path, ...], as_json: bool) -> None:
    """Count what reviewers changed, by document and reviewer, with HTER and chrF2.

    Of a run folder: what has been applied to it. Of corrections files: what stands in them. HTER is
    sacreBLEU's TER of the machine's translation against what the reviewer made of it, over the segments that
    were accepted or edited; chrF2 likewise. What was rejected without another text is in neither.

    \b
    Examples:
      mtalign review stats outputs
      mtalign review stats kim.json lee.json --json
    """
    from mtalign.review import count_reviews, read_corrections
    from mtalign.review.statistics import run_corrections

    found: list[Correction] = []
    for path in paths:
        found += run_corrections(path) if path.is_dir() else read_corrections(path).corrections
    groups: dict[tuple[str | None, str | None], list[Correction]] = {}
    for one in found:
        for key in ((one.document, one.by), (None, one.by), (None, None)):
            groups.setdefault(key, []).append(one)
    # A sum of one row says nothing new.
    documents = {document for document, _ in groups if document is not None}
    people = {by for _, by in groups if by is not None}
    wanted = [key for key in groups if key[0] is not None]
    wanted += [key for key in groups if key[0] is None and key[1] is not None] if len(documents) > 1 else []
    wanted += [(None, None)] if len(people) > 1 or not found else []
    rows = [(*key, count_reviews(groups.get(key, []))) for key in wanted]
    if as_json:
        value = [{"document": d, "reviewer": by, **figures.to_json()} for d, by, figures in rows]
        click.echo(json.dumps(value, ensure_ascii=False, indent=1))
    else:
        _echo_stats(rows)


@command.command("undo")
@click.argument("run", type=_RUN)
@click.argument("segments", nargs=-1, metavar="[SEGMENT]...")
@click.option(
    "--by", metavar="NAME", help="Take back all that this reviewer signed (or of the segments named)."
)
@_memory_options
def undo(
    run: Path,
    segments: tuple[str, ...],
    by: str | None,
    opened: Callable[[bool], AbstractContextManager[Memory | None]],
) -> None:
    """Take reviews back: out of the run folder RUN, and out of the memory.

    The text that the reviewer saw stands again; the next run treats the segment as if nobody had reviewed it.
    Beads stay as they are. Prints the segments.

    \b
    Examples:
      mtalign review undo outputs 004.b7.s17 004.b7.s18
      mtalign review undo outputs --by Kim
    """
    from mtalign.review import undo_reviews

    if not segments and by is None:
        raise click.UsageError("name segments, or a reviewer with --by")
    with opened(False) as memory:
        for identifier in undo_reviews(run, memory, segments=segments, by=by):
            click.echo(identifier)


def _refuse(conflicts: Sequence[Conflict], as_json: bool, consequence: str) -> None:
    if as_json:
        click.echo(json.dumps({"conflicts": _conflicts_json(conflicts)}, ensure_ascii=False, indent=1))
    else:
        for conflict in conflicts:
            click.echo(f"conflict: {_line(conflict.segment)} in {_line(conflict.document)}")
            for side in conflict.sides:
                click.echo(
                    f"    {_who(side.by)} ({_line(side.origin or 'applied')}, {side.at}): {_outcome(side)}"
                )
    count = f"{len(conflicts)} conflict{'' if len(conflicts) == 1 else 's'}"
    raise ConflictError(
        f"{count} between reviewers, {consequence}",
        hint="choose a side with --prefer NAME or --prefer newest, or mend one of the files in the page",
    )


def _echo_plan(plan: ApplyPlan, dry_run: bool) -> None:
    if plan.counts:
        _table(
            ("document", *_COUNTS),
            [(output, *(str(counts[name]) for name in _COUNTS)) for output, counts in plan.counts.items()],
        )
    for problem in plan.problems:
        where = f"{_line(problem.origin)}, by {_who(problem.by)}"
        click.echo(f"left out: {_line(problem.segment)} ({where}): {_line(problem.reason)}")
        if problem.saw is not None:
            click.echo(f"    saw: {_line(problem.saw)}")
            click.echo(f"    now: {_line(problem.now or '')}")
    new = plan.applied - sum(counts["unchanged"] for counts in plan.counts.values())
    done = "would be applied" if dry_run else "applied"
    left = f"; {len(plan.problems)} left out, they stay in their files" if plan.problems else ""
    before = plan.applied - new
    click.echo(f"{new} {done}, {before} applied before{left}")
    if not dry_run:
        click.echo(str(plan.run / "index.html"))


def _plan_json(plan: ApplyPlan, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "documents": {
            output: {name: counts[name] for name in _COUNTS} for output, counts in plan.counts.items()
        },
        "left_out": [
            {
                "segment": problem.segment,
                "document": problem.document,
                "file": problem.origin,
                "by": problem.by,
                "reason": problem.reason,
                "saw": problem.saw,
                "now": problem.now,
            }
            for problem in plan.problems
        ],
        "conflicts": [],
    }


def _conflicts_json(conflicts: Iterable[Conflict]) -> list[dict[str, Any]]:
    return [
        {
            "segment": conflict.segment,
            "document": conflict.document,
            "sides": [
                {"by": side.by, "at": side.at, "file": side.origin, "outcome": _outcome(side)}
                for side in conflict.sides
            ],
        }
        for conflict in conflicts
    ]


def _echo_stats(rows: Sequence[tuple[str | None, str | None, ReviewStatistics]]) -> None:
    names = ("accepted", "edited", "rejected", "commented")
    table = []
    for document, by, figures in rows:
        hter, chrf = figures.metric("TER"), figures.metric("chrF2")
        table.append(
            (
                "all" if document is None else document,
                "all" if by is None else _who(by),
                *(str(figures.counts[name]) for name in names),
                str(figures.compared),
                "–" if hter is None else f"{hter.score:.1f}",
                "–" if chrf is None else f"{chrf.score:.1f}",
            )
        )
    _table(("document", "reviewer", *names, "compared", "HTER", "chrF2"), table)
    signed = next((figures for _, _, figures in rows if figures.metrics), None)
    for metric in signed.metrics if signed else ():
        name = "HTER (TER)" if metric.name == "TER" else metric.name
        click.echo(f"{name}: {metric.signature}")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    lines = [list(header), *([_line(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _outcome(side: Any) -> str:
    from mtalign.review import BeadChange

    if isinstance(side, BeadChange):
        return f"bead {' '.join(side.source_ids) or '–'} : {' '.join(side.target_ids) or '–'}"
    comment = f" ({_line(side.comment)})" if side.comment else ""
    text = f": {_line(side.text)}" if side.text is not None else ""
    return f"{side.verdict.value if side.verdict else 'comment'}{text}{comment}"


def _who(by: str) -> str:
    return _line(by) or "somebody"


def _line(text: str) -> str:
    """``text`` on one line of a terminal, which it can tell nothing."""
    from mtalign.report.text import visible

    return visible(" ".join(text.split()))

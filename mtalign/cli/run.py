"""``mtalign run``: a job from documents to reviewed-ready outputs."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mtalign.cli.options import Choice, ConsoleEvents, model_options, shard_option
from mtalign.cli.verdict import conclude, require_options, verdict_lines, with_options
from mtalign.errors import EXIT_INCOMPLETE

if TYPE_CHECKING:
    from mtalign.job.config import JobConfig
    from mtalign.job.runner import RunResult
    from mtalign.job.uptodate import KnownRun
    from mtalign.models.store import ModelStore

DEFAULT_CONFIG = "mtalign.toml"


@click.command(short_help="Documents in, reviewed-ready outputs out.")
@click.argument("paths", nargs=-1, metavar="[FILES|FOLDERS]...")
@click.option(
    "-c",
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help=f"Configuration.  [default: {DEFAULT_CONFIG} where there is one and no files are named]",
)
@click.option("-o", "--output", metavar="FOLDER", help="Where the run is written.  [default: outputs]")
@require_options
@shard_option("the segments, for `mtalign merge`")
@click.option(
    "--executor",
    type=click.Choice(["local", "ray"]),
    default="local",
    help="Where it is translated: here, or on a Ray cluster.  [default: local]",
)
@click.option("--force", is_flag=True, help="Do it again even where nothing has changed.")
@model_options
def command(
    paths: tuple[str, ...],
    config_path: Path | None,
    output: str | None,
    requirements: tuple[str, ...],
    baseline: Path | None,
    junit: Path | None,
    shard: tuple[int, int] | None,
    executor: str,
    force: bool,
    choice: Choice,
) -> int:
    """Translate documents, align and score them, and write OUTPUT/index.html and all the rest.

    What is done is kept as it goes: an interrupted run goes on where it stopped, and a second run of the
    same documents takes seconds. Where nothing has changed since the last one (documents, options, model,
    reviews, mtalign, the outputs), they are left as they are. An option overrides the configuration.

    With --shard I/N, N processes, on any machines, do a part each of the same job; `mtalign merge` makes one
    run of their folders. A shard is written to OUTPUT-I-of-N unless -o names its folder.

    Exit code 3: all is written, and the run is not what [gate] and --require hold it to (by default: no
    failed segment, no document left out).

    \b
    Examples:
      mtalign run                                what mtalign.toml says
      mtalign run -c mtalign.toml -o outputs
      mtalign run letters/ -o english --from de --glossary terms.tsv
      mtalign run seeds --model nllb --accept-license cc-by-nc-4.0
      mtalign run --shard 2/5 -o shard-2
      RAY_ADDRESS=head:6379 mtalign run --executor ray
    """
    from mtalign.job.shards import Shard
    from mtalign.models.store import ModelStore

    part = None if shard is None else Shard(*shard)
    config = choice.applied_to(_config(paths, config_path, output))
    config = replace(config, gate=with_options(config.gate, requirements, baseline, config.base))
    if part is not None and junit is not None:
        raise click.UsageError("--junit is for a whole run: give it to `mtalign check` after `mtalign merge`")
    if part is not None and output is None:
        # Shards that share a disk must not write over each other.
        folder = f"{config.output.folder}-{part.part}-of-{part.parts}"
        config = replace(config, output=replace(config.output, folder=folder))
    store, memory_path = ModelStore(), choice.memory_path()
    # A CI job is run for its log and its annotations too.
    plain = part is None and executor == "local" and junit is None and not os.environ.get("CI")
    known = _known_run(config, store, memory_path, choice.offline) if plain and not force else None
    if known is not None:
        click.echo("\n".join(known.summary))
        return 0
    from mtalign.job.executors import make_executor
    from mtalign.job.runner import run_job
    from mtalign.job.uptodate import look_at

    before = look_at(config, store, memory_path) if part is None else None
    events = ConsoleEvents(choice.quiet)
    result = run_job(
        config,
        store=store,
        memory_path=memory_path,
        offline=choice.offline,
        events=events,
        shard=part,
        executor=make_executor(executor, config.model, offline=choice.offline, events=events),
    )
    click.echo("\n".join(summary_lines(result)))
    if result.payload is None:
        # A part of a run is held to nothing: the whole is, once it is merged.
        return EXIT_INCOMPLETE if result.failed or result.errors else 0
    bases = (config.base, Path.cwd())
    code = conclude(result.folder, result.payload, bases, junit)
    if code == 0 and not result.failed and not result.errors:
        verdict = verdict_lines(result.folder, result.payload, bases)
        _remember_run(config, store, memory_path, choice.offline, result, before, verdict)
    return code


def _known_run(
    config: JobConfig, store: ModelStore, memory_path: Path | None, offline: bool
) -> KnownRun | None:
    from mtalign.job.uptodate import find_known_run

    return find_known_run(config, store=store, memory_path=memory_path, offline=offline)


def _remember_run(
    config: JobConfig,
    store: ModelStore,
    memory_path: Path | None,
    offline: bool,
    result: RunResult,
    before: str | None,
    verdict: list[str],
) -> None:
    from datetime import datetime, timezone

    from mtalign.job.uptodate import remember_run
    from mtalign.languages import parse_language

    target = parse_language(config.input.target).code
    created = datetime.now(timezone.utc).isoformat(timespec="seconds")
    line = f"up to date since {created}: nothing has changed (--force does it again)"
    remember_run(
        config,
        before=before,
        store=store,
        memory_path=memory_path,
        offline=offline,
        languages={code for entry in result.documents for code in entry["languages"]} - {target},
        created=created,
        summary=[*summary_lines(result, line), *verdict],
    )


def _config(paths: tuple[str, ...], config_path: Path | None, output: str | None) -> JobConfig:
    from mtalign.job.config import InputConfig, JobConfig, OutputConfig, load_config

    if config_path is None and not paths:
        if not Path(DEFAULT_CONFIG).is_file():
            raise click.UsageError(
                f"nothing to translate: name files or folders, or a configuration with -c"
                f" (there is no {DEFAULT_CONFIG} here)"
            )
        config_path = Path(DEFAULT_CONFIG)
    config = JobConfig() if config_path is None else load_config(config_path)
    if paths:
        # Paths on the command line are relative to where the user stands, not to the configuration.
        absolute = tuple(path if config_path is None else str(Path(path).absolute()) for path in paths)
        config = replace(config, input=InputConfig(absolute, config.input.source, config.input.target))
    if not config.input.paths:
        raise click.UsageError(f"{config_path} names no documents: set paths in [input], or name files")
    if output is not None:
        folder = output if config_path is None else str(Path(output).absolute())
        config = replace(config, output=OutputConfig(folder))
    return config


def summary_lines(result: RunResult, figures_line: str = "") -> list[str]:
    """What a run came to; ``figures_line`` in the place of what it cost."""
    from mtalign.job.terms import describe_hits

    rows = [("document", "segments", "translated", "kept", "skipped", "failed", "scores")]
    scores = {entry["document"]: entry for entry in result.scores["documents"]}
    for entry in result.documents:
        if result.shard is not None and not entry["segments"]:
            continue
        status = entry["status"]
        rows.append(
            (
                entry["path"],
                str(entry["segments"]),
                *(str(status[name]) for name in ("translated", "kept", "skipped", "failed")),
                _describe_score(scores.get(entry["document"])),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    figures = result.statistics
    reviewed = f"{figures.from_review} from review, " if figures.from_review else ""
    lines.append(
        figures_line
        or f"{figures.decoded} segments decoded, {figures.from_memory} from memory, {reviewed}"
        f"{result.failed} failed, {result.seconds:.1f} s"
    )
    if result.scores["glossary"] is not None:
        lines.append(describe_hits(result.scores["glossary"]))
    lines += [f"left out: {error}" for error in result.errors]
    if result.shard is not None:
        lines.append(f"shard {result.shard}: scores, alignment and pages are made by `mtalign merge`")
    lines.append(str(result.folder / "index.html" if result.shard is None else result.folder))
    return lines


def _describe_score(entry: dict[str, Any] | None) -> str:
    if entry is None:
        return ""
    figures = "  ".join(
        f"{metric['name']} {metric['score']:.1f}" for metric in entry["metrics"] or entry["sentence_metrics"]
    )
    covered = f"covers {entry['coverage']['reference']:.0%} of the reference"
    return f"{figures}  ({covered})" if figures else f"not scored: {covered}"

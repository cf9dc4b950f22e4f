"""``mtalign translate``: documents or stdin in, English out."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from mtalign.cli.options import Choice, ConsoleEvents, model_options, shard_option
from mtalign.errors import EXIT_INCOMPLETE, MtalignError
from mtalign.formats.lines import JSONL_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mtalign.glossary import Glossary
    from mtalign.job.terms import TermCounts
    from mtalign.languages import Language


@click.command(short_help="Documents or standard input in, English out.")
@click.argument("files", nargs=-1, metavar="[FILES|FOLDERS|-]...")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE|FOLDER",
    help="Write here instead of stdout; a folder gets NAME.en.SUFFIX for each document.",
)
@click.option(
    "--format",
    "stdin_format",
    type=click.Choice(["text", "markdown"]),
    default="text",
    show_default=True,
    help="Format of standard input.",
)
@click.option("--lines", is_flag=True, help="Each line is a text of its own; files of any size.")
@click.option(
    "--field",
    metavar="KEY",
    help="Key of the text in each object of JSONL.  [default: text, for .jsonl and .ndjson]",
)
@shard_option("the lines of --lines or JSONL")
@model_options
def command(
    files: tuple[str, ...],
    output: Path | None,
    stdin_format: str,
    lines: bool,
    field: str | None,
    shard: tuple[int, int] | None,
    choice: Choice,
) -> int:
    """Translate documents (or standard input) and print the English in the shape of the source.

    With --lines, and from JSONL, one line comes out for each that goes in, and memory stays the same however
    many there are; an object gets its English as "translation".

    A segment that cannot be translated stands as [[not translated: ID: REASON]] and makes the exit code 3.

    \b
    Examples:
      mtalign translate report.ko.txt
      mtalign translate notes.md letters/ -o english/
      echo '日本は島国です。' | mtalign translate
      mtalign translate report.txt --from ko --model opus > report.en.txt
      mtalign translate report.txt --glossary terms.tsv -o report.en.txt
      mtalign translate corpus.jsonl --field body --from de --shard 2/8 -o part2.jsonl
    """
    from mtalign.files import write_atomically
    from mtalign.job.config import JobConfig
    from mtalign.job.engines import EnginePool
    from mtalign.job.inputs import read_inputs, read_stdin
    from mtalign.job.outputs import check_writable, english_name, render_english
    from mtalign.job.runner import decoding_of, parse_source, translate_inputs
    from mtalign.job.terms import TermCounts, configured_glossary, describe_hits
    from mtalign.languages import parse_language
    from mtalign.memory import Memory
    from mtalign.models.store import ModelStore

    events = ConsoleEvents(choice.quiet)
    config = choice.applied_to(JobConfig())
    source, target = parse_source(config.input.source), parse_language(config.input.target)
    memory_path = choice.memory_path()
    glossary = configured_glossary(config, target)

    jsonl = [name for name in files if name.endswith(JSONL_SUFFIXES)]
    if lines or field or jsonl:
        if jsonl and len(jsonl) < len(files):
            raise click.UsageError(f"{jsonl[0]} is JSONL and the others are not; translate them in two calls")
        if lines and (field or jsonl):
            raise click.UsageError("--lines is for plain text: without it, JSONL is read line by line anyway")
        return _translate_lines(
            files, output, "" if lines else field or "text", shard, choice, source, target, glossary
        )
    if shard is not None:
        raise click.UsageError("--shard divides lines: add --lines, or name a .jsonl file")
    if not files and sys.stdin.isatty():
        raise click.UsageError("name a file to translate, or pipe text into standard input")
    if not files or files == ("-",):
        errors: list[MtalignError] = []
        inputs = [read_stdin(sys.stdin.buffer.read(), format=stdin_format, source=source, target=target)]
    else:
        inputs, errors = read_inputs(files, base=Path(), source=source, target=target, events=events)
    to_folder = output is not None and (output.is_dir() or len(inputs) > 1 or str(output).endswith("/"))
    if len(inputs) > 1 and output is None:
        raise click.UsageError(f"{len(inputs)} documents do not fit on one stdout; name a folder with -o")
    if output is not None:
        check_writable(output if to_folder else output.absolute().parent)

    with (
        Memory(memory_path) as memory,
        EnginePool(config.model, store=ModelStore(), offline=choice.offline, events=events) as pool,
    ):
        translations, statistics = translate_inputs(
            inputs,
            pool=pool,
            target=target,
            memory=memory,
            decoding=decoding_of(config),
            events=events,
            glossary=glossary,
        )
    for item in inputs:
        english = render_english(item, translations)
        if output is None:
            sys.stdout.buffer.write(english)
        elif to_folder:
            path = output / english_name(item.path, target.code)
            click.echo(write_atomically(path, english))
        else:
            write_atomically(output, english)
    if glossary is not None:
        counts = TermCounts(glossary)
        for item in inputs:
            counts.add(item.segments, translations)
        events.note(describe_hits(counts.to_json()))
    if statistics.failed:
        events.note(
            f"{statistics.failed} of {statistics.segments} segments failed; they are marked in the text"
        )
    return EXIT_INCOMPLETE if statistics.failed or errors else 0


def _translate_lines(
    files: tuple[str, ...],
    output: Path | None,
    field: str,
    shard: tuple[int, int] | None,
    choice: Choice,
    source: Language | None,
    target: Language,
    glossary: Glossary | None,
) -> int:
    from mtalign.job.config import JobConfig
    from mtalign.job.engines import EnginePool
    from mtalign.job.outputs import check_writable
    from mtalign.job.runner import decoding_of
    from mtalign.job.stream import LineJob, memory_for_stream, translate_file, translate_stream
    from mtalign.job.terms import TermCounts, describe_hits
    from mtalign.models.store import ModelStore
    from mtalign.translate import PlanStatistics

    paths = [Path(name) for name in files if name != "-"]
    for path in paths:
        if not path.is_file():
            raise click.UsageError(f"{path} is no file; files of lines are named one by one")
    if len(paths) < len(files) and paths:
        raise click.UsageError("standard input (-) is translated alone")
    if not paths and shard is not None:
        raise click.UsageError("--shard needs a file: the lines of standard input cannot be counted before")
    if not files and sys.stdin.isatty():
        raise click.UsageError("name a file to translate, or pipe lines into standard input")
    to_folder = output is not None and (output.is_dir() or len(paths) > 1 or str(output).endswith("/"))
    if len(paths) > 1 and output is None:
        raise click.UsageError(f"{len(paths)} files do not fit on one stdout; name a folder with -o")
    if output is not None:
        check_writable(output if to_folder else output.absolute().parent)

    events = ConsoleEvents(choice.quiet)
    config = choice.applied_to(JobConfig())
    statistics = PlanStatistics()
    counts: TermCounts | None = None if glossary is None else TermCounts(glossary)
    with (
        memory_for_stream(choice.memory_path()) as memory,
        EnginePool(config.model, store=ModelStore(), offline=choice.offline, events=events) as pool,
    ):
        job = LineJob(pool, source, target, memory, decoding_of(config), events, glossary, counts)
        for path in paths:
            place = output / _shard_name(path, target.code, shard) if output and to_folder else output
            with _written(place) as stream:
                statistics.add(translate_file(path, stream, job, field=field, shard=shard))
            if place is not None and to_folder:
                click.echo(place)
        if not paths:
            with _written(output) as stream:
                statistics.add(translate_stream(sys.stdin.buffer, stream, job, field=field))
    if counts is not None:
        events.note(describe_hits(counts.to_json()))
    if statistics.failed:
        events.note(
            f"{statistics.failed} of {statistics.segments} segments failed; they are marked in the output"
        )
    return EXIT_INCOMPLETE if statistics.failed else 0


def _shard_name(path: Path, target: str, shard: tuple[int, int] | None) -> str:
    """``corpus.jsonl`` → ``corpus.en.jsonl``, or ``corpus.en.02-of-16.jsonl``: in their order by name too."""
    part = f".{shard[0]:0{len(str(shard[1]))}}-of-{shard[1]}" if shard else ""
    return f"{path.stem}.{target}{part}{path.suffix}"


@contextmanager
def _written(path: Path | None) -> Iterator[BinaryIO]:
    """``path``, put in place when it is whole; standard output where there is none."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    from mtalign.files import open_atomically

    with open_atomically(path) as stream:
        yield stream

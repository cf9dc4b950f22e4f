"""``mtalign translate``: documents or stdin in, English out."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mtalign.cli.options import Choice, ConsoleEvents, model_options
from mtalign.errors import EXIT_INCOMPLETE, MtalignError


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
@model_options
def command(
    files: tuple[str, ...],
    output: Path | None,
    stdin_format: str,
    choice: Choice,
) -> int:
    """Translate documents (or standard input) and print the English in the shape of the source.

    A segment that cannot be translated stands as [[not translated: ID: REASON]] and makes the exit code 3.

    \b
    Examples:
      mtalign translate report.ko.txt
      mtalign translate notes.md letters/ -o english/
      echo '日本は島国です。' | mtalign translate
      mtalign translate report.txt --from ko --model opus > report.en.txt
      mtalign translate report.txt --glossary terms.tsv -o report.en.txt
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

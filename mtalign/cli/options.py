"""Options that several commands share, and how a job's events reach the terminal."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mtalign.cli.progress import Progress
from mtalign.job.config import QUALITIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtalign.job.config import JobConfig


class ShardType(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on
    """``i/n`` on the command line; the command gets the tuple ``(i, n)`` with 1 ≤ i ≤ n.

    Part i holds the items (lines, segments) from ``total * (i - 1) // n`` to before ``total * i // n``.
    """

    name = "shard"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Parse ``value``; anything but two whole numbers that fit each other is a usage error."""
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", str(value).strip())
        if match is None:
            self.fail(
                f"{value!r} is not a part of a whole; write i/n, such as 1/8 for the first of 8", param, ctx
            )
        part, parts = int(match.group(1)), int(match.group(2))
        if not 1 <= part <= parts:
            self.fail(
                f"there is no part {part} of {parts}; parts are counted from 1: 1/{max(1, parts)}", param, ctx
            )
        return part, parts


def shard_option(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``--shard i/n`` as the parameter ``shard``: None, or (i, n); ``what`` is what it divides."""
    return click.option(
        "--shard", type=ShardType(), metavar="I/N", help=f"Only part I of N of {what}, counted from 1."
    )


class ConsoleEvents:
    """Notes and progress on stderr."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet

    def note(self, text: str) -> None:
        """One line on stderr."""
        if not self.quiet:
            click.echo(f"mtalign: {' '.join(text.split())}", err=True)

    def stage(self, label: str, unit: str) -> Progress:
        """A bar on a terminal, lines elsewhere."""
        return Progress(label, unit, quiet=self.quiet)


@dataclass(frozen=True)
class Choice:
    """What the shared options say; None or empty where one was not given."""

    source: str | None
    target: str | None
    model: str | None
    engine: str | None
    quality: str | None
    beam: int | None
    compute_type: str | None
    shortlist: Path | None
    glossary: Path | None
    accept_licenses: tuple[str, ...]
    offline: bool
    memory: Path | None
    no_memory: bool
    quiet: bool

    def applied_to(self, config: JobConfig) -> JobConfig:
        """``config`` with the options that were given in the place of its own."""
        model = {
            "name": self.model,
            "engine": self.engine,
            "quality": self.quality,
            "beam": self.beam,
            "compute_type": self.compute_type,
            "shortlist": self.shortlist and str(self.shortlist.absolute()),
            "accept_licenses": self.accept_licenses,
        }
        return replace(
            config,
            input=replace(config.input, **_given({"source": self.source, "target": self.target})),
            model=replace(config.model, **_given(model)),
            # Named where the user stands, not where the configuration does.
            glossary=replace(
                config.glossary, **_given({"file": self.glossary and str(self.glossary.absolute())})
            ),
        )

    def memory_path(self) -> Path | None:
        """The translation memory's file; None for none.

        Raises:
            click.UsageError: both memory options were given.
        """
        if self.memory is not None and self.no_memory:
            raise click.UsageError("--memory and --no-memory exclude each other")
        if self.no_memory:
            return None
        from mtalign.home import mtalign_home

        return self.memory or mtalign_home() / "memory.sqlite"


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, ())}


_OPTIONS = (
    click.option(
        "--from", "source", metavar="LANG", help="Source language.  [default: found for each block]"
    ),
    click.option("--to", "target", metavar="LANG", help="Target language.  [default: en]"),
    click.option(
        "-m", "--model", metavar="NAME|PATH", help="auto, opus, nllb, qwen, or a path.  [default: auto]"
    ),
    click.option(
        "--engine",
        metavar="NAME",
        help="ctranslate2, transformers, openvino or llamacpp.  [default: by model]",
    ),
    click.option(
        "--quality", type=click.Choice(QUALITIES), help="What an LLM may spend on it.  [default: good]"
    ),
    click.option("--beam", type=click.IntRange(min=1), help="Beam width of seq2seq engines.  [default: 4]"),
    click.option("--compute-type", metavar="TYPE", help="int8, float32, … (ctranslate2).  [default: auto]"),
    click.option(
        "--shortlist",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Only these target tokens (ctranslate2); `mtalign models shortlist` makes one.",
    ),
    click.option(
        "--glossary",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Terms and their English, a tab between: asked for, checked, counted.",
    ),
    click.option(
        "--accept-license",
        "accept_licenses",
        multiple=True,
        metavar="LICENSE",
        help="Accept a model's licence, such as cc-by-nc-4.0.",
    ),
    click.option("--offline", is_flag=True, help="Open no network connection."),
    click.option(
        "--memory",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Translation memory.  [default: memory.sqlite in MTALIGN_HOME]",
    ),
    click.option("--no-memory", is_flag=True, help="Neither use nor keep a translation memory."),
    click.option("-q", "--quiet", is_flag=True, help="No notes and no progress on stderr."),
)


def model_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options that choose a model and how it works; the command gets them as one ``choice``."""

    @functools.wraps(function)
    def collected(**values: Any) -> Any:
        choice = Choice(**{field.name: values.pop(field.name) for field in fields(Choice)})
        return function(choice=choice, **values)

    for option in reversed(_OPTIONS):
        collected = option(collected)
    return collected

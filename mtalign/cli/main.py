"""``mtalign``: the group of commands, and the one place where errors become exit codes."""

from __future__ import annotations

import errno
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from mtalign import __version__
from mtalign.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, MtalignError

COMMANDS = (
    "run",
    "merge",
    "check",
    "translate",
    "align",
    "score",
    "compare",
    "report",
    "review",
    "models",
    "doctor",
)


class Commands(click.Group):
    """Loads a command's module only when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"mtalign.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Click's own, but an unknown command names the nearest one."""
        import difflib

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"commands: {', '.join(COMMANDS)}"
            raise click.UsageError(f"no command {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", prog_name="mtalign")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Translate documents into English, align every sentence with its source, score and review.

    \b
    Examples:
      mtalign translate report.ko.txt           English on stdout
      mtalign run seeds -o outputs              documents in, reviewed-ready outputs out
      mtalign score hyp.txt --ref ref.txt --lines
      mtalign compare runs/old runs/new         is the difference more than chance?
      mtalign doctor                            what is installed, what is missing

    Exit codes: 0 done, 1 failed, 2 usage, 3 finished but some segments failed or a gate was missed,
    130 interrupted.
    """


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code; every expected error is one line on stderr."""
    arguments = list(sys.argv[1:] if args is None else args)
    debug = "--debug" in arguments
    # Accepted anywhere on the line: who needs it has just seen an error and repeats the call.
    arguments = [argument for argument in arguments if argument != "--debug"]
    try:
        sys.exit(_invoke(["--debug", *arguments] if debug else arguments, debug))
    except BrokenPipeError:
        # The reader of our output (`| head`) has gone; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)


def _invoke(arguments: list[str], debug: bool) -> int:
    try:
        code: Any = cli.main(args=arguments, prog_name="mtalign", standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, click.exceptions.Abort):
        _say("interrupted; what was done is kept, run the same command to go on")
        return EXIT_INTERRUPTED
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "mtalign"
        _say(f"{error.format_message().rstrip('.')} (see `{command} --help`)")
        return EXIT_USAGE
    except click.ClickException as error:
        _say(error.format_message())
        return error.exit_code
    except MtalignError as error:
        if debug:
            raise
        _say(str(error))
        return error.exit_code
    except BrokenPipeError:
        raise
    except OSError as error:
        if debug:
            raise
        what = f"{error.filename}: " if error.filename else ""
        step = "free some space" if error.errno == errno.ENOSPC else "check the path and its permissions"
        _say(f"{what}{error.strerror or error}; {step} and run the same command again")
        return EXIT_FAILED
    except MemoryError:
        if debug:
            raise
        _say("out of memory; close other programs, or use a smaller model or --beam 1")
        return EXIT_FAILED
    except Exception as error:
        if debug:
            raise
        # A defect of ours: say so, instead of a traceback that tells a user nothing.
        _say(f"unexpected {type(error).__name__}: {error}; this is a defect of mtalign, see it with --debug")
        return EXIT_FAILED
    return code if isinstance(code, int) else 0


def _say(message: str) -> None:
    line = " ".join(str(message).split())
    click.echo(f"Error: {line}", err=True)

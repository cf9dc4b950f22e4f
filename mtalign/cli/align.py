"""``mtalign align``: which sentences of two texts translate each other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mtalign.align import Bead
    from mtalign.align.windows import SideVectors
    from mtalign.report.alignment import AlignedText

_FILE = click.Path(dir_okay=False, path_type=Path)
FORMATS = ("tsv", "jsonl", "tmx", "html", "beads")
_PASSAGES_NAMED = 3
_FEW = 0.5
"""Share of a text's sentences with a counterpart below which the texts may not belong together."""


@click.command(short_help="Align the sentences of two finished texts.")
@click.argument("source", type=_FILE, metavar="SOURCE")
@click.argument("target", type=_FILE, metavar="TARGET")
@click.option("--from", "source_language", metavar="LANG", help="Language of SOURCE.  [default: found]")
@click.option("--to", "target_language", metavar="LANG", help="Language of TARGET.  [default: found]")
@click.option("--lines", is_flag=True, help="One sentence a line as given; nothing is segmented.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="tsv",
    show_default=True,
    help="tsv: score, source, target; jsonl: the same with indices; html: a page to read, one file;"
    " beads: [0, 1]:[0]:0.8312; tmx.",
)
@click.option(
    "--eval",
    "gold",
    type=_FILE,
    metavar="GOLD",
    help="Print agreement with these gold beads instead of the alignment.",
)
@click.option(
    "--beads",
    "ladder",
    type=_FILE,
    metavar="FILE",
    help="Take this alignment (ladder format: vecalign, bertalign) instead of making one.",
)
@click.option(
    "--embedder",
    default="use",
    show_default=True,
    metavar="NAME|FOLDER",
    help="Sentence vectors: use (multilingual), hash (spelling only, for two texts in one language), another"
    " name, or the folder of a model.",
)
@click.option("--no-cache", is_flag=True, help="Neither read nor keep sentence vectors on disk.")
@click.option("-q", "--quiet", is_flag=True, help="No notes and no progress on stderr.")
def command(
    source: Path,
    target: Path,
    source_language: str | None,
    target_language: str | None,
    lines: bool,
    form: str,
    gold: Path | None,
    ladder: Path | None,
    embedder: str,
    no_cache: bool,
    quiet: bool,
) -> None:
    """Align the sentences of SOURCE with those of TARGET, its translation.

    The score is the probability of a bead, 0 where a sentence has no counterpart. Indices count from 0. Rows
    are in the order of SOURCE; passages that stand elsewhere in TARGET are named on stderr, and marked in
    jsonl and html.

    \b
    Examples:
      mtalign align book.zh.txt book.en.txt --from zh --to en > book.tsv
      mtalign align report.de.md report.fr.md --format html > report.html
      mtalign align src.txt tgt.txt --lines --format beads > found.beads
      mtalign align src.txt tgt.txt --lines --eval gold.beads
      mtalign align src.txt tgt.txt --lines --beads vecalign.out --eval gold.beads
    """
    from mtalign.align import check_beads, in_reading_order, mark_moved, read_beads

    if form == "tmx" and gold is None and lines and not (source_language and target_language):
        raise click.UsageError("--format tmx with --lines needs --from and --to")
    sides = _read(source, source_language, lines), _read(target, target_language, lines)
    sizes = len(sides[0].sentences), len(sides[1].sentences)
    # What was given is checked before anything that takes time.
    wanted = read_beads(gold) if gold is not None else []
    check_beads(wanted, *sizes, name=str(gold))
    if ladder is not None:
        given = read_beads(ladder)
        check_beads(given, *sizes, name=str(ladder))
        beads = in_reading_order(mark_moved(given), *sizes)
    else:
        beads = _align(sides, embedder, no_cache, quiet)
    if gold is not None:
        _echo_agreement(beads, wanted)
        return
    if not quiet:
        for note in _notes(beads, sides):
            click.echo(note, err=True)
    _echo(beads, sides, form)


def _read(path: Path, language: str | None, lines: bool) -> AlignedText:
    """One side's sentences.

    Raises:
        MtalignError: the file cannot be read, is binary or holds no text.
    """
    from mtalign.report.alignment import AlignedText

    if not lines:
        from mtalign.align.documents import read_sentences

        sentences = read_sentences(path, language)
        return AlignedText(path.name, sentences.language.code, sentences.texts)
    from mtalign.errors import DocumentError
    from mtalign.languages import parse_language
    from mtalign.score.lines import read_lines

    code = parse_language(language).code if language else None
    texts = read_lines(path)
    if any("\0" in text for text in texts):
        raise DocumentError(f"{path} is binary, not text", hint="give a UTF-8 text, one sentence a line")
    if not any(text.strip() for text in texts):
        raise DocumentError(f"{path}: holds no text to align", hint="check the file")
    return AlignedText(path.name, code, texts)


def _align(sides: tuple[AlignedText, AlignedText], embedder: str, no_cache: bool, quiet: bool) -> list[Bead]:
    from mtalign.align.aligner import align_sides
    from mtalign.cli.progress import Progress

    texts = sides[0].sentences, sides[1].sentences
    # By itself, so that the encoder's memory is free before that of the search is needed.
    vectors = _encode(texts, embedder, no_cache, quiet)
    with Progress("align", "sentences", quiet=quiet) as progress:
        return align_sides(*texts, vectors, progress=progress.update)


def _encode(
    texts: tuple[Sequence[str], Sequence[str]], embedder: str, no_cache: bool, quiet: bool
) -> tuple[SideVectors, SideVectors]:
    from mtalign.align.aligner import encode_sides
    from mtalign.cli.progress import Progress
    from mtalign.embed import load_embedder
    from mtalign.embed.cache import VectorCache

    def note(line: str) -> None:
        if not quiet:
            click.echo(f"mtalign: {line}", err=True)

    cache = None if no_cache else VectorCache(note=note)
    try:
        with Progress("encode", "sentences", quiet=quiet) as progress:
            return encode_sides(*texts, load_embedder(embedder, cache=cache), progress.update)
    finally:
        if cache is not None:
            cache.close()


def _notes(beads: Sequence[Bead], sides: tuple[AlignedText, AlignedText]) -> list[str]:
    """What somebody who pipes the result away should know of it, a line each."""
    from mtalign.align import moved_passages

    notes = []
    if passages := moved_passages(beads):
        named = [
            f"source {_range(first)} is target {_range(second)}"
            for first, second in passages[:_PASSAGES_NAMED]
        ]
        more = len(passages) - len(named)
        count = f"{len(passages)} passage{'' if len(passages) == 1 else 's'}"
        notes.append(f"moved: {count}: {'; '.join(named)}{f'; {more} more' if more else ''}")
    links = [bead for bead in beads if not bead.is_null]
    held = sum(len(bead.source) for bead in links), sum(len(bead.target) for bead in links)
    for number, side in zip(held, sides, strict=True):
        if number < _FEW * len(side.sentences):
            notes.append(
                f"note: {number} of {len(side.sentences)} sentences of {side.name} have a counterpart;"
                " are these two the same text?"
            )
    return notes


def _range(indices: range) -> str:
    return f"{indices[0]}–{indices[-1]}" if len(indices) > 1 else str(indices[0])


def _echo_agreement(beads: Sequence[Bead], gold: Sequence[Bead]) -> None:
    from mtalign.align import lax_agreement, strict_agreement

    pairs = [(beads, gold)]
    click.echo("measure\tprecision\trecall\tF1")
    for name, agreement in (("strict", strict_agreement(pairs)), ("lax", lax_agreement(pairs))):
        click.echo(f"{name}\t{agreement.precision:.4f}\t{agreement.recall:.4f}\t{agreement.f1:.4f}")


def _echo(beads: Sequence[Bead], sides: tuple[AlignedText, AlignedText], form: str) -> None:
    if form == "beads":
        from mtalign.align import format_beads

        click.echo(format_beads(beads), nl=False)
    elif form == "tmx":
        from mtalign.report.alignment import write_alignment_memory

        click.echo(write_alignment_memory(beads, *sides), nl=False)
    elif form == "html":
        from mtalign.report.alignment import write_alignment

        click.echo(write_alignment(beads, *sides), nl=False)
    elif form == "jsonl":
        for bead in beads:
            row = {
                "source": list(bead.source),
                "target": list(bead.target),
                "score": round(bead.score, 4),
                "moved": bead.moved,
                "source_text": [text for _, text in sides[0].numbered(bead.source)],
                "target_text": [text for _, text in sides[1].numbered(bead.target)],
            }
            click.echo(json.dumps(row, ensure_ascii=False))
    else:
        for bead in beads:
            texts = sides[0].joined(bead.source), sides[1].joined(bead.target)
            click.echo("\t".join([f"{bead.score:.4f}", *(text.replace("\t", " ") for text in texts)]))

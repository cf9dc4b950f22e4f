"""``mtalign align``: which sentences of two texts translate each other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mtalign.align import Bead

_FILE = click.Path(dir_okay=False, path_type=Path)
FORMATS = ("tsv", "jsonl", "beads", "tmx")


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
    help="tsv: score, source, target; jsonl: the same with indices; beads: [0, 1]:[0]:0.8312; tmx.",
)
@click.option(
    "--eval",
    "gold",
    type=_FILE,
    metavar="GOLD",
    help="Print agreement with these gold beads instead of the alignment.",
)
@click.option(
    "--embedder",
    type=click.Choice(["use", "hash"]),
    default="use",
    show_default=True,
    help="Sentence vectors: the multilingual encoder, or spelling only (for two texts in one language).",
)
@click.option("-q", "--quiet", is_flag=True, help="No notes and no progress on stderr.")
def command(
    source: Path,
    target: Path,
    source_language: str | None,
    target_language: str | None,
    lines: bool,
    form: str,
    gold: Path | None,
    embedder: str,
    quiet: bool,
) -> None:
    """Align the sentences of SOURCE with those of TARGET, its translation.

    The score is the probability of a bead, 0 where a sentence has no counterpart. Indices count from 0.

    \b
    Examples:
      mtalign align book.zh.txt book.en.txt --from zh --to en > book.tsv
      mtalign align src.txt tgt.txt --lines --format beads > found.beads
      mtalign align src.txt tgt.txt --lines --eval gold.beads
      mtalign align report.de.md report.fr.md --format tmx > report.tmx
    """
    from mtalign.align import align_segments, format_beads
    from mtalign.cli.progress import Progress
    from mtalign.embed import load_embedder

    if form == "tmx" and lines and not (source_language and target_language):
        raise click.UsageError("--format tmx with --lines needs --from and --to")
    texts, languages = [], []
    for path, language in ((source, source_language), (target, target_language)):
        sentences, code = _read(path, language, lines)
        texts.append(sentences)
        languages.append(code)
    with Progress("encode", "sentences", quiet=quiet) as progress:
        beads = align_segments(
            *texts,
            embedder=load_embedder(embedder),
            source_language=languages[0],
            target_language=languages[1],
            progress=progress.update,
        )
    if gold is not None:
        _echo_agreement(beads, gold)
    elif form == "beads":
        click.echo(format_beads(beads), nl=False)
    elif form == "tmx":
        click.echo(_tmx(beads, texts, languages, source.stem), nl=False)
    elif form == "jsonl":
        for bead in beads:
            row = {
                "source": list(bead.source),
                "target": list(bead.target),
                "score": round(bead.score, 4),
                "source_text": _texts(texts[0], bead.source),
                "target_text": _texts(texts[1], bead.target),
            }
            click.echo(json.dumps(row, ensure_ascii=False))
    else:
        for bead in beads:
            sides = [" ".join(_texts(texts[0], bead.source)), " ".join(_texts(texts[1], bead.target))]
            click.echo("\t".join([f"{bead.score:.4f}", *(side.replace("\t", " ") for side in sides)]))


def _read(path: Path, language: str | None, lines: bool) -> tuple[Sequence[str], str | None]:
    """Sentences, and the language's code where it is known."""
    if lines:
        from mtalign.languages import parse_language
        from mtalign.score.lines import read_lines

        return read_lines(path), parse_language(language).code if language else None
    from mtalign.align.documents import read_sentences

    sentences = read_sentences(path, language)
    return sentences.texts, sentences.language.code


def _texts(sentences: Sequence[str], indices: Sequence[int]) -> list[str]:
    return [sentences[index] for index in indices]


def _echo_agreement(beads: Sequence[Bead], gold: Path) -> None:
    from mtalign.align import lax_agreement, read_beads, strict_agreement

    pairs = [(beads, read_beads(gold))]
    click.echo("measure\tprecision\trecall\tF1")
    for name, agreement in (("strict", strict_agreement(pairs)), ("lax", lax_agreement(pairs))):
        click.echo(f"{name}\t{agreement.precision:.4f}\t{agreement.recall:.4f}\t{agreement.f1:.4f}")


def _tmx(
    beads: Sequence[Bead], texts: Sequence[Sequence[str]], languages: Sequence[str | None], name: str
) -> bytes:
    """The beads that have both sides as a translation memory."""
    from mtalign.document import BlockKind, Link, Segment, Status, Translation
    from mtalign.records import Record
    from mtalign.report.tmx import write_tmx

    records = []
    for number, bead in enumerate(beads, start=1):
        if bead.is_null:
            continue
        source = " ".join(_texts(texts[0], bead.source))
        target = " ".join(_texts(texts[1], bead.target))
        if not source.strip() or not target.strip():
            continue
        identifier = f"{name}.{number}"
        segment = Segment(identifier, name, identifier, source, 0, len(source), languages[0] or "und")
        records.append(
            Record(
                segment=segment,
                kind=BlockKind.PARAGRAPH,
                level=0,
                target_language=languages[1] or "und",
                translation=Translation(identifier, Status.TRANSLATED, target),
                link=Link((identifier,), (identifier,), bead.score),
            )
        )
    return write_tmx(records)

"""``mtalign score``: BLEU, chrF2, chrF2++ and TER against references."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from mtalign.document import Score

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="Score a translation against references, by sacreBLEU.")
@click.argument("hypothesis", type=_FILE, metavar="HYPOTHESIS")
@click.option(
    "--ref",
    "references",
    type=_FILE,
    multiple=True,
    required=True,
    metavar="FILE",
    help="Reference; several with --lines: give the option again.",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAMES",
    help="bleu, chrf, chrf++, ter; a list with commas, or the option again.  [default: bleu,chrf,ter]",
)
@click.option(
    "--lines", is_flag=True, help="The files are line-aligned: a segment a line, nothing to segment or align."
)
@click.option("--json", "form", flag_value="json", help="A list of objects as sacrebleu writes them.")
@click.option("--tsv", "form", flag_value="tsv", help="Tab-separated: name, score, signature.")
@click.option("--table", "form", flag_value="table", default="table", help="A table.  [default]")
@click.option("--per-segment", is_flag=True, help="The scores of each segment instead of the whole.")
@click.option(
    "--embedder",
    type=click.Choice(["use", "hash"]),
    default="use",
    show_default=True,
    help="Sentence vectors that align documents.",
)
@click.option("-q", "--quiet", is_flag=True, help="No notes on stderr.")
def command(
    hypothesis: Path,
    references: tuple[Path, ...],
    metrics: tuple[str, ...],
    lines: bool,
    form: str,
    per_segment: bool,
    embedder: str,
    quiet: bool,
) -> None:
    """Score a translation against one or more references with sacreBLEU.

    With --lines both files have a segment a line. Without it both are documents: they are segmented and
    aligned first, and the part that aligns is scored at the document level (as one line a side, as in
    `mtalign run`); a note on stderr says how much that is. --per-segment gives the aligned pairs one by one.
    Nothing is scored where less than half of the reference is covered (exit code 1).

    \b
    Examples:
      mtalign score hyp.txt --ref ref.txt --lines
      mtalign score hyp.txt --ref ref.A.txt --ref ref.B.txt --lines --metric bleu,chrf++ --json
      mtalign score translation.md --ref reference.md
      mtalign score hyp.txt --ref ref.txt --lines --per-segment --tsv
    """
    from mtalign.score.metrics import DEFAULT_METRICS, corpus_scores, parse_metrics, segment_scores

    names = parse_metrics(",".join(metrics)) if metrics else DEFAULT_METRICS
    if lines:
        from mtalign.score.lines import read_lines

        hypotheses = read_lines(hypothesis)
        reference_lines = [read_lines(reference) for reference in references]
    else:
        pairs = _align(hypothesis, references, embedder, per_segment, quiet)
        hypotheses, reference_lines = [pair[0] for pair in pairs], [[pair[1] for pair in pairs]]
    if per_segment:
        _echo_segments(segment_scores(hypotheses, reference_lines, names), form)
    else:
        _echo_scores(corpus_scores(hypotheses, reference_lines, names), form)


def _align(
    hypothesis: Path, references: tuple[Path, ...], embedder: str, per_segment: bool, quiet: bool
) -> list[tuple[str, str]]:
    """What two documents come to once they are aligned: a pair for each bead, or one for all."""
    from mtalign.align.documents import read_sentences
    from mtalign.cli.progress import Progress
    from mtalign.embed import load_embedder
    from mtalign.errors import ScoreError
    from mtalign.score.reference import score_against_reference

    if len(references) > 1:
        raise click.UsageError("several references need --lines: documents are aligned with one")
    texts = [read_sentences(path, "en").texts for path in (hypothesis, references[0])]
    with Progress("encode", "sentences", quiet=quiet) as progress:
        result = score_against_reference(
            *texts, embedder=load_embedder(embedder), metrics=(), progress=progress.update
        )
    if result.whole is None:
        raise ScoreError(
            f"{hypothesis} {result.note.replace('not scored: covers', 'covers only')}",
            hint="check that it is the reference of this text",
        )
    if not quiet:
        coverage = result.coverage
        click.echo(
            f"mtalign: {result.note}; aligned: {coverage.hypothesis_sentences[0]} of "
            f"{coverage.hypothesis_sentences[1]} sentences with {coverage.reference_sentences[0]} of "
            f"{coverage.reference_sentences[1]} of the reference",
            err=True,
        )
    return list(result.lines) if per_segment else [result.whole]


def _echo_scores(scores: list[Score], form: str) -> None:
    from mtalign.score.metrics import to_json

    if form == "json":
        click.echo(json.dumps([to_json(score) for score in scores], ensure_ascii=False, indent=1))
    elif form == "tsv":
        click.echo("name\tscore\tsignature")
        for score in scores:
            click.echo(f"{score.name}\t{score.score:.2f}\t{score.signature}")
    else:
        for score in scores:
            click.echo(f"{score.name:8}{score.score:7.2f}  {score.signature}")


def _echo_segments(segments: list[list[Score]], form: str) -> None:
    from mtalign.score.metrics import to_json

    if form == "json":
        rows: list[dict[str, Any]] = [
            {"segment": number, "metrics": [to_json(score) for score in scores]}
            for number, scores in enumerate(segments, start=1)
        ]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    names = [score.name for score in segments[0]]
    if form == "tsv":
        click.echo("\t".join(["segment", *names]))
        for number, scores in enumerate(segments, start=1):
            click.echo("\t".join([str(number), *(f"{score.score:.2f}" for score in scores)]))
        return
    click.echo("segment " + "".join(f"{name:>9}" for name in names))
    for number, scores in enumerate(segments, start=1):
        click.echo(f"{number:7} " + "".join(f"{score.score:9.2f}" for score in scores))

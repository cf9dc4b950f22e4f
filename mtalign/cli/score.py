"""``mtalign score``: BLEU, chrF2, chrF2++ and TER against references."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from mtalign.document import Score

DEFAULT = "bleu,chrf"
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
    help="Reference; for several give the option again.",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAMES",
    help="bleu, chrf, chrf++, ter (slow), COMET or another plug-in; a list with commas, or the option again."
    "  [default: bleu,chrf]",
)
@click.option(
    "--lines", is_flag=True, help="The files are line-aligned: a segment a line, nothing to segment or align."
)
@click.option("--json", "form", flag_value="json", help="A list of objects as sacrebleu writes them.")
@click.option("--tsv", "form", flag_value="tsv", help="Tab-separated: name, score, signature.")
@click.option("--table", "form", flag_value="table", default="table", help="A table.  [default]")
@click.option("--per-segment", is_flag=True, help="The scores of each segment instead of the whole.")
@click.option(
    "--docids",
    type=_FILE,
    metavar="FILE",
    help="With --lines: the document of each line, an id a line; gives the scores of each document too.",
)
@click.option("--src", "source", type=_FILE, metavar="FILE", help="With --lines: the source, for COMET.")
@click.option("--confidence", is_flag=True, help="95 % intervals by bootstrap resampling, seeded.")
@click.option(
    "--resamples", type=click.IntRange(min=2), default=1000, show_default=True, help="Of the bootstrap."
)
@click.option(
    "--jobs", type=click.IntRange(min=1), metavar="N", help="Processes for TER.  [default: all cores]"
)
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
    docids: Path | None,
    source: Path | None,
    confidence: bool,
    resamples: int,
    jobs: int | None,
    embedder: str,
    quiet: bool,
) -> None:
    """Score a translation against one or more references with sacreBLEU.

    With --lines both files have a segment a line. Without it both are documents: they are segmented and
    aligned first, and the part that aligns is scored at the document level (as one line a side, as in
    `mtalign run`; TER sentence by sentence); a note on stderr says how much that is. --per-segment gives the
    aligned pairs one by one. Nothing is scored where less than half of the reference is covered (exit
    code 1).

    \b
    Examples:
      mtalign score hyp.txt --ref ref.txt --lines
      mtalign score hyp.txt --ref ref.A.txt --ref ref.B.txt --lines --metric bleu,chrf++ --json
      mtalign score translation.md --ref reference.md
      mtalign score translation.md --ref reference.A.md --ref reference.B.md
      mtalign score hyp.txt --ref ref.txt --lines --per-segment --tsv
      mtalign score hyp.txt --ref ref.txt --lines --docids docids.txt --confidence
    """
    import os

    from mtalign.cli.progress import Progress
    from mtalign.score.metrics import check_metrics, measure, parse_metrics

    names = parse_metrics(",".join(metrics) or DEFAULT)
    jobs = jobs or os.cpu_count() or 1
    if not lines and (docids or source):
        raise click.UsageError("--docids and --src need --lines")
    if per_segment and (docids or confidence):
        raise click.UsageError("--per-segment gives segments only: leave out --docids and --confidence")
    check_metrics(names)
    if not lines:
        _score_documents(hypothesis, references, names, form, per_segment, confidence, jobs, embedder, quiet)
        return
    from mtalign.score.lines import group_lines, read_lines

    hypotheses = read_lines(hypothesis)
    with Progress("score", "lines", quiet=quiet) as progress:
        measured = measure(
            hypotheses,
            [read_lines(reference) for reference in references],
            names,
            sources=None if source is None else read_lines(source),
            jobs=jobs,
            progress=progress.update,
        )
    again = resamples if confidence else 0
    if per_segment:
        _echo_segments([[m.segment(line) for m in measured] for line in range(len(hypotheses))], form)
        return
    corpus = [m.score(resamples=again) for m in measured]
    if docids is None:
        _echo_scores(corpus, form)
        return
    groups = group_lines(read_lines(docids), len(hypotheses), docids)
    rows = [(name, len(own), [m.score(own, again) for m in measured]) for name, own in groups.items()]
    _echo_documents([*rows, (None, len(hypotheses), corpus)], form)


def _score_documents(
    hypothesis: Path,
    references: tuple[Path, ...],
    names: tuple[str, ...],
    form: str,
    per_segment: bool,
    confidence: bool,
    jobs: int,
    embedder: str,
    quiet: bool,
) -> None:
    """Two documents: aligned, then scored at the document level; TER and plug-ins by sentence."""
    from mtalign.cli.progress import Progress
    from mtalign.score.metrics import METRICS, SENTENCE_METRICS, measure

    if confidence:
        raise click.UsageError("--confidence needs --lines: a bootstrap of one document says nothing")
    hypotheses, lines, whole_texts = _align(hypothesis, references, embedder, quiet)
    whole = [name for name in names if name in METRICS and name not in SENTENCE_METRICS]
    by_line = list(names) if per_segment else [name for name in names if name not in whole]
    with Progress("score", "lines", quiet=quiet) as progress:
        measured = measure(hypotheses, lines, by_line, jobs=jobs, progress=progress.update) if by_line else []
    if per_segment:
        _echo_segments([[m.segment(line) for m in measured] for line in range(len(hypotheses))], form)
        return
    scores = {m.name: m.score() for m in measured}
    if whole:
        alone = measure([whole_texts[0]], [[text] for text in whole_texts[1:]], whole)
        scores.update((m.name, m.score()) for m in alone)
    _echo_scores([scores[name] for name in names], form)


def _align(
    hypothesis: Path, references: tuple[Path, ...], embedder: str, quiet: bool
) -> tuple[list[str], list[list[str]], list[str]]:
    """The part of documents that aligns.

    Returns:
        The hypothesis' lines, those of each reference, and the texts as one line each, the hypothesis first.
    """
    from mtalign.align.documents import read_sentences
    from mtalign.cli.progress import Progress
    from mtalign.embed import load_embedder
    from mtalign.errors import ScoreError
    from mtalign.score.reference import align_with_reference

    vectors = load_embedder(embedder)
    own = read_sentences(hypothesis, "en").texts
    texts, results = [], []
    for path in references:
        texts.append(read_sentences(path, "en").texts)
        with Progress("encode", "sentences", quiet=quiet) as progress:
            result = align_with_reference(own, texts[-1], embedder=vectors, progress=progress.update)
        name = f" {path}" if len(references) > 1 else ""
        if result.whole is None:
            of = f" of the reference{name}"
            note = result.note.replace("not scored: covers", "covers only").replace(" of the reference", of)
            raise ScoreError(f"{hypothesis} {note}", hint="check that it is the reference of this text")
        results.append(result)
        if not quiet:
            coverage = result.coverage
            of_own, of_reference = coverage.hypothesis_sentences, coverage.reference_sentences
            click.echo(
                f"mtalign:{name and name + ':'} {result.note}; aligned: {of_own[0]} of {of_own[1]} sentences "
                f"with {of_reference[0]} of {of_reference[1]} of the reference",
                err=True,
            )
    if len(results) == 1:
        lines, whole = results[0].lines, results[0].whole
        assert whole is not None  # refused above
        return [line[0] for line in lines], [[line[1] for line in lines]], list(whole)
    from mtalign.score.references import share_lines

    shared = share_lines(own, texts, results)
    if not shared.hypotheses:
        raise ScoreError(
            f"no part of {hypothesis} aligns with all references", hint="score with one after the other"
        )
    sides = [shared.hypotheses, *shared.references]
    return list(shared.hypotheses), list(map(list, shared.references)), [" ".join(side) for side in sides]


def _echo_scores(scores: list[Score], form: str) -> None:
    from mtalign.score.metrics import to_json

    if form == "json":
        click.echo(json.dumps([to_json(score) for score in scores], ensure_ascii=False, indent=1))
    elif form == "tsv":
        intervals = any("confidence_var" in score.details for score in scores)
        click.echo("\t".join(["name", "score", *["confidence_var"] * intervals, "signature"]))
        for score in scores:
            half = [_half(score)] * intervals
            click.echo("\t".join([score.name, _number(score), *half, score.signature]))
    else:
        width = max(7, *(len(_value(score)) for score in scores))
        for score in scores:
            click.echo(f"{score.name:8}{_value(score):>{width}}  {score.signature}")


def _number(score: Score) -> str:
    from mtalign.score.metrics import decimals

    return f"{score.score:.{decimals(score.name)}f}"


def _half(score: Score) -> str:
    """Half the width of the score's interval; empty without one."""
    from mtalign.score.metrics import decimals

    half = score.details.get("confidence_var")
    return "" if half is None else f"{half:.{decimals(score.name)}f}"


def _value(score: Score) -> str:
    """``46.87``, with its interval where there is one."""
    half = _half(score)
    return _number(score) + (f" ± {half}" if half else "")


def _echo_documents(rows: list[tuple[str | None, int, list[Score]]], form: str) -> None:
    """Scores of each document, and last those of the corpus (no id; an empty cell in TSV)."""
    from mtalign.score.metrics import to_json

    if form == "json":
        entries = [
            {"document": name, "segments": size, "metrics": [to_json(score) for score in scores]}
            for name, size, scores in rows
        ]
        click.echo(json.dumps(entries, ensure_ascii=False, indent=1))
        return
    names = [score.name for score in rows[0][2]]
    if form == "tsv":
        intervals = any("confidence_var" in score.details for score in rows[0][2])
        heads = [head for name in names for head in (name, *[f"{name} confidence_var"] * intervals)]
        click.echo("\t".join(["document", "segments", *heads]))
        for name, size, scores in rows:
            cells = [cell for s in scores for cell in (_number(s), *[_half(s)] * intervals)]
            click.echo("\t".join([name or "", str(size), *cells]))
        return
    table = [("document", "segments", *names)]
    table += [(name or "corpus", str(size), *map(_value, scores)) for name, size, scores in rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        click.echo("  ".join(cells))
    for score in rows[-1][2]:
        click.echo(f"{score.name}: {score.signature}")


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
            click.echo("\t".join([str(number), *map(_number, scores)]))
        return
    click.echo("segment " + "".join(f"{name:>9}" for name in names))
    for number, scores in enumerate(segments, start=1):
        click.echo(f"{number:7} " + "".join(f"{_number(score):>9}" for score in scores))

"""BLEU, chrF2, chrF2++ and TER through sacreBLEU, each with its signature (Post 2018), and plug-ins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mtalign.document import Score
from mtalign.errors import ScoreError, UsageError
from mtalign.score.measured import Measured, PluginLines, SacreBleuLines, make_tool
from mtalign.score.plugins import segment_values

METRICS = ("BLEU", "chrF2", "chrF2++", "TER")
"""Names as sacreBLEU prints them."""

DEFAULT_METRICS = ("BLEU", "chrF2", "TER")
"""Of a run. TER costs most of the time: leave it out where documents are many."""

SENTENCE_METRICS = ("TER",)
"""Not given for a document as one line: there TER takes minutes for 60 sentences, and is defined on
segments anyway. Nor are plug-ins."""

_ALIASES = {"bleu": "BLEU", "chrf": "chrF2", "chrf2": "chrF2", "chrf++": "chrF2++", "chrf2++": "chrF2++"}
_ALIASES["ter"] = "TER"

_BATCH = {"TER": 20}
"""Lines measured between two reports of progress, and given to a process at once."""
_DEFAULT_BATCH = 2000
_WORTH_PROCESSES = 100
"""TER lines from which more than one process is used: starting one takes as long as ten lines."""

Progress = Callable[[int, int], None]


def parse_metrics(names: str | Sequence[str]) -> tuple[str, ...]:
    """Metric names as they are printed, from a list or a text such as ``bleu,chrf++``; each once.

    Names that are not sacreBLEU's are looked for among the plug-ins.

    Raises:
        UsageError: a name is unknown or there is none.
    """
    parts = names.split(",") if isinstance(names, str) else names
    parsed: list[str] = []
    for part in parts:
        name = _ALIASES.get(part.strip().casefold()) or _plugin(part.strip())
        if name not in parsed:
            parsed.append(name)
    if not parsed:
        raise UsageError("no metric was named", hint="choose from: bleu, chrf, chrf++, ter")
    return tuple(parsed)


def _plugin(name: str) -> str:
    from mtalign.score.plugins import plugin_names

    known = plugin_names()
    for plugin in known:
        if plugin.casefold() == name.casefold():
            return plugin
    raise UsageError(
        f"unknown metric {name!r}", hint=f"choose from: bleu, chrf, chrf++, ter; plug-ins: {', '.join(known)}"
    )


def measure(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    metrics: Sequence[str] = DEFAULT_METRICS,
    *,
    sources: Sequence[str] | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[Measured]:
    """Measure line-aligned hypotheses against one or more references of the same number of lines.

    Each line is measured once, whatever scores are then asked for.

    Args:
        hypotheses: A segment each. An empty one counts.
        references: One sequence for each reference. An empty line counts, but a reference without any text
            is an error.
        metrics: Names as :func:`parse_metrics` takes them.
        sources: The source of each hypothesis, for plug-ins that look at it.
        jobs: Processes for TER.
        progress: Called with lines done and lines in all, over all metrics.

    Raises:
        ScoreError: there is nothing to score, the numbers of lines differ, or a reference is empty.
        UsageError: a metric is unknown.
        MissingPackageError: a plug-in's package is not installed.
    """
    names = parse_metrics(metrics)
    _check(hypotheses, references, sources)
    # A plug-in that is not there or fails is told before minutes are spent on TER.
    plugins = {name: _load(name) for name in names if name not in METRICS}
    values = {
        name: segment_values(plugin, hypotheses, references, sources) for name, plugin in plugins.items()
    }
    total, done = len(hypotheses) * len(names), 0
    measured: list[Measured] = []
    for name in names:
        if name in plugins:
            measured.append(PluginLines(plugins[name], values[name], len(references)))
            done += len(hypotheses)
            if progress:
                progress(done, total)
            continue
        statistics: list[Sequence[float]] = []
        for batch in _statistics(name, hypotheses, references, jobs):
            statistics.extend(batch)
            done += len(batch)
            if progress:
                progress(done, total)
        measured.append(SacreBleuLines(name, statistics, len(references)))
    return measured


def check_metrics(names: Sequence[str]) -> None:
    """See that ``names`` can be computed here, before time is spent on what they are computed from.

    Raises:
        UsageError: a metric is unknown.
        MissingPackageError: a plug-in's package is not installed.
    """
    for name in parse_metrics(names) if names else ():
        if name not in METRICS:
            _load(name)


def _load(name: str) -> Any:
    from mtalign.score.plugins import load_plugin

    return load_plugin(name)


def corpus_scores(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    metrics: Sequence[str] = DEFAULT_METRICS,
    *,
    resamples: int = 0,
) -> list[Score]:
    """Scores of all lines together; with ``resamples`` the bootstrap interval of each.

    Raises:
        ScoreError, UsageError, MissingPackageError: as :func:`measure`.
    """
    return [lines.score(resamples=resamples) for lines in measure(hypotheses, references, metrics)]


def segment_scores(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    metrics: Sequence[str] = DEFAULT_METRICS,
) -> list[list[Score]]:
    """Scores of each line alone, in the order of ``metrics``; BLEU with effective order, as is usual there.

    Raises:
        ScoreError, UsageError, MissingPackageError: as :func:`measure`.
    """
    measured = measure(hypotheses, references, metrics)
    return [[lines.segment(line) for lines in measured] for line in range(len(hypotheses))]


def decimals(name: str) -> int:
    """Digits that a metric is printed with: two for sacreBLEU's, four for plug-ins, most of them 0 to 1."""
    return 2 if name in METRICS else 4


def to_json(score: Score) -> dict[str, Any]:
    """The object that ``sacrebleu --json`` writes for a score, rounded as there."""
    return {
        "name": score.name,
        "score": float(f"{score.score:.{decimals(score.name)}f}"),
        "signature": score.signature,
        **score.details,
    }


def _check(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]], sources: Sequence[str] | None
) -> None:
    if not references:
        raise ScoreError("no reference to score against", hint="give one with --ref")
    if not hypotheses:
        raise ScoreError("nothing to score: the hypothesis has no line", hint="check the file")
    for number, reference in enumerate(references, start=1):
        which = "the reference" if len(references) == 1 else f"reference {number}"
        if not any(line.strip() for line in reference):
            raise ScoreError(f"{which} is empty", hint="check the file")
        if len(reference) != len(hypotheses):
            raise ScoreError(
                f"{which} has {len(reference)} lines, the hypothesis {len(hypotheses)}",
                hint="give line-aligned files, or leave out --lines to have the sentences aligned",
            )
    if sources is not None and len(sources) != len(hypotheses):
        raise ScoreError(
            f"the source has {len(sources)} lines, the hypothesis {len(hypotheses)}",
            hint="give line-aligned files",
        )


def _statistics(
    name: str, hypotheses: Sequence[str], references: Sequence[Sequence[str]], jobs: int
) -> Iterator[list[Sequence[float]]]:
    size = _BATCH.get(name, _DEFAULT_BATCH)
    batches = (
        (name, list(hypotheses[start : start + size]), [list(r[start : start + size]) for r in references])
        for start in range(0, len(hypotheses), size)
    )
    if name != "TER" or jobs < 2 or len(hypotheses) < _WORTH_PROCESSES:
        yield from map(_measure_batch, batches)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # Spawned, not forked: a fork of a process with threads (torch, numpy) can hang.
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_ignore_interrupt)
    try:
        waiting = [pool.submit(_measure_batch, batch) for batch in batches]
        for future in waiting:
            yield future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _measure_batch(batch: tuple[str, list[str], list[list[str]]]) -> list[Sequence[float]]:
    name, hypotheses, references = batch
    statistics: list[Sequence[float]] = make_tool(name)._extract_corpus_statistics(hypotheses, references)
    return statistics


def _ignore_interrupt() -> None:
    """Ctrl-C goes to the whole group; the parent alone answers it."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)

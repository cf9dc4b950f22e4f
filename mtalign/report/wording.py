"""What the reports say about a score, in one place so that the page and the summary say the same."""

from __future__ import annotations

from mtalign.document import Score, Severity, Status
from mtalign.errors import LanguageError
from mtalign.languages import parse_language
from mtalign.report.payload import NEAR_NOTHING, DocumentScore, RunPayload
from mtalign.report.text import number, percent

STATUS_MEANINGS = {
    Status.TRANSLATED: "a model gave the English",
    Status.KEPT: "nothing to translate: English already, a number, a URL",
    Status.SKIPPED: "data or code, written through unchanged",
    Status.FAILED: "should have been translated and was not",
}

SEVERITY_LABELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}

METRIC_MEANINGS = {
    "BLEU": "shared word sequences, 0 to 100, higher is better",
    "chrF2": "shared character sequences, 0 to 100, higher is better",
    "chrF2++": "shared character and word sequences, 0 to 100, higher is better",
    "TER": "edits per reference word, 0 is identical, lower is better",
}

INTERVAL_MEANING = (
    "± is half of the 95 % interval, from resampled sentences: two scores whose intervals overlap much "
    "need a paired test to be told apart"
)

QUALITY_MEANING = (
    "estimated for each segment without a reference, 0 to 1: it says where to look first, "
    "not how good a translation is"
)

TOPICAL_SIMILARITY_MEANING = (
    "closeness of subject to the reference, from sentence embeddings; "
    "it says nothing about translation quality"
)


def language_name(code: str) -> str:
    """``Korean`` for ``ko``; the code itself where it is not a language's."""
    try:
        return parse_language(code).name
    except LanguageError:
        return code


def metric_value(metric: Score) -> str:
    """``24.1 ± 1.9``: the score, with its interval where the scorer computed one."""
    half = metric.details.get("confidence_var")
    interval = f" ± {half:.1f}" if isinstance(half, (int, float)) and half > 0 else ""
    return f"{metric.score:.1f}{interval}"


def duration(seconds: float) -> str:
    """``12 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole if seconds >= 10 else round(seconds, 1):g} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def sentences(pair: tuple[int, int] | None) -> str:
    """``19 of 21 sentences``, or nothing where it is not known."""
    return f"{pair[0]} of {pair[1]} sentences" if pair else ""


def coverage_sentence(score: DocumentScore | None) -> str:
    """What part of the reference a document covers, and what that means for its scores."""
    if score is None:
        return "not compared with a reference"
    coverage = score.coverage
    if coverage is None:
        return "scored, coverage unknown" if score.scored else "not scored"
    share = percent(coverage.reference)
    if score.scored:
        own = (
            "" if coverage.hypothesis is None else f"; {percent(coverage.hypothesis)} of its English aligned"
        )
        return f"{score.note or f'covers {share} of the reference'}{own}"
    if coverage.reference < NEAR_NOTHING:
        return f"another article: covers {share} of the reference, not scored"
    return f"covers {share} of the reference, not scored"


def shard_sentence(run: RunPayload) -> str:
    """What a reader of a part of a run has to know; empty for a whole run."""
    if run.shard is None:
        return ""
    return (
        f"This is shard {run.shard.part} of {run.shard.parts}, with {number(run.segments)} of the run's"
        f" {number(run.shard.of)} segments. Scores, links, estimates and checks across segments are computed"
        " over the whole run, by mtalign merge."
    )

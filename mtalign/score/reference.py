"""Score a document's English against a reference text that need not match it line by line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtalign.align import Bead
from mtalign.document import Score
from mtalign.embed import Embedder
from mtalign.errors import ScoreError
from mtalign.score.metrics import (
    DEFAULT_METRICS,
    METRICS,
    SENTENCE_METRICS,
    measure,
    parse_metrics,
    to_json,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MIN_COVERAGE = 0.5
"""Share of the reference that has to be aligned before a metric is given."""

WHOLE_COVERAGE = 0.9
"""Share of the reference from which the hypothesis is taken for a translation of all of it."""

ACCEPTED_SIMILARITY = 0.4
"""Cosine below which no bead counts as aligned.

Measured with the ``use`` embedder: of the lines of 14 published system outputs (WMT22, WMT23, FLORES; ja, ko,
zh, de to English) 3 % lie below it, the worst system's 8 %; the best bead that the aligner finds between
texts that have nothing to do with each other has 0.32, most have less than 0.2.
"""

CERTAIN_SIMILARITY = 0.6
"""Cosine from which a bead counts whatever its neighbours are.

Sentences of two articles on one subject reach 0.5. So a bead between the two marks counts only where most of
its neighbours are certain: a weak line of a real translation is, a chance likeness in another article is not.
"""

_NEIGHBOURS = 2
"""On either side."""

_CONTRIBUTES = 0.02
"""What a sentence at an end of a bead must add to its cosine to belong to it."""


@dataclass(frozen=True)
class Coverage:
    """How much of either side lies in accepted beads."""

    reference: float
    """Share of the reference's characters (white space apart), 0 to 1."""
    hypothesis: float
    reference_sentences: tuple[int, int]
    """Aligned, and in all."""
    hypothesis_sentences: tuple[int, int]


@dataclass(frozen=True)
class AlignedReference:
    """What of a document aligns with a reference, and the lines that scores are computed on."""

    coverage: Coverage
    beads: tuple[Bead, ...]
    """The accepted beads: indices into the hypothesis and into the reference, ``score`` their cosine."""
    topical_similarity: float
    """Cosine of the two texts' mean sentence vectors, 0 to 1: what they are about, not how good they are."""
    note: str
    """One sentence: what is scored, or why nothing is."""
    lines: tuple[tuple[str, str], ...]
    """Hypothesis and reference, line by line: the accepted beads first, in their order; none where nothing
    is scored."""
    indices: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
    """The sentences of each line, indices into the hypothesis and into the reference."""
    whole: tuple[str, str] | None
    """The same as one line a side, in document order; None where nothing is scored."""


@dataclass(frozen=True)
class ReferenceScore(AlignedReference):
    """What comparing a document with a reference gave."""

    metrics: tuple[Score, ...]
    """Document level: the scored part as one line a side; empty where too little is covered."""
    sentence_metrics: tuple[Score, ...]
    """The same part bead by bead. Stricter: n-grams match within a bead only, and order counts."""
    line_metrics: tuple[tuple[Score, ...], ...]
    """The scores of each line alone."""

    def to_json(self) -> dict[str, Any]:
        """The document's entry in ``scores.json``, but for its id."""
        return {
            "metrics": [to_json(score) for score in self.metrics],
            "sentence_metrics": [to_json(score) for score in self.sentence_metrics],
            "coverage": {
                "reference": round(self.coverage.reference, 4),
                "hypothesis": round(self.coverage.hypothesis, 4),
                "reference_sentences": list(self.coverage.reference_sentences),
                "hypothesis_sentences": list(self.coverage.hypothesis_sentences),
            },
            "topical_similarity": round(self.topical_similarity, 4),
            "note": self.note,
        }


@dataclass(frozen=True)
class CorpusScore:
    """The scored documents of a run together."""

    documents: int
    lines: int
    metrics: tuple[Score, ...]
    """Each document as one line a side."""
    sentence_metrics: tuple[Score, ...]
    """Every line of every document."""

    def to_json(self) -> dict[str, Any]:
        """The entry ``corpus`` in ``scores.json``."""
        return {
            "documents": self.documents,
            "lines": self.lines,
            "metrics": [to_json(score) for score in self.metrics],
            "sentence_metrics": [to_json(score) for score in self.sentence_metrics],
        }


def align_with_reference(
    hypothesis: Sequence[str],
    reference: Sequence[str],
    *,
    embedder: Embedder,
    min_coverage: float = MIN_COVERAGE,
    progress: Callable[[int, int], None] | None = None,
) -> AlignedReference:
    """Align a document's English with the reference's sentences and choose the part that is scored.

    ``hypothesis`` is one document's translations in order (translations only: a reference that stands in the
    document itself would be found there); ``reference`` is the reference's sentences.

    A bead is accepted when both its sides are there and the cosine of their vectors is high enough
    (``CERTAIN_SIMILARITY``; ``ACCEPTED_SIMILARITY`` among certain ones); sentences at its ends that add
    nothing to it are left out of it. What is scored depends on how much of the reference accepted beads hold:

    * below ``min_coverage``: nothing; the note says what was covered.
    * up to ``WHOLE_COVERAGE``: the accepted beads, a line each. Such a score says nothing of the rest and
      is read together with its coverage, which is lower the more was dropped.
    * from there on the document is held to be a translation of the whole reference, and nothing is dropped
      that could hurt: a reference sentence outside accepted beads is a line with an empty hypothesis, and a
      hypothesis segment outside them, between the first and the last accepted one, is a line with an empty
      reference. Hypothesis segments before and after are other parts of the document.

    Raises:
        ScoreError: the reference is empty.
    """
    from mtalign.align.aligner import align_segments

    if not any(text.strip() for text in reference):
        raise ScoreError("the reference is empty", hint="check the reference")
    beads = align_segments(hypothesis, reference, embedder=embedder, progress=progress)
    return scored_part(
        hypothesis,
        reference,
        _accepted(beads, hypothesis, reference, embedder),
        topical=topical_similarity(hypothesis, reference, embedder),
        min_coverage=min_coverage,
    )


def scored_part(
    hypothesis: Sequence[str],
    reference: Sequence[str],
    links: Sequence[Bead],
    *,
    topical: float,
    min_coverage: float = MIN_COVERAGE,
) -> AlignedReference:
    """What :func:`align_with_reference` gives once the accepted beads are known; needs no embedder."""
    coverage = Coverage(
        reference=_share(reference, (index for bead in links for index in bead.target)),
        hypothesis=_share(hypothesis, (index for bead in links for index in bead.source)),
        reference_sentences=(sum(len(bead.target) for bead in links), len(reference)),
        hypothesis_sentences=(sum(len(bead.source) for bead in links), len(hypothesis)),
    )
    indices, note = _lines(hypothesis, reference, links, coverage.reference, min_coverage)
    return AlignedReference(
        coverage=coverage,
        beads=tuple(links),
        topical_similarity=topical,
        note=note,
        lines=tuple((join_texts(hypothesis, own), join_texts(reference, theirs)) for own, theirs in indices),
        indices=tuple(indices),
        whole=_document(hypothesis, reference, links, coverage.reference) if indices else None,
    )


def score_aligned(
    documents: Sequence[AlignedReference],
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    sources: Sequence[Sequence[str]] | None = None,
    resamples: int = 0,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[ReferenceScore], CorpusScore | None]:
    """Score documents that were aligned with their reference; every line is measured once.

    At the document level a metric of ``SENTENCE_METRICS`` or a plug-in is left out, and there is no interval:
    a bootstrap of one line says nothing.

    Args:
        documents: What :func:`align_with_reference` gave.
        metrics: Names; none for no scores.
        sources: The source text of each document's hypothesis sentences, for plug-ins that look at it.
        resamples: Of the bootstrap intervals of the sentence level; 0 for none.
        jobs: Processes for TER.
        progress: Called with lines done and lines in all, over all metrics.

    Returns:
        A score for each document, and that of all; None where no document is scored.
    """
    names = parse_metrics(metrics) if metrics else ()
    lines = [line for document in documents for line in document.lines]
    if not lines or not names:
        return [
            ReferenceScore(**vars(d), metrics=(), sentence_metrics=(), line_metrics=()) for d in documents
        ], None
    line_sources = None
    if sources is not None:
        line_sources = [
            join_texts(sources[place], own) for place, d in enumerate(documents) for own, _ in d.indices
        ]
    measured = measure(
        [line[0] for line in lines], [[line[1] for line in lines]], names,
        sources=line_sources, jobs=jobs, progress=progress,
    )  # fmt: skip
    wholes = [document.whole for document in documents if document.whole]
    level = [name for name in names if name in METRICS and name not in SENTENCE_METRICS]
    whole = measure([w[0] for w in wholes], [[w[1] for w in wholes]], level) if level else []
    scored, start, place = [], 0, 0
    for document in documents:
        own = range(start, start + len(document.lines))
        start, has = own.stop, document.whole is not None
        scored.append(
            ReferenceScore(
                **vars(document),
                metrics=tuple(m.score([place]) for m in whole) if has else (),
                sentence_metrics=tuple(m.score(own, resamples) for m in measured) if own else (),
                line_metrics=tuple(tuple(m.segment(line) for m in measured) for line in own),
            )
        )
        place += has
    corpus = CorpusScore(
        documents=len(wholes),
        lines=len(lines),
        metrics=tuple(m.score() for m in whole),
        sentence_metrics=tuple(m.score(resamples=resamples) for m in measured),
    )
    return scored, corpus


def topical_similarity(first: Sequence[str], second: Sequence[str], embedder: Embedder) -> float:
    """Cosine of the mean sentence vectors of two texts, 0 to 1; 0 where one has no text."""
    import numpy as np

    means = [embedder.encode(list(texts)).mean(axis=0) if len(texts) else None for texts in (first, second)]
    if means[0] is None or means[1] is None:
        return 0.0
    norm = float(np.linalg.norm(means[0]) * np.linalg.norm(means[1]))
    return max(0.0, min(1.0, float(means[0] @ means[1]) / norm)) if norm else 0.0


def _accepted(
    beads: Sequence[Bead], hypothesis: Sequence[str], reference: Sequence[str], embedder: Embedder
) -> tuple[Bead, ...]:
    worthy = [
        bead
        for bead in beads
        if any(hypothesis[index].strip() for index in bead.source)
        and any(reference[index].strip() for index in bead.target)
    ]
    found = _trimmed(worthy, hypothesis, reference, embedder)
    certain = [bead.score >= CERTAIN_SIMILARITY for bead in found]
    accepted = []
    for place, bead in enumerate(found):
        around = certain[max(0, place - _NEIGHBOURS) : place] + certain[place + 1 :][:_NEIGHBOURS]
        trusted = certain[place] or (around and 2 * sum(around) >= len(around))
        if trusted and bead.score >= ACCEPTED_SIMILARITY:
            accepted.append(bead)
    return tuple(accepted)


def _trimmed(
    beads: Sequence[Bead], hypothesis: Sequence[str], reference: Sequence[str], embedder: Embedder
) -> list[Bead]:
    """The beads without the sentences at their ends that add nothing; scores are cosines of their sides.

    The aligner may pull a short line (a heading, a button) into the bead beside it.
    """
    parts = [
        [(source, target) for source in _stretches(bead.source) for target in _stretches(bead.target)]
        for bead in beads
    ]
    every = [part for some in parts for part in some]
    if not every:
        return []
    first: NDArray[np.float32] = embedder.encode([join_texts(hypothesis, source) for source, _ in every])
    second: NDArray[np.float32] = embedder.encode([join_texts(reference, target) for _, target in every])
    every_cosine = iter((first * second).sum(axis=1).tolist())
    trimmed = []
    for some in parts:
        cosines = [next(every_cosine) for _ in some]
        enough = max(cosines) - _CONTRIBUTES
        _, _, best = min(
            (len(source) + len(target), -cosines[index], index)
            for index, (source, target) in enumerate(some)
            if cosines[index] >= enough
        )
        trimmed.append(Bead(*some[best], min(1.0, cosines[best])))
    return trimmed


def _stretches(indices: Sequence[int]) -> list[tuple[int, ...]]:
    """Every contiguous part of ``indices``."""
    return [
        tuple(indices[start:end])
        for start in range(len(indices))
        for end in range(start + 1, len(indices) + 1)
    ]


_Indices = tuple[tuple[int, ...], tuple[int, ...]]


def _lines(
    hypothesis: Sequence[str],
    reference: Sequence[str],
    links: Sequence[Bead],
    covered: float,
    min_coverage: float,
) -> tuple[list[_Indices], str]:
    percent = f"{100 * covered:.0f} %"
    if not links or covered < min_coverage:
        return [], f"not scored: covers {percent} of the reference"
    aligned: list[_Indices] = [(bead.source, bead.target) for bead in links]
    if covered < WHOLE_COVERAGE:
        return aligned, f"aligned part only: covers {percent} of the reference"
    held = {index for bead in links for index in bead.target}
    used = {index for bead in links for index in bead.source}
    missing: list[_Indices] = [
        ((), (index,)) for index, text in enumerate(reference) if index not in held and text.strip()
    ]
    extent = range(min(used), max(used) + 1)
    added: list[_Indices] = [
        ((index,), ()) for index in extent if index not in used and hypothesis[index].strip()
    ]
    note = f"whole reference: covers {percent} of it"
    if missing:
        note += f"; sentences missing, counted as empty: {len(missing)}"
    if added:
        note += f"; sentences without a counterpart, counted as added: {len(added)}"
    return [*aligned, *missing, *added], note


def _document(
    hypothesis: Sequence[str], reference: Sequence[str], links: Sequence[Bead], covered: float
) -> tuple[str, str]:
    """What :func:`_lines` scores, in document order and as one line for each side."""
    used = sorted(index for bead in links for index in bead.source)
    held = sorted(index for bead in links for index in bead.target)
    if covered >= WHOLE_COVERAGE:
        used, held = list(range(used[0], used[-1] + 1)), list(range(len(reference)))
    return join_texts(hypothesis, used), join_texts(reference, held)


def join_texts(texts: Sequence[str], indices: Sequence[int]) -> str:
    """The texts of those indices as one line."""
    # A line break inside a segment is white space to every metric.
    return " ".join(" ".join(texts[index] for index in indices).split())


def _share(texts: Sequence[str], indices: Any) -> float:
    sizes = [len("".join(text.split())) for text in texts]
    total = sum(sizes)
    return sum(sizes[index] for index in indices) / total if total else 0.0

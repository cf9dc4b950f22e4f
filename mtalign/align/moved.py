"""Passages that stand elsewhere in the other text: found among what a monotone alignment left unaligned.

1. Among unaligned sentences, and pairs of neighbours, those are taken for anchors whose similarity margin
   stands out from that of any two sentences of these texts, and which are each other's best by far in the
   *whole* other text: a line that is repeated (a menu, a footer, "He nodded.") is nobody's best.
2. Anchors in order and close together are chained; a chain with evidence enough, which cannot be had in
   order with the alignment around it, is a moved passage.
3. The target's moved passages are put where the source has them, and the texts are aligned again. Beads
   inside a moved passage are found by the same model as all others, merged and split sentences among them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from mtalign.align.beads import Bead, in_reading_order
from mtalign.align.kernel import ranges
from mtalign.align.windows import SideVectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LEAST_PAIRS = 50
"""Sentence pairs below which two texts do not show what is usual in them."""
_SAMPLES = 128
_LEAST_SPREAD = 0.02
_STANDS_OUT = 2.5
"""Standard deviations over the usual margin from which a pair can be an anchor."""
_EVIDENCE = 3.5
"""Standard deviations, summed over the anchors of a passage, from which it is certain.

Settled on texts with seeded moves and holes: of 90 reports at this setting 2 were wrong, of 102 at 2 three.
"""
_NEIGHBOURHOOD = 3
"""Sentences this near to an anchor are no rivals of it: they may be parts of the same bead."""
_GAP = 3
"""Most sentences between two anchors of one passage, on either side."""
_ROWS_AT_ONCE = 512


class Anchor(NamedTuple):
    """One or two source sentences and their counterpart; half-open ranges."""

    i0: int
    i1: int
    j0: int
    j1: int
    evidence: float


@dataclass(frozen=True)
class Passage:
    """A moved passage; half-open ranges of sentences."""

    source: tuple[int, int]
    target: tuple[int, int]


def align_with_moved(
    align: Callable[[Sequence[int]], list[Bead]], source: SideVectors, target: SideVectors
) -> list[Bead]:
    """Align two texts, moved passages too.

    ``align(order)`` aligns the source with the target's sentences in the given order, in which beads count
    them; ``source`` and ``target`` are the vectors of both texts as they are.

    Returns:
        Every sentence in exactly one bead. Beads stand in the order of the source, moved ones too, which are
        marked; unaligned target sentences stand after the one before them.
    """
    n, m = len(source), len(target)
    beads = align(range(m))
    passages = find_passages(beads, source, target)
    if not passages:
        return beads
    order = _put_in_order(beads, passages, m)
    again = _in_own_places(align(order), order, passages)
    # The new order must not cost more than it gives.
    if _aligned(again) <= _aligned(beads):
        return beads
    return in_reading_order(again, n, m)


def find_passages(beads: Sequence[Bead], source: SideVectors, target: SideVectors) -> list[Passage]:
    """Moved passages among the sentences that ``beads``, a monotone alignment, leaves unaligned."""
    free_source = [bead.source[0] for bead in beads if not bead.target]
    free_target = [bead.target[0] for bead in beads if not bead.source]
    if not free_source or not free_target or len(source) * len(target) < _LEAST_PAIRS:
        return []
    anchors = _anchors(free_source, free_target, source, target)
    links = [bead for bead in beads if not bead.is_null]
    source_ends = [bead.source[-1] for bead in links]
    target_ends = [bead.target[-1] for bead in links]
    # In the same gap of the alignment nothing has moved: there it is the aligner that was not sure.
    anchors = [
        anchor
        for anchor in anchors
        if bisect_left(source_ends, anchor.i0) != bisect_left(target_ends, anchor.j0)
    ]
    passages = []
    while chain := _best_chain(anchors):
        i0, i1, j0, j1 = chain[0].i0, chain[-1].i1, chain[0].j0, chain[-1].j1
        passages.append(Passage((i0, i1), (j0, j1)))
        anchors = [a for a in anchors if (a.i1 <= i0 or a.i0 >= i1) and (a.j1 <= j0 or a.j0 >= j1)]
    return _with_neighbours(passages, set(free_source), set(free_target))


def reordered(side: SideVectors, order: Sequence[int]) -> SideVectors:
    """The vectors of a text whose sentences are ``side``'s in another order, all of them or some."""
    import numpy as np

    if list(order) == list(range(len(side))):
        return side
    rows = np.asarray(order, np.int64)
    counts = np.concatenate([[0.0], np.cumsum(np.diff(side.counts)[rows])])
    clauses, first_clause = _picked(side.first_clause, rows)
    windows, first_window = _picked(side.first_window, rows)
    return replace(
        side,
        sums=side.sums[rows],
        counts=counts,
        heads=side.heads[rows],
        tails=side.tails[rows],
        clauses=side.clauses.picked(clauses),
        clause_counts=side.clause_counts[clauses],
        first_clause=first_clause,
        windows=side.windows.picked(windows),
        first_window=first_window,
    )


def _picked(first: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The parts of these sentences, whose parts begin at ``first``, and where they begin then."""
    import numpy as np

    sizes = np.diff(first)[rows]
    begins = np.concatenate([[0], np.cumsum(sizes)])
    return ranges(first[rows], sizes), begins


def _anchors(
    free_source: Sequence[int], free_target: Sequence[int], source: SideVectors, target: SideVectors
) -> list[Anchor]:
    usual, spread, source_mean, target_mean = _usual_margin(source, target)
    units = [_units(free) for free in (free_source, free_target)]
    vectors = [side.spans(*unit) for side, unit in zip((source, target), units, strict=True)]
    hubs = [vector @ mean for vector, mean in zip(vectors, (target_mean, source_mean), strict=True)]
    weights = [_weights(side, *unit) for side, unit in zip((source, target), units, strict=True)]
    # For each unit the other text's best sentence, and how near the best one elsewhere comes.
    best_target, target_rival = _best(vectors[0], hubs[0], target, source_mean)
    best_source, source_rival = _best(vectors[1], hubs[1], source, target_mean)
    (source_begins, source_ends), (target_begins, target_ends) = units
    anchors = []
    by_begin: dict[int, list[int]] = {}
    for number, begin in enumerate(target_begins.tolist()):
        by_begin.setdefault(begin, []).append(number)
    for u in range(len(source_begins)):
        near = range(int(best_target[u]) - _NEIGHBOURHOOD + 1, int(best_target[u]) + _NEIGHBOURHOOD)
        for t in (number for begin in near for number in by_begin.get(begin, ())):
            i0, i1 = int(source_begins[u]), int(source_ends[u])
            j0, j1 = int(target_begins[t]), int(target_ends[t])
            if i1 - i0 + j1 - j0 > 3 or abs(int(best_source[t]) - i0) >= _NEIGHBOURHOOD:
                continue
            margin = float(vectors[0][u] @ vectors[1][t] - 0.5 * (hubs[0][u] + hubs[1][t]))
            lead = margin - max(float(target_rival[u]), float(source_rival[t]))
            evidence = min((margin - usual) / spread - _STANDS_OUT, lead / spread)
            if evidence > 0:
                weight = min(float(weights[0][u]), float(weights[1][t]))
                anchors.append(Anchor(i0, i1, j0, j1, evidence * weight))
    return sorted(anchors)


def _usual_margin(
    source: SideVectors, target: SideVectors
) -> tuple[float, float, NDArray[np.float32], NDArray[np.float32]]:
    """Median and spread of the margins of an even sample of sentence pairs, and both samples' mean vectors.

    Robust, since a few of the pairs do correspond; in this the embedder and the two texts have their say.
    """
    import numpy as np

    samples = []
    for side in (source, target):
        begins = np.unique(np.linspace(0, len(side) - 1, min(_SAMPLES, len(side))).astype(np.int64))
        samples.append(side.spans(begins, begins + 1))
    means = [sample.mean(axis=0) for sample in samples]
    hubs = [samples[0] @ means[1], samples[1] @ means[0]]
    margins = samples[0] @ samples[1].T - 0.5 * (hubs[0][:, None] + hubs[1])
    usual = float(np.median(margins))
    spread = 1.4826 * float(np.median(np.abs(margins - usual)))
    return usual, max(spread, _LEAST_SPREAD), means[0], means[1]


def _units(free: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Begins and ends of all single free sentences and all pairs of neighbours."""
    import numpy as np

    single = np.asarray(free, np.int64)
    double = single[:-1][np.diff(single) == 1]
    return np.concatenate([single, double]), np.concatenate([single + 1, double + 2])


def _weights(side: SideVectors, begins: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.float64]:
    """What a unit's evidence counts for: little where it is short for its text."""
    import numpy as np

    lengths = np.diff(side.counts)
    half = 0.5 * float(np.median(lengths[lengths > 0])) if (lengths > 0).any() else 1.0
    return np.asarray(np.minimum(1.0, (side.counts[ends] - side.counts[begins]) / half))


def _best(
    vectors: NDArray[np.float32], hubs: NDArray[np.float32], other: SideVectors, mean: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For each vector the sentence of ``other`` with the highest margin, and the highest margin elsewhere."""
    import numpy as np

    m = len(other)
    singles = other.spans(np.arange(m), np.arange(1, m + 1))
    across = singles @ mean
    best = np.zeros(len(vectors), np.int64)
    rivals = np.zeros(len(vectors), np.float32)
    for top in range(0, len(vectors), _ROWS_AT_ONCE):
        rows = slice(top, top + _ROWS_AT_ONCE)
        margins = vectors[rows] @ singles.T - 0.5 * (hubs[rows, None] + across)
        best[rows] = margins.argmax(axis=1)
        row = np.arange(len(margins))
        for offset in range(-_NEIGHBOURHOOD, _NEIGHBOURHOOD + 1):
            margins[row, np.clip(best[rows] + offset, 0, m - 1)] = -1.0
        rivals[rows] = margins.max(axis=1)
    return best, rivals


def _best_chain(anchors: Sequence[Anchor]) -> list[Anchor]:
    """The chain of the most evidence; empty where there is not enough of it. ``anchors`` are sorted."""
    totals = [anchor.evidence for anchor in anchors]
    before = [-1] * len(anchors)
    for k, anchor in enumerate(anchors):
        for p in range(k - 1, -1, -1):
            previous = anchors[p]
            if previous.i0 < anchor.i0 - _GAP - 2:
                break
            follows = 0 <= anchor.i0 - previous.i1 <= _GAP and 0 <= anchor.j0 - previous.j1 <= _GAP
            if follows and totals[p] + anchor.evidence > totals[k]:
                totals[k], before[k] = totals[p] + anchor.evidence, p
    k = max(range(len(anchors)), key=totals.__getitem__, default=-1)
    if k < 0 or totals[k] < _EVIDENCE:
        return []
    chain = []
    while k >= 0:
        chain.append(anchors[k])
        k = before[k]
    return chain[::-1]


def _with_neighbours(
    passages: Sequence[Passage], free_source: set[int], free_target: set[int]
) -> list[Passage]:
    """Passages with the unaligned target sentences around them that the source has room for."""
    taken_source = {i for passage in passages for i in range(*passage.source)}
    taken_target = {j for passage in passages for j in range(*passage.target)}
    wider = []
    for passage in sorted(passages, key=lambda passage: passage.source):
        ends = []
        for edge, step in ((0, -1), (1, 1)):
            # The sentence just outside: of a half-open range the stop itself, the one before the start.
            i, j = (span[edge] - (step < 0) for span in (passage.source, passage.target))
            room = 0
            while i in free_source and i not in taken_source:
                taken_source.add(i)
                room, i = room + 2, i + step
            while room and j in free_target and j not in taken_target:
                taken_target.add(j)
                room, j = room - 1, j + step
            ends.append(j + (step < 0))
        wider.append(Passage(passage.source, (ends[0], ends[1])))
    return wider


def _put_in_order(beads: Sequence[Bead], passages: Sequence[Passage], m: int) -> list[int]:
    """The target's sentences with each moved passage where the source has it."""
    moved = {j for passage in passages for j in range(*passage.target)}
    links = [bead for bead in beads if not bead.is_null and bead.target[-1] not in moved]
    ends = [bead.source[-1] for bead in links]
    arriving: dict[int, list[int]] = {}
    for passage in sorted(passages, key=lambda passage: passage.source):
        behind = bisect_left(ends, passage.source[0])
        place = links[behind - 1].target[-1] + 1 if behind else 0
        arriving.setdefault(place, []).extend(range(*passage.target))
    order = []
    for j in range(m + 1):
        order += arriving.get(j, [])
        if j < m and j not in moved:
            order.append(j)
    return order


def _in_own_places(beads: Iterable[Bead], order: Sequence[int], passages: Sequence[Passage]) -> list[Bead]:
    """Beads of the reordered target with the target's own indices, moved ones marked.

    No bead joins what stands in different places: where one does, its larger part stays.
    """
    home = {j: number for number, passage in enumerate(passages) for j in range(*passage.target)}
    out = []
    for bead in beads:
        parts: dict[int, list[int]] = {}
        for k in bead.target:
            parts.setdefault(home.get(order[k], -1), []).append(order[k])
        if bead.is_null or not parts:
            out.append(replace(bead, target=tuple(order[k] for k in bead.target)))
            continue
        kept = max(parts, key=lambda number: (len(parts[number]), number == -1))
        out.append(replace(bead, target=tuple(sorted(parts[kept])), moved=kept != -1))
        out += [Bead((), (j,)) for number, part in parts.items() if number != kept for j in part]
    return out


def _aligned(beads: Iterable[Bead]) -> int:
    """How many sentences of both sides have a counterpart."""
    return sum(len(bead.source) + len(bead.target) for bead in beads if not bead.is_null)

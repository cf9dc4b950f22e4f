"""Passages that stand elsewhere in the other text: found among what a monotone alignment left unaligned.

1. A pair of unaligned sentences speaks for a move by how far its similarity margin stands out from that of
   any two sentences of these texts, and against one where it does not. The local chain of pairs in order with
   the highest sum (Smith and Waterman 1981) is a passage that may have moved; it may have gaps, and the
   sentences in it may be merged or split.
2. It has moved if its sum leads that of every other place: the same source sentences against all of the
   target, the same target sentences against all of the source. So the texts themselves say what comes about
   by chance, and a line that is repeated (a menu, a footer, "He nodded.") proves nothing.
3. The target's moved passages are put where the source has them, and the texts are aligned again. Beads
   inside a moved passage are found by the same model as all others, merged and split sentences among them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
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
_STANDS_OUT = 1.5
"""Standard deviations over the usual margin from which a pair speaks for a move."""
_AGAINST = -1.0
"""The most that a pair speaks against one."""
_GAP = 0.5
"""What a sentence left out of a chain costs, on either side."""
_DOUBTFUL = 0.5
"""Probability of a bead below which its sentences are looked at as if they were unaligned."""
_EVIDENCE = 2.0
"""Standard deviations, summed over a chain, from which it is looked at."""
_LEAD = 0.8
"""By how much its sum must be higher than that of any other place …"""
_LEAD_BY_CHOICE = 0.45
"""… and by how much more for e times as many unaligned sentences: the best of many stands out by chance."""
_MOST_PAIRS = 10_000_000
"""Pairs after which no further run of unaligned sentences is looked at: texts that have little to do with
each other, or all in another order, must not take minutes."""
_NEIGHBOURHOOD = 3
"""Sentences this near to a chain are no rivals of it: they may be parts of the same beads."""
_IMPOSSIBLE = -1e3
_ROWS_AT_ONCE = 256


class Chain(NamedTuple):
    """Pairs of sentences in order and close together; half-open ranges of rows and columns."""

    evidence: float
    rows: tuple[int, int]
    columns: tuple[int, int]


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
    import numpy as np

    links = [bead for bead in beads if not bead.is_null and bead.score >= _DOUBTFUL]
    linked = {i for bead in links for i in bead.source}, {j for bead in links for j in bead.target}
    free_source = [i for i in range(len(source)) if i not in linked[0]]
    free_target = [j for j in range(len(target)) if j not in linked[1]]
    if not free_source or not free_target or len(source) * len(target) < _LEAST_PAIRS:
        return []
    margins = _Margins.of(source, target)
    # Which gap of the alignment each sentence is in. In the same gap nothing has moved: there it is the
    # aligner that was not sure.
    source_gaps = np.searchsorted([bead.source[-1] for bead in links], free_source)
    target_gaps = np.searchsorted([bead.target[-1] for bead in links], free_target)
    rows, columns = np.array(free_source), np.array(free_target)
    taken = np.zeros(len(columns), np.bool_)
    passages = []
    lead = _LEAD + _LEAD_BY_CHOICE * float(np.log(len(rows)))
    left = _MOST_PAIRS
    runs = np.split(np.arange(len(rows)), np.flatnonzero(np.diff(rows) > _NEIGHBOURHOOD) + 1)
    while runs and left > 0:
        run = runs.pop()
        left -= len(run) * len(columns)
        forbidden = taken | (source_gaps[run][:, None] == target_gaps)
        chain = _best_chain(margins.evidence(rows[run], columns, forbidden), rows[run], columns)
        if chain is None or chain.evidence < _EVIDENCE:
            continue
        (top, bottom), (first, last) = chain.rows, chain.columns
        runs += [part for part in (run[:top], run[bottom:]) if len(part)]
        span = int(rows[run[top]]), int(rows[run[bottom - 1]]) + 1
        across = int(columns[first]), int(columns[last - 1]) + 1
        left -= (bottom - top) * len(target) + (last - first) * len(source)
        if chain.evidence - margins.rival(span, across) >= lead:
            passages.append(Passage(span, across))
            taken[first:last] = True
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


@dataclass(frozen=True)
class _Margins:
    """How far the margin of any pair of sentences stands out from what is usual in the two texts."""

    vectors: tuple[NDArray[np.float32], NDArray[np.float32]]
    """Of each sentence of either text."""
    hubs: tuple[NDArray[np.float32], NDArray[np.float32]]
    """Half the mean cosine of each sentence with the other text's."""
    weights: tuple[NDArray[np.float32], NDArray[np.float32]]
    usual: float
    spread: float

    @classmethod
    def of(cls, source: SideVectors, target: SideVectors) -> _Margins:
        import numpy as np

        usual, spread, source_mean, target_mean = _usual_margin(source, target)
        first, second = _vectors(source), _vectors(target)
        half = np.float32(0.5)
        hubs = first @ (half * target_mean), second @ (half * source_mean)
        return cls((first, second), hubs, (_weights(source), _weights(target)), usual, spread)

    def evidence(
        self,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        forbidden: NDArray[np.bool_],
        turned: bool = False,
    ) -> Iterator[NDArray[np.float32]]:
        """What each pair of sentences says for a move, row by row; ``turned``: rows are the target's.

        ``forbidden`` pairs, of a shape that can be stretched to (rows, columns), cannot have moved.
        """
        import numpy as np

        side, other = (1, 0) if turned else (0, 1)
        across = self.vectors[other][columns].T
        usual = self.hubs[other][columns] + np.float32(self.usual)
        forbidden = np.broadcast_to(forbidden, (len(rows), len(columns)))
        for top in range(0, len(rows), _ROWS_AT_ONCE):
            here = rows[top : top + _ROWS_AT_ONCE]
            found = self.vectors[side][here] @ across
            found -= self.hubs[side][here, None]
            found -= usual
            found /= np.float32(self.spread)
            found -= np.float32(_STANDS_OUT)
            np.maximum(found, np.float32(_AGAINST), out=found)
            weights = np.minimum(self.weights[side][here, None], self.weights[other][columns])
            np.multiply(found, weights, out=found, where=found > 0)
            found[forbidden[top : top + _ROWS_AT_ONCE]] = _IMPOSSIBLE
            yield from found

    def rival(self, source: tuple[int, int], target: tuple[int, int]) -> float:
        """The most that is found for either range at any other place."""
        import numpy as np

        highest = 0.0
        for turned, (own, across) in enumerate(((source, target), (target, source))):
            rows, columns = np.arange(*own), np.arange(len(self.vectors[1 - turned]))
            near = (columns >= across[0] - _NEIGHBOURHOOD) & (columns < across[1] + _NEIGHBOURHOOD)
            chain = _best_chain(self.evidence(rows, columns, near, bool(turned)), rows, columns)
            highest = max(highest, chain.evidence if chain else 0.0)
        return highest


def _vectors(side: SideVectors) -> NDArray[np.float32]:
    """The vector of each sentence, shape (n, dimension)."""
    import numpy as np

    vectors = np.empty((len(side), side.dimension), np.float32)
    for top in range(0, len(side), _ROWS_AT_ONCE):
        begins = np.arange(top, min(top + _ROWS_AT_ONCE, len(side)))
        vectors[begins] = side.spans(begins, begins + 1)
    return vectors


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


def _weights(side: SideVectors) -> NDArray[np.float32]:
    """What each sentence's evidence counts for: little where it is short for its text."""
    import numpy as np

    lengths = np.diff(side.counts)
    half = 0.5 * float(np.median(lengths[lengths > 0])) if (lengths > 0).any() else 1.0
    return np.minimum(1.0, lengths / half).astype(np.float32)


def _best_chain(
    evidence: Iterable[NDArray[np.float32]], rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> Chain | None:
    """The local chain with the highest sum; None where nothing speaks for one.

    ``evidence`` is that of each row; ``rows`` and ``columns`` are the sentences that stand there, ascending:
    a chain leaves out those in between.
    """
    import numpy as np

    width = len(columns)
    places = np.arange(width + 1)
    # What the way to each column costs.
    way = _GAP * np.concatenate([[0], columns - columns[0] + 1])
    skipped = _GAP * (np.diff(columns) - 1)
    # Of the best chain that ends at or before each column, in this row or an earlier one, less what the way
    # from its end costs: its sum and where it began.
    sums = np.zeros(width + 1)
    first_row, first_column = np.zeros((2, width + 1), np.int64)
    best: Chain | None = None
    for row, values in enumerate(evidence):
        left_out = _GAP * (rows[row] - rows[row - 1] - 1) if row else 0.0
        before = sums[:-1] - left_out
        before[1:] -= skipped
        alone = before <= 0
        pairs = np.where(alone, 0, before) + values
        began = np.where(alone, row, first_row[:-1]), np.where(alone, places[:-1], first_column[:-1])
        end = int(pairs.argmax())
        if pairs[end] > (best.evidence if best else 0):
            rows_held, columns_held = (int(began[0][end]), row + 1), (int(began[1][end]), end + 1)
            best = Chain(float(pairs[end]), rows_held, columns_held)
        sums -= _GAP + left_out
        higher = pairs > sums[1:]
        sums[1:][higher] = pairs[higher]
        first_row[1:][higher], first_column[1:][higher] = began[0][higher], began[1][higher]
        np.maximum(sums, 0, out=sums)
        level = np.maximum.accumulate(sums + way)
        origin = np.maximum.accumulate(np.where(sums + way >= level, places, 0))
        sums = level - way
        first_row, first_column = first_row[origin], first_column[origin]
    return best


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

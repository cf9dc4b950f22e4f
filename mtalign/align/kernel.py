"""Dynamic programming over m–n beads with unaligned runs, in a band: pure numpy, knows nothing of language.

The lattice has the points (i, j), 0 <= i <= n, 0 <= j <= m: i source and j target sentences are behind.
A path from (0, 0) to (n, m) is a sequence of

* beads (a, b), 1 <= a <= A, 1 <= b <= B, ending at (i, j), worth ``beads[a - 1, b - 1, cell(i, j)]``;
* runs of unaligned source sentences, each worth ``opening`` and the sum of ``source_nulls`` over it;
* runs of unaligned target sentences, likewise; where two runs meet the source's comes first, so that every
  alignment is exactly one path.

Only points inside the band are visited: row i holds the columns ``starts[i] <= j < stops[i]``. Memory is
linear in the band's cells and the beads allowed in it, that is in the length of the texts where the band's
width is bounded.

The best path is Viterbi's; the sum over all paths (forward–backward for a semi-Markov chain, Sarawagi and
Cohen 2004) gives the probability of each bead when scores are log-potentials. The way back is the
derivative of the forward sum: each cell hands its probability on to where it came from, by shares.

``cuts`` are points that every path must pass. They part the lattice into pieces that know nothing of each
other, and all pieces are worked on side by side, so that the number of turns of the loop is the number of
rows of the longest piece. No bead and no run goes over a cut: a run that begins after one is opened anew, and
may be of source sentences where the piece before ended in a target run. The result is that of each piece for
itself, joined; without cuts the whole lattice is one piece.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Step = tuple[int, int, int, int]
"""A bead or an unaligned run: source start, source stop, target start, target stop (half-open)."""

_BEAD, _SOURCE_RUN, _TARGET_RUN = 0, 1, 2
_BLOCK = 1 << 12
"""Nodes whose beads are gathered at once."""
_LOWEST = -1e300
"""Stands for -inf where -inf less -inf must not be nan."""


@dataclass(frozen=True)
class Band:
    """Columns that each lattice row holds; both arrays have n + 1 entries."""

    starts: NDArray[np.int64]
    stops: NDArray[np.int64]

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Index of each row's first cell when cells are numbered row by row, and at the end their number."""
        import numpy as np

        return np.concatenate([[0], np.cumsum(self.stops - self.starts)])


@dataclass(frozen=True)
class Potentials:
    """What each piece of a path is worth; see the module's text."""

    beads: NDArray[np.floating[Any]]
    """Shape (A, B, cells); -inf where a bead is not allowed."""
    source_nulls: NDArray[np.float64]
    target_nulls: NDArray[np.float64]
    opening: float


@dataclass(frozen=True)
class SparsePotentials:
    """The same where few beads are allowed: one entry a bead, in any order, no bead twice.

    Quickest where beads are sorted by cell, then height, then width.
    """

    beads: NDArray[np.floating[Any]]
    """What each bead is worth, shape (k,)."""
    heights: NDArray[np.integer[Any]]
    """The number of source sentences in each, a >= 1."""
    widths: NDArray[np.integer[Any]]
    """The number of target sentences in each, b >= 1."""
    cells: NDArray[np.integer[Any]]
    """The cell where each ends, in the band's numbering."""
    source_nulls: NDArray[np.float64]
    target_nulls: NDArray[np.float64]
    opening: float


@dataclass(frozen=True)
class Marginals:
    """Probabilities under the distribution in which a path is worth exp(its score)."""

    log_partition: float
    beads: NDArray[np.floating[Any]]
    """Shape and order of the potentials' beads: (A, B, cells), or (k,) where they are sparse."""
    source_nulls: NDArray[np.float64]
    """Of each source sentence being unaligned."""
    target_nulls: NDArray[np.float64]
    openings: float
    """Expected number of unaligned runs."""


def full_band(n: int, m: int) -> Band:
    """The band that holds every point."""
    import numpy as np

    return Band(np.zeros(n + 1, np.int64), np.full(n + 1, m + 1, np.int64))


def band_around(steps: list[Step], n: int, m: int, radius: int | NDArray[np.int64]) -> Band:
    """The band of points at most ``radius`` rows and columns away from a path: of all rows, or of each."""
    import numpy as np

    low = np.full(n + 1, m, np.int64)
    high = np.zeros(n + 1, np.int64)
    path = np.array([(0, 0, 0, 0), *steps], np.int64)
    sizes = path[:, 1] - path[:, 0] + 1
    rows = ranges(path[:, 0], sizes)
    np.minimum.at(low, rows, np.repeat(path[:, 2], sizes))
    np.maximum.at(high, rows, np.repeat(path[:, 3], sizes))
    # Both borders of a monotone path are monotone, so the extreme within the radius is at its end.
    rows_before = np.maximum(np.arange(n + 1) - radius, 0)
    rows_after = np.minimum(np.arange(n + 1) + radius, n)
    starts = np.maximum(low[rows_before] - radius, 0)
    stops = np.minimum(high[rows_after] + radius, m) + 1
    # Where the radius differs: a wide row widens those before and after it.
    return Band(np.minimum.accumulate(starts[::-1])[::-1], np.maximum.accumulate(stops))


def best_path(
    potentials: Potentials | SparsePotentials,
    band: Band,
    n: int,
    m: int,
    cuts: Sequence[tuple[int, int]] = (),
) -> list[Step]:
    """The path of the highest score; every unaligned sentence is a step of its own.

    ``cuts`` are points (i, j), ascending, that the path must pass; see the module's text.

    Raises:
        ValueError: the band holds no path from (0, 0) to (n, m) through the cuts; cuts that do not ascend.
    """
    import numpy as np

    lattice = _Lattice(band, n, m, cuts)
    arrivals = _Arrivals(potentials, band, lattice)
    opening, nodes = potentials.opening, lattice.nodes
    source_null, target_sum = lattice.nulls(potentials)
    # One more than there are nodes: what lies outside the band is looked up there.
    bead, source_run, target_run, reached = (np.full(nodes + 1, -np.inf) for _ in range(4))
    bead[lattice.first] = 0.0
    chosen = np.empty(len(arrivals.nodes), np.int64)
    above = lattice.above
    for number in range(lattice.turns):
        here = lattice.turn(number)
        beads, which, arrived, firsts, counts = arrivals.turn(number)
        if len(arrived):
            ways = reached.take(arrivals.begins[beads])
            ways += arrivals.scores[beads]
            highest = np.maximum.reduceat(ways, firsts)
            bead[arrived] = highest
            found = (ways == highest.repeat(counts)).nonzero()[0]
            chosen[which] = found[found.searchsorted(firsts)] + beads.start
        up = above[here]
        run = np.maximum(bead.take(up) + opening, source_run.take(up))
        run += source_null[here]
        source_run[here] = run
        first_null = np.maximum(bead[here], run)
        best = first_null.copy()
        first_null += opening
        first_null -= target_sum[here]
        rows = lattice.as_rows(number, first_null)
        rows[:, 1:] = np.maximum.accumulate(rows[:, :-1], axis=1)
        rows[:, 0] = -np.inf
        run = lattice.as_nodes(number, rows) + target_sum[here]
        target_run[here] = run
        np.maximum(best, run, out=reached[here])
    if not np.isfinite(reached[lattice.last]).all():
        raise ValueError("the band holds no path")

    came = (source_run > bead).astype(np.int8)
    state = came.copy()
    either = np.maximum(bead, source_run)
    state[target_run > either] = _TARGET_RUN
    came[target_run > either + opening] = _TARGET_RUN
    goes_on = source_run[above] > bead[above] + opening
    begin_of = np.zeros(nodes, np.int64)
    begin_of[arrivals.nodes] = arrivals.begins[chosen]
    path = []
    for first, last in zip(lattice.first.tolist()[::-1], lattice.last.tolist()[::-1], strict=True):
        node, state_here = last, state[last]
        path.append(node)
        while node != first:
            if state_here == _BEAD:
                node = int(begin_of[node])
                state_here = state[node]
            elif state_here == _SOURCE_RUN:
                state_here = _SOURCE_RUN if goes_on[node] else _BEAD
                node = int(above[node])
            else:
                node -= 1
                state_here = came[node]
            path.append(node)
    # Both nodes of a cut are on it, which makes a step of nothing.
    path.reverse()
    i, j = lattice.i[lattice.row[path]].tolist(), lattice.j[path].tolist()
    steps = zip(i[:-1], i[1:], j[:-1], j[1:], strict=True)
    return [step for step in steps if step[0] < step[1] or step[2] < step[3]]


def best_chain(worth: NDArray[np.floating[Any]], band: Band) -> list[tuple[int, int]]:
    """The pairs of sentences, one to one and in order, that are worth most together, by where they end.

    ``worth`` is that of the pair that ends at each cell; only those worth more than 0 are taken. Rows of the
    band overlap, as those of :func:`band_around` do. In a tie the pair is taken that stands last.
    """
    import numpy as np

    starts, stops, offsets = band.starts.tolist(), band.stops.tolist(), band.offsets.tolist()
    # What the best chain is worth that ends at or before each column.
    best = np.zeros(stops[-1])
    taken = np.zeros(len(worth), np.bool_)
    # Whether a cell has its value from the row above.
    above = np.zeros(len(worth), np.bool_)
    known = stops[0]
    for i in range(1, len(starts)):
        start, stop = starts[i], stops[i]
        best[known:stop] = best[known - 1]
        known = stop
        first = max(start, 1)
        here = slice(offsets[i] + first - start, offsets[i + 1])
        row, values = worth[here], best[first:stop]
        ways = np.where(row > 0, best[first - 1 : stop - 1] + row, -np.inf)
        higher = np.maximum.accumulate(np.maximum(values, ways))
        np.equal(ways, higher, out=taken[here])
        np.equal(values, higher, out=above[here])
        best[first:stop] = higher
    chain = []
    i, j = len(starts) - 1, stops[-1] - 1
    while i > 0 and j > 0:
        # A row has nothing of its own where the band does not hold it.
        j = min(j, stops[i] - 1)
        if j < starts[i]:
            i -= 1
            continue
        cell = offsets[i] + j - starts[i]
        if taken[cell]:
            chain.append((i, j))
            i, j = i - 1, j - 1
        elif above[cell]:
            i -= 1
        else:
            j -= 1
    return chain[::-1]


def marginals(
    potentials: Potentials | SparsePotentials,
    band: Band,
    n: int,
    m: int,
    cuts: Sequence[tuple[int, int]] = (),
) -> Marginals:
    """Forward–backward over all paths in the band.

    ``cuts`` are points (i, j), ascending, that every path must pass; see the module's text.

    Raises:
        ValueError: the band holds no path from (0, 0) to (n, m) through the cuts; cuts that do not ascend.
    """
    import numpy as np

    lattice = _Lattice(band, n, m, cuts)
    arrivals = _Arrivals(potentials, band, lattice)
    sums = _forward(potentials, lattice, arrivals)
    log_partition = float(sums.reached[lattice.last].sum())
    if not np.isfinite(log_partition):
        raise ValueError("the band holds no path")
    in_source, in_target, openings = _backward(potentials, lattice, arrivals, sums)
    probabilities = np.zeros_like(potentials.beads)
    probabilities.reshape(-1)[arrivals.places] = sums.shares
    return Marginals(
        log_partition,
        probabilities,
        np.bincount(lattice.i[lattice.row], in_source, n + 1)[1:].astype(np.float64),
        np.bincount(lattice.j, in_target, m + 1)[1:].astype(np.float64),
        openings,
    )


@dataclass(frozen=True)
class _Sums:
    """For each node (one more, -inf, stands for all outside) the summed score of all ways into it …"""

    bead: NDArray[np.float64]
    """… whose last step is a bead;"""
    source_run: NDArray[np.float64]
    target_run: NDArray[np.float64]
    either: NDArray[np.float64]
    """… whose last step is a bead or in a source run;"""
    reached: NDArray[np.float64]
    """… all."""
    shares: NDArray[np.float64]
    """Of each bead, how much its way counts at its end; of the highest way there it is 1."""
    totals: NDArray[np.float64]
    """Sum of the shares, for each node where a bead arrives."""


def _forward(potentials: Potentials | SparsePotentials, lattice: _Lattice, arrivals: _Arrivals) -> _Sums:
    import numpy as np

    opening, nodes = potentials.opening, lattice.nodes
    source_null, target_sum = lattice.nulls(potentials)
    bead, source_run, target_run, either, reached = (np.full(nodes + 1, -np.inf) for _ in range(5))
    bead[lattice.first] = 0.0
    shares = np.empty(len(arrivals.scores))
    totals = np.empty(len(arrivals.nodes))
    above = lattice.above
    with np.errstate(divide="ignore"):
        for number in range(lattice.turns):
            here = lattice.turn(number)
            beads, which, arrived, firsts, counts = arrivals.turn(number)
            if len(arrived):
                ways = shares[beads]
                reached.take(arrivals.begins[beads], out=ways, mode="clip")
                ways += arrivals.scores[beads]
                highest = np.maximum.reduceat(ways, firsts)
                np.maximum(highest, _LOWEST, out=highest)
                ways -= highest.repeat(counts)
                np.exp(ways, out=ways)
                total = np.add.reduceat(ways, firsts, out=totals[which])
                bead[arrived] = highest + np.log(total)
            up = above[here]
            run = np.logaddexp(bead.take(up) + opening, source_run.take(up))
            run += source_null[here]
            source_run[here] = run
            first_null = np.logaddexp(bead[here], run, out=either[here])
            rows = lattice.as_rows(number, first_null - target_sum[here])
            rows[:, 1:] = np.logaddexp.accumulate(rows[:, :-1], axis=1)
            rows[:, 0] = -np.inf
            run = lattice.as_nodes(number, rows) + target_sum[here]
            run += opening
            target_run[here] = run
            np.logaddexp(first_null, run, out=reached[here])
    return _Sums(bead, source_run, target_run, either, reached, shares, totals)


def _backward(
    potentials: Potentials | SparsePotentials, lattice: _Lattice, arrivals: _Arrivals, sums: _Sums
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """For each node the probability of being in a source and in a target run there, and the expected number
    of runs; ``sums.shares`` become the beads' probabilities."""
    import numpy as np

    opening, nodes = potentials.opening, lattice.nodes
    source_null, target_sum = lattice.nulls(potentials)
    above = lattice.above
    # Of what passes a node, how much came each way: what is not reached has no share in anything.
    reached, either, source_run = (
        np.maximum(values[:nodes], _LOWEST) for values in (sums.reached, sums.either, sums.source_run)
    )
    either_share = np.exp(sums.either[:nodes] - reached)
    bead_share = np.exp(sums.bead[:nodes] - either)
    source_share = np.exp(sums.source_run[:nodes] - either)
    opened_share = np.exp(sums.bead[above] + opening + source_null - source_run)
    gone_on_share = np.exp(sums.source_run[above] + source_null - source_run)
    leave_target = target_sum - reached
    stay_target = sums.target_run[:nodes] - target_sum
    open_target = sums.either[:nodes] + opening - target_sum
    shares, scale = sums.shares, 1 / np.maximum(sums.totals, 1.0)

    leaving = np.zeros(nodes)
    leaving[lattice.last] = 1.0
    source_opened, source_gone_on = np.zeros(nodes + 1), np.zeros(nodes + 1)
    in_source, in_target, into_bead = (np.empty(nodes) for _ in range(3))
    openings = 0.0
    with np.errstate(divide="ignore"):
        for number in range(lattice.turns - 1, -1, -1):
            here = lattice.turn(number)
            beads, which, arrived, _, counts = arrivals.turn(number)
            passing = leaving[here]
            # In a target run at j: it is left at any k >= j.
            rows = lattice.as_rows(number, np.log(passing) + leave_target[here])
            ways_on = np.logaddexp.accumulate(rows[:, ::-1], axis=1)[:, ::-1]
            np.exp(lattice.as_nodes(number, ways_on) + stay_target[here], out=in_target[here])
            rows[:, :-1] = ways_on[:, 1:]
            rows[:, -1] = -np.inf
            opened = np.exp(lattice.as_nodes(number, rows) + open_target[here])
            into_either = passing * either_share[here] + opened
            run = into_either * source_share[here] + source_gone_on[here]
            in_source[here] = run
            up = above[here]
            source_opened[up] = run * opened_share[here]
            source_gone_on[up] = run * gone_on_share[here]
            into_bead[here] = into_either * bead_share[here] + source_opened[here]
            openings += float(opened.sum())
            if len(arrived):
                share = shares[beads]
                share *= (into_bead[arrived] * scale[which]).repeat(counts)
                begins = arrivals.begins[beads]
                lowest = int(begins.min())
                given = np.bincount(begins - lowest, share)
                leaving[lowest : lowest + len(given)] += given
    return in_source, in_target, openings + float(source_opened[:nodes].sum())


class _Lattice:
    """The points of all pieces, numbered in the order in which they are worked on: nodes.

    A turn takes row r of every piece of about the same width; the nodes of a turn are neighbours, and within
    it those of a row. A cut is two nodes: the last of one piece and the first of the next.
    """

    def __init__(self, band: Band, n: int, m: int, cuts: Sequence[tuple[int, int]]) -> None:
        import numpy as np

        points = np.array([(0, 0), *cuts, (n, m)], np.int64)
        ahead = np.diff(points, axis=0)
        if (ahead < 0).any():
            raise ValueError("the cuts do not ascend from (0, 0) to (n, m)")
        kept = np.flatnonzero(ahead.any(axis=1))
        kept = kept if len(kept) else np.array([0])
        begin, end = points[kept], points[kept + 1]

        # Rows, piece after piece.
        heights = end[:, 0] - begin[:, 0] + 1
        first_row = np.cumsum(heights) - heights
        piece = np.repeat(np.arange(len(kept)), heights)
        self.depths = _counted(heights)
        self.i = begin[piece, 0] + self.depths
        self.starts = np.maximum(band.starts[self.i], begin[piece, 1])
        self.sizes = np.maximum(np.minimum(band.stops[self.i], end[piece, 1] + 1) - self.starts, 0)
        self._to_cell = band.offsets[self.i] - band.starts[self.i]
        # Pieces of like width go together: rows are padded to the widest of their turn.
        widest = np.maximum.reduceat(self.sizes, first_row)
        group = np.log2(np.maximum(widest, 1)).astype(np.int64) // 2
        order = np.lexsort((piece, self.depths, group[piece]))
        order = order[self.sizes[order] > 0]
        sizes = self.sizes[order]
        self.bases = np.zeros(len(piece), np.int64)
        self.bases[order] = np.cumsum(sizes) - sizes

        # Turns.
        kind = np.stack([group[piece[order]], self.depths[order]])
        turn_row = np.flatnonzero(np.concatenate([[True], (np.diff(kind) != 0).any(axis=0)]))
        self.turns = len(turn_row)
        rows_in_turn = np.diff(np.append(turn_row, len(order)))
        width = np.maximum.reduceat(sizes, turn_row)
        self.nodes = int(sizes.sum())
        self.bounds = np.append(self.bases[order[turn_row]], self.nodes)
        self._shapes = list(zip(rows_in_turn.tolist(), width.tolist(), strict=True))
        self._bounds = self.bounds.tolist()

        # Nodes.
        small = np.int32 if max(self.nodes, m) < 2**31 - 1 else np.int64
        self.row = np.repeat(order, sizes).astype(small)
        inner = _counted(sizes)
        self.j = (self.starts[self.row] + inner).astype(small)
        self._padded = np.empty(0, np.int64)
        if (rows_in_turn * width != np.diff(self.bounds)).any():
            rank = np.arange(len(order)) - np.repeat(turn_row, rows_in_turn)
            self._padded = np.repeat(rank * np.repeat(width, rows_in_turn), sizes) + inner
        self.above = np.empty(self.nodes, small)
        for start in range(0, self.nodes, _BLOCK):
            block = slice(start, start + _BLOCK)
            self.above[block] = self.find(self.row[block], self.j[block], 1, 0)
        last_row = first_row + heights - 1
        self.first = self.find(first_row, begin[:, 1], 0, 0)
        self.last = self.find(last_row, end[:, 1], 0, 0)
        if max(self.first.max(), self.last.max()) == self.nodes:
            raise ValueError("the band holds no path")

    def find(
        self,
        row: NDArray[np.integer[Any]],
        j: NDArray[np.integer[Any]],
        a: NDArray[np.integer[Any]] | int,
        b: NDArray[np.integer[Any]] | int,
    ) -> NDArray[np.int64]:
        """The nodes ``a`` rows and ``b`` columns before; the number of nodes where there is none."""
        import numpy as np

        before = np.maximum(row - a, 0)
        inner = j - b - self.starts[before]
        inside = (self.depths[row] >= a) & (inner >= 0) & (inner < self.sizes[before])
        return np.where(inside, self.bases[before] + inner, self.nodes)

    def cells(self, start: int, stop: int) -> NDArray[np.int64]:
        """The band's cells of a range of nodes."""
        import numpy as np

        return np.asarray(self._to_cell[self.row[start:stop]] + self.j[start:stop], np.int64)

    def turn(self, number: int) -> slice:
        """The nodes of a turn."""
        return slice(self._bounds[number], self._bounds[number + 1])

    def nulls(
        self, potentials: Potentials | SparsePotentials
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """For each node, what its source sentence is worth unaligned, and all target sentences before it."""
        import numpy as np

        source = np.concatenate([[0.0], potentials.source_nulls])
        target = np.concatenate([[0.0], np.cumsum(potentials.target_nulls)])
        return source[self.i[self.row]], target[self.j]

    def as_rows(self, number: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The values of a turn's nodes as its rows, with -inf behind; may be the same memory."""
        import numpy as np

        count, width = self._shapes[number]
        if count * width == len(values):
            return values.reshape(count, width)
        rows = np.full(count * width, -np.inf)
        rows[self._padded[self.turn(number)]] = values
        return rows.reshape(count, width)

    def as_nodes(self, number: int, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """The reverse of ``as_rows``."""
        here = self.turn(number)
        flat = rows.reshape(-1)
        return flat if len(flat) == here.stop - here.start else flat[self._padded[here]]


class _Arrivals:
    """The allowed beads that lie in a piece, by the node where they end, then by height and width."""

    def __init__(self, potentials: Potentials | SparsePotentials, band: Band, lattice: _Lattice) -> None:
        import numpy as np

        if isinstance(potentials, Potentials):
            height, width = potentials.beads.shape[:2]
            gather = _dense_gatherer(potentials, lattice)
            most = height * width * lattice.nodes
        else:
            gather = _sparse_gatherer(potentials, lattice, band)
            most = len(potentials.beads)
        # Room for all, but what is not written to takes no memory.
        self.scores = np.empty(most, potentials.beads.dtype)
        self.begins = np.empty(most, np.int32 if lattice.nodes < 2**31 else np.int64)
        self.places = np.empty(most, np.int32 if potentials.beads.size < 2**31 else np.int64)
        """Where each stands among the potentials' beads."""
        counts = np.zeros(lattice.nodes, np.int64)
        done = 0
        for start in range(0, lattice.nodes, _BLOCK):
            stop = min(start + _BLOCK, lattice.nodes)
            node, begin, score, place = gather(start, stop)
            if not (score < np.inf).all():
                raise ValueError("what a bead is worth is not a finite number")
            counts[start:stop] = np.bincount(node, minlength=stop - start)
            new = slice(done, done + len(node))
            self.scores[new], self.begins[new], self.places[new] = score, begin, place
            done = new.stop
        self.scores, self.begins, self.places = self.scores[:done], self.begins[:done], self.places[:done]

        self.nodes = np.flatnonzero(counts)
        """Those where any bead arrives."""
        self._counts = counts[self.nodes]
        self._firsts = np.cumsum(self._counts) - self._counts
        self._node_bounds = np.searchsorted(self.nodes, lattice.bounds).tolist()
        self._bead_bounds = np.append(self._firsts, done)[self._node_bounds].tolist()

    def turn(
        self, number: int
    ) -> tuple[slice, slice, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """A turn's beads; the nodes where they arrive, as a slice of ``nodes`` and by number; for each the
        first bead, counted from the turn's first, and how many."""
        beads = slice(self._bead_bounds[number], self._bead_bounds[number + 1])
        which = slice(self._node_bounds[number], self._node_bounds[number + 1])
        return beads, which, self.nodes[which], self._firsts[which] - beads.start, self._counts[which]


_Gathered = tuple[
    "NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.floating[Any]]", "NDArray[np.integer[Any]]"
]
"""Allowed beads: the node where each ends, counted from the first asked for; the node where it begins; its
score; its place among the potentials' beads."""


def _dense_gatherer(potentials: Potentials, lattice: _Lattice) -> Callable[[int, int], _Gathered]:
    import numpy as np

    height, width, cells = potentials.beads.shape
    by_shape = potentials.beads.reshape(height * width, cells)
    heights, widths = np.arange(1, height + 1)[:, None], np.arange(1, width + 1)

    def gather(start: int, stop: int) -> _Gathered:
        cell = lattice.cells(start, stop)
        row, j = lattice.row[start:stop, None, None], lattice.j[start:stop, None, None]
        scores = by_shape.take(cell, axis=1).T.reshape(-1)
        begins = lattice.find(row, j, heights, widths).reshape(-1)
        held = np.flatnonzero((begins < lattice.nodes) & (scores != -np.inf))
        node, shape = np.divmod(held, height * width)
        return node, begins[held], scores[held], shape * cells + cell[node]

    return gather


def _sparse_gatherer(
    potentials: SparsePotentials, lattice: _Lattice, band: Band
) -> Callable[[int, int], _Gathered]:
    import numpy as np

    scores, a, b, ends = potentials.beads, potentials.heights, potentials.widths, potentials.cells
    cells = int(band.offsets[-1])
    if len(ends) and not (min(a.min(), b.min()) >= 1 and ends.min() >= 0 and ends.max() < cells):
        raise ValueError("a bead without sentences on one side, or outside the band")
    most = int(b.max(initial=0)) + 1
    keys = (ends.astype(np.int64) * (int(a.max(initial=0)) + 1) + a) * most + b
    order = None
    if (np.diff(keys) <= 0).any():
        order = keys.argsort()
        if (np.diff(keys[order]) == 0).any():
            raise ValueError("a bead is given twice")
    counts = np.bincount(ends, minlength=cells)
    firsts = np.cumsum(counts) - counts

    def gather(start: int, stop: int) -> _Gathered:
        cell = lattice.cells(start, stop)
        here = counts[cell]
        node = np.repeat(np.arange(stop - start), here)
        place = ranges(firsts[cell], here)
        if order is not None:
            place = order[place]
        row, j = lattice.row[start:stop][node], lattice.j[start:stop][node]
        begins = lattice.find(row, j, a[place], b[place])
        held = np.flatnonzero((begins < lattice.nodes) & (scores[place] != -np.inf))
        place = place[held]
        return node[held], begins[held], scores[place], place

    return gather


def ranges(begins: NDArray[np.integer[Any]], sizes: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """``begins[k]``, ``begins[k] + 1``, … as many as ``sizes[k]``, one range after the other."""
    import numpy as np

    return np.asarray(np.repeat(begins, sizes) + _counted(sizes), np.int64)


def _counted(sizes: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """0, 1, … up to each size, one after the other."""
    import numpy as np

    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    return np.asarray(np.arange(total) - np.repeat(ends - sizes, sizes), np.int64)

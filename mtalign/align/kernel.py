"""Dynamic programming over m–n beads with unaligned runs, in a band: pure numpy, knows nothing of language.

The lattice has the points (i, j), 0 <= i <= n, 0 <= j <= m: i source and j target sentences are behind.
A path from (0, 0) to (n, m) is a sequence of

* beads (a, b), 1 <= a <= A, 1 <= b <= B, ending at (i, j), worth ``beads[a - 1, b - 1, cell(i, j)]``;
* runs of unaligned source sentences, each worth ``opening`` and the sum of ``source_nulls`` over it;
* runs of unaligned target sentences, likewise; where two runs meet the source's comes first, so that every
  alignment is exactly one path.

Only points inside the band are visited: row i holds the columns ``starts[i] <= j < stops[i]``. Memory is
the band's cells, that is linear in the length of the texts where the band's width is bounded; scores are
asked for row by row.

The best path is Viterbi's; the sum over all paths (forward–backward for a semi-Markov chain, Sarawagi and
Cohen 2004) gives the probability of each bead when scores are log-potentials.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Step = tuple[int, int, int, int]
"""A bead or an unaligned run: source start, source stop, target start, target stop (half-open)."""

_BEAD, _SOURCE_RUN, _TARGET_RUN = 0, 1, 2


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

    beads: NDArray[np.float64]
    """Shape (A, B, cells); -inf where a bead is not allowed."""
    source_nulls: NDArray[np.float64]
    target_nulls: NDArray[np.float64]
    opening: float


@dataclass(frozen=True)
class Marginals:
    """Probabilities under the distribution in which a path is worth exp(its score)."""

    log_partition: float
    beads: NDArray[np.float64]
    """Shape (A, B, cells)."""
    source_nulls: NDArray[np.float64]
    """Of each source sentence being unaligned."""
    target_nulls: NDArray[np.float64]
    openings: float
    """Expected number of unaligned runs."""


def full_band(n: int, m: int) -> Band:
    """The band that holds every point."""
    import numpy as np

    return Band(np.zeros(n + 1, np.int64), np.full(n + 1, m + 1, np.int64))


def band_around(steps: list[Step], n: int, m: int, radius: int) -> Band:
    """The band of points at most ``radius`` rows and columns away from a path."""
    import numpy as np

    low = np.full(n + 1, m, np.int64)
    high = np.zeros(n + 1, np.int64)
    for source_start, source_stop, target_start, target_stop in [(0, 0, 0, 0), *steps]:
        low[source_start] = min(low[source_start], target_start)
        high[source_stop] = max(high[source_stop], target_stop)
        rows = slice(source_start, source_stop + 1)
        low[rows] = np.minimum(low[rows], target_start)
        high[rows] = np.maximum(high[rows], target_stop)
    # Both borders of a monotone path are monotone, so the extreme within the radius is at its end.
    rows_before = np.maximum(np.arange(n + 1) - radius, 0)
    rows_after = np.minimum(np.arange(n + 1) + radius, n)
    starts = np.maximum(low[rows_before] - radius, 0)
    stops = np.minimum(high[rows_after] + radius, m) + 1
    return Band(starts, stops)


def best_path(potentials: Potentials, band: Band, n: int, m: int) -> list[Step]:
    """The path of the highest score; every unaligned sentence is a step of its own.

    Raises:
        ValueError: the band holds no path from (0, 0) to (n, m).
    """
    import numpy as np

    offsets = band.offsets
    height, width = potentials.beads.shape[:2]
    cells = int(offsets[-1])
    bead_of = np.zeros(cells, np.int16)
    state_of = np.zeros(cells, np.int8)
    source_run_goes_on = np.zeros(cells, bool)
    target_run_from = np.zeros(cells, np.int8)
    target_sums = np.concatenate([[0.0], np.cumsum(potentials.target_nulls)])
    rows: dict[int, NDArray[np.float64]] = {}
    source_run = np.empty(0)
    bead = np.empty(0)
    end_value = -np.inf
    for i in range(n + 1):
        start, stop = int(band.starts[i]), int(band.stops[i])
        size = stop - start
        here = slice(int(offsets[i]), int(offsets[i + 1]))
        incoming = _incoming(potentials, band, rows, i, here)
        flat = incoming.reshape(height * width, size)
        chosen = flat.argmax(axis=0)
        new_bead = flat[chosen, np.arange(size)]
        if i == 0 and start == 0:
            new_bead[0] = 0.0
        bead_of[here] = chosen
        if i:
            before = int(band.starts[i - 1])
            opened = _shift(bead, before, start, size) + potentials.opening
            going = _shift(source_run, before, start, size)
            source_run_goes_on[here] = going > opened
            source_run = np.maximum(opened, going) + potentials.source_nulls[i - 1]
        else:
            source_run = np.full(size, -np.inf)
        bead = new_bead
        first_null = np.maximum(bead, source_run) + potentials.opening
        sums = target_sums[start:stop]
        target_run = np.full(size, -np.inf)
        target_run[1:] = np.maximum.accumulate(first_null[:-1] - sums[:-1]) + sums[1:]
        came = np.where(source_run > bead, _SOURCE_RUN, _BEAD)
        came[target_run > first_null] = _TARGET_RUN
        target_run_from[here][1:] = came[:-1]
        stacked = np.stack([bead, source_run, target_run])
        state = stacked.argmax(axis=0)
        state_of[here] = state
        rows[i] = stacked[state, np.arange(size)]
        rows.pop(i - height, None)
        if i == n and stop == m + 1:
            end_value = rows[i][-1]
    if not np.isfinite(end_value):
        raise ValueError("the band holds no path")

    steps: list[Step] = []
    i, j = n, m
    state_here = int(state_of[offsets[n] + m - band.starts[n]])
    while (i, j) != (0, 0):
        cell = int(offsets[i] + j - band.starts[i])
        if state_here == _BEAD:
            a, b = divmod(int(bead_of[cell]), width)
            i, j = i - a - 1, j - b - 1
            steps.append((i, i + a + 1, j, j + b + 1))
            state_here = int(state_of[offsets[i] + j - band.starts[i]])
        elif state_here == _SOURCE_RUN:
            i -= 1
            steps.append((i, i + 1, j, j))
            state_here = _SOURCE_RUN if source_run_goes_on[cell] else _BEAD
        else:
            j -= 1
            steps.append((i, i, j, j + 1))
            state_here = int(target_run_from[cell])
    steps.reverse()
    return steps


def marginals(potentials: Potentials, band: Band, n: int, m: int) -> Marginals:
    """Forward–backward over all paths in the band.

    Raises:
        ValueError: the band holds no path from (0, 0) to (n, m).
    """
    import numpy as np

    offsets = band.offsets
    height, width = potentials.beads.shape[:2]
    cells = int(offsets[-1])
    opening = potentials.opening
    target_sums = np.concatenate([[0.0], np.cumsum(potentials.target_nulls)])
    bead, source_run, target_run, any_state = (np.full(cells, -np.inf) for _ in range(4))
    rows: dict[int, NDArray[np.float64]] = {}
    for i in range(n + 1):
        start, stop = int(band.starts[i]), int(band.stops[i])
        size = stop - start
        here = slice(int(offsets[i]), int(offsets[i + 1]))
        bead[here] = _log_sum(_incoming(potentials, band, rows, i, here).reshape(height * width, size))
        if i == 0 and start == 0:
            bead[here][0] = 0.0
        if i:
            above = slice(int(offsets[i - 1]), int(offsets[i]))
            before = int(band.starts[i - 1])
            opened = _shift(bead[above], before, start, size) + opening
            going = _shift(source_run[above], before, start, size)
            source_run[here] = np.logaddexp(opened, going) + potentials.source_nulls[i - 1]
        sums = target_sums[start:stop]
        first_null = np.logaddexp(bead[here], source_run[here]) + opening
        target_run[here][1:] = np.logaddexp.accumulate(first_null[:-1] - sums[:-1]) + sums[1:]
        any_state[here] = np.logaddexp(np.logaddexp(bead[here], source_run[here]), target_run[here])
        rows[i] = any_state[here]
        rows.pop(i - height, None)
    log_partition = float(any_state[-1]) if band.stops[n] == m + 1 else -np.inf
    if not np.isfinite(log_partition):
        raise ValueError("the band holds no path")

    after_bead, after_source_run, after_target_run = (np.full(cells, -np.inf) for _ in range(3))
    openings = 0.0
    source_nulls = np.zeros(n)
    target_nulls = np.zeros(m)
    for i in range(n, -1, -1):
        start, stop = int(band.starts[i]), int(band.stops[i])
        size = stop - start
        here = slice(int(offsets[i]), int(offsets[i + 1]))
        leave = _outgoing(potentials, band, after_bead, offsets, i)
        if i == n:
            leave[-1] = 0.0
        sums = target_sums[start:stop]
        # Being in a target run at j: leave at any k >= j after the nulls j … k - 1.
        after_target_run[here] = np.logaddexp.accumulate((leave + sums)[::-1])[::-1] - sums
        open_target = np.full(size, -np.inf)
        open_target[:-1] = opening + potentials.target_nulls[start : stop - 1] + after_target_run[here][1:]
        go_source = np.full(size, -np.inf)
        if i < n:
            below = slice(int(offsets[i + 1]), int(offsets[i + 2]))
            go_source = (
                _shift(after_source_run[below], int(band.starts[i + 1]), start, size)
                + potentials.source_nulls[i]
            )
        after_source_run[here] = np.logaddexp(np.logaddexp(leave, open_target), go_source)
        after_bead[here] = np.logaddexp(np.logaddexp(leave, open_target), go_source + opening)
        new_target = np.exp(np.logaddexp(bead[here], source_run[here]) + open_target - log_partition)
        new_source = np.exp(bead[here] + go_source + opening - log_partition)
        openings += float(new_target.sum() + new_source.sum())
        if i < n:
            source_nulls[i] = float(
                new_source.sum() + np.exp(source_run[here] + go_source - log_partition).sum()
            )
        going_on = target_run[here][:-1] + open_target[:-1] - opening - log_partition
        target_nulls[start : stop - 1] += new_target[:-1] + np.exp(going_on)

    probabilities = np.zeros_like(potentials.beads)
    for i in range(n + 1):
        here = slice(int(offsets[i]), int(offsets[i + 1]))
        start, size = int(band.starts[i]), int(band.stops[i] - band.starts[i])
        rows[i] = any_state[here]
        rows.pop(i - height - 1, None)
        log_beads = _incoming(potentials, band, rows, i, here) + after_bead[here] - log_partition
        np.exp(log_beads, out=probabilities[:, :, here])
    return Marginals(log_partition, probabilities, source_nulls, target_nulls, openings)


def _log_sum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of the sum of exponentials along the first axis."""
    import numpy as np

    highest = values.max(axis=0)
    safe = np.where(np.isfinite(highest), highest, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(values - safe).sum(axis=0)) + safe)


def _shift(row: NDArray[np.float64], have: int, want: int, size: int) -> NDArray[np.float64]:
    """Columns ``want … want + size`` of a row that begins at column ``have``; -inf outside it."""
    import numpy as np

    out = np.full(size, -np.inf)
    first, last = max(have, want), min(have + len(row), want + size)
    if first < last:
        out[first - want : last - want] = row[first - have : last - have]
    return out


def _incoming(
    potentials: Potentials, band: Band, rows: dict[int, NDArray[np.float64]], i: int, here: slice
) -> NDArray[np.float64]:
    """Score of every bead into row ``i`` together with the best (or summed) way to where it begins."""
    import numpy as np
    from numpy.lib.stride_tricks import sliding_window_view

    height, width = potentials.beads.shape[:2]
    start, size = int(band.starts[i]), int(band.stops[i] - band.starts[i])
    incoming: NDArray[Any] = np.full((height, width, size), -np.inf)
    for a in range(1, min(height, i) + 1):
        # Columns start - width … stop - 2; the window that begins at column start - b serves b.
        padded = _shift(rows[i - a], int(band.starts[i - a]), start - width, size + width - 1)
        windows = sliding_window_view(padded, size)[::-1]
        np.add(potentials.beads[a - 1, :, here], windows, out=incoming[a - 1])
    return incoming


def _outgoing(
    potentials: Potentials,
    band: Band,
    after_bead: NDArray[np.float64],
    offsets: NDArray[np.int64],
    i: int,
) -> NDArray[np.float64]:
    """Summed score of every bead out of row ``i`` together with all that can follow it."""
    import numpy as np
    from numpy.lib.stride_tricks import as_strided

    height, width = potentials.beads.shape[:2]
    start, size = int(band.starts[i]), int(band.stops[i] - band.starts[i])
    last_row = len(band.starts) - 1
    outgoing = np.full((height, width, size), -np.inf)
    for a in range(1, min(height, last_row - i) + 1):
        there = slice(int(offsets[i + a]), int(offsets[i + a + 1]))
        have, length = int(band.starts[i + a]), int(band.stops[i + a] - band.starts[i + a])
        want, span = start + 1, size + width - 1
        padded = np.full((width, span), -np.inf)
        first, last = max(have, want), min(have + length, want + span)
        if first < last:
            values = potentials.beads[a - 1, :, there] + after_bead[there]
            padded[:, first - want : last - want] = values[:, first - have : last - have]
        # Bead (a, b) from column j ends at column j + b: row b - 1 is read from its element b - 1 on.
        strides = (padded.strides[0] + padded.strides[1], padded.strides[1])
        outgoing[a - 1] = as_strided(padded, (width, size), strides)
    return _log_sum(outgoing.reshape(height * width, size))

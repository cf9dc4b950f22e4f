"""The dynamic programming of mtalign.align.kernel written plainly, row by row: what that must equal."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtalign.align.kernel import Band, Marginals, Potentials, Step

_BEAD, _SOURCE_RUN, _TARGET_RUN = 0, 1, 2


def band_around(steps: list[Step], n: int, m: int, radius: int) -> Band:
    """The band of points at most ``radius`` rows and columns away from a path."""
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
    offsets = band.offsets.tolist()
    starts, stops = band.starts.tolist(), band.stops.tolist()
    height, width = potentials.beads.shape[:2]
    bead_of = np.zeros(offsets[-1], np.int16)
    state_of = np.zeros(offsets[-1], np.int8)
    source_run_goes_on = np.zeros(offsets[-1], bool)
    target_run_from = np.zeros(offsets[-1], np.int8)
    target_sums = np.concatenate([[0.0], np.cumsum(potentials.target_nulls)])
    reached = _Rows(height, m, width)
    beads = _Rows(1, m, 0)
    source_runs = _Rows(1, m, 0)
    end_value = -np.inf
    for i in range(n + 1):
        start, stop = starts[i], stops[i]
        size = stop - start
        here = slice(offsets[i], offsets[i + 1])
        ways = potentials.beads[:, :, here] + reached.before(i, start, size, width)
        flat = ways.reshape(height * width, size)
        chosen = flat.argmax(axis=0)
        bead = flat[chosen, np.arange(size)]
        if i == 0 and start == 0:
            bead[0] = 0.0
        bead_of[here] = chosen
        if i:
            opened = beads.get(i - 1, start, stop) + potentials.opening
            going = source_runs.get(i - 1, start, stop)
            source_run_goes_on[here] = going > opened
            source_run = np.maximum(opened, going) + potentials.source_nulls[i - 1]
        else:
            source_run = np.full(size, -np.inf)
        first_null = np.maximum(bead, source_run) + potentials.opening
        sums = target_sums[start:stop]
        target_run = np.full(size, -np.inf)
        target_run[1:] = np.maximum.accumulate(first_null[:-1] - sums[:-1]) + sums[1:]
        came = np.where(source_run > bead, _SOURCE_RUN, _BEAD)
        came[target_run > first_null] = _TARGET_RUN
        target_run_from[here][1:] = came[:-1]
        stacked = np.stack([bead, source_run, target_run])
        state_of[here] = stacked.argmax(axis=0)
        best = stacked.max(axis=0)
        reached.put(i, start, best)
        beads.put(i, start, bead)
        source_runs.put(i, start, source_run)
        if i == n and stop == m + 1:
            end_value = best[-1]
    if not np.isfinite(end_value):
        raise ValueError("the band holds no path")

    steps: list[Step] = []
    i, j = n, m
    state_here = int(state_of[offsets[n] + m - starts[n]])
    while (i, j) != (0, 0):
        cell = offsets[i] + j - starts[i]
        if state_here == _BEAD:
            a, b = divmod(int(bead_of[cell]), width)
            i, j = i - a - 1, j - b - 1
            steps.append((i, i + a + 1, j, j + b + 1))
            state_here = int(state_of[offsets[i] + j - starts[i]])
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
    offsets = band.offsets
    height, width = potentials.beads.shape[:2]
    bead, source_run, target_run = _forward(potentials, band, n, m)
    reached = np.logaddexp(np.logaddexp(bead, source_run), target_run)
    log_partition = float(reached[-1]) if band.stops[n] == m + 1 else -np.inf
    if not np.isfinite(log_partition):
        raise ValueError("the band holds no path")

    # Beads by the cell they leave from, and the cell they arrive at.
    cells = int(offsets[-1])
    sizes = band.stops - band.starts
    rows = np.repeat(np.arange(n + 1), sizes)
    columns = np.arange(cells) - np.repeat(offsets[:-1] - band.starts, sizes)
    leaving = np.full_like(potentials.beads, -np.inf)
    arrival = {}
    for a in range(1, min(height, n) + 1):
        onward = np.minimum(rows + a, n)
        for b in range(1, min(width, m) + 1):
            inside = (
                (rows + a <= n) & (columns + b >= band.starts[onward]) & (columns + b < band.stops[onward])
            )
            begin = np.flatnonzero(inside)
            end = offsets[onward[begin]] + columns[begin] + b - band.starts[onward[begin]]
            leaving[a - 1, b - 1, begin] = potentials.beads[a - 1, b - 1, end]
            arrival[a, b] = begin, end
    after_bead, open_target, go_source = _backward(potentials, leaving, band, n, m)

    new_target = np.exp(np.logaddexp(bead, source_run) + open_target - log_partition)
    new_source = np.exp(bead + go_source + potentials.opening - log_partition)
    any_source = new_source + np.exp(source_run + go_source - log_partition)
    any_target = new_target + np.exp(target_run + open_target - potentials.opening - log_partition)
    probabilities = np.zeros_like(potentials.beads)
    for (a, b), (begin, end) in arrival.items():
        probabilities[a - 1, b - 1, end] = np.exp(
            reached[begin] + potentials.beads[a - 1, b - 1, end] + after_bead[end] - log_partition
        )
    return Marginals(
        log_partition,
        probabilities,
        np.asarray(np.bincount(rows, any_source, n + 1)[:n], np.float64),
        np.asarray(np.bincount(columns, any_target, m + 1)[:m], np.float64),
        float(new_target.sum() + new_source.sum()),
    )


def _forward(
    potentials: Potentials, band: Band, n: int, m: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """For each cell the summed score of all ways into it whose last step is a bead, or in either run."""
    offsets = band.offsets.tolist()
    starts, stops = band.starts.tolist(), band.stops.tolist()
    height, width = potentials.beads.shape[:2]
    opening = potentials.opening
    target_sums = np.concatenate([[0.0], np.cumsum(potentials.target_nulls)])
    beads, source_runs, target_runs = (np.full(offsets[-1], -np.inf) for _ in range(3))
    reached = _Rows(height, m, width)
    open_runs = _Rows(1, m, 0)
    for i in range(n + 1):
        start, stop = starts[i], stops[i]
        size = stop - start
        here = slice(offsets[i], offsets[i + 1])
        ways = potentials.beads[:, :, here] + reached.before(i, start, size, width)
        bead = _log_sum(ways.reshape(height * width, size))
        if i == 0 and start == 0:
            bead[0] = 0.0
        source_run = source_runs[here]
        if i:
            source_run[:] = open_runs.get(i - 1, start, stop) + potentials.source_nulls[i - 1]
        sums = target_sums[start:stop]
        either = np.logaddexp(bead, source_run)
        target_run = target_runs[here]
        target_run[1:] = np.logaddexp.accumulate(either[:-1] - sums[:-1]) + sums[1:] + opening
        beads[here] = bead
        reached.put(i, start, np.logaddexp(either, target_run))
        open_runs.put(i, start, np.logaddexp(bead + opening, source_run))
    return beads, source_runs, target_runs


def _backward(
    potentials: Potentials, leaving: NDArray[np.floating[Any]], band: Band, n: int, m: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """For each cell the summed score of all ways on: any after a bead; by opening a run of target sentences;
    by one more source sentence in a run."""
    offsets = band.offsets.tolist()
    starts, stops = band.starts.tolist(), band.stops.tolist()
    height, width = potentials.beads.shape[:2]
    opening = potentials.opening
    target_sums = np.concatenate([[0.0], np.cumsum(potentials.target_nulls)])
    after_beads, open_targets, go_sources = (np.full(offsets[-1], -np.inf) for _ in range(3))
    arrived = _Rows(height, m, width)
    source_runs = _Rows(1, m, 0)
    for i in range(n, -1, -1):
        start, stop = starts[i], stops[i]
        size = stop - start
        here = slice(offsets[i], offsets[i + 1])
        ways = leaving[:, :, here] + arrived.after(i, start, size, width)
        leave = _log_sum(ways.reshape(height * width, size))
        if i == n:
            leave[-1] = 0.0
        sums = target_sums[start:stop]
        # In a target run at j: leave it at any k >= j, after the sentences j … k - 1.
        in_target = np.logaddexp.accumulate((leave + sums)[::-1])[::-1] - sums
        open_target = open_targets[here]
        open_target[:-1] = opening + potentials.target_nulls[start : stop - 1] + in_target[1:]
        on = np.logaddexp(leave, open_target)
        go_source = go_sources[here]
        if i < n:
            go_source[:] = source_runs.get(i + 1, start, stop) + potentials.source_nulls[i]
        after_bead = np.logaddexp(on, go_source + opening)
        after_beads[here] = after_bead
        arrived.put(i, start, after_bead)
        source_runs.put(i, start, np.logaddexp(on, go_source))
    return after_beads, open_targets, go_sources


class _Rows:
    """The last few lattice rows by column, -inf where nothing was put; ``margin`` columns of -inf around."""

    def __init__(self, depth: int, m: int, margin: int) -> None:
        self._depth, self._margin = depth, margin
        self._values = np.full((depth, m + 1 + 2 * margin), -np.inf)
        self._held = [(0, 0)] * depth

    def put(self, i: int, start: int, row: NDArray[np.float64]) -> None:
        slot = i % self._depth
        old_start, old_stop = self._held[slot]
        self._values[slot, old_start:old_stop] = float("-inf")
        first = start + self._margin
        self._held[slot] = (first, first + len(row))
        self._values[slot, first : first + len(row)] = row

    def get(self, i: int, start: int, stop: int) -> NDArray[np.float64]:
        row: NDArray[np.float64] = self._values[i % self._depth, start + self._margin : stop + self._margin]
        return row

    def before(self, i: int, start: int, size: int, width: int) -> NDArray[np.float64]:
        """Element (a - 1, b - 1, k) is row i - a, column start + k - b."""
        order = [(i - a) % self._depth for a in range(1, self._depth + 1)]
        first = start + self._margin - width
        block: NDArray[np.float64] = self._values[order, first : first + size + width - 1]
        row, item = block.strides
        shape, strides = (self._depth, width, size), (row, -item, item)
        view: NDArray[np.float64] = np.ndarray(shape, np.float64, block, (width - 1) * item, strides)
        return view

    def after(self, i: int, start: int, size: int, width: int) -> NDArray[np.float64]:
        """Element (a - 1, b - 1, k) is row i + a, column start + k + b."""
        order = [(i + a) % self._depth for a in range(1, self._depth + 1)]
        first = start + self._margin + 1
        block: NDArray[np.float64] = self._values[order, first : first + size + width - 1]
        row, item = block.strides
        shape, strides = (self._depth, width, size), (row, item, item)
        view: NDArray[np.float64] = np.ndarray(shape, np.float64, block, 0, strides)
        return view


def _log_sum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of the sum of exponentials along the first axis."""
    highest = values.max(axis=0)
    np.maximum(highest, -1e300, out=highest)
    values -= highest
    np.exp(values, out=values)
    sums = values.sum(axis=0)
    with np.errstate(divide="ignore"):
        np.log(sums, out=sums)
    sums += highest
    return np.asarray(sums)

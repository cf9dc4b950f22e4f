"""The dynamic programming against plain enumeration of every path, and against the same row by row."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
import rowwise_kernel as rowwise
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mtalign.align.kernel import (
    Band,
    Marginals,
    Potentials,
    SparsePotentials,
    Step,
    band_around,
    best_chain,
    best_path,
    full_band,
    marginals,
)

Problem = tuple[int, int, Potentials, Band]
Cuts = list[tuple[int, int]]


def every_path(n: int, m: int, height: int, width: int) -> Iterator[list[Step]]:
    """All paths; a source run never follows a target run directly."""

    def extend(i: int, j: int, path: list[Step]) -> Iterator[list[Step]]:
        if (i, j) == (n, m):
            yield list(path)
            return
        after_target_null = bool(path) and path[-1][0] == path[-1][1]
        for a, b in itertools.product(range(height + 1), range(width + 1)):
            is_bead = a > 0 and b > 0
            if not is_bead and (a, b) not in ((1, 0), (0, 1)):
                continue
            if (a, b) == (1, 0) and after_target_null:
                continue
            if i + a <= n and j + b <= m:
                path.append((i, i + a, j, j + b))
                yield from extend(i + a, j + b, path)
                path.pop()

    yield from extend(0, 0, [])


def worth(path: list[Step], potentials: Potentials, band: Band) -> float:
    total = 0.0
    previous = ""
    points = [(0, 0)]
    for i0, i1, j0, j1 in path:
        points.append((i1, j1))
        if i1 > i0 and j1 > j0:
            cell = band.offsets[i1] + j1 - band.starts[i1]
            inside = band.starts[i1] <= j1 < band.stops[i1]
            total += potentials.beads[i1 - i0 - 1, j1 - j0 - 1, cell] if inside else -math.inf
            previous = "bead"
            continue
        kind = "source" if i1 > i0 else "target"
        total += potentials.source_nulls[i0] if kind == "source" else potentials.target_nulls[j0]
        total += potentials.opening if kind != previous else 0.0
        previous = kind
    if any(not band.starts[i] <= j < band.stops[i] for i, j in points):
        return -math.inf
    return float(total)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    n, m = draw(st.integers(0, 4)), draw(st.integers(0, 4))
    height, width = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    starts = np.zeros(n + 1, np.int64)
    stops = np.full(n + 1, m + 1, np.int64)
    if draw(st.booleans()):
        starts = np.sort(rng.integers(0, m + 1, n + 1))
        stops = np.maximum(np.sort(rng.integers(1, m + 2, n + 1)), starts + 1)
        starts[0], stops[-1] = 0, m + 1
        stops = np.maximum(stops, starts + 1)
    band = Band(starts, stops)
    beads = rng.normal(size=(height, width, int(band.offsets[-1])))
    beads[rng.random(beads.shape) < 0.2] = -np.inf
    return n, m, Potentials(beads, rng.normal(size=n), rng.normal(size=m), float(rng.normal())), band


@settings(max_examples=150, deadline=None)
@given(problems())
def test_best_path_is_the_best_of_all_paths(problem: Problem) -> None:
    n, m, potentials, band = problem
    height, width = potentials.beads.shape[:2]
    values = [worth(path, potentials, band) for path in every_path(n, m, height, width)]
    if not np.isfinite(max(values)):
        with pytest.raises(ValueError, match="no path"):
            best_path(potentials, band, n, m)
        return
    found = best_path(potentials, band, n, m)
    assert worth(found, potentials, band) == pytest.approx(max(values))
    assert [step[0] for step in found] == [0, *(step[1] for step in found)][: len(found)]


@settings(max_examples=150, deadline=None)
@given(problems())
def test_marginals_are_the_sums_over_all_paths(problem: Problem) -> None:
    n, m, potentials, band = problem
    height, width = potentials.beads.shape[:2]
    paths = [(path, worth(path, potentials, band)) for path in every_path(n, m, height, width)]
    if not np.isfinite(max(value for _, value in paths)):
        with pytest.raises(ValueError, match="no path"):
            marginals(potentials, band, n, m)
        return
    total = sum(math.exp(value) for _, value in paths)
    beads = np.zeros_like(potentials.beads)
    source_nulls, target_nulls, openings = np.zeros(n), np.zeros(m), 0.0
    for path, value in paths:
        probability = math.exp(value) / total
        previous = ""
        for i0, i1, j0, j1 in path if probability else []:
            if i1 > i0 and j1 > j0:
                beads[i1 - i0 - 1, j1 - j0 - 1, band.offsets[i1] + j1 - band.starts[i1]] += probability
                previous = "bead"
                continue
            kind = "source" if i1 > i0 else "target"
            openings += probability if kind != previous else 0.0
            previous = kind
            if kind == "source":
                source_nulls[i0] += probability
            else:
                target_nulls[j0] += probability
    result = marginals(potentials, band, n, m)
    assert result.log_partition == pytest.approx(math.log(total))
    np.testing.assert_allclose(result.beads, beads, atol=1e-9)
    np.testing.assert_allclose(result.source_nulls, source_nulls, atol=1e-9)
    np.testing.assert_allclose(result.target_nulls, target_nulls, atol=1e-9)
    assert result.openings == pytest.approx(openings)


def test_a_band_around_a_path_holds_the_path_and_no_more_than_its_radius() -> None:
    steps: list[Step] = [(0, 2, 0, 1), (2, 2, 1, 2), (2, 3, 2, 4), (3, 4, 4, 4)]
    band = band_around(steps, 4, 4, radius=0)
    for i0, i1, j0, j1 in steps:
        assert band.starts[i0] <= j0 < band.stops[i0]
        assert band.starts[i1] <= j1 < band.stops[i1]
    assert band.stops[4] == 5
    assert band.starts[4] == 4
    wide = band_around(steps, 4, 4, radius=4)
    assert (wide.starts == full_band(4, 4).starts).all()
    assert (wide.stops == full_band(4, 4).stops).all()


@st.composite
def larger_problems(draw: st.DrawFn) -> tuple[Problem, Cuts]:
    """Bands of uneven width, some beads forbidden, worths of any size; points in order that may be cuts."""
    n, m = draw(st.integers(0, 14)), draw(st.integers(0, 14))
    height, width = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    radius = draw(st.sampled_from([1, 3, 20]))
    middle = np.round(np.linspace(0, m, n + 1)).astype(np.int64)
    starts = np.maximum(middle - rng.integers(0, radius + 1, n + 1), 0)
    stops = np.minimum(middle + rng.integers(0, radius + 1, n + 1), m) + 1
    starts[0], stops[-1] = 0, m + 1
    band = Band(starts, stops)
    size = draw(st.sampled_from([1.0, 1000.0]))
    beads = size * rng.normal(size=(height, width, int(band.offsets[-1])))
    nulls = [size * rng.normal(size=side) for side in (n, m)]
    opening = size * float(rng.normal())
    if draw(st.booleans()):  # Many paths of the same worth, and which is taken must not change.
        beads, *nulls = (np.round(values / size) for values in (beads, *nulls))
        opening = round(opening / size)
    beads[rng.random(beads.shape) < draw(st.sampled_from([0.0, 0.3, 0.9]))] = -np.inf
    beads = beads.astype(draw(st.sampled_from([np.float32, np.float64])))
    for side in nulls:
        side[rng.random(len(side)) < draw(st.sampled_from([0.0, 0.2]))] -= 500
    number = draw(st.integers(0, 4))
    rows = np.sort(rng.integers(0, n + 1, number))
    columns = np.sort(rng.integers(0, m + 1, number))
    if draw(st.booleans()):
        columns = middle[rows]
    cuts = list(zip(rows.tolist(), columns.tolist(), strict=True))
    return (n, m, Potentials(beads, nulls[0], nulls[1], opening), band), cuts


def pieces(problem: Problem, cuts: Cuts) -> Iterator[tuple[tuple[int, int], Problem, NDArray[np.int64]]]:
    """Where each piece begins, the piece as a problem of its own, and its cells' numbers in the whole."""
    n, m, potentials, band = problem
    for (i0, j0), (i1, j1) in itertools.pairwise([(0, 0), *cuts, (n, m)]):
        rows = np.arange(i0, i1 + 1)
        starts = np.maximum(band.starts[rows], j0)
        stops = np.maximum(np.minimum(band.stops[rows], j1 + 1), starts)
        cells = [
            np.arange(start, stop) + band.offsets[i] - band.starts[i]
            for i, start, stop in zip(rows, starts, stops, strict=True)
        ]
        cell = np.concatenate(cells)
        part = Potentials(
            potentials.beads[:, :, cell],
            potentials.source_nulls[i0:i1],
            potentials.target_nulls[j0:j1],
            potentials.opening,
        )
        yield (i0, j0), (i1 - i0, j1 - j0, part, Band(starts - j0, stops - j0)), cell


def starts_and_ends_in_band(problem: Problem) -> bool:
    n, m, _, band = problem
    return bool(band.starts[0] == 0 < band.stops[0] and band.starts[n] <= m and band.stops[n] == m + 1)


def rowwise_best_path(problem: Problem, cuts: Cuts) -> list[Step]:
    steps: list[Step] = []
    for (i, j), piece, _ in pieces(problem, cuts):
        if not starts_and_ends_in_band(piece):
            raise ValueError("the band holds no path")
        n, m, potentials, band = piece
        for i0, i1, j0, j1 in rowwise.best_path(potentials, band, n, m):
            steps.append((i + i0, i + i1, j + j0, j + j1))
    return steps


def rowwise_marginals(problem: Problem, cuts: Cuts) -> Marginals:
    n, m, potentials, _ = problem
    log_partition, openings = 0.0, 0.0
    beads = np.zeros(potentials.beads.shape)
    source_nulls, target_nulls = np.zeros(n), np.zeros(m)
    for (i, j), piece, cell in pieces(problem, cuts):
        if not starts_and_ends_in_band(piece):
            raise ValueError("the band holds no path")
        rows, columns, part, band = piece
        result = rowwise.marginals(part, band, rows, columns)
        log_partition += result.log_partition
        openings += result.openings
        beads[:, :, cell] += result.beads
        source_nulls[i : i + rows] += result.source_nulls
        target_nulls[j : j + columns] += result.target_nulls
    return Marginals(log_partition, beads, source_nulls, target_nulls, openings)


def sparse(potentials: Potentials) -> SparsePotentials:
    """The same, with only the beads that are allowed."""
    height, width, cells = potentials.beads.shape
    flat = potentials.beads.reshape(height * width, cells).T.reshape(-1)
    found = np.flatnonzero(flat > -np.inf)
    cell, shape = np.divmod(found, height * width)
    rows, columns = np.divmod(shape, width)
    rest = potentials.source_nulls, potentials.target_nulls, potentials.opening
    return SparsePotentials(flat[found], rows + 1, columns + 1, cell, *rest)


def shuffled(potentials: Potentials, seed: int) -> SparsePotentials:
    few = sparse(potentials)
    order = np.random.default_rng(seed).permutation(len(few.beads))
    fields = (few.beads, few.heights, few.widths, few.cells)
    beads, heights, widths, cells = (field[order] for field in fields)
    return SparsePotentials(
        beads,
        heights.astype(np.int8),
        widths.astype(np.int8),
        cells.astype(np.int32),
        few.source_nulls,
        few.target_nulls,
        few.opening,
    )


def assert_same_marginals(found: Marginals, wanted: Marginals, tolerance: float = 1e-9) -> None:
    assert found.log_partition == pytest.approx(wanted.log_partition, rel=1e-12, abs=1e-9)
    np.testing.assert_allclose(found.beads, wanted.beads, atol=tolerance)
    np.testing.assert_allclose(found.source_nulls, wanted.source_nulls, atol=1e-9)
    np.testing.assert_allclose(found.target_nulls, wanted.target_nulls, atol=1e-9)
    assert found.openings == pytest.approx(wanted.openings, abs=1e-8)


@settings(max_examples=300, deadline=None)
@given(larger_problems(), st.booleans())
def test_best_path_equals_the_row_by_row_one_of_each_piece(case: tuple[Problem, Cuts], cut: bool) -> None:
    problem, cuts = case
    cuts = cuts if cut else []
    n, m, potentials, band = problem
    try:
        wanted = rowwise_best_path(problem, cuts)
    except ValueError:
        with pytest.raises(ValueError, match="no path"):
            best_path(potentials, band, n, m, cuts)
        return
    assert best_path(potentials, band, n, m, cuts) == wanted
    assert best_path(sparse(potentials), band, n, m, cuts) == wanted
    assert best_path(shuffled(potentials, n), band, n, m, cuts) == wanted


@settings(max_examples=300, deadline=None)
@given(larger_problems(), st.booleans())
def test_marginals_equal_the_row_by_row_ones_of_each_piece(case: tuple[Problem, Cuts], cut: bool) -> None:
    problem, cuts = case
    cuts = cuts if cut else []
    n, m, potentials, band = problem
    try:
        wanted = rowwise_marginals(problem, cuts)
    except ValueError:
        with pytest.raises(ValueError, match="no path"):
            marginals(potentials, band, n, m, cuts)
        return
    tolerance = 1e-9 if potentials.beads.dtype == np.float64 else 1e-6
    found = marginals(potentials, band, n, m, cuts)
    assert found.beads.dtype == potentials.beads.dtype
    assert_same_marginals(found, wanted, tolerance)
    for form in (sparse(potentials), shuffled(potentials, n)):
        few = marginals(form, band, n, m, cuts)
        beads = np.zeros_like(potentials.beads)
        beads[form.heights - 1, form.widths - 1, form.cells] = few.beads
        assert_same_marginals(
            Marginals(few.log_partition, beads, few.source_nulls, few.target_nulls, few.openings),
            wanted,
            tolerance,
        )


def long_problem(n: int, m: int, seed: int) -> Problem:
    """A text with a wide stretch in its band, as round a hole."""
    rng = np.random.default_rng(seed)
    middle = np.round(np.linspace(0, m, n + 1)).astype(np.int64)
    radius = np.where((np.arange(n + 1) > n // 3) & (np.arange(n + 1) < n // 2), 40, 6)
    band = Band(np.maximum(middle - radius, 0), np.minimum(middle + radius, m) + 1)
    beads = rng.normal(-3, 3, size=(5, 5, int(band.offsets[-1]))).astype(np.float32)
    return n, m, Potentials(beads, rng.normal(-4, 1, n), rng.normal(-4, 1, m), -2.0), band


@pytest.mark.parametrize("number", [0, 1, 11])
def test_a_long_text_in_pieces_of_unlike_length_and_width_equals_the_row_by_row_one(number: int) -> None:
    problem = long_problem(400, 430, 7)
    n, m, potentials, band = problem
    rows = np.sort(np.random.default_rng(number).choice(np.arange(1, n), number, replace=False))
    middle = np.round(np.linspace(0, m, n + 1)).astype(np.int64)
    cuts = list(zip(rows.tolist(), middle[rows].tolist(), strict=True))
    assert best_path(potentials, band, n, m, cuts) == rowwise_best_path(problem, cuts)
    found = marginals(potentials, band, n, m, cuts)
    assert_same_marginals(found, rowwise_marginals(problem, cuts), 1e-6)
    assert found.beads.sum() > 50


def test_every_path_goes_through_the_cuts_and_no_bead_and_no_run_goes_over_one() -> None:
    n = m = 6
    band = full_band(n, m)
    beads = np.zeros((2, 2, int(band.offsets[-1])))
    beads[1, 1] = 50.0
    potentials = Potentials(beads, np.full(n, -1.0), np.full(m, -1.0), -1.0)
    cuts = [(3, 1), (3, 3)]
    steps = best_path(potentials, band, n, m, cuts)
    assert {(0, 0), *cuts} <= {(i0, j0) for i0, _, j0, _ in steps}
    assert steps[-3:-1] != [(2, 4, 2, 4), (4, 6, 4, 6)]
    chances = marginals(potentials, band, n, m, cuts)
    cell = band.offsets[4] + 4 - band.starts[4]
    assert chances.beads[1, 1, cell] == 0
    # (3, 1) to (3, 3) is a run of two target sentences for certain, opened once.
    assert chances.target_nulls[1:3] == pytest.approx([1, 1])


def test_a_run_that_meets_a_cut_is_opened_anew_behind_it() -> None:
    no_beads = Potentials(np.full((1, 1, 10), -np.inf), np.zeros(4), np.zeros(1), -1.0)
    band = full_band(4, 1)
    # Three runs: a source run at least on one side of the target run, and the target run itself.
    assert marginals(no_beads, band, 4, 1).openings == pytest.approx(2)
    whole = marginals(no_beads, band, 4, 1, [(2, 0)])
    assert whole.openings == pytest.approx(3)
    assert whole.log_partition == pytest.approx(-3)
    # Behind a cut a source run may follow a target run.
    assert best_path(no_beads, band, 4, 1, [(2, 1)])[-3:] == [(2, 2, 0, 1), (2, 3, 1, 1), (3, 4, 1, 1)]


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 5), (5, 0)])
def test_an_empty_side_is_one_run(n: int, m: int) -> None:
    band = full_band(n, m)
    beads = np.zeros((5, 5, int(band.offsets[-1])), np.float32)
    potentials = Potentials(beads, np.full(n, -1.0), np.full(m, -1.0), -2.0)
    for form in (potentials, sparse(potentials)):
        steps = [(i, i + 1, 0, 0) for i in range(n)] + [(0, 0, j, j + 1) for j in range(m)]
        assert best_path(form, band, n, m) == steps
        chances = marginals(form, band, n, m)
        assert chances.log_partition == pytest.approx(-2.0 - n - m if n + m else 0.0)
        assert chances.openings == pytest.approx(1.0 if n + m else 0.0)
        assert not chances.beads.any()
        assert [*chances.source_nulls, *chances.target_nulls] == pytest.approx([1.0] * (n + m))


def test_no_allowed_bead_leaves_everything_unaligned() -> None:
    nothing = np.empty(0, np.int64)
    few = SparsePotentials(np.empty(0), nothing, nothing, nothing, np.zeros(3), np.zeros(2), 0.0)
    steps = [(0, 1, 0, 0), (1, 2, 0, 0), (2, 3, 0, 0), (3, 3, 0, 1), (3, 3, 1, 2)]
    assert best_path(few, full_band(3, 2), 3, 2) == steps


@pytest.mark.parametrize("cuts", [[(2, 2), (1, 3)], [(1, 3), (2, 2)], [(4, 4)], [(-1, 0)], [(0, -1)]])
def test_cuts_that_do_not_ascend_within_the_lattice_are_refused(cuts: Cuts) -> None:
    band = full_band(3, 3)
    potentials = Potentials(np.zeros((1, 1, 16)), np.zeros(3), np.zeros(3), 0.0)
    for function in (best_path, marginals):
        with pytest.raises(ValueError, match="cuts do not ascend"):
            function(potentials, band, 3, 3, cuts)


def test_a_cut_outside_the_band_leaves_no_path() -> None:
    band = Band(np.array([0, 0, 1, 2]), np.array([2, 3, 4, 4]))
    potentials = Potentials(np.zeros((1, 1, int(band.offsets[-1]))), np.zeros(3), np.zeros(3), 0.0)
    for function in (best_path, marginals):
        assert function(potentials, band, 3, 3, [(2, 1)])
        with pytest.raises(ValueError, match="no path"):
            function(potentials, band, 3, 3, [(2, 0)])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heights": [0, 1]}, "without sentences"),
        ({"cells": [4, 16]}, "outside the band"),
        ({"cells": [5, 5]}, "given twice"),
        ({"beads": [0.0, np.nan]}, "finite"),
        ({"beads": [0.0, np.inf]}, "finite"),
    ],
)
def test_beads_that_cannot_be_are_refused(change: dict[str, list[float]], message: str) -> None:
    fields = {"beads": [0.0, 0.0], "heights": [1, 1], "widths": [1, 1], "cells": [5, 10]} | change
    few = SparsePotentials(*(np.array(values) for values in fields.values()), np.zeros(3), np.zeros(3), 0.0)
    for function in (best_path, marginals):
        with pytest.raises(ValueError, match=message):
            function(few, full_band(3, 3), 3, 3)


@settings(max_examples=150, deadline=None)
@given(larger_problems(), st.integers(0, 5))
def test_a_band_around_a_path_is_the_one_found_step_by_step(case: tuple[Problem, Cuts], radius: int) -> None:
    (n, m, potentials, _), _ = case
    cells = (n + 1) * (m + 1)
    beads = np.resize(potentials.beads, (*potentials.beads.shape[:2], cells))
    free = Potentials(beads, potentials.source_nulls, potentials.target_nulls, potentials.opening)
    steps = best_path(free, full_band(n, m), n, m)
    band, wanted = band_around(steps, n, m, radius), rowwise.band_around(steps, n, m, radius)
    assert band.starts.tolist() == wanted.starts.tolist()
    assert band.stops.tolist() == wanted.stops.tolist()


@pytest.mark.parametrize("seed", range(60))
def test_the_best_chain_is_the_heaviest_of_all_pairs_in_order_inside_the_band(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m, radius = (int(number) for number in rng.integers((0, 0, 1), (15, 15, 5)))
    middle = [0, *np.sort(rng.integers(0, m + 1, n)).tolist(), m]
    steps = [(min(i, n), min(i + 1, n), *sides) for i, sides in enumerate(itertools.pairwise(middle))]
    band = band_around(steps, n, m, radius)
    worth = rng.normal(size=int(band.offsets[-1]))
    points = [(i, j) for i in range(n + 1) for j in range(band.starts[i], band.stops[i])]
    best: list[tuple[float, list[tuple[int, int]]]] = [(0.0, [])]
    for (i, j), value in zip(points, worth.tolist(), strict=True):
        if i and j and value > 0:
            ways = [way for way in best if not way[1] or (way[1][-1][0] < i and way[1][-1][1] < j)]
            total, chain = max(ways)
            best.append((total + value, [*chain, (i, j)]))
    assert best_chain(worth, band) == max(best)[1]

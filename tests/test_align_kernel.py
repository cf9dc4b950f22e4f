"""The dynamic programming against plain enumeration of every path."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtalign.align.kernel import Band, Potentials, Step, band_around, best_path, full_band, marginals


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
def problems(draw: st.DrawFn) -> tuple[int, int, Potentials, Band]:
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
def test_best_path_is_the_best_of_all_paths(problem: tuple[int, int, Potentials, Band]) -> None:
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
def test_marginals_are_the_sums_over_all_paths(problem: tuple[int, int, Potentials, Band]) -> None:
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

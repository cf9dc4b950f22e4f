"""Draws of lines for bootstrap intervals and paired tests, seeded, the very ones that sacreBLEU draws.

Seeded with 12345, or with what ``SACREBLEU_SEED`` says (``none`` for no seed).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from math import fsum
from typing import TYPE_CHECKING, Any

from mtalign.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 1000
"""Of a bootstrap."""

TRIALS = 10000
"""Of an approximate randomisation."""

_CHUNK_VALUES = 4_000_000
"""Draws held together: about 60 MB."""

_BITS = 32
"""numpy takes this many coin flips from one random number, and drops what is left of it after a call."""


def seed() -> int | None:
    """The seed of every resampling; None for none.

    Raises:
        UsageError: ``SACREBLEU_SEED`` is no number.
    """
    text = os.environ.get("SACREBLEU_SEED", "12345")
    try:
        return None if text.lower() == "none" else int(text)
    except ValueError as error:
        raise UsageError(
            f"SACREBLEU_SEED is {text!r}, not a whole number", hint="set it to a number or to none"
        ) from error


def bootstrap(
    statistics: Sequence[Sequence[float]], score: Callable[[Any], float], resamples: int = RESAMPLES
) -> NDArray[np.float64]:
    """Scores of ``resamples`` draws with replacement of all lines (Koehn 2004).

    Args:
        statistics: One row a line: what ``score`` sums over.
        score: From the sum over the lines of a draw to its score.
        resamples: How many draws.
    """
    import numpy as np

    (sums,) = resampled_sums([statistics], resamples)
    return np.array([score(total) for total in sums])


def resampled_sums(
    tables: Sequence[Sequence[Sequence[float]]], resamples: int = RESAMPLES
) -> list[NDArray[np.float32]]:
    """The sums of each table's rows over the same ``resamples`` draws with replacement of all lines.

    The draws are those of sacreBLEU, without holding all of them at once: that takes 1.4 GB for chrF on
    20,000 lines. A draw is a count of each line, and its sum a product: a gather takes ten times as long.

    Args:
        tables: Statistics of the same lines, a row a line: of several metrics, or of several systems.
        resamples: How many draws.

    Returns:
        An array of shape (resamples, columns) for each table; in single precision, as sacreBLEU has it.
    """
    import numpy as np

    joined, columns = _joined(tables)
    lines = len(joined)
    chunk = max(1, _CHUNK_VALUES // lines)
    random = np.random.default_rng(seed())
    sums = np.empty((resamples, joined.shape[1]))
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        draws = random.choice(lines, size=(size, lines), replace=True)
        draws += np.arange(size)[:, None] * lines
        counts = np.bincount(draws.ravel(), minlength=size * lines).reshape(size, lines)
        sums[start : start + size] = counts.astype(np.float64) @ joined
    return [part.astype(np.float32) for part in np.split(sums, columns, axis=1)]


def swapped_sums(
    first: Sequence[Sequence[Sequence[float]]],
    second: Sequence[Sequence[Sequence[float]]],
    trials: int = TRIALS,
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The sums of two systems after each line has been swapped between them by the toss of a coin.

    The tosses are those of sacreBLEU's approximate randomisation, ``first`` being its baseline.

    Args:
        first: A system's statistics of the same lines by several metrics, a row a line.
        second: The other system's, of the same shape.
        trials: How many times all lines are tossed for.

    Returns:
        For each table the sums of both pseudo-systems, arrays of shape (trials, columns).
    """
    import numpy as np

    ours, columns = _joined(first)
    theirs, _ = _joined(second)
    lines = len(ours)
    # Whole random numbers in each chunk, so that chunks give what one call would give.
    chunk = max(1, _CHUNK_VALUES // lines // _BITS) * _BITS
    random = np.random.default_rng(seed())
    swapped = np.empty((trials, ours.shape[1]))
    for start in range(0, trials, chunk):
        size = min(chunk, trials - start)
        kept = random.integers(2, size=(size, lines), dtype=np.bool_)
        swapped[start : start + size] = kept.astype(np.float64) @ (ours - theirs)
    swapped += theirs.sum(axis=0)
    others = ours.sum(axis=0) + theirs.sum(axis=0) - swapped
    return list(
        zip(np.split(swapped, columns, axis=1), np.split(others, columns, axis=1), strict=True)
    )  # the counts are whole numbers, so no sum is rounded


def interval(scores: NDArray[np.float64]) -> tuple[float, float]:
    """Mean, and half the width of the middle 95 % of ``scores``."""
    low, high = middle(scores)
    return fsum(float(score) for score in scores) / len(scores), 0.5 * (high - low)


def middle(scores: NDArray[np.float64]) -> tuple[float, float]:
    """The ends of the middle 95 % of ``scores``."""
    ordered = sorted(float(score) for score in scores)
    left = len(ordered) // 40
    return ordered[left], ordered[len(ordered) - left - 1]


def _joined(tables: Sequence[Sequence[Sequence[float]]]) -> tuple[NDArray[np.float64], list[int]]:
    """The tables side by side, and where one ends."""
    import numpy as np

    arrays = [np.array(table, dtype=np.float64) for table in tables]
    ends = np.cumsum([array.shape[1] for array in arrays])[:-1]
    return np.hstack(arrays), [int(end) for end in ends]

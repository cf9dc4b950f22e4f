"""Paired tests of two systems on the same lines: is a difference of scores more than chance?

* Paired bootstrap resampling (Koehn 2004): how the difference of the two scores varies when the lines are
  drawn with replacement.
* Approximate randomisation (Riezler and Maxwell 2005): how often swapping lines between the two systems by
  the toss of a coin gives a difference at least as large as the one seen.

Both work on the lines' statistics that :func:`mtalign.score.metrics.measure` keeps, so nothing is measured
again. Seed, draws and p-values are those of ``sacrebleu --paired-bs`` and ``--paired-ar``, but for cases in
which those call a difference certain that is none:

* Where fewer than :data:`FEW_CHANGED` lines differ, a swap that gives exactly the difference seen counts as
  "at least as large", as in the paper. So a change of one line is never significant by randomisation
  (sacreBLEU, which counts only larger ones: p = 0.0001). Where more lines differ, it is as in sacreBLEU.
* Two systems whose statistics are the same on every line have p = 1 (sacreBLEU: 0.001 and 0.0001).
* With fewer than :data:`MIN_LINES` lines there is no p-value.

Decide by randomisation: of 300 pairs of systems that differ by chance alone it calls about 5 % different at
0.05, the bootstrap 13 % where all lines differ (``bench/significance.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtalign.errors import ScoreError
from mtalign.score.measured import Measured
from mtalign.score.resampling import RESAMPLES, TRIALS, middle, resampled_sums, swapped_sums

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MIN_LINES = 6
"""Lines without which nothing is tested: of 5, even the most one-sided outcome has p = 2 / 2**5 > 0.05."""

ALPHA = 0.05
"""The p-value up to which a difference is called one."""

FEW_CHANGED = 20
"""Changed lines below which ties are counted: with so few, a toss often gives the very systems back."""

_TIE = 1e-9
"""Differences of two scores that are as close as this are the same number, summed in another order."""


@dataclass(frozen=True)
class PairedDifference:
    """A system's score beside the baseline's, by one metric, and what the paired tests say of it."""

    metric: str
    lines: int
    """Lines that both were measured on."""
    changed: int
    """Lines whose statistics differ."""
    baseline: float
    score: float
    lower_is_better: bool
    interval: tuple[float, float] | None
    """Ends of the middle 95 % of ``difference`` over the bootstrap; None for too few lines."""
    bootstrap: float | None
    """Two-sided p-value of the paired bootstrap; None for too few lines."""
    randomization: float | None
    """Two-sided p-value of the approximate randomisation; None for too few lines. The one to decide by:
    it assumes nothing about the lines, and holds for few changed ones."""
    resamples: int
    trials: int

    @property
    def difference(self) -> float:
        """``score`` less ``baseline``, in points of the metric."""
        return self.score - self.baseline

    @property
    def improvement(self) -> float:
        """The difference with the sign that says better (positive) or worse (negative)."""
        return -self.difference if self.lower_is_better else self.difference

    def verdict(self, alpha: float = ALPHA) -> str:
        """``better``, ``worse``, ``no difference`` or, where there are too few lines, ``not tested``.

        By the randomisation test at ``alpha``. "No difference" means that none is shown, not that there is
        none.
        """
        if self.randomization is None:
            return "not tested"
        if self.randomization > alpha or not self.improvement:
            return "no difference"
        return "better" if self.improvement > 0 else "worse"

    def is_worse(self, alpha: float = ALPHA) -> bool:
        """Whether the score dropped and the randomisation test gives this at most ``alpha``.

        False where nothing could be tested (``randomization`` is None): ask for that first.
        """
        return self.verdict(alpha) == "worse"


def paired_differences(
    baseline: Sequence[Measured],
    system: Sequence[Measured],
    *,
    resamples: int = RESAMPLES,
    trials: int = TRIALS,
) -> list[PairedDifference]:
    """Test a system against a baseline by each metric.

    Args:
        baseline: The baseline's lines, measured: what :func:`mtalign.score.metrics.measure` gives.
        system: The other system's, by the same metrics on the same lines against the same references.
        resamples: Draws of the paired bootstrap.
        trials: Of the approximate randomisation.

    Returns:
        One for each metric, in their order.

    Raises:
        ScoreError: metrics or numbers of lines differ.
    """
    if [m.name for m in baseline] != [m.name for m in system]:
        raise ScoreError("the two systems were measured by different metrics", hint="measure both alike")
    if any(len(a.statistics) != len(b.statistics) for a, b in zip(baseline, system, strict=True)):
        raise ScoreError("the two systems have different numbers of lines", hint="pair their lines first")
    if not baseline:
        return []
    ours, theirs = [m.statistics for m in baseline], [m.statistics for m in system]
    tested = len(ours[0]) >= MIN_LINES
    drawn = resampled_sums([*ours, *theirs], resamples) if tested else []
    swapped = swapped_sums(ours, theirs, trials) if tested else []
    found = []
    for place, (first, second) in enumerate(zip(baseline, system, strict=True)):
        was, now = first.score().score, second.score().score
        changed = sum(tuple(a) != tuple(b) for a, b in zip(ours[place], theirs[place], strict=True))
        interval = bootstrap = randomization = None
        if tested:
            pair = (drawn[place], drawn[len(ours) + place])
            interval, bootstrap = _bootstrap(first, pair, now - was)
            randomization = _randomization(first, swapped[place], now - was, changed)
            bootstrap = bootstrap if changed else 1.0
        found.append(
            PairedDifference(
                metric=first.name,
                lines=len(ours[place]),
                changed=changed,
                baseline=was,
                score=now,
                lower_is_better=first.lower_is_better,
                interval=interval,
                bootstrap=bootstrap,
                randomization=randomization,
                resamples=resamples,
                trials=trials,
            )
        )
    return found


def _bootstrap(
    metric: Measured, sums: tuple[NDArray[Any], NDArray[Any]], seen: float
) -> tuple[tuple[float, float], float]:
    """The interval of the difference, and the p-value."""
    import numpy as np

    first, second = (np.array(metric.values(side)) for side in sums)
    sizes = np.abs(second - first)
    return middle(second - first), _p_value(sizes - sizes.mean() > abs(seen))


def _randomization(
    metric: Measured, sums: tuple[NDArray[np.float64], NDArray[np.float64]], seen: float, changed: int
) -> float:
    import numpy as np

    if not changed:
        return 1.0

    # Plain floats: twice as fast in the metrics' arithmetic, and the same in every digit.
    first, second = (np.array(metric.values(side.tolist())) for side in sums)
    sizes = np.abs(first - second)
    return _p_value(sizes >= abs(seen) - _TIE if changed < FEW_CHANGED else sizes > abs(seen))


def _p_value(extreme: NDArray[np.bool_]) -> float:
    """Share of extreme outcomes, the one seen counted among them (Noreen 1989)."""
    return (int(extreme.sum()) + 1) / (len(extreme) + 1)

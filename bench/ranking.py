"""How well numbers order things."""

from __future__ import annotations

import numpy as np


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks, ties at their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse])


def auc(good: np.ndarray, bad: np.ndarray) -> float:
    """Probability that a good one is above a bad one, ties counting half."""
    place = ranks(np.concatenate([good, bad]))[: len(good)]
    return float((place.sum() - len(good) * (len(good) + 1) / 2) / (len(good) * len(bad)))

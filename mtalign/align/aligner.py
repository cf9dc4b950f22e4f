"""Align two texts given as sentences: find the way roughly, then score every bead near it.

1. Both texts are cut into some hundred blocks each; blocks are aligned one to one with free gaps.
2. Near that path sentences are aligned one to one with free gaps: anchors, and the ratio of lengths.
3. Near the anchors every bead up to 5–5 is scored roughly (:mod:`mtalign.align.cost`). That also tells which
   side has sentences without counterpart: the other one, if it seems intact, keeps its sentences aligned.
4. The likely beads are scored closely (:mod:`mtalign.align.features`), twice: the second time it is known
   which sentences beside them have likely no counterpart. Those of the highest expected worth are taken
   (:mod:`mtalign.align.kernel`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtalign.align.beads import Bead
from mtalign.align.cost import (
    LARGEST,
    LIKELY,
    PERSISTENCE,
    Candidates,
    CloseWeights,
    CoarseCost,
    Lattice,
    Texts,
    Weights,
)
from mtalign.align.features import FEATURES, CloseLook, gap_features
from mtalign.align.heap import give_back
from mtalign.align.kernel import (
    Band,
    SparsePotentials,
    Step,
    band_around,
    best_chain,
    best_path,
    full_band,
    marginals,
)
from mtalign.align.moved import align_with_moved, reordered
from mtalign.align.windows import SideVectors, band_similarities, encode_side
from mtalign.embed.base import Embedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BLOCKS = 400
"""At least, where there are more sentences than that."""
_BLOCK_SIZE = 12
"""Most sentences in a block; at 1,000 blocks it begins to grow."""
_MOST_BLOCKS = 1000
_BLOCK_RADIUS = 2
_RADIUS = 7
_NEAR_RADIUS = 2
"""Where there is an anchor at every sentence …"""
_UNBROKEN = 4
"""… for so many before and after."""
_ANCHOR_MARGIN = 0.15
"""Margin from which a pair of sentences can be an anchor."""
_CERTAIN_MARGIN = 0.3
"""Margin from which an anchor tells something about the ratio of lengths."""
_ANCHORS_WANTED = 8
_SURE_ANCHORS = 6
"""Anchors in a row on each side of a point, of the margin below at least, which no alignment leaves out."""
_SURE_MARGIN = 0.25
_SURE_APART = 32
"""Source sentences at least from one such point to the next: more would gain nothing."""
_ALIKE = 0.85
"""Cosine from which two sides are taken for all but the same."""
_ALIKE_WORTH = 60.0
"""What a cosine that is higher by 1 would add to the score there."""
_IMPOSSIBLE = 1e-12
_STEPS = 5
"""Of a search, as progress counts them."""
_TIMES_COUNTED = 3
"""How often progress counts each sentence once it is encoded."""
_LEAST_CHANCE = 0.2
"""Probability from which a bead is taken whose sentences surely have a counterpart, if not which …"""
_LEAST_CHANCE_IN_DOUBT = 0.5
"""… and from which one is that may hold sentences without."""
_DOUBTFUL = 0.25
"""Share of a bead's side that is likely unaligned from which it is in doubt; it begins at none."""


def align_segments(
    source: Sequence[str],
    target: Sequence[str],
    *,
    embedder: Embedder,
    source_language: str | None = None,
    target_language: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Bead]:
    """Align the sentences of two texts that tell the same, in the same order but for passages moved.

    Every sentence of either side is in exactly one bead, beads are in order and hold at most five sentences
    a side; a sentence with no counterpart is a bead with an empty side. Beads of passages that stand
    elsewhere in the target are marked as moved (:mod:`mtalign.align.moved`). A bead's score is its
    probability under the model of :mod:`mtalign.align.cost`, 0 where a side is empty.

    ``progress(done, total)`` counts sentences, each four times: as it is encoded, and as :func:`align_sides`
    says. The languages are taken for the caller's convenience and may be wrong:
    nothing depends on them so far.
    """
    del source_language, target_language
    size = len(source) + len(target)

    def counted(before: int) -> Callable[[int, int], None] | None:
        return progress and (lambda done, _: progress(before + done, (1 + _TIMES_COUNTED) * size))

    sides = encode_sides(source, target, embedder, counted(0))
    return align_sides(source, target, sides, progress=counted(size))


def encode_sides(
    source: Sequence[str],
    target: Sequence[str],
    embedder: Embedder,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[SideVectors, SideVectors]:
    """What :func:`align_sides` wants of both texts: it does without the embedder, which can be large."""
    report = progress and _running(progress, len(source) + len(target))
    return encode_side(source, embedder, report), encode_side(target, embedder, report)


def _running(progress: Callable[[int, int], None], total: int) -> Callable[[int], None]:
    """What is told how many more are done, and tells how many are in all."""
    done = 0

    def report(number: int) -> None:
        nonlocal done
        done += number
        progress(done, total)

    return report


def align_sides(
    source: Sequence[str],
    target: Sequence[str],
    sides: tuple[SideVectors, SideVectors],
    weights: Weights | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Bead]:
    """Align two texts whose sentences are already encoded, as :func:`align_segments` does.

    Without ``weights`` those that are stored are taken. ``progress(done, total)`` counts sentences, each
    three times: as the runs that end with it are made ready, and in the steps of the search for the
    alignment, which is made once more where a passage has moved.
    """
    chosen = weights or Weights.load()
    size = len(source) + len(target)
    # The encoder is mostly gone by now.
    give_back()
    report = progress and _running(progress, _TIMES_COUNTED * size)
    if report is not None:
        for side in sides:
            side.make_runs(report)

    def after_step() -> None:
        if report is not None:
            report(size // _STEPS)

    def align(order: Sequence[int]) -> list[Bead]:
        texts = [target[j] for j in order]
        read = Texts.read(source, texts, (sides[0], reordered(sides[1], order)))
        return align_encoded(read, chosen, after_step)

    beads = align_with_moved(align, *sides)
    if progress is not None:
        progress(_TIMES_COUNTED * size, _TIMES_COUNTED * size)
    return beads


def _nothing() -> None:
    pass


def align_encoded(texts: Texts, weights: Weights, after_step: Callable[[], None] = _nothing) -> list[Bead]:
    """Align two texts that are already encoded, in order: a passage that moved stays unaligned.

    ``after_step`` is called _STEPS times, about as far from each other in time.
    """
    from threadpoolctl import threadpool_limits

    n, m = len(texts.source), len(texts.target)
    if n == 0 or m == 0:
        return [Bead((i,), ()) for i in range(n)] + [Bead((), (j,)) for j in range(m)]
    # One BLAS thread: the products here are small, and threads that wait for each other cost more.
    with threadpool_limits(1, "blas"):
        band, ratio, sure = search_band(texts)
        after_step()
        look = look_closely(texts, Lattice(band, n, m), ratio, weights, sure, after_step=after_step)
        alike = near_identity(look.features)
        see_gaps(look, weights.first, band, alike)
        potentials = weights.second.potentials(look.candidates, look.features, look.nulls, alike)
    beads = decode(potentials, look.candidates, band, n, m, look.cuts)
    after_step()
    return beads


def near_identity(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """What is added to the close score of sides that are all but the same, as two texts in one language have.

    Translations do not come that near, so no weight was fitted there; set by hand.
    """
    import numpy as np

    excess = np.maximum(features[:, FEATURES.index("cosine")] - _ALIKE, 0)
    return np.asarray(_ALIKE_WORTH * excess, np.float64)


@dataclass(frozen=True)
class Look:
    """The likely beads of two texts and what a closer look sees of them."""

    candidates: Candidates
    features: NDArray[np.float32]
    """Shape (candidates, f); those of gaps are 0 before :func:`see_gaps`."""
    nulls: tuple[NDArray[np.float64], NDArray[np.float64]]
    """Features of leaving a sentence unaligned, shape (g, n) and (g, m)."""
    cuts: list[tuple[int, int]]
    """Points where one bead ends and another begins in all likely alignments."""


def see_gaps(look: Look, weights: CloseWeights, band: Band, alike: NDArray[np.float64] | float = 0.0) -> None:
    """Fill in the features of gaps, by which sentences are likely unaligned under the first close score.

    ``alike`` is added to the scores.
    """
    n, m = (side.shape[1] for side in look.nulls)
    potentials = weights.potentials(look.candidates, look.features, look.nulls, alike)
    chances = marginals(potentials, band, n, m, look.cuts)
    unaligned = chances.source_nulls, chances.target_nulls
    look.features[:, len(FEATURES) :] = gap_features(look.candidates, look.features, unaligned)


def look_closely(
    texts: Texts,
    lattice: Lattice,
    ratio: float,
    weights: Weights,
    sure: Sequence[tuple[int, int]] = (),
    also: NDArray[np.bool_] | None = None,
    after_step: Callable[[], None] = _nothing,
) -> Look:
    """Find the likely beads by the rough score and compute their features, in three steps.

    ``sure`` are points, ascending, that every alignment passes: the rough score is quicker between them.
    ``also`` marks beads that are looked at in any case, shape (LARGEST, LARGEST, cells): a fit's gold.
    """
    similarities = band_similarities(texts.source, texts.target, lattice.band, LARGEST + 1)
    # More than all else together, and not needed again unless a passage has moved.
    texts.source.forget_runs()
    texts.target.forget_runs()
    after_step()
    coarse = CoarseCost(texts, lattice, similarities, ratio)
    beads = coarse.potentials(weights, also)
    chances = marginals(beads, lattice.band, lattice.n, lattice.m, sure)
    likely = chances.beads >= LIKELY
    if also is not None:
        likely |= also[beads.heights - 1, beads.widths - 1, beads.cells]
    candidates = Candidates.of(beads, likely, lattice)
    rough = Candidates.of(beads, chances.beads >= 0.5, lattice)
    cuts = _certain_points(beads, chances.beads, lattice)
    persisting = _persisting(beads, candidates, likely, lattice, cuts)
    # Millions where the texts are long, and no longer needed.
    del beads, chances, likely
    after_step()
    look = CloseLook(texts, lattice, similarities, ratio, candidates, rough, persisting)
    nulls = look.null_features(coarse.null_features())
    features = look.features()
    after_step()
    return Look(candidates, features, nulls, cuts)


def _persisting(
    beads: SparsePotentials,
    candidates: Candidates,
    likely: NDArray[np.bool_],
    lattice: Lattice,
    cuts: Sequence[tuple[int, int]],
) -> tuple[float, float]:
    """Share of each side that stays unaligned, among likely beads of the rough score, under PERSISTENCE."""
    source, target = (nulls - PERSISTENCE for nulls in (beads.source_nulls, beads.target_nulls))
    potentials = candidates.potentials(beads.beads[likely], source, target, beads.opening)
    chances = marginals(potentials, lattice.band, lattice.n, lattice.m, cuts)
    return float(chances.source_nulls.mean()), float(chances.target_nulls.mean())


def _certain_points(
    beads: SparsePotentials, chances: NDArray[np.floating[Any]], lattice: Lattice
) -> list[tuple[int, int]]:
    """Points where one bead ends and one begins, each with a probability that leaves no other likely."""
    import numpy as np

    # All others together add nothing.
    some = np.flatnonzero(chances > _IMPOSSIBLE)
    cells, chances = beads.cells[some], chances[some]
    i, j = lattice.i[cells] - beads.heights[some], lattice.j[cells] - beads.widths[some]
    starts, inside = lattice.find(i, j)
    ends = np.bincount(cells, chances, len(lattice.i))
    begins = np.bincount(starts[inside], chances[inside], len(lattice.i))
    certain = np.flatnonzero(np.minimum(ends, begins) > 1 - LIKELY)
    return list(zip(lattice.i[certain].tolist(), lattice.j[certain].tolist(), strict=True))


def decode(
    potentials: SparsePotentials,
    candidates: Candidates,
    band: Band,
    n: int,
    m: int,
    cuts: Sequence[tuple[int, int]] = (),
) -> list[Bead]:
    """The alignment with the highest expected worth, each bead with its probability.

    A bead is worth its probability less the one from which it is taken (_LEAST_CHANCE at least): what is
    less likely costs more in precision than it gives in recall. ``cuts``, points in ascending order, are
    passed.
    """
    from dataclasses import replace

    import numpy as np

    chances = marginals(potentials, band, n, m, cuts)
    alone = candidates.unaligned_shares(chances.source_nulls, chances.target_nulls)
    doubt = np.minimum(1, alone / _DOUBTFUL)
    least = _LEAST_CHANCE + (_LEAST_CHANCE_IN_DOUBT - _LEAST_CHANCE) * doubt
    worth = replace(
        potentials,
        beads=chances.beads - least,
        source_nulls=np.zeros(n),
        target_nulls=np.zeros(m),
        opening=0.0,
    )
    rows = zip(candidates.source_starts, candidates.source_ends, strict=True)
    spans = zip(rows, candidates.target_starts, candidates.target_ends, strict=True)
    found = {
        (int(i0), int(i1), int(j0), int(j1)): min(1.0, float(chance))
        for ((i0, i1), j0, j1), chance in zip(spans, chances.beads, strict=True)
    }
    return [
        Bead(tuple(range(i0, i1)), tuple(range(j0, j1)), found.get((i0, i1, j0, j1), 0.0))
        for i0, i1, j0, j1 in best_path(worth, band, n, m, cuts)
    ]


def search_band(texts: Texts) -> tuple[Band, float, list[tuple[int, int]]]:
    """The band in which the alignment is looked for; target characters to source characters; points that are
    passed for sure."""
    import numpy as np

    n, m = len(texts.source), len(texts.target)
    band = _block_band(texts.source, texts.target) if max(n, m) > _BLOCKS else full_band(n, m)
    similarities = band_similarities(texts.source, texts.target, band, 1)
    lattice = Lattice(band, n, m)
    i, j, offsets = lattice.i, lattice.j, lattice.offsets
    margins = similarities.cosines[0, 0] - 0.5 * (
        similarities.source_means[0][i] + similarities.target_means[0][j]
    )
    anchors = _anchors(margins, band)
    ends, stops = np.array(anchors, np.int64).reshape(-1, 2).T
    anchored = margins[offsets[ends] + stops - band.starts[ends]]
    certain = anchored > _CERTAIN_MARGIN
    overall = float(texts.target_lengths.sum() / texts.source_lengths.sum())
    if certain.sum() >= _ANCHORS_WANTED:
        rows, columns = ends[certain] - 1, stops[certain] - 1
        # The median: an anchor that is only half of a bead does not pull it.
        overall = float(np.median(texts.target_lengths[columns] / texts.source_lengths[rows]))
    return _anchored_band(anchors, n, m), overall, _sure_points(anchors, anchored)


def _sure_points(
    anchors: Sequence[tuple[int, int]], margins: NDArray[np.floating[Any]]
) -> list[tuple[int, int]]:
    """Points amid so many anchors in a row, of such margins, that every alignment passes them; a few."""
    import numpy as np

    steps = np.diff(np.array(anchors, np.int64).reshape(-1, 2), axis=0)
    broken = np.concatenate([[0], np.cumsum((steps != 1).any(axis=1))])
    weak = np.concatenate([[0], np.cumsum(margins < _SURE_MARGIN)])
    first = np.arange(max(len(anchors) - 2 * _SURE_ANCHORS + 1, 0))
    last = first + 2 * _SURE_ANCHORS - 1
    found = first[(broken[last] == broken[first]) & (weak[last + 1] == weak[first])] + _SURE_ANCHORS - 1
    points: list[tuple[int, int]] = []
    for end, stop in (anchors[k] for k in found.tolist()):
        if not points or end >= points[-1][0] + _SURE_APART:
            points.append((end, stop))
    return points


def _anchored_band(anchors: Sequence[tuple[int, int]], n: int, m: int) -> Band:
    """The neighbourhood of the path through anchors, narrow where there is one at every sentence."""
    import numpy as np

    ends, stops = np.array([(0, 0), *anchors], np.int64).T
    follows = np.zeros(n + 1, np.int64)
    follows[ends[1:]] = (np.diff(ends) == 1) & (np.diff(stops) == 1)
    sums = np.concatenate([[0], np.cumsum(follows)])
    first = np.maximum(np.arange(n + 1) - _UNBROKEN, 0)
    last = np.minimum(np.arange(n + 1) + _UNBROKEN, n) + 1
    narrow = sums[last] - sums[first] == last - first
    radius = np.where(narrow, _NEAR_RADIUS, _RADIUS)
    return band_around(_path_through(anchors, n, m), n, m, radius)


def _block_band(source: SideVectors, target: SideVectors) -> Band:
    """The neighbourhood of the best alignment of blocks of sentences."""
    import numpy as np

    edges = []
    vectors = []
    for side in (source, target):
        blocks = min(len(side), max(_BLOCKS, min(_MOST_BLOCKS, len(side) // _BLOCK_SIZE)))
        edge = np.round(np.linspace(0, len(side), blocks + 1)).astype(np.int64)
        edges.append(edge)
        vectors.append(side.spans(edge[:-1], edge[1:]))
    products = vectors[0] @ vectors[1].T
    margins = products - 0.5 * (products.mean(axis=1, keepdims=True) + products.mean(axis=0))
    rows, columns = products.shape
    padded = np.zeros((rows + 1, columns + 1), np.float32)
    padded[1:, 1:] = margins
    anchors = _anchors(padded.reshape(-1), full_band(rows, columns))
    rows_at, columns_at = (edge.tolist() for edge in edges)
    scaled = [
        (rows_at[i0], rows_at[i1], columns_at[j0], columns_at[j1])
        for i0, i1, j0, j1 in _path_through(anchors, rows, columns)
    ]
    widest = max(int(np.diff(edge).max()) for edge in edges)
    return band_around(scaled, len(source), len(target), _BLOCK_RADIUS * widest + _RADIUS)


def _anchors(margins: NDArray[np.float32], band: Band) -> list[tuple[int, int]]:
    """Where the pairs end of the chain with the highest sum of margins over an anchor's least."""
    return best_chain(margins - _ANCHOR_MARGIN, band)


def _path_through(anchors: Sequence[tuple[int, int]], n: int, m: int) -> list[Step]:
    """The path with a bead 1–1 at each anchor, straight from one to the next, where the alignment may be."""
    out: list[Step] = []
    i = j = 0
    for end, stop in [*anchors, (n + 1, m + 1)]:
        rows, columns = end - 1 - i, stop - 1 - j
        points = max(rows, columns)
        for k in range(points):
            above, below = i + rows * k // points, i + rows * (k + 1) // points
            left, right = j + columns * k // points, j + columns * (k + 1) // points
            out.append((above, below, left, right))
        out.append((end - 1, end, stop - 1, stop))
        i, j = end, stop
    return out[:-1]

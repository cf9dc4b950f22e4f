"""Text pairs with gold beads for measuring the aligner: gold files, texts built from FLORES, holes, moves.

Nothing is encoded twice: a text with holes or moves takes the vectors of the whole one.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise
from pathlib import Path

from mtalign.align import Bead, read_beads
from mtalign.align.moved import reordered
from mtalign.align.windows import SideVectors, encode_side
from mtalign.embed import Embedder
from mtalign.score.lines import read_lines

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
FLORES = SHARED / "evaldata" / "flores200-devtest"
LENGTHS = (1, 2, 3, 5, 8, 13)
"""Beads of a missing passage."""
MOVED_LENGTHS = (2, 3, 5, 8)


@dataclass(frozen=True)
class TextPair:
    """Two texts, their vectors and their gold beads (those with an empty side left out)."""

    name: str
    source: Sequence[str]
    target: Sequence[str]
    sides: tuple[SideVectors, SideVectors]
    gold: list[Bead]
    fold: int | None = None
    """The fold of fit_align.py that never saw it; None where nothing was fitted on its like."""
    holes: list[tuple[int, int]] = field(default_factory=list)
    """Where a passage is missing: side, and the sentence of that side before which it stood."""
    whole: tuple[Sequence[int], Sequence[int]] = ((), ())
    """Of a text with holes: each sentence's index in the whole text."""
    moves: list[list[Bead]] = field(default_factory=list)
    """Gold beads of each moved passage."""

    @classmethod
    def encoded(
        cls, name: str, source: Sequence[str], target: Sequence[str], gold: Sequence[Bead], embedder: Embedder
    ) -> TextPair:
        sides = encode_side(source, embedder), encode_side(target, embedder)
        return cls(name, source, target, sides, [bead for bead in gold if not bead.is_null])

    def taking(self, rows: tuple[Sequence[int], Sequence[int]], **changes: object) -> TextPair:
        """The pair with some of its sentences, in the given order."""
        source, target = ([text[k] for k in order] for text, order in zip(self.texts, rows, strict=True))
        sides = reordered(self.sides[0], rows[0]), reordered(self.sides[1], rows[1])
        return replace(self, source=source, target=target, sides=sides, **changes)

    @property
    def texts(self) -> tuple[Sequence[str], Sequence[str]]:
        return self.source, self.target


def mac(embedder: Embedder) -> list[TextPair]:
    """Chinese–English prose, six chapters; fold k leaves out chapter k."""
    pairs = []
    for fold, path in enumerate(sorted((SHARED / "gold" / "mac_dev").glob("*.gold"))):
        pairs.append(replace(_gold(path, embedder), fold=fold))
    return pairs


def berg(embedder: Embedder, folds: int) -> list[TextPair]:
    """The German–French document in as many parts as fit_align.py cuts it into, at the same places."""
    whole = _gold(SHARED / "gold" / "textberg_dev" / "dev.gold", embedder)
    cuts = [(0, 0)]
    for bead in whole.gold:
        if bead.source[0] >= len(cuts) * len(whole.source) / folds:
            cuts.append((bead.source[0], bead.target[0]))
    cuts.append((len(whole.source), len(whole.target)))
    parts = []
    for fold, ((i0, j0), (i1, j1)) in enumerate(pairwise(cuts)):
        gold = [
            Bead(tuple(i - i0 for i in bead.source), tuple(j - j0 for j in bead.target))
            for bead in whole.gold
            if i0 <= bead.source[0] < i1
        ]
        parts.append(whole.taking((range(i0, i1), range(j0, j1)), gold=gold, fold=fold))
    return parts


def _gold(path: Path, embedder: Embedder) -> TextPair:
    texts = [read_lines(path.with_suffix(suffix)) for suffix in (".src", ".tgt")]
    return TextPair.encoded(path.stem, texts[0], texts[1], read_beads(path), embedder)


def flores(language: str, embedder: Embedder, texts: int = 3) -> list[TextPair]:
    """All FLORES-200 devtest documents in seeded order as a few texts, edited as :func:`_edit` says."""
    folder = FLORES / f"{language}-en"
    rows = zip(
        read_lines(folder / "docids.txt"),
        read_lines(folder / f"src.{language}"),
        read_lines(folder / "ref.A.en"),
        strict=True,
    )
    documents = [[(s, t) for _, s, t in rows] for _, rows in groupby(rows, key=lambda row: row[0])]
    rng = random.Random(language)
    rng.shuffle(documents)
    pairs = []
    for number in range(texts):
        source, target, gold = _edit(documents[number::texts], language, rng)
        pairs.append(TextPair.encoded(f"{language}-en.{number}", source, target, gold, embedder))
    return pairs


def _edit(
    documents: Sequence[Sequence[tuple[str, str]]], language: str, rng: random.Random
) -> tuple[list[str], list[str], list[Bead]]:
    """Within documents: 10 % of the sentences merged with the next on one side, 10 % split in two on one
    side (at a comma or the like near the middle, where there is one), 5 % dropped on one side, 3 % exchanged
    with the next on one side. Two exchanged sentences are one bead 2–2, as in gold that people made."""
    texts: tuple[list[str], list[str]] = ([], [])
    gold: list[Bead] = []
    gap = "" if language in ("ja", "zh") else " "
    joins = (gap, " ")

    def add(*sides: Sequence[str]) -> None:
        ranges = []
        for text, new in zip(texts, sides, strict=True):
            ranges.append(tuple(range(len(text), len(text) + len(new))))
            text += new
        if all(ranges):
            gold.append(Bead(ranges[0], ranges[1]))

    for document in documents:
        k = 0
        while k < len(document):
            chance, side = rng.random(), rng.randrange(2)
            row, following = document[k], document[k + 1] if k + 1 < len(document) else None
            k += 1
            if chance < 0.05:
                add(*([] if number == side else [row[number]] for number in range(2)))
            elif chance < 0.15 and following:
                merged = [[row[number], following[number]] for number in range(2)]
                merged[side] = [joins[side].join(merged[side])]
                add(*merged)
                k += 1
            elif chance < 0.25:
                add(*(_halves(row[number]) if number == side else [row[number]] for number in range(2)))
            elif chance < 0.28 and following:
                i, j = len(texts[0]), len(texts[1])
                for number in range(2):
                    both = [row[number], following[number]]
                    texts[number].extend(both[::-1] if number == side else both)
                gold.append(Bead((i, i + 1), (j, j + 1)))
                k += 1
            else:
                add([row[0]], [row[1]])
    return *texts, gold


def _halves(text: str) -> list[str]:
    """A sentence cut behind the mark nearest to its middle, whole where there is none in its middle half."""
    marks = [match.end() for match in re.finditer(r"[,;:，、；：]\s*|, | – ", text)]
    marks = [mark for mark in marks if 0.25 * len(text) < mark < 0.75 * len(text)]
    if not marks:
        return [text]
    cut = min(marks, key=lambda mark: abs(mark - len(text) / 2))
    return [text[:cut].rstrip(), text[cut:]]


def with_holes(pair: TextPair, shares: tuple[float, float], seed: int) -> TextPair:
    """The pair with passages of 1–13 beads missing: a share of all beads on the source, one on the target.

    Holes do not touch where there is room; what is left of the gold is beads with both sides.
    """
    rng = random.Random(seed)
    beads = sorted(pair.gold, key=lambda bead: bead.source)
    gone: dict[int, int] = {}
    for side, share in enumerate(shares):
        wanted = len(gone) + round(share * len(beads))
        while len(gone) < wanted:
            length = min(rng.choice(LENGTHS), wanted - len(gone))
            first = rng.randrange(len(beads) - length + 1)
            if not any(k in gone for k in range(first - 1, first + length + 1)):
                gone |= dict.fromkeys(range(first, first + length), side)
            else:
                # Where much is missing there is little room: a tighter fit is tried with a shorter passage.
                length = 1
                if first not in gone:
                    gone[first] = side
    lost: tuple[set[int], set[int]] = (set(), set())
    for number, side in gone.items():
        lost[side].update((beads[number].source, beads[number].target)[side])
    rows = (
        [i for i in range(len(pair.source)) if i not in lost[0]],
        [j for j in range(len(pair.target)) if j not in lost[1]],
    )
    new = [{old: k for k, old in enumerate(order)} for order in rows]
    gold = [
        Bead(tuple(new[0][i] for i in bead.source), tuple(new[1][j] for j in bead.target))
        for number, bead in enumerate(beads)
        if number not in gone
    ]
    holes = [
        (side, k)
        for side, order in enumerate(rows)
        for k, (before, after) in enumerate(pairwise(order), start=1)
        if any(old in lost[side] for old in range(before + 1, after))
    ]
    return pair.taking(rows, gold=gold, holes=holes, whole=rows)


def with_moves(pair: TextPair, share: float, seed: int) -> TextPair:
    """The pair with passages of 2–8 beads, ``share`` of all beads, elsewhere in the target: ten beads away
    or more, between two beads."""
    rng = random.Random(seed)
    beads = sorted(pair.gold, key=lambda bead: bead.target)
    wanted = max(2, round(share * len(beads)))
    passages: list[range] = []
    while sum(map(len, passages)) < wanted:
        length = min(rng.choice(MOVED_LENGTHS), max(2, wanted - sum(map(len, passages))))
        first = rng.randrange(len(beads) - length + 1)
        passage = range(first, first + length)
        if all(passage.stop < other.start or other.stop < passage.start for other in passages):
            passages.append(passage)
    taken = {number for passage in passages for number in passage}
    arriving: dict[int, list[range]] = {}
    for passage in passages:
        while True:
            place = rng.randrange(len(beads))
            far = place < passage.start - 10 or place > passage.stop + 10
            if far and place not in taken and place - 1 not in taken and place not in arriving:
                break
        arriving[place] = [passage]
    moved = {j for number in taken for j in beads[number].target}
    order: list[int] = []
    place_of = {bead.target[0]: number for number, bead in enumerate(beads)}
    for j in range(len(pair.target)):
        for passage in arriving.get(place_of.get(j, -1), []):
            order += [k for number in passage for k in beads[number].target]
        if j not in moved:
            order.append(j)
    new = {old: k for k, old in enumerate(order)}

    def put(bead: Bead) -> Bead:
        return Bead(bead.source, tuple(sorted(new[j] for j in bead.target)))

    return pair.taking(
        (range(len(pair.source)), order),
        gold=[put(bead) for bead in beads],
        moves=[[put(beads[number]) for number in passage] for passage in passages],
    )

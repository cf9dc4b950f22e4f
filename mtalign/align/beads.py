"""Beads: which source sentences stand for which target sentences; their file format, and how well they fit.

The ladder format of vecalign and bertalign is one bead a line, ``[0, 1]:[0]:0.8312``: source indices,
target indices (from 0; an empty list is an unaligned side) and, optionally, a score.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mtalign.errors import DocumentError
from mtalign.files import write_atomically


@dataclass(frozen=True)
class Bead:
    """Source sentences and the target sentences that translate them; either side may be empty, not both."""

    source: tuple[int, ...]
    """Indices from 0, ascending."""
    target: tuple[int, ...]
    score: float = 0.0
    """How far to believe it, 0 to 1; 0 for a bead with an empty side."""
    moved: bool = False
    """Whether its sides stand at different places of their texts: beads around it cross it."""

    @property
    def is_null(self) -> bool:
        """Whether one side is empty."""
        return not (self.source and self.target)


@dataclass(frozen=True)
class Agreement:
    """Precision and recall of beads against gold beads, each 0 to 1."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 when both are 0."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


_GAP = 3
"""Most unaligned sentences inside a moved passage, one after the other."""

_LINE = re.compile(r"\[\s*((?:\d+\s*,\s*)*\d*)\s*\]\s*:\s*\[\s*((?:\d+\s*,\s*)*\d*)\s*\](?:\s*:\s*(\S+))?")


def parse_beads(text: str, name: str = "beads") -> list[Bead]:
    """Beads of a text in the ladder format; blank lines and lines that begin with # are passed over.

    Raises:
        DocumentError: a line is not a bead, or both its sides are empty; ``name`` is named in the message.
    """
    beads = []
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        try:
            if match is None:
                raise ValueError("expected [0, 1]:[0] or [0, 1]:[0]:0.83")
            source, target = (
                tuple(int(index) for index in match[side].replace(",", " ").split()) for side in (1, 2)
            )
            if not source and not target:
                raise ValueError("both sides are empty")
            beads.append(Bead(source, target, float(match[3]) if match[3] else 0.0))
        except ValueError as error:
            raise DocumentError(
                f"{name}, line {number}: not a bead ({error})", hint="the format is [0, 1]:[0]:0.8312"
            ) from error
    return beads


def read_beads(path: Path) -> list[Bead]:
    """Beads of a file in the ladder format.

    Raises:
        DocumentError: the file cannot be read, is not UTF-8, or a line is not a bead.
    """
    try:
        return parse_beads(path.read_text(encoding="utf-8-sig"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(
            f"{path}: cannot be read ({error})", hint="give a UTF-8 text file of beads"
        ) from error


def check_beads(beads: Iterable[Bead], n: int, m: int, name: str = "beads") -> None:
    """Refuse beads that name a sentence which texts of ``n`` and ``m`` sentences do not have.

    Raises:
        DocumentError: the first such bead; ``name`` is named in the message.
    """
    for bead in beads:
        for side, indices, size in (("source", bead.source, n), ("target", bead.target, m)):
            if indices and max(indices) >= size:
                raise DocumentError(
                    f"{name}: bead {list(bead.source)}:{list(bead.target)} names {side} sentence"
                    f" {max(indices)}, but the {side} has {size} (counted from 0)",
                    hint="give the texts that these beads were made from",
                )


def format_beads(beads: Iterable[Bead]) -> str:
    """The ladder format of ``beads``, with scores, a line each."""
    return "".join(f"{list(bead.source)}:{list(bead.target)}:{bead.score:.4f}\n" for bead in beads)


def write_beads(path: Path, beads: Iterable[Bead]) -> None:
    """Write beads in the ladder format, atomically.

    Raises:
        DocumentError: the file cannot be written.
    """
    write_atomically(path, format_beads(beads).encode())


def in_reading_order(beads: Iterable[Bead], n: int, m: int) -> list[Bead]:
    """Every sentence of ``n`` source and ``m`` target sentences in its place; the source's order leads.

    A sentence that no bead holds becomes a bead with an empty side. Unaligned target sentences stand after
    the sentence before them; moved beads stand where the source has them.
    """
    beads = list(beads)
    held_source = {i for bead in beads for i in bead.source}
    held_target = {j for bead in beads if bead.source for j in bead.target}
    led = [bead for bead in beads if bead.source]
    led += [Bead((i,), ()) for i in range(n) if i not in held_source]
    led.sort(key=lambda bead: (bead.source, bead.target))
    unaligned = [j for j in range(m) if j not in held_target]
    out: list[Bead] = []
    k = 0
    for bead in led:
        if bead.target and not bead.moved:
            while k < len(unaligned) and unaligned[k] < bead.target[0]:
                out.append(Bead((), (unaligned[k],)))
                k += 1
        out.append(bead)
    return out + [Bead((), (j,)) for j in unaligned[k:]]


def mark_moved(beads: Iterable[Bead]) -> list[Bead]:
    """The same beads, those marked as moved that lie outside a longest chain of beads in order.

    For beads of a file: the ladder format shows crossing beads, but does not say which of them moved.
    """
    beads = list(beads)
    links = sorted((b.source, b.target, place) for place, b in enumerate(beads) if not b.is_null)
    # Longest ascending chain by patience: the least target that ends a chain of each length.
    ends: list[int] = []
    last: list[int] = []
    before = [-1] * len(links)
    for k, (_, target, _) in enumerate(links):
        length = bisect_left(ends, target[0])
        before[k] = last[length - 1] if length else -1
        ends[length : length + 1] = [target[-1]]
        last[length : length + 1] = [k]
    stay = set()
    k = last[-1] if last else -1
    while k >= 0:
        stay.add(links[k][2])
        k = before[k]
    return [replace(b, moved=not b.is_null and place not in stay) for place, b in enumerate(beads)]


def moved_passages(beads: Iterable[Bead]) -> list[tuple[range, range]]:
    """Source and target sentences of each moved passage: moved beads that follow each other on both sides."""
    passages: list[tuple[range, range]] = []
    for bead in sorted((bead for bead in beads if bead.moved), key=lambda bead: bead.source):
        source, target = (range(side[0], side[-1] + 1) for side in (bead.source, bead.target))
        if passages:
            before_source, before_target = passages[-1]
            steps = source.start - before_source.stop, target.start - before_target.stop
            if all(0 <= step <= _GAP for step in steps):
                passages[-1] = (
                    range(before_source.start, source.stop),
                    range(before_target.start, target.stop),
                )
                continue
        passages.append((source, target))
    return passages


def strict_agreement(pairs: Iterable[tuple[Sequence[Bead], Sequence[Bead]]]) -> Agreement:
    """A bead counts when it equals a gold bead; summed over ``(found, gold)`` pairs, null beads left out.

    This is the strict measure of Sennrich and Volk (2010), as vecalign and bertalign print it.
    """
    return _agreement(pairs, strict=True)


def lax_agreement(pairs: Iterable[tuple[Sequence[Bead], Sequence[Bead]]]) -> Agreement:
    """A bead counts when it shares a sentence with some gold bead on both sides; null beads left out."""
    return _agreement(pairs, strict=False)


def _agreement(pairs: Iterable[tuple[Sequence[Bead], Sequence[Bead]]], *, strict: bool) -> Agreement:
    hits_found = hits_gold = total_found = total_gold = 0
    for found, gold in pairs:
        found_sides = [(bead.source, bead.target) for bead in found if not bead.is_null]
        gold_sides = [(bead.source, bead.target) for bead in gold if not bead.is_null]
        total_found += len(found_sides)
        total_gold += len(gold_sides)
        hits_found += _count_hits(found_sides, gold_sides, strict)
        hits_gold += _count_hits(gold_sides, found_sides, strict)
    return Agreement(
        hits_found / total_found if total_found else 0.0, hits_gold / total_gold if total_gold else 0.0
    )


_Sides = tuple[tuple[int, ...], tuple[int, ...]]


def _count_hits(beads: Sequence[_Sides], others: Sequence[_Sides], strict: bool) -> int:
    if strict:
        known = set(others)
        return sum(bead in known for bead in beads)
    links = {(s, t) for source, target in others for s in source for t in target}
    return sum(any((s, t) in links for s in source for t in target) for source, target in beads)

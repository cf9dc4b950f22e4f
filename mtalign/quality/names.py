"""For each name of a translation that is not found in the source: does anything there stand for it?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mtalign.checks.founded import SIGNS, NameSigns, Suspect, suspects
from mtalign.checks.run_names import RUN_SIGNS, RunNames
from mtalign.embed import TokenSummer
from mtalign.embed.base import unit_rows_about_mean, without_cache
from mtalign.embed.once import in_parts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mtalign.embed import Embedder, TokenSums
    from mtalign.languages import Language

_HEARD_WELL = 0.7
_MOST_UNNAMED = 2
_NEAR = 2
"""Tokens of the source to either side of what a neighbour of the name means."""
_STRETCH, _STEP = 4, 2
"""Tokens of a part of the source that is laid beside a name, and from one part to the next."""
_MOST_TOKENS = 4


def measure_names(
    pairs: Sequence[tuple[str, str, Language]],
    embedder: Embedder,
    run: RunNames | None = None,
    identifiers: Sequence[str] = (),
) -> list[tuple[NameSigns, ...]]:
    """The signs of the suspects of translations into English, given with their sources and languages.

    With a run and the ids of the pairs in it also what the run says. Texts without suspects cost nothing.
    Needs a :class:`mtalign.embed.TokenSummer`; of another embedder nothing is said.
    """
    found: list[tuple[NameSigns, ...]] = [()] * len(pairs)
    inner = without_cache(embedder)
    if not isinstance(inner, TokenSummer):
        return found
    wanted = [(n, some) for n, pair in enumerate(pairs) if (some := suspects(*pair))]
    for part in in_parts(wanted):
        sums = inner.encode_token_sums([text for number, _ in part for text in pairs[number][:2]])
        names = [one.name for _, some in part for one in some]
        sizes = iter(
            zip(*(inner.count_tokens(texts) for texts in (names, [*map(str.lower, names)])), strict=True)
        )
        variants = [
            _Variants(some, sums[2 * place], sums[2 * place + 1]) for place, (_, some) in enumerate(part)
        ]
        vectors = _finish(variants, inner)
        for (number, some), one, finished in zip(part, variants, vectors, strict=True):
            source, translation, _ = pairs[number]
            rows = []
            for place, suspect in enumerate(some):
                signs = _own_signs(suspect, len(translation), next(sizes)) + one.signs(
                    place, finished, len(translation)
                )
                named = dict(zip(SIGNS, signs, strict=True))
                if run is not None:
                    more = run.signs(identifiers[number], source, translation, suspect)
                    named |= zip(RUN_SIGNS, more, strict=True)
                seen = None if run is None else named["elsewhere"] > 0
                rows.append(NameSigns(suspect, named, seen))
            found[number] = tuple(rows)
    return found


def _own_signs(suspect: Suspect, length: int, sizes: tuple[int, int]) -> tuple[float, ...]:
    """The signs that need no vectors.

    Args:
        suspect: Whose.
        length: Of the translation, in characters.
        sizes: How many tokens the name is, and how many in lower case: a common word is one.
    """
    heard_well = max(0.0, suspect.heard - _HEARD_WELL)
    return (
        suspect.letters, suspect.heard, heard_well, math.log1p(suspect.sounds), float(suspect.absent),
        float(suspect.short), float(suspect.acronyms), float(suspect.beside),
        float(min(suspect.unnamed, _MOST_UNNAMED)), suspect.heard_beside,
        suspect.lost_name, suspect.lost_close, suspect.unheard,
        float(suspect.meant.by_character),
        float(suspect.meant.known and not suspect.meant.by_character),
        float(suspect.misspelled), float(suspect.torn), float(suspect.exchanged),
        min(suspect.lost_meanings, _MOST_UNNAMED), float(min(suspect.lost_people, _MOST_UNNAMED)),
        float(sizes[1] == 1), float(sizes[0]),
        math.log(len(suspect.spans)), math.log(length), suspect.capitals,
    )  # fmt: skip


def _finish(parts: Sequence[_Variants], embedder: TokenSummer) -> list[NDArray[np.float32]]:
    """Unit vectors of the sums of each."""
    import numpy as np

    sums = np.concatenate([np.stack(one.sums) for one in parts])
    counts = np.array([count for one in parts for count in one.counts], np.float32)
    borders = np.cumsum([len(one.sums) for one in parts])[:-1]
    return np.split(embedder.finish(sums, np.maximum(counts, 1)), borders)


class _Variants:
    """A source and a translation whole and changed, as sums: what is to go through the head."""

    def __init__(self, some: Sequence[Suspect], source: TokenSums, translation: TokenSums) -> None:

        self.sums: list[NDArray[np.float32]] = []
        self.counts: list[float] = []
        here, there = (side.sums.sum(axis=0) + side.edge for side in (source, translation))
        length = len(translation.sums) + translation.edges
        self._add(here, len(source.sums) + source.edges)
        self._add(there, length)
        for start in range(0, max(1, len(source.sums) - _STRETCH + 1), _STEP):
            rows = source.sums[start : start + _STRETCH]
            self._add(rows.sum(axis=0) + source.edge, len(rows) + source.edges)
        self._tokens = [_tokens(translation.spans, one.spans) for one in some]
        self._lost = [[_tokens(source.spans, [span]) for span in one.lost] for one in some]
        self._first: list[int] = []
        for tokens, lost in zip(self._tokens, self._lost, strict=True):
            self._first.append(len(self.sums))
            own = translation.sums[tokens].sum(axis=0)
            self._add(own + translation.edge, len(tokens) + translation.edges)
            self._add(there - own, length - len(tokens))
            for others in lost:
                other = source.sums[others].sum(axis=0)
                self._add(there - own + other, length - len(tokens) + len(others))
        ours, theirs = unit_rows_about_mean(translation.sums), unit_rows_about_mean(source.sums)
        self._likeness = ours @ theirs.T
        self._met = self._likeness.max(axis=0, initial=-1.0)
        self._windows = _windows(source.sums - source.sums.mean(axis=0)) if len(theirs) else theirs
        self._centred = translation.sums - translation.sums.mean(axis=0) if len(ours) else ours

    def _add(self, row: NDArray[np.float32], count: float) -> None:
        self.sums.append(row)
        self.counts.append(count)

    def _gap(self, tokens: Sequence[int]) -> float:
        """How well that token of the source is met that is met worst, near the name's place."""
        beside = [k for k in (tokens[0] - 1, tokens[-1] + 1) if 0 <= k < len(self._likeness)]
        places = {int(self._likeness[k].argmax()) for k in beside}
        near = [self._met[max(0, k - _NEAR) : k + _NEAR + 1].min() for k in places]
        return float(min(near, default=0.0))

    def signs(self, place: int, vectors: NDArray[np.float32], length: int) -> tuple[float, ...]:
        """What the vectors say of one suspect: the signs from ``cosine`` on.

        The cosine of both texts, and of the source and the name alone; how much nearer they are with the name
        than without it, and how much nearer if a word that was lost stood in its place (both times the root
        of the length); how far the translation moves without it; the part of the source that is most like
        it. Then of its tokens: the likeness to their nearest in the source, mean, least and most, and how
        much other tokens of the translation are less like those; a few tokens in a row that are most like it;
        how well the source's loneliest token is met; how much worse than the mean, the name included; and so
        near the place where it should be; how well that of a lost word is met, and how like the name it is.
        """
        import numpy as np

        first = self._first[place]
        tokens, lost = self._tokens[place], self._lost[place]
        source, translation = vectors[:2]
        alone, without = vectors[first : first + 2]
        cosine = float(source @ translation)
        root = math.sqrt(length)
        exchanged = vectors[first + 2 : first + 2 + len(lost)] @ source
        rest = np.delete(self._likeness, tokens, axis=0)
        if not tokens or not rest.size:
            by_token = (0.0,) * 10
        else:
            own = self._likeness[tokens]
            best, others = own.max(axis=1), rest.max(axis=0)
            name = self._centred[tokens].sum(axis=0)
            name = name / max(float(np.linalg.norm(name)), 1e-9)
            by_token = (
                float(best.mean()),
                float(best.min()),
                float(best.max()),
                float((best - others[own.argmax(axis=1)]).mean()),
                float((self._windows @ name).max()),
                float(others.min()),
                float(self._met.mean() - self._met.min()),
                self._gap(tokens),
                min((float(others[some].mean()) for some in lost if some), default=1.0),
                max((float(own[:, some].max()) for some in lost if some), default=0.0),
            )
        return (
            cosine,
            float(source @ alone),
            root * (cosine - float(source @ without)),
            root * max(0.0, float(exchanged.max(initial=cosine)) - cosine),
            root * (1 - float(translation @ without)),
            float((vectors[2 : self._first[0]] @ alone).max()),
            *by_token,
        )


def _windows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Unit rows: sums of one to four rows in a row."""
    import numpy as np

    upto = np.concatenate([np.zeros_like(rows[:1]), np.cumsum(rows, axis=0)])
    sums = np.concatenate([upto[size:] - upto[:-size] for size in range(1, min(_MOST_TOKENS, len(rows)) + 1)])
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9))


def _tokens(spans: Sequence[tuple[int, int]], wanted: Sequence[tuple[int, int]]) -> list[int]:
    """Which tokens have characters of the wanted spans."""
    return [
        place
        for place, (start, end) in enumerate(spans)
        if any(start < last and first < end for first, last in wanted)
    ]

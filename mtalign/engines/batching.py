"""How the seq2seq engines batch requests so that a batch never changes an output.

In a batch of unequal lengths the shorter sources are padded. The padding is masked, but its length is that of
the attention's matrices, and another shape means another order of floating-point sums; 8-bit activations then
turn a last-bit difference into another token. So the length that a source is padded to must not depend on
what else is in its batch. Either nothing is padded (:func:`make_batches` without ``padding``), or every
source is padded to the next multiple of a fixed width, also alone (:func:`bucket_batches`): only there do
sentences of many lengths fill a batch.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from mtalign.engines.base import Decoding, Hypothesis, Request
from mtalign.glossary import count_hits

N_BEST = 16
"""Beam width, and hypotheses looked at, for a request with terms."""


_WORTH_DIVIDING = 8
"""Requests from which two workers with half a batch each are done before one with the whole."""


@dataclass(frozen=True)
class Batch:
    """Requests that are decoded together, by index, and the longest output they may have, in tokens."""

    indices: list[int]
    limit: int


def make_batches(
    lengths: Sequence[int], targets: Sequence[Hashable], limits: Sequence[int], size: int, *, padding: bool
) -> list[Batch]:
    """Batches of at most ``size`` requests with one target language each, longest sources first.

    Args:
        lengths: source length of each request, in tokens.
        targets: target language of each request.
        limits: longest output of each request, in tokens; a function of its source length.
        size: most requests in a batch.
        padding: let unequal lengths share a batch. Its limit is then the largest of its requests, and the
            engine cuts what is longer than a request's own.
    """
    groups: dict[Hashable, list[int]] = {}
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        key = targets[index] if padding else (targets[index], lengths[index])
        groups.setdefault(key, []).append(index)
    return [
        Batch(indices[start : start + size], max(limits[index] for index in indices[start : start + size]))
        for indices in groups.values()
        for start in range(0, len(indices), size)
    ]


def bucket_length(length: int, width: int, ceiling: int) -> int:
    """The length that a source is padded to: the next multiple of ``width``, ``ceiling`` at most."""
    return min(-(-length // width) * width, ceiling)


def bucket_batches(
    lengths: Sequence[int], targets: Sequence[Hashable], size: int, *, workers: int
) -> list[list[int]]:
    """Batches of requests with one padded length and one target language each, by index.

    A bucket is divided evenly, and while there are fewer batches than ``workers`` the largest is halved. The
    ones that take longest come first: the small ones at the end keep all workers busy until it.

    Args:
        lengths: padded source length of each request, in tokens.
        targets: target language of each request.
        size: most requests in a batch.
        workers: batches decoded at once.
    """
    groups: dict[Hashable, list[int]] = {}
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        groups.setdefault((targets[index], lengths[index]), []).append(index)
    batches = []
    for group in groups.values():
        parts = -(-len(group) // size)
        batches += [
            group[len(group) * part // parts : len(group) * (part + 1) // parts] for part in range(parts)
        ]
    while batches and len(batches) < workers:
        largest = max(batches, key=len)
        if len(largest) < _WORTH_DIVIDING:
            break
        batches.remove(largest)
        batches += [largest[: len(largest) // 2], largest[len(largest) // 2 :]]
    return sorted(batches, key=lambda batch: -lengths[batch[0]] * len(batch))


def output_limit(source_tokens: int, decoding: Decoding, ceiling: int) -> int:
    """Longest output in target tokens, end of sentence included; never above the model's ``ceiling``."""
    return min(max(math.ceil(decoding.max_ratio * source_tokens), decoding.min_length, 1), ceiling)


def by_terms(requests: Sequence[Request], decoding: Decoding, size: int) -> list[tuple[list[int], int, int]]:
    """Requests without and with terms, which are searched in different widths.

    Returns:
        For each of the two that is not empty: the indices, the beam width, and how many requests a batch may
        have, so that no batch has more beams than ``size`` requests without terms.
    """
    width = max(decoding.beam, N_BEST)
    plain = [index for index, request in enumerate(requests) if not request.terms]
    asked = [index for index, request in enumerate(requests) if request.terms]
    groups = [(plain, decoding.beam, size), (asked, width, max(1, size * decoding.beam // width))]
    return [group for group in groups if group[0]]


def choose(request: Request, hypotheses: Sequence[Hypothesis]) -> Hypothesis:
    """The hypothesis of an n-best list, best first, that holds the most of the request's terms.

    One that the length limit cut off is taken only where there is no other; of equals, the first.
    """
    ranks = [(one.finished, count_hits(request.terms, one.text)) for one in hypotheses]
    return hypotheses[ranks.index(max(ranks))]

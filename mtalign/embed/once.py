"""Texts encoded once, whatever is asked of them: their vector, their clauses, their tokens.

Of an encoder that sums over tokens before its head (:class:`mtalign.embed.TokenSummer`) all of these follow
from the sums token by token. They take 2 KB a token, so they are kept for a few texts at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from mtalign.embed.base import (
    Embedder,
    Finish,
    Pieces,
    TokenEmbedder,
    TokenSummer,
    TokenSums,
    TokenVectors,
    without_cache,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AT_A_TIME = 64
"""So many segments, or pairs of texts, are best encoded together: 10 MB of sums."""

_T = TypeVar("_T")


def in_parts(items: Sequence[_T]) -> Iterable[Sequence[_T]]:
    """The items in parts of so many as are best encoded together."""
    return (items[start : start + AT_A_TIME] for start in range(0, len(items), AT_A_TIME))


def encoded_once(embedder: Embedder, texts: Iterable[str]) -> Embedder:
    """The embedder, which knows ``texts`` by their tokens already; itself if it does not sum over tokens."""
    inner = without_cache(embedder)
    if not isinstance(inner, TokenSummer) or not isinstance(inner, TokenEmbedder):
        return embedder
    return OnceEmbedder(inner, texts)


class OnceEmbedder:
    """An additive embedder of tokens that has encoded some texts; of others it asks the one behind it."""

    def __init__(self, embedder: TokenSummer, texts: Iterable[str]) -> None:
        self._embedder = embedder
        self.name = embedder.name
        self.fingerprint = embedder.fingerprint
        self.dimension = embedder.dimension
        self.finish: Finish = embedder.finish
        distinct = [*dict.fromkeys(texts)]
        self._known = dict(zip(distinct, embedder.encode_token_sums(distinct), strict=True))

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As in :class:`mtalign.embed.Embedder`."""
        import numpy as np

        known = self._all_known(texts)
        if known is None:
            return self._embedder.encode(texts)
        sums = np.stack([one.sums.sum(axis=0) + one.edge for one in known])
        counts = np.array([len(one.sums) + one.edges if len(one.sums) else 0 for one in known], np.float32)
        return self.finish(sums, counts)

    def encode_pieces(self, texts: Sequence[str]) -> Pieces:
        """As in :class:`mtalign.embed.AdditiveEmbedder`; pieces are clauses, edges are all in the head."""
        import numpy as np

        known = self._all_known(texts)
        if known is None:
            return self._embedder.encode_pieces(texts)
        rows, counts, owners = [], [], []
        for owner, one in enumerate(known):
            lengths = np.array(one.clauses)
            if len(one.sums):
                rows.append(np.add.reduceat(one.sums, np.cumsum(lengths) - lengths, axis=0))
            else:
                rows.append(np.zeros((1, one.sums.shape[1]), np.float32))
            counts.append(lengths)
            owners.append(np.full(len(lengths), owner))
        heads = np.stack([one.edge for one in known])
        return Pieces(
            np.concatenate(rows),
            np.concatenate(counts).astype(np.float32),
            np.concatenate(owners),
            heads,
            np.zeros_like(heads),
            known[0].edges,
        )

    def encode_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """As in :class:`mtalign.embed.TokenEmbedder`."""
        return self._embedder.tokens_of(texts, self.encode_token_sums(texts))

    def tokens_of(self, texts: Sequence[str], sums: Sequence[TokenSums]) -> list[TokenVectors]:
        """As in :class:`mtalign.embed.TokenSummer`."""
        return self._embedder.tokens_of(texts, sums)

    def encode_token_sums(self, texts: Sequence[str]) -> list[TokenSums]:
        """As in :class:`mtalign.embed.TokenSummer`."""
        return self._all_known(texts) or self._embedder.encode_token_sums(texts)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """As in :class:`mtalign.embed.TokenSummer`."""
        return self._embedder.count_tokens(texts)

    def _all_known(self, texts: Sequence[str]) -> list[TokenSums] | None:
        found = [self._known[text] for text in texts if text in self._known]
        return found if found and len(found) == len(texts) else None

"""The protocol of sentence encoders: a few attributes and one method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Finish = Callable[["NDArray[np.float32]", "NDArray[np.float32]"], "NDArray[np.float32]"]
"""Unit vectors, shape ``(n, dimension)``, of sums and counts, each possibly added up over texts."""


class Embedder(Protocol):
    """Turns texts into vectors whose dot product is their similarity."""

    name: str
    """How the embedder is asked for."""
    fingerprint: str
    """Of its weights and of how they are run: embedders that agree in it give the same vectors."""
    dimension: int

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of ``texts``, float32, shape ``(len(texts), dimension)``.

        A text without any feature (an empty string) gets a zero row, never a made-up vector.
        """
        ...


@dataclass(frozen=True)
class Pieces:
    """Texts before an encoder's head, cut at clauses and, where it is worth it, at runs of a few tokens too.

    The sum of a text, or of several texts in a row, is that of its pieces, of its first text's head and of
    its last text's tail; the count is that of its pieces and ``edges``.
    """

    sums: NDArray[np.float32]
    """Shape (p, k)."""
    counts: NDArray[np.float32]
    """What each piece was summed over, shape (p,); 0 for the one piece of a text without any feature."""
    owners: NDArray[np.int64]
    """Whose each piece is, ascending, shape (p,)."""
    heads: NDArray[np.float32]
    """What marks the beginning of each text, shape (n, k)."""
    tails: NDArray[np.float32]
    """What marks its end."""
    edges: float
    """What a head and a tail together count for."""
    opens: NDArray[np.bool_] | None = None
    """Whether a clause begins with each piece, shape (p,); None where every piece is a clause."""
    steps: NDArray[np.bool_] | None = None
    """Whether a run of a few tokens begins with each piece; None where every piece is one."""

    def clauses(self) -> Pieces:
        """The same texts with every piece a clause."""
        import numpy as np

        if self.opens is None:
            return self
        first = np.flatnonzero(self.opens)
        sums, counts = np.add.reduceat(self.sums, first), np.add.reduceat(self.counts, first)
        return Pieces(sums, counts, self.owners[first], self.heads, self.tails, self.edges)


@runtime_checkable
class AdditiveEmbedder(Protocol):
    """An embedder that sums over a text's parts before its head.

    The vector of several sentences in a row then costs an addition and one pass through the head instead
    of a pass through the whole encoder.
    """

    name: str
    fingerprint: str
    dimension: int

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As in :class:`Embedder`."""
        ...

    def encode_pieces(self, texts: Sequence[str]) -> Pieces:
        """The pieces of the texts before the head."""
        ...

    @property
    def finish(self) -> Finish:
        """The head; who keeps it does not keep the rest of the encoder, if that is large."""
        ...


@dataclass(frozen=True)
class TokenVectors:
    """The tokens of a text in their context; those of punctuation only are left out."""

    vectors: NDArray[np.float32]
    """Unit rows about the text's own mean, shape (t, k); the dot product of two is their similarity."""
    spans: tuple[tuple[int, int], ...]
    """The characters of the text that each token stands for, half-open, without white space around them."""


@runtime_checkable
class TokenEmbedder(Protocol):
    """An embedder that can tell what each part of a text means."""

    name: str

    def encode_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """The tokens of each text; none for a text without words, or too long for it."""
        ...


@dataclass(frozen=True)
class TokenSums:
    """A text before an encoder's head, token by token."""

    sums: NDArray[np.float32]
    """What each token adds, shape (t, k)."""
    edge: NDArray[np.float32]
    """What marks the beginning and the end of a text adds, shape (k,)."""
    edges: float
    """What that counts for; a token counts for one."""
    spans: tuple[tuple[int, int], ...]
    """The characters of each token, half-open, without white space around them."""
    clauses: tuple[int, ...]
    """How many tokens each clause has: at least one clause, of 0 tokens for a text without any."""


@runtime_checkable
class TokenSummer(Protocol):
    """An :class:`AdditiveEmbedder` that gives its sums token by token, so that any words can be left out."""

    name: str
    fingerprint: str
    dimension: int

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As in :class:`Embedder`."""
        ...

    def encode_pieces(self, texts: Sequence[str]) -> Pieces:
        """As in :class:`AdditiveEmbedder`."""
        ...

    def encode_token_sums(self, texts: Sequence[str]) -> list[TokenSums]:
        """The tokens of each text before the head."""
        ...

    def tokens_of(self, texts: Sequence[str], sums: Sequence[TokenSums]) -> list[TokenVectors]:
        """The tokens in their context, as in :class:`TokenEmbedder`, of texts with these sums."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text is cut into: one for a common word."""
        ...

    @property
    def finish(self) -> Finish:
        """As in :class:`AdditiveEmbedder`."""
        ...


def unit_rows_about_mean(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows less their mean, made unit; what all tokens of a text share tells none from another."""
    import numpy as np

    if not len(rows):
        return rows
    centred = rows - rows.mean(axis=0)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(np.divide(centred, norms, out=np.zeros_like(centred), where=norms > 0))


def without_cache(embedder: Embedder) -> Embedder:
    """The embedder behind its cache, which knows whole texts only; itself where it has none."""
    inner: Embedder = getattr(embedder, "inner", embedder)
    return inner

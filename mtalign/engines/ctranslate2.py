"""The fast engine: MarianMT, NLLB and M2M100 checkpoints in CTranslate2, 8-bit on a CPU.

Neither torch nor transformers is imported here; only the first conversion of a checkpoint needs them, in a
process of its own (:mod:`mtalign.engines.conversion`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

from mtalign.engines.base import Decoding, Hypothesis, Pending, Request, ResolvedModel
from mtalign.engines.batching import N_BEST, bucket_batches, bucket_length, by_terms, choose, output_limit
from mtalign.engines.checkpoint import (
    checked_family,
    forbidden_sequences,
    is_converted,
    position_limit,
    read_json,
    source_limit,
)
from mtalign.engines.conversion import convert
from mtalign.engines.converted import Notice
from mtalign.engines.cores import available_cores
from mtalign.engines.shortlist import digest, directory_with, read_shortlist
from mtalign.engines.tokenization import END, UNKNOWN, Tokenizer, load_tokenizer, read_vocabulary
from mtalign.errors import EngineError, ModelError, UsageError
from mtalign.home import mtalign_home

BUCKET = 16
"""Tokens: sources are padded to a multiple of it. ``bench/engines.py`` says what other widths cost."""

BATCH_SIZE = 16
"""Sentences in a batch: what takes the least CPU time a token in ``bench/engines.py``."""

_KEPT_TEXTS = 8192
"""Texts whose tokens are kept between counting, batching and decoding."""

COMPUTE_TYPES = ("int8", "float32", "int16", "float16", "bfloat16", "int8_float16", "int8_bfloat16")


def load(
    model: ResolvedModel,
    *,
    compute_type: str = "int8",
    device: str = "cpu",
    home: Path | None = None,
    workers: int | None = None,
    threads: int = 1,
    batch_size: int = BATCH_SIZE,
    bucket: int = BUCKET,
    shortlist: Path | None = None,
    notice: Notice | None = None,
) -> Ctranslate2Engine:
    """Make a checkpoint ready, converting it first where that has not been done.

    The weights are read when the first batch is started; :class:`ModelError` where they cannot be.

    Args:
        model: a checkpoint directory, or one that CTranslate2 has converted, tokenizer files beside it.
        compute_type: type of the weights, one of ``COMPUTE_TYPES``.
        device: ``cpu`` or ``cuda``.
        home: where conversions are kept, under ``converted/``; default ``$MTALIGN_HOME``.
        workers: batches translated at once; default one for each core that this process may use.
        threads: threads in a worker. One is best where there are sentences enough for all workers.
        batch_size: sentences decoded together, at most.
        bucket: every source is padded to a multiple of so many tokens, alone as in a batch; with 1 nothing is
            padded, and only sentences of equal length are decoded together.
        shortlist: file with the only target tokens to write; see :mod:`mtalign.engines.shortlist`.
        notice: is told, in one line, when a conversion begins.

    Raises:
        ModelError: a file is missing or damaged, or it is another architecture.
        UsageError: unknown compute type.
    """
    if compute_type not in COMPUTE_TYPES:
        raise UsageError(
            f"unknown compute type {compute_type!r}", hint=f"there are {', '.join(COMPUTE_TYPES)}"
        )
    workers = workers or available_cores()
    family = checked_family(model)
    if is_converted(model.path):
        directory = model.path
    else:
        directory = convert(model, compute_type, home or mtalign_home(), notice)
    vocabulary = read_vocabulary(directory)
    version = f"ctranslate2 {package_version('ctranslate2')} {compute_type} bucket {bucket}"
    converted = directory
    if shortlist is not None:
        tokens = read_shortlist(shortlist, model)
        version += f" shortlist {digest(tokens)}"
        directory = directory_with(directory, tokens, home or mtalign_home())

    def load_translator() -> Any:
        import ctranslate2

        try:
            return ctranslate2.Translator(
                str(directory),
                device=device,
                compute_type=compute_type,
                inter_threads=workers,
                intra_threads=threads,
            )
        except (RuntimeError, ValueError, MemoryError) as error:
            remedy = (
                "fetch the model again" if converted == model.path else f"delete {converted} and try again"
            )
            raise ModelError(f"CTranslate2 cannot load {directory}: {error}", hint=remedy) from error

    return Ctranslate2Engine(
        model=model,
        version=version,
        load_translator=load_translator,
        tokenizer=load_tokenizer(model, vocabulary),
        vocabulary=vocabulary,
        source_vocabulary=read_vocabulary(directory, "source"),
        add_end=not read_json(directory / "config.json", default={}).get("add_source_eos", False),
        positions=position_limit(model.path, family),
        batch_size=batch_size,
        bucket=bucket,
        workers=workers,
        shortlist=shortlist is not None,
    )


class Ctranslate2Engine:
    """A ``ctranslate2.Translator``, loaded when something is to be decoded, with its tokenizer."""

    name = "ctranslate2"
    takes_terms = True

    def __init__(
        self,
        *,
        model: ResolvedModel,
        version: str,
        load_translator: Callable[[], Any],
        tokenizer: Tokenizer,
        vocabulary: Sequence[str],
        source_vocabulary: Sequence[str],
        add_end: bool,
        positions: int,
        batch_size: int,
        bucket: int,
        workers: int,
        shortlist: bool,
    ) -> None:
        """Take the parts that :func:`load` has made; ``positions`` is the longest sequence in tokens."""
        self.model = model
        self.version = version
        self.batch_size = batch_size
        self.in_flight = workers + 1
        self.source_tokens = 0
        """Source tokens of what was asked so far."""
        self.padded_tokens = 0
        """The same with padding."""
        self._workers = workers
        self._shortlist = shortlist
        self._bucket = bucket
        self._load_translator: Callable[[], Any] | None = load_translator
        self._translator: Any = None
        self._tokenizer = tokenizer
        self._pieces = lru_cache(_KEPT_TEXTS)(tokenizer.pieces)
        self._vocabulary = vocabulary
        self._ids = {token: number for number, token in enumerate(vocabulary)}
        self._readable = frozenset(source_vocabulary) - {UNKNOWN}
        self._add_end = add_end
        self._positions = positions
        # MarianMT conversions have no <pad>; NLLB ones must not write it.
        self._forbidden = [["<pad>"]] if "<pad>" in self._ids else []
        self._forbidden += [
            [vocabulary[number] for number in sequence]
            for sequence in forbidden_sequences(model.path)
            if all(number < len(vocabulary) for number in sequence)
        ]

    def context_segments(self, decoding: Decoding) -> int:
        """None: these models read one sentence."""
        return 0

    def translate(self, requests: Sequence[Request], decoding: Decoding) -> list[Hypothesis]:
        """Translate ``requests``, batches of equal padded length side by side.

        One with terms gets the best of ``N_BEST`` hypotheses among those that hold the most of them.
        """
        return self._begin(requests, decoding, self.batches(requests, decoding)).result()

    def batches(self, requests: Sequence[Request], decoding: Decoding) -> list[list[int]]:
        """Indices of ``requests`` that are decoded together, batches that take longest first."""
        return self._batches(requests, decoding, self._workers)

    def _batches(self, requests: Sequence[Request], decoding: Decoding, workers: int) -> list[list[int]]:
        lengths = [
            self._padded(len(self._pieces(request.text)) + self._tokenizer.special_tokens)
            for request in requests
        ]
        found = []
        for group, _, size in by_terms(requests, decoding, self.batch_size):
            batches = bucket_batches(
                [lengths[index] for index in group],
                [requests[index].target for index in group],
                size,
                workers=workers,
            )
            found += [[group[place] for place in batch] for batch in batches]
        return found

    def start(self, requests: Sequence[Request], decoding: Decoding) -> Pending:
        """Give ``requests`` to a worker; what is one of :meth:`batches` is decoded as one batch."""
        return self._begin(requests, decoding, self._batches(requests, decoding, 1))

    def _begin(self, requests: Sequence[Request], decoding: Decoding, batches: list[list[int]]) -> Pending:
        sources = [self._source_tokens(request) for request in requests]
        running = []
        try:
            for batch in batches:
                running.append(
                    self._start([requests[i] for i in batch], [sources[i] for i in batch], decoding, batch)
                )
        except (RuntimeError, ValueError, MemoryError) as error:
            raise _failed(error) from error
        return _Running(self, running, len(requests))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Length of each text in source tokens, language codes and end of sentence included."""
        return [len(self._pieces(text)) + self._tokenizer.special_tokens for text in texts]

    def knows(self, text: str) -> bool:
        """Whether the vocabulary can represent all of ``text``."""
        return self._readable.issuperset(self._tokenizer.pieces(text))

    @property
    def max_source_tokens(self) -> int:
        """What the model translates well in one piece, at most what it has positions for."""
        return source_limit(self.model.family, self._positions)

    @property
    def max_target_tokens(self) -> int:
        """How many tokens the decoder can write after its start token and language code."""
        return self._positions - 2

    def close(self) -> None:
        """Free the weights and end the workers."""
        translator, self._translator, self._load_translator = self._translator, None, None
        if translator is not None:
            translator.unload_model()

    def _open(self) -> Any:
        """The translator, loaded when it is first asked for: what is in memory needs none."""
        if self._load_translator is None:
            raise EngineError("the engine is closed")
        if self._translator is None:
            self._translator = self._load_translator()
        return self._translator

    def _padded(self, length: int) -> int:
        return bucket_length(length, self._bucket, self._positions)

    def _source_tokens(self, request: Request) -> list[str]:
        """What the encoder gets, end of sentence included."""
        pieces = self._pieces(request.text)
        tokens = self._tokenizer.wrap(pieces, request.source, request.target)
        if not pieces:
            raise EngineError("a text without any token cannot be translated")
        if len(tokens) > self._positions:
            raise EngineError(
                f"a sentence of {len(tokens)} tokens is longer than the model's {self._positions}",
                hint="split it",
            )
        return tokens

    def _start(
        self, requests: list[Request], sources: list[list[str]], decoding: Decoding, indices: list[int]
    ) -> _Batch:
        """Start a batch whose sources have one padded length."""
        longest = max(map(len, sources))
        padded = self._padded(longest)
        # Decoded up to the limit of the padded length, the same for all, then cut at each its own: the result
        # is that of the request alone, whatever else is here.
        limit = output_limit(padded, decoding, self.max_target_tokens)
        limits = [output_limit(len(tokens), decoding, self.max_target_tokens) for tokens in sources]
        prefix = self._tokenizer.target_prefix(requests[0].target)
        prefixes = [prefix] * len(requests)
        self.source_tokens += sum(map(len, sources))
        self.padded_tokens += padded * len(sources)
        beam, hypotheses = decoding.beam, 1
        if requests[0].terms:
            beam = hypotheses = max(decoding.beam, N_BEST)
        if longest < padded:
            # CTranslate2 pads to the longest source. This one says nothing and is made to begin with the end:
            # a model ends at once. With words in it, one wrote on for as long as the others.
            sources = [*sources, [END] * padded]
            prefixes = [*prefixes, [*prefix, END]]
        results = self._open().translate_batch(
            sources if self._add_end else [tokens[:-1] for tokens in sources],
            target_prefix=prefixes if any(prefixes) else None,
            asynchronous=True,
            beam_size=beam,
            num_hypotheses=hypotheses,
            # The prefix counts in CTranslate2's lengths; at least one token of the sentence is asked for.
            max_decoding_length=len(prefix) + limit,
            min_decoding_length=len(prefix) + 1,
            max_input_length=0,
            repetition_penalty=decoding.repetition_penalty,
            no_repeat_ngram_size=decoding.no_repeat_ngram,
            suppress_sequences=self._forbidden or None,
            disable_unk=True,
            use_vmap=self._shortlist,
            replace_unknowns=False,
            return_end_token=True,
            return_scores=True,
        )
        return _Batch(requests, indices, results[: len(requests)], len(prefix), limits)

    def _hypotheses(self, batch: _Batch) -> list[Hypothesis]:
        found = []
        for request, pending, limit in zip(batch.requests, batch.results, batch.limits, strict=True):
            result = pending.result()
            nbest = [
                self._hypothesis(result, place, batch.prefix, limit)
                for place in range(len(result.hypotheses))
            ]
            found.append(choose(request, nbest))
        return found

    def _hypothesis(self, result: Any, place: int, prefix: int, limit: int) -> Hypothesis:
        tokens = result.hypotheses[place]
        # CTranslate2 divides the score by a length that counts the prefix, whose tokens cost nothing.
        score = float(result.scores[place]) * len(tokens) / (len(tokens) - prefix)
        written = tokens[prefix : prefix + limit]
        finished = bool(written) and written[-1] == END
        content = written[:-1] if finished else written
        return Hypothesis(
            text=self._tokenizer.text(content),
            tokens=len(written),
            finished=finished,
            score=score,
            token_ids=tuple(self._ids[token] for token in content),
        )


@dataclass(frozen=True)
class _Batch:
    """What CTranslate2 decodes as one batch."""

    requests: list[Request]
    indices: list[int]
    """The place of each among the requests that were started together."""
    results: list[Any]
    prefix: int
    limits: list[int]
    """The longest output of each, in tokens."""


class _Running:
    """Batches that were started together."""

    def __init__(self, engine: Ctranslate2Engine, batches: list[_Batch], count: int) -> None:
        self._engine = engine
        self._batches = batches
        self._count = count

    def result(self) -> list[Hypothesis]:
        """Wait for them; a hypothesis for each request, in order."""
        hypotheses: list[Hypothesis | None] = [None] * self._count
        try:
            for batch in self._batches:
                for index, hypothesis in zip(batch.indices, self._engine._hypotheses(batch), strict=True):
                    hypotheses[index] = hypothesis
        except (RuntimeError, ValueError, MemoryError) as error:
            raise _failed(error) from error
        return [hypothesis for hypothesis in hypotheses if hypothesis is not None]


def _failed(error: Exception) -> EngineError:
    return EngineError(f"CTranslate2 failed: {error}", hint="try --engine transformers")

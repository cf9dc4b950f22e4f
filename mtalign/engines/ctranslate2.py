"""The fast engine: MarianMT, NLLB and M2M100 checkpoints in CTranslate2, 8-bit on a CPU.

Neither torch nor transformers is imported here; only the first conversion of a checkpoint needs them, in a
process of its own (:mod:`mtalign.engines.conversion`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mtalign.engines.base import Decoding, Hypothesis, Request, ResolvedModel
from mtalign.engines.batching import by_terms, choose, make_batches, output_limit
from mtalign.engines.checkpoint import (
    checked_family,
    forbidden_sequences,
    is_converted,
    position_limit,
    read_json,
)
from mtalign.engines.conversion import Notice, convert
from mtalign.engines.tokenization import END, UNKNOWN, Tokenizer, load_tokenizer, read_vocabulary
from mtalign.errors import EngineError, ModelError, UsageError
from mtalign.home import mtalign_home

COMPUTE_TYPES = ("int8", "float32", "int16", "float16", "bfloat16", "int8_float16", "int8_bfloat16")


def load(
    model: ResolvedModel,
    *,
    compute_type: str = "int8",
    device: str = "cpu",
    home: Path | None = None,
    workers: int | None = None,
    threads: int = 1,
    batch_size: int = 32,
    padding: bool = False,
    notice: Notice | None = None,
) -> Ctranslate2Engine:
    """Load a checkpoint, converting it first where that has not been done.

    Args:
        model: a checkpoint directory, or one that CTranslate2 has converted, tokenizer files beside it.
        compute_type: type of the weights, one of ``COMPUTE_TYPES``.
        device: ``cpu`` or ``cuda``.
        home: where conversions are kept, under ``converted/``; default ``$MTALIGN_HOME``.
        workers: batches translated at once; default one for each core that this process may use.
        threads: threads in a worker. One is best where there are sentences enough for all workers.
        batch_size: sentences decoded together, at most.
        padding: let sentences of unequal length share a batch; an output may then depend on its batch.
        notice: is told, in one line, when a conversion begins.

    Raises:
        ModelError: a file is missing or damaged, or it is another architecture.
        UsageError: unknown compute type.
    """
    import ctranslate2

    if compute_type not in COMPUTE_TYPES:
        raise UsageError(
            f"unknown compute type {compute_type!r}", hint=f"there are {', '.join(COMPUTE_TYPES)}"
        )
    workers = workers or _usable_cores()
    family = checked_family(model)
    if is_converted(model.path):
        directory = model.path
    else:
        directory = convert(model, compute_type, home or mtalign_home(), notice)
    vocabulary = read_vocabulary(directory)
    tokenizer = load_tokenizer(model, vocabulary)
    try:
        translator = ctranslate2.Translator(
            str(directory),
            device=device,
            compute_type=compute_type,
            inter_threads=workers,
            intra_threads=threads,
        )
    except (RuntimeError, ValueError, MemoryError) as error:
        raise ModelError(
            f"CTranslate2 cannot load {directory}: {error}",
            hint="fetch the model again" if directory == model.path else f"delete {directory} and try again",
        ) from error
    return Ctranslate2Engine(
        model=model,
        version=f"ctranslate2 {ctranslate2.__version__} {compute_type}" + (" padded" if padding else ""),
        translator=translator,
        tokenizer=tokenizer,
        vocabulary=vocabulary,
        source_vocabulary=read_vocabulary(directory, "source"),
        add_end=not read_json(directory / "config.json", default={}).get("add_source_eos", False),
        positions=position_limit(model.path, family),
        decoded_together=batch_size,
        batch_size=2 * workers * batch_size,  # enough to find sentences of equal length for each worker
        padding=padding,
    )


class Ctranslate2Engine:
    """A loaded ``ctranslate2.Translator`` with its tokenizer."""

    name = "ctranslate2"
    context_segments = 0
    takes_terms = True

    def __init__(
        self,
        *,
        model: ResolvedModel,
        version: str,
        translator: Any,
        tokenizer: Tokenizer,
        vocabulary: Sequence[str],
        source_vocabulary: Sequence[str],
        add_end: bool,
        positions: int,
        decoded_together: int,
        batch_size: int,
        padding: bool,
    ) -> None:
        """Take the parts that :func:`load` has made; ``positions`` is the longest sequence in tokens."""
        self.model = model
        self.version = version
        self.batch_size = batch_size
        self._decoded_together = decoded_together
        self._translator = translator
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._ids = {token: number for number, token in enumerate(vocabulary)}
        self._readable = frozenset(source_vocabulary) - {UNKNOWN}
        self._add_end = add_end
        self._padding = padding
        self._positions = positions
        # MarianMT conversions have no <pad>; NLLB ones must not write it.
        self._forbidden = [["<pad>"]] if "<pad>" in self._ids else []
        self._forbidden += [
            [vocabulary[number] for number in sequence]
            for sequence in forbidden_sequences(model.path)
            if all(number < len(vocabulary) for number in sequence)
        ]

    def translate(self, requests: Sequence[Request], decoding: Decoding) -> list[Hypothesis]:
        """Translate ``requests``, batches of equal source length side by side.

        One with terms gets the best of ``N_BEST`` hypotheses among those that hold the most of them.
        """
        sources = [self._source_tokens(request) for request in requests]
        prefixes = [self._tokenizer.target_prefix(request.target) for request in requests]
        lengths = [len(tokens) for tokens in sources]
        limits = [output_limit(length, decoding, self.max_target_tokens) for length in lengths]
        targets = [request.target for request in requests]
        hypotheses: list[Hypothesis | None] = [None] * len(requests)
        running = []
        try:
            for group, beam, size in by_terms(requests, decoding, self._decoded_together):
                for batch in make_batches(
                    [lengths[index] for index in group],
                    [targets[index] for index in group],
                    [limits[index] for index in group],
                    size,
                    padding=self._padding,
                ):
                    indices = [group[place] for place in batch.indices]
                    results = self._start(
                        [sources[index] for index in indices],
                        [prefixes[index] for index in indices],
                        replace(decoding, beam=beam),
                        batch.limit,
                        beam if requests[indices[0]].terms else 1,
                    )
                    running += list(zip(indices, results, strict=True))
            for index, result in running:
                found = result.result()
                hypotheses[index] = choose(
                    requests[index],
                    [
                        self._hypothesis(found, place, len(prefixes[index]), limits[index])
                        for place in range(len(found.hypotheses))
                    ],
                )
        except (RuntimeError, ValueError, MemoryError) as error:
            raise EngineError(f"CTranslate2 failed: {error}", hint="try --engine transformers") from error
        return [hypothesis for hypothesis in hypotheses if hypothesis is not None]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Length of each text in source tokens, language codes and end of sentence included."""
        return [len(self._tokenizer.pieces(text)) + self._tokenizer.special_tokens for text in texts]

    def knows(self, text: str) -> bool:
        """Whether the vocabulary can represent all of ``text``."""
        return self._readable.issuperset(self._tokenizer.pieces(text))

    @property
    def max_source_tokens(self) -> int:
        """How many positions the encoder has."""
        return self._positions

    @property
    def max_target_tokens(self) -> int:
        """How many tokens the decoder can write after its start token and language code."""
        return self._positions - 2

    def close(self) -> None:
        """Free the weights and end the workers."""
        translator, self._translator = self._translator, None
        if translator is not None:
            translator.unload_model()

    def _source_tokens(self, request: Request) -> list[str]:
        pieces = self._tokenizer.pieces(request.text)
        tokens = self._tokenizer.wrap(pieces, request.source, request.target)
        if not pieces:
            raise EngineError("a text without any token cannot be translated")
        if len(tokens) > self._positions:
            raise EngineError(
                f"a sentence of {len(tokens)} tokens is longer than the model's {self._positions}",
                hint="split it",
            )
        return tokens if self._add_end else tokens[:-1]

    def _start(
        self,
        sources: list[list[str]],
        prefixes: list[list[str]],
        decoding: Decoding,
        limit: int,
        hypotheses: int,
    ) -> list[Any]:
        if self._translator is None:
            raise EngineError("the engine is closed")
        results: list[Any] = self._translator.translate_batch(
            sources,
            target_prefix=prefixes if any(prefixes) else None,
            asynchronous=True,
            beam_size=decoding.beam,
            num_hypotheses=hypotheses,
            # The prefix counts in CTranslate2's lengths; at least one token of the sentence is asked for.
            max_decoding_length=len(prefixes[0]) + limit,
            min_decoding_length=len(prefixes[0]) + 1,
            max_input_length=0,
            repetition_penalty=decoding.repetition_penalty,
            no_repeat_ngram_size=decoding.no_repeat_ngram,
            suppress_sequences=self._forbidden or None,
            disable_unk=True,
            replace_unknowns=False,
            return_end_token=True,
            return_scores=True,
        )
        return results

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


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

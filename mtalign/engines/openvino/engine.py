"""The engine itself: what is asked of the model for each segment, and what is made of the answers."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mtalign.engines.base import Decoding, Hypothesis, Pending, Request, ResolvedModel
from mtalign.engines.converted import Notice
from mtalign.engines.instruct.choose import Chooser
from mtalign.engines.instruct.gguf import GgufFile, read_gguf
from mtalign.engines.instruct.limits import longest_output, longest_source
from mtalign.engines.instruct.output import strip_chatter
from mtalign.engines.instruct.prompts import CONVERSATION, conversation_for, with_countries
from mtalign.engines.instruct.vocabulary import Vocabulary
from mtalign.engines.openvino.conversion import ARCHITECTURES, characters, convert, library_version
from mtalign.engines.openvino.pipeline import WAYS, Ask, Output, Pipeline, Ticket
from mtalign.errors import EngineError, ModelError
from mtalign.home import mtalign_home
from mtalign.languages import Language

RECIPE = 9
"""Version of weights, prompts, grammar and choice among candidates; raised when any of them changes."""

SAMPLES: dict[str, tuple[tuple[float, int], ...]] = {
    "fast": (),
    "good": ((0.5, 4), (0.7, 4), (1.0, 4)),
    "best": ((0.5, 6), (0.7, 6), (1.0, 6)),
}
"""By quality, how many candidates are sampled at which temperatures; with none the likeliest one stands.

As many at 0.7 and 0.8 agree less on what is right (128 sentences of FLORES in four languages, 24 each: chrF2
50.5 for 51.3, BLEU 16.8 for 18.4). At 0.3 most are the likeliest one, a poor one for Korean and Japanese.
"""

BEAMS = 2
"""Beams that look for a candidate in each of the ways that a segment is asked in, where there are samples.

What beams find has the better BLEU, what samples agree on the better chrF2, and together they have both: on
144 sentences of FLORES (ko, ja, zh) 19.9 / 49.2 by beams alone, 17.9 / 50.4 by 24 samples, 19.5 / 50.8 by 12
samples and beams in two ways. Four beams find worse: 18.9 / 47.9.
"""

CONTEXT = {"fast": 1, "good": 5, "best": 5}
"""By quality, how many segments before it a segment is seen with: it has to wait for them."""

SIMILARITY_WEIGHT = 0.5
"""Of a dozen candidates or more (FLORES, all four languages)."""

PROBABILITY_WEIGHT = 0.1
"""Of the mean log-probability of a candidate's tokens, which the temperature does not touch (FLORES)."""

_SAMPLE_RATIO = 1.5
_SHORTEST_SAMPLE = 32
"""A sample has at most so many tokens for each token of its source, and so many more: of good ones few are as
long, and one that loops would hold up the others."""
_WAY_OF_BEAMS = WAYS - 1
_ATTEMPTS = 4
"""Attempts at a segment, each with a seed of its own, that are told apart."""
_IN_FLIGHT = 64
"""Segments begun before the first is waited for, at most."""
_SINGLE = 4
"""Bytes of a number of single precision."""


class OpenVinoEngine:
    """Translates with an instruction model through OpenVINO; loads it when first asked.

    Args:
        model: the ``.gguf`` file; an instruction model that brings its chat template.
        context: tokens, prompt and output together, that one request may have.
        threads: threads; by default as many as this process may use.
        home: where conversions are kept, under ``converted/``; default ``$MTALIGN_HOME``.
        notice: is told, in one line, when a conversion begins, and if it left weights less exact than in
            the file.

    Raises:
        MissingPackageError: OpenVINO GenAI is not installed.
        ModelError: the file's header cannot be read, or OpenVINO does not know the architecture.
    """

    name = "openvino"
    takes_terms = True
    batch_size = 32
    in_flight = _IN_FLIGHT

    def __init__(
        self,
        model: ResolvedModel,
        *,
        context: int = 4096,
        threads: int | None = None,
        home: Path | None = None,
        notice: Notice | None = None,
    ) -> None:
        self.model = model
        self.version = f"{RECIPE}+openvino-genai-{library_version()}"
        self._context = context
        self._threads = threads
        self._home = home or mtalign_home()
        self._notice = notice
        self._chooser = Chooser(SIMILARITY_WEIGHT, PROBABILITY_WEIGHT)
        self._pipelines: dict[str, Pipeline] = {}
        self._closed = False

    @cached_property
    def _gguf(self) -> GgufFile:
        gguf = read_gguf(self.model.path)
        if (architecture := gguf.text("general.architecture")) not in ARCHITECTURES:
            raise ModelError(
                f"OpenVINO does not read models of the architecture {architecture or 'unnamed'}",
                hint="try --engine llamacpp",
            )
        return gguf

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self._gguf)

    def _pipeline(self, target: Language) -> Pipeline:
        """That of the target's script: there is one for each set of characters."""
        if self._closed:
            raise EngineError("the openvino engine is closed")
        kind = characters(target.script)
        if kind not in self._pipelines:
            token_bytes = _token_bytes(self._gguf)
            directory = convert(self.model, target.script, self._home, self._notice)
            self._pipelines[kind] = Pipeline(directory, token_bytes=token_bytes, threads=self._threads)
        return self._pipelines[kind]

    def context_segments(self, decoding: Decoding) -> int:
        """See :data:`CONTEXT`."""
        return CONTEXT[decoding.quality]

    def translate(self, requests: Sequence[Request], decoding: Decoding) -> list[Hypothesis]:
        """Translate ``requests``; one hypothesis each, in order.

        Raises:
            EngineError: OpenVINO failed, or a request does not fit into the context.
        """
        return self.start(requests, decoding).result()

    def batches(self, requests: Sequence[Request], decoding: Decoding) -> list[list[int]]:
        """Each request is a batch of its own, the longest first: they are decoded side by side anyway."""
        lengths = self.count_tokens([request.text for request in requests])
        return [[index] for index in sorted(range(len(requests)), key=lambda index: (-lengths[index], index))]

    def start(self, requests: Sequence[Request], decoding: Decoding) -> Pending:
        """Queue what is asked of the model for ``requests``."""
        return _Running(self, [self._begin(request, decoding) for request in requests])

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Length of each text in tokens, to within a few: see :meth:`Vocabulary.count`."""
        return [self._vocabulary.count(text) for text in texts]

    @property
    def max_source_tokens(self) -> int:
        """Longest source that leaves room for the prompt and an output three times as long."""
        return longest_source(self._context)

    def close(self) -> None:
        """Free the model; calling it twice is harmless."""
        self._closed = True
        for pipeline in self._pipelines.values():
            pipeline.close()
        self._pipelines.clear()

    def _begin(self, request: Request, decoding: Decoding) -> _Asked:
        # Another attempt at what was refused is one translation.
        samples = SAMPLES[decoding.quality] if decoding.repetition_penalty == 1.0 else ()
        count = self._vocabulary.count(request.text)
        limit = longest_output(count, decoding)
        pipeline = self._pipeline(request.target)
        shorter = min(limit, _SHORTEST_SAMPLE + int(_SAMPLE_RATIO * count))
        # Of its own for each text, so that luck is not the same for all.
        seed = zlib.crc32(request.text.encode()) + decoding.seed
        attempt = decoding.seed % _ATTEMPTS
        conversations = self._conversations(pipeline, request, decoding, limit)
        first = next(conversations)
        asks = []
        for way, (temperature, number) in enumerate(samples, start=1):
            prompt = pipeline.prompt(first, way=way, attempt=attempt)
            if rows := min(number, pipeline.most_samples(len(prompt), shorter)):
                asks.append(Ask(prompt, shorter, samples=rows, temperature=temperature, seed=seed))
        for tokens in (first, *conversations) if asks else ():
            prompt = pipeline.prompt(tokens, way=_WAY_OF_BEAMS, attempt=attempt)
            if pipeline.most_samples(len(prompt), shorter) >= BEAMS:
                asks.append(Ask(prompt, shorter, beams=BEAMS))
        if not asks:
            prompt = pipeline.prompt(first, attempt=attempt)
            asks.append(Ask(prompt, limit, repetition_penalty=decoding.repetition_penalty))
        return _Asked(request, tuple(pipeline.submit(ask) for ask in asks))

    def _conversations(
        self, pipeline: Pipeline, request: Request, decoding: Decoding, limit: int
    ) -> Iterator[tuple[int, ...]]:
        """Token ids of what may be said: with context, without, and for `best` with examples in its place.

        What does not fit with an output of ``limit`` tokens is left out; there is one at least.
        """
        request = with_countries(request)
        alone = replace(request, context=())
        prompt = conversation_for(request.text)
        ways = [(prompt, request), (prompt, alone)] + [(CONVERSATION, alone)] * (decoding.quality == "best")
        lengths: dict[tuple[int, ...], int] = {}
        for way, one in ways:
            tokens = pipeline.templated(way.messages(one, self._vocabulary.without_controls))
            if tokens not in lengths:
                lengths[tokens] = len(pipeline.prompt(tokens, attempt=decoding.seed % _ATTEMPTS))
                if lengths[tokens] + limit <= self._context:
                    yield tokens
        shortest = min(lengths.values())
        if shortest + limit > self._context:
            raise EngineError(
                f"a prompt of {shortest} tokens and an output do not fit into {self._context}",
                hint="split the sentence",
            )

    def _hypothesis(self, asked: _Asked) -> Hypothesis:
        request = asked.request
        pipeline = self._pipeline(request.target)
        candidates = [
            _candidate(output, pipeline.text(output.tokens), request.text)
            for ticket in asked.tickets
            for output in pipeline.outputs(ticket)
        ]
        return self._chooser.choose(request, candidates)


@dataclass(frozen=True)
class _Asked:
    """A request and what was submitted for it."""

    request: Request
    tickets: tuple[Ticket, ...]


@dataclass(frozen=True)
class _Running:
    """Requests that are worked on."""

    engine: OpenVinoEngine
    asked: list[_Asked]

    def result(self) -> list[Hypothesis]:
        return [self.engine._hypothesis(one) for one in self.asked]


def load(model: ResolvedModel, **settings: Any) -> OpenVinoEngine:
    """Load ``model``; settings are those of :class:`OpenVinoEngine`.

    Raises:
        MissingPackageError: OpenVINO GenAI is not installed.
    """
    return OpenVinoEngine(model, **settings)


def _candidate(output: Output, text: str, source: str) -> Hypothesis:
    tokens = len(output.tokens)
    return Hypothesis(
        text=strip_chatter(text, source),
        tokens=tokens,
        finished=output.finished,
        score=round(output.log_probability / tokens, 5) if tokens else None,
    )


def _token_bytes(gguf: GgufFile) -> int:
    """Memory that the keys and values of one token take, in single precision."""
    name = gguf.text("general.architecture")
    layers, width, heads = (
        gguf.integer(f"{name}.{key}") or 0
        for key in ("block_count", "embedding_length", "attention.head_count")
    )
    groups = gguf.integer(f"{name}.attention.head_count_kv") or heads
    if not layers or not width or not heads:
        raise ModelError(f"the model {gguf.path} is damaged: its header lacks the sizes of its layers")
    size = gguf.integer(f"{name}.attention.key_length") or width // heads
    return 2 * _SINGLE * layers * groups * size

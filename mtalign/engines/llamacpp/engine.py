"""The engine itself: prompts, decodes and chooses for each request, several requests at a time."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mtalign.engines.base import Decoding, Hypothesis, Request, ResolvedModel
from mtalign.engines.llamacpp.choose import Chooser
from mtalign.engines.llamacpp.gguf import read_gguf
from mtalign.engines.llamacpp.output import strip_chatter
from mtalign.engines.llamacpp.prompts import PROMPTS, Prompt
from mtalign.engines.llamacpp.server import LlamaServer
from mtalign.engines.llamacpp.vocabulary import Vocabulary, forbidden_ranges
from mtalign.errors import EngineError

RECIPE = 2
"""Version of prompts, forbidden tokens and choice among candidates; raised when any of them changes."""

SLOTS = 6
"""Requests decoded at the same time; with one token each they stay within one micro-batch."""

MICRO_BATCH = 7
"""Tokens evaluated at once. From 8 on llama.cpp computes K-quantised products in another way."""

_K_QUANTS = frozenset({10, 11, 12, 13, 14})
"""GGML types Q2_K to Q6_K: their products are the same for one token as for seven; others' are not."""
_PROMPT_TOKENS = 320
"""Room kept for the system message and the examples."""
_LOWEST_LOG_PROBABILITY = -100.0


class LlamaCppEngine:
    """Translates with an instruction model through llama.cpp, at temperature 0.

    Args:
        model: the ``.gguf`` file; any instruction model that brings its chat template.
        context: tokens, prompt and output together, that one request may have.
        threads: threads; by default as many as this process may use.

    Raises:
        MissingPackageError: xllamacpp is not installed.
        ModelError: the file cannot be loaded.
    """

    name = "llamacpp"

    def __init__(self, model: ResolvedModel, *, context: int = 2048, threads: int | None = None) -> None:
        self.model = model
        self.context_segments = 0
        self.batch_size = 2 * SLOTS
        self._context = context
        gguf = read_gguf(model.path)
        self._vocabulary = Vocabulary(gguf)
        exact = gguf.tensor_types <= _K_QUANTS
        self._slots = SLOTS if exact else 1
        self._server = LlamaServer(
            model.path,
            context=context,
            slots=self._slots,
            micro_batch=MICRO_BATCH if exact else 1,
            threads=threads,
        )
        self.version = f"{RECIPE}+xllamacpp-{self._server.version}"
        self._chooser = Chooser()
        self._biases: dict[str, list[list[int | bool]]] = {}

    def translate(self, requests: Sequence[Request], decoding: Decoding) -> list[Hypothesis]:
        """Translate ``requests``; one hypothesis each, in order.

        Raises:
            EngineError: llama.cpp failed, or a request does not fit into the context.
        """
        prompts = PROMPTS.get(decoding.quality, PROMPTS["good"])
        share = max(1, self._slots // len(prompts))
        for script in {request.target.script for request in requests}:
            self._bias(script)

        def job(number: int) -> Hypothesis:
            index, way = divmod(number, len(prompts))
            # A prompt keeps to its own slots, where llama.cpp finds its beginning evaluated already.
            slot = (way * share + index % share) % self._slots
            return self._decode(requests[index], prompts[way], decoding, slot)

        with ThreadPoolExecutor(self._slots) as pool:
            decoded = list(pool.map(job, range(len(requests) * len(prompts))))
        return [
            self._chooser.choose(request.text, decoded[index * len(prompts) : (index + 1) * len(prompts)])
            for index, request in enumerate(requests)
        ]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Length of each text in tokens, to within a few: see :meth:`Vocabulary.count`."""
        return [self._vocabulary.count(text) for text in texts]

    @property
    def max_source_tokens(self) -> int:
        """Longest source that leaves room for the prompt and an output three times as long."""
        return max(1, (self._context - _PROMPT_TOKENS) // 4)

    def close(self) -> None:
        """Free the model; calling it twice is harmless."""
        self._server.close()

    def _decode(self, request: Request, prompt: Prompt, decoding: Decoding, slot: int) -> Hypothesis:
        tokens = self._vocabulary.count(request.text)
        limit = max(decoding.min_length, int(decoding.max_ratio * tokens))
        body: dict[str, Any] = {
            "messages": prompt.messages(request, self._vocabulary.without_controls),
            "temperature": 0,
            "max_tokens": max(1, min(limit, self._context - _PROMPT_TOKENS - tokens)),
            "logit_bias": self._bias(request.target.script),
            "logprobs": True,
            "top_logprobs": 1,
            "cache_prompt": True,
            "id_slot": slot,
        }
        if decoding.repetition_penalty != 1.0:
            body["repeat_penalty"] = decoding.repetition_penalty
        answer = self._server.chat(body)
        try:
            choice = answer["choices"][0]
            content = choice["message"].get("content") or ""
            return Hypothesis(
                text=strip_chatter(content, request.text),
                tokens=int(answer["usage"]["completion_tokens"]),
                finished=choice["finish_reason"] != "length",
                score=_mean_log_probability(choice.get("logprobs")),
            )
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise EngineError(f"llama.cpp gave an answer without {error}") from error

    def _bias(self, script: str) -> list[list[int | bool]]:
        if script not in self._biases:
            forbidden = self._vocabulary.spelling(forbidden_ranges(script))
            self._biases[script] = [[token, False] for token in forbidden]
        return self._biases[script]


def load(model: ResolvedModel, **settings: Any) -> LlamaCppEngine:
    """Load ``model``; settings are those of :class:`LlamaCppEngine`.

    Raises:
        MissingPackageError: xllamacpp is not installed.
        ModelError: the file cannot be loaded.
    """
    return LlamaCppEngine(model, **settings)


def _mean_log_probability(logprobs: Any) -> float | None:
    tokens = (logprobs or {}).get("content") or []
    values = [max(float(token["logprob"]), _LOWEST_LOG_PROBABILITY) for token in tokens]
    return round(sum(values) / len(values), 5) if values else None

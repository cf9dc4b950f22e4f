"""The llamacpp engine: any GGUF instruction model as a translator."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from mtalign.engines.base import Decoding, Hypothesis, Request, ResolvedModel
from mtalign.engines.llamacpp.gguf import GgufFile, read_gguf
from mtalign.engines.llamacpp.output import strip_chatter
from mtalign.engines.llamacpp.prompts import messages
from mtalign.engines.llamacpp.server import LlamaServer
from mtalign.engines.llamacpp.vocabulary import Vocabulary, forbidden_ranges

RECIPE = 1
"""Version of prompts, forbidden tokens and choice among candidates; raised when any of them changes."""


class LlamaCppEngine:
    """Translates with an instruction model through llama.cpp, at temperature 0.

    Args:
        model: the ``.gguf`` file.
        context: tokens, prompt and output together, that one request may have.
        threads: threads; by default as many as this process may use.

    Raises:
        MissingPackageError: xllamacpp is not installed.
        ModelError: the file cannot be loaded.
    """

    name = "llamacpp"

    def __init__(self, model: ResolvedModel, *, context: int = 4096, threads: int | None = None) -> None:
        self.model = model
        self.context_segments = 0
        self.batch_size = 8
        self._context = context
        self._gguf: GgufFile = read_gguf(model.path)
        self._vocabulary = Vocabulary(self._gguf)
        self._server = LlamaServer(model.path, context=context, threads=threads)
        self.version = f"{RECIPE}+xllamacpp-{self._server.version}"
        self._biases: dict[str, list[list[int | bool]]] = {}

    def translate(self, requests: Sequence[Request], decoding: Decoding) -> list[Hypothesis]:
        """Translate ``requests``; one hypothesis each, in order.

        Raises:
            EngineError: llama.cpp failed.
        """
        return [self._translate(request, decoding) for request in requests]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Length of each text in tokens, to within a few: see :meth:`Vocabulary.count`."""
        return [self._vocabulary.count(text) for text in texts]

    @cached_property
    def max_source_tokens(self) -> int:
        """Longest source that leaves room for the prompt and the longest output."""
        return self._context // 5

    def close(self) -> None:
        """Free the model; calling it twice is harmless."""
        self._server.close()

    def _translate(self, request: Request, decoding: Decoding) -> Hypothesis:
        limit = max(decoding.min_length, int(decoding.max_ratio * self._vocabulary.count(request.text)))
        body: dict[str, Any] = {
            "messages": messages(request),
            "temperature": 0,
            "max_tokens": limit,
            "logit_bias": self._bias(request.target.script),
        }
        if decoding.repetition_penalty != 1.0:
            body["repeat_penalty"] = decoding.repetition_penalty
        answer = self._server.chat(body)
        choice = answer["choices"][0]
        return Hypothesis(
            text=strip_chatter(choice["message"].get("content") or "", request.text),
            tokens=int(answer["usage"]["completion_tokens"]),
            finished=choice["finish_reason"] != "length",
        )

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

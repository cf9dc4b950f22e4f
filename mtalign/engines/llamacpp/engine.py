"""The engine itself: a block as one conversation, so that each sentence is translated in its context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from mtalign.engines.base import Decoding, Hypothesis, Request, ResolvedModel
from mtalign.engines.instruct.choose import Chooser
from mtalign.engines.instruct.gguf import read_gguf
from mtalign.engines.instruct.limits import longest_output, longest_source
from mtalign.engines.instruct.output import strip_chatter
from mtalign.engines.instruct.prompts import CONVERSATION, OTHERS, Prompt
from mtalign.engines.instruct.vocabulary import Vocabulary, forbidden_ranges
from mtalign.engines.llamacpp.server import LlamaServer, library_version
from mtalign.errors import EngineError

RECIPE = 7
"""Version of prompts, forbidden tokens and choice among candidates; raised when any of them changes."""

SIMILARITY_WEIGHT = 2.0
"""Of two or three candidates (FLORES zh and ko)."""

RUN_LENGTH = 6
"""Segments that share a conversation, at most: one more each turn, then a new conversation."""

_TALK, _ALONE = 0, 1
"""Slots: the conversation's, and the one for what is asked outside it."""
_TURN_TOKENS = 8
"""What the chat template puts round a message, and a little for the estimate of its length."""
_LOWEST_LOG_PROBABILITY = -100.0
_ONE_TOKEN = Decoding(min_length=1, max_ratio=0)


class LlamaCppEngine:
    """Translates with an instruction model through llama.cpp, at temperature 0; loads it when first asked.

    Args:
        model: the ``.gguf`` file; any instruction model that brings its chat template.
        context: tokens, prompt and output together, that one conversation may have.
        threads: threads; by default as many as this process may use.

    Raises:
        MissingPackageError: xllamacpp is not installed.
        ModelError: the file's header cannot be read; the rest of the file is read when first asked.
    """

    name = "llamacpp"
    takes_terms = True
    batch_size = 1

    def __init__(self, model: ResolvedModel, *, context: int = 4096, threads: int | None = None) -> None:
        self.model = model
        self.version = f"{RECIPE}+xllamacpp-{library_version()}"
        self._context = context
        self._threads = threads
        self._vocabulary = Vocabulary(read_gguf(model.path))
        self._chooser = Chooser(SIMILARITY_WEIGHT)
        self._biases: dict[str, list[list[int | bool]]] = {}
        self._languages: tuple[str, str] | None = None
        self._said: list[Request] = []
        self._closed = False

    @cached_property
    def _server(self) -> LlamaServer:
        if self._closed:
            raise EngineError("the llamacpp engine is closed")
        return LlamaServer(self.model.path, context=self._context, slots=2, threads=self._threads)

    def context_segments(self, decoding: Decoding) -> int:
        """As many as share a conversation with it."""
        return RUN_LENGTH - 1

    def translate(self, requests: Sequence[Request], decoding: Decoding) -> list[Hypothesis]:
        """Translate ``requests``; one hypothesis each, in order.

        Raises:
            EngineError: llama.cpp failed, or a request does not fit into the context.
        """
        return [self._translate(request, decoding) for request in requests]

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
        if "_server" in self.__dict__:
            self._server.close()

    def _translate(self, request: Request, decoding: Decoding) -> Hypothesis:
        alone = replace(request, context=())
        if decoding.repetition_penalty != 1.0:
            # Another attempt at what was refused: outside the conversation, which stays as it was.
            return self._decode(CONVERSATION, alone, decoding, _ALONE)
        if not self._fits(request, decoding):
            request = alone
        if request.terms:
            # Outside the conversation too: its turns are the same whatever the glossary.
            return self._decode(CONVERSATION, request, decoding, _ALONE)
        self._rejoin(request, decoding)
        first = self._say(request, decoding)
        prompts = OTHERS.get(decoding.quality, ())
        if decoding.quality == "good" and not self._chooser.doubts(request.text, request.source, first):
            prompts = ()
        others = [self._decode(prompt, alone, decoding, _ALONE) for prompt in prompts]
        return self._chooser.choose(request, [first, *others])

    def _fits(self, request: Request, decoding: Decoding) -> bool:
        messages = CONVERSATION.messages(request)
        tokens = sum(self._vocabulary.count(message["content"]) + _TURN_TOKENS for message in messages)
        return tokens + self._limit(request, decoding) <= self._context

    def _limit(self, request: Request, decoding: Decoding) -> int:
        return longest_output(self._vocabulary.count(request.text), decoding)

    # -- the conversation -----------------------------------------------------------------------------

    def _rejoin(self, request: Request, decoding: Decoding) -> None:
        """Bring the conversation to where ``request`` is asked when its block is translated in one go.

        What llama.cpp computes depends, in its last bits, on how many tokens it evaluates at once; so after
        an interruption the turns before are asked again, each in its turn.
        """
        before = [
            replace(request, text=pair.source, context=request.context[:number])
            for number, pair in enumerate(request.context)
        ]
        if self._said != before or not before:
            self._begin(request)
            for turn in before:
                self._say(turn, decoding)

    def _begin(self, request: Request) -> None:
        """Start a conversation: the slot then holds the prompt's beginning, evaluated as always."""
        opening = replace(request, text="-", context=())
        languages = (request.source.code, request.target.code)
        if self._languages != languages:
            # The beginnings of two languages share tokens; these must not stay from the other one.
            self._decode(CONVERSATION, opening, _ONE_TOKEN, _TALK, cached=False)
            self._languages = languages
        self._decode(CONVERSATION, opening, _ONE_TOKEN, _TALK)
        self._said = []

    def _say(self, request: Request, decoding: Decoding) -> Hypothesis:
        hypothesis = self._decode(CONVERSATION, request, decoding, _TALK)
        self._said.append(request)
        return hypothesis

    # -- one request ----------------------------------------------------------------------------------

    def _decode(
        self, prompt: Prompt, request: Request, decoding: Decoding, slot: int, *, cached: bool | None = None
    ) -> Hypothesis:
        body: dict[str, Any] = {
            "messages": prompt.messages(request, self._vocabulary.without_controls),
            "temperature": 0,
            "max_tokens": self._limit(request, decoding),
            "logit_bias": self._bias(request.target.script),
            "logprobs": True,
            "top_logprobs": 1,
            # Alone, everything is evaluated anew, so that what was asked before leaves no trace.
            "cache_prompt": slot == _TALK if cached is None else cached,
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

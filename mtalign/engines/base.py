"""The protocol every engine implements, and what goes in and out of it.

An engine turns requests into hypotheses and knows nothing of documents, memory or retries: those belong
to :mod:`mtalign.translate`. Engines are found through the entry point group ``mtalign.engines``; each
entry is a callable ``(model: ResolvedModel, **settings) -> Engine``. Heavy imports happen inside that
callable, never at import time of its module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from mtalign.glossary import Term
from mtalign.languages import Language
from mtalign.models.resolved import ResolvedModel

__all__ = [
    "ContextPair",
    "Decoding",
    "Engine",
    "Hypothesis",
    "Pending",
    "Pipelined",
    "Request",
    "ResolvedModel",
]


@dataclass(frozen=True)
class ContextPair:
    """A segment that stands before the requested one in its document."""

    source: str
    translation: str | None
    """Its English, where it is known and not failed."""


@dataclass(frozen=True)
class Request:
    """One segment to translate."""

    text: str
    source: Language
    target: Language
    context: tuple[ContextPair, ...] = ()
    """What stands before it in its run, oldest first; see :meth:`Engine.context_segments`."""
    terms: tuple[Term, ...] = ()
    """Terms of the text whose English the translation should hold; only for an engine that takes terms."""


@dataclass(frozen=True)
class Decoding:
    """Decoding options; part of the memory key, so that other options never reuse a result."""

    beam: int = 4
    """Beam width of the seq2seq engines; 1 is greedy."""
    max_ratio: float = 3.0
    """Longest output in target tokens, as a multiple of the source tokens (never below ``min_length``)."""
    min_length: int = 32
    repetition_penalty: float = 1.0
    no_repeat_ngram: int = 0
    quality: str = "good"
    """``fast``, ``good`` or ``best``: what an engine that chooses among candidates may spend."""
    seed: int = 0


@dataclass(frozen=True)
class Hypothesis:
    """What an engine made of a request."""

    text: str
    tokens: int
    """Target tokens decoded, end of sentence included."""
    finished: bool
    """False when the length limit cut the output off."""
    score: float | None = None
    """Mean log-probability of a target token (natural logarithm, ≤ 0), where the engine knows it."""
    token_ids: tuple[int, ...] = field(default=(), repr=False)
    """Target token ids without special tokens, where the engine has them."""


@runtime_checkable
class Engine(Protocol):
    """What the translate plan needs of an engine. Implementations must be deterministic.

    The same request with the same options must give the same hypothesis, alone or in any batch.

    An engine that does something for the terms of a request says so by an attribute ``takes_terms = True``.
    It is then asked again, with the terms, for each segment whose translation misses one; of any other engine
    the terms are only checked.

    An engine that knows its vocabulary has a method ``knows(text: str) -> bool``: false where the model would
    read ``<unk>`` for something in ``text``. What it does not know is flagged.
    """

    name: str
    """Entry point name: ``ctranslate2``."""
    version: str
    """Version of the engine and of the library under it; part of the memory key."""
    model: ResolvedModel
    batch_size: int
    """How many requests it likes to get at once."""

    def context_segments(self, decoding: Decoding) -> int:
        """How many preceding segments it takes as context; 0 for none.

        A block is then translated in runs of at most so many segments and one, each request with those that
        stand before it in its run.
        """
        ...

    def translate(self, requests: Sequence[Request], decoding: Decoding) -> list[Hypothesis]:
        """Translate ``requests``; one hypothesis each, in order.

        Raises:
            EngineError: the engine failed; none of the batch is usable.
            LanguageError: the model does not know a language asked for.
        """
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Length of each text in the model's source tokens, special tokens included."""
        ...

    @property
    def max_source_tokens(self) -> int:
        """Longest source, in tokens, that the model should get whole; a longer one is asked for in parts."""
        ...

    def close(self) -> None:
        """Release memory, threads and files; calling it twice is harmless."""
        ...


class Pending(Protocol):
    """A batch that an engine works on."""

    def result(self) -> list[Hypothesis]:
        """Wait for it; one hypothesis for each request, in order.

        Raises:
            EngineError: the engine failed; none of the batch is usable.
        """
        ...


@runtime_checkable
class Pipelined(Engine, Protocol):
    """An engine that decodes batches side by side while its caller does something else."""

    in_flight: int
    """How many started batches keep every worker busy: one for each, and one that is next."""

    def batches(self, requests: Sequence[Request], decoding: Decoding) -> list[list[int]]:
        """The batches that ``requests`` make, by index, those that take longest first."""
        ...

    def start(self, requests: Sequence[Request], decoding: Decoding) -> Pending:
        """Begin to translate ``requests``, at best one of :meth:`batches`.

        Raises:
            EngineError: they cannot be translated.
            LanguageError: the model does not know a language asked for.
        """
        ...

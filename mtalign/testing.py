"""Public fakes for tests, ours and those of plug-ins: engines that need no model.

They go through the same protocol as the real engines, so that a test reaches what no real model does on
demand: an empty answer, a loop, a crash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from mtalign.checks.length import expected_length
from mtalign.engines.base import Decoding, Hypothesis, Request, ResolvedModel

_SYLLABLES = ("ba", "de", "fi", "go", "lu", "me", "na", "po", "ri", "sta", "te", "vo")


def pseudo_english(request: Request) -> str:
    """Words that look like English, as long as a translation would be; the same for the same text."""
    digest = hashlib.sha256(request.text.encode()).digest()
    length = expected_length(request.text, request.source) or len(request.text)
    words: list[str] = []
    number = 0
    while sum(map(len, words)) + len(words) < max(3, length):
        byte = digest[number % len(digest)] + 7 * number
        word = "".join(_SYLLABLES[(byte >> shift) % len(_SYLLABLES)] for shift in range(1 + byte % 3))
        words.append(word)
        number += 1
    return " ".join(words).capitalize() + "."


class EchoEngine:
    """An engine whose answers a test decides.

    ``answer`` is called with a request and its decoding and returns the hypothesis's text, or raises; the
    default is :func:`pseudo_english`. ``calls`` records every batch as it was asked.
    """

    name = "echo"
    version = "1"

    def __init__(
        self,
        answer: Callable[[Request, Decoding], str] | None = None,
        *,
        context_segments: int = 0,
        batch_size: int = 8,
        max_source_tokens: int = 512,
        fingerprint: str = "0" * 64,
        takes_terms: bool = False,
    ) -> None:
        self.answer = answer or (lambda request, decoding: pseudo_english(request))
        self._context_segments = context_segments
        self.takes_terms = takes_terms
        self.batch_size = batch_size
        self._max_source_tokens = max_source_tokens
        self.model = ResolvedModel("echo", Path("echo"), "echo", fingerprint)
        self.calls: list[tuple[Request, ...]] = []

    def translate(self, requests: Sequence[Request], decoding: Decoding) -> list[Hypothesis]:
        """Answer each request; an answer longer than the limit comes cut off, as from a real engine."""
        self.calls.append(tuple(requests))
        hypotheses = []
        for request in requests:
            words = self.answer(request, decoding).split(" ")
            limit = max(decoding.min_length, round(decoding.max_ratio * self.count_tokens([request.text])[0]))
            hypotheses.append(
                Hypothesis(" ".join(words[:limit]), min(len(words), limit), len(words) <= limit, -0.5)
            )
        return hypotheses

    def context_segments(self, decoding: Decoding) -> int:
        """As many as it was made with."""
        return self._context_segments

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """One token a character, and one for the end of the sentence."""
        return [len(text) + 1 for text in texts]

    @property
    def max_source_tokens(self) -> int:
        """As given to the constructor."""
        return self._max_source_tokens

    def close(self) -> None:
        """Nothing to release."""

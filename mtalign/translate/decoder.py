"""Decode requests batch after batch, each up the ladder until its answer passes the guard.

While the engine works on some batches, the answers of the one before are guarded and recorded and the next
ones are made ready, so that an engine with several workers (:class:`~mtalign.engines.base.Pipelined`) never
waits. What has to be decoded again is gathered and goes in batches too, as soon as there is a batchful or
the engine would run dry.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mtalign.checks import check_translation
from mtalign.engines.base import Pipelined, Request
from mtalign.errors import EngineError
from mtalign.glossary import count_hits
from mtalign.memory import Outcome
from mtalign.translate.addresses import Masked, loses_address, mask, unmask
from mtalign.translate.attempts import ladder
from mtalign.translate.guard import objection
from mtalign.translate.parts import halves, split_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mtalign.engines.base import Decoding, Engine, Hypothesis, Pending

_ENGINE_ERRORS_IN_A_ROW = 3
"""So many requests failing one after the other, each on its own, means that the engine is broken."""
_FULL = 0.75
"""A batch that is less full than this share waits for the next works, as long as some may come."""


@dataclass
class Work:
    """A request on its way up the ladder; ``tag`` is its owner's."""

    tag: object
    request: Request
    """With its glossary terms, if any: they are asked for once the translation without them is known."""
    refused: tuple[str, ...] = ()
    """Translations that are refused as if the guard objected to them."""
    plain: Outcome | None = None
    """What is known without the terms; where it is given, only the terms are asked for."""
    attempt: int = 0
    spent: int = 0
    """Target tokens decoded for it so far."""
    problem: str | None = None
    """What was wrong with the first answer."""
    altered: Outcome | None = None
    """What came with an address changed, while it is asked for with a stand-in."""
    masked: Masked | None = None
    """The text with stand-ins for its addresses."""


@dataclass(frozen=True)
class Done:
    """What a work came to."""

    work: Work
    """With ``plain`` where it was asked for its terms."""
    outcome: Outcome
    lasts: bool
    """Whether it would come out the same again, and may be stored."""
    final: bool
    """False where the work is asked for its terms yet."""


class Decoder:
    """Works go in with :meth:`add`, and come out through ``done``, a batch's worth at a time."""

    def __init__(self, engine: Engine, decoding: Decoding, done: Callable[[list[Done]], None]) -> None:
        self.engine = engine
        self.engine_seconds = 0.0
        """Time in which the engine had something to do."""
        self._decoding = decoding
        self._ladder = ladder(decoding)
        self._done = done
        self._ahead = engine.in_flight if isinstance(engine, Pipelined) else 1
        self._jobs: deque[tuple[list[Work], Decoding]] = deque()
        self._flight: deque[tuple[list[Work], list[Request], Decoding, Pending]] = deque()
        self._waiting: list[Work] = []
        """What would make too small a batch by itself."""
        self._again: list[list[Work]] = [[] for _ in self._ladder]
        """By attempt: what waits to be decoded again."""
        self._too_hard: list[Work] = []
        self._for_addresses: list[Work] = []
        self._for_terms: list[Work] = []
        self._finished: list[Done] = []
        self._busy_since: float | None = None
        self._errors = 0

    def add(self, works: Sequence[Work]) -> None:
        """Queue ``works``, with those that wait; longest sources first."""
        limit = self.engine.max_source_tokens
        new = [work for work in works if work.plain is None]
        lengths = self.engine.count_tokens([work.request.text for work in new])
        self._too_hard += [work for work, length in zip(new, lengths, strict=True) if length > limit]
        fresh = [work for work, length in zip(new, lengths, strict=True) if length <= limit]
        waited = set(map(id, self._waiting))
        batches = self._batches([*self._waiting, *fresh], self._decoding)
        enough = _FULL * self.engine.batch_size
        full = [batch for batch in batches if len(batch) >= enough]
        self._waiting = [work for batch in batches if len(batch) < enough for work in batch]
        # What was here before comes first: a window of a stream is not kept open longer than it has to be.
        full.sort(key=lambda batch: not any(id(work) in waited for work in batch))
        self._jobs.extend((batch, self._decoding) for batch in full)
        self._for_terms += [work for work in works if work.plain is not None]

    def step(self, refill: Callable[[], bool] = lambda: False) -> bool:
        """Start what the engine has room for, then settle the oldest batch.

        ``refill`` is called when the queue is empty, and says whether it has added something.

        Returns:
            False when there was nothing to do.

        Raises:
            EngineError: several requests in a row fail on their own.
        """
        while len(self._flight) < self._ahead and self._next_is_ready(refill):
            self._start(*self._jobs.popleft())
        if self._flight:
            self._settle(*self._flight.popleft())
        elif self._too_hard:
            works, self._too_hard = self._too_hard, []
            for work in works:
                self._settle_plain(work, *self._in_parts(work))
        else:
            return False
        finished, self._finished = self._finished, []
        if finished:
            self._done(finished)
        return True

    # -- queues ---------------------------------------------------------------------------------------

    def _next_is_ready(self, refill: Callable[[], bool]) -> bool:
        for pool, decoding in self._pools():
            if len(pool) >= self.engine.batch_size:
                self._empty(pool, decoding)
        while not self._jobs and refill():
            pass
        if not self._jobs:
            self._empty(self._waiting, self._decoding)
        # The last ones wait for the rest of their batch as long as every worker has one.
        if not self._jobs and len(self._flight) < max(1, self._ahead - 1):
            for pool, decoding in self._pools():
                if pool and not (pool is self._for_terms and (self._flight or self._too_hard)):
                    self._empty(pool, decoding)
                    break
        return bool(self._jobs)

    def _pools(self) -> Iterator[tuple[list[Work], Decoding]]:
        yield from zip(self._again, self._ladder, strict=True)
        yield self._for_addresses, self._decoding
        yield self._for_terms, self._decoding

    def _empty(self, pool: list[Work], decoding: Decoding) -> None:
        self._jobs.extend((batch, decoding) for batch in self._batches(pool, decoding))
        pool.clear()

    def _batches(self, works: list[Work], decoding: Decoding) -> list[list[Work]]:
        """The batches that ``works`` make, those that take longest first."""
        if not works:
            return []
        requests = [self._request(work) for work in works]
        if isinstance(self.engine, Pipelined):
            found = self.engine.batches(requests, decoding)
        else:
            lengths = self.engine.count_tokens([request.text for request in requests])
            order = sorted(range(len(works)), key=lambda index: (-lengths[index], index))
            size = self.engine.batch_size
            found = [order[start : start + size] for start in range(0, len(order), size)]
        return [[works[index] for index in batch] for batch in found]

    def _request(self, work: Work) -> Request:
        if work.plain is not None:
            return work.request
        if work.masked is not None:
            return replace(work.request, terms=(), text=work.masked.text)
        # What went wrong with context may go right without it.
        return replace(work.request, terms=(), context=() if work.attempt else work.request.context)

    # -- asking ---------------------------------------------------------------------------------------

    def _start(self, works: list[Work], decoding: Decoding) -> None:
        requests = [self._request(work) for work in works]
        if not self._flight:
            self._busy_since = time.perf_counter()
        pending: Pending
        if isinstance(self.engine, Pipelined):
            try:
                pending = self.engine.start(requests, decoding)
            except EngineError as error:
                pending = _Failed(error)
        else:
            pending = _Later(self.engine, requests, decoding)
        self._flight.append((works, requests, decoding, pending))

    def _settle(
        self, works: list[Work], requests: list[Request], decoding: Decoding, pending: Pending
    ) -> None:
        try:
            answers = self._answers(pending.result, requests, decoding)
        finally:
            if not self._flight:
                self._idle()
        for work, request, answer in zip(works, requests, answers, strict=True):
            if work.plain is not None:
                self._settle_terms(work, answer)
            elif work.masked is not None and work.altered is not None:
                self._settle_masked(work, work.masked, work.altered, answer)
            elif isinstance(answer, EngineError):
                failure = Outcome(None, f"the engine failed: {answer}", None, work.spent)
                self._settle_plain(work, failure, False)
            else:
                self._settle_attempt(work, request, answer)

    def _idle(self) -> None:
        if self._busy_since is not None:
            self.engine_seconds += time.perf_counter() - self._busy_since
            self._busy_since = None

    def _answers(
        self, ask: Callable[[], list[Hypothesis]], requests: Sequence[Request], decoding: Decoding
    ) -> list[Hypothesis | EngineError]:
        """The engine's answers; where a batch fails, one by one, so that one bad request spoils no other.

        Raises:
            EngineError: several requests in a row fail on their own.
        """
        try:
            answers: list[Hypothesis | EngineError] = list(ask())
            self._errors = 0
        except EngineError as error:
            if len(requests) == 1:
                self._errors += 1
                if self._errors >= _ENGINE_ERRORS_IN_A_ROW:
                    raise
                return [error]
            answers = [answer for request in requests for answer in self._ask([request], decoding)]
        if len(answers) != len(requests):
            raise EngineError(
                f"engine {self.engine.name} gave {len(answers)} hypotheses for {len(requests)} segments"
            )
        return answers

    def _ask(self, requests: Sequence[Request], decoding: Decoding) -> list[Hypothesis | EngineError]:
        return self._answers(lambda: self.engine.translate(requests, decoding), requests, decoding)

    # -- judging --------------------------------------------------------------------------------------

    def _settle_attempt(self, work: Work, request: Request, answer: Hypothesis) -> None:
        work.spent += answer.tokens
        problem = objection(request, answer) or _refusal(answer.text, work.refused)
        if problem is None:
            notes = ("retried",) if work.attempt else ()
            outcome = Outcome(answer.text.strip(), None, answer.score, work.spent, notes)
            work.masked = self._masked(work, answer.text)
            if work.masked is None:
                self._settle_plain(work, outcome, True)
            else:
                work.altered = outcome
                self._for_addresses.append(work)
            return
        work.problem = work.problem or problem
        work.attempt += 1
        if work.attempt < len(self._ladder):
            self._again[work.attempt].append(work)
        else:
            self._too_hard.append(work)

    def _masked(self, work: Work, text: str) -> Masked | None:
        """What to ask instead where an address of the source does not stand in ``text``."""
        if not loses_address(work.request.text, text):
            return None
        masked = mask(work.request.text)
        return masked if masked is not None and self._fits(masked.text) else None

    def _settle_masked(
        self, work: Work, masked: Masked, altered: Outcome, answer: Hypothesis | EngineError
    ) -> None:
        work.masked = work.altered = None
        if isinstance(answer, EngineError):
            self._settle_plain(work, altered, False)
            return
        work.spent += answer.tokens
        text = unmask(masked, answer.text.strip())
        outcome = replace(altered, tokens=work.spent)
        if (
            text is not None
            and objection(work.request, replace(answer, text=text)) is None
            and not _refusal(text, work.refused)
        ):
            outcome = replace(outcome, translation=text, score=answer.score)
        self._settle_plain(work, outcome, True)

    def _settle_plain(self, work: Work, plain: Outcome, lasts: bool) -> None:
        final = not misses_terms(work.request, plain)
        self._finished.append(Done(work, plain, lasts, final))
        if not final:
            self._for_terms.append(replace(work, plain=plain))

    def _settle_terms(self, work: Work, answer: Hypothesis | EngineError) -> None:
        plain = work.plain
        if plain is None:
            raise ValueError("terms are asked for once the translation without them is known")
        if isinstance(answer, EngineError):
            self._finished.append(Done(work, plain, False, True))
            return
        text, tokens = answer.text.strip(), plain.tokens + answer.tokens
        if not _refusal(text, work.refused) and _is_better(work.request, answer, plain.translation or ""):
            outcome = Outcome(text, None, answer.score, tokens, ("terms",))
        else:
            outcome = replace(plain, tokens=tokens)
        self._finished.append(Done(work, outcome, True, True))

    def _in_parts(self, work: Work) -> tuple[Outcome, bool]:
        """Translate part by part a request that no decoding got through, or (no problem yet) too long a one.

        Every part has to pass the guard.
        """
        request, problem, spent = work.request, work.problem, work.spent
        if problem is None:
            parts = split_parts(request.text, self._fits)
            problem = f"longer than the model's {self.engine.max_source_tokens} tokens"
        else:
            parts = halves(request.text)
        failure = Outcome(None, problem, None, spent, ("retried",))
        if len(parts) < 2:
            return failure, True
        texts, scores = [], []
        asked = [Request(part.strip(), request.source, request.target) for part in parts if part.strip()]
        for part, answer in zip(asked, self._ask_in_batches(asked), strict=True):
            if isinstance(answer, EngineError):
                return Outcome(None, f"the engine failed: {answer}", None, spent), False
            spent += answer.tokens
            if objection(part, answer) is not None:
                return replace(failure, tokens=spent), True
            texts.append(answer.text.strip())
            scores.append(answer.score)
        known = [score for score in scores if score is not None]
        score = sum(known) / len(known) if len(known) == len(scores) else None
        if _refusal(" ".join(texts), work.refused):
            return replace(failure, tokens=spent), True
        return Outcome(" ".join(texts), None, score, spent, ("retried", "split")), True

    def _fits(self, text: str) -> bool:
        return self.engine.count_tokens([text])[0] <= self.engine.max_source_tokens

    def _ask_in_batches(self, requests: list[Request]) -> Iterator[Hypothesis | EngineError]:
        for start in range(0, len(requests), self.engine.batch_size):
            began = time.perf_counter()
            answers = self._ask(requests[start : start + self.engine.batch_size], self._decoding)
            self.engine_seconds += time.perf_counter() - began
            yield from answers


@dataclass(frozen=True)
class _Later:
    """A batch for an engine that does one thing at a time: decoded when it is asked for."""

    engine: Engine
    requests: list[Request]
    decoding: Decoding

    def result(self) -> list[Hypothesis]:
        return self.engine.translate(self.requests, self.decoding)


@dataclass(frozen=True)
class _Failed:
    """A batch that the engine did not take."""

    error: EngineError

    def result(self) -> list[Hypothesis]:
        raise self.error


def misses_terms(request: Request, outcome: Outcome) -> bool:
    """Whether a translation lacks a term that can be asked for; one put together from parts cannot."""
    if outcome.translation is None or "split" in outcome.notes:
        return False
    return count_hits(request.terms, outcome.translation) < len(request.terms)


def _is_better(request: Request, answer: Hypothesis, plain: str) -> bool:
    """Whether an answer with the request's terms may stand in the place of the one without."""
    if objection(request, answer) is not None:
        return False
    text = answer.text.strip()
    flags = [check_translation(request.text, one, request.source, request.target) for one in (plain, text)]
    more = count_hits(request.terms, text) > count_hits(request.terms, plain)
    return more and len(flags[1]) <= len(flags[0])


def _refusal(text: str, refused: tuple[str, ...]) -> str | None:
    return "a reviewer rejected it" if text.strip() in refused else None

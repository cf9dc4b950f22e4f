"""Translate segments: look each one up, batch the rest, guard what comes back, retry, record.

With a glossary, a segment is translated as without one; where the translation misses a term, an engine that
takes terms is asked once more, with the terms of the segment. The second answer stands if it passes the
guard, holds more of the terms, and gets no more flags than the first. Both are recorded, so that a glossary
that is added later, or changed, costs only the segments that miss one of its terms.

A batch that is done is recorded before the next one starts, so that an interruption loses at most the batch
in flight. Nothing but a model's guarded output, a stored one, or what a reviewer let stand or wrote (which
goes before both) ever becomes a translation. What a reviewer said of a segment changes that segment alone:
its neighbours keep the context that they were translated with.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mtalign.checks import check_translation
from mtalign.checks.glossary import check_glossary
from mtalign.checks.vocabulary import check_vocabulary
from mtalign.document import PERSON, Flag, Severity, Skip, Status, Translation, Verdict
from mtalign.engines.base import ContextPair, Request
from mtalign.errors import EngineError
from mtalign.glossary import count_hits, distinct
from mtalign.languages import parse_language
from mtalign.memory import Decision, Entry, Outcome, memory_key, refusing_key, rejection_reason
from mtalign.segment import plain_text
from mtalign.translate.attempts import PLAN_VERSION, TERMS_VERSION, ladder
from mtalign.translate.guard import objection
from mtalign.translate.parts import halves, split_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mtalign.document import Segment
    from mtalign.engines.base import Decoding, Engine, Hypothesis
    from mtalign.glossary import Glossary
    from mtalign.languages import Language
    from mtalign.memory import Memory

_SKIP_REASONS = {
    Skip.DATA: "data is not translated",
    Skip.CODE: "code is not translated",
}
_UNDECIDED = Decision()
_ENGINE_ERRORS_IN_A_ROW = 3
"""So many requests failing one after the other, each on its own, means that the engine is broken."""


@dataclass(frozen=True)
class PlanProgress:
    """How far the plan is."""

    done: int
    total: int
    from_memory: int
    tokens: int
    """Target tokens decoded so far."""


@dataclass
class PlanStatistics:
    """What a run of the plan cost."""

    segments: int = 0
    from_memory: int = 0
    from_review: int = 0
    """Segments whose translation a reviewer accepted or wrote."""
    decoded: int = 0
    """Segments that went through the model."""
    retried: int = 0
    asked_for_terms: int = 0
    """Segments whose translation missed a glossary term, so that the model was asked again."""
    failed: int = 0
    tokens: int = 0
    engine_seconds: float = 0.0

    def add(self, other: PlanStatistics) -> None:
        """Add another plan's figures to these."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


def untouched(segment: Segment, decision: Decision = _UNDECIDED) -> Translation:
    """The translation of a segment that does not go through a model."""
    review = decision.review
    if decision.translation is not None:
        given = reviewed(segment.id, decision, ())
        return given if given.engine == PERSON else replace(given, status=Status.KEPT)
    if decision.refused and review:
        return Translation(segment.id, Status.FAILED, None, rejection_reason(review), review=review)
    plain = _untouched(segment)
    return replace(plain, review=review) if review and review.before == plain.text else plain


def reviewed(segment_id: str, decision: Decision, flags: tuple[Flag, ...]) -> Translation:
    """The translation that a reviewer accepted or wrote."""
    review = decision.review
    if review is None or decision.translation is None:
        raise ValueError(f"{segment_id}: no reviewer decided on it")
    if review.segment:
        what = f"as {review.by or 'somebody'} reviewed it in {review.segment}, which has the same source"
        flags += (Flag("reused", Severity.INFO, what),)
    edited = review.verdict is Verdict.EDITED
    return Translation(
        segment_id,
        Status.TRANSLATED,
        decision.translation,
        engine=PERSON if edited else review.engine,
        model="" if edited else review.model,
        score=decision.score,
        flags=flags,
        review=review,
    )


def _untouched(segment: Segment) -> Translation:
    if segment.skip in _SKIP_REASONS:
        return Translation(segment.id, Status.SKIPPED, None, failure=_SKIP_REASONS[segment.skip])
    return Translation(segment.id, Status.KEPT, segment.text)


def translate_segments(
    segments: Iterable[Segment],
    *,
    engine: Engine,
    target: Language,
    memory: Memory,
    decoding: Decoding,
    glossary: Glossary | None = None,
    progress: Callable[[PlanProgress], None] | None = None,
) -> tuple[dict[str, Translation], PlanStatistics]:
    """Translate ``segments`` (those of one document in order); a translation or a failure for each id.

    Raises:
        EngineError: the engine fails on everything; what was done before is in ``memory``.
        LanguageError: the model does not know a language.
        MemoryStoreError: the memory cannot be read or written.
    """
    plan = _Plan(list(segments), engine, target, memory, decoding, glossary, progress)
    if engine.context_segments:
        plan.run_in_order()
    else:
        plan.run_by_length()
    return plan.translations, plan.statistics


@dataclass(frozen=True)
class _Item:
    """A request, the key of its result and the segments that wait for it."""

    request: Request
    key: str
    plain_key: str
    """The key without glossary terms; where there are none, the same."""
    segments: tuple[Segment, ...]
    plain: Outcome | None = None
    """What the memory has under ``plain_key``: a translation that misses a term."""
    refused: tuple[str, ...] = ()
    """Translations that a reviewer rejected."""


@dataclass
class _Run:
    """Segments that are translated one after the other, and those done so far."""

    left: deque[Segment]
    context: list[ContextPair] = field(default_factory=list)


class _Plan:
    """One call of :func:`translate_segments`."""

    def __init__(
        self,
        segments: list[Segment],
        engine: Engine,
        target: Language,
        memory: Memory,
        decoding: Decoding,
        glossary: Glossary | None,
        progress: Callable[[PlanProgress], None] | None,
    ) -> None:
        self.engine = engine
        self.target = target
        self.memory = memory
        self.decoding = decoding
        self.glossary = glossary
        self.takes_terms = bool(getattr(engine, "takes_terms", False))
        self.knows: Callable[[str], bool] | None = getattr(engine, "knows", None)
        self.progress = progress
        self.translations = {segment.id: untouched(segment) for segment in segments if segment.skip}
        self.pending = [segment for segment in segments if not segment.skip]
        self.statistics = PlanStatistics(segments=len(self.pending))
        self._decisions = memory.decisions(
            [(segment.id, plain_text(segment.text), segment.language) for segment in self.pending],
            target.code,
        )
        self._languages: dict[str, Language] = {}
        self._engine_errors = 0

    # -- the two orders -------------------------------------------------------------------------------

    def run_by_length(self) -> None:
        """For engines without context: each text once, longest first, so that a batch wastes no padding."""
        same: dict[str, list[_Item]] = {}
        for segment in self.pending:
            request = self._request(segment, ())
            if not self._from_review(segment, request):
                item = self._item(segment, request)
                same.setdefault(item.key, []).append(item)
        items = [replace(group[0], segments=tuple(i.segments[0] for i in group)) for group in same.values()]
        items = self._from_memory(items)
        lengths = self.engine.count_tokens([item.request.text for item in items])
        order = sorted(range(len(items)), key=lambda index: (-lengths[index], index))
        for start in range(0, len(order), self.engine.batch_size):
            self._decode([items[index] for index in order[start : start + self.engine.batch_size]])

    def run_in_order(self) -> None:
        """For engines with context: the segments of a run one after the other, runs side by side.

        A run is a stretch of a block, ``context_segments + 1`` segments at most; what stands before a segment
        in its run is its context.
        """
        blocks: dict[str, list[Segment]] = {}
        for segment in self.pending:
            blocks.setdefault(segment.block_id, []).append(segment)
        length = self.engine.context_segments + 1
        waiting = deque(
            _Run(deque(block[start : start + length]))
            for block in blocks.values()
            for start in range(0, len(block), length)
        )
        active: list[_Run] = []
        while waiting or active:
            while waiting and len(active) < self.engine.batch_size:
                active.append(waiting.popleft())
            batch = [(run, item) for run in active if (item := self._next_missing(run)) is not None]
            if batch:
                self._decode([item for _, item in batch])
            for run, item in batch:
                run.context.append(self._context(item.segments[0], item.request))
            active = [run for run in active if run.left]

    def _next_missing(self, run: _Run) -> _Item | None:
        """The run's next segment that is not in memory; those that are get their translation."""
        while run.left:
            segment = run.left.popleft()
            request = self._request(segment, tuple(run.context))
            if not self._from_review(segment, request):
                item = self._item(segment, request)
                missing = self._from_memory([item])
                if missing:
                    return missing[0]
            run.context.append(self._context(segment, request))
        return None

    def _context(self, segment: Segment, request: Request) -> ContextPair:
        """The segment as context of the next one: as the model translated it, whatever a reviewer said."""
        text = self.translations[segment.id].text
        if segment.id in self._decisions:
            known = self.memory.get(keys := self._keys(request))
            for key in keys:
                if key in known:
                    text = known[key].translation
                    break
        return ContextPair(request.text, text)

    # -- one item -------------------------------------------------------------------------------------

    def _request(self, segment: Segment, context: tuple[ContextPair, ...]) -> Request:
        language = self._languages.get(segment.language)
        if language is None:
            language = self._languages[segment.language] = parse_language(segment.language)
        # Line breaks and quotation marks of a wrapped paragraph are its shape, not its text.
        text = plain_text(segment.text)
        terms = distinct(self.glossary.find(text, language)) if self.glossary and self.takes_terms else ()
        return Request(text, language, self.target, context, terms)

    def _key(self, request: Request) -> str:
        return memory_key(
            request.text,
            request.source,
            request.target,
            request.context,
            self.engine,
            self.decoding,
            PLAN_VERSION,
            request.terms,
            TERMS_VERSION,
        )

    def _item(self, segment: Segment, request: Request) -> _Item:
        refused = self._decisions.get(segment.id, _UNDECIDED).refused
        key, plain_key = (refusing_key(one, refused) for one in self._keys(request))
        return _Item(request, key, plain_key, (segment,), refused=refused)

    def _keys(self, request: Request) -> tuple[str, str]:
        """The key of what is translated with the request's terms, and of what is without; maybe the same."""
        plain_key = self._key(replace(request, terms=()))
        return (self._key(request) if request.terms else plain_key), plain_key

    def _from_review(self, segment: Segment, request: Request) -> bool:
        """Finish the segment if a reviewer decided what its translation is."""
        decision = self._decisions.get(segment.id, _UNDECIDED)
        if decision.translation is None:
            return False
        flags = self._flags(segment, request, decision.translation)
        self.translations[segment.id] = reviewed(segment.id, decision, flags)
        self.statistics.from_review += 1
        return True

    def _from_memory(self, items: list[_Item]) -> list[_Item]:
        """Finish the items that the memory knows; the others come back."""
        known = self.memory.get({key for item in items for key in (item.key, item.plain_key)})
        missing = []
        for item in items:
            outcome, plain = known.get(item.key), known.get(item.plain_key)
            if outcome is None and plain is not None and not _misses_terms(item.request, plain):
                outcome = plain
            if outcome is None:
                missing.append(replace(item, plain=plain))
                continue
            self._finish(item, outcome)
            self.statistics.from_memory += len(item.segments)
        if len(missing) < len(items):
            self._report()
        return missing

    def _decode(self, batch: list[_Item]) -> None:
        new = [item for item in batch if item.plain is None]
        climbed = dict(
            zip(
                (item.key for item in new),
                self._climb(
                    [replace(item.request, terms=()) for item in new], [item.refused for item in new]
                ),
                strict=True,
            )
        )
        entries = [
            _entry(item.plain_key, item.request, climbed[item.key][0]) for item in new if climbed[item.key][1]
        ]
        outcomes = [climbed[item.key] if item.plain is None else (item.plain, True) for item in batch]
        again = [index for index, item in enumerate(batch) if _misses_terms(item.request, outcomes[index][0])]
        for index, better in zip(
            again, self._with_terms([(batch[i], outcomes[i][0]) for i in again]), strict=True
        ):
            outcomes[index] = better
            self.statistics.asked_for_terms += len(batch[index].segments)
            if better[1]:
                entries.append(_entry(batch[index].key, batch[index].request, better[0]))
        for item, (outcome, _) in zip(batch, outcomes, strict=True):
            self._finish(item, outcome)
            self.statistics.decoded += len(item.segments)
            self.statistics.tokens += outcome.tokens - (item.plain.tokens if item.plain else 0)
            self.statistics.retried += "retried" in outcome.notes and item.plain is None
        self.memory.put(entries, self.engine)
        self._report()

    def _with_terms(self, misses: list[tuple[_Item, Outcome]]) -> list[tuple[Outcome, bool]]:
        """The outcome of each item once its terms are asked for, and whether it may be stored."""
        results = []
        requests = [item.request for item, _ in misses]
        for (item, plain), answer in zip(misses, self._ask_in_batches(requests), strict=True):
            if isinstance(answer, EngineError):
                results.append((plain, False))
                continue
            text, tokens = answer.text.strip(), plain.tokens + answer.tokens
            if not _refusal(text, item.refused) and self._is_better(
                item.request, answer, plain.translation or ""
            ):
                results.append((Outcome(text, None, answer.score, tokens, ("terms",)), True))
            else:
                results.append((replace(plain, tokens=tokens), True))
        return results

    def _is_better(self, request: Request, answer: Hypothesis, plain: str) -> bool:
        """Whether an answer with the request's terms may stand in the place of the one without."""
        if objection(request, answer) is not None:
            return False
        text = answer.text.strip()
        flags = [
            check_translation(request.text, one, request.source, request.target) for one in (plain, text)
        ]
        more = count_hits(request.terms, text) > count_hits(request.terms, plain)
        return more and len(flags[1]) <= len(flags[0])

    def _finish(self, item: _Item, outcome: Outcome) -> None:
        for segment in item.segments:
            self.translations[segment.id] = self._translation(segment, item.request, outcome)
            self.statistics.failed += outcome.failure is not None

    def _translation(self, segment: Segment, request: Request, outcome: Outcome) -> Translation:
        engine, model = self.engine.name, self.engine.model.label
        decision = self._decisions.get(segment.id, _UNDECIDED)
        review = decision.review
        if outcome.translation is None:
            failure = outcome.failure
            if review and decision.refused:
                failure = rejection_reason(review)
            elif review and review.before is not None:
                review = None
            return Translation(
                segment.id,
                Status.FAILED,
                None,
                failure=failure,
                engine=engine,
                model=model,
                review=review,
            )
        flags = self._flags(segment, request, outcome.translation)
        if "split" in outcome.notes:
            flags += (Flag("split", Severity.INFO, "translated in parts and put together"),)
        if review and decision.refused:
            flags += (Flag("redone", Severity.INFO, f"another translation was {rejection_reason(review)}"),)
        return Translation(
            segment.id,
            Status.TRANSLATED,
            outcome.translation,
            engine=engine,
            model=model,
            score=outcome.score,
            flags=flags,
            # A comment goes with the translation that it was made on.
            review=review if review and review.before == outcome.translation else None,
        )

    def _flags(self, segment: Segment, request: Request, translation: str) -> tuple[Flag, ...]:
        flags = check_translation(segment.text, translation, request.source, request.target)
        if self.glossary is not None:
            found = self.glossary.find(segment.text, request.source)
            flags += tuple(check_glossary(found, translation))
        # The model reads no line breaks and quote marks; a place is in the text that has them.
        if self.knows is not None and not self.knows(request.text):
            flags += tuple(check_vocabulary(segment.text, self.knows))
        return flags

    def _report(self) -> None:
        if self.progress is not None:
            figures = self.statistics
            done = figures.from_memory + figures.from_review + figures.decoded
            self.progress(PlanProgress(done, figures.segments, figures.from_memory, figures.tokens))

    # -- decoding with retries ------------------------------------------------------------------------

    def _climb(self, requests: list[Request], refused: list[tuple[str, ...]]) -> list[tuple[Outcome, bool]]:
        """An outcome for each request, and whether it would come out the same again (and may be stored).

        ``refused`` are, for each request, translations that are refused as if the guard objected to them.
        """
        limit = self.engine.max_source_tokens
        lengths = self.engine.count_tokens([request.text for request in requests])
        results: dict[int, tuple[Outcome, bool]] = {}
        spent = [0] * len(requests)
        problems: dict[int, str] = {}
        for attempt, decoding in enumerate(ladder(self.decoding)):
            open_ = [i for i, length in enumerate(lengths) if length <= limit and i not in results]
            if not open_:
                break
            # What went wrong with context may go right without it.
            asked = [replace(requests[i], context=()) if attempt else requests[i] for i in open_]
            for i, request, answer in zip(open_, asked, self._ask(asked, decoding), strict=True):
                if isinstance(answer, EngineError):
                    results[i] = (Outcome(None, f"the engine failed: {answer}", None, spent[i]), False)
                    continue
                spent[i] += answer.tokens
                problem = objection(request, answer) or _refusal(answer.text, refused[i])
                if problem is None:
                    notes = ("retried",) if attempt else ()
                    results[i] = (Outcome(answer.text.strip(), None, answer.score, spent[i], notes), True)
                else:
                    problems.setdefault(i, problem)
        for i, request in enumerate(requests):
            if i not in results:
                results[i] = self._in_parts(request, problems.get(i), spent[i], refused[i])
        return [results[i] for i in range(len(requests))]

    def _in_parts(
        self, request: Request, problem: str | None, spent: int, refused: tuple[str, ...]
    ) -> tuple[Outcome, bool]:
        """Translate part by part a request that no decoding got through, or (no problem yet) too long a one.

        Every part has to pass the guard.
        """
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
        if _refusal(" ".join(texts), refused):
            return replace(failure, tokens=spent), True
        return Outcome(" ".join(texts), None, score, spent, ("retried", "split")), True

    def _fits(self, text: str) -> bool:
        return self.engine.count_tokens([text])[0] <= self.engine.max_source_tokens

    def _ask_in_batches(self, requests: list[Request]) -> Iterator[Hypothesis | EngineError]:
        for start in range(0, len(requests), self.engine.batch_size):
            yield from self._ask(requests[start : start + self.engine.batch_size], self.decoding)

    def _ask(self, requests: Sequence[Request], decoding: Decoding) -> list[Hypothesis | EngineError]:
        """The engine's answers; where a batch fails, one by one, so that one bad request spoils no other.

        Raises:
            EngineError: several requests in a row fail on their own.
        """
        try:
            answers: list[Hypothesis | EngineError] = list(self._timed(requests, decoding))
            self._engine_errors = 0
        except EngineError as error:
            if len(requests) == 1:
                self._engine_errors += 1
                if self._engine_errors >= _ENGINE_ERRORS_IN_A_ROW:
                    raise
                return [error]
            answers = [answer for request in requests for answer in self._ask([request], decoding)]
        if len(answers) != len(requests):
            raise EngineError(
                f"engine {self.engine.name} gave {len(answers)} hypotheses for {len(requests)} segments"
            )
        return answers

    def _timed(self, requests: Sequence[Request], decoding: Decoding) -> list[Hypothesis]:
        started = time.perf_counter()
        try:
            return self.engine.translate(requests, decoding)
        finally:
            self.statistics.engine_seconds += time.perf_counter() - started


def _misses_terms(request: Request, outcome: Outcome) -> bool:
    """Whether a translation lacks a term that can be asked for; one put together from parts cannot."""
    if outcome.translation is None or "split" in outcome.notes:
        return False
    return count_hits(request.terms, outcome.translation) < len(request.terms)


def _entry(key: str, request: Request, outcome: Outcome) -> Entry:
    return Entry(key, request.text, request.source.code, request.target.code, outcome)


def _refusal(text: str, refused: tuple[str, ...]) -> str | None:
    return "a reviewer rejected it" if text.strip() in refused else None

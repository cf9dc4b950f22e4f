"""Translate segments: look each one up, batch the rest, guard what comes back, retry, record.

With a glossary, a segment is translated as without one; where the translation misses a term, an engine that
takes terms is asked once more, with the terms of the segment. The second answer stands if it passes the
guard, holds more of the terms, and gets no more flags than the first. Both are recorded, so that a glossary
that is added later, or changed, costs only the segments that miss one of its terms.

A batch that is done is recorded as it comes, so that an interruption loses at most the batches in flight.
Nothing but a model's guarded output, a stored one, or what a reviewer let stand or wrote (which goes before
both) ever becomes a translation. What a reviewer said of a segment changes that segment alone: its neighbours
keep the context that they were translated with.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mtalign.checks import check_translation
from mtalign.checks.glossary import check_glossary
from mtalign.checks.vocabulary import check_vocabulary
from mtalign.document import PERSON, Flag, Severity, Skip, Status, Translation, Verdict
from mtalign.engines.base import ContextPair, Request
from mtalign.glossary import distinct
from mtalign.languages import parse_language
from mtalign.memory import Decision, Entry, Outcome, memory_key, refusing_key, rejection_reason
from mtalign.segment import plain_text
from mtalign.translate.attempts import PLAN_VERSION, TERMS_VERSION
from mtalign.translate.decoder import Decoder, Done, Work, misses_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mtalign.document import Segment
    from mtalign.engines.base import Decoding, Engine
    from mtalign.glossary import Glossary
    from mtalign.languages import Language
    from mtalign.memory import Memory

_SKIP_REASONS = {
    Skip.DATA: "data is not translated",
    Skip.CODE: "code is not translated",
}
_UNDECIDED = Decision()
_OPEN_WINDOWS = 3
"""So many windows of a stream are worked on at once: one ends, one is in full swing, one is made ready."""


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
    """Target tokens decoded, retries included."""
    source_tokens: int = 0
    """Source tokens encoded, where the engine counts them."""
    padded_tokens: int = 0
    """The same with the padding of batches."""
    engine_seconds: float = 0.0
    """Time in which the engine had something to do."""

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
    wanted = list(segments)
    statistics = PlanStatistics()
    windows = translate_windows(
        [wanted],
        engine=engine,
        target=target,
        memory=memory,
        decoding=decoding,
        statistics=statistics,
        glossary=glossary,
        progress=progress,
        total=sum(not segment.skip for segment in wanted),
    )
    return next(windows), statistics


def translate_windows(
    windows: Iterable[list[Segment]],
    *,
    engine: Engine,
    target: Language,
    memory: Memory,
    decoding: Decoding,
    statistics: PlanStatistics,
    glossary: Glossary | None = None,
    progress: Callable[[PlanProgress], None] | None = None,
    total: int = 0,
) -> Iterator[dict[str, Translation]]:
    """Translate a stream of segments, window by window, holding only a few windows at once.

    The engine does not wait between windows: the next ones are begun while one ends. ``windows`` is read as
    the work goes on. A block must not go over the end of its window.

    Args:
        windows: the segments, in order; blocks are not divided.
        engine: what decodes.
        target: the language to translate into.
        memory: where results are looked up and recorded.
        decoding: the decoding that is tried first.
        statistics: is counted up as the work goes.
        glossary: terms to ask for and to check.
        progress: is told how far it is.
        total: how many segments there are to translate; 0 where that is not known.

    Yields:
        The translations of each window, in order.

    Raises:
        As :func:`translate_segments`.
    """
    plan = _Plan(engine, target, memory, decoding, glossary, progress, statistics, total)
    if engine.context_segments(decoding):
        yield from plan.in_order(windows)
    else:
        yield from plan.by_length(windows)


@dataclass(frozen=True)
class _Item:
    """A request, and the keys of its result."""

    request: Request
    key: str
    plain_key: str
    """The key without glossary terms; where there are none, the same."""
    waiting: list[tuple[Segment, _Window]]
    """Segments that the result is for, each with the window it belongs to."""
    plain: Outcome | None = None
    """What the memory has under ``plain_key``: a translation that misses a term."""
    refused: tuple[str, ...] = ()
    """Translations that a reviewer rejected."""


@dataclass
class _Window:
    """Segments that are given back together."""

    segments: list[Segment]
    translations: dict[str, Translation]
    open: int
    """How many have no translation yet."""

    def finish(self, translation: Translation) -> None:
        """The translation of one of its segments."""
        self.translations[translation.segment_id] = translation
        self.open -= 1


@dataclass
class _Run:
    """Segments that are translated one after the other, and those done so far."""

    left: deque[Segment]
    context: list[ContextPair] = field(default_factory=list)


class _Plan:
    """One call of :func:`translate_windows`."""

    def __init__(
        self,
        engine: Engine,
        target: Language,
        memory: Memory,
        decoding: Decoding,
        glossary: Glossary | None,
        progress: Callable[[PlanProgress], None] | None,
        statistics: PlanStatistics,
        total: int,
    ) -> None:
        self.engine = engine
        self.target = target
        self.memory = memory
        self.decoding = decoding
        self.glossary = glossary
        self.takes_terms = bool(getattr(engine, "takes_terms", False))
        self.knows: Callable[[str], bool] | None = getattr(engine, "knows", None)
        self.progress = progress
        self.statistics = statistics
        self.total = total
        self._decoder = Decoder(engine, decoding, self._record)
        self._decisions: dict[str, Decision] = {}
        self._languages: dict[str, Language] = {}
        self._items: dict[str, _Item] = {}
        """By key: what is being decoded."""

    # -- the two orders -------------------------------------------------------------------------------

    def by_length(self, windows: Iterable[list[Segment]]) -> Iterator[dict[str, Translation]]:
        """For engines without context: each text once, batches of sentences of like length."""
        source = iter(windows)
        open_windows: deque[_Window] = deque()
        exhausted = False

        def refill() -> bool:
            nonlocal exhausted
            if exhausted or len(open_windows) >= _OPEN_WINDOWS:
                return False
            segments = next(source, None)
            if segments is None:
                exhausted = True
                return False
            open_windows.append(window := self._open(segments))
            self._begin(window)
            return True

        while open_windows or not exhausted:
            self._step(refill)
            while open_windows and not open_windows[0].open:
                yield self._close(open_windows.popleft())

    def _begin(self, window: _Window) -> None:
        """Queue what the memory does not know; the same text is decoded once."""
        new: dict[str, _Item] = {}
        for segment in window.segments:
            request = self._request(segment, ())
            if self._from_review(segment, request, window):
                continue
            item = self._item(segment, request, window)
            known = self._items.get(item.key) or new.setdefault(item.key, item)
            if known is not item:
                known.waiting.append((segment, window))
        missing = self._from_memory(list(new.values()))
        self._items.update((item.key, item) for item in missing)
        self._decoder.add([_work(item) for item in missing])

    def _open(self, segments: list[Segment]) -> _Window:
        pending = [segment for segment in segments if not segment.skip]
        self.statistics.segments += len(pending)
        self._decisions.update(
            self.memory.decisions(
                [(segment.id, plain_text(segment.text), segment.language) for segment in pending],
                self.target.code,
            )
        )
        kept = {segment.id: untouched(segment) for segment in segments if segment.skip}
        return _Window(pending, kept, len(pending))

    def _close(self, window: _Window) -> dict[str, Translation]:
        if self._decisions:
            for segment in window.segments:
                self._decisions.pop(segment.id, None)
        return window.translations

    def _step(self, refill: Callable[[], bool] = lambda: False) -> bool:
        before = self._encoded()
        try:
            return self._decoder.step(refill)
        finally:
            self.statistics.engine_seconds += self._decoder.engine_seconds
            self._decoder.engine_seconds = 0.0
            after = self._encoded()
            self.statistics.source_tokens += after[0] - before[0]
            self.statistics.padded_tokens += after[1] - before[1]

    def _encoded(self) -> tuple[int, int]:
        return getattr(self.engine, "source_tokens", 0), getattr(self.engine, "padded_tokens", 0)

    def in_order(self, windows: Iterable[list[Segment]]) -> Iterator[dict[str, Translation]]:
        """For engines with context: one window after the other; see :meth:`_run_in_order`."""
        for segments in windows:
            window = self._open(segments)
            self._run_in_order(window)
            yield self._close(window)

    def _run_in_order(self, window: _Window) -> None:
        """The segments of a run one after the other, runs side by side; none waits for another.

        A run is a stretch of a block, ``context_segments + 1`` segments at most; what stands before a segment
        in its run is its context.
        """
        blocks: dict[str, list[Segment]] = {}
        for segment in window.segments:
            blocks.setdefault(segment.block_id, []).append(segment)
        length = self.engine.context_segments(self.decoding) + 1
        waiting = deque(
            _Run(deque(block[start : start + length]))
            for block in blocks.values()
            for start in range(0, len(block), length)
        )
        active: list[tuple[_Run, _Item]] = []
        while True:
            free: deque[_Run] = deque()
            busy: list[tuple[_Run, _Item]] = []
            for run, item in active:
                segment = item.waiting[0][0]
                if segment.id in window.translations:
                    run.context.append(self._context(segment, item.request, window))
                    free.append(run)
                else:
                    busy.append((run, item))
            new: list[tuple[_Run, _Item]] = []
            while len(busy) + len(new) < self.engine.batch_size and (free or waiting):
                run = free.popleft() if free else waiting.popleft()
                missing = self._next_missing(run, window)
                if missing is not None:
                    new.append((run, missing))
            active = busy + new
            if not active:
                return
            self._decoder.add([_work(item) for _, item in new])
            self._step()

    def _next_missing(self, run: _Run, window: _Window) -> _Item | None:
        """The run's next segment that is not in memory; those that are get their translation."""
        while run.left:
            segment = run.left.popleft()
            request = self._request(segment, tuple(run.context))
            if not self._from_review(segment, request, window):
                item = self._item(segment, request, window)
                missing = self._from_memory([item])
                if missing:
                    return missing[0]
            run.context.append(self._context(segment, request, window))
        return None

    def _context(self, segment: Segment, request: Request, window: _Window) -> ContextPair:
        """The segment as context of the next one: as the model translated it, whatever a reviewer said."""
        text = window.translations[segment.id].text
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

    def _item(self, segment: Segment, request: Request, window: _Window) -> _Item:
        refused = self._decisions.get(segment.id, _UNDECIDED).refused
        key, plain_key = (refusing_key(one, refused) for one in self._keys(request))
        return _Item(request, key, plain_key, [(segment, window)], refused=refused)

    def _keys(self, request: Request) -> tuple[str, str]:
        """The key of what is translated with the request's terms, and of what is without; maybe the same."""
        plain_key = self._key(replace(request, terms=()))
        return (self._key(request) if request.terms else plain_key), plain_key

    def _from_review(self, segment: Segment, request: Request, window: _Window) -> bool:
        """Finish the segment if a reviewer decided what its translation is."""
        decision = self._decisions.get(segment.id, _UNDECIDED)
        if decision.translation is None:
            return False
        flags = self._flags(segment, request, decision.translation)
        window.finish(reviewed(segment.id, decision, flags))
        self.statistics.from_review += 1
        return True

    def _from_memory(self, items: list[_Item]) -> list[_Item]:
        """Finish the items that the memory knows; the others come back."""
        known = self.memory.get({key for item in items for key in (item.key, item.plain_key)})
        missing = []
        for item in items:
            outcome, plain = known.get(item.key), known.get(item.plain_key)
            if outcome is None and plain is not None and not misses_terms(item.request, plain):
                outcome = plain
            if outcome is None:
                missing.append(replace(item, plain=plain))
                continue
            self._finish(item, outcome)
            self.statistics.from_memory += len(item.waiting)
        if len(missing) < len(items):
            self._report()
        return missing

    def _record(self, batch: list[Done]) -> None:
        """Store a batch, then finish the segments that waited for it."""
        entries = []
        for done in batch:
            item = _item_of(done)
            if done.lasts:
                key = item.plain_key if done.work.plain is None else item.key
                entries.append(_entry(key, item.request, done.outcome))
        self.memory.put(entries, self.engine)
        for done in batch:
            if not done.final:
                continue
            item, outcome = _item_of(done), done.outcome
            self._items.pop(item.key, None)
            self._finish(item, outcome)
            self.statistics.decoded += len(item.waiting)
            self.statistics.tokens += outcome.tokens - (item.plain.tokens if item.plain else 0)
            self.statistics.retried += "retried" in outcome.notes and item.plain is None
            self.statistics.asked_for_terms += len(item.waiting) if done.work.plain else 0
        if any(done.final for done in batch):
            self._report()

    def _finish(self, item: _Item, outcome: Outcome) -> None:
        for segment, window in item.waiting:
            window.finish(self._translation(segment, item.request, outcome))
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
            self.progress(
                PlanProgress(done, max(self.total, figures.segments), figures.from_memory, figures.tokens)
            )


def _work(item: _Item) -> Work:
    return Work(item, item.request, item.refused, item.plain)


def _item_of(done: Done) -> _Item:
    item = done.work.tag
    if not isinstance(item, _Item):
        raise TypeError("a work of this plan has one of its items as tag")
    return item


def _entry(key: str, request: Request, outcome: Outcome) -> Entry:
    return Entry(key, request.text, request.source.code, request.target.code, outcome)

"""A job cut into tasks for workers elsewhere: what to send, what a worker does, what comes back.

Nothing here knows of a cluster. A task is some whole blocks with what the driver's memory knows of them; a
worker runs the translate plan on it as this process would, on a memory of its own, and gives back what the
plan recorded there. So an outcome has the same key and value wherever it was made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, NoReturn

from mtalign.errors import EngineError, MtalignError
from mtalign.job.engines import EnginePool
from mtalign.job.events import Silence
from mtalign.memory import Entry, Memory
from mtalign.segment import plain_text
from mtalign.translate import PlanStatistics, translate_segments

if TYPE_CHECKING:
    from mtalign.document import Segment
    from mtalign.engines.base import Decoding, Engine, Hypothesis, Request
    from mtalign.glossary import Glossary
    from mtalign.job.config import ModelConfig
    from mtalign.languages import Language
    from mtalign.memory import Outcome, ReviewEntry

MAX_SEGMENTS = 512
"""Of a task: what is lost at most when its worker dies."""
MIN_SEGMENTS = 32
"""Of a task: fewer do not fill an engine's batches."""
TASKS_A_WORKER = 8
"""So many or more, where there is enough to do, so that all workers end at about the same time."""


@dataclass(frozen=True)
class Identity:
    """Which engine and model an outcome comes from: workers with another one are refused."""

    engine: str
    version: str
    fingerprint: str

    @classmethod
    def of(cls, engine: Engine) -> Identity:
        """That of ``engine``."""
        return cls(engine.name, engine.version, engine.model.fingerprint)


@dataclass(frozen=True)
class Plan:
    """What is the same for all tasks of an engine."""

    model: ModelConfig
    """Names the very model, not ``auto``."""
    offline: bool
    identity: Identity
    language: Language
    """One that the engine translates."""
    target: Language
    decoding: Decoding
    glossary: Glossary | None


@dataclass(frozen=True)
class Task:
    """Segments of whole blocks, and what is known of them."""

    segments: tuple[Segment, ...]
    known: tuple[tuple[str, Outcome], ...]
    """Outcomes that need no decoding, by their keys."""
    reviews: tuple[ReviewEntry, ...]


@dataclass(frozen=True)
class TaskResult:
    """What came of a task."""

    entries: tuple[Entry, ...]
    """What was decoded."""
    statistics: PlanStatistics
    error: str = ""
    """Why the rest was not; empty where all was."""


@dataclass
class Missing:
    """What the memory lacks of a job."""

    blocks: list[tuple[list[Segment], dict[str, Outcome]]] = field(default_factory=list)
    """Blocks of which something has to be decoded, with what is known of them."""
    segments: int = 0
    """In them."""
    known: int = 0
    """Segments of all other blocks that the memory knows."""

    def tasks(self, workers: int, memory: Memory, target: Language) -> Iterator[Task]:
        """The tasks that they make for so many workers."""
        share = -(-self.segments // (workers * TASKS_A_WORKER))
        size = min(MAX_SEGMENTS, max(MIN_SEGMENTS, share))
        segments: list[Segment] = []
        known: dict[str, Outcome] = {}
        for number, (block, outcomes) in enumerate(self.blocks, start=1):
            segments += block
            known |= outcomes
            if len(segments) >= size or number == len(self.blocks):
                texts = [plain_text(segment.text) for segment in segments]
                reviews = tuple(memory.reviews(texts, target.code))
                yield Task(tuple(segments), tuple(known.items()), reviews)
                segments, known = [], {}


class _Unknown(Exception):  # noqa: N818  # not an error: the answer to a question
    """The plan wants something decoded."""


class _Asking:
    """An engine in all that a plan wants to know of it, but it decodes nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name, self.version, self.model = engine.name, engine.version, engine.model
        self.takes_terms = bool(getattr(engine, "takes_terms", False))
        # All runs of a block are looked up before the first one is decoded.
        self.batch_size = 1 << 30
        self.max_source_tokens = engine.max_source_tokens

    def context_segments(self, decoding: Decoding) -> int:
        return self._engine.context_segments(decoding)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._engine.count_tokens(texts)

    def translate(self, requests: Sequence[Request], decoding: Decoding) -> list[Hypothesis]:
        raise _Unknown

    def close(self) -> None:
        pass


class _Noting(Memory):
    """Another memory, looked into, with a note of what was found there."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._connection = memory._connection
        self.path = memory.path
        self.found: dict[str, Outcome] = {}

    def get(self, keys: Iterable[str]) -> dict[str, Outcome]:
        found = self._memory.get(keys)
        self.found |= found
        return found

    def put(self, entries: Iterable[Entry], engine: Engine) -> NoReturn:
        raise AssertionError("looking up records nothing")


def find_missing(
    segments: Sequence[Segment],
    *,
    engine: Engine,
    target: Language,
    memory: Memory,
    decoding: Decoding,
    glossary: Glossary | None,
) -> Missing:
    """What of ``segments`` has to be decoded, by the very plan that will do it, block by block.

    For an engine without context, a text that stands in several blocks is asked for once.
    """
    missing = Missing()
    seen: set[tuple[str, str]] = set()
    asking = _Asking(engine)
    pending = (segment for segment in segments if not segment.skip)
    for _, group in groupby(pending, lambda segment: segment.block_id):
        block = list(group)
        noting = _Noting(memory)
        try:
            _, cost = translate_segments(
                block, engine=asking, target=target, memory=noting, decoding=decoding, glossary=glossary
            )
        except _Unknown:
            if not engine.context_segments(decoding):
                block = [s for s in block if (s.language, plain_text(s.text)) not in seen]
                seen.update((s.language, plain_text(s.text)) for s in block)
            if block:
                missing.blocks.append((block, noting.found))
                missing.segments += len(block)
        else:
            missing.known += cost.from_memory
    return missing


class _Journal(Memory):
    """A memory for one task, with a note of what is recorded."""

    def __init__(self, task: Task, engine: Engine) -> None:
        super().__init__(None)
        self.entries: list[Entry] = []
        super().put((Entry(key, "", "", "", outcome) for key, outcome in task.known), engine)
        self.put_reviews(task.reviews)

    def put(self, entries: Iterable[Entry], engine: Engine) -> None:
        new = list(entries)
        super().put(new, engine)
        self.entries += new


class Worker:
    """Does tasks, with one engine that it loads for the first."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._engine: Engine | None = None

    def run(self, task: Task) -> TaskResult:
        """Translate what is not known of ``task``; an expected error is part of the result."""
        try:
            engine = self._load()
        except MtalignError as error:
            return TaskResult((), PlanStatistics(), str(error))
        plan = self._plan
        journal = _Journal(task, engine)
        with journal:
            try:
                _, statistics = translate_segments(
                    task.segments,
                    engine=engine,
                    target=plan.target,
                    memory=journal,
                    decoding=plan.decoding,
                    glossary=plan.glossary,
                )
            except MtalignError as error:
                return TaskResult(tuple(journal.entries), PlanStatistics(), str(error))
            return TaskResult(tuple(journal.entries), statistics)

    def _load(self) -> Engine:
        if self._engine is None:
            from mtalign.models.store import ModelStore

            plan = self._plan
            pool = EnginePool(plan.model, store=ModelStore(), offline=plan.offline, events=Silence())
            engine = next(iter(pool.engines_for([plan.language]).values()))
            if (here := Identity.of(engine)) != plan.identity:
                pool.__exit__(None, None, None)
                raise EngineError(
                    f"the worker has another engine or model: {here}, not {plan.identity}",
                    hint="install the same versions and models on all nodes",
                )
            self._engine = engine
        return self._engine

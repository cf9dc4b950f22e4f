"""``ray``: a job's segments on a Ray cluster, with one engine for each CPU set or GPU.

The driver cuts what its memory lacks into tasks (:mod:`mtalign.job.executors.tasks`), a pool of actors does
them, and what comes back is recorded in the driver's memory as it comes. Then the translate plan runs in the
driver and finds everything there: its outputs are those of a local run. What no worker could do (an engine
that failed for once) is decoded in the driver, as a local run would.

A worker that dies costs the task it was at: another worker does that again. A driver that dies costs the
tasks in flight: the same command goes on from the memory.

The actors are Ray's own and not those of Ray Data. Ray Data 2.60 gives a task to new workers without end if
the task is what kills them, and with ``max_task_retries`` three trials of four did not come back; here a task
has four tries. Its workers also load pandas and pyarrow, for what is one column of opaque tasks: a job of 200
short segments took 43 s with it and 8 s without (one run each, on a busy machine).
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtalign.errors import EngineError, MissingPackageError
from mtalign.glossary import Glossary
from mtalign.job.executors.tasks import Identity, Plan, Worker, find_missing
from mtalign.languages import parse_language
from mtalign.translate import PlanProgress, PlanStatistics, translate_segments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mtalign.document import Segment, Translation
    from mtalign.engines.base import Decoding, Engine
    from mtalign.job.config import ModelConfig
    from mtalign.job.events import Events
    from mtalign.job.executors.tasks import Task, TaskResult
    from mtalign.languages import Language
    from mtalign.memory import Memory

MAX_CPUS = 8
"""Of a CPU set: an engine gains little from more."""
_TRIES = 4
"""So often a task may take its worker with it; then it is the task's fault."""
_KEPT = "what is done is kept, run the same command to go on"


class RayExecutor:
    """Translates on the cluster that ``RAY_ADDRESS`` names, else on this machine as a cluster of its own."""

    def __init__(self, model: ModelConfig, *, offline: bool, events: Events) -> None:
        """Look whether Ray is there; the cluster is asked when there is something to decode.

        Raises:
            MissingPackageError: it is not installed.
        """
        try:
            import ray  # noqa: F401
        except ImportError as error:
            raise MissingPackageError(
                f"the ray executor needs Ray ({error})", hint="pip install 'mtalign[ray]'"
            ) from error
        self._model = model
        self._offline = offline
        self._events = events

    def translate(
        self,
        segments: Sequence[Segment],
        *,
        engine: Engine,
        target: Language,
        memory: Memory,
        decoding: Decoding,
        glossary: Glossary | None,
        progress: Callable[[PlanProgress], None],
    ) -> tuple[dict[str, Translation], PlanStatistics]:
        """See :class:`mtalign.job.executors.Executor`."""
        missing = find_missing(
            segments, engine=engine, target=target, memory=memory, decoding=decoding, glossary=glossary
        )
        spent = PlanStatistics()
        if missing.blocks:
            plan = Plan(
                model=replace(self._model, name=_name_elsewhere(engine)),
                offline=self._offline,
                identity=Identity.of(engine),
                language=parse_language(missing.blocks[0][0][0].language),
                target=target,
                decoding=decoding,
                # Without the patterns that it has made so far.
                glossary=glossary and Glossary(glossary.terms, glossary.path, glossary.sha256),
            )
            total = sum(not segment.skip for segment in segments)
            with _cluster() as (workers, resources):
                tasks = list(missing.tasks(workers, memory, target))
                workers = min(workers, len(tasks))
                self._events.note(f"ray: {len(tasks)} tasks, {workers} workers")
                done = missing.known
                for task, result in _Pool(plan, resources, self._events).results(tasks, workers):
                    memory.put(result.entries, engine)
                    if result.error:
                        raise EngineError(f"a worker failed: {result.error}", hint=_KEPT)
                    spent.add(result.statistics)
                    done += len(task.segments)
                    progress(PlanProgress(done, total, missing.known + spent.from_memory, spent.tokens))
        translations, found = translate_segments(
            segments,
            engine=engine,
            target=target,
            memory=memory,
            decoding=decoding,
            glossary=glossary,
            progress=progress,
        )
        return translations, _statistics(found, spent, missing.known + spent.from_memory)


def _statistics(found: PlanStatistics, spent: PlanStatistics, known: int) -> PlanStatistics:
    """What it cost: ``found`` is the plan's in the driver, which takes for known what the workers decoded."""
    together = PlanStatistics()
    together.add(spent)
    together.add(found)
    together.segments = found.segments
    together.failed = found.failed
    together.from_review = found.from_review
    together.from_memory = min(known, found.from_memory)
    together.decoded = found.decoded + found.from_memory - together.from_memory
    return together


def _name_elsewhere(engine: Engine) -> str:
    """What another process calls the model: a path has to be whole there."""
    model = engine.model
    return str(model.path.absolute()) if model.name == str(model.path) else model.name


@contextmanager
def _cluster() -> Iterator[tuple[int, dict[str, float]]]:
    """A Ray cluster: how many workers it holds, and what each of them takes.

    Raises:
        EngineError: it cannot be reached, or has no room for a worker.
    """
    import ray

    started = not ray.is_initialized()
    try:
        if started:
            # Without an address Ray would join whatever cluster somebody has on this machine.
            address = os.environ.get("RAY_ADDRESS") or "local"
            ray.init(address=address, logging_level="error", log_to_driver=False)
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    except Exception as error:
        raise EngineError(
            f"Ray cannot be reached: {error}", hint="`ray status` says more; RAY_ADDRESS names a cluster"
        ) from error
    try:
        gpus = sum(int(node.get("GPU", 0)) for node in nodes)
        sizes = [int(node.get("CPU", 0)) for node in nodes if node.get("CPU", 0) >= 1]
        if gpus:
            yield gpus, {"num_gpus": 1.0}
        elif sizes:
            cpus = min(MAX_CPUS, *sizes)
            yield sum(size // cpus for size in sizes), {"num_cpus": float(cpus)}
        else:
            raise EngineError("the Ray cluster has no CPU", hint="`ray status` says what it has")
    finally:
        if started:
            ray.shutdown()


class _Pool:
    """Actors that do tasks, one each at a time; a dead one is replaced, and its task done again."""

    def __init__(self, plan: Plan, resources: dict[str, float], events: Events) -> None:
        import ray

        self._ray: Any = ray
        self._plan = self._ray.put(plan)
        self._resources = resources
        self._events = events
        self._busy: dict[Any, tuple[Any, int | None]] = {}
        """By what it will give: an actor, and the number of its task; None while it starts."""
        self._deaths = 0
        """In a row."""

    def results(self, tasks: Sequence[Task], workers: int) -> Iterator[tuple[Task, TaskResult]]:
        """The results of ``tasks`` as they come, in whatever order.

        A worker gets a task when it is there to do it: where a node is lost, its tasks go to the others.

        Raises:
            EngineError: a task ended its worker each time, or no worker can start.
        """
        waiting = deque(range(len(tasks)))
        tries = [0] * len(tasks)
        for _ in range(workers):
            self._start()
        try:
            while waiting or any(number is not None for _, number in self._busy.values()):
                (ready, *_), _ = self._ray.wait(list(self._busy))
                actor, number = self._busy.pop(ready)
                try:
                    result = self._get(ready)
                except _Died as error:
                    self._deaths += 1
                    if self._deaths >= _TRIES + workers:
                        raise EngineError(
                            f"ray: one worker after the other died: {error}", hint=_KEPT
                        ) from error
                    if number is None:
                        self._events.note("ray: a worker died as it started")
                    else:
                        tries[number] += 1
                        # Behind the others, so that they are done if it is to blame.
                        waiting.append(number)
                        self._again(tasks[number], tries[number], error)
                    self._start()
                    continue
                if number is not None:
                    self._deaths = 0
                    yield tasks[number], result
                if waiting:
                    following = waiting.popleft()
                    self._busy[actor.run.remote(tasks[following])] = (actor, following)
        finally:
            # A cluster that others use gets its CPUs back at once.
            for actor, _ in self._busy.values():
                self._ray.kill(actor)

    def _start(self) -> None:
        cpus = self._resources.get("num_cpus")
        kind = self._ray.remote(MtalignWorker).options(max_restarts=0, **self._resources)
        actor = kind.remote(self._plan, cpus)
        self._busy[actor.ready.remote()] = (actor, None)

    def _get(self, ready: Any) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(ready)
        except errors.RayTaskError as error:
            raise EngineError(f"a worker failed: {_first_line(error)}", hint=_KEPT) from error
        except errors.RayError as error:
            raise _Died(_first_line(error)) from error

    def _again(self, task: Task, tries: int, error: _Died) -> None:
        if tries >= _TRIES:
            raise EngineError(
                f"ray: {tries} workers died one after the other at the task of {task.segments[0].id}"
                f" to {task.segments[-1].id}: {error}",
                hint=f"{_KEPT}; more memory for a worker may help",
            )
        self._events.note(f"ray: a worker died; its {len(task.segments)} segments are done again")


class _Died(Exception):  # noqa: N818  # of the worker
    """A worker is no more."""


def _first_line(error: Exception) -> str:
    return next((line for line in str(error).split("\n") if line.strip()), type(error).__name__).strip()


class MtalignWorker:
    """A worker of the pool, in a process of its own that bears this name."""

    def __init__(self, plan: Plan, cpus: float | None) -> None:
        self._lock = _take_cpus(int(cpus)) if cpus else None
        self._worker = Worker(plan)

    def ready(self) -> None:
        """Give nothing: who waits for it knows that the worker is there."""

    def run(self, task: Task) -> TaskResult:
        """See :meth:`mtalign.job.executors.tasks.Worker.run`."""
        return self._worker.run(task)


def _take_cpus(count: int) -> Any:
    """Keep this process to ``count`` CPUs of its machine that no other worker has taken.

    Ray counts CPUs and does not say which. A lock on a file, which ends with its process, marks a taken set.
    """
    if not hasattr(os, "sched_setaffinity"):
        return None
    import tempfile

    from filelock import FileLock, Timeout

    cpus = sorted(os.sched_getaffinity(0))
    sets: Iterable[int] = range(max(1, len(cpus) // count))
    folder = Path(tempfile.gettempdir()) / f"mtalign-workers-{os.getuid()}"
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        for number in sets:
            lock = FileLock(folder / f"{count}-{number}.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            os.sched_setaffinity(0, cpus[number * count : (number + 1) * count])
            return lock
    return None

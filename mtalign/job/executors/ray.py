"""``ray``: a job's segments as a Ray Data pipeline, with one engine for each CPU set or GPU of a cluster.

The driver cuts what its memory lacks into tasks (:mod:`mtalign.job.executors.tasks`), a pool of actors does
them, and what comes back is recorded in the driver's memory as it comes. Then the translate plan runs in the
driver and finds everything there: its outputs are those of a local run. What no worker could do (an engine
that failed for once) is decoded in the driver, as a local run would.

A worker that dies costs the task it was at: Ray Data starts another actor and gives the task to it. A driver
that dies costs the tasks in flight: the same command goes on from the memory.
"""

from __future__ import annotations

import os
import pickle
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


class RayExecutor:
    """Translates on the cluster that ``RAY_ADDRESS`` names or that runs on this machine, else on this one."""

    def __init__(self, model: ModelConfig, *, offline: bool, events: Events) -> None:
        """Look whether Ray is there; the cluster is asked when there is something to decode.

        Raises:
            MissingPackageError: it is not installed.
        """
        try:
            import ray.data  # noqa: F401
        except ImportError as error:
            raise MissingPackageError(
                f"the ray executor needs Ray Data ({error})", hint="pip install 'mtalign[ray]'"
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
                for task, result in _pipeline(plan, tasks, workers, resources):
                    memory.put(result.entries, engine)
                    if result.error:
                        raise EngineError(
                            f"a worker failed: {result.error}", hint="what is done is kept; run it again"
                        )
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
    path = Path(engine.model.name).expanduser()
    return str(path.absolute()) if path.exists() else engine.model.name


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
            ray.init(logging_level="error", log_to_driver=False)
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


def _pipeline(
    plan: Plan, tasks: Sequence[Task], workers: int, resources: dict[str, float]
) -> Iterator[tuple[Task, TaskResult]]:
    """The tasks' results as they come, in whatever order.

    Raises:
        EngineError: a task cannot be done: its worker died each time.
    """
    import ray
    from ray.data import ActorPoolStrategy, from_items

    with _quiet():
        rows = [{"number": n, "task": pickle.dumps(task)} for n, task in enumerate(tasks)]
        results = from_items(rows, override_num_blocks=len(rows)).map_batches(
            _Actor,
            fn_constructor_args=(pickle.dumps(plan), resources.get("num_cpus")),
            batch_size=1,
            compute=ActorPoolStrategy(size=workers),
            max_task_retries=_TRIES - 1,
            **resources,
        )
        try:
            for row in results.iter_rows():
                yield tasks[row["number"]], pickle.loads(row["result"])  # noqa: S301  # our own workers'
        except ray.exceptions.RayError as error:
            first = str(error).strip().split("\n")[0]
            raise EngineError(
                f"Ray gave up: {first}", hint="what is done is kept; `ray status` and its logs say more"
            ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Ray Data without its own bars and reports: progress is told by the driver."""
    import logging

    from ray.data import DataContext

    context = DataContext.get_current()
    before = (context.enable_progress_bars, context.print_on_execution_start)
    logger = logging.getLogger("ray.data")
    level = logger.level
    context.enable_progress_bars, context.print_on_execution_start = False, False
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        context.enable_progress_bars, context.print_on_execution_start = before
        logger.setLevel(level)


class _Actor:
    """A worker of the pool, in a process of its own."""

    def __init__(self, plan: bytes, cpus: float | None) -> None:
        self._lock = _take_cpus(int(cpus)) if cpus else None
        self._worker = Worker(pickle.loads(plan))  # noqa: S301  # from our own driver

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        task = pickle.loads(batch["task"][0])  # noqa: S301  # from our own driver
        return {"number": batch["number"], "result": [pickle.dumps(self._worker.run(task))]}


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

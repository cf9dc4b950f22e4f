"""Executors: whoever translates, the outputs and what the memory holds are those of a local run."""

from __future__ import annotations

import json
import pickle
import re
import sqlite3
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
from checkpoints import GERMAN, KOREAN, phrases
from click.testing import CliRunner

from mtalign.cli.main import cli, main
from mtalign.document import Review, Segment, Verdict
from mtalign.engines.base import Decoding
from mtalign.errors import EngineError
from mtalign.glossary import Glossary, Term
from mtalign.job.config import ModelConfig
from mtalign.job.events import Silence
from mtalign.job.executors.tasks import (
    MAX_SEGMENTS,
    Identity,
    Plan,
    Task,
    TaskResult,
    Worker,
    find_missing,
)
from mtalign.languages import ENGLISH, parse_language
from mtalign.memory import Memory, ReviewEntry
from mtalign.testing import EchoEngine, pseudo_english
from mtalign.translate import PlanStatistics, translate_segments

KO = parse_language("ko")
DECODING = Decoding()


class EchoWorker(Worker):
    """A worker whose engine a test gives."""

    def __init__(self, engine, glossary=None):
        super().__init__(
            Plan(ModelConfig(), True, Identity.of(engine), KO, ENGLISH, DECODING, glossary),
        )
        self._engine = engine


def with_context(request, decoding):
    return f"{pseudo_english(request)} After {len(request.context)}."


def segments(blocks, sentences, repeated=()):
    texts = [source for code, source, _ in phrases() if code == KOREAN]
    return [
        Segment(f"d.b{b}.s{s}", "d", f"d.b{b}", text, 0, len(text), "ko")
        for b in range(blocks)
        for s in range(sentences)
        for n in (0 if (b, s) in repeated else b * sentences + s,)
        for text in (f"{texts[n % len(texts)]} {n}",)
    ]


def elsewhere(wanted, engine, memory, *, workers=2, glossary=None):
    """What an executor does, with a worker that a task reaches as it would reach another machine."""
    missing = find_missing(
        wanted, engine=engine, target=ENGLISH, memory=memory, decoding=DECODING, glossary=glossary
    )
    worker = EchoWorker(
        EchoEngine(engine.answer, context_segments=engine.context_segments(DECODING)), glossary
    )
    worker._engine.takes_terms = engine.takes_terms
    tasks = list(missing.tasks(workers, memory, ENGLISH))
    for task in tasks:
        result = pickle.loads(pickle.dumps(worker.run(pickle.loads(pickle.dumps(task)))))
        assert result.error == ""
        memory.put(result.entries, engine)
    return missing, tasks, worker._engine


def plan(wanted, engine, memory, glossary=None):
    return translate_segments(
        wanted, engine=engine, target=ENGLISH, memory=memory, decoding=DECODING, glossary=glossary
    )


def rows(memory):
    """All that it holds, but for the time of day."""
    found = memory._connection.execute(
        "SELECT key, source, source_lang, target_lang, model, engine, translation, failure, score, tokens,"
        " notes FROM outcome ORDER BY key"
    )
    return list(found)


@pytest.mark.parametrize("context", [0, 2])
def test_what_workers_give_back_is_all_that_the_plan_needs_and_what_it_would_have_recorded(context):
    wanted = segments(40, 4, repeated={(3, 1), (9, 2), (30, 0)})
    engine = EchoEngine(with_context, context_segments=context)
    with Memory(None) as here, Memory(None) as there:
        local, _ = plan(wanted, engine, here)
        engine.calls.clear()
        missing, tasks, _ = elsewhere(wanted, engine, there)
        assert len(tasks) > 2
        assert missing.known == 0
        found, cost = plan(wanted, engine, there)
        assert engine.calls == [], "the driver decodes nothing"
        assert (found, rows(there)) == (local, rows(here))
        assert cost.decoded == 0


def test_a_text_that_stands_in_several_blocks_is_decoded_once_where_context_does_not_count():
    wanted = segments(60, 2, repeated={(b, 0) for b in range(60)})
    engine = EchoEngine()
    with Memory(None) as memory:
        missing, tasks, worker = elsewhere(wanted, engine, memory)
        assert missing.segments == 61
        assert sum(len(task.segments) for task in tasks) == 61
        assert sum(map(len, worker.calls)) == 61


@pytest.mark.parametrize("context", [0, 2])
def test_what_the_memory_knows_is_not_sent_and_of_a_half_known_block_not_decoded_again(context):
    wanted = segments(30, 4)
    engine = EchoEngine(with_context, context_segments=context)
    with Memory(None) as memory:
        plan(wanted[:42], engine, memory)
        missing, tasks, worker = elsewhere(wanted, engine, memory)
        assert missing.known == 40
        sent = [segment.id for task in tasks for segment in task.segments]
        assert sent == [segment.id for segment in wanted[40:]]
        assert sum(map(len, worker.calls)) == 120 - 42
        assert (
            find_missing(
                wanted, engine=engine, target=ENGLISH, memory=memory, decoding=DECODING, glossary=None
            ).blocks
            == []
        )


def test_a_glossary_is_asked_for_where_the_work_is_done():
    glossary = Glossary((Term("책", ("tome",)),))
    wanted = segments(20, 3)
    engine = EchoEngine(
        lambda request, _: pseudo_english(request) + (" Tome." if request.terms else ""), takes_terms=True
    )
    with Memory(None) as here, Memory(None) as there:
        local, _ = plan(wanted, engine, here, glossary)
        assert any("Tome" in (one.text or "") for one in local.values())
        engine.calls.clear()
        elsewhere(wanted, engine, there, glossary=glossary)
        found, _ = plan(wanted, engine, there, glossary)
        assert (found, engine.calls, rows(there)) == (local, [], rows(here))


def test_tasks_are_large_enough_for_batches_and_small_enough_to_lose():
    wanted = segments(900, 2)
    with Memory(None) as memory:
        missing = find_missing(
            wanted, engine=EchoEngine(), target=ENGLISH, memory=memory, decoding=DECODING, glossary=None
        )
        few, many = (list(missing.tasks(workers, memory, ENGLISH)) for workers in (1, 500))
    assert max(len(task.segments) for task in few) <= MAX_SEGMENTS
    assert len(few) >= 8
    assert {len(task.segments) for task in many[:-1]} == {32}
    for tasks in (few, many):
        assert [s for task in tasks for s in task.segments] == wanted


def test_a_worker_whose_engine_breaks_gives_back_what_it_had_and_says_why():
    wanted = segments(20, 3)

    def breaks(request, decoding):
        if len(engine.calls) > 3:
            raise EngineError("no more memory")
        return pseudo_english(request)

    engine = EchoEngine(breaks)
    result = EchoWorker(engine).run(Task(tuple(wanted), (), ()))
    assert "no more memory" in result.error
    assert 0 < len(result.entries) < 60


def test_a_worker_with_another_model_is_refused(marian_checkpoint, converted_home, monkeypatch, tmp_path):
    monkeypatch.setenv("MTALIGN_HOME", str(tmp_path))
    (tmp_path / "converted").symlink_to(converted_home, target_is_directory=True)
    converted_home.mkdir(exist_ok=True)
    identity = Identity("ctranslate2", "1", "f" * 64)
    worker = Worker(
        Plan(ModelConfig(str(marian_checkpoint)), True, identity, KO, ENGLISH, DECODING, None),
    )
    result = worker.run(Task(tuple(segments(1, 1)), (), ()))
    assert "another engine or model" in result.error
    assert "install the same versions and models on all nodes" in result.error


# -- Ray --------------------------------------------------------------------------------------------------


@pytest.fixture
def job(tmp_path, marian_checkpoint, job_home):
    (tmp_path / "docs").mkdir()
    for name, language in (("korean", KOREAN), ("german", GERMAN)):
        text = "\n\n".join([source for code, source, _ in phrases() if code == language][:96])
        (tmp_path / "docs" / f"{name}.txt").write_text(text + "\n", encoding="utf-8")
    (tmp_path / "mtalign.toml").write_text(
        f'[input]\npaths = ["docs"]\n[model]\nname = "{marian_checkpoint}"\n', encoding="utf-8"
    )
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(cli, ["run", *arguments], catch_exceptions=False, standalone_mode=False)


def test_without_ray_one_line_says_what_to_install(job, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SystemExit) as caught:
        main(["run", "--executor", "ray"])
    (line,) = [one for one in capsys.readouterr().err.split("\n") if one]
    assert caught.value.code == 1
    assert line.startswith("Error: the ray executor needs Ray")
    assert line.endswith("pip install 'mtalign[ray]'")
    assert not (job / "outputs").exists()


ON_A_CLUSTER = """
import json, os, signal, sys, time
from pathlib import Path

try:
    import ray
    from ray.cluster_utils import Cluster
except ImportError:
    sys.exit(77)
from mtalign.cli.main import main
from mtalign.memory import Memory

said = {"killed": [], "recorded": []}
put = Memory.put


def workers():
    "Processes of this test's own workers: those whose environment names our home."
    home = os.environ["MTALIGN_HOME"].encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            title, environment = ((folder / name).read_bytes() for name in ("cmdline", "environ"))
        except OSError:
            continue
        if title.startswith(b"ray::MtalignWorker") and home in environment:
            yield int(folder.name)


def put_and_kill(memory, entries, engine):
    new = list(entries)
    put(memory, new, engine)
    said["recorded"].append(len(new))
    # All of them: the one that gave these entries is to have the next task, the other may be starting still.
    for pid in [] if said["killed"] else list(workers()):
        os.kill(pid, signal.SIGKILL)
        said["killed"].append(pid)


Memory.put = put_and_kill
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 80 << 20})
try:
    cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
    ray.init(address=cluster.address, logging_level="error", log_to_driver=False)
    said["nodes"] = len(ray.nodes())
    main(sys.argv[1:])
finally:
    Path("said.json").write_text(json.dumps(said))
    ray.shutdown()
    cluster.shutdown()
"""


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def outcomes(path):
    connection = sqlite3.connect(path)
    try:
        return connection.execute(
            "SELECT key, source, translation, failure, score FROM outcome ORDER BY key"
        ).fetchall()
    finally:
        connection.close()


def test_a_cluster_of_two_nodes_gives_the_local_bytes_though_its_workers_are_killed(job):
    local = run("-o", "local", "--memory", "local.sqlite", "-q")
    # In a process of its own: Ray leaves threads behind.
    there = subprocess.run(
        [sys.executable, "-c", ON_A_CLUSTER, *"run -o there --memory there.sqlite --executor ray".split()],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    if there.returncode == 77:
        message = "Ray is not installed: pip install 'mtalign[ray]'; nothing else tests it on a cluster"
        warnings.warn(message, stacklevel=1)
        pytest.skip(message)
    assert there.returncode == local.return_value, there.stderr
    said = json.loads((job / "said.json").read_text(encoding="utf-8"))
    assert said["nodes"] == 2
    assert 1 <= len(said["killed"]) <= 2
    assert len(said["recorded"]) >= 4, "what comes back is recorded as it comes"
    assert "2 workers" in there.stderr
    assert "a worker died; its" in there.stderr
    figures = re.compile(r"\d+ segments decoded, \d+ from memory, \d+ failed")
    assert figures.search(there.stdout).group() == figures.search(local.output).group()
    one, two = files(job / "local"), files(job / "there")
    assert set(one) == set(two)
    assert {p for p in one if one[p] != two[p]} <= {Path("manifest.json"), Path("index.html")}
    assert outcomes("there.sqlite") == outcomes("local.sqlite")
    again = run("-o", "again", "--memory", "there.sqlite", "--executor", "ray", "-q")
    assert "0 segments decoded" in again.output, "and no cluster is asked when nothing is missing"


class DeathError(Exception):
    pass


class FakeRay:
    """Ray in this process: what kills a worker, and which nodes are there, is decided by a test."""

    class exceptions:  # noqa: N801  # as Ray has it
        RayError = DeathError

        class RayTaskError(DeathError):
            pass

    def __init__(self, deadly=(), at_first=(), never_ready=(), stillborn=()):
        self.deadly, self.at_first, self.never_ready = set(deadly), set(at_first), set(never_ready)
        self.stillborn = set(stillborn)
        self.log, self.started, self.killed = [], 0, []

    def put(self, value):
        return value

    def remote(self, kind):
        return self

    def options(self, **options):
        assert options["max_restarts"] == 0
        return SimpleNamespace(remote=self.actor)

    def actor(self, plan, cpus):
        self.started += 1
        number = self.started
        ready = SimpleNamespace(remote=lambda: (number, "ready", None))
        run = SimpleNamespace(remote=lambda task: (number, "run", task))
        return SimpleNamespace(number=number, ready=ready, run=run)

    def wait(self, references):
        usable = [r for r in references if r[0] not in self.never_ready]
        assert usable, "nothing would ever come"
        return [usable[0]], [r for r in references if r is not usable[0]]

    def get(self, reference):
        number, what, task = reference
        if what == "ready":
            if number in self.stillborn:
                raise DeathError("killed")
            return None
        name = task.segments[0].id
        self.log.append(name)
        if name in self.deadly or name in self.at_first:
            self.at_first.discard(name)
            raise DeathError("killed")
        return TaskResult((), PlanStatistics())

    def kill(self, actor):
        self.killed.append(actor.number)


def pool(monkeypatch, ray, workers=2, count=4):
    from mtalign.job.executors.ray import _Pool

    monkeypatch.setitem(sys.modules, "ray", ray)
    every = segments(count, 1)
    tasks = [Task((segment,), (), ()) for segment in every]
    notes = []

    class Events(Silence):
        def note(self, text):
            notes.append(text)

    done = []
    results = _Pool(None, {"num_cpus": 2.0}, Events()).results(tasks, workers)
    return [segment.id for segment in every], done, notes, results


def test_the_task_of_a_worker_that_dies_is_done_again_by_a_new_one(monkeypatch):
    ray = FakeRay(at_first=["d.b1.s0"])
    ids, _, notes, results = pool(monkeypatch, ray)
    done = [task.segments[0].id for task, _ in results]
    assert sorted(done) == ids
    assert done[-1] == "d.b1.s0"
    assert ray.started == 3
    assert notes == ["ray: a worker died; its 1 segments are done again"]


def test_a_task_that_kills_every_worker_ends_the_run_after_all_others_are_done(monkeypatch):
    ray = FakeRay(deadly=["d.b0.s0"])
    ids, done, _, results = pool(monkeypatch, ray)
    finished = (done.append(task.segments[0].id) for task, _ in results)
    with pytest.raises(EngineError, match=r"4 workers died one after the other at the task of d\.b0\.s0"):
        list(finished)
    assert done == ids[1:]
    assert ray.log.count("d.b0.s0") == 4


def test_workers_that_all_die_end_the_run_soon(monkeypatch):
    ids = [segment.id for segment in segments(50, 1)]
    ray = FakeRay(deadly=ids)
    *_, results = pool(monkeypatch, ray, count=50)
    with pytest.raises(EngineError, match="one worker after the other died"):
        list(results)
    assert len(ray.log) == 6


def test_a_worker_that_dies_as_it_starts_is_replaced_and_said(monkeypatch):
    ray = FakeRay(stillborn=[2])
    ids, _, notes, results = pool(monkeypatch, ray)
    assert sorted(task.segments[0].id for task, _ in results) == ids
    assert ray.started == 3
    assert notes == ["ray: a worker died as it started"]


def test_a_worker_for_which_there_is_no_node_holds_no_task(monkeypatch):
    ray = FakeRay(never_ready=[2, 3])
    ids, *_, results = pool(monkeypatch, ray, workers=3)
    assert sorted(task.segments[0].id for task, _ in results) == ids
    assert sorted(ray.killed) == [2, 3], "and its place is given back"


@pytest.mark.parametrize("context", [0, 2])
def test_a_worker_knows_what_reviewers_refused_and_decided(context):
    wanted = segments(12, 3)

    def answer(request, decoding):
        return f"{pseudo_english(request)} Try {decoding.seed}."

    def review(segment, verdict, text):
        said = Review(verdict, "Kim", "2026-11-25T11:58:03Z", before=text, engine="echo", model="echo")
        refused = (text,) if verdict is Verdict.REJECTED else ()
        stands = None if refused else "A reviewer wrote this."
        return ReviewEntry(segment.id, "d", segment.text, "ko", "en", stands, said, refused)

    engine = EchoEngine(answer, context_segments=context)
    with Memory(None) as memory:
        first, _ = plan(wanted, engine, memory)
    reviews = [
        review(wanted[4], Verdict.REJECTED, first[wanted[4].id].text),
        review(wanted[10], Verdict.EDITED, first[wanted[10].id].text),
    ]
    with Memory(None) as here, Memory(None) as there:
        here.put_reviews(reviews)
        there.put_reviews(reviews)
        local, _ = plan(wanted, engine, here)
        engine.calls.clear()
        elsewhere(wanted, engine, there)
        found, _ = plan(wanted, engine, there)
        assert (found, engine.calls, rows(there)) == (local, [], rows(here))
    assert found[wanted[4].id].text != first[wanted[4].id].text
    assert "Try 1" in found[wanted[4].id].text
    assert found[wanted[10].id].text == "A reviewer wrote this."

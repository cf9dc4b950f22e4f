"""The plan round an engine with several workers: nobody waits, and nothing comes out otherwise."""

from __future__ import annotations

import random

import pytest
from test_translate import run, segment

from mtalign.engines.base import Decoding, Pipelined
from mtalign.errors import EngineError
from mtalign.languages import ENGLISH
from mtalign.memory import Memory
from mtalign.testing import EchoEngine, pseudo_english
from mtalign.translate import PlanStatistics, translate_windows


class TwoWorkers(EchoEngine):
    """Batches are answered when their result is asked for; ``log`` says what was started and settled when."""

    in_flight = 3

    def __init__(self, *arguments, batch_size=4, **options):
        super().__init__(*arguments, batch_size=batch_size, **options)
        self.log = []
        self.open = 0

    def batches(self, requests, decoding):
        order = sorted(range(len(requests)), key=lambda index: -len(requests[index].text))
        return [order[start : start + self.batch_size] for start in range(0, len(order), self.batch_size)]

    def start(self, requests, decoding):
        self.open += 1
        self.log.append(("start", [request.text for request in requests], decoding))
        engine = self

        class Batch:
            def result(self):
                engine.log.append(("result", engine.open))
                engine.open -= 1
                return EchoEngine.translate(engine, requests, decoding)

        return Batch()


def texts(count, seed=0):
    generator = random.Random(seed)
    return [f"{'그 문장은 ' * generator.randint(1, 6)}{number}번째입니다." for number in range(count)]


def answer(request, decoding):
    """English that keeps the number of the sentence."""
    number = request.text.rstrip("번째입니다.").split()[-1]
    return f"{'This sentence is long. ' * (len(request.text) // 8)}It is the {number}th."


def windows_of(segments, size):
    return [segments[start : start + size] for start in range(0, len(segments), size)]


def stream(windows, engine, memory=None, statistics=None, **options):
    return translate_windows(
        windows,
        engine=engine,
        target=ENGLISH,
        memory=memory or Memory(None),
        decoding=Decoding(),
        statistics=statistics or PlanStatistics(),
        **options,
    )


def test_the_fake_keeps_the_protocol():
    assert isinstance(TwoWorkers(), Pipelined)
    assert not isinstance(EchoEngine(), Pipelined)


def test_while_one_batch_is_guarded_the_engine_has_the_next_ones():
    engine = TwoWorkers()
    run([segment(i, text) for i, text in enumerate(texts(40))], engine)
    open_when_settled = [entry[1] for entry in engine.log if entry[0] == "result"]
    assert open_when_settled == [3] * 8 + [2, 1]


def test_it_gives_what_an_engine_without_workers_gives():
    segments = [segment(i, text) for i, text in enumerate(texts(40))]
    assert run(segments, TwoWorkers())[0] == run(segments, EchoEngine())[0]


def test_what_has_to_be_decoded_again_goes_in_batches_too():
    def mute_at_first(request, decoding):
        return pseudo_english(request) if decoding.seed else "…"

    engine = TwoWorkers(mute_at_first)
    translations, statistics = run([segment(i, text) for i, text in enumerate(texts(16))], engine)
    again = [entry[1] for entry in engine.log if entry[0] == "start" and entry[2].seed == 1]
    assert sum(map(len, again)) == statistics.retried == 16
    assert len(again) == 4
    assert all(translation.text for translation in translations.values())


def test_a_batch_that_fails_is_asked_one_by_one_and_the_others_go_on():
    bad = segment(99, "그 문장은 나쁩니다.")

    def answer_or_fail(request, decoding):
        if request.text == bad.text:
            raise EngineError("broken by it")
        return pseudo_english(request)

    engine = TwoWorkers(answer_or_fail)
    translations, statistics = run([segment(i, t) for i, t in enumerate(texts(20))] + [bad], engine)
    assert translations[bad.id].failure == "the engine failed: broken by it"
    assert statistics.failed == 1


def test_a_request_that_the_engine_does_not_take_spoils_no_other():
    bad = segment(99, "그 문장은 나쁩니다.")

    class Refuses(TwoWorkers):
        def start(self, requests, decoding):
            if any(request.text == bad.text for request in requests):
                raise EngineError("not that one")
            return super().start(requests, decoding)

        def translate(self, requests, decoding):
            return self.start(requests, decoding).result()

    translations, statistics = run([segment(i, t) for i, t in enumerate(texts(20))] + [bad], Refuses())
    assert translations[bad.id].failure == "the engine failed: not that one"
    assert (statistics.decoded, statistics.failed) == (21, 1)


def test_an_interruption_loses_only_the_batches_in_flight():
    class Interrupted(TwoWorkers):
        def translate(self, requests, decoding):
            raise AssertionError

        def start(self, requests, decoding):
            batch = super().start(requests, decoding)
            if len([entry for entry in self.log if entry[0] == "start"]) == 6:
                raise KeyboardInterrupt
            return batch

    memory = Memory(None)
    segments = [segment(i, text) for i, text in enumerate(texts(40))]
    with pytest.raises(KeyboardInterrupt):
        run(segments, Interrupted(), memory)
    assert memory.count() == 3 * 4
    engine = TwoWorkers()
    translations, statistics = run(segments, engine, memory)
    assert (statistics.from_memory, statistics.decoded) == (12, 28)
    assert translations == run(segments, TwoWorkers())[0]


def test_windows_come_back_in_order_with_their_own_segments():
    segments = [segment(i, text) for i, text in enumerate(texts(50))]
    found = list(stream(windows_of(segments, 7), TwoWorkers()))
    assert [sorted(window) for window in found] == [
        sorted(one.id for one in window) for window in windows_of(segments, 7)
    ]
    together = {key: value for window in found for key, value in window.items()}
    assert together == run(segments, EchoEngine())[0]


def test_the_engine_does_not_wait_between_windows():
    engine = TwoWorkers()
    segments = [segment(i, text) for i, text in enumerate(texts(48))]
    list(stream(windows_of(segments, 12), engine))
    open_when_settled = [entry[1] for entry in engine.log if entry[0] == "result"]
    assert open_when_settled == [3] * 10 + [2, 1]


def test_what_a_window_leaves_over_is_decoded_in_a_batch_of_the_next():
    engine = TwoWorkers()
    segments = [segment(i, text) for i, text in enumerate(texts(41))]
    found = list(stream(windows_of(segments, 5), engine))
    sizes = [len(entry[1]) for entry in engine.log if entry[0] == "start"]
    assert sum(sizes) == 41
    assert all(size >= 3 for size in sizes[:-1]), sizes
    assert [{*window} for window in found] == [{s.id for s in w} for w in windows_of(segments, 5)]


def test_a_stream_is_read_as_the_work_goes_on():
    read = []

    def windows():
        for number, window in enumerate(windows_of([segment(i, t) for i, t in enumerate(texts(120))], 8)):
            read.append(number)
            yield window

    found = stream(windows(), TwoWorkers())
    for done in range(15):
        next(found)
        assert len(read) <= done + 4
    assert len(read) == 15


def test_a_text_that_is_being_decoded_for_another_window_is_not_asked_twice():
    engine = TwoWorkers(batch_size=2)
    segments = [segment(i, f"그것은 {i % 5}번째입니다.") for i in range(20)]
    statistics = PlanStatistics()
    found = list(stream(windows_of(segments, 5), engine, statistics=statistics))
    assert sum(len(entry[1]) for entry in engine.log if entry[0] == "start") == 5
    assert sum(map(len, found)) == 20
    assert statistics.decoded + statistics.from_memory == 20


def test_windows_known_by_heart_and_empty_ones_come_back_too():
    memory = Memory(None)
    segments = [segment(i, text) for i, text in enumerate(texts(20))]
    run(segments, EchoEngine(), memory)
    engine = TwoWorkers()
    found = list(stream([segments[:5], [], segments[5:]], engine, memory))
    assert [len(window) for window in found] == [5, 0, 15]
    assert engine.log == []
    assert list(stream([], engine)) == []


def test_runs_with_context_go_on_side_by_side_and_none_waits_for_another():
    class OneByOne(TwoWorkers):
        def batches(self, requests, decoding):
            return [[index] for index in range(len(requests))]

    engine = OneByOne(answer, batch_size=2, context_segments=3)
    engine.in_flight = 2
    segments = [segment(number, text) for number, text in enumerate(texts(12))]
    translations, _ = run(segments, engine)
    for number, one in enumerate(segments):
        assert translations[one.id].text.endswith(f"the {number}th.")
    open_then = [entry[1] for entry in engine.log if entry[0] == "result"]
    assert open_then == [2] * 8 + [1] * 4, "two of the three runs of four are open as long as there are two"
    asked = {request.text: request for call in engine.calls for request in call}
    for number, one in enumerate(segments):
        assert [pair.source for pair in asked[one.text].context] == [
            before.text for before in segments[number - number % 4 : number]
        ]

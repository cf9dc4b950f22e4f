"""The translate plan: order, memory, guards, retries; on an engine whose answers the test decides."""

from __future__ import annotations

import pytest

from mtalign.document import PERSON, Review, Segment, Skip, Status, Verdict
from mtalign.engines.base import Decoding
from mtalign.errors import EngineError
from mtalign.languages import ENGLISH
from mtalign.memory import Decision, Memory, ReviewEntry
from mtalign.testing import EchoEngine, pseudo_english
from mtalign.translate import translate_segments, untouched
from mtalign.translate.parts import halves, split_parts

LONG = "일본은 최근 협력을 강화했습니다, 그러나 가입을 추진하지 않을 것이라고 총리가 말했습니다."


def segment(number, text, *, document="d", language="ko", skip=None):
    return Segment(f"{document}.b1.s{number}", document, f"{document}.b1", text, 0, len(text), language, skip)


def run(segments, engine, memory=None, **options):
    return translate_segments(
        segments,
        engine=engine,
        target=ENGLISH,
        memory=memory or Memory(None),
        decoding=Decoding(**options),
    )


def test_every_segment_gets_a_translation_in_its_own_place():
    texts = [f"{number}번째 문장은 이것입니다." for number in range(20)]
    engine = EchoEngine(lambda request, _: f"Sentence {request.text.split('번')[0]} is here, this one.")
    translations, statistics = run([segment(i, text) for i, text in enumerate(texts)], engine)
    for number in range(20):
        assert translations[f"d.b1.s{number}"].text == f"Sentence {number} is here, this one."
    assert (statistics.decoded, statistics.failed) == (20, 0)


def test_what_needs_no_model_does_not_go_through_one():
    engine = EchoEngine()
    translations, _ = run(
        [
            segment(1, "Already English.", language="en", skip=Skip.ENGLISH),
            segment(2, "0", language="und", skip=Skip.NUMBER),
            segment(3, '{"title": "협력"}', language="und", skip=Skip.DATA),
        ],
        engine,
    )
    assert engine.calls == []
    assert translations["d.b1.s1"].status is Status.KEPT
    assert translations["d.b1.s1"].text == "Already English."
    assert translations["d.b1.s3"].status is Status.SKIPPED
    assert (translations["d.b1.s3"].text, translations["d.b1.s3"].failure) == (None, "data is not translated")


def test_the_same_text_is_decoded_once_by_an_engine_without_context():
    engine = EchoEngine()
    translations, _ = run([segment(n, "협력") for n in range(5)], engine)
    assert sum(map(len, engine.calls)) == 1
    assert len({translation.text for translation in translations.values()}) == 1


def test_batches_are_sorted_by_length_and_no_larger_than_the_engine_likes():
    engine = EchoEngine(batch_size=3)
    run([segment(n, "가" * (n + 1)) for n in range(8)], engine)
    lengths = [[len(request.text) for request in call] for call in engine.calls]
    assert lengths == [[8, 7, 6], [5, 4, 3], [2, 1]]


def test_a_second_run_asks_the_model_nothing_and_gives_the_same():
    memory = Memory(None)
    segments = [segment(1, LONG), segment(2, "협력")]
    first, _ = run(segments, EchoEngine(), memory)
    silent = EchoEngine(lambda request, _: pytest.fail("asked the model"))
    second, statistics = run(segments, silent, memory)
    assert second == first
    assert statistics.from_memory == 2


def test_a_failure_is_remembered_too():
    memory = Memory(None)
    empty = EchoEngine(lambda request, _: "")
    first, _ = run([segment(1, "협력")], empty, memory)
    calls = len(empty.calls)
    second, _ = run([segment(1, "협력")], empty, memory)
    assert first == second
    assert len(empty.calls) == calls


def test_an_interruption_loses_only_the_batch_in_flight():
    memory = Memory(None)
    asked = []

    def interrupt_at_the_third(request, _):
        if len(asked) == 4:
            raise KeyboardInterrupt
        asked.append(request.text)
        return pseudo_english(request)

    segments = [segment(n, "가" * (n + 1)) for n in range(6)]
    with pytest.raises(KeyboardInterrupt):
        run(segments, EchoEngine(interrupt_at_the_third, batch_size=2), memory)
    assert memory.count() == 4
    again = EchoEngine(batch_size=2)
    translations, statistics = run(segments, again, memory)
    assert statistics.from_memory == 4
    assert sum(map(len, again.calls)) == 2
    assert {t.status for t in translations.values()} == {Status.TRANSLATED}


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("", "gave no text"),
        (" … ", "gave no text"),
        ("The 협력 of Japan and the others who are with it in this.", "script of the source"),
        ("Japan and NATO, " * 9, "in a row"),
        ("word" * 400, "in a row"),
        ("Yes.", "may have been dropped"),
        (LONG, "script of the source"),
    ],
)
def test_a_bad_answer_is_tried_again_in_another_way_and_never_accepted(bad, why):
    decodings = []

    def bad_first(request, decoding):
        decodings.append(decoding)
        return bad if len(decodings) == 1 else pseudo_english(request)

    translations, statistics = run([segment(1, LONG)], EchoEngine(bad_first))
    translation = translations["d.b1.s1"]
    assert translation.status is Status.TRANSLATED
    assert len(decodings) == 2
    assert decodings[0] != decodings[1]
    assert statistics.retried == 1

    always, _ = run([segment(1, LONG)], EchoEngine(lambda request, decoding: bad))
    failed = always["d.b1.s1"]
    assert (failed.status, failed.text) == (Status.FAILED, None)
    assert why in (failed.failure or "")


def test_an_answer_cut_off_at_the_limit_is_not_accepted():
    endless = EchoEngine(lambda request, _: " ".join(f"w{n}" for n in range(500)))
    translations, _ = run([segment(1, "협력", language="th")], endless)
    assert "cut off at the length limit" in (translations["d.b1.s1"].failure or "")


def test_what_fails_whole_is_translated_in_halves_and_says_so():
    def only_halves(request, _):
        return "" if request.text == LONG else pseudo_english(request)

    translations, _ = run([segment(1, LONG)], EchoEngine(only_halves))
    translation = translations["d.b1.s1"]
    assert translation.status is Status.TRANSLATED
    assert "split" in [flag.name for flag in translation.flags]


def test_a_segment_too_long_for_the_model_is_cut_never_truncated():
    engine = EchoEngine(max_source_tokens=20)
    translations, _ = run([segment(1, LONG)], engine)
    asked = [request.text for call in engine.calls for request in call]
    assert "".join(asked).replace(" ", "") == LONG.replace(" ", "")
    assert max(map(len, asked)) < 20
    assert translations["d.b1.s1"].status is Status.TRANSLATED


def test_one_request_that_breaks_the_engine_spoils_no_other():
    def break_on_one(request, _):
        if request.text == "나쁜":
            raise EngineError("vocabulary id out of range")
        return pseudo_english(request)

    memory = Memory(None)
    translations, _ = run(
        [segment(1, "좋은"), segment(2, "나쁜"), segment(3, "다른")], EchoEngine(break_on_one), memory
    )
    assert [translations[f"d.b1.s{n}"].status for n in (1, 2, 3)] == [
        Status.TRANSLATED,
        Status.FAILED,
        Status.TRANSLATED,
    ]
    assert "vocabulary id" in (translations["d.b1.s2"].failure or "")
    assert memory.count() == 2, "an engine's fault is not remembered: the next run tries again"


def test_an_engine_that_fails_on_everything_ends_the_run():
    def broken(request, _):
        raise EngineError("out of memory")

    with pytest.raises(EngineError, match="out of memory"):
        run([segment(n, "가" * (n + 1)) for n in range(5)], EchoEngine(broken))


def test_context_is_what_stands_before_in_the_same_run_of_the_block_oldest_first():
    engine = EchoEngine(
        lambda request, _: f"English number {len(request.context)}", context_segments=2, batch_size=4
    )
    segments = [
        segment(1, "가나"),
        segment(2, "다라"),
        segment(3, "마바"),
        segment(4, "사아"),
        segment(5, "차카"),
        segment(1, "자차", document="other"),
    ]
    run(segments, engine)
    asked = {request.text: request for call in engine.calls for request in call}
    assert [pair.source for pair in asked["마바"].context] == ["가나", "다라"]
    assert [pair.translation for pair in asked["마바"].context] == ["English number 0", "English number 1"]
    assert asked["사아"].context == (), "a run of three is over: the next one begins"
    assert [pair.source for pair in asked["차카"].context] == ["사아"]
    assert asked["자차"].context == ()


def test_an_engine_that_takes_one_request_at_a_time_gets_runs_whole():
    engine = EchoEngine(context_segments=2, batch_size=1)
    run([segment(n, text * n, document=text) for n in (1, 2) for text in ("가", "나")], engine)
    order = [(call[0].text, len(call[0].context)) for call in engine.calls]
    assert order == [("가", 0), ("가가", 1), ("나", 0), ("나나", 1)]


def test_resuming_with_context_gives_the_same_as_one_go():
    segments = [segment(n, "가" * (n + 1)) for n in range(6)]

    def count(request, _):
        return f"Number {sum(len(pair.translation or '') for pair in request.context)}"

    whole, _ = run(segments, EchoEngine(count, context_segments=3), Memory(None))
    memory = Memory(None)
    run(segments[:3], EchoEngine(count, context_segments=3), memory)
    resumed, statistics = run(segments, EchoEngine(count, context_segments=3), memory)
    assert resumed == whole
    assert statistics.from_memory == 3


def test_progress_counts_every_segment_once_and_ends_at_the_total():
    seen = []
    memory = Memory(None)
    segments = [segment(n, "가" * (n + 1)) for n in range(6)]
    run(segments[:2], EchoEngine(), memory)
    translate_segments(
        segments,
        engine=EchoEngine(batch_size=2),
        target=ENGLISH,
        memory=memory,
        decoding=Decoding(),
        progress=lambda now: seen.append((now.done, now.total, now.from_memory)),
    )
    assert seen[0] == (2, 6, 2)
    assert seen[-1] == (6, 6, 2)
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)


@pytest.mark.parametrize("limit", [1, 2, 5, 9, 1000])
@pytest.mark.parametrize(
    "text", ["", "a", "ab, cd; ef gh", "ohneleerzeichen" * 5, "1,000 und, 2", "日本、韓国。"]
)
def test_parts_joined_give_the_text_and_fit(text, limit):
    parts = split_parts(text, lambda part: len(part) <= limit)
    assert "".join(parts) == text
    assert all(len(part) <= limit for part in parts)


def test_a_comma_inside_a_number_is_no_place_to_cut():
    assert halves("about 1,000 people") == ["about 1,000 people"]
    assert halves("first clause, second clause") == ["first clause,", " second clause"]


# -- what reviewers said -----------------------------------------------------------------------------------

TEXTS = ["일본은 섬나라입니다.", "회원국은 32개국입니다.", "총리가 말했습니다."]


def reviewed(number, verdict, translation, *, before=None, refused=(), segment_id=None):
    review = Review(verdict, "Kim", "2026-11-25T12:00:00Z", before, "wrong", "echo", "echo@0")
    return ReviewEntry(
        segment_id or f"d.b1.s{number}", "d", TEXTS[number], "ko", "en", translation, review, refused, -0.25
    )


@pytest.mark.parametrize("context", [0, 2])
def test_a_reviewers_text_goes_before_the_memory_and_the_model(context):
    memory, segments = Memory(None), [segment(n, text) for n, text in enumerate(TEXTS)]
    first, _ = run(segments, EchoEngine(context_segments=context), memory)
    memory.put_reviews([reviewed(1, Verdict.EDITED, "There are 32 members.", before=first["d.b1.s1"].text)])
    # Neither the engine nor its model matters to it.
    for fingerprint in ("0" * 64, "1" * 64):
        engine = EchoEngine(context_segments=context, fingerprint=fingerprint)
        second, statistics = run(segments, engine, memory)
        found = second["d.b1.s1"]
        assert (found.text, found.engine, found.model) == ("There are 32 members.", PERSON, "")
        assert (found.review.by, found.review.before) == ("Kim", first["d.b1.s1"].text)
        assert statistics.from_review == 1
        assert all(request.text != TEXTS[1] for call in engine.calls for request in call)


@pytest.mark.parametrize("verdict", [Verdict.EDITED, Verdict.REJECTED])
def test_a_review_changes_its_segment_and_not_the_neighbours(verdict):
    memory, segments = Memory(None), [segment(n, text) for n, text in enumerate(TEXTS)]
    first, _ = run(segments, EchoEngine(context_segments=2), memory)
    before = first["d.b1.s0"].text
    text = "Written." if verdict is Verdict.EDITED else None
    refused = () if text else (before,)
    memory.put_reviews([reviewed(0, verdict, text, before=before, refused=refused)])
    engine = EchoEngine(context_segments=2)
    second, statistics = run(segments, engine, memory)
    assert [second[f"d.b1.s{n}"] for n in (1, 2)] == [first[f"d.b1.s{n}"] for n in (1, 2)]
    assert statistics.from_memory == 2
    assert {request.text for call in engine.calls for request in call} <= {TEXTS[0]}


def test_an_accepted_text_keeps_the_engine_that_made_it_and_its_score():
    memory = Memory(None)
    memory.put_reviews([reviewed(0, Verdict.ACCEPTED, "Japan is an island country.")])
    silent = EchoEngine(lambda request, _: pytest.fail("asked the model"), fingerprint="9" * 64)
    translations, _ = run([segment(0, TEXTS[0])], silent, memory)
    found = translations["d.b1.s0"]
    assert (found.engine, found.model, found.score) == ("echo", "echo@0", -0.25)
    assert found.review.verdict is Verdict.ACCEPTED


def test_the_same_text_elsewhere_is_translated_alike_and_says_whose_it_is():
    memory = Memory(None)
    memory.put_reviews([reviewed(0, Verdict.EDITED, "Japan is an island country.")])
    translations, _ = run([segment(7, TEXTS[0], document="other")], EchoEngine(), memory)
    found = translations["other.b1.s7"]
    assert (found.text, found.review.segment) == ("Japan is an island country.", "d.b1.s0")
    assert ("reused", "as Kim reviewed it in d.b1.s0, which has the same source") in [
        (flag.name, flag.message) for flag in found.flags
    ]


def test_a_rejected_text_is_decoded_again_and_another_one_stands():
    memory, segments = Memory(None), [segment(0, TEXTS[0])]
    answer = "Japan is an island country."
    first, _ = run(segments, EchoEngine(lambda request, _: answer), memory)
    memory.put_reviews([reviewed(0, Verdict.REJECTED, None, before=answer, refused=(answer,))])
    other = EchoEngine(
        lambda request, decoding: answer if decoding.beam == 4 else "Japan consists of islands."
    )
    second, statistics = run(segments, other, memory)
    found = second["d.b1.s0"]
    assert (found.text, found.review) == ("Japan consists of islands.", None)
    assert ("redone", "another translation was rejected by Kim: wrong") in [
        (flag.name, flag.message) for flag in found.flags
    ]
    assert statistics.decoded == 1
    # What comes out is remembered, under a key of its own: taking the review back brings the first text back.
    silent = EchoEngine(lambda request, _: pytest.fail("asked the model"))
    assert run(segments, silent, memory)[0] == second
    memory.forget_reviews(memory.reviews([TEXTS[0]], "en"))
    assert run(segments, silent, memory)[0] == first


def test_a_model_that_gives_the_rejected_text_again_fails_with_the_reviewers_reason():
    memory, segments = Memory(None), [segment(0, TEXTS[0])]
    answer = "Japan is an island country."
    stubborn = EchoEngine(lambda request, _: answer)
    run(segments, stubborn, memory)
    memory.put_reviews([reviewed(0, Verdict.REJECTED, None, before=answer, refused=(answer,))])
    for _ in range(2):
        translations, statistics = run(segments, stubborn, memory)
        found = translations["d.b1.s0"]
        assert (found.status, found.text, found.failure) == (Status.FAILED, None, "rejected by Kim: wrong")
        assert found.review.verdict is Verdict.REJECTED
        assert statistics.failed == 1


def test_a_comment_goes_with_the_translation_that_it_was_made_on():
    memory, segments = Memory(None), [segment(0, TEXTS[0])]
    first, _ = run(segments, EchoEngine(), memory)
    memory.put_reviews([reviewed(0, None, None, before=first["d.b1.s0"].text)])
    assert run(segments, EchoEngine(), memory)[0]["d.b1.s0"].review.comment == "wrong"
    other = EchoEngine(lambda request, _: "Another translation of it.", fingerprint="1" * 64)
    assert run(segments, other, memory)[0]["d.b1.s0"].review is None


def test_what_needs_no_model_can_be_reviewed_too():
    kept = segment(1, "NATO 2030", language="en", skip=Skip.ENGLISH)
    review = Review(Verdict.EDITED, "Kim", "2026-11-25T12:00:00Z", "NATO 2030")
    edited = untouched(kept, Decision("NATO 2030 agenda", review))
    assert (edited.status, edited.text, edited.engine) == (Status.TRANSLATED, "NATO 2030 agenda", PERSON)
    accepted = Review(Verdict.ACCEPTED, "Kim", "2026-11-25T12:00:00Z", "NATO 2030")
    assert untouched(kept, Decision("NATO 2030", accepted)).status is Status.KEPT
    rejected = Review(Verdict.REJECTED, "Kim", "2026-11-25T12:00:00Z", "NATO 2030")
    failed = untouched(kept, Decision(None, rejected, ("NATO 2030",)))
    assert (failed.status, failed.failure) == (Status.FAILED, "rejected by Kim")

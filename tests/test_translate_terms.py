"""The translate plan with a glossary: who is asked for terms, which answer stands, what is remembered."""

from __future__ import annotations

import pytest

from mtalign.document import Review, Segment, Status, Verdict
from mtalign.engines.base import Decoding, Request
from mtalign.errors import EngineError
from mtalign.glossary import Glossary, Term
from mtalign.languages import ENGLISH
from mtalign.memory import Memory, ReviewEntry
from mtalign.testing import EchoEngine
from mtalign.translate import translate_segments

ALLIANCE = Term("동맹", ("alliance", "pact"))
NATO = Term("나토", ("NATO",))
GLOSSARY = Glossary((ALLIANCE, NATO))
LEAGUE = "The league is an old one, it says."


def segment(number, text, *, block="b1"):
    return Segment(f"d.{block}.s{number}", "d", f"d.{block}", text, 0, len(text), "ko")


def run(segments, engine, *, glossary=GLOSSARY, memory=None):
    return translate_segments(
        segments,
        engine=engine,
        target=ENGLISH,
        memory=memory or Memory(None),
        decoding=Decoding(),
        glossary=glossary,
    )


def obedient(request: Request, _: Decoding) -> str:
    """Misses every term until it is asked for it."""
    if not request.terms:
        return LEAGUE
    return f"The {' and '.join(term.english[0] for term in request.terms)} is an old one."


def asked(engine):
    return [
        (request.text, [term.source for term in request.terms]) for call in engine.calls for request in call
    ]


def flags(translation):
    return [(flag.name, flag.message) for flag in translation.flags]


def test_a_missed_term_is_asked_for_and_the_answer_that_holds_it_stands():
    engine = EchoEngine(obedient, takes_terms=True)
    translations, statistics = run(
        [segment(1, "동맹은 나토의 것이다."), segment(2, "오래된 것입니다.")], engine
    )
    assert translations["d.b1.s1"].text == "The alliance and NATO is an old one."
    assert translations["d.b1.s1"].flags == ()
    assert translations["d.b1.s2"].text == LEAGUE
    assert asked(engine) == [
        ("동맹은 나토의 것이다.", []),
        ("오래된 것입니다.", []),
        ("동맹은 나토의 것이다.", ["동맹", "나토"]),
    ]
    assert (statistics.decoded, statistics.asked_for_terms, statistics.failed) == (2, 1, 0)


def test_a_translation_that_holds_its_terms_is_not_asked_for_again():
    engine = EchoEngine(lambda request, _: "The pact of Nato is old.", takes_terms=True)
    translations, statistics = run([segment(1, "동맹은 나토의 것이다.")], engine)
    assert len(asked(engine)) == 1
    assert translations["d.b1.s1"].flags == ()
    assert statistics.asked_for_terms == 0


def test_an_engine_that_takes_no_terms_is_checked_only():
    engine = EchoEngine(obedient)
    translations, _ = run([segment(1, "동맹은 오래된 것이다.")], engine)
    assert asked(engine) == [("동맹은 오래된 것이다.", [])]
    assert flags(translations["d.b1.s1"]) == [("glossary", "„동맹“ should be “alliance” or “pact”")]
    assert translations["d.b1.s1"].flags[0].source_span == (0, 2)


@pytest.mark.parametrize(
    "second",
    [
        LEAGUE.replace("old", "ancient"),  # no term either
        "",
        "The 동맹 alliance is an old one.",  # source script
        "alliance " * 8,  # a loop
        "The alliance " + " ".join(f"word{n}" for n in range(200)),  # cut off
    ],
)
def test_an_answer_with_terms_that_is_no_better_does_not_stand(second):
    engine = EchoEngine(lambda request, _: second if request.terms else LEAGUE, takes_terms=True)
    translations, statistics = run([segment(1, "동맹은 오래된 것이라고 합니다.")], engine)
    assert len(asked(engine)) == 2
    assert translations["d.b1.s1"].text == LEAGUE
    assert [name for name, _ in flags(translations["d.b1.s1"])] == ["glossary"]
    assert statistics.failed == 0


def test_a_term_is_not_worth_a_lost_number():
    def loses_the_number(request, _):
        return "The alliance has some members." if request.terms else "The league has 31 members."

    translations, _ = run(
        [segment(1, "동맹은 회원이 31명이다.")], EchoEngine(loses_the_number, takes_terms=True)
    )
    assert translations["d.b1.s1"].text == "The league has 31 members."


def test_some_terms_are_better_than_none_and_the_rest_is_flagged():
    def only_nato(request, _):
        return "NATO is an old one." if request.terms else LEAGUE

    translations, _ = run([segment(1, "동맹은 나토의 것이다.")], EchoEngine(only_nato, takes_terms=True))
    assert translations["d.b1.s1"].text == "NATO is an old one."
    assert [message[:4] for _, message in flags(translations["d.b1.s1"])] == ["„동맹“"]


def test_a_glossary_that_comes_later_costs_only_the_segments_that_miss_a_term():
    segments = [
        segment(1, "동맹은 오래된 것이다."),
        segment(2, "나토의 것입니다."),
        segment(3, "오래된 것입니다."),
    ]

    def knows_nato(request, decoding):
        return "It is one of NATO, they say." if "나토" in request.text else obedient(request, decoding)

    memory = Memory(None)
    plain, _ = run(segments, EchoEngine(knows_nato, takes_terms=True), glossary=None, memory=memory)
    later = EchoEngine(knows_nato, takes_terms=True)
    translations, statistics = run(segments, later, memory=memory)
    assert asked(later) == [("동맹은 오래된 것이다.", ["동맹"])]
    assert (statistics.from_memory, statistics.decoded) == (2, 1)
    assert translations["d.b1.s1"].text == "The alliance is an old one."
    assert [translations[f"d.b1.s{n}"] for n in (2, 3)] == [plain[f"d.b1.s{n}"] for n in (2, 3)]

    again = EchoEngine(knows_nato, takes_terms=True)
    assert run(segments, again, memory=memory)[0] == translations
    assert again.calls == []

    other = Glossary((Term("동맹", ("coalition",)), NATO))
    changed = EchoEngine(knows_nato, takes_terms=True)
    translations, _ = run(segments, changed, glossary=other, memory=memory)
    assert asked(changed) == [("동맹은 오래된 것이다.", ["동맹"])]
    assert translations["d.b1.s1"].text == "The coalition is an old one."
    without = EchoEngine(knows_nato, takes_terms=True)
    assert run(segments, without, glossary=None, memory=memory)[0] == plain
    assert without.calls == []


def test_a_vain_attempt_is_remembered_and_a_fault_of_the_engine_is_not():
    memory = Memory(None)
    vain = EchoEngine(lambda request, _: LEAGUE, takes_terms=True)
    first, _ = run([segment(1, "동맹은 오래된 것이다.")], vain, memory=memory)
    calls = len(vain.calls)
    assert run([segment(1, "동맹은 오래된 것이다.")], vain, memory=memory)[0] == first
    assert len(vain.calls) == calls

    def breaks(request, _):
        if request.terms:
            raise EngineError("out of slots")
        return LEAGUE

    memory = Memory(None)
    translations, _ = run(
        [segment(1, "동맹은 오래된 것이다.")], EchoEngine(breaks, takes_terms=True), memory=memory
    )
    assert (translations["d.b1.s1"].status, translations["d.b1.s1"].text) == (Status.TRANSLATED, LEAGUE)
    mended = EchoEngine(obedient, takes_terms=True)
    translations, _ = run([segment(1, "동맹은 오래된 것이다.")], mended, memory=memory)
    assert translations["d.b1.s1"].text == "The alliance is an old one."
    assert asked(mended) == [("동맹은 오래된 것이다.", ["동맹"])]


def test_what_failed_is_not_asked_for_terms():
    engine = EchoEngine(lambda request, _: "", takes_terms=True)
    translations, statistics = run([segment(1, "동맹은 오래된 것이다.")], engine)
    assert translations["d.b1.s1"].status is Status.FAILED
    assert all(terms == [] for _, terms in asked(engine))
    assert statistics.asked_for_terms == 0


def test_what_follows_in_the_block_sees_the_translation_that_stands():
    engine = EchoEngine(obedient, context_segments=2, batch_size=1, takes_terms=True)
    run([segment(1, "동맹은 오래된 것이다."), segment(2, "오래된 것입니다.")], engine)
    last = engine.calls[-1][0]
    assert last.text == "오래된 것입니다."
    assert [pair.translation for pair in last.context] == ["The alliance is an old one."]


def test_resuming_with_context_and_terms_gives_the_same_as_one_go():
    segments = [
        segment(n, text)
        for n, text in enumerate(["동맹은 오래된 것이다.", "오래된 것입니다.", "나토의 것이라고 합니다."])
    ]
    whole, _ = run(segments, EchoEngine(obedient, context_segments=3, takes_terms=True))
    memory = Memory(None)
    run(segments[:2], EchoEngine(obedient, context_segments=3, takes_terms=True), memory=memory)
    resumed = EchoEngine(obedient, context_segments=3, takes_terms=True)
    assert run(segments, resumed, memory=memory)[0] == whole
    assert {text for text, _ in asked(resumed)} == {"나토의 것이라고 합니다."}


def test_a_term_across_a_wrapped_line_is_asked_for_and_flagged_where_it_stands():
    term = Term("한미 동맹", ("ROK-U.S. alliance",))
    engine = EchoEngine(lambda request, _: LEAGUE, takes_terms=True)
    text = "오래된 한미\n동맹은 그렇다."
    translations, _ = run([segment(1, text)], engine, glossary=Glossary((term,)))
    assert engine.calls[-1][0].terms == (term,)
    (flag,) = translations["d.b1.s1"].flags
    assert text[slice(*flag.source_span)] == "한미\n동맹"


def test_progress_counts_a_segment_once_whatever_it_was_asked():
    seen = []
    translate_segments(
        [segment(1, "동맹은 오래된 것이다."), segment(2, "나토의 것입니다.")],
        engine=EchoEngine(obedient, batch_size=1, takes_terms=True),
        target=ENGLISH,
        memory=Memory(None),
        decoding=Decoding(),
        glossary=GLOSSARY,
        progress=lambda now: seen.append((now.done, now.total)),
    )
    assert seen == [(1, 2), (2, 2)]


# -- with what reviewers said ------------------------------------------------------------------------------


def said(verdict, translation, *, before=None, refused=()):
    review = Review(verdict, "Kim", "2026-11-25T12:00:00Z", before, "", "echo", "echo@0")
    text = "동맹은 오래된 것이다."
    return ReviewEntry("d.b1.s1", "d", text, "ko", "en", translation, review, refused, None)


def test_a_reviewers_text_is_not_asked_for_terms_but_checked_for_them():
    memory = Memory(None)
    memory.put_reviews([said(Verdict.EDITED, "The league is old.")])
    engine = EchoEngine(obedient, takes_terms=True)
    translations, statistics = run([segment(1, "동맹은 오래된 것이다.")], engine, memory=memory)
    assert asked(engine) == []
    assert translations["d.b1.s1"].text == "The league is old."
    assert [name for name, _ in flags(translations["d.b1.s1"])] == ["glossary"]
    assert (statistics.from_review, statistics.asked_for_terms) == (1, 0)


def test_an_answer_with_terms_that_a_reviewer_rejected_does_not_stand():
    memory = Memory(None)
    refused = "The alliance is an old one."
    memory.put_reviews([said(Verdict.REJECTED, None, before=refused, refused=(refused,))])
    engine = EchoEngine(obedient, takes_terms=True)
    segments = [segment(1, "동맹은 오래된 것이다.")]
    translations, _ = run(segments, engine, memory=memory)
    assert translations["d.b1.s1"].text == LEAGUE
    assert [name for name, _ in flags(translations["d.b1.s1"])] == ["glossary", "redone"]
    # The refusal and its remainder are remembered; without the review the answer with the term stands.
    silent = EchoEngine(lambda request, _: pytest.fail("asked the model"), takes_terms=True)
    assert run(segments, silent, memory=memory)[0] == translations
    memory.forget_reviews(memory.reviews([segments[0].text], "en"))
    assert run(segments, engine, memory=memory)[0]["d.b1.s1"].text == refused


@pytest.mark.parametrize("missed", [True, False])
def test_the_context_after_a_reviewed_segment_is_what_the_model_said_with_its_terms(missed):
    memory = Memory(None)
    segments = [segment(1, "동맹은 오래된 것이다."), segment(2, "나토의 것입니다.")]

    def answer(request, _):
        return LEAGUE if missed and not request.terms else "The alliance and NATO are old."

    first, _ = run(segments, EchoEngine(answer, takes_terms=True, context_segments=1), memory=memory)
    memory.put_reviews([said(Verdict.EDITED, "Written.", before=first["d.b1.s1"].text)])
    silent = EchoEngine(
        lambda request, _: pytest.fail("asked the model"), takes_terms=True, context_segments=1
    )
    second, statistics = run(segments, silent, memory=memory)
    assert second["d.b1.s1"].text == "Written."
    assert second["d.b1.s2"] == first["d.b1.s2"]
    assert (statistics.from_review, statistics.from_memory) == (1, 1)

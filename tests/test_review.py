"""Corrections on their way back: read, merged, applied to a run folder and a memory, counted, taken back."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from report_samples import ATTACKS
from review_samples import (
    AT,
    ENGLISH,
    LATER,
    RUN,
    SOURCES,
    correction,
    lines,
    records,
    write_corrections,
    write_review_run,
)
from sacrebleu.metrics import CHRF, TER

from mtalign.cli.main import cli, main
from mtalign.document import Link, Verdict
from mtalign.embed import load_embedder
from mtalign.errors import DocumentError
from mtalign.job.links import change_links
from mtalign.memory import Memory
from mtalign.records import run_id
from mtalign.review import (
    Conflict,
    Correction,
    Corrections,
    dump_corrections,
    plan_corrections,
    read_corrections,
)
from mtalign.review.merge import merge_segment


@cache
def embedder():
    """The real encoder, loaded once for all tests of a process."""
    return load_embedder()


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr("mtalign.embed.load_embedder", embedder)
    monkeypatch.setenv("MTALIGN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return write_review_run(tmp_path / "run")


def review(*arguments):
    return CliRunner().invoke(
        cli, ["review", *map(str, arguments)], catch_exceptions=False, standalone_mode=False
    )


def failing(capsys, *arguments):
    """Exit code and output of a call that ends in one line of error."""
    with pytest.raises(SystemExit) as caught:
        main(["review", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    return caught.value.code, out, err


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


# -- apply -----------------------------------------------------------------------------------------------


def test_an_edit_stands_in_every_output_with_who_and_when(run, tmp_path):
    before = lines(run)["1.b1.s3"]
    edited = correction(
        "1.b1.s3", "edited", text="The prime minister said it.", comment="총리 = prime minister"
    )
    result = review("apply", run, write_corrections(tmp_path / "c.json", edited))
    assert result.return_value == 0
    line = lines(run)["1.b1.s3"]
    assert (line["translation"], line["status"]) == ("The prime minister said it.", "translated")
    assert (line["engine"], line["model"], line["score"]) == ("person", "", None)
    assert line["review"] == {
        "verdict": "edited",
        "by": "Kim",
        "at": AT,
        "before": ENGLISH["1.b1.s3"],
        "comment": "총리 = prime minister",
        "engine": "llamacpp",
        "model": "qwen@cc324af070c2",
        "segment": "",
    }
    # What was computed on the old text does not stand beside the new one; quality is estimated anew.
    assert (line["words"], line["terms"], line["flags"]) == ([], [], [])
    assert 0 < line["quality"] < 1
    assert line["quality"] != before["quality"]
    assert line["link"]["target"] == ["1.b1.s3"]
    assert line["link"]["score"] != 0.75
    english = (run / "one" / "one.en.txt").read_bytes().decode()
    assert english.startswith(
        f"{ENGLISH['1.b1.s1']} {ENGLISH['1.b1.s2']} The prime minister said it.\r\n\r\n"
    )
    assert english.endswith('{"a": 1}\r\n')
    for name in ("segments.tsv", "segments.tmx", "segments.xlf", "index.html"):
        content = (run / "one" / name).read_text(encoding="utf-8")
        assert "The prime minister said it." in content, name
    assert "Kim" in (run / "one" / "segments.tsv").read_text(encoding="utf-8")
    assert "1 edited" in (run / "summary.md").read_text(encoding="utf-8")


def test_an_accepted_segment_keeps_everything_and_is_marked_reviewed(run, tmp_path):
    before = lines(run)["1.b1.s1"]
    review("apply", run, write_corrections(tmp_path / "c.json", correction("1.b1.s1", "accepted")))
    after = lines(run)["1.b1.s1"]
    assert after.pop("review")["verdict"] == "accepted"
    del before["review"]
    assert after == before


def test_a_rejected_segment_is_failed_with_the_reason_everywhere(run, tmp_path):
    rejected = correction("1.b1.s2", "rejected", comment="drops\nthe verb")
    review("apply", run, write_corrections(tmp_path / "c.json", rejected))
    line = lines(run)["1.b1.s2"]
    assert (line["status"], line["translation"]) == ("failed", None)
    assert line["failure"] == "rejected by Kim: drops the verb"
    assert line["link"] is None
    assert line["review"]["before"] == ENGLISH["1.b1.s2"]
    english = (run / "one" / "one.en.txt").read_bytes().decode()
    assert "[[not translated: 1.b1.s2: rejected by Kim: drops the verb]]" in english
    assert ENGLISH["1.b1.s2"] not in english
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["inputs"][0]["status"] == {"translated": 2, "kept": 0, "skipped": 1, "failed": 2}


def test_a_failed_segment_gets_the_text_that_a_reviewer_wrote(run, tmp_path):
    review(
        "apply", run, write_corrections(tmp_path / "c.json", correction("1.b2.s1", "edited", text="Hello."))
    )
    line = lines(run)["1.b2.s1"]
    assert (line["status"], line["translation"], line["failure"]) == ("translated", "Hello.", None)
    assert line["review"]["before"] is None
    assert "not translated" not in (run / "one" / "one.en.txt").read_bytes().decode()


def test_a_comment_alone_changes_nothing_but_the_comment(run, tmp_path):
    before = lines(run)["1.b1.s1"]
    review("apply", run, write_corrections(tmp_path / "c.json", correction("1.b1.s1", None, comment="Nice.")))
    after = lines(run)["1.b1.s1"]
    noted = after.pop("review")
    assert (noted["verdict"], noted["comment"]) == (None, "Nice.")
    del before["review"]
    assert after == before


def test_applying_twice_changes_nothing_more(run, tmp_path):
    path = write_corrections(
        tmp_path / "c.json",
        correction("1.b1.s1", "accepted", comment="good"),
        correction("1.b1.s2", "rejected", comment="bad"),
        correction("1.b1.s3", "edited", text="The prime minister said it."),
        correction("1.b2.s1", None, comment="hm"),
        beads=[
            {
                "document": "one",
                "source": ["1.b1.s1", "1.b1.s2"],
                "target": ["1.b1.s1"],
                "by": "Kim",
                "at": AT,
            }
        ],
    )
    assert "5 applied, 0 applied before" in review("apply", run, path).output
    first = snapshot(run)
    again = review("apply", run, path)
    assert "0 applied, 5 applied before" in again.output
    assert again.return_value == 0
    assert snapshot(run) == first


def test_a_dry_run_says_it_all_and_touches_nothing(run, tmp_path):
    path = write_corrections(
        tmp_path / "c.json",
        correction("1.b1.s1", "accepted"),
        correction("1.b1.s3", "edited", text="New."),
        correction("1.b9.s9", "accepted"),
    )
    before = snapshot(tmp_path)
    result = review("apply", run, path, "--dry-run")
    assert snapshot(tmp_path) == before
    assert "2 would be applied" in result.output
    assert "1.b9.s9" in result.output
    assert result.return_value == 3


def test_what_has_changed_since_is_left_out_and_the_rest_is_applied(run, tmp_path):
    path = write_corrections(
        tmp_path / "c.json",
        correction("1.b1.s1", "edited", text="Japan is an archipelago."),
        correction("1.b1.s2", "edited", text="x", before="An older translation."),
        correction("1.b1.s3", "accepted", source="옛 문장."),
        correction("1.b2.s7", "accepted"),
        correction("7.b1.s1", "accepted", document="seven"),
    )
    result = review("apply", run, path)
    assert result.return_value == 3
    assert "left out: 1.b1.s2 (" in result.output
    assert f"saw: An older translation.\n    now: {ENGLISH['1.b1.s2']}" in result.output
    assert "its source has changed since" in result.output
    assert "one has no segment 1.b2.s7" in result.output
    assert "the run has no document seven" in result.output
    assert "c.json, by Kim" in result.output
    found = lines(run)
    assert found["1.b1.s1"]["translation"] == "Japan is an archipelago."
    assert found["1.b1.s2"]["review"] is None
    assert found["1.b1.s3"]["review"] is None


def test_json_says_the_same(run, tmp_path):
    path = write_corrections(
        tmp_path / "c.json",
        correction("1.b1.s1", "accepted"),
        correction("1.b1.s2", "accepted", before="old"),
    )
    value = json.loads(review("apply", run, path, "--json").output)
    assert value["documents"]["one"]["accepted"] == 1
    assert [(p["segment"], p["saw"]) for p in value["left_out"]] == [("1.b1.s2", "old")]


def test_another_runs_corrections_are_refused_until_any_run_takes_what_fits(run, tmp_path, capsys):
    path = write_corrections(
        tmp_path / "c.json",
        correction("1.b1.s1", "accepted"),
        correction("1.b1.s2", "accepted", source="다른 문장."),
        run="0123456789abcdef",
    )
    before = snapshot(run)
    code, _, error = failing(capsys, "apply", run, path)
    assert code == 2
    assert "0123456789abcdef" in error
    assert RUN in error
    assert "1 of its 2 corrections" in error
    assert snapshot(run) == before
    assert review("apply", run, path, "--any-run").return_value == 3
    assert lines(run)["1.b1.s1"]["review"]["verdict"] == "accepted"


def test_a_run_of_before_run_ids_is_recognised_by_its_segments(run, tmp_path):
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    del manifest["run"]
    (run / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    review("apply", run, write_corrections(tmp_path / "c.json", correction("1.b1.s1", "accepted")))
    assert json.loads((run / "manifest.json").read_text(encoding="utf-8"))["run"] == RUN


def test_scores_of_older_texts_say_so_once(run, tmp_path):
    review("apply", run, write_corrections(tmp_path / "a.json", correction("1.b1.s1", "accepted")))
    assert "scored before" not in (run / "scores.json").read_text(encoding="utf-8")
    for number, text in enumerate(("Japan is an archipelago.", "Japan is islands.")):
        at = f"2026-11-25T12:0{number}:00Z"
        edited = correction("1.b1.s1", "edited", text=text, at=at)
        review("apply", run, write_corrections(tmp_path / "b.json", edited))
    (entry,) = json.loads((run / "scores.json").read_text(encoding="utf-8"))["documents"]
    assert entry["note"].count("scored before reviewers' corrections") == 1
    assert "scored before reviewers" in (run / "index.html").read_text(encoding="utf-8")


def test_a_verdict_of_older_texts_does_not_stand_until_it_is_checked_again(run, tmp_path):
    def gate():
        return json.loads((run / "scores.json").read_text(encoding="utf-8"))["gate"]

    CliRunner().invoke(cli, ["check", str(run)])
    assert gate() is not None
    assert (run / "junit.xml").is_file()
    edited = correction("1.b1.s1", "edited", text="Japan is an archipelago of islands.")
    review("apply", run, write_corrections(tmp_path / "c.json", edited))
    assert gate() is None
    assert not (run / "junit.xml").exists()
    CliRunner().invoke(cli, ["check", str(run)])
    assert gate()["schema"] == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_the_english_document_keeps_its_encoding(tmp_path, monkeypatch, encoding):
    monkeypatch.setenv("MTALIGN_HOME", str(tmp_path / "home"))
    run = write_review_run(tmp_path / "run", encoding)
    before = (run / "one" / "one.en.txt").read_bytes()
    review("apply", run, write_corrections(tmp_path / "c.json", correction("1.b1.s1", "accepted")))
    assert (run / "one" / "one.en.txt").read_bytes() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_one_line(run, tmp_path, capsys):
    path = write_corrections(tmp_path / "c.json", correction("1.b1.s1", "accepted"))
    (run / "one").chmod(0o500)
    code, _, error = failing(capsys, "apply", run, path)
    (run / "one").chmod(0o700)
    assert (code, "cannot write" in error) == (1, True)


# -- what comes after an applied review ------------------------------------------------------------------


def test_the_same_reviewer_may_think_again_on_the_same_page(run, tmp_path):
    review("apply", run, write_corrections(tmp_path / "a.json", correction("1.b1.s1", "edited", text="One.")))
    second = correction("1.b1.s1", "edited", text="Two.", at=LATER)
    assert review("apply", run, write_corrections(tmp_path / "b.json", second)).return_value == 0
    line = lines(run)["1.b1.s1"]
    assert (line["translation"], line["review"]["before"]) == ("Two.", ENGLISH["1.b1.s1"])
    # The older file again does not bring the older text back.
    review("apply", run, tmp_path / "a.json")
    assert lines(run)["1.b1.s1"]["translation"] == "Two."


def test_another_reviewer_of_the_same_page_is_in_conflict_with_what_was_applied(run, tmp_path, capsys):
    review("apply", run, write_corrections(tmp_path / "a.json", correction("1.b1.s1", "edited", text="One.")))
    other = correction("1.b1.s1", "edited", text="Two.", by="Lee", at=LATER)
    path = write_corrections(tmp_path / "b.json", other)
    code, out, error = failing(capsys, "apply", run, path)
    assert code == 1
    assert "Kim (applied" in out
    assert "edited: One." in out
    assert "edited: Two." in out
    assert "--prefer" in error
    assert lines(run)["1.b1.s1"]["translation"] == "One."
    review("apply", run, path, "--prefer", "Lee")
    assert lines(run)["1.b1.s1"]["translation"] == "Two."


def test_a_second_pass_on_the_new_page_follows_up_on_the_first(run, tmp_path):
    review("apply", run, write_corrections(tmp_path / "a.json", correction("1.b1.s1", "edited", text="One.")))
    second = correction("1.b1.s1", "edited", text="Two.", before="One.", by="Lee", at=LATER, comment="better")
    assert review("apply", run, write_corrections(tmp_path / "b.json", second)).return_value == 0
    line = lines(run)["1.b1.s1"]
    assert (line["translation"], line["review"]["by"]) == ("Two.", "Lee")
    # Measured against the machine, not against the first reviewer.
    assert line["review"]["before"] == ENGLISH["1.b1.s1"]


def test_accepting_a_reviewers_text_signs_it(run, tmp_path):
    review("apply", run, write_corrections(tmp_path / "a.json", correction("1.b1.s1", "edited", text="One.")))
    second = correction("1.b1.s1", "accepted", before="One.", by="Lee", at=LATER)
    review("apply", run, write_corrections(tmp_path / "b.json", second))
    line = lines(run)["1.b1.s1"]
    assert (line["engine"], line["review"]["verdict"], line["review"]["by"]) == (
        "person",
        "edited",
        "Kim & Lee",
    )


def test_a_comment_on_a_reviewers_text_leaves_it_standing(run, tmp_path):
    review("apply", run, write_corrections(tmp_path / "a.json", correction("1.b1.s1", "edited", text="One.")))
    for by in ("Kim", "Lee"):
        note = correction("1.b1.s1", None, before="One.", by=by, at=LATER, comment="sure?")
        review("apply", run, write_corrections(tmp_path / "b.json", note))
    line = lines(run)["1.b1.s1"]
    assert (line["translation"], line["review"]["verdict"]) == ("One.", "edited")
    assert line["review"]["comment"] == "Kim: sure?\nLee: sure?"


def test_a_rejected_segment_can_be_given_a_text_later(run, tmp_path):
    review("apply", run, write_corrections(tmp_path / "a.json", correction("1.b1.s1", "rejected")))
    later = correction("1.b1.s1", "edited", before=None, text="One.", by="Lee", at=LATER)
    assert review("apply", run, write_corrections(tmp_path / "b.json", later)).return_value == 0
    line = lines(run)["1.b1.s1"]
    assert (line["status"], line["translation"], line["review"]["before"]) == (
        "translated",
        "One.",
        ENGLISH["1.b1.s1"],
    )


def test_nobody_can_accept_what_is_not_there(run, tmp_path):
    result = review("apply", run, write_corrections(tmp_path / "a.json", correction("1.b2.s1", "accepted")))
    assert result.return_value == 3
    assert "there was no translation" in result.output
    assert lines(run)["1.b2.s1"]["status"] == "failed"


def test_data_can_be_accepted_and_stays_data(run, tmp_path):
    assert (
        review(
            "apply", run, write_corrections(tmp_path / "a.json", correction("1.b3.s1", "accepted"))
        ).return_value
        == 0
    )
    line = lines(run)["1.b3.s1"]
    assert (line["status"], line["translation"], line["review"]["verdict"]) == ("skipped", None, "accepted")


# -- beads -----------------------------------------------------------------------------------------------


def bead(source, target, **values):
    return {"document": "one", "source": source, "target": target, "by": "Kim", "at": AT} | values


def test_a_merged_bead_holds_both_segments_and_what_is_left_stands_alone(run, tmp_path):
    path = write_corrections(tmp_path / "c.json", beads=[bead(["1.b1.s1", "1.b1.s2"], ["1.b1.s1"])])
    assert review("apply", run, path).return_value == 0
    found = lines(run)
    merged = {"source": ["1.b1.s1", "1.b1.s2"], "target": ["1.b1.s1"], "score": None}
    assert found["1.b1.s1"]["link"] == found["1.b1.s2"]["link"] == merged
    assert found["1.b1.s3"]["link"]["score"] == 0.75
    split = [bead(["1.b1.s1"], ["1.b1.s1"], at=LATER), bead(["1.b1.s2"], [], at=LATER)]
    review("apply", run, write_corrections(tmp_path / "d.json", beads=split))
    assert lines(run)["1.b1.s2"]["link"] == {"source": ["1.b1.s2"], "target": [], "score": 0.0}
    assert "0 applied, 2 applied before" in review("apply", run, tmp_path / "d.json").output


def test_a_bead_of_an_unknown_segment_is_left_out(run, tmp_path):
    path = write_corrections(tmp_path / "c.json", beads=[bead(["1.b1.s1", "1.b8.s1"], ["1.b1.s1"])])
    result = review("apply", run, path)
    assert result.return_value == 3
    assert "its bead is left out: one has no segment 1.b8.s1" in result.output


def test_reviewers_that_set_different_beads_are_in_conflict(run, tmp_path, capsys):
    one = write_corrections(tmp_path / "a.json", beads=[bead(["1.b1.s1", "1.b1.s2"], ["1.b1.s1"])])
    other = write_corrections(
        tmp_path / "b.json", beads=[bead(["1.b1.s2", "1.b1.s3"], ["1.b1.s2"], by="Lee", at=LATER)]
    )
    code, out, _ = failing(capsys, "apply", run, one, other)
    assert (code, "bead 1.b1.s1 1.b1.s2 : 1.b1.s1" in out) == (1, True)
    review("apply", run, one, other, "--prefer", "newest")
    assert lines(run)["1.b1.s3"]["link"]["source"] == ["1.b1.s2", "1.b1.s3"]


def test_change_links_leaves_what_no_new_bead_names():
    links = [Link(("a", "b"), ("x",), 0.5), Link(("c",), ("y",), 0.6), Link(("d",), ("z",), 0.7)]
    changed = change_links(links, [Link(("a",), ("x",), None), Link(("c",), ("z",), None)])
    assert changed == [
        Link(("a",), ("x",), None),
        Link(("c",), ("z",), None),
        Link(("b",), (), 0.0),
        Link((), ("y",), 0.0),
        Link(("d",), (), 0.0),
    ]


# -- several reviewers -----------------------------------------------------------------------------------


def test_the_same_outcome_is_one_and_comments_are_joined(run, tmp_path):
    kim = correction("1.b1.s1", "edited", text="Japan is an archipelago.", comment="islands")
    lee = kim | {"by": "Lee", "at": LATER, "comment": "agreed", "text": "Japan is an archipelago.\n"}
    zoe = correction("1.b1.s1", None, by="Zoe", comment="fine with me")
    paths = [
        write_corrections(tmp_path / f"{number}.json", one) for number, one in enumerate((kim, lee, zoe))
    ]
    assert "1 applied" in review("apply", run, *paths).output
    line = lines(run)["1.b1.s1"]
    assert (line["review"]["by"], line["review"]["at"]) == ("Kim & Lee", LATER)
    assert line["review"]["comment"] == "Kim: islands\nLee: agreed\nZoe: fine with me"
    assert "1 edited. By Kim, Lee." in (run / "summary.md").read_text(encoding="utf-8")
    for path in paths:
        assert "0 applied, 1 applied before" in review("apply", run, path).output
    assert lines(run)["1.b1.s1"] == line


def test_different_outcomes_are_shown_with_both_and_nothing_is_changed(run, tmp_path, capsys):
    kim = write_corrections(
        tmp_path / "kim.json",
        correction("1.b1.s1", "edited", text="One."),
        correction("1.b1.s2", "accepted"),
    )
    lee = write_corrections(
        tmp_path / "lee.json", correction("1.b1.s1", "rejected", by="Lee", at=LATER, comment="no")
    )
    before = snapshot(run)
    code, out, error = failing(capsys, "apply", run, kim, lee)
    assert code == 1
    assert "conflict: 1.b1.s1 in one" in out
    assert f"Kim ({kim}, {AT}): edited: One." in out
    assert f"Lee ({lee}, {LATER}): rejected (no)" in out
    assert "nothing was changed" in error
    assert snapshot(run) == before
    assert (
        not (tmp_path / "home" / "memory.sqlite").exists()
        or memory_of(tmp_path).reviews(SOURCES.values(), "en") == []
    )


@pytest.mark.parametrize(
    ("prefer", "english"), [("Kim", "One."), ("Lee", None), ("newest", None), ("Nobody", "conflict")]
)
def test_prefer_takes_one_side(run, tmp_path, prefer, english):
    kim = write_corrections(tmp_path / "kim.json", correction("1.b1.s1", "edited", text="One."))
    lee = write_corrections(tmp_path / "lee.json", correction("1.b1.s1", "rejected", by="Lee", at=LATER))
    plan = plan_corrections(run, [read_corrections(kim), read_corrections(lee)], prefer=prefer)
    if english == "conflict":
        assert [c.segment for c in plan.conflicts] == ["1.b1.s1"]
    else:
        assert not plan.conflicts
        assert plan.records["one"][0].translation.text == english


def test_merge_writes_a_file_that_apply_takes(run, tmp_path):
    kim = write_corrections(
        tmp_path / "kim.json",
        correction("1.b1.s1", "edited", text="One.", comment="a"),
        beads=[bead(["1.b1.s1", "1.b1.s2"], ["1.b1.s1"])],
    )
    lee = write_corrections(
        tmp_path / "lee.json",
        correction("1.b1.s1", "edited", text="One.", by="Lee", comment="b"),
        correction("1.b1.s2", "accepted", by="Lee"),
        reviewer="Lee",
    )
    merged = tmp_path / "merged.json"
    assert "2 corrections, 1 beads" in review("merge", kim, lee, "-o", merged).output
    value = json.loads(merged.read_text(encoding="utf-8"))
    assert (value["run"], value["reviewer"]) == (RUN, "Kim & Lee")
    assert [one["comment"] for one in value["corrections"]] == ["Kim: a\nLee: b", ""]
    # Merging again with a part of itself changes nothing.
    assert json.loads(review("merge", merged, kim).output) == value
    assert review("apply", run, merged).return_value == 0
    assert lines(run)["1.b1.s1"]["review"]["by"] == "Kim & Lee"


def test_merge_refuses_files_of_different_runs_and_shows_conflicts(run, tmp_path, capsys):
    kim = write_corrections(tmp_path / "kim.json", correction("1.b1.s1", "edited", text="One."))
    lee = write_corrections(tmp_path / "lee.json", correction("1.b1.s1", "accepted", by="Lee"))
    other = write_corrections(tmp_path / "other.json", run="f" * 16)
    assert failing(capsys, "merge", kim, other)[0] == 2
    code, out, error = failing(capsys, "merge", kim, lee, "-o", tmp_path / "m.json")
    assert (code, "conflict: 1.b1.s1" in out, "nothing was written" in error) == (1, True, True)
    assert not (tmp_path / "m.json").exists()


CORRECTIONS = st.builds(
    Correction,
    segment=st.just("s"),
    document=st.just("d"),
    source=st.just("a"),
    before=st.just("b"),
    verdict=st.sampled_from([None, Verdict.ACCEPTED, Verdict.REJECTED]),
    text=st.none(),
    comment=st.sampled_from(["", "x", "y", "note: z"]),
    by=st.sampled_from(["Kim", "Lee", "Zoe"]),
    at=st.sampled_from([AT, LATER]),
)


@given(st.lists(CORRECTIONS, min_size=1, max_size=5))
def test_merging_is_idempotent_and_prefer_newest_always_decides(corrections):
    merged = merge_segment(corrections, "newest")
    assert not isinstance(merged, Conflict)
    assert merge_segment([merged], "newest") == merged
    again = merge_segment([merged, *corrections], "newest")
    assert not isinstance(again, Conflict)
    assert (again.outcome, again.at) == (merged.outcome, merged.at)


# -- files that are not what they should be --------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        ("", 1, "is empty"),
        ('{"schema": 1', 1, "is not JSON"),
        ("[" * 100_000, 1, "nested too deep"),
        ('{"schema": 1, "inputs": []}', 2, "is not a corrections file"),
        ("[]", 2, "is not a corrections file"),
        ('{"schema": 2, "kind": "mtalign corrections"}', 1, "schema 2"),
        ('{"schema": 1, "kind": "mtalign corrections", "run": "x"}', 1, "'corrections' is missing"),
        (b"\xff\xfe\x00", 1, "is not UTF-8"),
    ],
)
def test_a_file_that_is_no_corrections_file_is_one_line(run, tmp_path, capsys, content, code, says):
    path = tmp_path / "c.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found, _, error = failing(capsys, "apply", run, path)
    assert (found, says in error) == (code, True), error


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"verdict": "edited"}, "'text' is missing"),
        ({"verdict": "edited", "text": " \n"}, "blank"),
        ({"verdict": "perhaps"}, "'perhaps' is not a verdict"),
        ({"before": 7}, "'before'"),
        ({"comment": None}, "'comment' is not a text"),
        ({"at": "yesterday"}, "is not a time"),
        ({"at": "2026-11-25T11:58:03"}, "no time zone"),
        ({"verdict": "edited", "text": "a\x00b"}, "U+0000"),
        ({"verdict": "edited", "text": "a\ud800b"}, "U+D800"),
        ({"by": "a\x1b[31m"}, "U+001B"),
    ],
)
def test_a_damaged_entry_is_named_and_nothing_is_applied(run, tmp_path, capsys, values, says):
    path = tmp_path / "c.json"
    write_corrections(path, correction("1.b1.s2", "accepted"))
    value = json.loads(path.read_text(encoding="utf-8"))
    value["corrections"].append(correction("1.b1.s1", "accepted") | values)
    path.write_text(json.dumps(value), encoding="utf-8")
    before = snapshot(run)
    code, _, error = failing(capsys, "apply", run, path)
    assert code == 1
    assert "correction 2 (1.b1.s1)" in error
    assert says in error
    assert snapshot(run) == before


def test_an_id_in_two_beads_is_damage(tmp_path):
    path = write_corrections(tmp_path / "c.json", beads=[bead(["a"], ["x"]), bead(["a"], ["y"])])
    with pytest.raises(DocumentError, match="a is in two beads"):
        read_corrections(path)


def test_an_edit_that_changed_nothing_is_an_acceptance(tmp_path):
    path = write_corrections(tmp_path / "c.json", correction("1.b1.s1", "edited", text=ENGLISH["1.b1.s1"]))
    (one,) = read_corrections(path).corrections
    assert (one.verdict, one.text) == (Verdict.ACCEPTED, None)


def test_times_of_any_zone_and_precision_are_brought_to_utc_seconds(tmp_path):
    given = ["2026-11-25T11:58:03.5Z", "2026-11-25T12:58:03+01:00", "2026-11-25T11:58:03.123456Z"]
    path = write_corrections(tmp_path / "c.json", *(correction("1.b1.s1", "accepted", at=at) for at in given))
    assert {one.at for one in read_corrections(path).corrections} == {AT}


def test_what_merge_writes_reads_back_as_it_was(tmp_path):
    attacks = [correction("1.b1.s1", None, source=attack, before=attack, comment="c") for attack in ATTACKS]
    written = read_corrections(write_corrections(tmp_path / "c.json", *attacks))
    (tmp_path / "d.json").write_bytes(dump_corrections(written))
    back = read_corrections(tmp_path / "d.json")
    assert [(one.source, one.before) for one in back.corrections] == [(a, a) for a in ATTACKS]
    half = Corrections(RUN, (Correction("s", "d", "a\ud800", None, None, None, "", "", AT),))
    (tmp_path / "e.json").write_bytes(dump_corrections(half))
    assert read_corrections(tmp_path / "e.json").corrections[0].source == "a\ud800"


def test_escape_sequences_of_a_document_reach_no_terminal(run, tmp_path):
    stale = correction("1.b1.s1", "accepted", before="\x1b[31mred")
    result = review("apply", run, write_corrections(tmp_path / "c.json", stale))
    assert "\x1b" not in result.output
    assert "␛[31mred" in result.output


# -- the memory ------------------------------------------------------------------------------------------


def memory_of(tmp_path) -> Memory:
    return Memory(tmp_path / "home" / "memory.sqlite")


def test_the_memory_knows_who_said_what_and_when(run, tmp_path):
    review(
        "apply",
        run,
        write_corrections(
            tmp_path / "c.json",
            correction("1.b1.s1", "accepted"),
            correction("1.b1.s2", "rejected", comment="no"),
            correction("1.b1.s3", "edited", text="He said it."),
        ),
    )
    with memory_of(tmp_path) as memory:
        found = {entry.segment_id: entry for entry in memory.reviews(SOURCES.values(), "en")}
    assert {i: e.translation for i, e in found.items()} == {
        "1.b1.s1": ENGLISH["1.b1.s1"],
        "1.b1.s2": None,
        "1.b1.s3": "He said it.",
    }
    assert found["1.b1.s2"].refused == (ENGLISH["1.b1.s2"],)
    assert {(e.review.by, e.review.at, e.source_lang) for e in found.values()} == {("Kim", AT, "ko")}
    assert found["1.b1.s1"].score == -0.25
    assert found["1.b1.s3"].score is None


def test_no_memory_changes_the_folder_alone(run, tmp_path):
    path = write_corrections(tmp_path / "c.json", correction("1.b1.s1", "accepted"))
    review("apply", run, path, "--no-memory")
    assert not (tmp_path / "home").exists()
    assert lines(run)["1.b1.s1"]["review"]["by"] == "Kim"


def test_rejecting_a_reviewers_text_refuses_the_models_text_too(run, tmp_path):
    review("apply", run, write_corrections(tmp_path / "a.json", correction("1.b1.s1", "edited", text="One.")))
    rejected = correction("1.b1.s1", "rejected", before="One.", by="Lee", at=LATER)
    assert review("apply", run, write_corrections(tmp_path / "b.json", rejected)).return_value == 0
    assert lines(run)["1.b1.s1"]["review"]["engine"] == "person"
    with memory_of(tmp_path) as memory:
        (entry,) = memory.reviews([SOURCES["1.b1.s1"]], "en")
    assert set(entry.refused) == {"One.", ENGLISH["1.b1.s1"]}


def test_a_memory_that_is_no_database_stops_before_the_folder_is_touched(run, tmp_path, capsys):
    (tmp_path / "m.sqlite").write_bytes(b"not a database, but long enough to look like a file" * 100)
    before = snapshot(run)
    path = write_corrections(tmp_path / "c.json", correction("1.b1.s1", "accepted"))
    code, _, error = failing(capsys, "apply", run, path, "--memory", tmp_path / "m.sqlite")
    assert (code, "--memory" in error) == (1, True)
    assert snapshot(run) == before


# -- undo ------------------------------------------------------------------------------------------------


def test_undo_brings_back_what_the_reviewer_saw_and_forgets_the_rest(run, tmp_path):
    before, english = lines(run), (run / "one" / "one.en.txt").read_bytes()
    review(
        "apply",
        run,
        write_corrections(
            tmp_path / "c.json",
            correction("1.b1.s1", "accepted"),
            correction("1.b1.s2", "rejected"),
            correction("1.b1.s3", "edited", text="He said it."),
        ),
    )
    result = review("undo", run, "--by", "Kim")
    assert result.output == "1.b1.s1\n1.b1.s2\n1.b1.s3\n"
    after = lines(run)
    for identifier in SOURCES:
        for key in ("translation", "status", "engine", "model", "review"):
            assert after[identifier][key] == before[identifier][key], (identifier, key)
    assert (run / "one" / "one.en.txt").read_bytes() == english
    with memory_of(tmp_path) as memory:
        assert memory.reviews(SOURCES.values(), "en") == []


def test_undo_of_one_segment_leaves_the_others(run, tmp_path, capsys):
    corrections = [correction(i, "edited", text="New.") for i in ("1.b1.s1", "1.b2.s1")]
    review("apply", run, write_corrections(tmp_path / "c.json", *corrections))
    review("undo", run, "1.b2.s1")
    found = lines(run)
    assert found["1.b1.s1"]["translation"] == "New."
    assert (found["1.b2.s1"]["status"], found["1.b2.s1"]["translation"]) == ("failed", None)
    assert "next run" in found["1.b2.s1"]["failure"]
    for arguments in (["1.b2.s1"], ["1.b9.s9"], ["--by", "Lee"], []):
        assert failing(capsys, "undo", run, *arguments)[0] == 2


# -- statistics ------------------------------------------------------------------------------------------


def test_stats_count_by_document_and_reviewer_with_sacrebleus_figures(run, tmp_path):
    path = write_corrections(
        tmp_path / "c.json",
        correction("1.b1.s1", "accepted", comment="good"),
        correction("1.b1.s2", "rejected", by="Lee"),
        correction("1.b1.s3", "edited", text="The prime minister said so.", by="Lee"),
        correction("1.b2.s1", "edited", text="Hello.", by="Lee"),
    )
    review("apply", run, path)
    rows = json.loads(review("stats", run, "--json").output)
    by = {(row["document"], row["reviewer"]): row for row in rows}
    assert set(by) == {("one", "Kim"), ("one", "Lee"), (None, None)}
    whole = by[(None, None)]
    assert [whole[key] for key in ("accepted", "edited", "rejected", "commented", "compared")] == [
        1,
        2,
        1,
        1,
        2,
    ]
    hypotheses = [ENGLISH["1.b1.s1"], ENGLISH["1.b1.s3"]]
    references = [[ENGLISH["1.b1.s1"], "The prime minister said so."]]
    for tool, found in zip((TER(), CHRF()), whole["metrics"], strict=True):
        expected = tool.corpus_score(hypotheses, references).score
        assert found["score"] == pytest.approx(expected, abs=0.006)
        assert found["signature"] == tool.get_signature().format()
    assert by[("one", "Kim")]["metrics"][0]["score"] == 0
    table = review("stats", run).output
    assert table == review("stats", path).output
    assert "HTER (TER): nrefs:1|case:lc" in table


def test_stats_of_a_run_nobody_reviewed_count_nothing_and_score_nothing(run):
    output = review("stats", run).output
    assert output.split("\n")[1].split() == ["all", "all", "0", "0", "0", "0", "0", "–", "–"]


# -- the run id ------------------------------------------------------------------------------------------


def test_the_run_id_depends_on_folders_ids_and_sources_alone():
    segments = [one.segment for one in records()]
    assert run_id([("one", segments)]) == RUN
    assert len(RUN) == 16
    others = [
        run_id([("two", segments)]),
        run_id([("one", segments[1:])]),
        run_id([("one", segments[::-1])]),
        run_id([("one", segments), ("two", [])]),
        run_id([]),
    ]
    assert len({RUN, *others}) == 6

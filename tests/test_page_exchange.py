"""Handing a review over: exports, imports, two reviewers, and files that are not what they should be."""

from __future__ import annotations

import copy
import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from exchange_schemas import NS, read_tmx, read_xliff
from report_samples import record, write_run
from translate.storage.tmx import tmxfile
from translate.storage.xliff2 import Xliff2File

from mtalign.cli.main import cli
from mtalign.document import Status
from mtalign.report import write_reports


def reviewed(visit: Any, run: Path) -> dict[str, Any]:
    """Accept b2.s1, reject b2.s2, edit b2.s3; the corrections."""
    visit.open(run / "5", "#5.b2.s1")
    visit.press("a", "r", "e")
    visit.page.locator("textarea").fill("It might be <Asia> & more.")
    visit.press("Enter")
    return visit.corrections()


def outcomes(file: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(c["segment"], c["verdict"]) for c in file["corrections"]]


def forget(visit: Any, run: Path, fragment: str = "#5.b2.s1") -> None:
    """The page as another reviewer opens it."""
    visit.page.evaluate("localStorage.clear()")
    visit.open(run / "5", fragment)


def test_the_json_export_says_what_was_seen_and_what_was_decided(visit, review_run):
    file = reviewed(visit, review_run)
    assert {key: file[key] for key in ("schema", "kind", "run", "reviewer")} == {
        "schema": 1,
        "kind": "mtalign corrections",
        "run": "feedfacecafe0001",
        "reviewer": "",
    }
    edited = file["corrections"][2]
    assert {key: edited[key] for key in edited if key != "at"} == {
        "segment": "5.b2.s3",
        "document": "5",
        "source": "可能是亚洲。",
        "before": "It could be Asia.",
        "verdict": "edited",
        "text": "It might be <Asia> & more.",
        "comment": "",
        "by": "",
    }
    assert outcomes(file)[:2] == [("5.b2.s1", "accepted"), ("5.b2.s2", "rejected")]


def test_an_export_can_be_imported_again(visit, review_run):
    file = reviewed(visit, review_run)
    forget(visit, review_run)
    assert visit.corrections()["corrections"] == []
    visit.import_file(file)
    assert visit.notices() == ["kim.json: 3 taken over."]
    again = visit.corrections()
    assert again["corrections"] == file["corrections"]
    visit.import_file(file)
    assert visit.notices()[1] == "kim.json: 3 the same as here."
    visit.press("u")
    assert visit.corrections()["corrections"] == []


def test_two_reviewers_are_merged_and_where_they_differ_both_show(visit, review_run):
    kim = reviewed(visit, review_run)
    lee = copy.deepcopy(kim)
    for file, name in ((kim, "Kim"), (lee, "Lee")):
        file["reviewer"] = name
        for correction in file["corrections"]:
            correction["by"] = name
    lee["corrections"][1] |= {"verdict": "edited", "text": "Japan needs allies."}
    lee["corrections"][0] |= {"comment": "fine"}
    forget(visit, review_run)
    visit.import_file(kim, "kim.json")
    visit.import_file(lee, "lee.json")
    assert visit.notices()[1].startswith("lee.json by Lee: 2 the same as here; 1 conflict with what is here")
    visit.page.get_by_role("link", name="Show the conflicts").click()
    visit.page.locator(".conflict.panel").wait_for()
    assert visit.shown() == ["5.b2.s2"]
    lines = [" ".join(x.split()) for x in visit.page.locator(".conflict.panel p").all_inner_texts()]
    assert lines == [
        "⇄ Two reviewers differ.",
        "Kim: rejected",
        "Lee: Japan needs allies.",
        "Take it t Leave it l",
    ]
    assert visit.corrections()["corrections"][0]["comment"] == "fine"
    assert "1 conflict is not settled" in visit.notices()[-1]
    visit.page.get_by_role("button", name="Take it").click()
    settled = visit.corrections()["corrections"][1]
    assert (settled["verdict"], settled["text"], settled["by"]) == ("edited", "Japan needs allies.", "Lee")
    assert visit.page.locator(".conflict.panel").count() == 0


def test_a_correction_of_a_text_that_changed_since_is_kept_beside_the_new_one(visit, review_run):
    file = reviewed(visit, review_run)
    file["corrections"][2]["before"] = "It may be Asia."
    forget(visit, review_run, "#5.b2.s3")
    visit.import_file(file)
    assert "1 of a text that has changed since" in visit.notices()[0]
    row = visit.row("5.b2.s3")
    assert row.locator(".target > .text").inner_text() == "It could be Asia."
    assert "The English changed since" in row.locator(".stale.panel").inner_text()
    # Nothing is lost on the way out either.
    assert file["corrections"][2] in visit.corrections()["corrections"]
    row.get_by_role("button", name="Take it").click()
    assert row.locator(".target > .text").inner_text() == "It might be <Asia> & more."
    assert row.locator(".stale.panel").count() == 0


def test_work_in_the_browser_on_a_text_that_changed_since_is_told_and_kept(visit, review_run):
    reviewed(visit, review_run)
    visit.page.evaluate(
        """() => {
            const key = Object.keys(localStorage).find((name) => name.endsWith(":5.b2.s3"));
            const entry = JSON.parse(localStorage.getItem(key));
            localStorage.setItem(key, JSON.stringify({ ...entry, before: "It was Asia." }));
        }"""
    )
    visit.open(review_run / "5", "#5.b2.s3")
    assert visit.notices()[0].startswith("1 segment changed since you corrected it")
    assert "It might be <Asia> & more." in visit.row("5.b2.s3").locator(".stale.panel").inner_text()
    assert visit.verdicts("5.b2.s3") == ["text changed"]


GOOD = {
    "schema": 1,
    "kind": "mtalign corrections",
    "run": "feedfacecafe0001",
    "reviewer": "Kim",
    "corrections": [],
}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{", "kim.json is damaged or not a corrections file: it is not JSON."),
        (b"\xff\xfe\x00", "kim.json is damaged or not a corrections file: it is not UTF-8 text."),
        ([1], "kim.json is not a corrections file of mtalign."),
        ({"kind": "else"}, "kim.json is not a corrections file of mtalign."),
        (GOOD | {"schema": 2}, "kim.json has schema 2, this page reads 1"),
        (GOOD | {"corrections": "x"}, "kim.json is damaged: its list of corrections is missing."),
        (GOOD | {"corrections": [{"segment": 1}]}, "kim.json is damaged: correction 1 names no segment."),
        (
            GOOD
            | {
                "corrections": [
                    {"segment": "5.b2.s1", "document": "5", "source": "", "before": "", "verdict": "edited"}
                ]
            },
            "kim.json is damaged: correction 1 is an edit without a text.",
        ),
        (GOOD | {"beads": [{}]}, "kim.json is damaged: bead 1 has no lists of segments."),
    ],
)
def test_a_damaged_or_foreign_file_is_told_in_words_and_nothing_is_lost(visit, review_run, content, told):
    visit.open(review_run / "5", "#5.b2.s1")
    visit.press("a")
    visit.import_file(content)
    (notice,) = visit.notices()
    assert notice.startswith(told)
    assert "Nothing was imported." in notice
    assert outcomes(visit.corrections()) == [("5.b2.s1", "accepted")]


def test_another_runs_corrections_are_told_and_what_fits_can_be_taken(visit, review_run):
    file = reviewed(visit, review_run) | {"run": "0000000000000000"}
    file["corrections"][0]["source"] = "something else"
    forget(visit, review_run)
    visit.import_file(file)
    assert "belongs to another run (0000000000000000; this is feedfacecafe0001)" in visit.notices()[0]
    assert visit.corrections()["corrections"] == []
    visit.page.get_by_role("button", name="Import these").click()
    assert outcomes(visit.corrections()) == [("5.b2.s2", "rejected"), ("5.b2.s3", "edited")]


def test_a_file_dropped_on_the_page_is_imported(visit, review_run):
    file = reviewed(visit, review_run)
    forget(visit, review_run)
    visit.page.evaluate(
        """content => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([content], "kim.json"));
            const options = { dataTransfer, bubbles: true, cancelable: true };
            document.body.dispatchEvent(new DragEvent("drop", options));
        }""",
        json.dumps(file),
    )
    visit.page.locator(".notice").wait_for()
    assert visit.notices() == ["kim.json: 3 taken over."]


def test_what_belongs_elsewhere_is_told_and_what_is_unknown_is_handed_on(visit, review_run):
    file = reviewed(visit, review_run)
    unknown = file["corrections"][0] | {"segment": "5.b99.s1"}
    other = file["corrections"][1] | {"document": "6", "segment": "6.b1.s1"}
    forget(visit, review_run)
    visit.import_file(file | {"corrections": [unknown, other]})
    (told,) = visit.notices()
    assert "1 of segments that this page does not have: set aside" in told
    assert "1 of other documents (6): import the file in their pages too" in told
    assert outcomes(visit.corrections()) == [("5.b99.s1", "accepted")]


def test_the_tsv_export_has_every_segment_with_its_verdict(visit, review_run):
    reviewed(visit, review_run)
    rows = list(
        csv.DictReader(io.StringIO(visit.export("tsv").decode()), delimiter="\t", quoting=csv.QUOTE_NONE)
    )
    assert len(rows) == 30
    by_id = {row["id"]: row for row in rows}
    assert [by_id[f"5.b2.s{n}"]["verdict"] for n in (1, 2, 3, 4)] == ["accepted", "rejected", "edited", ""]
    assert by_id["5.b2.s3"]["corrected"] == "It might be <Asia> & more."
    assert by_id["5.b2.s3"]["translation"] == "It could be Asia."


def test_the_tmx_export_is_valid_and_holds_the_reviewed_english(visit, review_run):
    visit.open(review_run / "5")
    visit.sign("Kim")
    reviewed(visit, review_run)
    content = visit.export("tmx")
    tree = read_tmx(content)
    units = {tu.get("tuid"): [seg.text for seg in tu.iter("seg")] for tu in tree.iter("tu")}
    assert units["5.b2.s3"] == ["可能是亚洲。", "It might be <Asia> & more."]
    assert "5.b2.s2" not in units
    assert not units.keys() & {"5.b6.s1", "5.b6.s2", "5.b7.s1"}
    # A bead is one unit.
    assert units["5.b3.s1"] == ["可能是亚洲。他们在2022年会面。", "It could be Asia."]
    assert "5.b3.s2" not in units
    signed = {tu.get("tuid"): tu.findall("tuv")[1].get("changeid") for tu in tree.iter("tu")}
    assert (signed["5.b2.s3"], signed["5.b2.s5"]) == ("Kim", None)
    store = tmxfile.parsestring(content)
    assert ("可能是亚洲。", "It might be <Asia> & more.") in [(u.source, u.target) for u in store.units]


def test_the_xliff_export_is_valid_and_holds_states_and_languages(visit, review_run):
    reviewed(visit, review_run)
    content = visit.export("xliff")
    tree = read_xliff(content)
    assert (tree.get("version"), tree.get("srcLang"), tree.get("trgLang")) == ("2.1", "zh", "en")
    units = {unit.get("id"): unit for unit in tree.iterfind(".//x:unit", NS)}
    assert units["5.b2.s1"].find("x:segment", NS).get("state") == "reviewed"
    assert units["5.b2.s5"].find("x:segment", NS).get("state") == "translated"
    assert units["5.b2.s3"].findtext(".//x:target", namespaces=NS) == "It might be <Asia> & more."
    assert "5.b2.s2" not in units
    # The one Arabic segment of a Chinese document says so.
    languages = {
        i: unit.xpath("string(.//m:meta[@type='source-lang'])", namespaces=NS) for i, unit in units.items()
    }
    assert {i: language for i, language in languages.items() if language} == {"5.b1.s2": "ar"}
    store = Xliff2File.parsestring(content)
    assert ("可能是亚洲。", "It might be <Asia> & more.") in [
        (str(u.source), str(u.target)) for u in store.units
    ]


@pytest.mark.parametrize("output", ["empty", "failed"])
def test_a_document_without_english_exports_valid_files(visit, tmp_path, output):
    failed = record("1.b1.s1", "가", None, failure="empty output", status=Status.FAILED)
    run = write_run(tmp_path / "run", {"empty": [], "failed": [failed]})
    write_reports(run)
    visit.open(run / output)
    assert read_xliff(visit.export("xliff")).find(".//x:unit", NS) is None
    assert read_tmx(visit.export("tmx")).find(".//tu") is None
    assert visit.corrections()["corrections"] == []


def two_reviewers(visit: Any, run: Path) -> None:
    """A page with a conflict in b2.s2 and a correction of an earlier text in b2.s3."""
    kim = reviewed(visit, run)
    lee = copy.deepcopy(kim)
    for file, name in ((kim, "Kim"), (lee, "Lee")):
        file["reviewer"] = name
        for correction in file["corrections"]:
            correction["by"] = name
    lee["corrections"][1] |= {"verdict": "edited", "text": "Japan needs allies."}
    lee["corrections"][2]["before"] = "It may be Asia."
    lee["corrections"][2]["text"] = "Perhaps it is Asia."
    forget(visit, run)
    visit.import_file(kim, "kim.json")
    visit.import_file(lee, "lee.json")
    visit.page.locator("[id='5.b2.s1'] .permalink").click()


@pytest.mark.parametrize("key", ["t", "l"])
def test_conflicts_and_changed_texts_are_settled_by_keyboard_alone(visit, review_run, key):
    two_reviewers(visit, review_run)
    visit.press("n")
    assert visit.current() == "5.b2.s2"
    visit.row("5.b2.s2").locator(".conflict.panel").wait_for()
    visit.press(key)
    assert visit.row("5.b2.s2").locator(".panel").count() == 0
    visit.press("n")
    assert visit.current() == "5.b2.s3"
    visit.press(key)
    assert visit.row("5.b2.s3").locator(".panel").count() == 0
    visit.press("n")
    assert visit.said() == "No conflict and no changed text in this document"
    visit.press(key)
    assert visit.said().startswith("Nothing waits for your word in b2.s3")
    settled = {
        c["segment"]: (c["verdict"], c.get("text"), c["by"]) for c in visit.corrections()["corrections"]
    }
    theirs, ours = {
        "t": (("edited", "Japan needs allies.", "Lee"), ("edited", "Perhaps it is Asia.", "Lee")),
        "l": (("rejected", None, "Kim"), ("edited", "It might be <Asia> & more.", "Kim")),
    }[key]
    assert (settled["5.b2.s2"], settled["5.b2.s3"]) == (theirs, ours)
    # Both can be taken back.
    visit.press("u", "u")
    assert visit.page.locator(".panel").count() == 2


def test_messages_are_reached_and_dismissed_by_keyboard(visit, review_run):
    two_reviewers(visit, review_run)
    told = len(visit.notices())
    visit.press("!")
    assert visit.page.evaluate("document.activeElement.textContent") == "Show the conflicts"
    visit.press("Enter")
    visit.page.locator(".conflict.panel").wait_for()
    assert visit.shown() == ["5.b2.s2"]
    visit.press("!")
    for _ in range(told * 3):
        if visit.page.evaluate("document.activeElement.textContent") == "Dismiss":
            visit.press("Enter")
        else:
            visit.press("Tab")
    assert visit.notices() == []
    assert visit.page.evaluate("document.activeElement !== document.body")


def test_a_review_of_the_page_comes_back_into_the_run(visit, real_run, tmp_path):
    """Open, judge, export; `mtalign review apply`; the outputs, the figures and the new page have it."""
    run = tmp_path / "outputs"
    shutil.copytree(real_run, run)
    folder = run / "003_64831e834d70e8d8"
    visit.open(folder, "#003.b3.s1")
    visit.sign("Kim")
    before = visit.row("003.b3.s1").locator(".target > .text").inner_text()
    visit.press("a", "e")
    second = visit.current()
    visit.page.locator("textarea").fill("Corrected by <Kim> & nobody else.")
    visit.press("Enter")
    (tmp_path / "kim.json").write_bytes(visit.export("json"))

    runner = CliRunner()
    memory = str(tmp_path / "memory.sqlite")
    done = runner.invoke(cli, ["review", "apply", str(run), str(tmp_path / "kim.json"), "--memory", memory])
    assert done.exit_code == 0, done.output
    assert "Corrected by <Kim> & nobody else." in next(folder.glob("*.en.txt")).read_text(encoding="utf-8")
    (told,) = json.loads(runner.invoke(cli, ["review", "stats", str(run), "--json"]).stdout)
    assert (told["document"], told["reviewer"]) == (folder.name, "Kim")
    assert (told["accepted"], told["edited"]) == (1, 1)
    assert told["compared"] == 2
    assert all(metric["score"] > 0 for metric in told["metrics"])

    visit.page.evaluate("localStorage.clear()")
    visit.open(folder, f"#{second}")
    assert visit.row(second).locator(".target > .text").inner_text() == "Corrected by <Kim> & nobody else."
    assert visit.verdicts(second) == ["edited"]
    assert visit.row("003.b3.s1").locator(".target > .text").inner_text() == before
    assert visit.verdicts("003.b3.s1") == ["accepted"]

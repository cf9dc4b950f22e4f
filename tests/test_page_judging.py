"""Judging and fixing on a document's page in Chromium, by keyboard; everything is kept at once."""

from __future__ import annotations


def test_verdicts_are_one_key_each_and_go_on_to_the_next(visit, review_run):
    visit.open(review_run / "5", "#5.b2.s1")
    visit.press("a")
    assert visit.said() == "b2.s1 accepted"
    assert visit.current() == "5.b2.s2"
    visit.press("r")
    assert visit.verdicts("5.b2.s1") == ["accepted"]
    assert visit.verdicts("5.b2.s2") == ["rejected"]
    assert visit.page.locator("#progress").inner_text() == "2 of 30 reviewed"
    visit.press("k", "o")
    assert visit.verdicts("5.b2.s2") == []
    visit.press("u", "u")
    assert visit.verdicts("5.b2.s2") == []
    assert visit.said() == "Undone: b2.s2 rejected"
    visit.press("U")
    assert visit.verdicts("5.b2.s2") == ["rejected"]
    visit.press("Control+z", "u")
    assert visit.verdicts("5.b2.s1") == []
    visit.press("u")
    assert visit.said() == "Nothing to undo"


def test_an_edit_shows_what_changed_and_can_be_undone(visit, review_run):
    visit.open(review_run / "5", "#5.b2.s2")
    visit.press("e")
    box = visit.page.get_by_label("English of b2.s2")
    assert box.input_value() == "Japan has more allies."
    box.fill("Japan needs more allies.")
    visit.press("Enter")
    row = visit.row("5.b2.s2")
    assert row.locator(".target > .text").inner_text() == "Japan needs more allies."
    assert [row.locator(f".earlier {tag}").inner_text() for tag in ("del", "ins")] == ["has", "needs"]
    assert visit.verdicts("5.b2.s2") == ["edited"]
    assert row.evaluate("e => e === document.activeElement")
    visit.press("u")
    assert row.locator(".target > .text").inner_text() == "Japan has more allies."
    assert visit.verdicts("5.b2.s2") == []


def test_escape_puts_back_and_an_empty_text_is_no_correction(visit, review_run):
    visit.open(review_run / "5", "#5.b2.s2")
    visit.press("e")
    box = visit.page.get_by_label("English of b2.s2")
    box.fill("")
    visit.press("Enter")
    assert "An empty text is not a correction" in visit.said()
    box.fill("Something else")
    visit.press("Escape")
    assert visit.row("5.b2.s2").locator(".target > .text").inner_text() == "Japan has more allies."
    assert visit.verdicts("5.b2.s2") == []
    assert visit.corrections()["corrections"] == []


def test_a_failed_segment_cannot_be_accepted_but_written(visit, review_run):
    visit.open(review_run / "5", "#5.b6.s1")
    visit.press("a")
    assert visit.said() == "b6.s1 has no English to accept: write it with e"
    visit.press("e")
    visit.page.keyboard.type("It failed.")
    visit.press("Enter")
    assert visit.row("5.b6.s1").locator(".target > .text").inner_text() == "It failed."
    (correction,) = visit.corrections()["corrections"]
    assert (correction["before"], correction["text"]) == (None, "It failed.")


def test_every_letter_is_kept_at_once(visit, review_run):
    visit.open(review_run / "5", "#5.b2.s1")
    visit.press("a", "e")
    visit.page.keyboard.type(" Half a sent")
    # No Enter, no export: the window closes here, when the browser has handed over what the page has stored.
    visit.page.wait_for_timeout(500)
    visit.open(review_run / "5", "#5.b2.s1")
    assert visit.verdicts("5.b2.s1") == ["accepted"]
    assert (
        visit.row("5.b2.s2").locator(".target > .text").inner_text() == "Japan has more allies. Half a sent"
    )
    # Another document's work is its own.
    visit.open(review_run / "6")
    assert visit.corrections()["corrections"] == []


def test_a_comment_stands_beside_the_segment_and_alone_is_no_verdict(visit, review_run):
    visit.open(review_run / "5", "#5.b2.s3")
    visit.press("c")
    visit.page.keyboard.type("Which <b>Asia</b>?")
    visit.press("Enter")
    assert visit.row("5.b2.s3").locator(".comment bdi").last.inner_text() == "Which <b>Asia</b>?"
    visit.page.evaluate("location.hash = '#review=commented'")
    visit.page.wait_for_timeout(50)
    assert visit.shown() == ["5.b2.s3"]
    (correction,) = visit.corrections()["corrections"]
    assert (correction["verdict"], correction["comment"]) == (None, "Which <b>Asia</b>?")


def test_beads_merge_and_split_and_are_exported_where_they_changed(visit, review_run):
    visit.open(review_run / "5", "#5.b2.s1")
    visit.press("m")
    assert visit.row("5.b2.s1").locator(".bead").inner_text() == "bead 2–2 with b2.s2"
    (bead,) = visit.corrections()["beads"]
    pair = ["5.b2.s1", "5.b2.s2"]
    assert (bead["document"], bead["source"], bead["target"]) == ("5", pair, pair)
    visit.press("s")
    assert visit.row("5.b2.s1").locator(".bead").count() == 0
    assert "beads" not in visit.corrections()
    visit.press("s")
    assert [b.strip() for b in visit.row("5.b2.s1").locator(".bead").all_inner_texts()] == [
        "source unaligned",
        "English unaligned",
    ]
    parted = visit.corrections()["beads"]
    assert [(b["source"], b["target"]) for b in parted] == [(["5.b2.s1"], []), ([], ["5.b2.s1"])]
    visit.press("m", "u")
    assert visit.row("5.b2.s1").locator(".bead").count() == 2
    # The similarity was computed for the run's beads and holds for no other.
    assert "similarity" not in visit.row("5.b2.s1").locator(".numbers").inner_text()
    assert "similarity 0.80" in visit.row("5.b2.s2").locator(".numbers").inner_text()
    # A bead of the run that is two to one comes apart at the current segment.
    visit.open(review_run / "5", "#5.b3.s1")
    visit.press("s")
    assert "unaligned" in visit.row("5.b3.s2").locator(".bead").first.inner_text()
    assert visit.row("5.b3.s1").locator(".bead").count() == 0


def test_the_help_lists_the_keys_and_has_them_to_itself(visit, review_run):
    visit.open(review_run / "5", "#5.b2.s1")
    visit.press("?")
    help_ = visit.page.get_by_role("dialog", name="Keyboard")
    for meaning in ("accept, and on", "split the bead here", "worst first, or as in the document"):
        assert help_.get_by_text(meaning).is_visible()
    visit.press("a")
    visit.press("Escape")
    assert help_.is_hidden()
    assert visit.verdicts("5.b2.s1") == []


def test_every_button_for_a_segment_has_a_key_and_the_help_says_it(visit, review_run):
    visit.open(review_run / "5", "#5.b2.s1")
    visit.page.locator("#more summary").click()
    keys = {
        button.get_attribute("id"): button.locator("kbd").text_content()
        for button in visit.page.locator("#judging button, #more button, #exchange-button").all()
    }
    assert set(keys) == {
        "accept", "reject", "edit", "comment", "merge", "split", "context", "reopen", "undo", "redo",
        "exchange-button",
    }  # fmt: skip
    visit.press("Escape")
    assert visit.page.locator("#merge").is_hidden()
    visit.press("?")
    shown = set(visit.page.locator("#keys kbd").all_inner_texts())
    assert set(keys.values()) <= shown
    # Search, filters, order, help, the navigator, conflicts and messages have theirs too.
    assert {"/", "f", "w", "?", "j", "k", "n", "t", "l", "!"} <= shown
    assert len(visit.page.locator("#keys kbd").all()) == len(shown)
    for mark in ("a number", "a name on both sides", "a glossary term", "says the same on the other side"):
        assert visit.page.locator(".legend").get_by_text(mark).is_visible()


def test_a_storage_that_fails_is_told_and_the_work_can_still_be_exported(visit, review_run):
    visit.page.add_init_script(
        "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };"
    )
    visit.open(review_run / "5", "#5.b2.s1")
    visit.press("a", "r")
    (told,) = visit.notices()
    assert told.startswith("This browser does not keep your work: its storage is full.")
    assert [c["verdict"] for c in visit.corrections()["corrections"]] == ["accepted", "rejected"]


def test_damaged_work_in_the_browser_is_told_and_left_where_it_is(visit, review_run):
    visit.open(review_run / "5", "#5.b2.s1")
    visit.press("a", "a")
    visit.page.wait_for_timeout(200)
    key = visit.page.evaluate(
        """() => {
            const key = Object.keys(localStorage).find((name) => name.endsWith(":5.b2.s2"));
            localStorage.setItem(key, "{");
            return key;
        }"""
    )
    visit.open(review_run / "5", "#5.b2.s1")
    assert visit.notices() == [
        "1 piece of your earlier work in this browser cannot be read; nothing of it was deleted."
    ]
    assert visit.page.evaluate("key => localStorage.getItem(key)", key) == "{"
    assert visit.verdicts("5.b2.s1") == ["accepted"]


def test_two_tabs_of_a_page_are_one_review(visit, review_run):
    visit.open(review_run / "5", "#5.b2.s1")
    other = visit.page.context.new_page()
    other.goto((review_run / "5" / "index.html").as_uri())
    visit.press("a")
    other.locator("[id='5.b2.s1'] .verdict.accepted").wait_for()
    visit.press("u")
    other.locator("[id='5.b2.s1'] .verdict").wait_for(state="detached")


def test_a_whole_review_of_twenty_segments_by_keyboard_alone(visit, real_run):
    visit.open(real_run / "003_64831e834d70e8d8")
    # The name: export dialog, first field.
    visit.press("E", "Tab")
    assert visit.page.evaluate("document.activeElement.id") == "reviewer"
    visit.page.keyboard.type("Kim")
    visit.press("Tab", "Escape")
    visit.press("w", "j")
    seen = []
    for number in range(20):
        here = visit.current()
        seen.append(here)
        if number % 4 == 0:
            visit.press("e", "End")
            visit.page.keyboard.type(f" (checked {number})")
            visit.press("Enter", "c")
            visit.page.keyboard.type("see above")
            visit.press("Enter", "j")
        elif number % 4 == 3:
            visit.press("r")
        else:
            visit.press("a")
    assert len(set(seen)) == 20
    with visit.page.expect_download() as download:
        visit.press("J")
    import json
    from pathlib import Path

    assert download.value.suggested_filename == "003_64831e834d70e8d8.corrections.json"
    file = json.loads(Path(download.value.path()).read_bytes())
    assert (file["schema"], file["kind"], file["reviewer"]) == (1, "mtalign corrections", "Kim")
    by_id = {c["segment"]: c for c in file["corrections"]}
    assert set(by_id) == set(seen)
    for number, identifier in enumerate(seen):
        correction = by_id[identifier]
        verdict = {0: "edited", 3: "rejected"}.get(number % 4, "accepted")
        assert (correction["verdict"], correction["by"]) == (verdict, "Kim")
        assert correction["document"] == "003_64831e834d70e8d8"
        assert ("text" in correction) == (verdict == "edited")
        if verdict == "edited":
            assert correction["text"] == f"{correction['before']} (checked {number})"
            assert correction["comment"] == "see above"
    assert [url for url in visit.requests if not url.startswith(("file:", "blob:"))] == []

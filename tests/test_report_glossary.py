"""What the reports say of a glossary: the hit rate, the terms missed most often, and terms as text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from report_samples import ATTACKS, record, write_json, write_run

from mtalign.errors import DocumentError
from mtalign.report import write_reports
from mtalign.report.payload import read_run
from mtalign.report.summary import MAX_TERMS


def term(source: str, found: int, hit: int, *english: str, note: str = "") -> dict[str, object]:
    return {"source": source, "english": list(english), "note": note, "found": found, "hit": hit}


def write(folder: Path, *terms: dict[str, object], **values: object) -> Path:
    terms_found = [replace(record("1.b1.s1", "나토", "NATO"), terms=((0, 2, "NATO", True),))]
    run = write_run(folder, {"a": terms_found})
    glossary = {
        "file": "terms.tsv",
        "terms": 9,
        "found": sum(int(str(one["found"])) for one in terms),
        "hit": sum(int(str(one["hit"])) for one in terms),
        "by_term": list(terms),
    }
    write_json(run / "scores.json", {"schema": 1, "documents": [], "glossary": glossary | values})
    return run


def summary(run: Path) -> str:
    write_reports(run)
    return (run / "summary.md").read_text(encoding="utf-8")


def test_the_summary_tells_the_hit_rate_and_the_terms_missed_most_first(tmp_path):
    text = summary(
        write(
            tmp_path,
            term("북한", 1, 1, "North Korea"),
            term("동맹", 3, 2, "alliance"),
            term("나토", 4, 2, "NATO", "the Alliance", note="house style"),
        )
    )
    assert "terms.tsv, 9 terms. Found in 8 places; the translation has the English in 62 % (5 of 8)." in text
    rows = re.findall(
        r"^\| (\S+) \| (.*) \|$", text.partition("## Glossary")[2].partition("##")[0], re.MULTILINE
    )
    assert rows[2:] == [
        ("나토", "NATO or the Alliance | 4 | 2 | 50 % | house style"),
        ("동맹", "alliance | 3 | 2 | 67 % | "),
        ("북한", "North Korea | 1 | 1 | 100 % | "),
    ]


def test_a_run_without_a_glossary_says_nothing_of_one(tmp_path):
    run = write_run(tmp_path / "none", {"a": [record("1.b1.s1", "나토", "NATO")]})
    assert "Glossary" not in summary(run)
    write_json(run / "scores.json", {"schema": 1, "documents": [], "glossary": None})
    assert "Glossary" not in summary(run)
    assert read_run(run).glossary is None


def test_terms_that_stand_nowhere_are_no_rate(tmp_path):
    assert "terms.tsv, 9 terms: none of them is in the translated sources." in summary(write(tmp_path))


def test_a_long_glossary_is_cut_and_says_so(tmp_path):
    text = summary(
        write(tmp_path, *(term(f"동맹{number}", 2, 1, "alliance") for number in range(MAX_TERMS + 7)))
    )
    assert "… and 7 more: see scores.json" in text
    assert f"동맹{MAX_TERMS - 1} " in text
    assert f"동맹{MAX_TERMS} " not in text


def test_terms_that_attack_their_reader_are_text_everywhere(tmp_path):
    run = write(tmp_path, *(term(attack, 1, 0, attack, note=attack) for attack in ATTACKS), file=ATTACKS[0])
    records = [
        replace(record(f"1.b{number}.s1", attack, "NATO"), terms=((0, 3, attack, False),))
        for number, attack in enumerate(ATTACKS, start=1)
    ]
    write_run(run, {"a": records})
    html = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(summary(run))
    section = html.partition("<h2>Glossary</h2>")[2].partition("<h2>")[0]
    assert set(re.findall(r"<([a-z0-9]+)", section)) <= {"p", "table", "thead", "tbody", "tr", "th", "td"}
    assert section.count("<tr>") == 1 + len(ATTACKS)
    for page in (run / "index.html", run / "a" / "index.html"):
        text = page.read_text(encoding="utf-8")
        assert "<img src=x" not in text
        assert "<script>alert" not in text


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ({"found": "many"}, "wrong type"),
        ({"hit": None}, "'hit' is missing"),
        ({"by_term": ["나토"]}, "something else than objects"),
        ({"by_term": [{"source": "나토", "english": "NATO", "found": 1, "hit": 1}]}, "wrong type"),
        ({"by_term": [{"source": "나토", "english": [1], "found": 1, "hit": 1}]}, "something else than text"),
    ],
)
def test_damaged_counts_are_named_in_one_line(tmp_path, damage, says):
    run = write(tmp_path, term("나토", 1, 1, "NATO"))
    value = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    write_json(run / "scores.json", value | {"glossary": value["glossary"] | damage})
    with pytest.raises(DocumentError) as caught:
        write_reports(run)
    assert says in str(caught.value)
    assert "scores.json" in str(caught.value)
    assert "\n" not in str(caught.value)

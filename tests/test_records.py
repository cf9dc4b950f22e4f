"""segments.jsonl gives back what was written, and reads lines of before estimated quality and word links."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from report_samples import record

from mtalign.errors import DocumentError
from mtalign.records import from_json, to_json


def test_quality_and_word_links_come_back_as_written():
    written = record("1.b1.s1", "일본은 섬나라", "Japan is an island", quality=0.8125, words=((0, 2, 0, 5),))
    line = json.loads(json.dumps(to_json(written)))
    assert (line["quality"], line["words"]) == (0.8125, [[0, 2, 0, 5]])
    assert from_json(line) == written


def test_a_line_without_quality_and_word_links_has_neither():
    line = to_json(record("1.b1.s1", "일본", "Japan"))
    del line["quality"], line["words"]
    read = from_json(line)
    assert read.quality is None
    assert read.words == ()


def test_terms_come_back_as_written_and_a_line_without_them_has_none():
    terms = ((0, 2, "Japan", True), (4, 7, "<i>isle</i>", False))
    written = replace(record("1.b1.s1", "일본은 섬나라", "Japan"), terms=terms)
    line = json.loads(json.dumps(to_json(written)))
    assert line["terms"] == [[0, 2, "Japan", True], [4, 7, "<i>isle</i>", False]]
    assert from_json(line) == written
    del line["terms"]
    assert from_json(line).terms == ()


@pytest.mark.parametrize(
    "term", [[0, 2, "Japan"], [0, 2, None, True], [0, 2, "Japan", 1], [0, "x", "Japan", True]]
)
def test_a_term_of_another_shape_is_damage(term):
    line = to_json(record("1.b1.s1", "일본", "Japan")) | {"terms": [term]}
    with pytest.raises(DocumentError, match="damaged"):
        from_json(line)


def test_a_word_link_of_three_numbers_is_damage():
    line = to_json(record("1.b1.s1", "일본", "Japan")) | {"words": [[0, 1, 2]]}
    with pytest.raises(DocumentError, match="damaged"):
        from_json(line)

"""The ladder format, and precision and recall of beads."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtalign.align import (
    Bead,
    format_beads,
    lax_agreement,
    parse_beads,
    read_beads,
    strict_agreement,
    write_beads,
)
from mtalign.errors import DocumentError

indices = st.lists(st.integers(0, 999), max_size=5, unique=True).map(lambda found: tuple(sorted(found)))
beads = st.builds(Bead, indices, indices, st.integers(0, 10_000).map(lambda value: value / 10_000)).filter(
    lambda bead: bool(bead.source or bead.target)
)


@given(st.lists(beads))
def test_beads_written_and_read_are_the_same(found: list[Bead]) -> None:
    assert parse_beads(format_beads(found)) == found


def test_a_file_of_beads_round_trips(tmp_path: Path) -> None:
    path = tmp_path / "found.beads"
    found = [Bead((0, 1), (0,), 0.8312), Bead((), (1,)), Bead((2,), ())]
    write_beads(path, found)
    assert path.read_text() == "[0, 1]:[0]:0.8312\n[]:[1]:0.0000\n[2]:[]:0.0000\n"
    assert read_beads(path) == found
    assert [entry.name for entry in tmp_path.iterdir()] == ["found.beads"]


def test_lines_of_vecalign_and_bertalign_are_read() -> None:
    assert parse_beads("[0]:[0, 1]:0.123456\n\n[1]:[]\n[ 2,3 ]:[2]:1e-05\n") == [
        Bead((0,), (0, 1), 0.123456),
        Bead((1,), ()),
        Bead((2, 3), (2,), 1e-05),
    ]


@pytest.mark.parametrize("line", ["0:1", "[a]:[1]", "[0]:[1]:high", "[]:[]", "[0]", "[-1]:[0]"])
def test_a_line_that_is_no_bead_is_named(line: str) -> None:
    with pytest.raises(DocumentError, match=r"gold, line 2: not a bead"):
        parse_beads(f"[0]:[0]\n{line}\n", "gold")


def test_a_missing_or_binary_file_is_one_line_error(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be read"):
        read_beads(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DocumentError, match="cannot be read"):
        read_beads(tmp_path / "binary")


def test_strict_and_lax_agreement_count_as_defined() -> None:
    gold = [Bead((0,), (0,)), Bead((1, 2), (1,)), Bead((3,), ()), Bead((4,), (2, 3))]
    found = [Bead((0,), (0,)), Bead((1,), (1,)), Bead((2, 3), ()), Bead((4,), (2, 3)), Bead((5,), (9,))]
    strict = strict_agreement([(found, gold)])
    assert strict.precision == pytest.approx(2 / 4)
    assert strict.recall == pytest.approx(2 / 3)
    assert strict.f1 == pytest.approx(4 / 7)
    lax = lax_agreement([(found, gold)])
    assert lax.precision == pytest.approx(3 / 4)
    assert lax.recall == pytest.approx(1)


def test_agreement_sums_over_documents_and_null_beads_do_not_count() -> None:
    one = ([Bead((0,), (0,))], [Bead((0,), (0,)), Bead((1,), ())])
    other = ([Bead((0,), (1,))], [Bead((0,), (0,))])
    assert strict_agreement([one, other]).precision == 0.5
    assert strict_agreement([([], [])]).f1 == 0

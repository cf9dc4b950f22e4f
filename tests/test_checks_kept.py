"""Which words of a source are names that a translation keeps."""

from __future__ import annotations

import pytest

from mtalign.checks.kept import is_kept, lost_names, words_of
from mtalign.checks.spelling import fold


def lost(source: str, translation: str, language: str) -> dict[str, float]:
    found = lost_names(source, fold(translation), language)
    return {source[slice(*span)]: likely for span, likely in found}


@pytest.mark.parametrize(
    ("source", "name", "noun"),
    [
        ("Gestern sagte Goggia, die Regierung habe recht.", "Goggia", "Regierung"),
        ("Die Besprechung mit Nancy Pelosi war kurz.", "Pelosi", "Besprechung"),
        ("Er trank mit Kubicki eine Flasche.", "Kubicki", "Flasche"),
    ],
)
def test_a_lost_german_name_is_likelier_a_name_than_a_lost_noun(source: str, name: str, noun: str) -> None:
    found = lost(source, "it is said", "de")
    assert found[name] > 0.5
    assert found.get(noun, 0.0) < 0.3


def test_a_name_that_is_kept_is_not_lost_even_without_its_ending() -> None:
    assert "Pelosi" not in lost("Das sagte Nancy Pelosi.", "Nancy Pelosi said so.", "de")
    assert is_kept("Modrows", fold("Modrow's time"), "de")
    assert not is_kept("Modrow", fold("the time"), "de")


def test_a_korean_name_is_kept_by_its_sound() -> None:
    source = "브레진스키는 케네디의 고문으로 일했다."
    assert "브레진스키는" in lost(source, "China worked as an adviser to Kennedy.", "ko")
    assert "브레진스키는" not in lost(source, "Brzezinski worked as an adviser to Kennedy.", "ko")
    assert "일했다" not in lost(source, "China worked as an adviser to Kennedy.", "ko")


def test_acronyms_and_small_words_are_no_german_words_that_may_be_names() -> None:
    assert [word.text for word in words_of("die NATO und die EZB in Bonn", "de")] == ["Bonn"]
    assert [word.text for word in words_of("NATO는 2023년", "ko")] == []

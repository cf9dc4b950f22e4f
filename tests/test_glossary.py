"""The glossary: how the file is read, what is found in sources and in translations, and how it is flagged."""

from __future__ import annotations

import pytest

from mtalign.checks.glossary import check_glossary
from mtalign.document import Severity
from mtalign.errors import ConfigError
from mtalign.glossary import FoundTerm, Glossary, Term, distinct, holds, load_glossary, parse_glossary
from mtalign.languages import parse_language


def found(language: str, text: str, *sources: str) -> list[str]:
    """What of ``text`` is found to be a term, as ``text found`` or ``text found<term``."""
    glossary = Glossary(tuple(Term(source, ("x",)) for source in sources))
    places = [
        (text[one.start : one.end], one.term.source) for one in glossary.find(text, parse_language(language))
    ]
    return [place if place == source else f"{place}<{source}" for place, source in places]


# -- the file -----------------------------------------------------------------------------------------


def test_a_line_is_source_english_note_and_language():
    text = "# a comment\n\n北约\tNATO | the Alliance\tnever “the league”\tzh\n동맹\talliance\n"
    assert parse_glossary(text, "t.tsv") == (
        Term("北约", ("NATO", "the Alliance"), "never “the league”", "zh"),
        Term("동맹", ("alliance",)),
    )


@pytest.mark.parametrize(
    "header", ["source\tenglish\n", "Source\tEnglish\tNote\n", "SOURCE\tENGLISH\tnote\tlanguage\n"]
)
def test_a_header_is_no_term(header):
    assert [term.source for term in parse_glossary(f"{header}北约\tNATO\n", "t.tsv")] == ["北约"]


def test_a_header_may_order_the_columns():
    (term,) = parse_glossary("# ours\nlanguage\tenglish\tsource\nde\talliance\tBündnis\n", "t.tsv")
    assert term == Term("Bündnis", ("alliance",), "", "de")


def test_a_line_that_only_looks_like_a_header_is_a_term():
    assert parse_glossary("source\tspring\n", "t.tsv") == (Term("source", ("spring",)),)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_byte_order_marks_and_newlines_of_any_system_are_read(tmp_path, encoding, newline):
    path = tmp_path / "t.tsv"
    path.write_bytes(newline.join(["北约\tNATO", "동맹\talliance", ""]).encode(encoding))
    glossary = load_glossary(path)
    assert [(term.source, term.english) for term in glossary.terms] == [
        ("北约", ("NATO",)),
        ("동맹", ("alliance",)),
    ]
    assert len(glossary.sha256) == 64


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("北约", "no English term"),
        ("北约\t", "no English term"),
        ("北约\t  \tnote", "no English term"),
        ("北约\t…", "no English term"),
        ("\tNATO", "no source term"),
        ("\u200b\tNATO", "no source term"),
        ("北约\tNATO|", "empty alternative"),
        ("北约\tNATO\tnote\tzh\tmore", "1 cells too many"),
        ("北约\tNATO\tnote\tChinesisch", "Chinesisch"),
        ("동맹\tcoalition", "has another English in line 1"),
    ],
)
def test_a_damaged_line_names_file_line_and_remedy_on_one_line(tmp_path, line, says):
    path = tmp_path / "terms.tsv"
    path.write_text(f"동맹\talliance\n\n{line}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_glossary(path)
    assert f"{path}, line 3: " in str(caught.value)
    assert says in str(caught.value)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_the_same_line_twice_is_one_term_and_another_language_another_term():
    text = "Gift\tpoison\t\tde\nGift\tpoison\t\tde\nGift\tgift\t\tsv\n"
    assert [(term.english, term.language) for term in parse_glossary(text, "t")] == [
        (("poison",), "de"),
        (("gift",), "sv"),
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"# nothing but a comment\n", "holds no term"),
        (b"source\tenglish\n", "holds no term"),
        ("für\tfor".encode("latin-1"), "UTF-8"),
        (b"PK\x03\x04 an Excel file", "zip archive"),
    ],
)
def test_a_file_that_is_no_glossary_is_told(tmp_path, content, says):
    path = tmp_path / "terms.tsv"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=says) as caught:
        load_glossary(path)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ConfigError, match="no glossary"):
        load_glossary(tmp_path / "nothing.tsv")


# -- terms in a source --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "text", "terms", "expected"),
    [
        ("zh", "北约组织与北约", ["北约", "北约组织"], ["北约组织", "北约"]),
        ("zh", "日本海的日本船", ["日本", "日本海"], ["日本海", "日本"]),
        ("zh", "在NATO首脑会议,NATOX", ["NATO"], ["NATO"]),
        ("ja", "東アジアのアイスランド", ["アジア", "アイ"], ["アジア"]),
        ("ja", "ＮＡＴＯとｱｼﾞｱ", ["NATO", "アジア"], ["ＮＡＴＯ<NATO", "ｱｼﾞｱ<アジア"]),
        ("ko", "동맹은 동맹국과 동맹들의 한미동맹을", ["동맹"], ["동맹", "동맹"]),
        ("ko", "한미동맹, 한미 동맹에서도", ["한미 동맹"], ["한미동맹<한미 동맹", "한미 동맹"]),
        ("ko", "강화했습니다. 강화되고 강화는 강화도", ["강화"], ["강화"] * 4),
        ("ko", "국가수반은 나토(NATO)의", ["가수", "나토", "NATO"], ["나토", "NATO"]),
        ("ko", "이란성 쌍둥이와 이란이", ["이란"], ["이란"]),
        ("de", "des Bündnisses; Bündnispartner", ["Bündnis"], ["Bündnisses<Bündnis"]),
        ("de", "das Verteidigungsbündnis", ["Bündnis"], ["bündnis<Bündnis"]),
        ("de", "auf dem Weg, weg; WEG", ["Weg"], ["Weg", "WEG<Weg"]),
        ("de", "der Hohen Räte, dem Hohe Rat", ["Hohe Rat"], ["Hohe Rat"]),
        ("de", "Vereinten Nationen", ["Vereinte Nation"], ["Vereinten Nationen<Vereinte Nation"]),
        ("de", "Nato-Gipfel der EU, eu", ["NATO", "Gipfel", "EU"], ["Nato<NATO", "Gipfel", "EU"]),
        ("de", "EU-Staaten", ["Staat"], ["Staaten<Staat"]),
        ("de", "Der Unrat im Rat", ["Rat"], ["Rat"]),
        ("fr", "les alliances, l’OTAN", ["alliance", "OTAN"], ["alliances<alliance", "OTAN"]),
        ("fr", "une guerre, un guerrier", ["guerre"], ["guerre"]),
        ("ru", "войны и войной; воин", ["война"], ["войны<война", "войной<война"]),
        ("de", "F-35 und F-3", ["F-3"], ["F-3"]),
        ("th", "นาโตและญี่ปุ่น", ["ญี่ปุ่น"], ["ญี่ปุ่น"]),
        ("zh", "a.b axb", ["a.b"], ["a.b"]),
    ],
)  # fmt: skip
def test_terms_are_found_by_script_and_case_the_longest_first(language, text, terms, expected):
    assert found(language, text, *terms) == expected


def test_offsets_are_those_of_the_text_as_it_stands():
    text = "Das Bu\u0308nd\u00adnis, ㈱ＮＡＴＯ。"
    assert found("de", text, "Bündnis", "NATO") == ["Bu\u0308nd\u00adnis<Bündnis", "ＮＡＴＯ<NATO"]


def test_a_decomposed_term_is_found_in_composed_text_and_the_other_way_round():
    decomposed = "\u1103\u1169\u11bc\u1106\u1162\u11bc"
    assert found("ko", "동맹은", decomposed) == [f"동맹<{decomposed}"]
    assert found("ko", decomposed, "동맹") == [f"{decomposed}<동맹"]


def test_a_line_break_and_a_quote_mark_do_not_part_a_term():
    assert found("ja", "北大西洋条\n> 約機構", "北大西洋条約機構") == [
        "北大西洋条\n> 約機構<北大西洋条約機構"
    ]
    assert found("de", "Vereinte\n> Nationen", "Vereinte Nationen") == [
        "Vereinte\n> Nationen<Vereinte Nationen"
    ]


def test_a_term_of_one_language_is_not_looked_for_in_another():
    glossary = Glossary((Term("手紙", ("letter",), "", "ja"), Term("日本", ("Japan",))))
    assert [one.term.english for one in glossary.find("日本的手紙", parse_language("zh"))] == [("Japan",)]
    assert len(glossary.find("日本の手紙", parse_language("ja"))) == 2
    assert Glossary((Term("信", ("letter",), "", "zh"),)).find("信", parse_language("zh-Hant"))


def test_each_term_is_named_once_in_the_order_of_the_text():
    glossary = Glossary((Term("日本", ("Japan",)), Term("北约", ("NATO",))))
    places = glossary.find("北约、日本、北约", parse_language("zh"))
    assert [one.term.source for one in places] == ["北约", "日本", "北约"]
    assert [term.source for term in distinct(places)] == ["北约", "日本"]


# -- terms in a translation ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("translation", "english", "expected"),
    [
        ("NATO's allies met.", "NATO", True),
        ("Nato met", "NATO", True),
        ("NATOX met", "NATO", False),
        ("Give it to us.", "IT", False),
        ("Give it to us.", "US", False),
        ("The IT office of the U.S. forces", "IT", True),
        ("The U.S. forces", "U.S.", True),
        ("NGOs", "NGO", True),
        ("The allies", "ally", True),
        ("An ally", "allies", True),
        ("the Strategic   commands", "Strategic Command", True),
        ("strategic and command", "Strategic Command", False),
        ("the North-Atlantic treaty", "North Atlantic Treaty", True),
        ("It deterred, deters", "deter", True),
        ("deploying", "deploy", True),
        ("C programs", "C++", False),
        ("in C++.", "C++", True),
        ("the “Blue” Ash", "Blue Ash", True),
        ("Slania", "Słania", False),
        ("S\u0142ania", "Słania", True),
        ("classes", "class", True),
        ("the glass", "gla", False),
        ("", "NATO", False),
    ],
)
def test_an_english_term_is_found_in_its_forms_and_no_others(translation, english, expected):
    assert holds(translation, english) is expected


def test_any_alternative_will_do_and_the_preferred_one_is_named_first():
    term = Term("北约", ("NATO", "the Alliance"))
    assert term.found_in("The Alliance met.") == "the Alliance"
    assert term.found_in("The alliance, NATO, met.") == "NATO"
    assert term.found_in("They met.") is None


# -- the check ----------------------------------------------------------------------------------------


def places(text: str, *terms: Term) -> tuple[FoundTerm, ...]:
    return Glossary(terms).find(text, parse_language("zh"))


def test_a_missed_term_is_one_warning_at_its_first_place():
    text = "与北约和北约的日本"
    terms = (Term("北约", ("NATO", "the Alliance"), "house style"), Term("日本", ("Japan",)))
    (flag,) = check_glossary(places(text, *terms), "The league and Japan")
    assert (flag.name, flag.severity) == ("glossary", Severity.WARNING)
    assert flag.message == "„北约“ should be “NATO” or “the Alliance” (house style)"
    assert text[slice(*flag.source_span)] == "北约"
    assert flag.source_span == (1, 3)


def test_flags_stand_in_the_order_of_the_source_and_hits_get_none():
    terms = (Term("北约", ("NATO",)), Term("日本", ("Japan",)))
    flags = check_glossary(places("日本、北约、日本", *terms), "nothing of it")
    assert [flag.source_span for flag in flags] == [(0, 2), (3, 5)]
    assert check_glossary(places("日本、北约", *terms), "Japan and NATO") == []
    assert check_glossary((), "anything") == []

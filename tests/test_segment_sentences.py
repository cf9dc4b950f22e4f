"""Sentence splitting. In the samples ``|`` stands where a sentence ends; it is not part of the text."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtalign.languages import parse_language
from mtalign.segment import plain_text, split_long, split_sentences
from mtalign.segment.sentences import LONGEST


def split(text: str, code: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text, parse_language(code))]


def check(sample: str, code: str) -> None:
    text = sample.replace("|", "")
    assert split(text, code) == [sentence.strip() for sentence in sample.split("|") if sentence.strip()]


@pytest.mark.parametrize(
    "sample",
    [
        "GDP가 3.5% 늘었다.| 그것은 2007 년에 시작됐다.| 2022.4.8 에 끝났다.",
        "2022. 4. 8. 서울에서 열렸다.| 참가자는 1,200명이다.",
        "그는 “좋다.”라고 말했다.| 그리고 떠났다.",
        "그는 “좋다.” 라고 말했다.| 그리고 떠났다.",
        "“나는 간다. 너도 간다.”라고 말했다.| 끝이다.",
        "“간다.”| 그가 말했다.",
        "안보는“분리 할 수 없다”고 말했다.| 일본 해역이다.",
        "요구했다.| “실용적으로 만들자rutte가 촉구했다.",
        "합의했습니다.|그러나 이것은 다르다.",
        "합의했다.|2022년에 다시 만났다.",
        "끝이다!|좋다!| 뭐?!| 정말?",
        "변화를 목격했습니다. .| 이러한 기구가 있다. .",
        "그는… 갔다.| 했다...| 그러나 왔다.",
        "그는 말이 없었다……| 그리고 갔다.",
        "미국(U.S.)은 크다.| Mr. Kim은 왔다.| Node.js를 쓴다.| U.S. News가 전했다.",
        "사무총장과 일본 총리.| 사진: Nato.int",
        "https://a.kr/b?c=d.e 를 봐라.| info@a.kr로 보내라.| example.com에서 찾아라.",
        "동맹은 의무가 부족합니다| 유럽 이외의 역할을 확장합니다.",
        "갔습니다만 못 봤다.| 갔습니다 라고 했다.",
        "회의에서 NATO를 논의했다.| 1. 서론에서 말했다.",
        "“첫 문장이다.| 둘째 문장이다.| 셋째 문장이다.”",
        "첫째（설명이다. 그렇다.）는 맞다.| 둘째다.",
    ],
)
def test_korean_sentences(sample: str) -> None:
    check(sample, "ko")


@pytest.mark.parametrize(
    "sample",
    [
        "2022 年は決定的な年でした。| ロシアの侵攻だ。|ＮＡＴＯは３．５％増えた。",
        "彼は「行く。」と言った。|次の日だ。",
        "「はい。」|彼女は来た。",
        "「そうです！」と彼。|終わり。",
        "彼は「はい。そうです。」と答えた。|本当だ。",
        "「君の名は。」を見た。|とても良い。",
        "「行く。」|「来る。」|ところが来た。",
        "「インターネットの忍者。|不治のテレビ学者。|一般的な思想家。」",
        "え……。|そう…でも行く。|なに！？|もう……",
        "これ｡|次です．|重要性を持つだろうか?|日本は!",
        "（詳細は後述。）|韓国（首都はソウル。）は国だ。",
        "2019年に開催された韓日中首脳会談の再開を求めている。|協力が鍵であると述べた。",
        "紛争(ドクド 韓国語で/竹島 )は、問題の例です。| これに加えて、制裁がある。",
        "モデルはNode.jsだ。|https://a.jp/x?y=zを見る。|2022.4.8に来た。|Mr. Smithだ。",
        "２００７．５．１に始まった。|終わり",
        "公開されることはありません。| が付いている欄は必須項目です",
    ],
)
def test_japanese_sentences(sample: str) -> None:
    check(sample, "ja")


@pytest.mark.parametrize(
    "sample",
    [
        "自从北约成立和日本加入“自由民主国家”以来,几乎没有合作。|在欧洲,合作是多边的。",
        "他说：“好。”|然后走了。|真的吗？！|是的……好。",
        "“我同意。”他说。|“不。”|“好。”",
        "“自由、民主。”|这是口号。",
        "《你好！李焕英》上映。|GDP增长3.5%。|见www.a.com/b。|好",
        "他（记者。）说。|首先;其次。|最后.",
        "这是U.S. News的报道。|快去分享给好友吧!|去求助",
        "其中一个原因是匆忙撤离(2021年),这意味着影响力的丧失。|2022-2023年,有所调整。",
        "联系我们:info@booksci.cn Book学术提供服务。|致力于提供体验。| © 2023 布克学术 All rights reserved.",
        "為了改變這種趨勢，美國擴大了。|這些國家不僅如此。",
    ],
)
def test_chinese_sentences(sample: str) -> None:
    check(sample, "zh-Hant" if "為" in sample else "zh")


@pytest.mark.parametrize(
    "sample",
    [
        "Rutte besuchte Japan vom 8. bis 9. April.| Dies ist der erste Besuch.",
        "Am 9. April kam er.| Am 3. Oktober 1990 auch.| Im 19. Jahrhundert nicht.",
        "Das ist z. B. gut, d. h. besser.| Nr. 5 lebt.| Dr. Müller kam.| Siehe Art. 5 Abs. 2 GG.",
        "Prof. Dr. h. c. Meier kam.| Es kostet ca. 3,5 Mio. Euro.| Usw. und so fort.",
        "Das 1. Kapitel ist kurz.| Köln feierte seinen 102. Geburtstag.| Es war der 9.| Er ging.",
        "Ludwig XIV. starb.| Die U.S. Army nicht.| Ph. O. Trunov schrieb.| 2022 war das.",
        "Am Maritime (MSDF) Basis.|Er stieg ein.| Er nutzt Node.js und Nato.int.",
        "„Kommst du?“, fragte er.| „Ja!“| Sie ging.| »Gut.«| Er auch.",
        "Er sagte: „China unterstützt Russland.| China baut seine Streitkräfte auf.| Wir sind nicht naiv.“",
        "Was „Macht“ bedeutet, ist unklar.| „Es ist heute Ukraine.| Es könnte morgen Ostasien sein.“",
        "Er sprach „im Sinne der Kraft. “| Was „Macht“ bedeutet, ist unklar.",
        "Wir müssen mehr tun… und ich denke, das hilft.| Ja …",
        "Er kann „beurteilen… wer gewinnt“, und „sein“[inspired] Ziel verfolgen. “",
        "Wir müssen Abhängigkeiten beseitigen“.| Andere auch.",
        "Es verbindet Technologien. [thus] Multiplizieren Sie es.| Ende.",
        "Siehe https://a.de/b?c=D.E!Pfad.| Danach (siehe Abb. 2. Sie ist gut.) folgt mehr.",
        "Es stieg um 3.5% am 8.4.2022.| Danach fiel es.",
    ],
)
def test_german_sentences(sample: str) -> None:
    check(sample, "de")


@pytest.mark.parametrize(
    "sample",
    [
        "It grew by 3.5% of GDP.| See example.com.| The U.S. Army said so.| Mr. Smith went.",
        "This requires cooperation.|The article explores it.|In 2022–2023, it grew (2021).|But no more.",
        "The process.|The author uses Node.js, ASP.NET and System.Out.println today.",
        "No. 5 is alive, e.g. here.| A.B. Smith, et al. (2020) did it.| Really?!| Yes.",
        "He said “Why? Because.” and left.| “One.| Two.| Three.”",
        "She said, “Go!” and went.| (Really.)| Yes.| He came (see Fig. 2. It is good.) and left.",
        "Yahoo! is a firm.| Dr. Smith is not.| J. R. R. Tolkien wrote.",
        "1. Open the box.| 2. Read the note.| (3) Check the number.| Then go.",
        ":( It broke.| The door (left) too.| That is all.",
        "See https://a.b/c?d=E.F!G.| Mail a.b@c.org.| Done. .",
        "The loss of influence (2021).|But the interest grew.| It ended in the early 2020s.|For this reason.",
    ],
)
def test_english_sentences(sample: str) -> None:
    check(sample, "en")


@pytest.mark.parametrize(
    ("sample", "code"),
    [
        ("Il a dit : « Non. »| Puis M. Dupont est parti.| Qu’est-ce que c’est ?| Rien !", "fr"),
        ("Он сказал: «Да».| В 2020 г. было так.| А. С. Пушкин писал.", "ru"),
        ("ذهب الولد.| هل جاء؟| نعم.", "ar"),
        ("यह है।| वह था।", "hi"),
        ("မင်္ဂလာပါ။| နေကောင်းလား။", "my"),
        ("ሰላም።| እንዴት ነህ?", "am"),
        ("Բարեւ։| Ինչպես ես։", "hy"),
        ("میں ٹھیک ہوں۔| آپ کیسے ہیں؟", "ur"),
        ("Γεια σου.| Τι κάνεις;| Καλά.", "el"),
        ("¿Qué tal?| Muy bien.| ¡Adiós!", "es"),
    ],
)
def test_other_languages_are_split_by_the_library(sample: str, code: str) -> None:
    check(sample, code)


@pytest.mark.parametrize("code", ["ko", "ja", "zh", "de", "en"])
@pytest.mark.parametrize("text", ["", " \n ", "...", "。", "”", "a", "가", "1.", "(2)", "… . “ . ”"])
def test_fragments_give_at_most_one_sentence(text: str, code: str) -> None:
    assert split(text, code) == ([text.strip()] if text.strip() else [])


@pytest.mark.parametrize("space", ["\xa0", "\u2009", "\u202f", "\u3000", "\x85", "\u2028"])
@pytest.mark.parametrize("code", ["de", "en", "fr", "ru", "ko", "ja"])
def test_white_space_of_any_kind_may_follow_a_stop(space: str, code: str) -> None:
    # sentencex 1.0.32 panics on these.
    assert split(f"Rutte kam heute an.{space}Takeshi wartete schon.{space}", code) == [
        "Rutte kam heute an.",
        "Takeshi wartete schon.",
    ]


def test_a_wrapped_sentence_is_not_cut_at_its_line_break() -> None:
    check("첫 문장은\n여기서 끝난다.|\n둘째 문장은\r\n여기서 끝난다.", "ko")
    check("Der erste Satz\nendet hier.|\nDer zweite\nhier.", "de")


ANY = st.text(
    st.one_of(
        st.sampled_from("가나다라고습니다AbzÜ12. .。｡．!?！？…「」『』“”„\"'’()（）《》[] \t\n\r　"),
        st.sampled_from(",、:\u0301\u200d\ufe0f😀http://.a@b"),
        st.characters(codec="utf-8"),
    ),
    max_size=150,
)


@given(ANY, st.sampled_from(["ko", "ja", "zh", "zh-Hant", "de", "en", "fr", "th", "ar"]))
def test_sentences_cover_every_character_that_is_not_white_space(text: str, code: str) -> None:
    spans = split_sentences(text, parse_language(code))
    position = 0
    for start, end in spans:
        assert position <= start < end <= len(text)
        assert not text[position:start].strip()
        assert text[start:end] == text[start:end].strip()
        position = end
    assert not text[position:].strip()
    assert split_sentences(text, parse_language(code)) == spans


@given(ANY, st.sampled_from(["ko", "ja", "de", "en"]))
def test_no_sentence_is_punctuation_alone_beside_another(text: str, code: str) -> None:
    sentences = split(text, code)
    if len(sentences) > 1:
        assert all(any(character.isalnum() for character in sentence) for sentence in sentences)


# Long pieces


def test_a_text_without_stops_is_cut_at_clauses_then_spaces() -> None:
    clause = "북약과 일본의 협력은 계속되고, "
    pieces = split(clause * 400, "ko")
    assert all(LONGEST // 2 <= len(piece) <= LONGEST for piece in pieces[:-1])
    assert all(piece.endswith("계속되고,") for piece in pieces)
    words = split("협력 " * 3000, "ko")
    assert all(len(piece) <= LONGEST and re.fullmatch(r"(협력 )*협력", piece) for piece in words)


def test_a_cut_never_parts_a_combining_sequence() -> None:
    for unit in ("e\u0301", "👨\u200d👩\u200d👧", "न\u093fन\u094d", "한"):
        text = "x" + unit * 1500
        spans = split_long(text, 700)
        assert "".join(text[start:end] for start, end in spans) == text
        for start, end in spans:
            assert end - start <= 700
            assert unicodedata.category(text[start]) not in ("Mn", "Mc", "Me")
            assert text[start] != "\u200d"
            assert text[end - 1] != "\u200d"


@given(st.text(max_size=300), st.integers(min_value=4, max_value=50))
def test_pieces_of_any_text_are_short_and_complete(text: str, limit: int) -> None:
    spans = split_long(text, limit)
    assert all(0 < end - start <= limit for start, end in spans)
    kept = "".join(text[start:end] for start, end in spans)
    assert re.sub(r"\s", "", kept) == re.sub(r"\s", "", text)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("한 줄이고\n둘째 줄", "한 줄이고 둘째 줄"),
        ("人用\n> 的文", "人用的文"),
        ("인용문\r\n> > 둘째  줄", "인용문 둘째 줄"),
        ("  NATO\n 諸国 ", "NATO 諸国"),
        ("a > b\tc", "a > b c"),
    ],
)
def test_a_model_reads_one_plain_line(text: str, plain: str) -> None:
    assert plain_text(text) == plain

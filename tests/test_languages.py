from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mtalign.errors import LanguageError, MtalignError
from mtalign.languages import (
    ENGLISH,
    Language,
    all_languages,
    identify,
    parse_language,
    source_script_characters,
)
from mtalign.scripts import has_script, script_counts

SHARED = Path(__file__).resolve().parents[1].parent / "shared"


def code_of(text: str, prior: str | None = None) -> str | None:
    language = identify(text, parse_language(prior) if prior else None)
    return language.code if language else None


@pytest.mark.parametrize(
    ("spelling", "code"),
    [
        ("ko", "ko"),
        ("KO", "ko"),
        ("kor", "ko"),
        ("kor_Hang", "ko"),
        ("KOR_HANG", "ko"),
        ("ko-KR", "ko"),
        ("ko_KR", "ko"),
        ("ko-Kore-KR", "ko"),
        ("Korean", "ko"),
        (" korean ", "ko"),
        ("한국어", "ko"),
        ("日本語", "ja"),
        ("ja-Jpan", "ja"),
        ("Deutsch", "de"),
        ("DEUTSCH", "de"),
        ("ger", "de"),
        ("de-AT", "de"),
        ("中文", "zh"),
        ("zh_CN", "zh"),
        ("zh-Hans-CN", "zh"),
        ("cmn", "zh"),
        ("zho_Hans", "zh"),
        ("zh-Hant-TW", "zh-Hant"),
        ("zh-TW", "zh-Hant"),
        ("zh-HK", "zh-Hant"),
        ("zho_Hant", "zh-Hant"),
        ("Traditional Chinese", "zh-Hant"),
        ("pt-BR", "pt"),
        ("Farsi", "fa"),
        ("pes_Arab", "fa"),
        ("no", "nb"),
        ("iw", "he"),
        ("Filipino", "tl"),
        ("ace-Arab", "ace-Arab"),
        ("français", "fr"),
        ("en-US", "en"),
    ],
)
def test_every_common_spelling_parses(spelling: str, code: str) -> None:
    assert parse_language(spelling).code == code


def test_a_language_says_what_nllb_calls_it_and_which_script_it_has() -> None:
    assert parse_language("ko") == Language("ko", "Korean", "kor_Hang", "Hang")
    assert parse_language("en") == ENGLISH == Language("en", "English", "eng_Latn", "Latn")
    assert parse_language("zh-TW").primary == "zh"


def test_the_table_holds_all_nllb_languages_once_and_each_parses_back() -> None:
    languages = all_languages()
    assert len(languages) == len({language.code for language in languages}) == 202
    assert len({language.nllb for language in languages}) == 202
    for language in languages:
        for spelling in (language.code, language.name, language.nllb):
            assert parse_language(spelling) == language, spelling


def test_the_table_has_the_codes_of_the_published_nllb_tokenizer() -> None:
    pytest.importorskip("transformers")
    from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

    assert {language.nllb for language in all_languages()} == set(FAIRSEQ_LANGUAGE_CODES)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("kr", "did you mean ko (Korean)?"),
        ("kr-KR", "did you mean ko (Korean)?"),
        ("jp", "did you mean ja (Japanese)?"),
        ("cn", "did you mean zh (Chinese)?"),
        ("ge", "did you mean ka (Georgian)?"),
        ("ua", "did you mean uk (Ukrainian)?"),
        ("koren", "did you mean ko (Korean)?"),
        ("germn", "did you mean de (German)?"),
        ("Japanse", "did you mean ja (Japanese)?"),
        ("sr-Latn", "did you mean sr (Serbian)?"),
        ("xx", "give an ISO 639 code"),
        ("", "give a code"),
        ("-", "give an ISO 639 code"),
        ("ko; rm -rf", "give an ISO 639 code"),
    ],
)
def test_a_wrong_code_names_the_nearest_right_one(wrong: str, hint: str) -> None:
    with pytest.raises(LanguageError) as caught:
        parse_language(wrong)
    assert hint in caught.value.hint
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_the_error_reads_as_one_sentence() -> None:
    with pytest.raises(LanguageError, match=r'^"kr" is not a language; did you mean ko \(Korean\)\?$'):
        parse_language("kr")


@pytest.mark.parametrize(
    ("text", "prior", "code"),
    [
        ("일본과 유럽은 미국없이", None, "ko"),
        ("NATO 장관 마크 루트 (Mark Rutte) 사무 총장", None, "ko"),
        ("メールアドレスが公開されることはありません。", None, "ja"),
        ("ソウル", None, "ja"),
        ("コーヒーメーカー", None, "ja"),
        ("北约与日本发展合作的途径:困难与前景", None, "zh"),
        ("摘要", None, "zh"),
        ("Book学术文献互助", None, "zh"),
        ("京ICP备2023020795号-1", None, "zh"),
        ("這是一個測試", None, "zh-Hant"),
        ("日米首脳会談", None, "ja"),
        ("首相官邸", "ja", "ja"),
        ("首相官邸", None, "zh"),
        ("东京", "ja", "zh"),
        ("尹錫悦大統領", "ja", "ja"),
        ("中国与韩国(대한민국)的合作", "ko", "zh"),
        ("联系我们", "ko", "zh"),
        ("κόσμος", None, "el"),
        ("שלום", None, "he"),
        ("ข้อความ", None, "th"),
        ("Як справи сьогодні, друже?", None, "uk"),
        ("Сегодня в Москве прошла встреча министров иностранных дел.", None, "ru"),
        ("سلام حال شما چطور است", None, "fa"),
        ("यह एक परीक्षा है", None, "hi"),
        ("Bonjour tout le monde, comment allez-vous?", None, "fr"),
        ("Rutte begrüßte das japanische Interesse.", None, "de"),
        (
            "Am Maritime Selbstverteidigungskräfte (MSDF) BasisEr stieg in eine hochmoderne Fregatte",
            None,
            "de",
        ),
        ("Mark Rutte traf Nakatani Gen und Iwaya Takeshi auf der Basis in Yokosuka.", "de", "de"),
        ("Japan and Europe Should Forge Ahead With Their Own Alliance, Without the US", "ko", "en"),
        ("NATO’s approach to develop cooperation with Japan: Difficulties and prospects", "zh", "en"),
    ],
)
def test_a_text_is_identified(text: str, prior: str | None, code: str) -> None:
    assert code_of(text, prior) == code


@pytest.mark.parametrize(
    "text", ["", "12.5 %", "…", "abc", "NATO", "https://example.com/a-long-english-path", "Amari Masaki"]
)
def test_what_does_not_show_its_language_is_undecided(text: str) -> None:
    assert code_of(text) is None


def test_an_address_does_not_decide_the_language() -> None:
    assert code_of("https://www.example.com/this-is-the-english-part-of-the-address 저장") == "ko"


@pytest.mark.parametrize(
    "chinese",
    [
        "韩国",
        "朝鲜半岛",
        "大韩民国总统",
        "首尔",
        "中国移动",
        "你好",
        "人民日报",
        "新闻联播",
        "韓國",
        "大韓民國總統",
    ],
)
@pytest.mark.parametrize("prior", [None, "ko", "ja", "de"])
def test_chinese_is_never_taken_for_korean(chinese: str, prior: str | None) -> None:
    assert code_of(chinese, prior) in ("zh", "zh-Hant", "ja" if prior == "ja" else "zh")


@pytest.mark.parametrize(
    ("pair", "code"), [("ko-en", "ko"), ("ja-en", "ja"), ("zh-en", "zh"), ("de-en", "de"), ("de-en", "en")]
)
def test_sentences_of_a_public_test_set_are_identified(pair: str, code: str) -> None:
    folder = SHARED / "evaldata" / "flores200-devtest" / pair
    if not folder.is_dir():
        pytest.skip("shared/evaldata is not here")
    path = next(folder.glob("ref.*" if code == "en" else "src.*"))
    lines = path.read_text(encoding="utf-8").split("\n")[:300]
    wrong = [(line, code_of(line)) for line in lines if line and code_of(line) != code]
    assert len(wrong) <= 1, wrong
    assert all(found is None for _, found in wrong), wrong


def test_source_script_characters_are_found_in_a_translation() -> None:
    chinese = parse_language("zh")
    text = "the 溢出效应 effect, ハロー, 한국 and naïve café 5 %"
    spans = source_script_characters(text, chinese)
    assert [text[start:end] for start, end in spans] == ["溢出效应", "ハロ", "한국"]
    assert source_script_characters("Größe naïve", parse_language("de")) == []
    assert source_script_characters("слово and word", parse_language("ru")) == [(0, 5)]


def test_scripts_are_counted_without_digits_and_punctuation() -> None:
    assert script_counts("Ab 12, 漢字かなカナ 한글!") == {
        "Latn": 2,
        "Hani": 2,
        "Hira": 2,
        "Kana": 2,
        "Hang": 2,
    }
    assert has_script("abc 漢", "Jpan")
    assert not has_script("abc", "Hang")


def test_a_full_temporary_folder_is_an_error_of_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from py3langid.langid import LanguageIdentifier

    from mtalign import languages

    def fail(*args: object, **settings: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MTALIGN_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(LanguageIdentifier, "from_model_file", fail)
    with pytest.raises(
        MtalignError, match="cannot load the language identifier: No space left on device; make"
    ):
        languages._identifier.__wrapped__()


def test_importing_languages_loads_no_model_and_no_numpy() -> None:
    code = (
        "import sys, mtalign.languages as l; l.parse_language('kor_Hang'); l.identify('한국어'); "
        "print(sorted({'numpy', 'py3langid', 'torch', 'transformers'} & set(sys.modules)))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )

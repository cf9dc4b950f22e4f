"""Tokenization without transformers gives what the transformers classes give."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from checkpoints import ENGLISH, KOREAN, phrases, resolved
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtalign.engines.tokenization import SentencePieceM2M100Tokenizer, Tokenizer, load_tokenizer
from mtalign.errors import ModelError

AWKWARD = [
    "  선생님은  책을 ",
    "\t책을\n팔았습니다\r\n",
    "😀 책을 👩‍👩‍👧",
    "ﬁ ① ㍿ ２００７年 ｶﾞ",
    "a\u200bb\ufeff\u00adc",
    "é e\u0301 ᄒ\u1161ᆫ글 한",
    "„Hi“ ”x“ — …… 「先生」 ‚a‘ «b» %.",
    "𠮷野家 Ünïcödé Straße",
    "\u00a0책\u3000을",
    "\x00\x01 x \ufffd",
    "a" * 300,
    "▁책을 _ ▁",
    "<",
    "2.200.112 0.85.x 3,5 %",
]

Pair = tuple[Tokenizer, Any, list[str]]


@pytest.fixture(scope="session")
def marian_pair(marian_checkpoint: Path) -> Pair:
    from transformers import MarianTokenizer

    return _pair(marian_checkpoint, MarianTokenizer.from_pretrained(marian_checkpoint))


@pytest.fixture(scope="session")
def nllb_pair(nllb_checkpoint: Path) -> Pair:
    from transformers import NllbTokenizer

    return _pair(nllb_checkpoint, NllbTokenizer.from_pretrained(nllb_checkpoint, src_lang="kor_Hang"))


def _pair(path: Path, reference: Any) -> Pair:
    table = reference.get_vocab()
    vocabulary = sorted(table, key=table.__getitem__)
    return load_tokenizer(resolved(path), vocabulary), reference, vocabulary


def _ids(pair: Pair, text: str) -> list[int]:
    tokenizer, reference, vocabulary = pair
    numbers = {token: number for number, token in enumerate(vocabulary)}
    wrapped = tokenizer.wrap(tokenizer.pieces(text), KOREAN, ENGLISH)
    return [numbers.get(token, reference.unk_token_id) for token in wrapped]


@pytest.mark.filterwarnings("ignore:Recommended")
@pytest.mark.parametrize("family", ["marian", "nllb"])
def test_awkward_text_gives_the_ids_of_transformers(family: str, request: pytest.FixtureRequest) -> None:
    pair = request.getfixturevalue(f"{family}_pair")
    for text in [*AWKWARD, *[source for _, source, _ in phrases()[::7]]]:
        assert _ids(pair, text) == pair[1](text).input_ids, text


@pytest.mark.filterwarnings("ignore:Recommended")
@pytest.mark.parametrize("family", ["marian", "nllb"])
def test_any_text_gives_the_ids_of_transformers(family: str, request: pytest.FixtureRequest) -> None:
    pair = request.getfixturevalue(f"{family}_pair")

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
    def check(text: str) -> None:
        assert _ids(pair, text) == pair[1](text, split_special_tokens=True).input_ids

    check()


@pytest.mark.filterwarnings("ignore:Recommended")
@pytest.mark.parametrize("family", ["marian", "nllb"])
def test_target_tokens_give_the_text_of_transformers(family: str, request: pytest.FixtureRequest) -> None:
    tokenizer, reference, vocabulary = request.getfixturevalue(f"{family}_pair")
    generator = random.Random(3)
    rows = [reference(text_target=english).input_ids for _, _, english in phrases()[::11]]
    rows += [[generator.randrange(len(vocabulary)) for _ in range(12)] for _ in range(60)]
    for ids in rows:
        expected = reference.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        assert tokenizer.text([vocabulary[number] for number in ids]) == expected.strip()


def test_nllb_without_tokenizer_json_has_the_same_pieces(
    nllb_pair: Pair, nllb_checkpoint: Path, tmp_path: Path
) -> None:
    shutil.copy(nllb_checkpoint / "sentencepiece.bpe.model", tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "m2m_100"}')
    tokenizer = load_tokenizer(resolved(tmp_path), nllb_pair[2])
    assert isinstance(tokenizer, SentencePieceM2M100Tokenizer)
    for _, source, english in phrases()[::7]:
        assert tokenizer.pieces(source) == nllb_pair[0].pieces(source)
        assert tokenizer.text(nllb_pair[0].pieces(english)) == english
    assert tokenizer.wrap(["x"], KOREAN, ENGLISH) == ["kor_Hang", "x", "</s>"]
    assert tokenizer.target_prefix(ENGLISH) == ["eng_Latn"]


def test_m2m100_codes_have_underscores(nllb_checkpoint: Path, tmp_path: Path) -> None:
    shutil.copy(nllb_checkpoint / "sentencepiece.bpe.model", tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "m2m_100"}')
    tokenizer = load_tokenizer(resolved(tmp_path), ["__ko__", "__en__", "</s>"])
    assert tokenizer.wrap(["x"], KOREAN, ENGLISH) == ["__ko__", "x", "</s>"]
    assert tokenizer.target_prefix(ENGLISH) == ["__en__"]
    assert tokenizer.text(["__en__", "▁a", "</s>"]) == "a"


@pytest.mark.parametrize("name", ["source.spm", "target.spm"])
def test_a_missing_or_damaged_sentencepiece_file_is_named(
    name: str, marian_checkpoint: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(marian_checkpoint, tmp_path / "copy")
    (copy / name).write_bytes(b"not a model")
    with pytest.raises(ModelError, match=f"{name} is not a sentencepiece model"):
        load_tokenizer(resolved(copy, "marian"), [])
    (copy / name).unlink()
    with pytest.raises(ModelError, match=f"has no {name}"):
        load_tokenizer(resolved(copy, "marian"), [])


def test_a_damaged_tokenizer_json_is_named(nllb_checkpoint: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(nllb_checkpoint, tmp_path / "copy")
    (copy / "tokenizer.json").write_text('{"version": ')
    with pytest.raises(ModelError, match=r"tokenizer\.json is damaged"):
        load_tokenizer(resolved(copy), [])

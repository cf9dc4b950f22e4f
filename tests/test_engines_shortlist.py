"""A shortlist: fewer tokens to choose from, the same for every sentence, off unless asked for."""

from __future__ import annotations

import json
import random
import sqlite3
from pathlib import Path

import pytest
from checkpoints import ENGLISH, KOREAN, phrases, resolved, sample_requests
from click.testing import CliRunner

from mtalign.cli.main import cli
from mtalign.engines.base import Decoding, Request
from mtalign.engines.registry import load_engine
from mtalign.engines.shortlist import build_shortlist, english_texts, read_shortlist, write_shortlist
from mtalign.errors import DocumentError, ModelError, UsageError

ENGLISH_TEXTS = [english for _, _, english in phrases()]


@pytest.fixture(params=["marian", "nllb"])
def checkpoint(request) -> Path:
    return request.getfixturevalue(f"{request.param}_checkpoint")


def load(checkpoint, converted_home, **settings):
    return load_engine("ctranslate2", resolved(checkpoint), home=converted_home, workers=2, **settings)


def make(checkpoint, converted_home, path, texts):
    engine = load(checkpoint, converted_home)
    tokens = build_shortlist(engine._tokenizer, engine._vocabulary, texts)
    write_shortlist(path, resolved(checkpoint), tokens)
    engine.close()
    return tokens, engine


def test_with_the_text_it_was_made_of_nothing_changes(checkpoint, converted_home, tmp_path):
    tokens, full = make(checkpoint, converted_home, tmp_path / "list", ENGLISH_TEXTS)
    assert len(tokens) < len(full._vocabulary)
    samples = sample_requests(40)
    requests = [request for request, _ in samples]
    full, short = (
        load(checkpoint, converted_home),
        load(checkpoint, converted_home, shortlist=tmp_path / "list"),
    )
    expected = [one.text for one in full.translate(requests, Decoding())]
    assert [one.text for one in short.translate(requests, Decoding())] == expected
    assert short.version.startswith(full.version + " shortlist ")


def test_the_target_side_of_a_marian_model_is_a_list_that_changes_nothing(
    marian_checkpoint, converted_home, tmp_path
):
    full = load(marian_checkpoint, converted_home)
    vocabulary = full._vocabulary
    tokens = build_shortlist(full._tokenizer, vocabulary, [], len(vocabulary))
    assert {token for text in ENGLISH_TEXTS for token in full._tokenizer.target_pieces(text)} <= {*tokens}
    assert len({*tokens}) == len(tokens) < len(vocabulary)
    write_shortlist(tmp_path / "list", resolved(marian_checkpoint), tokens)
    short = load(marian_checkpoint, converted_home, shortlist=tmp_path / "list")
    requests = [request for request, _ in sample_requests(40)]
    expected = [one.text for one in full.translate(requests, Decoding())]
    assert [one.text for one in short.translate(requests, Decoding())] == expected


def test_a_list_is_filled_up_with_the_likeliest_tokens_of_the_target_side(marian_checkpoint, converted_home):
    engine = load(marian_checkpoint, converted_home)
    bare = build_shortlist(engine._tokenizer, engine._vocabulary, ["The bridge."])
    filled = build_shortlist(engine._tokenizer, engine._vocabulary, ["The bridge."], len(bare) + 5)
    ranked = [t for t in engine._tokenizer.target_vocabulary() if t in engine._ids and t not in bare]
    assert filled == bare + ranked[:5]
    assert build_shortlist(engine._tokenizer, engine._vocabulary, ["The bridge."], 3) == bare


def test_tokens_that_all_languages_share_fill_no_list(nllb_checkpoint, converted_home):
    engine = load(nllb_checkpoint, converted_home)
    with pytest.raises(UsageError, match="one set of tokens for all languages"):
        build_shortlist(engine._tokenizer, engine._vocabulary, [], len(engine._vocabulary))


def test_only_its_tokens_are_written_alone_as_in_any_batch(checkpoint, converted_home, tmp_path):
    make(checkpoint, converted_home, tmp_path / "list", [t for t in ENGLISH_TEXTS if "bridge" not in t])
    tokens = set(read_shortlist(tmp_path / "list", resolved(checkpoint)))
    short = load(checkpoint, converted_home, shortlist=tmp_path / "list", batch_size=8)
    generator = random.Random(3)
    known = [source for language, source, _ in phrases() if language == KOREAN]
    requests = [
        Request(" ".join(generator.choices(known, k=generator.randint(1, 3))), KOREAN, ENGLISH)
        for _ in range(30)
    ]
    together = short.translate(requests, Decoding())
    assert together == [short.translate([request], Decoding())[0] for request in requests]
    written = {short._vocabulary[number] for one in together for number in one.token_ids}
    assert written
    assert written <= tokens


def test_english_is_found_in_text_tsv_and_jsonl(tmp_path):
    (tmp_path / "a.txt").write_text("One.\nTwo.\n")
    (tmp_path / "b.tsv").write_text('하나\tOne "1.\n둘\tTwo.\n')
    lines = [{"translation": "One."}, {"translation": None}, {"other": "x"}]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    assert list(english_texts(tmp_path / "a.txt")) == ["One.", "Two."]
    assert list(english_texts(tmp_path / "b.tsv")) == ['One "1.', "Two."]
    assert list(english_texts(tmp_path / "c.jsonl")) == ["One."]
    (tmp_path / "d.txt").write_bytes(b"\xff")
    with pytest.raises(DocumentError, match=r"d\.txt"):
        list(english_texts(tmp_path / "d.txt"))


def test_a_list_of_another_model_or_none_is_refused(
    marian_checkpoint, nllb_checkpoint, converted_home, tmp_path
):
    make(marian_checkpoint, converted_home, tmp_path / "list", ENGLISH_TEXTS)
    with pytest.raises(UsageError, match="of another model"):
        load(nllb_checkpoint, converted_home, shortlist=tmp_path / "list")
    (tmp_path / "no").write_text("word\n")
    with pytest.raises(ModelError, match="is no shortlist"):
        load(marian_checkpoint, converted_home, shortlist=tmp_path / "no")
    with pytest.raises(UsageError, match="does not exist"):
        load(marian_checkpoint, converted_home, shortlist=tmp_path / "nothing")


def test_the_command_makes_one_and_translate_takes_it(marian_checkpoint, job_home, tmp_path):
    (tmp_path / "english.txt").write_text("\n".join(ENGLISH_TEXTS) + "\n")
    model = str(marian_checkpoint)
    made = CliRunner().invoke(cli, ["models", "shortlist", model, "english.txt", "-o", "a.list"])
    assert made.exit_code == 0, made.output
    assert made.output.startswith("a.list: ")
    source, english = next((s, e) for language, s, e in phrases() if language == KOREAN)
    options = ["-m", model, "--shortlist", "a.list", "-q"]
    result = CliRunner().invoke(cli, ["translate", *options], input=source + "\n", standalone_mode=False)
    assert result.stdout == english + "\n"
    with sqlite3.connect(job_home / "memory.sqlite") as connection:
        ((engine,),) = connection.execute("SELECT engine FROM outcome").fetchall()
    assert " shortlist " in engine

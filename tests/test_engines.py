"""The two seq2seq engines against each other: the same tokens, alone and in any batch."""

from __future__ import annotations

import dataclasses
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from checkpoints import ENGLISH, GERMAN, KOREAN, build_marian, resolved, sample_requests, shared_checkpoint

from mtalign.engines.base import Decoding, Engine, Hypothesis, Request
from mtalign.engines.registry import load_engine
from mtalign.errors import EngineError, LanguageError, ModelError
from mtalign.languages import Language

FAMILIES = ["marian", "nllb"]
WELSH_KLINGON = Language("tlh", "Klingon", "tlh_Latn", "Latn")


@pytest.fixture
def checkpoint(request: pytest.FixtureRequest, family: str) -> Path:
    return request.getfixturevalue(f"{family}_checkpoint")


@pytest.fixture
def load(checkpoint: Path, converted_home: Path) -> Iterator[Callable[..., Any]]:
    """Loads the checkpoint of the test's family with an engine by name, and closes it after the test."""
    engines: list[Engine] = []

    def loader(name: str, path: Path = checkpoint, fingerprint: str = "", **settings: Any) -> Any:
        if name == "ctranslate2":
            settings = {"home": converted_home, "workers": 1, "compute_type": "float32", **settings}
        model = resolved(path)
        if fingerprint:  # of a model whose conversion serves this one
            model = dataclasses.replace(model, fingerprint=fingerprint)
        engines.append(load_engine(name, model, **settings))
        return engines[-1]

    yield loader
    for engine in engines:
        engine.close()


def unseen_requests(count: int) -> list[Request]:
    """Sentences unlike the training phrases, of many lengths: there candidates are close to each other."""
    generator = random.Random(5)
    texts = [request for request, _ in sample_requests(40)]
    requests = []
    for _ in range(count):
        request = generator.choice(texts)
        characters = list(" ".join(generator.choice(texts).text for _ in range(generator.randint(1, 3))))
        for _ in range(generator.randint(1, 5)):
            characters[generator.randrange(len(characters))] = generator.choice("가책本書der 2007。😀")
        requests.append(dataclasses.replace(request, text="".join(characters)))
    return requests


def tokens(hypotheses: list[Hypothesis]) -> list[tuple[int, ...]]:
    return [hypothesis.token_ids for hypothesis in hypotheses]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["ctranslate2", "transformers"])
def test_a_trained_checkpoint_translates_its_phrases(name: str, load: Callable[..., Any]) -> None:
    samples = sample_requests(60)
    hypotheses = load(name).translate([request for request, _ in samples], Decoding(beam=1))
    assert [hypothesis.text for hypothesis in hypotheses] == [english for _, english in samples]
    assert all(hypothesis.finished for hypothesis in hypotheses)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("beam", [1, 4])
def test_ctranslate2_float32_writes_the_tokens_of_transformers(beam: int, load: Callable[..., Any]) -> None:
    requests = [request for request, _ in sample_requests(30)] + unseen_requests(30)
    decoding = Decoding(beam=beam, min_length=128)
    fast, reference = load("ctranslate2"), load("transformers")
    alone = [fast.translate([request], decoding)[0] for request in requests]
    reference_alone = [reference.translate([request], decoding)[0] for request in requests]
    assert tokens(alone) == tokens(reference_alone)
    assert [h.text for h in alone] == [h.text for h in reference_alone]
    assert [(h.tokens, h.finished) for h in alone] == [(h.tokens, h.finished) for h in reference_alone]
    assert [h.score for h in alone] == pytest.approx([h.score for h in reference_alone], abs=1e-4)
    assert tokens(fast.translate(requests, decoding)) == tokens(alone)
    assert tokens(reference.translate(requests, decoding)) == tokens(alone)
    assert tokens(load("ctranslate2", bucket=1).translate(requests, decoding)) == tokens(alone)
    assert tokens(load("transformers", padding=True).translate(requests, decoding)) == tokens(alone)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("beam", [1, 4])
def test_int8_gives_the_same_bits_alone_and_in_any_batch(beam: int, load: Callable[..., Any]) -> None:
    requests = unseen_requests(60)
    decoding = Decoding(beam=beam)
    engine = load("ctranslate2", compute_type="int8", workers=2, batch_size=8)
    alone = [engine.translate([request], decoding)[0] for request in requests]
    assert engine.translate(requests, decoding) == alone
    order = random.Random(1).sample(range(len(requests)), len(requests))
    shuffled = engine.translate([requests[index] for index in order], decoding)
    assert [shuffled[order.index(index)] for index in range(len(requests))] == alone


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("beam", [1, 4])
def test_sentences_of_unequal_length_share_a_batch_and_keep_their_bits(
    beam: int, load: Callable[..., Any]
) -> None:
    decoding = Decoding(beam=beam)
    engine = load("ctranslate2", compute_type="int8", workers=2, batch_size=32)
    requests = unseen_requests(80)
    lengths = engine.count_tokens([request.text for request in requests])
    batches = engine.batches(requests, decoding)
    assert sorted(index for batch in batches for index in batch) == list(range(80))
    assert any(len({lengths[index] for index in batch}) > 4 for batch in batches)
    assert {-(-lengths[i] // 16) for i in batches[0]} == {-(-lengths[batches[0][0]] // 16)}
    started = []
    start = engine._start
    engine._start = lambda *arguments: (started.append(len(arguments[0])), start(*arguments))[1]
    engine.start([requests[index] for index in batches[0]], decoding).result()
    assert started == [len(batches[0])]
    engine._start = start
    for batch in batches:
        together = engine.start([requests[index] for index in batch], decoding).result()
        assert together == [engine.translate([requests[index]], decoding)[0] for index in batch]


@pytest.mark.parametrize("family", FAMILIES)
def test_without_buckets_only_equal_lengths_share_a_batch(load: Callable[..., Any]) -> None:
    engine = load("ctranslate2", bucket=1)
    requests = unseen_requests(40)
    lengths = engine.count_tokens([request.text for request in requests])
    for batch in engine.batches(requests, Decoding()):
        assert len({lengths[index] for index in batch}) == 1


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["ctranslate2", "transformers"])
def test_an_output_cut_at_the_limit_is_not_finished(name: str, load: Callable[..., Any]) -> None:
    samples = [request for request, _ in sample_requests(12)]
    setting = "padding" if name == "transformers" else "bucket"
    for value in (False, True) if name == "transformers" else (1, 16):
        engine = load(name, **{setting: value})
        for beam in (1, 4):
            cut = engine.translate(samples, Decoding(beam=beam, max_ratio=0.01, min_length=3))
            assert {(hypothesis.finished, hypothesis.tokens) for hypothesis in cut} == {(False, 3)}
            assert all(len(hypothesis.token_ids) == 3 for hypothesis in cut)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["ctranslate2", "transformers"])
def test_the_limit_of_a_request_is_its_own_in_a_mixed_batch(name: str, load: Callable[..., Any]) -> None:
    engine = load(name)
    requests = unseen_requests(12)
    decoding = Decoding(beam=1, max_ratio=0.2, min_length=2)
    lengths = engine.count_tokens([request.text for request in requests])
    assert len(set(lengths)) > 3
    for length, hypothesis in zip(lengths, engine.translate(requests, decoding), strict=True):
        assert hypothesis.tokens <= max(2, -(-length // 5))


@pytest.mark.parametrize("family", FAMILIES)
def test_repetition_options_are_honoured(load: Callable[..., Any]) -> None:
    requests = [request for request, english in sample_requests(120) if " by the " in english]
    fast, reference = load("ctranslate2"), load("transformers")
    plain = fast.translate(requests, Decoding(beam=1))
    assert len(plain) > 10
    assert all(len(set(h.token_ids)) < len(h.token_ids) for h in plain)
    for engine in (fast, reference):
        unrepeated = engine.translate(requests, Decoding(beam=1, no_repeat_ngram=1))
        assert all(len(set(h.token_ids)) == len(h.token_ids) for h in unrepeated)
        penalised = engine.translate(requests, Decoding(beam=1, repetition_penalty=5.0))
        assert tokens(penalised) != tokens(plain)
    assert tokens(fast.translate(requests, Decoding(beam=1, repetition_penalty=1.3))) == tokens(
        reference.translate(requests, Decoding(beam=1, repetition_penalty=1.3))
    )


@pytest.mark.parametrize("family", ["nllb"])
def test_nllb_gets_source_and_target_codes_by_their_ids(
    load: Callable[..., Any], checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, fast = load("transformers"), load("ctranslate2")
    table = json.loads((checkpoint / "tokenizer.json").read_text(encoding="utf-8"))["added_tokens"]
    ids = {token["content"]: token["id"] for token in table}
    # Offsets from the first code as in the published checkpoint: 256001 ace_Arab, 256047 eng_Latn, …
    offsets = {code: ids[code] - ids["ace_Arab"] for code in ("eng_Latn", "kor_Hang", "zul_Latn", "<mask>")}
    assert offsets == {"eng_Latn": 46, "kor_Hang": 97, "zul_Latn": 201, "<mask>": 202}

    fed: dict[str, Any] = {}
    network = reference._network
    generate = network.generate

    def spy(**arguments: Any) -> Any:
        fed.update(arguments, sequences=generate(**arguments))
        return fed["sequences"]

    monkeypatch.setattr(network, "generate", spy)
    request = next(request for request, _ in sample_requests(60) if request.source == KOREAN)
    (expected,) = reference.translate([request], Decoding(beam=1))
    source = fed["input_ids"][0].tolist()
    assert (source[0], source[-1]) == (ids["kor_Hang"], 2)
    assert fed["sequences"][0].tolist() == [2, ids["eng_Latn"], *expected.token_ids, 2]

    translator = fast._open()

    class Spy:
        def translate_batch(self, *sources: Any, **options: Any) -> Any:
            fed.update(options, sources=sources[0])
            return translator.translate_batch(*sources, **options)

    fast._translator = Spy()
    assert fast.translate([request], Decoding(beam=1))[0].token_ids == expected.token_ids
    fast._translator = translator
    assert [fast._ids[token] for token in fed["sources"][0]] == source
    assert fed["target_prefix"][0] == ["eng_Latn"]
    assert fast._ids["eng_Latn"] == ids["eng_Latn"]
    assert fed["replace_unknowns"] is False


@pytest.mark.parametrize("family", ["nllb"])
@pytest.mark.parametrize("name", ["ctranslate2", "transformers"])
def test_a_language_that_nllb_has_no_code_for_is_refused(name: str, load: Callable[..., Any]) -> None:
    engine = load(name)
    for source, target in ((WELSH_KLINGON, ENGLISH), (KOREAN, WELSH_KLINGON)):
        with pytest.raises(LanguageError, match=r"Klingon.*tlh_Latn"):
            engine.translate([Request("책", source, target)], Decoding())


@pytest.mark.parametrize("family", ["marian"])
@pytest.mark.parametrize("name", ["ctranslate2", "transformers"])
def test_a_bilingual_marian_refuses_another_language(
    name: str, load: Callable[..., Any], checkpoint: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(checkpoint, tmp_path / "opus-mt-ko-en")
    config = json.loads((copy / "tokenizer_config.json").read_text())
    (copy / "tokenizer_config.json").write_text(
        json.dumps(config | {"source_lang": "ko", "target_lang": "en"})
    )
    engine = load(name, copy, resolved(checkpoint).fingerprint)
    assert engine.translate([Request("선생님은 책을 팔았습니다.", KOREAN, ENGLISH)], Decoding())[0].text
    with pytest.raises(LanguageError, match="does not know German"):
        engine.translate([Request("Der Lehrer", GERMAN, ENGLISH)], Decoding())
    with pytest.raises(LanguageError, match="does not know German"):
        engine.translate([Request("선생님은", KOREAN, GERMAN)], Decoding())


def test_a_multilingual_marian_is_told_its_target_language(shared_folder: Path, converted_home: Path) -> None:
    path = shared_checkpoint(
        shared_folder,
        "marian-multi",
        lambda folder: build_marian(folder, target_codes=["eng", "fra"], steps=1),
    )
    # Untrained, it never ends: only without buckets both engines search up to the same length.
    fast = load_engine(
        "ctranslate2", resolved(path), home=converted_home, compute_type="float32", workers=1, bucket=1
    )
    reference: Any = load_engine("transformers", resolved(path))
    requests = [request for request, _ in sample_requests(8)]
    decoding = Decoding(beam=2, max_ratio=1.0, min_length=8)
    assert tokens(fast.translate(requests, decoding)) == tokens(reference.translate(requests, decoding))
    vocabulary = json.loads((path / "vocab.json").read_text(encoding="utf-8"))
    source = reference._source_ids(requests[0])
    assert source[0] == vocabulary[">>eng<<"]
    assert (
        fast.count_tokens([requests[0].text]) == reference.count_tokens([requests[0].text]) == [len(source)]
    )
    for engine in (fast, reference):
        with pytest.raises(LanguageError, match="it writes eng, fra"):
            engine.translate([Request("책", KOREAN, GERMAN)], decoding)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["ctranslate2", "transformers"])
def test_an_engine_keeps_the_protocol(name: str, load: Callable[..., Any], capfd: Any) -> None:
    engine = load(name)
    assert isinstance(engine, Engine)
    assert (engine.name, engine.context_segments(Decoding())) == (name, 0)
    assert name in engine.version
    assert engine.translate([], Decoding()) == []
    # A MarianMT model, made for sentences, gets less at once than it has positions for.
    limit, positions = (200, 512) if engine.model.family == "marian" else (1024, 1024)
    assert engine.max_source_tokens == limit
    too_long = Request("책 " * positions, KOREAN, ENGLISH)
    assert engine.count_tokens([too_long.text])[0] > positions
    with pytest.raises(EngineError, match=r"longer than the model.*split it"):
        engine.translate([too_long], Decoding())
    with pytest.raises(EngineError, match="without any token"):
        engine.translate([Request("", KOREAN, ENGLISH)], Decoding())
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.translate([Request("책", KOREAN, ENGLISH)], Decoding())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("family", FAMILIES)
def test_special_tokens_in_a_sentence_are_text(load: Callable[..., Any]) -> None:
    fast, reference = load("ctranslate2"), load("transformers")
    special = {"</s>", "<pad>", "<unk>", "<s>", "<mask>", "eng_Latn", "deu_Latn", ">>fra<<"}
    for text in ("책을 </s> <pad> x", "eng_Latn deu_Latn", ">>fra<< 책을", "<unk><s><mask>"):
        request = Request(text, KOREAN, ENGLISH)
        source = fast._source_tokens(request)
        body = source[1:-1] if fast._tokenizer.special_tokens == 2 else source[:-1]
        assert not special - {"<unk>"} & set(body)
        unknown = fast._ids["<unk>"]
        assert reference._source_ids(request) == [fast._ids.get(token, unknown) for token in source]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_converted_directory_is_a_model(
    load: Callable[..., Any], checkpoint: Path, converted_home: Path, tmp_path: Path
) -> None:
    from mtalign.engines.conversion import convert

    engine = load("ctranslate2")
    requests = [request for request, _ in sample_requests(10)]
    expected = tokens(engine.translate(requests, Decoding()))
    ready = shutil.copytree(convert(resolved(checkpoint), "float32", converted_home), tmp_path / "ready")
    for file in checkpoint.iterdir():
        if file.suffix in (".spm", ".model") or file.name.startswith("tokenizer"):
            shutil.copy(file, ready)
    assert tokens(load("ctranslate2", ready).translate(requests, Decoding())) == expected
    with pytest.raises(ModelError, match=r"CTranslate2 directory.*--engine ctranslate2"):
        load("transformers", ready)
    # Converters for other toolkits make models that add the end of sentence themselves.
    config = json.loads((ready / "config.json").read_text())
    (ready / "config.json").write_text(json.dumps(config | {"add_source_eos": True}))
    assert tokens(load("ctranslate2", ready).translate(requests, Decoding())) == expected

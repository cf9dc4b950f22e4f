"""The openvino engine, on a tiny real model: qwen2 architecture, random weights, byte-level vocabulary."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny_gguf import EN, KO, TEXTS, ZH, has_east_asian, requests, resolved, write_model

from mtalign.engines.base import ContextPair, Decoding, Hypothesis, Pipelined, Request, ResolvedModel
from mtalign.engines.instruct.gguf import read_gguf
from mtalign.engines.instruct.prompts import conversation_for
from mtalign.engines.openvino import conversion, weights
from mtalign.engines.openvino.engine import BEAMS, SAMPLES, OpenVinoEngine, load
from mtalign.engines.openvino.exact import ExactWeights
from mtalign.engines.openvino.pipeline import BLOCK, ROWS, WAYS, Ask, Pipeline
from mtalign.engines.registry import default_engine
from mtalign.errors import EngineError, MissingPackageError, ModelError
from mtalign.glossary import Term

pytest.importorskip("openvino_genai")
QUALITIES = ("fast", "good", "best")
CANDIDATES = sum(number for _, number in SAMPLES["good"]) + 1
"""What `good` chooses among: samples, and what beams find."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def engine(model_path: Path, home: Path) -> Iterator[OpenVinoEngine]:
    engine = load(resolved(model_path), home=home, threads=1)
    yield engine
    engine.close()


def test_it_is_an_engine_that_decodes_side_by_side(engine: OpenVinoEngine) -> None:
    assert isinstance(engine, Pipelined)
    assert engine.name == "openvino"
    assert "openvino-genai" in engine.version


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_request_gives_the_same_hypothesis_alone_in_any_batch_and_in_a_new_engine(
    engine: OpenVinoEngine, model_path: Path, home: Path, quality: str
) -> None:
    decoding = Decoding(quality=quality)
    asked = [Request(text + mark, source, EN) for mark in ("", "!", " 3") for source, text in TEXTS]
    together = engine.translate(asked, decoding)
    assert len({hypothesis.text for hypothesis in together}) > len(asked) / 2, "they would be hard to confuse"
    order = random.Random(1).sample(range(len(asked)), len(asked))
    for index, hypothesis in zip(order, engine.translate([asked[i] for i in order], decoding), strict=True):
        assert hypothesis == together[index]
    other = load(resolved(model_path), home=home, threads=1)
    try:
        for index in order[:5]:
            assert other.translate([asked[index]], decoding) == [together[index]]
    finally:
        other.close()


@pytest.fixture(scope="module")
def other_engine(model_path: Path, home: Path) -> Iterator[OpenVinoEngine]:
    """A second one, whose cache holds other prompts."""
    engine = load(resolved(model_path), home=home, threads=1)
    yield engine
    engine.close()


def test_an_output_is_the_same_to_the_last_bit_whether_or_not_its_prompt_is_cached(
    engine: OpenVinoEngine, other_engine: OpenVinoEngine
) -> None:
    pipeline, other = engine._pipeline(EN), other_engine._pipeline(EN)
    lengths = set()
    for size in range(2 * BLOCK + 4):
        message = {"role": "user", "content": f"{size} " + "a" * size}
        plain, sampled = (pipeline.prompt(pipeline.templated([message]), way=way) for way in (0, 1))
        lengths.add(len(pipeline.templated([message])) % BLOCK)
        assert other.outputs(other.submit(Ask(sampled, 12, samples=2)))
        asked = other.submit(Ask(plain, 12))
        # Where the prompt's whole blocks leave its last token, it is evaluated alone, by another kernel.
        assert len(plain) % BLOCK > 1
        assert other.outputs(asked) == pipeline.outputs(pipeline.submit(Ask(plain, 12)))
    assert lengths == set(range(BLOCK))


@pytest.mark.parametrize("quality", ["fast", "good"])
def test_a_translation_that_has_become_context_leaves_no_trace_but_its_text(
    engine: OpenVinoEngine, other_engine: OpenVinoEngine, quality: str
) -> None:
    decoding = Decoding(quality=quality)
    # Of the two engines one has decoded the context itself, the other knows it from elsewhere.
    context: tuple[ContextPair, ...] = ()
    for source, text in TEXTS * 2:
        (found,) = engine.translate([Request(text, source, EN, context)], decoding)
        context = (*context, ContextPair(text, found.text))[-5:]
    (last,) = engine.translate([Request("和平", ZH, EN, context)], decoding)
    assert other_engine.translate([Request("和平", ZH, EN, context)], decoding) == [last]


def test_other_ways_and_attempts_have_prompts_of_their_own_and_the_same_ask_is_worked_on_once(
    engine: OpenVinoEngine,
) -> None:
    pipeline = engine._pipeline(EN)
    message = {"role": "user", "content": "0123456789" * 4}
    prompts = [
        pipeline.prompt(tokens, way=way, attempt=attempt)
        for size in range(2, 40)
        for tokens in (pipeline.templated([{**message, "content": message["content"][:size]}]),)
        for way in range(WAYS)
        for attempt in range(3)
    ]
    assert len(set(prompts)) == len(prompts)
    first = pipeline.submit(Ask(prompts[0], 5))
    assert pipeline.submit(Ask(prompts[0], 5)) is first
    assert pipeline.submit(Ask(prompts[0], 5, seed=1)) is not first


def test_what_prompts_have_in_common_is_evaluated_once(engine: OpenVinoEngine) -> None:
    pipeline = engine._pipeline(EN)
    start = tuple(pipeline._encode("Nothing that stands in any other test. " * 4))
    rest = tuple(pipeline._encode("One way to go on, as long as the start of all. " * 2))
    asks = [Ask(start + rest, 4), Ask(start + rest[::-1], 4), Ask(rest + start, 4)]
    tickets = [pipeline.submit(ask) for ask in asks]
    pipeline._step()
    assert [ticket.handle is not None for ticket in tickets] == [True, False, False]
    pipeline._step()
    assert all(ticket.handle is not None for ticket in tickets), "the start has been evaluated"
    assert [len(pipeline.outputs(ticket)) for ticket in tickets] == [1, 1, 1]


def test_what_is_begun_later_and_waited_for_first_changes_nothing(engine: OpenVinoEngine) -> None:
    decoding = Decoding(quality="fast")
    expected = [engine.translate([request], decoding) for request in requests()]
    begun = [engine.start([request], decoding) for request in requests()]
    assert [pending.result() for pending in reversed(begun)] == expected[::-1]


@pytest.fixture
def candidates(engine: OpenVinoEngine, monkeypatch: pytest.MonkeyPatch) -> list[Hypothesis]:
    """All that is chosen from in the test."""
    seen: list[Hypothesis] = []

    def note(request: Request, found: list[Hypothesis]) -> Hypothesis:
        seen.extend(found)
        return found[0]

    monkeypatch.setattr(engine._chooser, "choose", note)
    return seen


def test_samples_differ_from_each_other(engine: OpenVinoEngine, candidates: list[Hypothesis]) -> None:
    engine.translate(requests()[:1], Decoding(quality="good"))
    assert len(candidates) == CANDIDATES
    assert len({candidate.text for candidate in candidates}) > len(candidates) / 2


def test_beams_mostly_find_a_likelier_output_than_the_likeliest_next_tokens_the_same_alone_and_beside_others(
    engine: OpenVinoEngine, other_engine: OpenVinoEngine
) -> None:
    pipeline, other = engine._pipeline(EN), other_engine._pipeline(EN)
    prompts = [pipeline.templated([{"role": "user", "content": f"{text} by beams"}]) for _, text in TEXTS]
    greedy = [pipeline.submit(Ask(pipeline.prompt(tokens), 12)) for tokens in prompts]
    asks = [Ask(pipeline.prompt(tokens, way=WAYS - 1), 12, beams=4) for tokens in prompts]
    beams = [pipeline.submit(ask) for ask in asks]
    likelier = 0
    for one, ask, ticket in zip(greedy, asks, beams, strict=True):
        (found,) = pipeline.outputs(ticket)
        (plain,) = pipeline.outputs(one)
        assert len(found.tokens) == len(plain.tokens) == 12, "this model ends nothing by itself"
        likelier += found.log_probability > plain.log_probability
        assert other.outputs(other.submit(ask)) == [found]
    assert likelier > len(TEXTS) / 2


def test_beams_look_with_context_without_and_for_best_with_examples(
    engine: OpenVinoEngine, candidates: list[Hypothesis]
) -> None:
    request = Request(TEXTS[-1][1], KO, EN, (ContextPair("노조의.", "Of the union."),))
    counts = []
    for quality in ("good", "best"):
        for one in (replace(request, context=()), request):
            candidates.clear()
            engine.translate([one], Decoding(quality=quality))
            counts.append(len(candidates) - sum(number for _, number in SAMPLES[quality]))
            by_beams = candidates[-counts[-1] :]
            assert len({candidate.text for candidate in by_beams}) == counts[-1], "no way is asked twice"
    assert counts == [1, 2, 2, 3]


def test_the_model_is_told_what_countries_of_a_korean_text_are_called_whatever_the_way_of_asking(
    engine: OpenVinoEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    templated = Pipeline.templated

    def spy(pipeline: Pipeline, messages: list[dict[str, str]]) -> tuple[int, ...]:
        said.append(messages[0]["content"])
        return templated(pipeline, messages)

    monkeypatch.setattr(Pipeline, "templated", spy)
    request = Request("한국과 일본의 요구.", KO, EN, (ContextPair("노조의.", "Of the union."),))
    engine.translate([request], Decoding(quality="best"))
    assert len(said) == 3
    assert all(message.endswith(":\n한국 = South Korea\n일본 = Japan") for message in said)


def test_a_segment_gets_as_many_samples_as_there_is_memory_for(
    engine: OpenVinoEngine, candidates: list[Hypothesis], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = engine._pipeline(EN)
    request = requests()[0]
    messages = conversation_for(request.text).messages(request)
    prompt = len(pipeline.prompt(pipeline.templated(messages), way=1))
    limit = 32 + 3 * engine.count_tokens([request.text])[0] // 2
    assert pipeline.most_samples(prompt, limit) == ROWS, "there is room for all in this tiny model"
    for rows, expected in ((3, 3 * len(SAMPLES["good"]) + 1), (BEAMS - 1, len(SAMPLES["good"])), (0, 1)):
        candidates.clear()
        monkeypatch.setattr(pipeline, "_room", prompt + rows * (limit + BLOCK))
        engine.translate(requests()[:1], Decoding(quality="good"))
        assert len(candidates) == expected


def test_an_english_output_never_holds_an_east_asian_character(
    engine: OpenVinoEngine, candidates: list[Hypothesis], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SAMPLES, "good", ((3.0, 24),))
    engine.translate(requests(target=ZH), Decoding(quality="good"))
    assert any(has_east_asian(candidate.text) for candidate in candidates), "this model would write them"
    candidates.clear()
    engine.translate(requests(), Decoding(quality="good"))
    assert len(candidates) > 50
    assert not any(has_east_asian(candidate.text) for candidate in candidates)


def test_an_output_that_the_length_bound_cuts_is_not_finished(engine: OpenVinoEngine) -> None:
    (hypothesis,) = engine.translate(requests()[:1], Decoding(quality="fast", min_length=7, max_ratio=0))
    assert not hypothesis.finished
    assert hypothesis.tokens == 7


def test_a_score_is_a_mean_log_probability(engine: OpenVinoEngine) -> None:
    for quality in QUALITIES:
        for hypothesis in engine.translate(requests(), Decoding(quality=quality)):
            assert hypothesis.score is not None
            assert -20 < hypothesis.score < 0


def test_another_attempt_is_one_translation_and_one_for_terms_chosen_among_as_many(
    engine: OpenVinoEngine, candidates: list[Hypothesis]
) -> None:
    request = requests()[1]
    (plain,) = engine.translate([request], Decoding(quality="fast"))
    (penalised,) = engine.translate([request], Decoding(quality="good", repetition_penalty=1.3))
    assert penalised.text != plain.text
    terms = (Term("美国", ("the United States",)),)
    assert candidates == [plain, penalised]
    candidates.clear()
    engine.translate([Request(request.text, ZH, EN, terms=terms)], Decoding(quality="good"))
    assert len(candidates) == CANDIDATES


def test_control_tokens_in_a_source_are_not_read_as_such(engine: OpenVinoEngine) -> None:
    inside = Request("中<|im_end|>国", ZH, EN)
    apart = Request("中< |im_end|>国", ZH, EN)
    decoding = Decoding(quality="fast", min_length=20, max_ratio=0)
    assert engine.translate([inside], decoding)[0].text == engine.translate([apart], decoding)[0].text


def test_a_source_that_does_not_fit_is_an_engine_error(model_path: Path, home: Path) -> None:
    engine = load(resolved(model_path), home=home, context=1024, threads=1)
    try:
        with pytest.raises(EngineError, match="do not fit into 1024"):
            engine.translate([Request("x" * 900, ZH, EN)], Decoding(quality="fast"))
        assert engine.translate(requests()[:1], Decoding(quality="fast", max_ratio=1))[0].tokens
    finally:
        engine.close()


def test_context_that_does_not_fit_is_left_out(model_path: Path, home: Path) -> None:
    engine = load(resolved(model_path), home=home, context=1024, threads=1)
    request = Request("和平", ZH, EN)
    seen, too_long = (replace(request, context=(ContextPair("国" * size, "x" * size),)) for size in (3, 900))
    try:
        for quality in QUALITIES:
            alone, short, long = engine.translate([request, seen, too_long], Decoding(quality=quality))
            assert long == alone
            assert short != alone, "it would be seen"
    finally:
        engine.close()


def test_a_closed_engine_says_so(model_path: Path, home: Path) -> None:
    used = load(resolved(model_path), home=home, threads=1)
    used.translate(requests()[:1], Decoding(quality="fast"))
    unused = load(resolved(model_path), home=home)
    for engine in (used, unused):
        engine.close()
        engine.close()
        with pytest.raises(EngineError, match="closed"):
            engine.translate(requests()[:1], Decoding(quality="fast"))


def test_closing_while_it_works_ends_quietly(model_path: Path, home: Path) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from tiny_gguf import requests, resolved
from mtalign.engines.base import Decoding
from mtalign.engines.openvino.engine import load
engine = load(resolved(Path({str(model_path)!r})), home=Path({str(home)!r}), threads=1)
pending = [engine.start([request], Decoding(quality="good")) for request in requests()]
pending[0].result()
engine.close()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_a_model_is_converted_once_and_again_where_the_conversion_is_damaged(
    model_path: Path, tmp_path: Path
) -> None:
    notices: list[str] = []

    def translated() -> str:
        engine = load(resolved(model_path), home=tmp_path, threads=1, notice=notices.append)
        try:
            return engine.translate(requests()[:1], Decoding(quality="fast"))[0].text
        finally:
            engine.close()

    first = translated()
    assert translated() == first
    assert notices == [f"converting {model_path} for OpenVINO, once"]
    (weights,) = (tmp_path / "converted").glob("*/openvino_model.bin")
    weights.write_bytes(weights.read_bytes()[:1000])
    assert translated() == first
    assert len(notices) == 2
    assert not list((tmp_path / "converted").glob("*.half-*"))
    assert model_path.is_file()


def test_nothing_is_loaded_before_it_is_asked(model_path: Path, tmp_path: Path) -> None:
    engine = load(resolved(model_path), home=tmp_path)
    engine.close()
    assert list(tmp_path.iterdir()) == []


def as_openvino_reads(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The model before its weights are rewritten."""
    import openvino

    with monkeypatch.context() as patch:
        patch.setattr(conversion, "regroup", lambda model, exact: (0, 0))
        conversion._convert_gguf(str(path), str(folder), "Latn")
    return openvino.Core().read_model(folder / "openvino_model.xml")


def dense_matrices(model: Any) -> list[tuple[Any, Any]]:
    """Each quantized matrix in single precision and the size of its levels, in its groups."""
    found = []
    for user in model.get_ordered_ops():
        if parts := weights._quantized(user):
            levels, zeros, scales = (weights._numbers(one).astype("float32") for one in parts[1:])
            found.append(((levels - zeros) * scales, scales))
    return found


@pytest.mark.parametrize("architecture", ["qwen2", "llama"])
def test_every_matrix_is_the_files_to_within_half_a_level_where_openvino_had_whole_zero_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, architecture: str
) -> None:
    import gguf
    import numpy as np

    path = tmp_path / "model.gguf"
    write_model(path, architecture=architecture)
    model = as_openvino_reads(path, tmp_path / "as-read", monkeypatch)
    before = dense_matrices(model)
    assert [one.shape[1:] for one, _ in before] == [(8, 32)] * (2 * 7 + 2), (
        "seven a layer, and the vocabulary's"
    )
    in_file = {
        tensor.name: gguf.dequantize(tensor.data, tensor.tensor_type)
        for tensor in gguf.GGUFReader(str(path)).tensors
        if len(tensor.shape) == 2
    }
    if architecture == "llama":
        # Its files have the two halves of each head's rotations interleaved.
        for name, matrix in in_file.items():
            for part, heads in (("attn_q", 4), ("attn_k", 2)):
                if part in name:
                    apart = matrix.reshape(heads, -1, 2, matrix.shape[1]).swapaxes(1, 2)
                    in_file[name] = apart.reshape(matrix.shape)
    assert weights.regroup(model, ExactWeights(path)) == (len(before), len(in_file))
    assert len(before) == len(in_file)
    met = set()
    for (old, _), (new, scales) in zip(before, dense_matrices(model), strict=True):
        assert new.shape == (len(old), 2, weights.GROUP)
        same_shape = [name for name, matrix in in_file.items() if matrix.shape == (len(old), 256)]
        name = min(same_shape, key=lambda one: np.abs(in_file[one].reshape(old.shape) - old).mean())
        exact = in_file[name]
        assert (abs(new - exact.reshape(new.shape)) <= 0.501 * scales).all(), name
        assert abs(old - exact.reshape(old.shape)).max() > 4 * scales[0].max(), (
            "OpenVINO's own are further off"
        )
        met.add(name)
    assert met == set(in_file)


def test_a_matrix_that_is_not_found_in_the_file_stays_as_openvino_reads_it(
    model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_model(tmp_path / "other.gguf", quantised=False)
    model = as_openvino_reads(model_path, tmp_path / "as-read", monkeypatch)
    before = dense_matrices(model)
    assert weights.regroup(model, ExactWeights(tmp_path / "other.gguf")) == (len(before), 0)
    for (old, _), (new, scales) in zip(before, dense_matrices(model), strict=True):
        assert (abs(new - old.reshape(new.shape)) <= 0.501 * scales).all()
        assert abs(new).max() > 0


def test_weights_that_are_less_exact_than_the_files_are_told_of(
    model_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_model(tmp_path / "other.gguf", quantised=False)
    other = ExactWeights(tmp_path / "other.gguf")

    def run_here(module: str, model: ResolvedModel, arguments: list[str], **_: str) -> str:
        with monkeypatch.context() as patch:
            patch.setattr(conversion, "ExactWeights", lambda path: other)
            conversion._convert_gguf(*arguments)
        return capsys.readouterr().out.strip()

    monkeypatch.setattr(conversion, "run_converter", run_here)
    notices: list[str] = []
    conversion.convert(resolved(model_path), "Latn", tmp_path, notices.append)
    assert notices[1:] == [
        "16 of 16 weight matrices are as OpenVINO rounds them, less exact than in the file"
    ]


def test_a_truncated_model_is_a_model_error_in_one_line(model_path: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(model_path.read_bytes()[:2000])
    engine = load(resolved(cut), home=tmp_path / "home")
    with pytest.raises(ModelError) as caught:
        engine.translate(requests()[:1], Decoding())
    assert "\n" not in str(caught.value)
    assert "cut.gguf" in str(caught.value)


def test_a_model_that_openvino_does_not_know_is_left_to_llamacpp(
    model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert default_engine(resolved(model_path)) == "openvino"
    other = tmp_path / "other.gguf"
    other.write_bytes(model_path.read_bytes().replace(b"qwen2", b"gemma"))
    assert read_gguf(other).text("general.architecture") == "gemma"
    assert default_engine(resolved(other)) == "llamacpp"
    with pytest.raises(ModelError, match="architecture gemma") as caught:
        load(resolved(other)).translate(requests()[:1], Decoding())
    assert "--engine llamacpp" in str(caught.value.hint)


@pytest.mark.parametrize("package", ["openvino-genai", "gguf"])
def test_a_missing_package_names_the_install_line(
    model_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    def found(name: str) -> object:
        return None if name == package.replace("-", "_") else object()

    monkeypatch.setattr("mtalign.engines.openvino.conversion.find_spec", found)
    assert default_engine(resolved(model_path)) == "llamacpp"
    with pytest.raises(MissingPackageError, match=f"needs the package {package};") as caught:
        load(resolved(model_path))
    assert "mtalign[offline]" in str(caught.value.hint)


def test_importing_the_engine_imports_no_heavy_package() -> None:
    code = (
        "import sys, mtalign.engines.openvino.engine; "
        "print(sorted({'openvino', 'openvino_genai', 'numpy', 'sacrebleu'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_openvino_gives_up_on_fails_alone(
    engine: OpenVinoEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoding = Decoding(quality="fast")
    unasked = Request("노조의 요구.", KO, EN)
    refused, other = (engine.start([request], decoding) for request in (unasked, Request("요구.", KO, EN)))
    (handle,) = refused.asked[0].tickets

    class Ignored:
        def get_status(self) -> object:
            import openvino_genai

            return openvino_genai.GenerationStatus.IGNORED

    original = type(engine._pipeline(EN))._admit

    def admit(pipeline: object) -> None:
        original(pipeline)  # type: ignore[arg-type]
        handle.handle = Ignored()

    monkeypatch.setattr(type(engine._pipeline(EN)), "_admit", admit)
    assert other.result()
    with pytest.raises(EngineError, match="gave up on a request of"):
        refused.result()
    monkeypatch.undo()
    assert engine.translate([unasked], decoding), "asked again, it is worked on again"

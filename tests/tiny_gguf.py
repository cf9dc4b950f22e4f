"""A tiny GGUF model for tests: qwen2 architecture, random weights, byte-level vocabulary, chat template."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest

from mtalign.engines.base import Request, ResolvedModel
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


def write_model(
    path: Path, *, quantised: bool = True, extra: tuple[bytes, ...] = (), architecture: str = "qwen2"
) -> None:
    gguf = pytest.importorskip("gguf")
    import numpy as np

    random = np.random.default_rng(1)
    tokens = [*token_list(), *extra]
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    vocabulary = [printable(token) for token in tokens] + special
    width, layers, heads, inner = 256, 2, 4, 256
    writer = gguf.GGUFWriter(str(path), architecture)
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


def requests(target: Language = EN) -> list[Request]:
    return [Request(text, source, target) for source, text in TEXTS]


def has_east_asian(text: str) -> bool:
    return any(EAST_ASIAN_NAMES.search(unicodedata.name(character, "")) for character in text)

"""Speed of the seq2seq engines on random weights of true shape, 40 target tokens forced.

Run it on an idle machine: ``python bench/engines.py`` (opus-mt shape; ``--nllb`` adds NLLB-200-600M, 6 GB).
Prints a Markdown table; the ratio to the first row comes first, since it is what holds
on another machine. Also counts how many outputs differ between alone and in a batch.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import checkpoints

from mtalign.engines.base import Decoding, Request
from mtalign.engines.registry import load_engine

TARGET_TOKENS = 40

Setting = tuple[str, str, dict[str, Any], int]

SETTINGS: list[Setting] = [
    ("transformers fp32, one at a time", "transformers", {"batch_size": 1}, 1),
    ("transformers fp32, batches of equal length", "transformers", {"batch_size": 32}, 8),
    ("transformers fp32, padded batch of 32", "transformers", {"batch_size": 32, "padding": True}, 8),
    ("CTranslate2 float32, equal length, 1 × 2", "ctranslate2", {"compute_type": "float32"}, 8),
    ("CTranslate2 float32, padded, 1 × 2", "ctranslate2", {"compute_type": "float32", "padding": True}, 8),
    ("CTranslate2 int8, one at a time", "ctranslate2", {"batch_size": 1, "workers": 1, "threads": 2}, 2),
    ("CTranslate2 int8, equal length, 1 × 2", "ctranslate2", {}, 8),
    ("CTranslate2 int8, equal length, 2 × 1", "ctranslate2", {"workers": 1, "threads": 2}, 8),
    ("CTranslate2 int8, padded, 1 × 2", "ctranslate2", {"padding": True}, 8),
]
"""Label, engine, its settings, and how many eighths of the sentences it gets (the slow ones get few)."""


def build_opus(path: Path) -> None:
    """Random weights in the shape of Helsinki-NLP/opus-mt-ko-en: 512, 6 + 6 layers, vocabulary 65,001."""
    import torch
    from transformers import MarianConfig, MarianMTModel

    checkpoints.build_marian(path, steps=1)
    table = json.loads((path / "vocab.json").read_text(encoding="utf-8"))
    del table["<pad>"]
    table |= {f"filler{number}": number for number in range(len(table), 65_000)} | {"<pad>": 65_000}
    (path / "vocab.json").write_text(json.dumps(table), encoding="utf-8")
    (path / "tokenizer_config.json").write_text('{"source_lang": "ko", "target_lang": "en"}')
    torch.manual_seed(0)
    config = MarianConfig(
        vocab_size=65_001, decoder_vocab_size=65_001, pad_token_id=65_000, decoder_start_token_id=65_000,
        eos_token_id=0, forced_eos_token_id=0, d_model=512, encoder_layers=6, decoder_layers=6,
        encoder_attention_heads=8, decoder_attention_heads=8, encoder_ffn_dim=2048, decoder_ffn_dim=2048,
        max_position_embeddings=512, scale_embedding=True, activation_function="swish",
        static_position_embeddings=True, init_std=0.044,
    )  # fmt: skip
    model = MarianMTModel(config)
    with torch.no_grad():
        model.get_input_embeddings().weight[65_000] = 0
        model.final_logits_bias[0, 0] = -100.0  # no end of sentence before the limit
    model.save_pretrained(path)


def build_nllb(path: Path) -> None:
    """Random weights in the shape of facebook/nllb-200-distilled-600M: 1024, 12 + 12, vocabulary 256,206."""
    import torch
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    checkpoints.build_nllb(path, steps=1)
    torch.manual_seed(0)
    config = M2M100Config(
        vocab_size=256_206, d_model=1024, encoder_layers=12, decoder_layers=12, encoder_attention_heads=16,
        decoder_attention_heads=16, encoder_ffn_dim=4096, decoder_ffn_dim=4096, activation_function="relu",
        max_position_embeddings=1024, scale_embedding=True, decoder_start_token_id=2, init_std=0.031,
    )  # fmt: skip
    model = M2M100ForConditionalGeneration(config)
    with torch.no_grad():
        model.get_input_embeddings().weight[2] = 0  # no end of sentence before the limit
    model.save_pretrained(path)


def sentences(count: int) -> list[Request]:
    """Korean words at random, 5 to 30 of them: as unequal in length as the sentences of a document."""
    generator = random.Random(0)
    words = sorted({word for language, source, _ in checkpoints.phrases() if language.code == "ko"
                    for word in source.split()})  # fmt: skip
    texts = [" ".join(generator.choices(words, k=generator.randint(5, 30))) for _ in range(count)]
    return [Request(text, checkpoints.KOREAN, checkpoints.ENGLISH) for text in texts]


def measure(
    path: Path,
    chosen: Sequence[Setting],
    requests: Sequence[Request],
    beams: Sequence[int],
    rounds: int,
    folder: Path,
) -> None:
    """Print the table for the checkpoint at ``path``; runs are interleaved, figures are medians."""
    model = checkpoints.resolved(path)
    rates: dict[tuple[str, int], list[float]] = {}
    engines = {
        label: load_engine(
            name, model, **({"home": folder, "workers": 2} if name == "ctranslate2" else {}) | settings
        )
        for label, name, settings, _ in chosen
    }
    for number in range(rounds):
        for label, _, settings, share in chosen:
            for beam in beams:
                part = list(requests[: max(2, len(requests) * share // 8)])
                decoding = Decoding(beam=beam, max_ratio=0.01, min_length=TARGET_TOKENS)
                seconds, tokens = timed(
                    engines[label].translate, part, decoding, settings.get("batch_size") == 1
                )
                rates.setdefault((label, beam), []).append(tokens / seconds)
                print(f"round {number + 1}: {label}, beam {beam}: {tokens / seconds:.0f}/s", file=sys.stderr)
    head = " | ".join(f"beam {beam}: × | tokens/s" for beam in beams)
    print(f"| {path.name} | {head} |\n|---|" + "---|" * 2 * len(beams))
    for label, *_ in chosen:
        cells = []
        for beam in beams:
            rate = statistics.median(rates[label, beam])
            base = statistics.median(rates[chosen[0][0], beam])
            cells.append(f"{rate / base:.1f} | {rate:.0f}")
        print(f"| {label} | {' | '.join(cells)} |")
    for label, name, _, share in chosen:
        if name == "ctranslate2" and share == 8:
            count_differences(label, engines[label], requests, beams)
    for engine in engines.values():
        engine.close()


def timed(
    translate: Callable[..., Any], requests: list[Request], decoding: Decoding, alone: bool
) -> tuple[float, int]:
    """Seconds taken and target tokens written."""
    start = time.perf_counter()
    if alone:
        hypotheses = [translate([request], decoding)[0] for request in requests]
    else:
        hypotheses = translate(requests, decoding)
    return time.perf_counter() - start, sum(hypothesis.tokens for hypothesis in hypotheses)


def count_differences(label: str, engine: Any, requests: Sequence[Request], beams: Sequence[int]) -> None:
    """Print how many outputs differ between a sentence alone and in the batch."""
    for beam in beams:
        decoding = Decoding(beam=beam, max_ratio=0.01, min_length=TARGET_TOKENS)
        batch = engine.translate(requests, decoding)
        alone = [engine.translate([request], decoding)[0] for request in requests]
        tokens = sum(a.token_ids != b.token_ids for a, b in zip(alone, batch, strict=True))
        scores = sum(a.score != b.score for a, b in zip(alone, batch, strict=True))
        print(f"{label}, beam {beam}: {tokens} of {len(requests)} differ in tokens, {scores} in score")


def main() -> None:
    """Build the checkpoints in a temporary folder and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nllb", action="store_true", help="measure the NLLB-200-600M shape too")
    parser.add_argument("--sentences", type=int, default=64)
    parser.add_argument("--only", default="", help="only settings whose label contains this")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beams", type=int, nargs="+", default=[4, 1])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        builders = {"opus-mt shape": build_opus} | ({"NLLB-600M shape": build_nllb} if options.nllb else {})
        for name, build in builders.items():
            path = Path(folder) / name
            path.mkdir()
            build(path)
            chosen = [setting for setting in SETTINGS if options.only in setting[0]]
            measure(path, chosen, sentences(options.sentences), options.beams, options.rounds, Path(folder))


if __name__ == "__main__":
    main()

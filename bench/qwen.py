"""What each quality of the llamacpp engine costs and gives, on parallel text.

Run: ``python bench/qwen.py --model PATH --evaldata ../shared/evaldata --limit 40``
Reads ``flores200-devtest/<language>-en/{src.<language>, ref.A.en}`` and prints a Markdown table.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from sacrebleu import corpus_bleu, corpus_chrf

from mtalign.engines.base import Decoding, Request, ResolvedModel
from mtalign.engines.llamacpp import load
from mtalign.languages import parse_language


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="a .gguf instruction model")
    parser.add_argument("--evaldata", type=Path, required=True, help="folder that holds flores200-devtest")
    parser.add_argument("--limit", type=int, default=40, help="sentences a language")
    parser.add_argument("--start", type=int, default=100, help="first sentence, from 0")
    parser.add_argument("--languages", default="ko,ja,de,zh")
    parser.add_argument("--qualities", default="fast,good,best")
    options = parser.parse_args()
    model = ResolvedModel(str(options.model), options.model, "gguf", fingerprint="unused")
    engine = load(model)
    english = parse_language("en")
    print("| quality | language | BLEU | chrF2 | seconds | tokens/s |\n|---|---|---|---|---|---|")
    try:
        for quality in options.qualities.split(","):
            for code in options.languages.split(","):
                folder = options.evaldata / "flores200-devtest" / f"{code}-en"
                rows = slice(options.start, options.start + options.limit)
                sources = (folder / f"src.{code}").read_text("utf-8").split("\n")[rows]
                references = (folder / "ref.A.en").read_text("utf-8").split("\n")[rows]
                requests = [Request(text, parse_language(code), english) for text in sources]
                started = time.perf_counter()
                hypotheses = engine.translate(requests, Decoding(quality=quality))
                seconds = time.perf_counter() - started
                texts = [hypothesis.text for hypothesis in hypotheses]
                tokens = sum(hypothesis.tokens for hypothesis in hypotheses)
                bleu = corpus_bleu(texts, [references]).score
                chrf = corpus_chrf(texts, [references]).score
                scores = f"{bleu:.1f} | {chrf:.1f}"
                print(
                    f"| {quality} | {code} | {scores} | {seconds:.0f} | {tokens / seconds:.1f} |", flush=True
                )
    finally:
        engine.close()


if __name__ == "__main__":
    main()

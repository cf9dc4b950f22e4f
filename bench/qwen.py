"""What each quality of the llamacpp engine costs and gives, on parallel text with document boundaries.

Run: ``python bench/qwen.py --model PATH --evaldata ../shared/evaldata --limit 40``
Reads ``flores200-devtest/<language>-en/{src.<language>, ref.A.en, docids.txt}`` and prints a Markdown table.
``raw`` is one request a sentence with the plain prompt: no context, no examples, no second candidate.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from sacrebleu import corpus_bleu, corpus_chrf

from mtalign.document import Segment
from mtalign.engines.base import Decoding, Request
from mtalign.engines.instruct.prompts import OTHERS
from mtalign.engines.llamacpp import LlamaCppEngine, load
from mtalign.languages import parse_language
from mtalign.memory import Memory
from mtalign.models.resolve import resolve
from mtalign.models.store import ModelStore
from mtalign.translate import translate_segments

ENGLISH = parse_language("en")


def read(folder: Path, code: str, start: int, limit: int) -> tuple[list[Segment], list[str]]:
    """Segments, a block for each document of the set, and their references."""
    rows = slice(start, start + limit)
    sources, references, documents = (
        (folder / name).read_text("utf-8").split("\n")[rows]
        for name in (f"src.{code}", "ref.A.en", "docids.txt")
    )
    segments = [
        Segment(f"x.b{document}.s{number}", "x", f"x.b{document}", text, 0, len(text), code)
        for number, (text, document) in enumerate(zip(sources, documents, strict=True))
    ]
    return segments, references


def translate(
    engine: LlamaCppEngine, segments: list[Segment], quality: str
) -> tuple[list[str], list[float | None], int]:
    """The hypotheses (a failed one as an empty line), their scores and the tokens decoded."""
    if quality == "raw":
        # The engine's own second attempt is such a request; only the prompt is another.
        answers = [
            engine._decode(
                OTHERS["good"][0], Request(s.text, parse_language(s.language), ENGLISH), Decoding(), 1
            )
            for s in segments
        ]
        return (
            [answer.text for answer in answers],
            [answer.score for answer in answers],
            sum(answer.tokens for answer in answers),
        )
    with Memory(None) as memory:
        done, figures = translate_segments(
            segments, engine=engine, target=ENGLISH, memory=memory, decoding=Decoding(quality=quality)
        )
    translations = [done[segment.id] for segment in segments]
    return [one.text or "" for one in translations], [one.score for one in translations], figures.tokens


def _line(segment: Segment, text: str, score: float | None, reference: str) -> dict[str, object]:
    return {
        "source": segment.text,
        "source_lang": segment.language,
        "translation": text,
        "score": score,
        "reference": reference,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="qwen", help="a model of the store, or a .gguf instruction model")
    parser.add_argument("--evaldata", type=Path, required=True, help="folder that holds flores200-devtest")
    parser.add_argument("--limit", type=int, default=40, help="sentences a language")
    parser.add_argument("--start", type=int, default=100, help="first sentence, from 0")
    parser.add_argument("--languages", default="ko,ja,de,zh")
    parser.add_argument("--qualities", default="raw,fast,good,best")
    parser.add_argument(
        "--write", type=Path, help="add every hypothesis with its score to this JSON lines file"
    )
    options = parser.parse_args()
    engine = load(resolve(options.model, source_language=None, store=ModelStore(), offline=True))
    print("| language | quality | BLEU | chrF2 | seconds | tokens/s |\n|---|---|---|---|---|---|")
    try:
        for code in options.languages.split(","):
            folder = options.evaldata / "flores200-devtest" / f"{code}-en"
            segments, references = read(folder, code, options.start, options.limit)
            for quality in options.qualities.split(","):
                started = time.perf_counter()
                texts, scores, tokens = translate(engine, segments, quality)
                seconds = time.perf_counter() - started
                bleu, chrf = (score(texts, [references]).score for score in (corpus_bleu, corpus_chrf))
                figures = f"{bleu:.1f} | {chrf:.1f} | {seconds:.0f} | {tokens / seconds:.1f}"
                print(f"| {code} | {quality} | {figures} |", flush=True)
                if options.write:
                    with options.write.open("a", encoding="utf-8") as lines:
                        for row in zip(segments, texts, scores, references, strict=True):
                            lines.write(json.dumps(_line(*row), ensure_ascii=False) + "\n")
    finally:
        engine.close()


if __name__ == "__main__":
    main()

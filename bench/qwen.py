"""What each quality of the openvino engine costs and gives, beside one chat request at a time.

Run: ``python bench/qwen.py --evaldata ../shared/evaldata --limit 40``
Reads ``flores200-devtest/<language>-en/{src.<language>, ref.A.en, docids.txt}`` and prints a Markdown table.
``chat`` is llama.cpp asked with the plain prompt, one request a sentence, greedy: no context, no examples, no
other candidate, no token forbidden, nothing refused; what a prompt shares with the last one is evaluated once
there, too. Ratios are of sentences a second, loading apart; ``p`` is that of a paired bootstrap test of chrF2
against ``chat``. With ``--memory`` what the engine decoded before is not decoded again, so that a run can be
taken up; its times are then left out.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from evalsets import read_documents
from sacrebleu import corpus_bleu, corpus_chrf
from sacrebleu.metrics import CHRF
from sacrebleu.significance import PairedTest

from mtalign.document import Segment
from mtalign.engines.base import Decoding, Engine, Request, ResolvedModel
from mtalign.engines.instruct.gguf import read_gguf
from mtalign.engines.instruct.prompts import PLAIN
from mtalign.engines.instruct.vocabulary import Vocabulary
from mtalign.engines.llamacpp.server import LlamaServer
from mtalign.engines.openvino.engine import load
from mtalign.languages import parse_language
from mtalign.memory import Memory
from mtalign.models.resolve import resolve
from mtalign.models.store import ModelStore
from mtalign.translate import PlanStatistics, translate_segments

ENGLISH = parse_language("en")
QUALITIES = "fast,good,best"


class Chat:
    """llama.cpp as most programs use it: one chat request a sentence."""

    def __init__(self, model: ResolvedModel, threads: int | None) -> None:
        self._vocabulary = Vocabulary(read_gguf(model.path))
        self._server = LlamaServer(model.path, context=2048, slots=1, threads=threads)

    def ask(self, text: str, code: str) -> tuple[str, int]:
        """What the model answers, and its tokens."""
        body = {
            "messages": PLAIN.messages(Request(text, parse_language(code), ENGLISH)),
            "temperature": 0,
            "max_tokens": 32 + 3 * self._vocabulary.count(text),
        }
        answer = self._server.chat(body)
        return answer["choices"][0]["message"]["content"].strip(), answer["usage"]["completion_tokens"]

    def close(self) -> None:
        self._server.close()


def translate(
    engine: Engine, segments: list[Segment], quality: str, memory: Memory
) -> tuple[list[str], list[float | None], PlanStatistics]:
    """The hypotheses (a failed one as an empty line), their scores and what they cost."""
    done, figures = translate_segments(
        segments, engine=engine, target=ENGLISH, memory=memory, decoding=Decoding(quality=quality)
    )
    translations = [done[segment.id] for segment in segments]
    return [one.text or "" for one in translations], [one.score for one in translations], figures


def significance(baseline: list[str], texts: list[str], references: list[str]) -> tuple[float, float]:
    """Half the 95 % interval of chrF2 and p of a paired bootstrap test (Koehn 2004) against ``baseline``."""
    test = PairedTest(
        [("chat", baseline), ("other", texts)],
        {"chrF2": CHRF(references=[references])},
        references=None,
        test_type="bs",
        n_samples=1000,
    )
    result = test()[1]["chrF2"][1]
    return result.ci, result.p_value


def one_language(chat: Chat, engine: Engine, memory: Memory, code: str, options: argparse.Namespace) -> None:
    """Print a row for each way."""
    folder = options.evaldata / "flores200-devtest" / f"{code}-en"
    segments, references = read_documents(folder, code, options.start, options.limit)
    started = time.perf_counter()
    answers = [chat.ask(segment.text, code) for segment in segments]
    spent = time.perf_counter() - started
    baseline = [text for text, _ in answers]
    report(f"{code} | chat | 1.00 x", baseline, references, "", spent, sum(tokens for _, tokens in answers))
    for quality in options.qualities.split(","):
        texts, scores, cost = translate(engine, segments, quality, memory)
        interval, p = significance(baseline, texts, references)
        ratio, seconds = "", None
        if not cost.from_memory:
            seconds = cost.engine_seconds
            ratio = f"{spent / seconds:.2f} x"
        certainty = f" ± {interval:.1f} | {p:.3f}"
        report(f"{code} | {quality} | {ratio}", texts, references, certainty, seconds, cost.tokens)
        if options.write:
            with options.write.open("a", encoding="utf-8") as lines:
                for row in zip(segments, texts, scores, references, strict=True):
                    lines.write(json.dumps(_line(*row), ensure_ascii=False) + "\n")


def report(
    head: str, texts: list[str], references: list[str], certainty: str, seconds: float | None, tokens: int
) -> None:
    """Print one row; what was decoded before has no time."""
    bleu, chrf = (score(texts, [references]).score for score in (corpus_bleu, corpus_chrf))
    speed = " | " if seconds is None else f"{seconds:.0f} | {tokens / seconds:.0f}"
    print(f"| {head} | {bleu:.1f} | {chrf:.1f}{certainty or ' | '} | {len(texts)} | {speed} |", flush=True)


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
    parser.add_argument("--qualities", default=QUALITIES)
    parser.add_argument(
        "--write", type=Path, help="add every hypothesis with its score to this JSON lines file"
    )
    parser.add_argument("--threads", type=int, help="by default as many as this process may use")
    parser.add_argument("--memory", type=Path, help="translation memory that keeps what is done")
    options = parser.parse_args()
    model = resolve(options.model, source_language=None, store=ModelStore(), offline=True)
    chat, engine = Chat(model, options.threads), load(model, threads=options.threads)
    chat.ask("-", "de")
    engine.translate([Request("-", parse_language("de"), ENGLISH)], Decoding(quality="fast"))
    print("| language | way | sentences/s of `chat` | BLEU | chrF2 | p | sentences | seconds | tokens/s |")
    print("|---|---|---|---|---|---|---|---|---|")
    try:
        with Memory(options.memory) as memory:
            for code in options.languages.split(","):
                one_language(chat, engine, memory, code, options)
    finally:
        chat.close()
        engine.close()


if __name__ == "__main__":
    main()

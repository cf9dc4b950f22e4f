"""What 8-bit weights, a shortlist and batches do to the translations of a real seq2seq model.

    python bench/seq2seq.py --model opus-fr-en --from fr --text FILE --reference FILE [--english FILE ...]

TEXT has a sentence a line, REFERENCE its English. Each row is the whole plan (guard, retries) with a new
memory: CPU time; BLEU and chrF2 against the reference, a failed segment as empty; the share of lines that
differ from int8's; p, by which the row differs from int8 in chrF2 by chance (paired approximate
randomisation). A shortlist is made of the model's whole target side, and of each ENGLISH file, which should
be of other documents, alone and filled up to each ``--size``. Then the same sentences one by one and in
batches of the engine: how many come out with other tokens or another score.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines import model_of_store

from mtalign.document import Segment, Translation
from mtalign.engines.base import Decoding, Request, ResolvedModel
from mtalign.languages import ENGLISH, Language, parse_language


@dataclass(frozen=True)
class Row:
    """A way to decode, and what came of it."""

    label: str
    translations: list[Translation]
    cpu_seconds: float

    @property
    def texts(self) -> list[str]:
        return [translation.text or "" for translation in self.translations]

    @property
    def failed(self) -> int:
        return sum(translation.text is None for translation in self.translations)


def translated(
    label: str, model: ResolvedModel, language: Language, texts: Sequence[str], settings: dict[str, Any]
) -> Row:
    """Every text through the plan, with an engine of its own and a new memory."""
    from mtalign.engines.registry import load_engine
    from mtalign.memory import Memory
    from mtalign.translate import translate_segments

    segments = [
        Segment(f"t.b{number}.s1", "t", f"t.b{number}", text, 0, len(text), language.code)
        for number, text in enumerate(texts, 1)
    ]
    engine = load_engine("ctranslate2", model, **settings)
    engine.translate([Request(text, language, ENGLISH) for text in texts[:8]], Decoding())
    started = time.process_time()
    translations, _ = translate_segments(
        segments, engine=engine, target=ENGLISH, memory=Memory(None), decoding=Decoding()
    )
    seconds = time.process_time() - started
    engine.close()
    print(f"{label}: {seconds:.0f} s of CPU", file=sys.stderr)
    return Row(label, [translations[segment.id] for segment in segments], seconds)


def shortlist_of(english: Path | None, size: int, model: ResolvedModel, place: Path) -> tuple[Path, int]:
    """A shortlist of a file's tokens, or of the whole target side, and how many they are."""
    from mtalign.engines.conversion import convert
    from mtalign.engines.shortlist import build_shortlist, english_texts, write_shortlist
    from mtalign.engines.tokenization import load_tokenizer, read_vocabulary
    from mtalign.home import mtalign_home

    vocabulary = read_vocabulary(convert(model, "int8", mtalign_home()))
    texts = [] if english is None else english_texts(english)
    tokens = build_shortlist(load_tokenizer(model, vocabulary), vocabulary, texts, size)
    write_shortlist(place, model, tokens)
    return place, len(tokens)


def other_bits(model: ResolvedModel, language: Language, texts: Sequence[str]) -> int:
    """How many sentences have other tokens or another score alone than with all others."""
    from mtalign.engines.registry import load_engine

    engine = load_engine("ctranslate2", model)
    requests = [Request(text, language, ENGLISH) for text in texts]
    together = engine.translate(requests, Decoding())
    alone = [engine.translate([request], Decoding())[0] for request in requests]
    engine.close()
    return sum(
        (one.token_ids, one.score) != (two.token_ids, two.score)
        for one, two in zip(alone, together, strict=True)
    )


def table(rows: Sequence[Row], references: Sequence[str]) -> str:
    """Markdown; the first row is what the others are compared with."""
    from sacrebleu.metrics import BLEU, CHRF
    from sacrebleu.significance import PairedTest

    bleu, chrf = BLEU(), CHRF()
    lines = [
        "| | CPU time, int8 / this | failed | lines that differ | BLEU | chrF2 | p (chrF2) |",
        "|---|---|---|---|---|---|---|",
    ]
    first = rows[0]
    for row in rows:
        cells = [row.label, f"{first.cpu_seconds / row.cpu_seconds:.2f}", f"{row.failed}"]
        if row is first:
            cells += ["", *_scores(row, references, bleu, chrf), ""]
        else:
            differ = sum(one != two for one, two in zip(first.texts, row.texts, strict=True))
            test = PairedTest(
                [(first.label, first.texts), (row.label, row.texts)],
                {"chrF2": CHRF(references=[list(references)])},
                None,
                test_type="ar",
                n_samples=2000,
            )
            _, results = test()
            chance = results["chrF2"][1].p_value
            cells += [
                f"{differ / len(row.texts):.1%}",
                *_scores(row, references, bleu, chrf),
                f"{chance:.3f}",
            ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _scores(row: Row, references: Sequence[str], bleu: Any, chrf: Any) -> list[str]:
    return [f"{metric.corpus_score(row.texts, [list(references)]).score:.2f}" for metric in (bleu, chrf)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="opus-fr-en", help="a seq2seq model of the store, or a path")
    parser.add_argument("--from", dest="source", required=True, metavar="LANG")
    parser.add_argument("--text", type=Path, required=True, metavar="FILE")
    parser.add_argument("--reference", type=Path, required=True, metavar="FILE")
    parser.add_argument("--english", type=Path, nargs="*", default=[], metavar="FILE")
    parser.add_argument("--size", type=int, nargs="*", default=[0], metavar="N")
    parser.add_argument("--sentences", type=int, default=500)
    parser.add_argument("--alone", type=int, default=300, help="sentences decoded one by one, at most")
    options = parser.parse_args()
    language = parse_language(options.source)
    model = model_of_store(options.model, language)
    if model is None:
        return
    lines = options.text.read_text(encoding="utf-8").splitlines()
    english = options.reference.read_text(encoding="utf-8").splitlines()
    pairs = [(text, other) for text, other in zip(lines, english, strict=True) if text != other]
    texts, references = (list(side) for side in zip(*pairs[: options.sentences], strict=True))
    rows = [translated("int8", model, language, texts, {})]
    rows.append(translated("float32", model, language, texts, {"compute_type": "float32"}))
    with tempfile.TemporaryDirectory() as folder:
        lists = [(None, 1_000_000), *((file, size) for file in options.english for size in options.size)]
        for number, (file, size) in enumerate(lists):
            path, count = shortlist_of(file, size, model, Path(folder) / f"{number}.shortlist")
            what = (
                "the target side"
                if file is None
                else file.name + (f", filled up to {size:,}" if size else "")
            )
            label = f"int8, shortlist of {what}: {count:,} tokens"
            rows.append(translated(label, model, language, texts, {"shortlist": path}))
    print(f"{model.label}, {len(texts)} sentences, beam 4\n\n{table(rows, references)}\n")
    kinds = Counter(flag.name for one in rows[0].translations for flag in one.flags)
    flagged = sum(bool(one.flags) for one in rows[0].translations)
    print(
        f"flagged in int8: {flagged}; " + ", ".join(f"{name} {count}" for name, count in kinds.most_common())
    )
    chosen = texts[: options.alone]
    print(f"other bits alone than together: {other_bits(model, language, chosen)} of {len(chosen)}")


if __name__ == "__main__":
    main()

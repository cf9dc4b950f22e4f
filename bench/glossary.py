"""How many glossary terms a model gets right of itself, and how many when it is asked for them.

Run: ``python bench/glossary.py --evaldata ../shared/evaldata``
Translates sentences 101 to 130 of ``flores200-devtest/<language>-en`` without and with
``bench/glossary.tsv``, whose English is that of the reference, and prints a Markdown table. The second row
of a language begins with the memory of the first one, as a job does that gets its glossary later.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from evalsets import read_documents
from sacrebleu import corpus_chrf

from mtalign.document import Segment
from mtalign.engines.base import Decoding
from mtalign.engines.registry import default_engine, load_engine
from mtalign.glossary import Glossary, load_glossary
from mtalign.languages import parse_language
from mtalign.memory import Memory
from mtalign.models.resolve import resolve
from mtalign.models.store import ModelStore
from mtalign.translate import translate_segments

ENGLISH = parse_language("en")
HERE = Path(__file__).resolve().parent


def hits(glossary: Glossary, segments: list[Segment], texts: list[str]) -> tuple[int, int]:
    """Terms found in the sources, and those of them whose English the translation holds."""
    found = [
        (one.term, text)
        for segment, text in zip(segments, texts, strict=True)
        for one in glossary.find(segment.text, parse_language(segment.language))
    ]
    return len(found), sum(term.found_in(text) is not None for term, text in found)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="qwen", help="a model of the store, or a path")
    parser.add_argument("--evaldata", type=Path, required=True, help="folder that holds flores200-devtest")
    parser.add_argument("--glossary", type=Path, default=HERE / "glossary.tsv")
    parser.add_argument("--start", type=int, default=100, help="first sentence, from 0")
    parser.add_argument("--limit", type=int, default=30, help="sentences a language")
    parser.add_argument("--languages", default="zh,ko,de")
    parser.add_argument("--quality", default="fast")
    parser.add_argument("--show", action="store_true", help="print what the glossary changed")
    options = parser.parse_args()
    glossary = load_glossary(options.glossary)
    decoding = Decoding(quality=options.quality)
    print("| language | glossary | terms | hit | rate | chrF2 | segments decoded anew | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    for code in options.languages.split(","):
        model = resolve(options.model, source_language=parse_language(code), store=ModelStore(), offline=True)
        engine = load_engine(default_engine(model), model)
        folder = options.evaldata / "flores200-devtest" / f"{code}-en"
        segments, references = read_documents(folder, code, options.start, options.limit)
        before: list[str] = []
        with Memory(None) as memory:
            for used in (None, glossary):
                started = time.perf_counter()
                done, figures = translate_segments(
                    segments, engine=engine, target=ENGLISH, memory=memory, decoding=decoding, glossary=used
                )
                seconds = time.perf_counter() - started
                texts = [done[segment.id].text or "" for segment in segments]
                found, hit = hits(glossary, segments, texts)
                chrf = corpus_chrf(texts, [references]).score
                name = "with" if used else "without"
                print(
                    f"| {code} | {name} | {found} | {hit} | {hit / found:.0%} | {chrf:.1f} "
                    f"| {figures.decoded} | {seconds:.0f} |",
                    flush=True,
                )
                if options.show and used:
                    for segment, old, new in zip(segments, before, texts, strict=True):
                        if old != new:
                            print(f"\n{segment.text}\n- {old}\n+ {new}", flush=True)
                before = texts
        engine.close()


if __name__ == "__main__":
    main()

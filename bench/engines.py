"""Speed of the seq2seq engines: transformers, a bare CTranslate2 call, our engine, the whole chain round it.

    python bench/engines.py [--nllb] [--quick] [--rounds 3] [--json FILE]
    python bench/engines.py --model opus-fr-en --from fr --text FILE [--quick] [--shortlist FILE]

Random weights of true shape (opus-mt: 512, 6 + 6 layers, vocabulary 65,001; ``--nllb``: NLLB-200-600M, 1024,
12 + 12, 256,206; 6 GB of RAM), 40 target tokens forced for each of the same sentences of 5 to 30 words. Every
system is a process of its own; they run in turns, figures are medians, the ratios come first. What random
weights write is nonsense: the guard looks at it as at any output, then it is let stand.

``chain`` reads a file, splits, tokenizes, looks up, decodes, checks, records and writes; ``chain --lines`` is
the same for a file of lines; ``bare CTranslate2`` is one call of ``translate_batch`` on the same tokens with
the same options. Padding is the share of the encoder's positions that held none of a source.

With ``--model``, a model of the store translates the lines of a text instead, outputs as long as they come,
guarded and decoded again as ever; the rates are sentences a second. Every system gets sentences of all
lengths in equal parts, the slow ones fewer.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import checkpoints

from mtalign.engines.base import Decoding, Hypothesis, Request, ResolvedModel
from mtalign.languages import Language

TARGET_TOKENS = 40
SHORT = 16_000
"""Tokens of the shortlist."""


@dataclass(frozen=True)
class Task:
    """What is translated by which model."""

    name: str
    model: ResolvedModel
    language: Language
    texts: list[str]
    forced: int | None
    """Target tokens written for each text; None: until the model ends."""
    shortlist: Path | None = None
    """Of the model's own; None: the first tokens of the vocabulary."""

    @property
    def unit(self) -> str:
        """What rates count."""
        return "target tokens" if self.forced else "sentences"

    def part(self, share: float) -> Task:
        """A share of the texts, of all lengths, in an order of its own."""
        count = max(2, round(len(self.texts) * share))
        if self.forced or count >= len(self.texts):
            return replace(self, texts=self.texts[:count])
        ordered = sorted(self.texts, key=len)
        chosen = [ordered[int((place + 0.5) * len(ordered) / count)] for place in range(count)]
        random.Random(0).shuffle(chosen)
        return replace(self, texts=chosen)


@dataclass(frozen=True)
class System:
    """What is measured: in what, with which settings, on which share of the sentences."""

    label: str
    kind: str
    """``engine``, ``bare``, ``document`` or ``lines``."""
    engine: str
    batch: int
    settings: dict[str, Any]
    share: float
    """The slow ones get few of the sentences, those in batches enough for a batch of mixed lengths."""


ONE = "transformers, one at a time"
BATCHED = "transformers, padded batches"
BARE = "bare CTranslate2"
ENGINE = "our engine"
SHORTLIST = "our engine, shortlist"

SYSTEMS = [
    System(ONE, "engine", "transformers", 1, {"batch_size": 1}, 1 / 16),
    System(BATCHED, "engine", "transformers", 32, {"batch_size": 32, "padding": True}, 1 / 2),
    System(BARE, "bare", "ctranslate2", 16, {}, 1),
    System(BARE, "bare", "ctranslate2", 32, {}, 1),
    System("equal lengths only", "engine", "ctranslate2", 16, {"batch_size": 16, "bucket": 1}, 1),
    System(ENGINE, "engine", "ctranslate2", 8, {"batch_size": 8}, 1),
    System(ENGINE, "engine", "ctranslate2", 16, {"batch_size": 16}, 1),
    System(ENGINE, "engine", "ctranslate2", 32, {"batch_size": 32}, 1),
    System(SHORTLIST, "engine", "ctranslate2", 16, {"shortlist": True}, 1),
    System("our engine, 2 threads × 1", "engine", "ctranslate2", 16,
           {"batch_size": 16, "workers": 1, "threads": 2}, 1),
    System("chain", "document", "ctranslate2", 16, {}, 1),
    System("chain --lines", "lines", "ctranslate2", 16, {}, 1),
]  # fmt: skip
QUICK = {
    (ONE, 1),
    (BATCHED, 32),
    (BARE, 16),
    (BARE, 32),
    (ENGINE, 16),
    (SHORTLIST, 16),
    ("chain", 16),
    ("chain --lines", 16),
}


def build_opus(path: Path) -> None:
    """Random weights in the shape of Helsinki-NLP/opus-mt-ko-en: 512, 6 + 6 layers, vocabulary 65,001."""
    import torch
    from transformers import MarianConfig, MarianMTModel

    checkpoints.build_marian(path, steps=1)
    table = json.loads((path / "vocab.json").read_text(encoding="utf-8"))
    del table["<pad>"]
    # Words of letters: figures in every word would make the numbers' check the bottleneck.
    letters = str.maketrans("0123456789", "abcdefghij")
    table |= {f"▁{number}".translate(letters): number for number in range(len(table), 65_000)}
    table["<pad>"] = 65_000
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


def sentences(count: int) -> list[str]:
    """Korean words at random, 5 to 30 of them: as unequal in length as the sentences of a document."""
    generator = random.Random(0)
    known = {
        word
        for language, source, _ in checkpoints.phrases()
        if language == checkpoints.KOREAN
        for word in source.split()
    }
    # Verbs end a sentence, and there would be several.
    words = sorted(word for word in known if not word.endswith("."))
    return [" ".join(generator.choices(words, k=generator.randint(5, 30))) + "." for _ in range(count)]


# -- in the process of a system -----------------------------------------------------------------------------


def work(connection: Any, system: System, task: Task, folder: Path) -> None:
    """Load ``system``, then answer each beam width with a run's figures, until there is none."""
    if task.forced:
        let_nonsense_stand()
    run = {"engine": run_engine, "bare": run_bare, "document": run_document, "lines": run_lines}[system.kind](
        system, task, folder
    )
    connection.send("ready")
    from mtalign.job.rates import peak_rss_mb

    while (beam := connection.recv()) is not None:
        wall, cpu = time.perf_counter(), time.process_time()
        tokens, padding = run(decoding_of(task, beam))
        units = tokens if task.forced else len(task.texts)
        connection.send(
            {
                "rate": units / (time.perf_counter() - wall),
                "cpu_ms_per_unit": 1000 * (time.process_time() - cpu) / units,
                "padding_waste": padding,
                "peak_rss_mb": peak_rss_mb(),
            }
        )


def let_nonsense_stand() -> None:
    """Guard outputs as ever, then take them whatever the guard says."""
    import mtalign.translate.decoder as decoder

    guard = decoder.objection

    def let_stand(request: Request, answer: Hypothesis) -> None:
        guard(request, answer)
        if not answer.text.strip():
            # Nothing but marks of languages: there is no translation to record.
            object.__setattr__(answer, "text", "?")

    decoder.objection = let_stand


def decoding_of(task: Task, beam: int) -> Decoding:
    if task.forced:
        return Decoding(beam=beam, max_ratio=0.01, min_length=task.forced)
    return Decoding(beam=beam)


Run = Callable[[Decoding], tuple[int, float | None]]
"""Runs once; target tokens and padding."""


def requests_of(task: Task) -> list[Request]:
    return [Request(text, task.language, checkpoints.ENGLISH) for text in task.texts]


def loaded(system: System, task: Task, folder: Path) -> Any:
    from mtalign.engines.registry import load_engine

    settings = dict(system.settings)
    if system.engine == "ctranslate2":
        settings["home"] = folder
    if settings.get("shortlist"):
        settings["shortlist"] = task.shortlist or shortlist_of(task.model, folder)
    return load_engine(system.engine, task.model, **settings)


def shortlist_of(model: ResolvedModel, folder: Path) -> Path:
    """The first ``SHORT`` tokens of the vocabulary: as many as an English corpus has."""
    from mtalign.engines.conversion import converted_directory
    from mtalign.engines.shortlist import write_shortlist
    from mtalign.engines.tokenization import read_vocabulary

    path = folder / f"{model.path.name}.shortlist"
    write_shortlist(path, model, read_vocabulary(converted_directory(model, "int8", folder))[:SHORT])
    return path


def run_engine(system: System, task: Task, folder: Path) -> Run:
    from mtalign.job.rates import padding_waste

    engine, requests = loaded(system, task, folder), requests_of(task)
    size = 1 if system.batch == 1 else len(requests)

    def run(decoding: Decoding) -> tuple[int, float | None]:
        before = getattr(engine, "source_tokens", 0), getattr(engine, "padded_tokens", 0)
        found = [
            hypothesis
            for start in range(0, len(requests), size)
            for hypothesis in engine.translate(requests[start : start + size], decoding)
        ]
        after = getattr(engine, "source_tokens", 0), getattr(engine, "padded_tokens", 0)
        return sum(one.tokens for one in found), padding_waste(after[0] - before[0], after[1] - before[1])

    return run


def run_bare(system: System, task: Task, folder: Path) -> Run:
    """``translate_batch`` on tokens that are made before, in the order and the batches of CTranslate2."""
    import os

    import ctranslate2

    from mtalign.engines.batching import output_limit
    from mtalign.engines.conversion import converted_directory
    from mtalign.engines.tokenization import load_tokenizer, read_vocabulary
    from mtalign.job.rates import padding_waste

    directory = converted_directory(task.model, "int8", folder)
    tokenizer = load_tokenizer(task.model, read_vocabulary(directory))
    sources = [
        tokenizer.wrap(tokenizer.pieces(request.text), request.source, request.target)
        for request in requests_of(task)
    ]
    prefix = tokenizer.target_prefix(checkpoints.ENGLISH)
    translator = ctranslate2.Translator(
        str(directory), compute_type="int8", inter_threads=len(os.sched_getaffinity(0)), intra_threads=1
    )
    lengths = sorted(map(len, sources), reverse=True)
    padded = sum(
        lengths[start] * len(lengths[start : start + system.batch])
        for start in range(0, len(lengths), system.batch)
    )

    def run(decoding: Decoding) -> tuple[int, float | None]:
        limit = output_limit(lengths[0], decoding, 510)
        results = translator.translate_batch(
            sources,
            target_prefix=[prefix] * len(sources) if prefix else None,
            max_batch_size=system.batch,
            beam_size=decoding.beam,
            max_decoding_length=len(prefix) + limit,
            min_decoding_length=len(prefix) + 1,
            max_input_length=0,
            disable_unk=True,
            return_end_token=True,
            return_scores=True,
        )
        tokens = sum(len(one.hypotheses[0]) - len(prefix) for one in results)
        return tokens, padding_waste(sum(lengths), padded)

    return run


def run_document(system: System, task: Task, folder: Path) -> Run:
    """Read, segment, translate with a new memory, check, render and write a document."""
    from mtalign.files import write_atomically
    from mtalign.job.events import Silence
    from mtalign.job.inputs import read_inputs
    from mtalign.job.outputs import render_english
    from mtalign.job.rates import padding_waste
    from mtalign.job.runner import translate_inputs
    from mtalign.memory import Memory

    pool = Pool(loaded(system, task, folder))
    number = iter(range(1000))

    def run(decoding: Decoding) -> tuple[int, float | None]:
        with tempfile.TemporaryDirectory(dir=folder) as own:
            document = Path(own) / f"{next(number)}.txt"
            document.write_text("\n\n".join(task.texts) + "\n", encoding="utf-8")
            inputs, _ = read_inputs(
                [str(document)], base=Path(), source=task.language, target=checkpoints.ENGLISH,
                events=Silence(),
            )  # fmt: skip
            with Memory(Path(own) / "memory.sqlite") as memory:
                translations, cost = translate_inputs(
                    inputs, pool=pool, target=checkpoints.ENGLISH, memory=memory, decoding=decoding,
                    events=Silence(),
                )  # fmt: skip
            write_atomically(Path(own) / "out.txt", render_english(inputs[0], translations))
        check_decoded(task, cost.decoded, cost.failed)
        return cost.tokens, padding_waste(cost.source_tokens, cost.padded_tokens)

    return run


def run_lines(system: System, task: Task, folder: Path) -> Run:
    """The same for a file of lines."""
    from mtalign.job.events import Silence
    from mtalign.job.rates import padding_waste
    from mtalign.job.stream import LineJob, translate_file
    from mtalign.memory import Memory

    pool = Pool(loaded(system, task, folder))

    def run(decoding: Decoding) -> tuple[int, float | None]:
        with tempfile.TemporaryDirectory(dir=folder) as own:
            source = Path(own) / "in.txt"
            source.write_text("\n".join(task.texts) + "\n", encoding="utf-8")
            with Memory(Path(own) / "memory.sqlite") as memory, (Path(own) / "out.txt").open("wb") as out:
                job = LineJob(pool, task.language, checkpoints.ENGLISH, memory, decoding, Silence())
                cost = translate_file(source, out, job)
        check_decoded(task, cost.decoded, cost.failed)
        return cost.tokens, padding_waste(cost.source_tokens, cost.padded_tokens)

    return run


def check_decoded(task: Task, decoded: int, failed: int) -> None:
    # A line or two of a real text may be taken for English, or for two sentences.
    allowed = 0 if task.forced else 0.02 * len(task.texts)
    if abs(decoded - len(set(task.texts))) > allowed or (failed and task.forced):
        raise RuntimeError(f"{decoded} decoded, {failed} failed: not every sentence was decoded once")


class Pool:
    """An engine that is loaded already, as the job's pool of engines gives it."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def engines_for(self, languages: Any) -> dict[str, Any]:
        return {language.code: self._engine for language in languages}


# -- side by side -------------------------------------------------------------------------------------------


def measure(
    task: Task, folder: Path, systems: Sequence[System], beams: Sequence[int], rounds: int
) -> list[dict[str, Any]]:
    """Rows of the table for ``task``: medians of runs in turns, and ratios."""
    from mtalign.engines.conversion import convert

    convert(task.model, "int8", folder)
    context = multiprocessing.get_context("spawn")
    workers = []
    for system in systems:
        ours, theirs = context.Pipe()
        own = task.part(system.share)
        process = context.Process(target=work, args=(theirs, system, own, folder), daemon=True)
        process.start()
        theirs.close()
        if ours.recv() != "ready":
            raise RuntimeError(system.label)
        workers.append((system, ours, process))
        print(f"{task.name}: {system.label}, batch {system.batch}, is ready", file=sys.stderr)
    runs: dict[tuple[System, int], list[dict[str, Any]]] = {}
    for _, connection, _ in workers:
        connection.send(1)
        connection.recv()
    for number in range(rounds):
        for beam in beams:
            for system, connection, _ in workers:
                connection.send(beam)
                found = connection.recv()
                runs.setdefault((freeze(system), beam), []).append(found)
                print(
                    f"{task.name}: {system.label}, batch {system.batch}, beam {beam}: {found['rate']:.2f} "
                    f"{task.unit}/s, {found['cpu_ms_per_unit']:.1f} ms of CPU each",
                    file=sys.stderr,
                )
        print(f"{task.name}: round {number + 1} of {rounds} is over", file=sys.stderr)
    for _, connection, process in workers:
        connection.send(None)
        process.join()
    rows = []
    for beam in beams:
        own = {
            system: {key: _median([run[key] for run in found]) for key in found[0]}
            for (system, width), found in runs.items()
            if width == beam
        }
        bare = max((row for system, row in own.items() if system[0] == BARE), key=rate_of, default=None)
        one = next((row for system, row in own.items() if system[0] == ONE), None)
        batched = next((row for system, row in own.items() if system[0] == BATCHED), None)
        for system, row in own.items():
            ratios = {
                f"to_{name}": round(rate_of(row) / rate_of(other), 3) if other else None
                for name, other in (("bare", bare), ("batched", batched), ("one_at_a_time", one))
            }
            ratios["peak_rss_to_bare"] = round(row["peak_rss_mb"] / bare["peak_rss_mb"], 3) if bare else None
            rows.append(
                {
                    "shape": task.name, "system": system[0], "batch": system[1], "beam": beam,
                    "unit": task.unit, **ratios, **row,
                }
            )  # fmt: skip
    return rows


def freeze(system: System) -> Any:
    return (system.label, system.batch)


def rate_of(row: dict[str, Any]) -> float:
    return float(row["rate"])


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(statistics.median(known), 4) if known else None


def table(rows: Sequence[dict[str, Any]]) -> str:
    unit = rows[0]["unit"]
    lines = [
        "| shape | beam | system | batch | × bare | × transformers batched | × one at a time"
        + f" | peak RSS × bare | {unit}/s | CPU ms each | padding | peak RSS MB |",
        "|---|" + "---|" * 11,
    ]
    for row in rows:
        ratios = [row[name] for name in ("to_bare", "to_batched", "to_one_at_a_time", "peak_rss_to_bare")]
        cells = [
            row["shape"], row["beam"], row["system"], row["batch"],
            *("" if ratio is None else f"{ratio:.2f}" for ratio in ratios),
            f"{row['rate']:.0f}" if row["rate"] >= 100 else f"{row['rate']:.2f}",
            f"{row['cpu_ms_per_unit']:.2f}",
            "" if row["padding_waste"] is None else f"{row['padding_waste']:.0%}",
            f"{row['peak_rss_mb']:.0f}",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def model_of_store(name: str, language: Language) -> ResolvedModel | None:
    """A model that is there; None, with a message, where it is not."""
    from mtalign.errors import MtalignError
    from mtalign.models.resolve import resolve
    from mtalign.models.store import ModelStore

    try:
        return resolve(name, source_language=language, store=ModelStore(), offline=False, pull=False)
    except MtalignError as error:
        print(f"not measured: {error}", file=sys.stderr)
        return None


def task_of_store(options: argparse.Namespace, count: int) -> Task | None:
    """The task of ``--model``; None, with a message, where the store has no such model."""
    from mtalign.languages import identify, parse_language
    from mtalign.segment import split_sentences

    if not (options.text and options.source):
        raise SystemExit("--model needs --text and --from")
    language = parse_language(options.source)
    model = model_of_store(options.model, language)
    if model is None:
        return None
    lines = [line.strip() for line in options.text.read_text(encoding="utf-8").splitlines()]
    texts = [
        line
        for line in dict.fromkeys(lines)
        if len(split_sentences(line, language)) == 1
        and ((found := identify(line)) is None or found.code == language.code)
    ][:count]
    return Task(model.name, model, language, texts, None, options.shortlist)


def main() -> None:
    """Build the checkpoints in a temporary folder (or ``--folder``, where they are kept) and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nllb", action="store_true", help="measure the NLLB-200-600M shape too")
    parser.add_argument("--only-nllb", action="store_true", help="measure the NLLB-200-600M shape alone")
    parser.add_argument("--quick", action="store_true", help="the rows that matter, beam 4, fewer sentences")
    parser.add_argument("--sentences", type=int, help="default 256; 96 with --quick, half for NLLB")
    parser.add_argument(
        "--only", nargs="+", default=[""], help="only systems whose label contains one of these"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beams", type=int, nargs="+")
    parser.add_argument("--folder", type=Path, help="keep the checkpoints here")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows here too")
    parser.add_argument("--model", metavar="NAME", help="measure a model of the store, on --text")
    parser.add_argument("--from", dest="source", metavar="LANG", help="language of --text")
    parser.add_argument("--text", type=Path, metavar="FILE", help="a sentence a line")
    parser.add_argument("--shortlist", type=Path, metavar="FILE", help="the model's own")
    options = parser.parse_args()
    builders = {"opus-mt shape": build_opus, "NLLB-600M shape": build_nllb}
    wanted = ["opus-mt shape"] * (not options.only_nllb) + ["NLLB-600M shape"] * (
        options.nllb or options.only_nllb
    )
    systems = [
        system
        for system in SYSTEMS
        if any(part in system.label for part in options.only)
        and (not options.quick or freeze(system) in QUICK)
    ]
    beams = options.beams or ([4] if options.quick else [4, 1])
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        if options.model:
            task = task_of_store(options, options.sentences or 256)
            if task is None:
                return
            systems = [system for system in systems if system.label != SHORTLIST or options.shortlist]
            rows = measure(task, folder, systems, beams, options.rounds)
        else:
            for name in wanted:
                path = folder / name
                if not (path / "model.safetensors").exists():
                    path.mkdir(parents=True, exist_ok=True)
                    builders[name](path)
                count = options.sentences or (96 if options.quick else 256) // (2 if "NLLB" in name else 1)
                model = checkpoints.resolved(path)
                task = Task(name, model, checkpoints.KOREAN, sentences(count), TARGET_TOKENS)
                rows += measure(task, folder, systems, beams, options.rounds)
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

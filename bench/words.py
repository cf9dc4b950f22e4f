"""How good word links are: names, gold, and sentences that have nothing to do with each other.

    pip install babel
    python bench/words.py --data ../shared/evaldata [--gold FOLDER] [--embedder use] [--sentences 120]

* names: countries, languages, months and weekdays of CLDR (babel) that stand once in a FLORES-200 source and
  once, under their English name, in its translation. Precision: of the links that touch such a name on either
  side, those that join it with its counterpart. Recall: the names with such a link.
* apart: two sentences that have nothing to do with each other are put together, on both sides. A link from
  one into the other is wrong; one made at random would be so half of the time, so precision is taken as
  1 - 2 x their share. It is an upper bound: links that are wrong within a sentence do not show.
* gold: NAME.src-tgt (``source ||| target``, words apart by spaces) and NAME.gold (``1-1 2p3``, numbers from
  1) for each NAME such as ``zhen``, the format of awesome-align's examples. Precision over sure and possible
  links, recall over sure ones, without punctuation.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Iterator
from pathlib import Path

from mtalign.align.words import link_words, token_embedder
from mtalign.embed import TokenEmbedder, load_embedder

LANGUAGES = ("ko", "ja", "zh", "de")
Spans = tuple[int, int, int, int]


def parallel(data: Path, language: str) -> list[tuple[str, str]]:
    folder = data / "flores200-devtest" / f"{language}-en"
    sides = [
        (folder / name).read_text(encoding="utf-8").splitlines() for name in (f"src.{language}", "ref.A.en")
    ]
    return list(zip(*sides, strict=True))


def names(language: str) -> dict[str, str]:
    from babel import Locale

    here, english = Locale.parse("zh_Hans" if language == "zh" else language), Locale("en")
    found = {
        here.territories[key]: english.territories[key]
        for key in here.territories
        if key.isalpha() and key in english.territories
    }
    found |= {
        here.languages[key]: english.languages[key] for key in here.languages if key in english.languages
    }
    for kind in ("days", "months"):
        ours, theirs = (getattr(locale, kind)["format"]["wide"] for locale in (here, english))
        found |= {ours[key]: theirs[key] for key in ours}
    return {name: other for name, other in found.items() if len(name) >= 2 and len(other) > 3}


def with_names(pairs: list[tuple[str, str]], language: str) -> Iterator[tuple[tuple[str, str], list[Spans]]]:
    known = names(language)
    for source, target in pairs:
        found = []
        for name, other in known.items():
            if source.count(name) == 1 and target.count(other) == 1:
                start, begin = source.index(name), target.index(other)
                part = language == "de" and source[start - 1 : start].isalpha()
                if not part and not target[begin - 1 : begin].isalpha():
                    found.append((start, start + len(name), begin, begin + len(other)))
        whole = [
            one
            for one in found
            if not any(other != one and other[0] <= one[0] and one[1] <= other[1] for other in found)
        ]
        if whole:
            yield (source, target), whole


def overlaps(first: tuple[int, int], second: tuple[int, int]) -> bool:
    return first[0] < second[1] and second[0] < first[1]


def name_figures(
    pairs: list[tuple[str, str]], language: str, limit: int, embedder: TokenEmbedder
) -> tuple[float, float, int]:
    items = list(with_names(pairs, language))[:limit]
    touching = right = reached = total = 0
    for (_, spans), links in zip(items, link_words([pair for pair, _ in items], embedder), strict=True):
        for name in spans:
            on = [(overlaps(link[:2], name[:2]), overlaps(link[2:], name[2:])) for link in links]
            touching += sum(one or other for one, other in on)
            right += sum(one and other for one, other in on)
            reached += any(one and other for one, other in on)
            total += 1
    return right / max(touching, 1), reached / max(total, 1), total


def apart_figures(
    pairs: list[tuple[str, str]], language: str, limit: int, embedder: TokenEmbedder
) -> tuple[float, float]:
    """Precision as described, and links a target word."""
    space = "" if language in ("ja", "zh") else " "
    half = len(pairs) // 2
    both = list(zip(pairs[:half], pairs[half:], strict=False))[:limit]
    joined = [(f"{a[0]}{space}{b[0]}", f"{a[1]} {b[1]}") for a, b in both]
    count = crossing = words = 0
    for (first, _), whole, links in zip(both, joined, link_words(joined, embedder), strict=True):
        border = len(first[0]), len(first[1])
        crossing += sum((link[0] >= border[0]) != (link[2] >= border[1]) for link in links)
        count += len(links)
        words += len(re.findall(r"\w+", whole[1]))
    return 1 - 2 * crossing / max(count, 1), count / words


def gold_figures(folder: Path, name: str, embedder: TokenEmbedder) -> tuple[float, float, int]:
    space = " " if name.startswith(("de", "ko", "fr", "ro")) else ""
    found = right = sure_found = sure_total = sentences = 0
    lines = (folder / f"{name}.src-tgt").read_text(encoding="utf-8").splitlines()
    for line, gold in zip(lines, (folder / f"{name}.gold").read_text().splitlines(), strict=True):
        words = [side.split() for side in line.split(" ||| ")]
        text = space.join(words[0]), " ".join(words[1])
        spans = [spans_of(words[0], space), spans_of(words[1], " ")]
        told = re.findall(r"(\d+)([-p])(\d+)", gold)
        real = [[bool(re.search(r"\w", word)) for word in side] for side in words]
        possible = {(int(a) - 1, int(b) - 1) for a, _, b in told}
        sure = {(int(a) - 1, int(b) - 1) for a, kind, b in told if kind == "-"}
        sure = {(a, b) for a, b in sure if real[0][a] and real[1][b]}
        links = {
            (a, b)
            for link in link_words([text], embedder)[0]
            for a in range(len(words[0]))
            for b in range(len(words[1]))
            if overlaps(link[:2], spans[0][a])
            and overlaps(link[2:], spans[1][b])
            and real[0][a]
            and real[1][b]
        }
        found += len(links)
        right += len(links & possible)
        sure_found += len(links & sure)
        sure_total += len(sure)
        sentences += 1
    return right / max(found, 1), sure_found / max(sure_total, 1), sentences


def spans_of(words: list[str], space: str) -> list[tuple[int, int]]:
    spans, start = [], 0
    for word in words:
        spans.append((start, start + len(word)))
        start += len(word) + len(space)
    return spans


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--gold", type=Path)
    parser.add_argument("--embedder", default="use")
    parser.add_argument("--sentences", type=int, default=120)
    options = parser.parse_args()
    embedder = token_embedder(load_embedder(options.embedder))
    if embedder is None:
        parser.error(f"{options.embedder} does not encode tokens")
    print(f"Word links by {options.embedder}, into English\n")
    print(
        "| | names: precision | recall | names | apart: precision | links a word | ms a segment: wall | CPU |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for language in LANGUAGES:
        pairs = parallel(options.data, language)
        precision, recall, total = name_figures(pairs, language, options.sentences, embedder)
        kept, density = apart_figures(pairs, language, options.sentences // 2, embedder)
        some = pairs[: options.sentences]
        wall, cpu = time.perf_counter(), time.process_time()
        link_words(some, embedder)
        times = [
            (now - then) / len(some) * 1000
            for now, then in ((time.perf_counter(), wall), (time.process_time(), cpu))
        ]
        print(
            f"| {language} | {precision:.2f} | {recall:.2f} | {total} | {kept:.2f} | {density:.2f} "
            f"| {times[0]:.1f} | {times[1]:.1f} |"
        )
    if options.gold is not None:
        print("\n| gold | precision | recall | sentences |\n|---|---|---|---|")
        for path in sorted(options.gold.glob("*.gold")):
            precision, recall, sentences = gold_figures(options.gold, path.stem, embedder)
            print(f"| {path.stem} | {precision:.2f} | {recall:.2f} | {sentences} |")


if __name__ == "__main__":
    main()

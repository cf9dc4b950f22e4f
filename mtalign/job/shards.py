"""Shards of a run: how its segments are divided, what the folder of a part says, and parts read for a merge.

A shard is one of n parts of a run that n processes work on without a word to each other. Each of them reads
and segments all inputs, so each comes to the same division on its own. The unit is the block: what stands
before a sentence in its block may be the context that it is translated with, so a part of whole blocks gives
the translations that the whole run gives. Blocks stay in their order, so a part is one stretch of the run.

The folder of a part has the ``manifest.json`` of a run with one more entry, ``shard``, and of each document
``segments.jsonl`` with the segments of this part alone: those of other parts are absent, and the manifest
says how many there are. What belongs to the run as a whole (alignment, estimates, checks across segments,
scores, pages) is in no part; :mod:`mtalign.job.merge` makes it. It needs nothing but the folders: the
glossary and the sentences of the reference lie in each of them.

``shard`` holds ``{"part", "parts", "segments": in this part, "of": in the run, "base": folder of the
configuration, "config": the configuration as its file would have it, "engines": fingerprint of the model by
source language, "glossary": its name in reports or null, "reviews": digest of what reviewers said of the
run's texts, "statistics": what the translate plan counted, "files": sha-256 of each further file by its
path}``. An entry of ``inputs`` has in addition ``{"of": segments of the document, "first": where in it those
of this part begin, counted from 0, "encoding", "bom", "beads": [[source ids, target ids]], "text": of a
document without segments, else null}``.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtalign.errors import DocumentError, UsageError
from mtalign.files import write_atomically
from mtalign.job.config import config_table
from mtalign.job.outputs import write_json
from mtalign.job.scoring import reference_text
from mtalign.records import dump_records
from mtalign.score.runs import REFERENCE_FILE
from mtalign.segment import plain_text

if TYPE_CHECKING:
    from mtalign.document import Segment
    from mtalign.glossary import Glossary
    from mtalign.job.config import JobConfig
    from mtalign.job.reference import Reference
    from mtalign.job.translated import TranslatedDocument
    from mtalign.memory import Memory

GLOSSARY_FILE = "glossary.tsv"
"""In the folder of a part: the glossary, byte for byte."""

_SAME = "run all shards with the same inputs, options, reviews and installation"


@dataclass(frozen=True)
class Shard:
    """Part ``part`` of ``parts``, counted from 1."""

    part: int
    parts: int

    def __post_init__(self) -> None:
        if not 1 <= self.part <= self.parts:
            raise UsageError(f"there is no shard {self}", hint=f"parts are counted from 1 to {self.parts}")

    def __str__(self) -> str:
        return f"{self.part}/{self.parts}"


def own_segments(documents: Sequence[Sequence[Segment]], shard: Shard) -> list[range]:
    """Which segments of each document belong to ``shard``, by their places.

    Blocks weigh what an engine has to do for them, in bytes of UTF-8: a byte of Korean, Japanese, Chinese or
    German becomes 0.8 to 1.1 letters of English, a character 0.9 to 2.9. What goes through no model weighs
    nothing. A block belongs to the part in whose n-th of the weight its middle lies, so that no part is
    heavier than its n-th and one block.
    """
    blocks = [
        (number, [segment for _, segment in places], places[0][0])
        for number, segments in enumerate(documents)
        for places in (list(group) for _, group in groupby(enumerate(segments), lambda one: one[1].block_id))
    ]
    weights = [
        sum(len(segment.text.encode("utf-8", "surrogatepass")) for segment in block if not segment.skip)
        for _, block, _ in blocks
    ]
    ends = list(accumulate(weights))
    total = ends[-1] if ends else 0
    # Twice the middle of each block, so that all is whole numbers; they never decrease.
    middles = [2 * end - weight for end, weight in zip(ends, weights, strict=True)]
    if not total:
        middles, total = [2 * number + 1 for number in range(len(blocks))], len(blocks)
    begin, end = (
        bisect_left(middles, -(-2 * total * part // shard.parts)) for part in (shard.part - 1, shard.part)
    )
    if shard.part == shard.parts:
        # Blocks without weight at the end of the run have their middle on its border.
        end = len(blocks)
    own = [range(0)] * len(documents)
    for number, block, first in blocks[begin:end]:
        start = own[number].start if own[number] else first
        own[number] = range(start, first + len(block))
    return own


# -- the folder of a part ---------------------------------------------------------------------------------


def claim_folder(folder: Path, shard: Shard | None) -> None:
    """See that ``folder`` is not another part of a run, or a whole one where a part is to be written.

    Raises:
        UsageError: it is; nothing that was done is overwritten.
    """
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        return
    try:
        there = shard_of(json.loads(manifest.read_bytes()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, UsageError):
        return
    if there != shard:
        what = f"shard {there}" if there else "a whole run"
        raise UsageError(
            f"{folder} holds {what}, which {f'shard {shard}' if shard else 'a whole run'} would overwrite",
            hint="name another folder with -o, or remove this one",
        )


def shard_of(manifest: Any) -> Shard | None:
    """The part of a run that a manifest is of; None for a whole run."""
    entry = manifest.get("shard")
    return Shard(int(entry["part"]), int(entry["parts"])) if entry else None


def write_part(
    folder: Path,
    shard: Shard,
    config: JobConfig,
    documents: Sequence[TranslatedDocument],
    *,
    manifest: dict[str, Any],
    counts: Sequence[int],
    own: Sequence[range],
    languages: Mapping[str, str],
    glossary: Glossary | None,
    reference: Reference | None,
    reviews: str,
    statistics: dict[str, Any],
) -> list[dict[str, Any]]:
    """Write the folder of a part; the manifest comes last, so that a folder with one is whole.

    Args:
        folder: where to.
        shard: which part.
        config: of the run.
        documents: all of the run's, each with the segments of this part.
        manifest: what a whole run would say; what a part says in addition is added.
        counts: segments of each document, in all parts.
        own: places of the part's segments in each document.
        languages: fingerprint of the model by source language.
        glossary: of the run.
        reference: of the run.
        reviews: see :func:`reviews_digest`.
        statistics: what the translate plan counted.

    Returns:
        The entries of ``inputs``.

    Raises:
        DocumentError: a file cannot be written.
    """
    contents: dict[str, bytes] = {}
    for document in documents:
        if document.records:
            contents[f"{document.output}/segments.jsonl"] = dump_records(document.records).encode()
    if reference is not None:
        contents[REFERENCE_FILE] = reference_text(reference.sentences).encode()
    if glossary is not None:
        contents[GLOSSARY_FILE] = (config.base / config.glossary.file).read_bytes()
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / name, content)
    for entry, document, count, places in zip(manifest["inputs"], documents, counts, own, strict=True):
        entry |= {
            "of": count,
            "first": places.start,
            "encoding": document.encoding,
            "bom": document.bom,
            "beads": [[list(bead.source_ids), list(bead.target_ids)] for bead in document.beads],
            "text": None if count else document.text,
        }
    manifest["shard"] = {
        "part": shard.part,
        "parts": shard.parts,
        "segments": sum(map(len, own)),
        "of": sum(counts),
        "base": config.base.as_posix(),
        "config": config_table(config),
        "engines": dict(sorted(languages.items())),
        "glossary": None if glossary is None else glossary.path,
        "reviews": reviews,
        "statistics": statistics,
        "files": {name: digest(content) for name, content in contents.items()},
    }
    write_json(folder / "manifest.json", manifest)
    return list(manifest["inputs"])


def reviews_digest(memory: Memory, documents: Iterable[Iterable[Segment]], target: str) -> str:
    """SHA-256, hex, over all that ``memory`` has of reviewers on the texts of a run; empty for nothing.

    Parts that were translated with other reviews in their memory are not of one run.
    """
    texts = (plain_text(segment.text) for segments in documents for segment in segments)
    found = sorted(map(repr, memory.reviews(texts, target)))
    return digest("\n".join(found).encode("utf-8", "surrogatepass")) if found else ""


def digest(content: bytes) -> str:
    """SHA-256, hex."""
    return hashlib.sha256(content).hexdigest()


# -- parts read for a merge -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """The folder of a part, read and found whole."""

    folder: Path
    manifest: dict[str, Any]
    shard: Shard

    @property
    def entry(self) -> dict[str, Any]:
        """What the manifest says under ``shard``."""
        entry: dict[str, Any] = self.manifest["shard"]
        return entry


def read_part(folder: Path) -> Part:
    """Read the folder of a part, and check every file of it against its SHA-256.

    Raises:
        UsageError: it is no run folder, or that of a whole run.
        DocumentError: a file is missing or damaged.
    """
    path = folder / "manifest.json"
    if not path.is_file():
        what = "has no manifest.json" if folder.is_dir() else "is not a folder"
        raise UsageError(f"{folder} {what}", hint="give the folders that `mtalign run --shard I/N` wrote")
    try:
        manifest = json.loads(path.read_bytes())
        shard = shard_of(manifest)
        if shard is None:
            raise UsageError(f"{folder} is a whole run, not a shard of one", hint="there is nothing to merge")
        part = Part(folder, manifest, shard)
        files = dict(part.entry["files"])
        for entry in manifest["inputs"]:
            # A folder's name comes out of a file: it must stay inside the folder of the run.
            if Path(entry["output"]).name != entry["output"] or entry["output"] == "..":
                raise ValueError(f"{entry['output']!r} is not the name of a folder")
            if entry["segments"] and f"{entry['output']}/segments.jsonl" not in files:
                raise ValueError(f"no segments.jsonl of {entry['output']}")
        for name in files:
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise ValueError(f"{name!r} is not a file of the shard")
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DocumentError(
            f"{path} is damaged ({type(error).__name__}: {error})", hint=f"run shard {folder} again"
        ) from error
    for name, expected in files.items():
        try:
            content = (folder / name).read_bytes()
        except OSError as error:
            raise DocumentError(
                f"shard {shard}: {folder / name} cannot be read ({error.strerror})",
                hint=f"run shard {shard} again, or copy its folder again",
            ) from error
        if digest(content) != expected:
            raise DocumentError(
                f"shard {shard}: {folder / name} is damaged or was changed after the shard was made",
                hint=f"run shard {shard} again, or copy its folder again",
            )
    return part


def check_set(parts: Sequence[Part]) -> list[Part]:
    """The parts in their order, if they are all of one run, each once.

    Raises:
        UsageError: one is missing, there twice, or of another run, version, configuration, model or input.
    """
    first = parts[0]
    seen: dict[int, Part] = {}
    for part in parts:
        if part.shard.parts != first.shard.parts:
            raise UsageError(
                f"{part.folder} is shard {part.shard} and {first.folder} is shard {first.shard}:"
                " not parts of one division",
                hint="merge shards with the same number after the slash",
            )
        if part.shard.part in seen:
            twice = seen[part.shard.part].folder
            raise UsageError(f"shard {part.shard} is there twice: {twice} and {part.folder}", hint="name one")
        seen[part.shard.part] = part
    for part in parts[1:]:
        _check_same_run(first, part)
    missing = [str(n) for n in range(1, first.shard.parts + 1) if n not in seen]
    if missing:
        number = first.shard.parts
        named = ", ".join(f"{n}/{number}" for n in missing[:10]) + (", …" if len(missing) > 10 else "")
        if len(missing) == 1:
            raise UsageError(
                f"shard {named} is missing", hint="run it with --shard, or name its folder as well"
            )
        raise UsageError(
            f"shards {named} are missing", hint="run them with --shard, or name their folders as well"
        )
    return [seen[n] for n in sorted(seen)]


def _check_same_run(first: Part, part: Part) -> None:
    pairs = (
        ("version of mtalign", first.manifest["mtalign"], part.manifest["mtalign"]),
        ("schema", first.manifest["schema"], part.manifest["schema"]),
        ("configuration", first.entry["config"], part.entry["config"]),
        ("inputs", _inputs(first), _inputs(part)),
        ("documents left out", first.manifest["left_out"], part.manifest["left_out"]),
        ("run id", first.manifest["run"], part.manifest["run"]),
        ("number of segments", first.entry["of"], part.entry["of"]),
        ("reviews in its memory", first.entry["reviews"], part.entry["reviews"]),
        ("beads that reviewers set", _beads(first), _beads(part)),
        ("packages", first.manifest["packages"], part.manifest["packages"]),
        ("glossary", *(one.entry["files"].get(GLOSSARY_FILE) for one in (first, part))),
        ("reference", *(one.entry["files"].get("reference.txt") for one in (first, part))),
    )
    for what, one, other in pairs:
        if one != other:
            raise UsageError(
                f"shard {part.shard} is of another run than shard {first.shard}:"
                f" other {what}{_difference(one, other)}",
                hint=_SAME,
            )


def _inputs(part: Part) -> dict[str, Any]:
    return {
        entry["output"]: {key: entry[key] for key in ("path", "sha256", "document", "of")}
        for entry in part.manifest["inputs"]
    }


def _beads(part: Part) -> dict[str, Any]:
    return {entry["output"]: entry["beads"] for entry in part.manifest["inputs"]}


def models_of(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """What the manifests say of the models, each once, in the order in which a whole run names them.

    Raises:
        UsageError: two parts translated one language with different models or engines.
    """
    by_language: dict[str, tuple[dict[str, Any], Part]] = {}
    for part in parts:
        known = {model["fingerprint"]: model for model in part.manifest["models"]}
        for code, fingerprint in part.entry["engines"].items():
            model = known[fingerprint]
            other, earlier = by_language.setdefault(code, (model, part))
            if other != model:
                raise UsageError(
                    f"shard {part.shard} is of another run than shard {earlier.shard}:"
                    f" other model for {code}{_difference(other, model)}",
                    hint=_SAME,
                )
    ordered = (by_language[code][0] for code in sorted(by_language))
    return list({model["fingerprint"]: model for model in ordered}.values())


def _difference(one: Any, other: Any, where: str = "") -> str:
    """``" (model.name: 'opus', 'qwen')"``: the first place at which two values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys([*one, *other]):
            if one.get(key) != other.get(key):
                return _difference(one.get(key), other.get(key), f"{where}.{key}" if where else str(key))
    if isinstance(one, (dict, list)) or isinstance(other, (dict, list)) or len(str(one) + str(other)) > 160:
        return f" ({where})" if where else ""
    return f" ({where}: {one!r}, {other!r})" if where else f" ({one!r}, {other!r})"

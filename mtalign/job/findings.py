"""What is found out about the documents of a run once they are translated, and what of it is known before.

Links, word links, flags and estimates from sentence vectors, beads with a reference, scores: they take most
of the time of a run whose translations are in memory, and follow from the texts and the installation alone.
So they are kept beside the vectors that ``mtalign align`` keeps, under keys that hold all of these: another
threshold, page or output folder costs none of it again.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from mtalign.document import Link
from mtalign.job.estimates import estimate_qualities, known_texts
from mtalign.job.installation import installation_digest
from mtalign.job.links import link_segment_words, link_translations
from mtalign.job.scoring import score_documents
from mtalign.records import Record, dump_records, flag_from_json, flag_to_json
from mtalign.score.metrics import METRICS, parse_metrics
from mtalign.score.reference import AlignedReference, align_with_reference, scored_part

if TYPE_CHECKING:
    from mtalign.checks.run_names import RunNames
    from mtalign.document import Flag, Segment, Translation
    from mtalign.embed import Embedder
    from mtalign.embed.cache import VectorCache
    from mtalign.job.scoring import ScoredDocument, Scores
    from mtalign.records import WordLink

_SCHEMA = 1

_T = TypeVar("_T")


@dataclass(frozen=True)
class Findings:
    """What sentence vectors say of the translations of a document."""

    links: tuple[Link, ...]
    words: Mapping[str, tuple[WordLink, ...]]
    """Word links by segment id."""
    flags: Mapping[str, tuple[Flag, ...]]
    """Flags that are to be added, by segment id."""
    qualities: Mapping[str, float]
    """Estimated qualities by segment id."""


class Finder:
    """Finds out each thing once, whichever run asks; the encoder is loaded when it is needed."""

    def __init__(self, cache: VectorCache | None = None) -> None:
        """Take what is known from ``cache``; what is new goes there with :meth:`close`."""
        self._cache = cache
        self._installation = installation_digest() if cache else ""
        self._fresh: dict[bytes, bytes] = {}

    def translations(
        self, records: Sequence[Record], names: Callable[[], RunNames], run: str, target_language: str
    ) -> Findings:
        """What there is to say of the translations of a document.

        Args:
            records: the document's, with the flags that its run gives them.
            names: gives the names of the whole run; called when they are needed.
            run: digest of the texts that ``names`` was made of.
            target_language: code of the language translated into.
        """
        return self._known(
            ["translations", run, target_language, dump_records(records)],
            lambda: _found(records, names(), target_language, self._embedder),
            _findings_to_json,
            _findings,
        )

    def reference(self, hypothesis: Sequence[str], reference: Sequence[str]) -> AlignedReference:
        """A document's translations aligned with the reference's sentences.

        Raises:
            ScoreError: the reference is empty.
        """
        return self._known(
            ["reference", hypothesis, reference],
            lambda: align_with_reference(hypothesis, reference, embedder=self._embedder),
            lambda aligned: [
                [[bead.source, bead.target, bead.score] for bead in aligned.beads],
                aligned.topical_similarity,
            ],
            lambda value: _aligned(hypothesis, reference, *value),
        )

    def scores(
        self,
        documents: Sequence[ScoredDocument],
        reference: Sequence[str],
        metrics: Sequence[str],
        progress: Callable[[int, int], None],
    ) -> Scores:
        """As :func:`mtalign.job.scoring.score_documents`.

        Raises:
            As that.
        """

        def work() -> Scores:
            return score_documents(documents, reference, metrics, progress=progress)

        if not set(parse_metrics(metrics) if metrics else ()) <= set(METRICS):
            # A plug-in may give other scores though its version has not changed.
            return work()
        key = ["scores", [asdict(document) for document in documents], reference, metrics]
        return self._known(key, work, list, tuple)

    def close(self) -> None:
        """Put what is new into the cache, unless the installation has changed meanwhile, and close it."""
        if self._cache is None:
            return
        if self._fresh and installation_digest() == self._installation:
            self._cache.put(self._fresh)
        self._fresh = {}
        self._cache.close()

    @cached_property
    def _embedder(self) -> Embedder:
        from mtalign.embed import load_embedder

        return load_embedder()

    def _known(
        self, key: list[Any], work: Callable[[], _T], dump: Callable[[_T], Any], load: Callable[[Any], _T]
    ) -> _T:
        if self._cache is None:
            return work()
        parts = json.dumps(["findings", _SCHEMA, self._installation, *key])
        name = hashlib.sha256(parts.encode()).digest()[:20]
        kept = self._cache.get([name]).get(name)
        if kept is not None:
            try:
                return load(json.loads(zlib.decompress(kept)))
            except (zlib.error, ValueError, TypeError, KeyError):
                # A damaged value is as good as none.
                pass
        found = work()
        self._fresh[name] = zlib.compress(json.dumps(dump(found)).encode())
        return found


def texts_digest(segments: Iterable[Segment], translations: Mapping[str, Translation]) -> str:
    """SHA-256, hex, over the sources and translations of a run and their languages."""
    parts = [[s.id, s.text, s.language, translations[s.id].text, translations[s.id].status] for s in segments]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _found(records: Sequence[Record], names: RunNames, target_language: str, embedder: Embedder) -> Findings:
    from mtalign.embed.once import encoded_once, in_parts

    links: list[Link] = []
    words: dict[str, tuple[WordLink, ...]] = {}
    flags: dict[str, tuple[Flag, ...]] = {}
    qualities: dict[str, float] = {}
    for part in in_parts(records):
        segments = [record.segment for record in part]
        own = {record.segment.id: record.translation for record in part}
        once = encoded_once(embedder, known_texts(segments, own))
        links += link_translations(segments, own, once)
        words |= link_segment_words(segments, own, once, target_language)
        judged, estimated = estimate_qualities(segments, own, once, names)
        for identifier, one in judged.items():
            if added := one.flags[len(own[identifier].flags) :]:
                flags[identifier] = added
        qualities |= estimated
    return Findings(tuple(links), words, flags, qualities)


def _findings_to_json(found: Findings) -> dict[str, Any]:
    return {
        "links": [[link.source_ids, link.target_ids, link.score] for link in found.links],
        "words": found.words,
        "flags": {key: [flag_to_json(flag) for flag in flags] for key, flags in found.flags.items()},
        "qualities": found.qualities,
    }


def _findings(value: dict[str, Any]) -> Findings:
    return Findings(
        tuple(Link(tuple(source), tuple(target), score) for source, target, score in value["links"]),
        {key: tuple((a, b, c, d) for a, b, c, d in links) for key, links in value["words"].items()},
        {key: tuple(map(flag_from_json, flags)) for key, flags in value["flags"].items()},
        value["qualities"],
    )


def _aligned(
    hypothesis: Sequence[str], reference: Sequence[str], beads: list[Any], topical: float
) -> AlignedReference:
    from mtalign.align import Bead

    links = [Bead(tuple(source), tuple(target), score) for source, target, score in beads]
    return scored_part(hypothesis, reference, links, topical=topical)

"""Link every translated segment to its source, with the similarity of the two, and words with words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtalign.document import Link, Status
from mtalign.embed import ENCODER_LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mtalign.document import Segment, Translation
    from mtalign.embed import Embedder
    from mtalign.records import WordLink


def link_translations(
    segments: Iterable[Segment], translations: Mapping[str, Translation], embedder: Embedder
) -> list[Link]:
    """A bead for each translated segment: one source, one target, and the cosine of their vectors (0 to 1).

    The score is None where the encoder does not know the source's language.
    """
    translated = [s for s in segments if translations[s.id].status is Status.TRANSLATED]
    scored = [s for s in translated if s.language.split("-")[0] in ENCODER_LANGUAGES]
    texts = [s.text for s in scored] + [translations[s.id].text or "" for s in scored]
    scores: dict[str, float] = {}
    if scored:
        vectors = embedder.encode(texts)
        cosines = (vectors[: len(scored)] * vectors[len(scored) :]).sum(axis=1)
        for segment, cosine in zip(scored, cosines, strict=True):
            scores[segment.id] = min(1.0, max(0.0, float(cosine)))
    return [Link((s.id,), (s.id,), scores.get(s.id)) for s in translated]


def link_segment_words(
    segments: Iterable[Segment],
    translations: Mapping[str, Translation],
    embedder: Embedder,
    target_language: str,
) -> dict[str, tuple[WordLink, ...]]:
    """Word links of translated segments by id, for the languages in which they were measured to be good."""
    from mtalign.align.words import has_word_links, link_words, token_embedder

    linked = [
        segment
        for segment in segments
        if translations[segment.id].status is Status.TRANSLATED
        and has_word_links(embedder, segment.language, target_language)
    ]
    encoder = token_embedder(embedder)
    if encoder is None or not linked:
        return {}
    pairs = [(segment.text, translations[segment.id].text or "") for segment in linked]
    return {s.id: links for s, links in zip(linked, link_words(pairs, encoder), strict=True)}


def change_links(links: Iterable[Link], beads: Sequence[Link]) -> list[Link]:
    """``links`` with the beads that a reviewer set in the place of those that held the same segments.

    What an old bead held and no new one names stays in it: without score, or with 0 where a side is empty.
    A bead of which nothing is left is gone.
    """
    sources = {identifier for bead in beads for identifier in bead.source_ids}
    targets = {identifier for bead in beads for identifier in bead.target_ids}
    changed = list(beads)
    for link in links:
        rest = Link(
            tuple(identifier for identifier in link.source_ids if identifier not in sources),
            tuple(identifier for identifier in link.target_ids if identifier not in targets),
            None,
        )
        if (rest.source_ids, rest.target_ids) == (link.source_ids, link.target_ids):
            changed.append(link)
        elif rest.source_ids or rest.target_ids:
            changed.append(rest)
    return [_unscored(link) for link in changed]


def _unscored(link: Link) -> Link:
    one_sided = not link.source_ids or not link.target_ids
    return Link(link.source_ids, link.target_ids, 0.0) if one_sided else link

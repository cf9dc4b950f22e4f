"""Link every translated segment to its source, with the similarity of the two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtalign.document import Link, Status
from mtalign.embed import ENCODER_LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mtalign.document import Segment, Translation
    from mtalign.embed import Embedder


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

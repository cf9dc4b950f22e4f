// The document's segments, as the page's JSON block has them; what is absent there gets its default here.
const data = JSON.parse(byId("data").textContent);

const EMPTY = Object.freeze([]);
// Written out field by field: all have one shape, which is several times as fast as copying them over defaults.
const segments = data.segments.map((segment, index) => ({
  id: segment.id, block: segment.block, kind: segment.kind, level: segment.level ?? 0, lang: segment.lang,
  source: segment.source, translation: segment.translation ?? null, failure: segment.failure ?? null, status: segment.status,
  engine: segment.engine ?? "", score: segment.score ?? null, quality: segment.quality ?? null, rank: segment.rank,
  link: segment.link ?? null, flags: segment.flags ?? EMPTY, names: segment.names ?? EMPTY, terms: segment.terms ?? EMPTY,
  words: segment.words ?? EMPTY, review: segment.review ?? null, index,
}));
const indexOf = new Map(segments.map((segment) => [segment.id, segment.index]));

// The id without the document: b12.s3.
const label = (segment) => (segment.id.startsWith(data.prefix) ? segment.id.slice(data.prefix.length) : segment.id);
const labelOf = (id) => (indexOf.has(id) ? label(segments[indexOf.get(id)]) : id);
const startsBlock = (segment) => segment.index === 0 || segments[segment.index - 1].block !== segment.block;
// Data and code are shown on demand only.
const folded = (segment) => segment.kind === "data" || segment.kind === "code";
const untouched = (segment) => segment.status === "kept" || segment.status === "skipped";

const worstFirst = segments.map((segment) => segment.index).sort((a, b) => segments[a].rank - segments[b].rank);

// The reference stands at the last segment of its bead; a sentence of it that nothing aligned with, after the one before.
const references = new Map();
const unalignedReferences = new Map();
{
  let last = 0;
  for (const { source, sentences, score } of data.references) {
    const places = source.filter((id) => indexOf.has(id)).map((id) => indexOf.get(id));
    if (places.length) {
      last = Math.max(...places);
      references.set(last, { places, sentences, score });
    } else if (segments.length) {
      unalignedReferences.set(last, [...(unalignedReferences.get(last) ?? []), ...sentences]);
    }
  }
}
const referenced = new Set([...references.values()].flatMap((reference) => reference.places));

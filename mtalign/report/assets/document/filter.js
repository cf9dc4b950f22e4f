// Which segments the view asks for, in its order, with what the search found in each.
let hits = new Map();
let trouble = "";

// Compatibility forms are the same to a reader: full-width digits are found by plain ones.
const fold = (value) => value.normalize("NFKC").toLowerCase();

let foldedTexts = new Array(segments.length);
let searchedTexts = null;
const sidesOf = (segment) => [segment.source, englishOf(segment) ?? segment.failure];
const foldedOf = (segment) => (foldedTexts[segment.index] ??= sidesOf(segment).map((side) => fold(side ?? "")));

onChange((keys) => {
  for (const key of keys) delete foldedTexts[indexOf.get(key)];
  searchedTexts = null;
});

// Folding all the texts takes a moment: done ahead, a little at a time, while nothing else happens.
function foldAhead(start = 0) {
  const until = performance.now() + 8;
  let i = start;
  while (i < segments.length && performance.now() < until) {
    foldedOf(segments[i]);
    i += 1;
  }
  if (i < segments.length) setTimeout(foldAhead, 16, i);
}

function searchPlain(query, side) {
  const wanted = fold(query);
  const found = new Map();
  for (const segment of segments) {
    const sides = foldedOf(segment);
    const ranges = sides.map((content, which) => {
      if ((side === "source" && which === 1) || (side === "english" && which === 0)) return null;
      if (!content.includes(wanted)) return null;
      return content;
    });
    if (ranges.some((range) => range !== null) || (!side && segment.id.toLowerCase().includes(wanted))) found.set(segment.index, ranges);
  }
  // Ranges are found when a row is drawn, for the rows in view alone.
  return { hits: found, wanted };
}

// Where a row's text has what was sought; offsets of the folded text hold where folding left the length alone.
function hitRanges(index, which, content) {
  const found = hits.get(index)?.[which];
  if (!found) return EMPTY;
  if (Array.isArray(found)) return found;
  const wanted = fold(view.query), lower = found.length === content.length ? found : content.toLowerCase();
  if (!wanted || lower.length !== content.length) return EMPTY;
  const ranges = [];
  for (let at = lower.indexOf(wanted); at >= 0 && ranges.length < MOST_HITS; at = lower.indexOf(wanted, at + wanted.length)) {
    ranges.push([at, at + wanted.length]);
  }
  return ranges;
}

function matches(segment) {
  if (view.status.length && !view.status.includes(segment.status)) return false;
  if (view.severity.length && !segment.flags.some((flag) => view.severity.includes(flag.severity))) return false;
  if (view.flag === "any" ? !segment.flags.length : view.flag && !segment.flags.some((flag) => flag.name === view.flag)) return false;
  if (view.quality) {
    const [low, high] = view.quality;
    // Up to, not with, the upper end, so that neighbouring ranges share no segment; 1 itself is in the last.
    if (segment.quality === null || segment.quality < low || (high < 1 ? segment.quality >= high : segment.quality > high)) return false;
  }
  if (view.lang && segment.lang !== view.lang) return false;
  if (view.engine && segment.engine !== view.engine) return false;
  if (view.reference && !referenced.has(segment.index)) return false;
  if (view.review.length && !reviewStates(segment).some((state) => view.review.includes(state))) return false;
  return !view.query || hits.has(segment.index);
}

// The segments of the same block, or a few before and after where the block is long.
function siblings(index) {
  const near = (i) => segments[i] && (segments[i].block === segments[index].block ? Math.abs(i - index) <= 6 : Math.abs(i - index) <= 1);
  let first = index, last = index;
  while (near(first - 1)) first -= 1;
  while (near(last + 1)) last += 1;
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

// The list's items, { index, context }; null where a later view has taken this one's place.
async function findItems() {
  trouble = "";
  let found = { hits: new Map() };
  if (view.query) {
    if (view.regex) searchedTexts ??= segments.map(sidesOf);
    found = view.regex ? await searchPattern(view.query, view.side, searchedTexts) : searchPlain(view.query, view.side);
    if (!found) return null;
  } else {
    stopSearch();
  }
  trouble = found.trouble ?? "";
  // A pattern that cannot be used leaves the list as it was found last.
  if (trouble) return null;
  hits = found.hits;
  const order = view.order === "worst" ? worstFirst : segments.map((segment) => segment.index);
  const items = order.filter((index) => matches(segments[index])).map((index) => ({ index, context: false }));
  const asked = indexOf.get(view.context);
  const place = items.findIndex((item) => item.index === asked);
  if (place >= 0) {
    const shown = view.order === "worst" ? new Set() : new Set(items.map((item) => item.index));
    const around = siblings(asked).filter((index) => index === asked || !shown.has(index));
    items.splice(place, 1, ...around.map((index) => ({ index, context: index !== asked })));
  }
  if (place >= 0 && view.order !== "worst") items.sort((a, b) => a.index - b.index);
  return items;
}

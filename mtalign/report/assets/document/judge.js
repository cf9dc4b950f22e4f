// Judging: what a key or a button of the dock does to the current segment.
const currentSegment = () => segments[indexOf.get(view.id)] ?? null;

function needSegment() {
  const segment = currentSegment();
  if (!segment || placeOf(segment.id) < 0) {
    say("No segment is chosen: go to one with j or k");
    return null;
  }
  return segment;
}

function select(place, block = "nearest") {
  const item = list.items[place];
  if (!item) return;
  const before = view.id;
  view.id = segments[item.index].id;
  refresh(new Set([before, view.id]));
  bringIntoView(place, block);
  list.drawn.get(place)?.focus({ preventScroll: true });
  writeFragment();
  showPosition();
}

function step(by) {
  const last = list.items.length - 1;
  if (last < 0) return;
  let place = placeOf(view.id);
  if (place < 0) place = by > 0 ? -1 : last + 1;
  do place += by;
  while (list.items[place]?.context);
  if (list.items[place]) select(place);
  else say(by > 0 ? "This is the last segment of the list" : "This is the first segment of the list");
}

function stepTo(end) {
  const places = list.items.map((item, place) => (item.context ? -1 : place)).filter((place) => place >= 0);
  if (places.length) select(end === "first" ? places[0] : places.at(-1));
}

function judge(verdict) {
  const segment = needSegment();
  if (!segment) return;
  const name = label(segment);
  const old = entryOf(segment.id);
  if (verdict === "accepted" && segment.translation === null && old?.verdict !== "edited") {
    say(`${name} has no English to accept: write it with e`);
    return;
  }
  if (verdict === "accepted" && old?.verdict === "edited") {
    say(`${name}: your edit stands`);
    step(1);
    return;
  }
  commit(`${name} ${verdict}`, new Map([[segment.id, changedEntry(segment, { verdict })]]), { id: segment.id });
  say(`${name} ${verdict}`);
  if (placeOf(segment.id) < list.items.length - 1) step(1);
}

function reopen() {
  const segment = needSegment();
  if (!segment) return;
  commit(`${label(segment)} without a verdict`, new Map([[segment.id, changedEntry(segment, { verdict: null })]]), { id: segment.id });
  say(`${label(segment)} is not reviewed`);
}

function turnBack(turnOne, word) {
  const stepped = turnOne();
  if (!stepped) {
    say(`Nothing to ${word}`);
    return;
  }
  const place = placeOf(stepped.id);
  if (place >= 0) select(place);
  say(`${word === "undo" ? "Undone" : "Done again"}: ${stepped.what}`);
}

function changeBeads(find, what, impossible) {
  const segment = needSegment();
  if (!segment) return;
  const change = find(segment.id);
  if (!change) {
    say(impossible);
    return;
  }
  const made = change.made.map((bead) => ({ ...bead, by: reviewer, at: now() }));
  const beads = replaced(changedBeads(), change.gone, made);
  commit(`${label(segment)} ${what}`, new Map([[BEADS, beads.length ? { beads } : null]]), { id: segment.id });
  say(`${label(segment)} ${what}: ${listed(made.map((bead) => (bead.source.length && bead.target.length ? `bead ${shape(bead)}` : "unaligned")))}`);
}
const merge = () => changeBeads(mergedBead, "merged", "There is no segment after this one");
const split = () => changeBeads(splitBead, "split", "This side is alone already: there is nothing to split");

// What waits for the reviewer's word in a segment: other outcomes, corrections of an earlier text.
function offersOf(segment) {
  const entry = entryOf(segment.id);
  return ["others", "stale"].flatMap((name) => (entry?.[name] ?? EMPTY).map((_, i) => ({ kind: name === "others" ? "conflict" : "stale", i })));
}

function answer(take) {
  const segment = needSegment();
  if (!segment) return;
  const first = offersOf(segment)[0];
  if (first) OFFERS[first.kind](segment, first.i, take);
  else say(`Nothing waits for your word in ${label(segment)}: go to the next conflict or changed text with n`);
}

function nextOffer() {
  const from = placeOf(view.id);
  const waiting = list.items.map((item, place) => (!item.context && offersOf(segments[item.index]).length ? place : -1)).filter((place) => place >= 0);
  if (waiting.length) select(waiting.find((place) => place > from) ?? waiting[0]);
  else say(`No conflict and no changed text ${sought().length ? "in this list" : "in this document"}`);
}

function settle(segment, i, take) {
  const entry = entryOf(segment.id);
  const other = entry.others[i];
  const others = entry.others.filter((_, place) => place !== i);
  const values = take ? { verdict: other.verdict, text: asText(other.text), by: asText(other.by), at: asText(other.at) } : { by: entry.by, at: entry.at };
  commit(`${label(segment)} conflict settled`, new Map([[segment.id, changedEntry(segment, { ...values, others })]]), { id: segment.id });
  say(`${label(segment)}: ${take ? "the other outcome taken" : "the other outcome left"}`);
}

function settleStale(segment, i, take) {
  const entry = entryOf(segment.id);
  const old = entry.stale[i];
  const stale = entry.stale.filter((_, place) => place !== i);
  const comment = joinComments(entry.comment, asText(old.comment));
  const values = take ? { verdict: old.verdict ?? entry.verdict, text: asText(old.text) || entry.text, comment, by: asText(old.by), at: asText(old.at) } : { by: entry.by, at: entry.at };
  commit(`${label(segment)} earlier correction ${take ? "taken" : "left"}`, new Map([[segment.id, changedEntry(segment, { ...values, stale })]]), { id: segment.id });
  say(`${label(segment)}: earlier correction ${take ? "taken" : "left"}`);
}

const OFFERS = { conflict: settle, stale: settleStale };

const joinComments = (a, b) => (!b || a.split("\n").includes(b) || a === b ? a : a ? `${a}\n${b}` : b);

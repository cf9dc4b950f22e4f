// What the reviewer did: one entry a segment, kept in the browser's storage at the moment it is made, with undo.
//
// An entry is { verdict, text, comment, by, at, source, before, others, stale }: `source` and `before` are what the
// reviewer saw; `others` are different outcomes of other reviewers (a conflict), `stale` are corrections of a text
// that has changed since. Two more entries hold the changed beads and what belongs to no segment of this page.
const BEADS = "#beads";
const ASIDE = "#aside";
const STORE = `mtalign:${data.run}:${data.document}:`;
const REVIEWER = "mtalign:reviewer";

const entries = new Map();
const undone = [];
const done = [];
const listeners = [];
let reviewer = "";
let storageTrouble = "";
let unexported = false;

const now = () => new Date().toISOString().replace(/\.\d+Z$/, "Z");
const entryOf = (id) => entries.get(id) ?? null;
const changedBeads = () => entries.get(BEADS)?.beads ?? [];
const setAside = () => entries.get(ASIDE)?.corrections ?? [];
const onChange = (listener) => listeners.push(listener);

// What holds for a segment: the reviewer's own word, else what the run says was reviewed before.
const verdictOf = (segment) => {
  const entry = entryOf(segment.id);
  return entry ? entry.verdict : (segment.review?.verdict ?? null);
};
const commentOf = (segment) => entryOf(segment.id)?.comment ?? segment.review?.comment ?? "";
const englishOf = (segment) => {
  const entry = entryOf(segment.id);
  return entry?.verdict === "edited" ? entry.text : segment.translation;
};

function reviewStates(segment) {
  const entry = entryOf(segment.id);
  const states = [verdictOf(segment) ?? "open"];
  if (commentOf(segment)) states.push("commented");
  if (entry?.others?.length) states.push("conflict");
  if (entry?.stale?.length) states.push("stale");
  return states;
}

// An entry with these values; null where nothing is left that is worth keeping.
function changedEntry(segment, values) {
  const old = entryOf(segment.id);
  const entry = {
    verdict: segment.review?.verdict ?? null, text: "", comment: segment.review?.comment ?? "", others: [], stale: [], ...old,
    source: segment.source, before: segment.translation, by: reviewer, at: now(), ...values,
  };
  if (entry.verdict !== "edited") entry.text = "";
  const empty = !entry.verdict && !entry.comment && !entry.others.length && !entry.stale.length;
  return empty && !segment.review ? null : entry;
}

// Changes are a map from a key to its entry, null to remove it. `join`: further changes of the same kind (the
// letters of one edit) are undone as one.
function commit(what, changes, { id = "", join = "" } = {}) {
  const before = new Map([...changes.keys()].map((key) => [key, entries.get(key) ?? null]));
  put(changes);
  undone.length = 0;
  if (join && done.at(-1)?.join === join) {
    for (const [key, entry] of before) if (!done.at(-1).before.has(key)) done.at(-1).before.set(key, entry);
  } else {
    done.push({ what, before, id, join });
  }
}

function put(changes) {
  for (const [key, entry] of changes) {
    if (entry) entries.set(key, entry);
    else entries.delete(key);
    keep(key, entry);
  }
  unexported = true;
  if (changes.has(BEADS)) useBeads(changedBeads());
  for (const listener of listeners) listener(new Set(changes.keys()));
}

function turn(from, to) {
  const step = from.pop();
  if (!step) return null;
  to.push({ ...step, join: "", before: new Map([...step.before.keys()].map((key) => [key, entries.get(key) ?? null])) });
  put(step.before);
  return step;
}
const undo = () => turn(done, undone);
const redo = () => turn(undone, done);

function keep(key, entry) {
  try {
    if (entry) localStorage.setItem(STORE + key, JSON.stringify(entry));
    else localStorage.removeItem(STORE + key);
  } catch (error) {
    storageFails(error);
  }
}

function storageFails(error) {
  if (storageTrouble) return;
  storageTrouble = error?.name === "QuotaExceededError" ? "its storage is full" : "it allows this page no storage";
  notice(
    `This browser does not keep your work: ${storageTrouble}. Nothing is lost while the page is open; export your corrections before you close it.`,
  ).classList.add("error");
}

function setReviewer(name) {
  reviewer = name.trim();
  try {
    localStorage.setItem(REVIEWER, reviewer);
  } catch (error) {
    storageFails(error);
  }
}

const asText = (value) => (typeof value === "string" ? value : "");
const isVerdict = (value) => value === null || value === "accepted" || value === "rejected" || value === "edited";
const corrections = (value) => (Array.isArray(value) ? value.filter((item) => item && typeof item === "object") : []);

// Storage is as foreign as a file: what is damaged there is left where it is and told.
function readEntry(key, stored) {
  let entry;
  try {
    entry = JSON.parse(stored);
  } catch {
    return false;
  }
  if (!entry || typeof entry !== "object") return false;
  if (key === BEADS) {
    const beads = corrections(entry.beads).filter((bead) => Array.isArray(bead.source) && Array.isArray(bead.target));
    entries.set(BEADS, { beads });
  } else if (key === ASIDE) {
    entries.set(ASIDE, { corrections: corrections(entry.corrections) });
  } else {
    const segment = segments[indexOf.get(key)];
    if (!isVerdict(entry.verdict) || (entry.verdict === "edited" && !asText(entry.text).trim())) return false;
    const clean = {
      verdict: entry.verdict, text: asText(entry.text), comment: asText(entry.comment), by: asText(entry.by), at: asText(entry.at),
      source: asText(entry.source), before: entry.before === null ? null : asText(entry.before),
      others: corrections(entry.others), stale: corrections(entry.stale),
    };
    if (!segment) {
      entries.set(ASIDE, { corrections: [...setAside(), correctionOf(key, clean)] });
    } else if (clean.source !== segment.source || clean.before !== segment.translation) {
      entries.set(key, { ...clean, verdict: null, text: "", comment: "", source: segment.source, before: segment.translation,
        stale: [...clean.stale, correctionOf(key, clean)] });
    } else {
      entries.set(key, clean);
    }
  }
  return true;
}

function correctionOf(id, entry) {
  const correction = { segment: id, document: data.document, source: entry.source, before: entry.before, verdict: entry.verdict };
  if (entry.verdict === "edited") correction.text = entry.text;
  return { ...correction, comment: entry.comment, by: entry.by, at: entry.at };
}

function loadStore() {
  let damaged = 0;
  try {
    reviewer = localStorage.getItem(REVIEWER) ?? "";
    const keys = Array.from({ length: localStorage.length }, (_, i) => localStorage.key(i));
    for (const key of keys.filter((name) => name.startsWith(STORE)).sort()) {
      if (!readEntry(key.slice(STORE.length), localStorage.getItem(key))) damaged += 1;
    }
  } catch (error) {
    storageFails(error);
  }
  useBeads(changedBeads());
  if (damaged) notice(`${plural(damaged, "piece")} of your earlier work in this browser cannot be read; nothing of it was deleted.`);
  const stale = segments.filter((segment) => entryOf(segment.id)?.stale.length).length;
  if (stale) {
    notice(
      `${plural(stale, "segment")} changed since you corrected ${stale === 1 ? "it" : "them"}: your corrections are kept beside the new text, for you to take or to leave.`,
      h("p", {}, h("a", { href: "#review=stale" }, "Show these segments")),
    );
  }
}

// Another tab with the same page is the same review.
window.addEventListener("storage", (event) => {
  if (event.storageArea !== localStorage || !event.key?.startsWith(STORE)) return;
  const key = event.key.slice(STORE.length);
  if (event.newValue === null) entries.delete(key);
  else readEntry(key, event.newValue);
  if (key === BEADS) useBeads(changedBeads());
  for (const listener of listeners) listener(new Set([key]));
});

// The browser's own question, and only where leaving would lose something.
window.addEventListener("beforeunload", (event) => {
  if (storageTrouble && unexported && entries.size) event.preventDefault();
});

// One segment as a row: mark, source, English, notes.
const RTL = /^(ar|arc|ckb|dv|fa|he|iw|ks|ps|sd|ug|ur|yi|azb|acm|acq|aeb|ajp|apc|ars|ary|arz|pes|prs|pbt|uig|urd|heb|ydd|kas|snd|knc)(-|$)|[-_]Arab|[-_]Hebr/i;
const direction = (language) => (language === "und" || !language ? "auto" : RTL.test(language) ? "rtl" : "ltr");
const LABELS = { error: "error", warning: "warning", info: "note" };
const VERDICTS = {
  accepted: "accepted", rejected: "rejected", edited: "edited", commented: "comment", conflict: "conflict", stale: "text changed",
};

let editing = null;

function buildRow(item, place) {
  const segment = segments[item.index];
  const english = englishOf(segment);
  const severity = SEVERITIES.find((name) => segment.flags.some((flag) => flag.severity === name));
  const current = !item.context && segment.id === view.id;
  const verdict = verdictOf(segment);
  const classes = [
    "row", segment.status, segment.kind, segment.level && `level-${segment.level}`, startsBlock(segment) && "starts-block",
    severity, verdict && `is-${verdict}`, item.context && "context", current && "current", ...beadClasses(segment),
  ];
  return h(
    "div",
    {
      role: "row", id: item.context ? null : segment.id, class: classes.filter(Boolean).join(" "), tabindex: current ? "0" : "-1",
      "aria-rowindex": place + 2, "aria-current": current ? "true" : null, data: { segment: segment.id, place },
    },
    h("div", { role: "cell", class: "mark" }, markCell(segment, item)),
    h("div", { role: "cell", class: "source", lang: segment.lang === "und" ? "" : segment.lang, dir: direction(segment.lang), data: { side: "source" } },
      sourceCell(segment)),
    h("div", { role: "cell", class: "target", lang: data.target, dir: direction(data.target), data: { side: "target" } },
      targetCell(segment, english, item)),
    h("div", { role: "cell", class: "notes", data: { side: "notes" } }, notesCell(segment, item)),
  );
}

function markCell(segment, item) {
  const states = reviewStates(segment).filter((state) => state !== "open");
  return [
    h("a", { class: "permalink", href: `#${encodeURIComponent(segment.id)}`, title: "Link to this segment", tabindex: "-1" },
      h("bdi", {}, visible(label(segment)))),
    h("span", { class: "status", title: data.statuses[segment.status] }, sign(segment.status), segment.status),
    item.context ? h("span", { class: "status" }, "in context") : null,
    states.map((state) => h("span", { class: `verdict ${state}` }, sign(state), VERDICTS[state])),
  ];
}

function sourceCell(segment) {
  if (folded(segment)) {
    return h("details", {},
      h("summary", { lang: "en", dir: "ltr" }, `${segment.kind}, ${plural([...segment.source].length, "character")}`),
      h("pre", {}, visible(segment.source)));
  }
  const ranges = hitRanges(segment.index, 0, segment.source);
  return h("span", { class: "text" }, pieceNodes(segment.source, sourceLayers(segment), ranges));
}

function targetCell(segment, english, item) {
  const entry = entryOf(segment.id);
  const parts = [];
  if (editing?.id === segment.id && editing.field === "text" && !item.context) {
    parts.push(editor(segment));
  } else if (english === null) {
    parts.push(h("p", { class: "failure", lang: "en" },
      h("b", {}, segment.status === "failed" ? "Not translated." : "Left as it is."), " ", h("bdi", {}, visible(segment.failure ?? ""))));
  } else if (folded(segment)) {
    parts.push(h("details", {}, h("summary", { lang: "en", dir: "ltr" }, "as the source"), h("pre", {}, visible(english))));
  } else {
    parts.push(h("span", { class: "text" }, pieceNodes(english, targetLayers(segment, english), hitRanges(segment.index, 1, english))));
  }
  const earlier = entry?.verdict === "edited" ? segment.translation : segment.review?.verdict === "edited" && !entry ? segment.review.before : undefined;
  if (earlier !== undefined && !(editing?.id === segment.id)) {
    parts.push(h("p", { class: "earlier", lang: data.target, dir: direction(data.target) }, h("span", { class: "aside-label" }, "Edit"),
      earlier === null ? "was not translated" : diffNodes(earlier, english ?? "", "words")));
  }
  if (!item.context) parts.push(...(entry?.others ?? []).map((other, i) => conflict(segment, entry, other, i)));
  if (!item.context) parts.push(...(entry?.stale ?? []).map((old, i) => staleCorrection(segment, old, i)));
  parts.push(...referenceParts(segment));
  return parts;
}

function referenceParts(segment) {
  const reference = references.get(segment.index);
  const parts = [];
  if (reference) {
    const { places, sentences, score } = reference;
    const content = sentences.join(" ");
    const others = places.length > 1 ? ` for ${places.length} segments` : "";
    const english = places.map((place) => englishOf(segments[place]) ?? "").join(" ").trim();
    parts.push(h("div", { class: "reference", lang: data.target, dir: direction(data.target) },
      h("span", { class: "aside-label" }, `Reference${others} `,
        h("span", { class: "similarity", title: "Similarity of the English and the reference, 0 to 1" }, score.toFixed(2))),
      " ", view.diff && english ? h("span", { class: "difference" }, diffNodes(english, content, view.diff)) : visible(content)));
  }
  for (const sentence of unalignedReferences.get(segment.index) ?? EMPTY) {
    parts.push(h("div", { class: "reference unaligned", lang: data.target, dir: direction(data.target) },
      h("span", { class: "aside-label" }, "Reference, nothing aligned "), visible(sentence)));
  }
  return parts;
}

const outcome = (item) =>
  item.verdict === "edited" ? h("span", { class: "proposal", lang: data.target }, visible(item.text)) : h("b", {}, item.verdict ?? "no verdict");
const who = (name) => h("bdi", {}, visible(name || "somebody"));

// What another reviewer or an earlier text offers, to take or to leave; the keys are for the first of a row.
function offer(segment, i, kind, ...said) {
  const first = offersOf(segment)[0];
  const isFirst = first?.kind === kind && first.i === i;
  const choice = (word, key, take) => button([word, isFirst && h("kbd", { "aria-hidden": "true" }, key)], () => OFFERS[kind](segment, i, take));
  return h("div", { class: `${kind} panel`, lang: "en", dir: "ltr" }, said,
    h("p", { class: "choice" }, choice("Take it", "t", true), choice("Leave it", "l", false)));
}

const conflict = (segment, entry, other, i) => offer(segment, i, "conflict",
  h("p", {}, sign("conflict"), " Two reviewers differ."),
  h("p", {}, who(entry.by || "you"), ": ", outcome(entry)),
  h("p", {}, who(other.by), ": ", outcome(other)));

function staleCorrection(segment, old, i) {
  const changed = [old.source !== segment.source && "source", old.before !== segment.translation && "English"].filter(Boolean);
  return offer(segment, i, "stale",
    h("p", {}, sign("stale"), ` The ${listed(changed)} changed since `, who(old.by), old.verdict ? " corrected it: " : " commented on it: ",
      old.verdict ? outcome(old) : "", old.comment ? [" ", h("q", { dir: "auto" }, visible(old.comment))] : ""));
}

function notesCell(segment, item) {
  const parts = [];
  if (segment.flags.length) {
    parts.push(h("ul", { class: "flags" }, segment.flags.map((flag) =>
      h("li", { class: flag.severity }, sign(flag.severity),
        h("span", {}, h("b", {}, `${LABELS[flag.severity]}: ${visible(flag.name)}`), " ", h("bdi", {}, visible(flag.message)))))));
  }
  const missing = segment.terms.filter((term) => !term[3]);
  if (missing.length) {
    parts.push(h("p", { class: "glossary" }, "glossary: ", missing.map(([start, end, english], i) =>
      [i ? "; " : "", h("bdi", {}, visible(segment.source.slice(start, end))), " is ", h("bdi", {}, visible(english))])));
  }
  if (editing?.id === segment.id && editing.field === "comment" && !item.context) parts.push(editor(segment));
  else if (commentOf(segment)) {
    const entry = entryOf(segment.id);
    parts.push(h("p", { class: "comment" }, h("span", { class: "aside-label" }, who(entry ? entry.by || "you" : segment.review.by)), " ",
      h("bdi", {}, visible(commentOf(segment)))));
  }
  const figures = [
    ...beadNotes(segment),
    segment.quality !== null && quality(segment.quality),
    similarityOf(segment) !== null &&
      h("span", { title: "Similarity of source and English, 0 to 1" }, "similarity ", h("data", { value: similarityOf(segment) }, similarityOf(segment).toFixed(2))),
    segment.score !== null &&
      h("span", { title: "Mean log-probability of a token; 0 is certain" }, "engine ",
        h("data", { value: segment.score }, segment.score.toFixed(2).replace("-", "−"))),
  ].filter(Boolean);
  if (figures.length) parts.push(h("p", { class: "numbers" }, figures));
  return parts;
}

// The similarity was computed for the run's bead: a bead that the reviewer set has none, nor has one without English.
function similarityOf(segment) {
  const [, target, score] = segment.link ?? [EMPTY, EMPTY, null];
  const own = target.length > 0 && runBeadKeys.has(beadKey(sourceBead(segment.id)));
  return own && segment.status === "translated" ? (score ?? null) : null;
}

function quality(value) {
  const meter = h("span", { class: "gauge", "aria-hidden": "true" }, h("span", {}));
  meter.firstChild.style.width = `${Math.round(100 * Math.min(1, Math.max(0, value)))}%`;
  return h("span", { class: "quality", title: "Estimated quality without a reference, 0 to 1" }, "quality ", h("data", { value }, value.toFixed(2)), meter);
}

// A bead that is not one to one: a bracket where its rows stand together, and a word in any case.
function beadClasses(segment) {
  const bead = ofSource.get(segment.id);
  if (!bead || bead.source.length < 2) return EMPTY;
  return ["in-bead", bead.source[0] === segment.id && "bead-start", bead.source.at(-1) === segment.id && "bead-end"];
}

function beadNotes(segment) {
  if (untouched(segment) && !ofSource.has(segment.id) && !ofTarget.has(segment.id)) return EMPTY;
  const source = ofSource.get(segment.id), target = ofTarget.get(segment.id);
  if (!source && !target) return EMPTY;
  const name = (ids) => listed(ids.map((id) => visible(labelOf(id))));
  const word = (content, kind = "") => h("span", { class: `bead ${kind}` }, content);
  const unaligned = "unaligned";
  if (source && target && beadKey(source) === beadKey(target)) {
    if (source.source.length === 1 && source.target.length === 1) return EMPTY;
    const others = together(segment.id).filter((id) => id !== segment.id);
    return [word(`bead ${shape(source)} with ${name(others)}`)];
  }
  const notes = [];
  if (source && !source.target.length) notes.push(word(target || segment.translation === null ? "source unaligned" : "unaligned", unaligned));
  else if (source) notes.push(word(`source in bead ${shape(source)} with English of ${name(source.target)}`));
  if (target && !target.source.length) notes.push(word("English unaligned", unaligned));
  else if (target) notes.push(word(`English in bead ${shape(target)} with ${name(target.source)}`));
  else if (source?.target.length && segment.translation !== null) notes.push(word("English in no bead", unaligned));
  return notes;
}

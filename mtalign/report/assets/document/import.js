// Corrections files, one's own or another reviewer's, read into this page. Nothing is overwritten: a different
// outcome is a conflict with both shown, a correction of a text that has changed since is kept beside it.
function parseCorrections(name, content) {
  let file;
  try {
    file = JSON.parse(content);
  } catch {
    return { trouble: `${name} is damaged or not a corrections file: it is not JSON. Nothing was imported. Only the JSON export can be imported.` };
  }
  if (!file || typeof file !== "object" || file.kind !== "mtalign corrections") {
    return { trouble: `${name} is not a corrections file of mtalign. Nothing was imported.` };
  }
  if (file.schema !== data.schema) {
    return { trouble: `${name} has schema ${JSON.stringify(file.schema) ?? "none"}, this page reads ${data.schema}: use the mtalign version that wrote it. Nothing was imported.` };
  }
  if (!Array.isArray(file.corrections) || (file.beads !== undefined && !Array.isArray(file.beads))) {
    return { trouble: `${name} is damaged: its list of corrections is missing. Nothing was imported.` };
  }
  for (const [i, item] of file.corrections.entries()) {
    const wrong = wrongIn(item);
    if (wrong) return { trouble: `${name} is damaged: correction ${i + 1} ${wrong}. Nothing was imported.` };
  }
  const ids = (value) => Array.isArray(value) && value.every((id) => typeof id === "string");
  for (const [i, bead] of (file.beads ?? []).entries()) {
    if (!bead || !ids(bead.source) || !ids(bead.target)) return { trouble: `${name} is damaged: bead ${i + 1} has no lists of segments. Nothing was imported.` };
  }
  return { file };
}

function wrongIn(item) {
  if (!item || typeof item !== "object") return "is not an object";
  if (typeof item.segment !== "string" || typeof item.document !== "string") return "names no segment";
  if (typeof item.source !== "string" || !(item.before === null || typeof item.before === "string")) return "does not say which text it corrects";
  if (!isVerdict(item.verdict ?? null)) return "has an unknown verdict";
  if (item.verdict === "edited" && !asText(item.text).trim()) return "is an edit without a text";
  return "";
}

const sameOutcome = (a, b) => a.verdict === b.verdict && (a.verdict !== "edited" || a.text === b.text);

// The entries that change when `items` come in, and how many there were of each kind.
function mergeCorrections(items, count) {
  const changes = new Map();
  const latest = (id) => (changes.has(id) ? changes.get(id) : entryOf(id));
  const aside = [...setAside()];
  for (const item of items) {
    const segment = segments[indexOf.get(item.segment)];
    const clean = {
      segment: item.segment, document: item.document, source: item.source, before: item.before, verdict: item.verdict ?? null,
      ...(item.verdict === "edited" ? { text: item.text } : {}), comment: asText(item.comment), by: asText(item.by), at: asText(item.at),
    };
    const known = (list_) => list_.some((other) => sameOutcome(other, clean) && other.by === clean.by && other.comment === clean.comment);
    if (!segment) {
      if (!known(aside.filter((other) => other.segment === clean.segment))) aside.push(clean);
      count.unknown += 1;
      continue;
    }
    const old = latest(segment.id);
    const base = old ?? changedEntry(segment, { verdict: null, comment: "", by: "", at: "" }) ??
      { verdict: null, text: "", comment: "", others: [], stale: [], source: segment.source, before: segment.translation, by: "", at: "" };
    const entry = { ...base, comment: joinComments(base.comment, clean.comment) };
    if (clean.source !== segment.source || clean.before !== segment.translation) {
      if (!known(entry.stale)) entry.stale = [...entry.stale, clean];
      entry.comment = base.comment;
      count.stale += 1;
    } else if (!clean.verdict) {
      if (!old) Object.assign(entry, { by: clean.by, at: clean.at });
      count.taken += 1;
    } else if (!entry.verdict) {
      Object.assign(entry, { verdict: clean.verdict, text: asText(clean.text), by: clean.by, at: clean.at });
      count.taken += 1;
    } else if (sameOutcome(entry, clean)) {
      count.same += 1;
    } else {
      if (!entry.others.some((other) => sameOutcome(other, clean))) entry.others = [...entry.others, clean];
      count.conflicts += 1;
    }
    if (!old || JSON.stringify(entry) !== JSON.stringify(old)) changes.set(segment.id, entry);
  }
  if (aside.length > setAside().length) changes.set(ASIDE, { corrections: aside });
  return changes;
}

function mergeBeads(beads, count) {
  let changed = [...changedBeads()];
  for (const bead of beads) {
    const ids = [...bead.source, ...bead.target];
    const clean = { source: bead.source, target: bead.target, by: asText(bead.by), at: asText(bead.at) };
    if (!ids.length || ids.some((id) => !indexOf.has(id))) count.unknownBeads += 1;
    else if (changed.some((other) => beadKey(other) === beadKey(clean))) count.same += 1;
    else if (changed.some((other) => other.source.some((id) => clean.source.includes(id)) || other.target.some((id) => clean.target.includes(id)))) count.beadConflicts.push(clean);
    else {
      changed.push(clean);
      count.beads += 1;
    }
  }
  return changed;
}

function importCorrections(name, content, { anyRun = false } = {}) {
  const { file, trouble } = parseCorrections(name, content);
  if (trouble) {
    notice(trouble).classList.add("error");
    return;
  }
  let items = file.corrections.filter((item) => item.document === data.document);
  const elsewhere = file.corrections.filter((item) => item.document !== data.document);
  const beads = (file.beads ?? []).filter((bead) => bead.document === data.document);
  if (file.run !== data.run && !anyRun) {
    const fitting = file.corrections.filter((item) => {
      const segment = segments[indexOf.get(item.segment)];
      return segment && segment.source === item.source && segment.translation === item.before;
    }).length;
    notice(
      `${name} belongs to another run (${asText(file.run) || "none is named"}; this is ${data.run}). Nothing was imported.`,
      fitting ? h("p", {}, `${plural(fitting, "correction")} in it ${fitting === 1 ? "is" : "are"} of a source and an English that stand here too. `,
        button(`Import ${fitting === 1 ? "it" : "these"}`, () => importCorrections(name, content, { anyRun: true }))) : null,
    ).classList.add("error");
    return;
  }
  if (file.run !== data.run) {
    items = file.corrections.filter((item) => {
      const segment = segments[indexOf.get(item.segment)];
      return segment && segment.source === item.source && segment.translation === item.before;
    });
  }
  const count = { taken: 0, same: 0, conflicts: 0, stale: 0, unknown: 0, beads: 0, unknownBeads: 0, beadConflicts: [] };
  const changes = mergeCorrections(items, count);
  const changed = mergeBeads(file.run === data.run ? beads : [], count);
  if (count.beads) changes.set(BEADS, { beads: changed });
  if (changes.size) commit(`import of ${name}`, changes);
  report(name, file, count, file.run === data.run ? elsewhere : []);
}

function report(name, file, count, elsewhere) {
  const by = asText(file.reviewer) ? ` by ${file.reviewer}` : "";
  const parts = [
    count.taken && `${count.taken} taken over`,
    count.same && `${count.same} the same as here`,
    count.beads && `${plural(count.beads, "changed bead")}`,
    count.conflicts && `${plural(count.conflicts, "conflict")} with what is here: both are kept, for you to settle`,
    count.stale && `${count.stale} of a text that has changed since: kept beside the new text, for you to take or to leave`,
    count.unknown && `${count.unknown} of segments that this page does not have: set aside, and in your next JSON export`,
    count.unknownBeads && `${plural(count.unknownBeads, "bead")} of segments that this page does not have: left out`,
    elsewhere.length && `${elsewhere.length} of other documents (${listed([...new Set(elsewhere.map((item) => item.document))].slice(0, 3))}): import the file in their pages too`,
  ].filter(Boolean);
  const more = [
    count.conflicts && h("p", {}, h("a", { href: "#review=conflict" }, "Show the conflicts")),
    count.stale && h("p", {}, h("a", { href: "#review=stale" }, "Show what has changed since")),
    ...count.beadConflicts.map((bead) => {
      const line = h("p", {}, `Bead ${shape(bead)} of ${listed([...new Set([...bead.source, ...bead.target])].map((id) => visible(labelOf(id))))} differs from yours. `,
        button("Take it", () => {
          takeBead(bead);
          line.remove();
        }));
      return line;
    }),
  ].filter(Boolean);
  notice(`${name}${by}: ${parts.length ? parts.join("; ") : "nothing of this document"}.`, ...more);
}

function takeBead(bead) {
  const gone = changedBeads().filter((other) => other.source.some((id) => bead.source.includes(id)) || other.target.some((id) => bead.target.includes(id)));
  const freed = { source: gone.flatMap((other) => other.source), target: gone.flatMap((other) => other.target) };
  const rest = [
    ...freed.source.filter((id) => !bead.source.includes(id)).map((id) => ({ source: [id], target: freed.target.includes(id) && !bead.target.includes(id) ? [id] : [] })),
    ...freed.target.filter((id) => !bead.target.includes(id) && (bead.source.includes(id) || !freed.source.includes(id))).map((id) => ({ source: [], target: [id] })),
  ];
  const beads = replaced(changedBeads(), gone, [bead, ...rest.map((one) => ({ ...one, by: bead.by, at: bead.at }))]);
  commit("bead taken over", new Map([[BEADS, beads.length ? { beads } : null]]), { id: bead.source[0] ?? bead.target[0] });
}

async function importFiles(files) {
  for (const file of files) {
    try {
      importCorrections(file.name, new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer()));
    } catch (error) {
      const why = error instanceof TypeError ? "it is not UTF-8 text" : "it cannot be read";
      notice(`${file.name} is damaged or not a corrections file: ${why}. Nothing was imported.`).classList.add("error");
    }
  }
}

// The review as files: corrections as JSON (which `mtalign review` and this page read), and the corrected document
// as TSV, TMX 1.4 and XLIFF 2.1.
const TSV_COLUMNS = ["id", "source_lang", "status", "verdict", "source", "translation", "corrected", "comment", "by", "at"];
const TSV_ESCAPES = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

function correctionsFile() {
  const own = segments.filter((segment) => entryOf(segment.id)).flatMap((segment) => {
    const entry = entryOf(segment.id);
    const said = entry.verdict || entry.comment ? [correctionOf(segment.id, entry)] : [];
    return [...said, ...entry.stale];
  });
  const file = {
    schema: data.schema, kind: "mtalign corrections", run: data.run, reviewer, exported: now(), corrections: [...own, ...setAside()],
  };
  const beads = changedBeads().map(({ source, target, by, at }) => ({ document: data.document, source, target, by: asText(by), at: asText(at) }));
  if (beads.length) file.beads = beads;
  return `${JSON.stringify(file, null, 1)}\n`;
}

function tsvFile() {
  const lines = segments.map((segment) => {
    const entry = entryOf(segment.id) ?? segment.review ?? {};
    const edited = entryOf(segment.id)?.verdict === "edited" ? entry.text : "";
    return [segment.id, segment.lang, segment.status, verdictOf(segment) ?? "", segment.source, segment.translation ?? "", edited,
      commentOf(segment), asText(entry.by), asText(entry.at)]
      .map((cell) => cell.replace(/[\\\t\n\r]/g, (character) => TSV_ESCAPES[character])).join("\t");
  });
  return [TSV_COLUMNS.join("\t"), ...lines, ""].join("\n");
}

// XML 1.0 cannot hold every character; one that it cannot stands as U+FFFD.
const xmlText = (value) => value.replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd");
const xml = (value) =>
  xmlText(value).replace(/[&<>"\r]/g, (character) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;" })[character]);

// Units of the corrected document: a bead each, in the order of the source; what has no English, was rejected or is
// no translation at all is left out.
function units() {
  const seen = new Set();
  const join = (parts, language) => parts.join(/^(zh|ja|th|lo|km|my|yue)/.test(language) ? "" : " ");
  return segments.flatMap((segment) => {
    const bead = sourceBead(segment.id);
    const key = beadKey(bead);
    if (untouched(segment) || seen.has(key)) return [];
    seen.add(key);
    const known = (ids) => ids.map((id) => segments[indexOf.get(id)]).filter(Boolean);
    const source = known(bead.source), target = known(bead.target);
    const english = target.map(englishOf);
    if (!source.length || !target.length || english.includes(null) || target.some((one) => verdictOf(one) === "rejected")) return [];
    const comments = [...source, ...target].map(commentOf).filter(Boolean);
    return [{
      id: source[0].id, lang: source[0].lang, source: join(source.map((one) => one.source), source[0].lang), english: english.join(" "),
      reviewed: target.every((one) => ["accepted", "edited"].includes(verdictOf(one))), comments: [...new Set(comments)],
      by: entryOf(target[0].id)?.by ?? target[0].review?.by ?? "", at: entryOf(target[0].id)?.at ?? target[0].review?.at ?? "",
    }];
  });
}

// TMX writes a time as 20261125T115803Z.
const signature = ({ by, at }) =>
  `${by ? ` changeid="${xml(by)}"` : ""}${at ? ` changedate="${xml(at.replace(/[-:]/g, ""))}"` : ""}`;

function tmxFile() {
  const all = units();
  const languages = new Set(all.map((unit) => unit.lang));
  const main = languages.size === 1 ? [...languages][0] : "*all*";
  const body = all.map((unit) => [
    `    <tu tuid="${xml(unit.id)}" srclang="${xml(unit.lang)}">`,
    ...unit.comments.map((comment) => `      <note>${xml(comment)}</note>`),
    `      <prop type="x-document">${xml(data.document)}</prop>`,
    `      <prop type="x-reviewed">${unit.reviewed ? "yes" : "no"}</prop>`,
    `      <tuv xml:lang="${xml(unit.lang)}"><seg>${xml(unit.source)}</seg></tuv>`,
    `      <tuv xml:lang="${xml(data.target)}"${unit.reviewed ? signature(unit) : ""}><seg>${xml(unit.english)}</seg></tuv>`,
    "    </tu>",
  ].join("\n"));
  return [
    '<?xml version="1.0" encoding="UTF-8"?>', '<tmx version="1.4">',
    `  <header creationtool="mtalign" creationtoolversion="${xml(data.version || "0")}" segtype="sentence" o-tmf="mtalign" adminlang="en" srclang="${xml(main)}" datatype="plaintext"/>`,
    "  <body>", ...body, "  </body>", "</tmx>", "",
  ].join("\n");
}

// XLIFF has one source language in all: that of most units; the others say theirs in their metadata.
function xliffFile() {
  const all = units();
  const counts = new Map();
  for (const unit of all) counts.set(unit.lang, (counts.get(unit.lang) ?? 0) + 1);
  const main = [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? segments[0]?.lang ?? "und";
  // Ids are NMTOKENs; the segment's own id is the name, whatever is in it.
  const identifier = (id, i) => (/^[\w.-]+$/.test(id) ? id : `u${i + 1}`);
  const meta = (type, value) => (value ? `<mda:meta type="${type}">${xml(value)}</mda:meta>` : "");
  const body = all.map((unit, i) => [
    `    <unit id="${xml(identifier(unit.id, i))}" name="${xml(unit.id)}">`,
    `      <mda:metadata><mda:metaGroup category="mtalign">${[
      meta("document", data.document), meta("source-lang", unit.lang === main ? "" : unit.lang),
      meta("reviewer", unit.reviewed && unit.by), meta("reviewed", unit.reviewed && unit.at),
    ].join("")}</mda:metaGroup></mda:metadata>`,
    ...(unit.comments.length ? ["      <notes>", ...unit.comments.map((comment) => `        <note category="comment">${xml(comment)}</note>`), "      </notes>"] : []),
    `      <segment state="${unit.reviewed ? "reviewed" : "translated"}">`,
    `        <source>${xml(unit.source)}</source>`,
    `        <target>${xml(unit.english)}</target>`,
    "      </segment>", "    </unit>",
  ].join("\n"));
  // A file must hold something.
  if (!body.length) body.push('    <group id="none"/>');
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<xliff xmlns="urn:oasis:names:tc:xliff:document:2.0" xmlns:mda="urn:oasis:names:tc:xliff:metadata:2.0" version="2.1" srcLang="${xml(main)}" trgLang="${xml(data.target)}">`,
    `  <file id="f1" original="${xml(data.file)}" xml:space="preserve">`, ...body, "  </file>", "</xliff>", "",
  ].join("\n");
}

const EXPORTS = {
  json: ["corrections.json", "application/json", correctionsFile],
  tsv: ["reviewed.tsv", "text/tab-separated-values", tsvFile],
  tmx: ["reviewed.tmx", "application/xml", tmxFile],
  xliff: ["reviewed.xlf", "application/xml", xliffFile],
};

function exportAs(kind) {
  const [suffix, type, make] = EXPORTS[kind];
  const name = `${data.document.replace(/[^\p{L}\p{N}._-]+/gu, "_").slice(0, 80) || "document"}.${suffix}`;
  const address = URL.createObjectURL(new Blob([make()], { type: `${type};charset=utf-8` }));
  const link = h("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  if (kind === "json") unexported = false;
  const open = segments.filter((segment) => entryOf(segment.id)?.others.length).length;
  say(`Exported ${name}`);
  if (open) notice(`${plural(open, "conflict")} ${open === 1 ? "is" : "are"} not settled: the export holds your own outcome; the others' stay in this page.`,
    h("p", {}, h("a", { href: "#review=conflict" }, "Show the conflicts")));
}

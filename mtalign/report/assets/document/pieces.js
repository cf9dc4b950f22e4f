// The text of a cell cut where a mark begins or ends: flags, numbers, names, glossary terms, word links, search hits.
const NUMBER = /\p{Nd}+(?:[.,:/\u2009\u202f]\p{Nd}+)*/gu;
const SEVERITIES = ["error", "warning", "info"];

// The digits of a number in ASCII, whatever script they are in: digits stand in runs of ten.
function digits(text) {
  return [...text]
    .filter((character) => /\p{Nd}/u.test(character))
    .map((character) => {
      const code = character.codePointAt(0);
      let zero = code;
      while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
      return (code - zero) % 10;
    })
    .join("");
}

// Layers are { start, end, kind, group?, title? }; the pieces' texts joined give `text` back.
function cut(text, layers) {
  const kept = layers
    .map((layer) => ({ ...layer, start: Math.max(0, layer.start), end: Math.min(text.length, layer.end) }))
    .filter((layer) => layer.start < layer.end);
  const edges = [...new Set([0, text.length, ...kept.flatMap((layer) => [layer.start, layer.end])])].sort((a, b) => a - b);
  const pieces = [];
  for (let i = 0; i + 1 < edges.length; i += 1) {
    const [start, end] = [edges[i], edges[i + 1]];
    pieces.push({ text: text.slice(start, end), layers: kept.filter((layer) => layer.start <= start && end <= layer.end) });
  }
  return pieces;
}

const numberLayers = (text) =>
  [...text.matchAll(NUMBER)].map((match) => ({
    start: match.index, end: match.index + match[0].length, kind: "number", group: `n${digits(match[0])}`,
  }));

function sourceLayers(segment) {
  return [
    ...numberLayers(segment.source),
    ...segment.flags.filter((flag) => flag.source).map((flag) => ({ start: flag.source[0], end: flag.source[1], kind: flag.severity })),
    ...segment.terms.map(([start, end, english, hit], i) => ({
      start, end, kind: hit ? "term" : "term missing", group: `t${i}`, title: `glossary: ${english}${hit ? "" : ", not in the English"}`,
    })),
    ...segment.names.map(([start, end], i) => ({ start, end, kind: "name", group: `a${i}` })),
    ...segment.words.map(([start, end], i) => ({ start, end, kind: "word", group: `w${i}` })),
  ];
}

// Marks that were made on the engine's English hold for it alone, not for a reviewer's edit.
function targetLayers(segment, text) {
  const own = text === segment.translation;
  const lower = text.toLowerCase();
  const terms = segment.terms.flatMap(([, , english], i) => {
    const wanted = english.toLowerCase(), found = [];
    if (!wanted || lower.length !== text.length) return found;
    for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, at + wanted.length)) {
      found.push({ start: at, end: at + wanted.length, kind: "term", group: `t${i}`, title: `glossary: ${english}` });
    }
    return found;
  });
  return [
    ...numberLayers(text),
    ...terms,
    ...(own ? segment.flags.filter((flag) => flag.translation) : []).map((flag) => ({
      start: flag.translation[0], end: flag.translation[1], kind: flag.severity,
    })),
    ...(own ? segment.names : []).map(([, , start, end], i) => ({ start, end, kind: "name", group: `a${i}` })),
    ...(own ? segment.words : []).map(([, , start, end], i) => ({ start, end, kind: "word", group: `w${i}` })),
  ];
}

function pieceNodes(text, layers, found = EMPTY) {
  const hits = found.map(([start, end]) => ({ start, end, kind: "found" }));
  return cut(text, [...layers, ...hits]).map((piece) => {
    if (!piece.layers.length) return visible(piece.text);
    const kinds = [...new Set(piece.layers.map((layer) => layer.kind))];
    const severity = SEVERITIES.find((name) => kinds.includes(name));
    const groups = [...new Set(piece.layers.map((layer) => layer.group).filter(Boolean))];
    return h(
      severity || kinds.includes("found") ? "mark" : "span",
      {
        class: [severity, ...kinds.filter((kind) => !SEVERITIES.includes(kind))].filter(Boolean).join(" "),
        title: piece.layers.find((layer) => layer.title)?.title,
        data: groups.length ? { groups: groups.join(" ") } : {},
      },
      visible(piece.text),
    );
  });
}

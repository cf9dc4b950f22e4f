// Search with patterns. A pattern can take for ever on some text, and a search cannot be stopped from within: it
// runs in a worker, which is ended when its time is over.
const SEARCH_MILLISECONDS = 2000;
const MOST_HITS = 50;
const NO_PATTERNS = "This browser does not let the page search with patterns. Search for plain text.";
const TOO_LONG = "This pattern takes too long: it was stopped after two seconds. Make it simpler.";

function searchWorker() {
  let texts = [];
  self.onmessage = ({ data: task }) => {
    if (task.texts) texts = task.texts;
    const pattern = new RegExp(task.pattern, task.flags);
    const hits = [];
    texts.forEach((sides, index) => {
      const found = sides.map((side, which) => {
        const ranges = [];
        if (side === null || (task.side !== null && task.side !== which)) return null;
        for (const match of side.matchAll(pattern)) {
          ranges.push([match.index, match.index + match[0].length]);
          if (ranges.length >= task.most) break;
        }
        return ranges.length ? ranges : null;
      });
      if (found.some(Boolean)) hits.push([index, ...found]);
    });
    self.postMessage(hits);
  };
}

let worker = null;
let workerTexts = null;
let running = null;

// { pattern, flags } of what was typed, or { trouble } in words.
function readPattern(query) {
  for (const flags of ["giu", "gi"]) {
    try {
      return { pattern: new RegExp(query, flags).source, flags };
    } catch (error) {
      if (flags === "gi") {
        const why = String(error.message).split(": ").at(-1);
        return { trouble: `This is not a pattern yet (${why.charAt(0).toLowerCase()}${why.slice(1)}). Correct it, or search for plain text.` };
      }
    }
  }
  return { trouble: "" };
}

// Ends the search that is under way: its promise resolves to `answer`.
function stopSearch(answer = null) {
  if (!running) return;
  clearTimeout(running.over);
  worker?.terminate();
  worker = workerTexts = null;
  running.resolve(answer);
  running = null;
}

function startWorker() {
  worker = new Worker(URL.createObjectURL(new Blob([`(${searchWorker})()`], { type: "text/javascript" })));
  worker.onmessage = ({ data: found }) => {
    if (!running) return;
    clearTimeout(running.over);
    running.resolve({ hits: new Map(found.map(([index, ...ranges]) => [index, ranges])) });
    running = null;
  };
  worker.onerror = (event) => {
    event.preventDefault();
    stopSearch({ trouble: NO_PATTERNS });
  };
}

// Resolves to { hits: Map(index -> [source ranges, English ranges]) }, { trouble } in words, or null where a later
// search has taken its place. `texts` is a new array whenever a text changed.
function searchPattern(query, side, texts) {
  stopSearch();
  const { pattern, flags, trouble } = readPattern(query);
  if (trouble) return Promise.resolve({ trouble });
  try {
    if (!worker) startWorker();
  } catch {
    return Promise.resolve({ trouble: NO_PATTERNS });
  }
  return new Promise((resolve) => {
    const over = setTimeout(stopSearch, SEARCH_MILLISECONDS, { trouble: TOO_LONG });
    running = { resolve, over };
    worker.postMessage({
      pattern, flags, most: MOST_HITS, side: { source: 0, english: 1 }[side] ?? null, texts: workerTexts === texts ? null : texts,
    });
    workerTexts = texts;
  });
}

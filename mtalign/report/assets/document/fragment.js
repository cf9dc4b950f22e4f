// The view: what is sought, in which order, and where the reader is. It lives in the address's fragment, so that
// a link shows the same view to somebody else. A segment's id alone is its permalink.
const NOTHING_SOUGHT = Object.freeze({
  query: "", regex: false, side: "", status: EMPTY, severity: EMPTY, flag: "", quality: null, lang: "", engine: "",
  review: EMPTY, reference: false,
});
const view = { ...NOTHING_SOUGHT, order: "", id: "", context: "", diff: "" };

const sought = () => Object.keys(NOTHING_SOUGHT).filter((name) => {
  if (name === "regex" || name === "side") return false;
  return Array.isArray(view[name]) ? view[name].length > 0 : Boolean(view[name]);
});

function parseQuality(text) {
  const match = /^(\d*\.?\d*)-(\d*\.?\d*)$/.exec(text ?? "");
  if (!match || match[0] === "-") return null;
  const [low, high] = [match[1] === "" ? 0 : Number(match[1]), match[2] === "" ? 1 : Number(match[2])];
  return Number.isFinite(low) && Number.isFinite(high) && low <= high ? [low, high] : null;
}

function readFragment() {
  const raw = location.hash.slice(1);
  let plain = raw;
  try {
    plain = decodeURIComponent(raw);
  } catch {
    // Not percent-encoded: taken as it stands.
  }
  const permalink = indexOf.has(plain);
  const given = new URLSearchParams(permalink ? "" : raw);
  const many = (name) => (given.get(name) ?? "").split(",").filter(Boolean);
  const one = (name, allowed) => (allowed.includes(given.get(name)) ? given.get(name) : "");
  let flag = given.get("flag") ?? "";
  const severity = many("severity");
  if (flag.startsWith("severity:")) {
    severity.push(flag.slice("severity:".length));
    flag = "";
  }
  Object.assign(view, {
    query: given.get("q") ?? "", regex: given.get("re") === "1", side: one("side", ["source", "english"]),
    status: many("status"), severity, flag, quality: parseQuality(given.get("quality")), lang: given.get("lang") ?? "",
    engine: given.get("engine") ?? "", review: many("review"), reference: given.get("reference") === "1",
    order: one("order", ["worst"]), id: permalink ? plain : (given.get("id") ?? ""),
    context: given.get("context") ?? "", diff: one("diff", ["words", "characters"]),
  });
}

function fragmentOf() {
  const given = new URLSearchParams();
  const put = (name, value) => {
    if (value) given.set(name, value);
  };
  put("q", view.query);
  put("re", view.query && view.regex && "1");
  put("side", view.query && view.side);
  put("status", view.status.join(","));
  put("severity", view.severity.join(","));
  put("flag", view.flag);
  put("quality", view.quality?.join("-"));
  put("lang", view.lang);
  put("engine", view.engine);
  put("review", view.review.join(","));
  put("reference", view.reference && "1");
  put("order", view.order);
  put("context", view.context);
  put("diff", view.diff);
  if (given.size) put("id", view.id);
  return given.size ? given.toString() : encodeURIComponent(view.id);
}

// Browsers refuse more than some 200 changes in ten seconds, which a key held down reaches.
const FRAGMENT_PAUSE = 60;
let fragmentWritten = 0;
let fragmentDue = 0;
function writeFragment() {
  clearTimeout(fragmentDue);
  const wait = fragmentWritten + FRAGMENT_PAUSE - performance.now();
  if (wait > 0) {
    fragmentDue = setTimeout(writeFragment, wait);
    return;
  }
  fragmentWritten = performance.now();
  const fragment = fragmentOf();
  if (location.hash.slice(1) !== fragment) history.replaceState(null, "", `#${fragment}`);
}

// What differs between two texts, by words or by characters: longest common subsequence.
const MOST_CELLS = 4_000_000;

function tokens(text, by) {
  return by === "characters" ? [...text] : (text.match(/\s+|[\p{L}\p{N}\p{M}’']+|[^]/gu) ?? []);
}

// Pieces in order: { kind: "same" | "gone" | "new", text }. "same" and "gone" joined give `before`, "same" and "new" `after`.
function diff(before, after, by = "words") {
  const a = tokens(before, by), b = tokens(after, by);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail += 1;
  const left = a.slice(head, a.length - tail), right = b.slice(head, b.length - tail);
  if ((left.length + 1) * (right.length + 1) > MOST_CELLS && by === "characters") return diff(before, after, "words");
  const parts = [];
  const put = (kind, text) => {
    if (!text) return;
    if (parts.at(-1)?.kind === kind) parts.at(-1).text += text;
    else parts.push({ kind, text });
  };
  put("same", a.slice(0, head).join(""));
  for (const [kind, text] of middle(left, right)) put(kind, text);
  put("same", tail ? a.slice(a.length - tail).join("") : "");
  return parts;
}

function middle(a, b) {
  if (!a.length || !b.length || (a.length + 1) * (b.length + 1) > MOST_CELLS) return [["gone", a.join("")], ["new", b.join("")]];
  const width = b.length + 1;
  const length = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const here = i * width + j;
      length[here] = a[i] === b[j] ? length[here + width + 1] + 1 : Math.max(length[here + width], length[here + 1]);
    }
  }
  const found = [];
  let i = 0, j = 0, gone = "", added = "";
  const flush = () => {
    const [before, after] = [gone, added].map((side) => /^\s*/.exec(side)[0]);
    const lead = gone && added && before === after ? before : "";
    [gone, added] = [gone.slice(lead.length), added.slice(lead.length)];
    const trail = /\s*$/.exec(gone)[0];
    const cut = gone && added && trail && trail === /\s*$/.exec(added)[0] ? trail.length : 0;
    found.push(["same", lead], ["gone", gone.slice(0, gone.length - cut)], ["new", added.slice(0, added.length - cut)], ["same", cut ? trail : ""]);
    gone = added = "";
  };
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      // A space alone between two changes belongs to them: it would only cut the change in two.
      const alone = /^\s+$/.test(a[i]) && (gone || added) && !(a[i + 1] === b[j + 1] && i + 1 < a.length);
      if (alone) {
        gone += a[i];
        added += b[j];
      } else {
        flush();
        found.push(["same", a[i]]);
      }
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && length[(i + 1) * width + j] >= length[i * width + j + 1])) {
      gone += a[i];
      i += 1;
    } else {
      added += b[j];
      j += 1;
    }
  }
  flush();
  return found;
}

// A diff as it is read: struck out what is gone, underlined what is new.
function diffNodes(before, after, by) {
  return diff(before, after, by).map(({ kind, text }) =>
    kind === "same" ? visible(text) : h(kind === "gone" ? "del" : "ins", {}, visible(text)),
  );
}

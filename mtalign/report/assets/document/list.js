// The list of rows. Only those in view are in the page's tree, each at its place in a box as high as all of them;
// heights are estimated until a row has been seen. For print all rows are there.
const rowsBox = byId("rows");
const AHEAD = 700;

const list = { items: [], tops: new Float64Array(1), heights: new Float64Array(0), drawn: new Map(), whole: false };
const heightOf = new Map();
let width = 0;

const pathKey = (item) => (item.context ? -1 - item.index : item.index);
const placeOf = (id) => list.items.findIndex((item) => !item.context && item.index === indexOf.get(id));

// Lines of a text in a column; a wide character counts twice.
function lineCount(value, columns) {
  if (!value) return 0;
  const wide = value.charCodeAt(0) > 0x2e7f || value.charCodeAt(value.length >> 1) > 0x2e7f;
  return Math.ceil((value.length * (wide ? 2 : 1)) / columns);
}

function estimate(item) {
  const segment = segments[item.index];
  const narrow = width < 640;
  const columns = Math.max(12, (narrow ? width : (width - 80) * (width < 1088 ? 0.46 : 0.33)) / 8.4);
  if (folded(segment)) return 56;
  const source = lineCount(segment.source, columns);
  let english = lineCount(englishOf(segment) ?? segment.failure, columns);
  const reference = references.get(item.index);
  if (reference) english += lineCount(reference.sentences.join(" "), columns) + 0.5;
  const beside = width < 1088 ? 0 : segment.flags.length * 2;
  return 16 + 27 * (narrow ? source + english + 1.5 : Math.max(source, english, beside, 1.4)) + (startsBlock(segment) ? 14 : 0);
}

function layOut(from = 0) {
  let top = list.tops[from];
  for (let place = from; place < list.items.length; place += 1) {
    list.tops[place] = top;
    top += list.heights[place];
  }
  list.tops[list.items.length] = top;
  rowsBox.style.height = `${top}px`;
}

// The last place whose top is at or above `y`.
function placeAt(y) {
  let low = 0, high = list.items.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (list.tops[middle] <= y) low = middle;
    else high = middle - 1;
  }
  return low;
}

const insetAbove = () => (getComputedStyle(byId("tools")).position === "sticky" ? byId("tools").offsetHeight : 0);
const insetBelow = () => (byId("dock").hidden ? 0 : byId("dock").offsetHeight + 12);
const boxTop = () => rowsBox.getBoundingClientRect().top + scrollY;

function setItems(items) {
  list.items = items;
  list.tops = new Float64Array(items.length + 1);
  list.heights = new Float64Array(items.length);
  width = rowsBox.clientWidth;
  items.forEach((item, place) => {
    list.heights[place] = heightOf.get(pathKey(item)) ?? estimate(item);
  });
  clearRows();
  layOut();
  byId("table").setAttribute("aria-rowcount", items.length + 1);
  draw();
}

function clearRows() {
  for (const row of list.drawn.values()) {
    sizes.unobserve(row);
    row.remove();
  }
  list.drawn.clear();
}

// Draws what is in view. A row that turns out higher or lower than thought moves those below it; where it is above
// what the reader looks at, the scroll position moves along, so that nothing jumps.
function draw() {
  if (list.whole) return;
  if (!list.items.length) {
    clearRows();
    rowsBox.style.height = "0px";
    return;
  }
  for (let round = 0; round < 4; round += 1) {
    const top = scrollY - boxTop();
    const first = placeAt(top - AHEAD), last = placeAt(top + innerHeight + AHEAD);
    const wanted = new Set();
    for (let place = first; place <= last; place += 1) wanted.add(place);
    const pinned = placeOf(editing?.id ?? view.id);
    if (pinned >= 0) wanted.add(pinned);
    if (!drawPlaces(wanted, top)) break;
  }
}

function drawPlaces(wanted, top) {
  for (const [at, row] of list.drawn) {
    if (wanted.has(at)) continue;
    sizes.unobserve(row);
    row.remove();
    list.drawn.delete(at);
  }
  const fresh = [];
  let next = rowsBox.firstChild;
  for (const at of [...wanted].sort((a, b) => a - b)) {
    let row = list.drawn.get(at);
    if (!row) {
      row = buildRow(list.items[at], at);
      list.drawn.set(at, row);
      fresh.push([at, row]);
      rowsBox.insertBefore(row, next);
    } else {
      next = row.nextSibling;
    }
  }
  for (const [at, row] of fresh) row.style.top = `${list.tops[at]}px`;
  const changed = measure(fresh, top);
  for (const [, row] of fresh) sizes.observe(row);
  return changed;
}

function measure(rows, top) {
  const anchor = placeAt(Math.max(0, top + insetAbove()));
  const before = list.tops[anchor];
  const found = rows.map(([at, row]) => [at, row.offsetHeight]);
  let from = list.items.length;
  for (const [at, height] of found) {
    heightOf.set(pathKey(list.items[at]), height);
    if (Math.abs(height - list.heights[at]) < 0.5) continue;
    list.heights[at] = height;
    from = Math.min(from, at);
  }
  if (from === list.items.length) return false;
  layOut(from);
  for (const [at, row] of list.drawn) row.style.top = `${list.tops[at]}px`;
  const moved = list.tops[anchor] - before;
  if (Math.abs(moved) >= 1 && top > 0) scrollBy({ top: moved, behavior: "instant" });
  return true;
}

// Rows that change their height later: fonts, an editor that grows, details that open.
const resized = new Set();
const sizes = new ResizeObserver((records) => {
  if (list.whole) return;
  for (const record of records) resized.add(record.target);
  requestAnimationFrame(() => {
    const rows = [...list.drawn].filter(([, row]) => resized.has(row));
    resized.clear();
    if (rows.length && !list.whole && measure(rows, scrollY - boxTop())) draw();
  });
});

// Draws these segments' rows anew where they are in view.
function refresh(ids) {
  const focused = document.activeElement?.closest?.(".row");
  const rows = [];
  for (const [at, row] of list.drawn) {
    if (!ids.has(row.dataset.segment)) continue;
    const made = buildRow(list.items[at], at);
    made.style.top = row.style.top;
    const held = row === focused;
    sizes.unobserve(row);
    row.replaceWith(made);
    list.drawn.set(at, made);
    if (held) made.focus({ preventScroll: true });
    rows.push([at, made]);
  }
  if (list.whole || !rows.length) return;
  if (measure(rows, scrollY - boxTop())) draw();
  for (const [, row] of rows) sizes.observe(row);
}

function redrawAll() {
  const items = list.items;
  const top = scrollY - boxTop();
  const anchor = items.length ? placeAt(Math.max(0, top)) : 0;
  const offset = items.length ? top - list.tops[anchor] : 0;
  heightOf.clear();
  setItems(items);
  if (top > 0 && items.length) {
    scrollTo({ top: boxTop() + list.tops[anchor] + offset, behavior: "instant" });
    draw();
  }
}

function bringIntoView(place, block = "nearest") {
  for (let round = 0; round < 4; round += 1) {
    const above = insetAbove() + 8, below = insetBelow();
    const top = boxTop() + list.tops[place], height = list.heights[place], room = innerHeight - above - below;
    let target = scrollY;
    if (block === "center") target = top - above - Math.max(0, (room - height) / 2);
    else if (top < scrollY + above || height > room) target = top - above;
    else if (top + height > scrollY + innerHeight - below) target = top + height - innerHeight + below;
    target = Math.max(0, Math.min(target, document.documentElement.scrollHeight - innerHeight));
    const there = Math.abs(target - scrollY) < 1;
    if (!there) scrollTo({ top: target, behavior: "instant" });
    draw();
    if (there) return;
  }
}

// Print has every row of the view, one under the other.
function drawWhole() {
  if (list.whole) return;
  list.whole = true;
  const note = sought().length ? `${list.items.length} of ${plural(segments.length, "segment")}: ${soughtInWords().join(", ")}` : "";
  byId("printed").textContent = note;
  clearRows();
  rowsBox.classList.add("whole");
  const all = document.createDocumentFragment();
  list.items.forEach((item, place) => {
    const row = buildRow(item, place);
    list.drawn.set(place, row);
    all.append(row);
  });
  rowsBox.append(all);
}

function drawView() {
  if (!list.whole) return;
  list.whole = false;
  rowsBox.classList.remove("whole");
  clearRows();
  draw();
}

let drawing = 0;
window.addEventListener("scroll", () => {
  if (drawing) return;
  drawing = requestAnimationFrame(() => {
    drawing = 0;
    draw();
  });
}, { passive: true });
window.addEventListener("resize", () => {
  if (rowsBox.clientWidth !== width) redrawAll();
  else draw();
});
window.addEventListener("beforeprint", drawWhole);
window.addEventListener("afterprint", drawView);
matchMedia("print").addEventListener("change", (event) => (event.matches ? drawWhole() : drawView()));
onChange((keys) => {
  const ids = new Set(keys);
  if (keys.has(BEADS)) for (const segment of segments) ids.add(segment.id);
  // The row that is being edited stays as it is: its box has the reader's cursor.
  if (editing) ids.delete(editing.id);
  refresh(ids);
});

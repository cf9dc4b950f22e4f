// The tools above the list and the dock below it, and what they show.
const tools = {
  query: byId("query"), regex: byId("regex"), side: byId("side"), flag: byId("flag"), lang: byId("lang"), engine: byId("engine"),
  low: byId("low"), high: byId("high"), reference: byId("with-reference"), diff: byId("diff"),
  orders: [...document.querySelectorAll("input[name=order]")],
  boxes: Object.fromEntries(["status", "severity", "review"].map((name) => [name, [...document.querySelectorAll(`input[name=${name}]`)]])),
};

const OPEN = Object.freeze(["open"]);

let shown = "";
async function show({ keepPlace = false } = {}) {
  showTools();
  const items = await findItems();
  byId("trouble").textContent = trouble;
  byId("trouble").hidden = !trouble;
  tools.query.setAttribute("aria-invalid", String(Boolean(trouble)));
  if (!items) return false;
  setItems(items);
  byId("empty").hidden = items.length > 0;
  const place = placeOf(view.id);
  const before = shown;
  shown = JSON.stringify([sought().map((name) => view[name]), view.order]);
  if (place >= 0) bringIntoView(place, keepPlace ? "nearest" : "center");
  else if (before && before !== shown && scrollY > boxTop() - insetAbove()) scrollTo({ top: Math.max(0, boxTop() - insetAbove() - 40), behavior: "instant" });
  draw();
  showPosition();
  return true;
}

function change(values) {
  if (editing) closeEditor();
  Object.assign(view, values);
  writeFragment();
  return show();
}

const showAll = () => change({ ...NOTHING_SOUGHT });

function soughtInWords() {
  const words = {
    query: () => `${view.regex ? "pattern" : "text"} “${visible(view.query)}”${view.side ? ` in the ${view.side === "english" ? "English" : "source"}` : ""}`,
    status: () => view.status.join(" or "),
    severity: () => view.severity.map((name) => LABELS[name] ?? name).join(" or "),
    flag: () => (view.flag === "any" ? "any flag" : `flag ${visible(view.flag)}`),
    quality: () => `quality ${view.quality.join(" to ")}`,
    lang: () => data.languages[view.lang] ?? view.lang,
    engine: () => visible(view.engine),
    review: () => view.review.map((name) => ({ open: "not reviewed", ...VERDICTS })[name] ?? name).join(" or "),
    reference: () => "with a reference",
  };
  return sought().map((name) => words[name]());
}

function showTools() {
  const set = (control, value) => {
    if (control && control.value !== value) control.value = value;
  };
  set(tools.query, view.query);
  tools.regex.checked = view.regex;
  set(tools.side, view.side);
  set(tools.flag, view.flag);
  set(tools.lang, view.lang);
  set(tools.engine, view.engine);
  if (document.activeElement !== tools.low) set(tools.low, view.quality ? String(view.quality[0]) : "");
  if (document.activeElement !== tools.high) set(tools.high, view.quality ? String(view.quality[1]) : "");
  if (tools.reference) tools.reference.checked = view.reference;
  set(tools.diff, view.diff);
  for (const radio of tools.orders) radio.checked = radio.value === view.order;
  for (const [name, boxes] of Object.entries(tools.boxes)) for (const box of boxes) box.checked = view[name].includes(box.value);
  const names = sought(), words = soughtInWords();
  byId("sought").replaceChildren(...names.map((name, i) =>
    h("li", {}, h("button", { type: "button", "aria-label": `Remove filter: ${words[i]}`, on: { click: () => change({ [name]: NOTHING_SOUGHT[name] }) } },
      h("bdi", {}, words[i]), h("span", { "aria-hidden": "true" }, " ✕")))));
  const others = names.filter((name) => name !== "query").length;
  byId("filter-count").textContent = others ? ` (${others})` : "";
  byId("clear").hidden = !names.length;
  byId("sought-line").hidden = !names.length;
  rowsBox.classList.toggle("flat", view.order === "worst");
}

function showPosition() {
  const place = placeOf(view.id);
  const real = list.items.filter((item) => !item.context);
  const all = plural(segments.length, "segment");
  const whole = real.length === segments.length ? all : `${grouped(real.length)} of ${all}`;
  const at = place < 0 ? 0 : list.items.slice(0, place + 1).filter((item) => !item.context).length;
  const content = at ? `${grouped(at)} of ${grouped(real.length)}` : whole;
  if (byId("position").textContent !== content) byId("position").textContent = content;
  byId("found").textContent = whole;
  const segment = currentSegment();
  byId("here").textContent = at && segment ? visible(label(segment)) : "";
  for (const control of document.querySelectorAll("#judging button")) control.disabled = !at;
}

function showProgress() {
  const counts = new Map([["open", 0]]);
  let judged = 0;
  for (const segment of segments) {
    // Most segments of a long document are untouched.
    const states = entries.has(segment.id) || segment.review ? reviewStates(segment) : OPEN;
    if (states[0] !== "open") judged += 1;
    for (const state of states) counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  byId("progress").textContent = `${grouped(judged)} of ${grouped(segments.length)} reviewed`;
  byId("progress-bar").style.width = `${segments.length ? (100 * judged) / segments.length : 0}%`;
  for (const box of tools.boxes.review) {
    const total = counts.get(box.value) ?? 0;
    box.closest("label").querySelector(".count").textContent = grouped(total);
    if (box.value === "conflict" || box.value === "stale") box.closest("label").hidden = !total && !box.checked;
  }
}

function toggleFilters(open = byId("filters").hidden) {
  byId("filters").hidden = !open;
  byId("filters-button").setAttribute("aria-expanded", String(open));
}

function toggleContext() {
  const segment = needSegment();
  if (segment) change({ context: view.context === segment.id ? "" : segment.id });
}

const DIFFS = ["", "words", "characters"];
function turnDiff(value = DIFFS[(DIFFS.indexOf(view.diff) + 1) % DIFFS.length]) {
  view.diff = value;
  writeFragment();
  showTools();
  refresh(new Set(segments.map((segment) => segment.id)));
  heightOf.clear();
  say(value ? `Reference: differences by ${value}` : "Reference: as it is");
}

function searchAll() {
  tools.query.focus();
  tools.query.select();
}

function lastNotice() {
  const control = byId("notices").lastElementChild?.querySelector("a, button");
  if (control) control.focus();
  else say("There is no message");
}

function openDialog(id) {
  const dialog = byId(id);
  if (dialog.open) return;
  if (id === "exchange") byId("reviewer").value = reviewer;
  dialog.showModal();
}

function bindTools() {
  byId("tools").addEventListener("submit", (event) => event.preventDefault());
  tools.query.addEventListener("input", () => change({ query: tools.query.value }));
  tools.regex.addEventListener("change", () => change({ regex: tools.regex.checked }));
  for (const name of ["side", "flag", "lang", "engine"]) tools[name]?.addEventListener("change", () => change({ [name]: tools[name].value }));
  const range = () => change({ quality: parseQuality(`${tools.low.value}-${tools.high.value}`) });
  for (const name of ["low", "high"]) tools[name]?.addEventListener("input", range);
  tools.reference?.addEventListener("change", () => change({ reference: tools.reference.checked }));
  tools.diff?.addEventListener("change", () => turnDiff(tools.diff.value));
  for (const radio of tools.orders) radio.addEventListener("change", () => change({ order: radio.value }));
  for (const [name, boxes] of Object.entries(tools.boxes)) {
    for (const box of boxes) box.addEventListener("change", () => change({ [name]: boxes.filter((one) => one.checked).map((one) => one.value) }));
  }
  // What the page has no use for (nothing to clear in an empty document) is not there.
  const click = (id, action) => byId(id)?.addEventListener("click", () => action());
  click("filters-button", () => toggleFilters());
  click("clear", showAll);
  click("clear-empty", showAll);
  click("backward", () => step(-1));
  click("forward", () => step(1));
  click("accept", () => judge("accepted"));
  click("reject", () => judge("rejected"));
  click("edit", () => edit("text"));
  click("comment", () => edit("comment"));
  click("merge", merge);
  click("split", split);
  click("context", toggleContext);
  click("reopen", reopen);
  click("undo", () => turnBack(undo, "undo"));
  click("redo", () => turnBack(redo, "redo"));
  click("help-button", () => openDialog("help"));
  click("exchange-button", () => openDialog("exchange"));
  byId("more").addEventListener("click", (event) => {
    if (event.target.closest("button")) byId("more").open = false;
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#more")) byId("more").open = false;
  });
  for (const kind of Object.keys(EXPORTS)) click(`export-${kind}`, () => exportAs(kind));
  byId("import").addEventListener("change", async () => {
    const files = [...byId("import").files];
    await importFiles(files);
    byId("import").value = "";
    byId("exchange").close();
  });
  byId("reviewer").addEventListener("change", () => setReviewer(byId("reviewer").value));
  for (const dialog of document.querySelectorAll("dialog")) {
    // A click beside the dialog is on the dialog itself.
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
    for (const close of dialog.querySelectorAll("[data-close]")) close.addEventListener("click", () => dialog.close());
  }
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer?.files.length) importFiles([...event.dataTransfer.files]);
  });
  rowsBox.addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    if (!row || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = event.target.closest(".permalink");
    // A jump to the segment would drop the filters.
    if (link) event.preventDefault();
    if (event.target.closest("button, summary, textarea, pre") || (!link && !getSelection().isCollapsed)) return;
    if (row.classList.contains("context")) change({ ...NOTHING_SOUGHT, context: "", id: row.dataset.segment });
    else if (row.dataset.segment !== view.id) select(Number(row.dataset.place));
    else if (link) writeFragment();
  });
  rowsBox.addEventListener("dblclick", (event) => {
    const cell = event.target.closest(".target");
    const segment = currentSegment();
    if (cell && segment && cell.closest(".row").dataset.segment === segment.id && !folded(segment) && !editing) edit("text");
  });
  onChange(() => {
    showProgress();
    showPosition();
  });
}

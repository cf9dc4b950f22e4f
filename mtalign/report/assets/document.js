// Finding segments: filters, order, keyboard. The rows stand in the page without this; nothing here writes
// markup, and nothing opens a connection.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  const segments = JSON.parse(byId("data").textContent).segments;
  const body = byId("rows");
  const tools = {
    form: byId("tools"),
    query: byId("query"),
    statuses: [...document.querySelectorAll("input[name=status]")],
    flag: byId("flag"),
    order: byId("order"),
    shown: byId("shown"),
    clear: byId("clear"),
  };

  // Compatibility forms are the same to a reader: full-width digits are found by plain ones.
  const fold = (text) => text.normalize("NFKC").toLowerCase();

  const rows = [...body.rows].map((element, index) => {
    const segment = segments[index];
    const texts = [segment.source, segment.translation, segment.failure, segment.id];
    return {
      ...segment,
      element,
      index,
      folded: fold(texts.filter((text) => text !== null).join("\n")),
    };
  });
  const rowOf = new Map(rows.map((row) => [row.id, row]));
  const worstFirst = [...rows].sort((a, b) => a.rank - b.rank);

  const state = { query: "", status: [], flag: "", order: "", id: "" };
  let visible = rows;

  // The fragment: either a segment's id alone, or filters and perhaps an id.
  function readFragment() {
    const raw = location.hash.slice(1);
    let plain = raw;
    try {
      plain = decodeURIComponent(raw);
    } catch {
      // Not percent-encoded: taken as it stands.
    }
    const known = rowOf.has(plain);
    const filters = new URLSearchParams(known ? "" : raw);
    state.id = known ? plain : (filters.get("id") ?? "");
    state.query = filters.get("q") ?? "";
    state.status = (filters.get("status") ?? "").split(",").filter(Boolean);
    state.flag = filters.get("flag") ?? "";
    state.order = filters.get("order") === "worst" ? "worst" : "";
  }

  function writeFragment() {
    const filters = new URLSearchParams();
    if (state.query) filters.set("q", state.query);
    if (state.status.length) filters.set("status", state.status.join(","));
    if (state.flag) filters.set("flag", state.flag);
    if (state.order) filters.set("order", state.order);
    const filtered = filters.size > 0;
    if (filtered && state.id) filters.set("id", state.id);
    const fragment = filtered ? filters.toString() : encodeURIComponent(state.id);
    if (location.hash.slice(1) !== fragment) history.replaceState(null, "", `#${fragment}`);
  }

  function matches(row) {
    if (state.status.length && !state.status.includes(row.status)) return false;
    if (state.flag === "any" && !row.flags.length) return false;
    if (state.flag.startsWith("severity:")) {
      const severity = state.flag.slice("severity:".length);
      if (!row.flags.some((flag) => flag.severity === severity)) return false;
    } else if (state.flag && state.flag !== "any" && !row.flags.some((flag) => flag.name === state.flag)) {
      return false;
    }
    return row.folded.includes(fold(state.query));
  }

  let orderShown = "";
  function show() {
    const ordered = state.order === "worst" ? worstFirst : rows;
    if (orderShown !== state.order) {
      // Out of the page while they move: in it, every move would be laid out anew.
      const table = body.parentNode;
      body.remove();
      body.append(...ordered.map((row) => row.element));
      table.append(body);
      body.classList.toggle("flat", state.order === "worst");
      orderShown = state.order;
    }
    visible = ordered.filter(matches);
    const kept = new Set(visible);
    for (const row of rows) row.element.hidden = !kept.has(row);
    byId("empty").hidden = visible.length > 0;
    tools.clear.hidden = !(state.query || state.status.length || state.flag || state.order);
    if (tools.query.value !== state.query) tools.query.value = state.query;
    for (const box of tools.statuses) box.checked = state.status.includes(box.value);
    if (tools.flag) tools.flag.value = state.flag;
    tools.order.value = state.order;
    highlight();
    mark();
  }

  function mark() {
    let place = -1;
    visible.forEach((row, index) => {
      if (row.id === state.id) place = index;
    });
    for (const row of rows) {
      row.element.classList.toggle("current", row.id === state.id);
      if (row.id === state.id) row.element.setAttribute("aria-current", "true");
      else row.element.removeAttribute("aria-current");
    }
    const all = rows.length === 1 ? "1 segment" : `${rows.length} segments`;
    const whole = visible.length === rows.length ? all : `${visible.length} of ${all}`;
    tools.shown.textContent = place < 0 ? whole : `${place + 1} of ${visible.length}`;
  }

  // Marks what the search found without touching the rows' markup.
  function highlight() {
    if (!("highlights" in CSS)) return;
    CSS.highlights.delete("found");
    const wanted = state.query.toLowerCase();
    if (!wanted) return;
    const ranges = [];
    for (const row of visible) {
      for (const cell of row.element.querySelectorAll(".text")) {
        const nodes = [];
        const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
        let length = 0;
        while (walker.nextNode()) {
          nodes.push({ node: walker.currentNode, start: length });
          length += walker.currentNode.length;
        }
        const text = cell.textContent.toLowerCase();
        // Lower case is longer than the text for a few letters: then offsets mean nothing.
        if (text.length !== length) continue;
        const place = (offset) => {
          const holder = nodes.findLast((item) => item.start <= offset);
          return [holder.node, offset - holder.start];
        };
        for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
          const range = new Range();
          range.setStart(...place(at));
          range.setEnd(...place(at + wanted.length));
          ranges.push(range);
        }
      }
    }
    CSS.highlights.set("found", new Highlight(...ranges));
  }

  function select(row, block) {
    state.id = row.id;
    mark();
    writeFragment();
    row.element.focus({ preventScroll: true });
    row.element.scrollIntoView({ block });
  }

  function step(by) {
    if (!visible.length) return;
    const here = visible.findIndex((row) => row.id === state.id);
    const next = here < 0 ? (by > 0 ? 0 : visible.length - 1) : here + by;
    if (visible[next]) select(visible[next], "nearest");
  }

  function change(values) {
    Object.assign(state, values);
    show();
    writeFragment();
  }

  const showAll = () => change({ query: "", status: [], flag: "", order: "" });

  tools.form.addEventListener("submit", (event) => event.preventDefault());
  tools.query.addEventListener("input", () => change({ query: tools.query.value }));
  for (const box of tools.statuses) {
    box.addEventListener("change", () =>
      change({ status: tools.statuses.filter((item) => item.checked).map((item) => item.value) }),
    );
  }
  tools.flag?.addEventListener("change", () => change({ flag: tools.flag.value }));
  tools.order.addEventListener("change", () => change({ order: tools.order.value }));
  tools.clear.addEventListener("click", showAll);
  byId("clear-empty").addEventListener("click", showAll);
  byId("backward").addEventListener("click", () => step(-1));
  byId("forward").addEventListener("click", () => step(1));

  body.addEventListener("click", (event) => {
    const link = event.target.closest(".permalink");
    const row = link && rowOf.get(link.closest(".row").dataset.segment);
    if (!row || event.ctrlKey || event.metaKey || event.shiftKey) return;
    // Keeps the filters that a plain jump to the segment would drop.
    event.preventDefault();
    select(row, "nearest");
  });

  // What belongs together lights up together: the rows of a bead, a number and the same number opposite.
  function light(event) {
    for (const lit of body.querySelectorAll(".together, .same")) lit.classList.remove("together", "same");
    if (event.type === "mouseleave" || event.type === "focusout") return;
    const element = event.target.closest(".row");
    const row = element && rowOf.get(element.dataset.segment);
    if (!row) return;
    for (const id of row.together) rowOf.get(id)?.element.classList.add("together");
    const number = event.target.closest(".number");
    if (!number) return;
    for (const other of element.querySelectorAll(".number")) {
      if (other.dataset.number === number.dataset.number) other.classList.add("same");
    }
  }
  body.addEventListener("mouseover", light);
  body.addEventListener("mouseleave", light);
  body.addEventListener("focusin", light);
  body.addEventListener("focusout", light);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape") {
      if (document.activeElement === tools.query) tools.query.blur();
      showAll();
      return;
    }
    if (event.target.closest?.("input:not([type=checkbox]), select, textarea, [contenteditable]")) return;
    const action = {
      j: () => step(1),
      k: () => step(-1),
      w: () => change({ order: state.order ? "" : "worst" }),
      "/": () => tools.query.focus(),
    }[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });

  function open() {
    readFragment();
    show();
    const row = rowOf.get(state.id);
    if (row && !row.element.hidden) {
      row.element.focus({ preventScroll: true });
      row.element.scrollIntoView({ block: "center" });
    }
  }

  document.documentElement.classList.add("scripted");
  window.addEventListener("hashchange", open);
  tools.form.hidden = false;
  byId("keys").hidden = false;
  open();
})();

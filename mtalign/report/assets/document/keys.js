// The keyboard: everything can be done with it. The table is also what `?` shows.
const KEYS = [
  ["Go", [
    [["j", "ArrowDown"], "next segment", () => step(1)],
    [["k", "ArrowUp"], "previous segment", () => step(-1)],
    [["g"], "first segment", () => stepTo("first")],
    [["G"], "last segment", () => stepTo("last")],
    [["n"], "next conflict or changed text", nextOffer],
    [["ArrowRight"], "next linked words, name or number", () => walk(1)],
    [["ArrowLeft"], "previous linked words, name or number", () => walk(-1)],
  ]],
  ["Find", [
    [["/"], "search", searchAll],
    [["p"], "search with patterns (regular expressions), or plainly", () => change({ regex: !view.regex })],
    [["f"], "filters", () => {
      toggleFilters();
      if (!byId("filters").hidden) byId("filters").querySelector("input, select")?.focus();
    }],
    [["w"], "worst first, or as in the document", () => change({ order: view.order ? "" : "worst" })],
    [["x"], "the segments around this one", toggleContext],
    [["d"], "differences from the reference: off, words, characters", () => turnDiff()],
    [["Escape"], "show all", showAll],
  ]],
  ["Judge", [
    [["a"], "accept, and on", () => judge("accepted")],
    [["r"], "reject, and on", () => judge("rejected")],
    [["e", "Enter"], "edit the English", () => edit("text")],
    [["c"], "comment", () => edit("comment")],
    [["o"], "clear the verdict: not reviewed", reopen],
    [["t"], "take what is offered: another outcome, an earlier correction", () => answer(true)],
    [["l"], "leave what is offered", () => answer(false)],
    [["m"], "merge the bead with the next", merge],
    [["s"], "split the bead here", split],
    [["u"], "undo", () => turnBack(undo, "undo")],
    [["U"], "redo", () => turnBack(redo, "redo")],
  ]],
  ["Export and import", [
    [["E"], "export, import, your name", () => openDialog("exchange")],
    [["J"], "export the corrections as JSON", () => exportAs("json")],
    [["!"], "messages at the top: the last one", lastNotice],
    [["?"], "this help", () => openDialog("help")],
  ]],
];
const actionOf = new Map(KEYS.flatMap(([, keys]) => keys.flatMap(([names, , action]) => names.map((name) => [name, action]))));
const KEY_NAMES = { ArrowDown: "↓", ArrowUp: "↑", ArrowRight: "→", ArrowLeft: "←", Escape: "Esc" };

function bindKeys() {
  byId("keys").append(...KEYS.map(([title, keys]) =>
    h("section", {}, h("h3", {}, title), h("dl", {}, keys.map(([names, meaning]) =>
      h("div", {}, h("dt", {}, names.map((name, i) => [i ? " " : "", h("kbd", {}, KEY_NAMES[name] ?? name)])), h("dd", {}, meaning)))))));
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.isComposing || event.defaultPrevented) return;
    const typing = event.target.closest?.("input:not([type=checkbox], [type=radio], [type=file]), select, textarea, [contenteditable]");
    if (event.ctrlKey || event.metaKey) {
      // The browser finds in the rows that are drawn; a second time is the browser's own.
      if (event.key.toLowerCase() === "f" && typing !== tools.query && !document.querySelector("dialog[open]")) {
        event.preventDefault();
        searchAll();
        say("This searches all segments. Ctrl F once more is the browser's own search, of the rows in view");
        return;
      }
      if (event.key.toLowerCase() === "z" && !typing) {
        event.preventDefault();
        turnBack(event.shiftKey ? redo : undo, event.shiftKey ? "redo" : "undo");
      }
      return;
    }
    // An open dialog has the keys to itself.
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "Escape" && typing) {
      typing.blur();
      if (typing === tools.query && view.query) change({ query: "" });
      return;
    }
    if (event.key === "Enter" && typing === tools.query) {
      event.preventDefault();
      const first = list.items.findIndex((item) => !item.context);
      if (first >= 0) select(Math.max(placeOf(view.id), first));
      return;
    }
    if (typing) return;
    if (event.key === "Escape" && byId("more").open) {
      byId("more").open = false;
      byId("more").querySelector("summary").focus();
      return;
    }
    const control = event.target.closest?.("button, a, summary, input, [role=button]");
    if (control && ["Enter", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(event.key)) return;
    const action = actionOf.get(event.key);
    if (!action) return;
    event.preventDefault();
    action();
  });
}

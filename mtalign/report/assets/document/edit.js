// Editing the English or the comment in its row. Every letter is kept at once; Escape puts back what was.
let editSession = 0;

function edit(field) {
  const segment = needSegment();
  if (!segment) return;
  if (editing) closeEditor();
  editSession += 1;
  editing = { id: segment.id, field, join: `edit ${editSession}`, before: entryOf(segment.id) };
  refresh(new Set([segment.id]));
  const row = list.drawn.get(placeOf(segment.id));
  const box = row?.querySelector("textarea");
  if (!box) return;
  grow(box);
  box.focus({ preventScroll: true });
  box.setSelectionRange(box.value.length, box.value.length);
  bringIntoView(placeOf(segment.id));
}

function editor(segment) {
  const own = editing;
  const isText = own.field === "text";
  const value = isText ? (englishOf(segment) ?? "") : commentOf(segment);
  const name = isText ? `English of ${label(segment)}` : `Comment on ${label(segment)}`;
  const box = h("textarea", {
    class: "editor", rows: 1, "aria-label": name, spellcheck: "true", lang: isText ? data.target : null, dir: "auto",
    on: {
      input: () => {
        grow(box);
        keepEdit(segment, box.value);
      },
      keydown: (event) => editorKey(event, segment, box),
    },
  });
  box.value = value;
  return h("div", { class: "edit-box", lang: "en", dir: "ltr" }, box,
    h("p", { class: "edit-help" },
      button(isText ? "Save" : "Keep comment", () => finishEdit(segment, box)), button("Put back", () => putBack(segment), { class: "text-button" }),
      h("span", {}, h("kbd", {}, "Enter"), " saves, ", h("kbd", {}, "Esc"), " puts back, ", h("kbd", {}, "Shift Enter"), " new line")));
}

function grow(box) {
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight + 2}px`;
}

function keepEdit(segment, value) {
  const { field, join, before } = editing;
  let values;
  if (field === "comment") values = { comment: value.trim() ? value : "" };
  else if (!value.trim() || value === segment.translation) values = { verdict: before?.verdict === "edited" ? null : (before?.verdict ?? segment.review?.verdict ?? null), text: "" };
  else values = { verdict: "edited", text: value };
  const what = field === "comment" ? "commented" : "edited";
  commit(`${label(segment)} ${what}`, new Map([[segment.id, changedEntry(segment, values)]]), { id: segment.id, join });
  showProgress();
}

function editorKey(event, segment, box) {
  if (event.isComposing) return;
  if (event.key === "Escape") {
    event.preventDefault();
    event.stopPropagation();
    putBack(segment);
  } else if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    event.stopPropagation();
    finishEdit(segment, box);
  }
}

function finishEdit(segment, box) {
  const { field } = editing;
  if (field === "text" && !box.value.trim()) {
    say("An empty text is not a correction. To refuse the English, put it back and reject it with r");
    return;
  }
  const changed = done.at(-1)?.join === editing.join;
  closeEditor();
  if (!changed) say(`${label(segment)} is as it was`);
  else say(`${label(segment)} ${field === "comment" ? "commented" : verdictOf(segment) === "edited" ? "edited" : "is the engine's English again"}`);
}

function putBack(segment) {
  if (done.at(-1)?.join === editing.join) {
    undo();
    undone.length = 0;
  }
  closeEditor();
  say(`${label(segment)} is as it was`);
}

function closeEditor() {
  const { id } = editing;
  editing = null;
  refresh(new Set([id]));
  list.drawn.get(placeOf(id))?.focus({ preventScroll: true });
}

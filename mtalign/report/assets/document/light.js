// What belongs together lights up together: the rows of a bead, and the marks of both sides that say the same.
// With the keyboard the arrows to the left and right walk through the marks of the current row.
function groupsOf(row) {
  const marksOf = new Map();
  for (const [place, mark] of [...row.querySelectorAll(".source [data-groups], .target [data-groups]")].entries()) {
    for (const name of mark.dataset.groups.split(" ")) marksOf.set(name, `${marksOf.get(name) ?? ""} ${place}`);
  }
  // A number that is a linked word too is one stop.
  return [...new Map([...marksOf].map(([name, marks]) => [marks, name])).values()];
}

function darken() {
  for (const lit of rowsBox.querySelectorAll(".together, .linked, .lit-side")) lit.classList.remove("together", "linked", "lit-side");
}

function lightGroups(row, names) {
  const found = [];
  for (const mark of row.querySelectorAll("[data-groups]")) {
    if (!mark.dataset.groups.split(" ").some((name) => names.includes(name))) continue;
    mark.classList.add("linked");
    found.push(mark);
  }
  return found;
}

function lightRow(row) {
  for (const id of together(row.dataset.segment)) {
    for (const other of list.drawn.values()) if (other.dataset.segment === id) other.classList.add("together");
  }
  const reference = [...references.values()].find(({ places }) => places.length > 1 && places.includes(indexOf.get(row.dataset.segment)));
  for (const place of reference?.places ?? EMPTY) {
    for (const other of list.drawn.values()) if (other.dataset.segment === segments[place].id) other.classList.add("together");
  }
}

function light(event) {
  const row = event.target.closest?.(".row");
  darken();
  if (!row || event.type === "mouseleave" || event.type === "focusout") return;
  lightRow(row);
  const side = event.target.closest("[data-side]")?.dataset.side;
  const counterpart = { source: ".target", target: ".source" }[side];
  if (counterpart) row.querySelector(counterpart)?.classList.add("lit-side");
  const mark = event.target.closest("[data-groups]");
  if (mark) lightGroups(row, mark.dataset.groups.split(" "));
}
for (const type of ["mouseover", "mouseleave", "focusin", "focusout"]) rowsBox.addEventListener(type, light);

let walked = { id: "", at: -1 };
function walk(by) {
  const row = list.drawn.get(placeOf(view.id));
  if (!row) return;
  const names = groupsOf(row);
  if (!names.length) {
    say("Nothing is linked in this segment");
    return;
  }
  if (walked.id !== view.id) walked = { id: view.id, at: by > 0 ? -1 : names.length };
  walked.at = Math.max(0, Math.min(names.length - 1, walked.at + by));
  darken();
  lightRow(row);
  const marks = lightGroups(row, [names[walked.at]]);
  const side = (name) => marks.filter((mark) => mark.closest("[data-side]")?.dataset.side === name).map((mark) => mark.textContent).join(" ");
  say(`${side("source") || "nothing"} – ${side("target") || "nothing"}`);
}

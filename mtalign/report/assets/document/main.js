// Opening the page, and following its address.
async function open() {
  if (editing) closeEditor();
  readFragment();
  if (sought().some((name) => name !== "query") && matchMedia("(min-width: 60rem)").matches) toggleFilters(true);
  if (!(await show())) return;
  const place = placeOf(view.id);
  if (place >= 0) list.drawn.get(place)?.focus({ preventScroll: true });
}

document.documentElement.classList.add("scripted");
for (const id of ["tools", "table", "dock"]) byId(id).hidden = false;
loadStore();
bindTools();
bindKeys();
runningHead();
showProgress();
window.addEventListener("hashchange", open);
open();
setTimeout(foldAhead, 300);

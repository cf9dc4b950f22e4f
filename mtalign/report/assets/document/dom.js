// Small helpers for the page's tree. What comes from a document goes in as text: nothing here parses markup.
const byId = (id) => document.getElementById(id);

// An element with attributes, listeners (`on`) and children; what is null, false or empty is left out.
function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return element;
}

const button = (label, action, attributes) => h("button", { type: "button", on: { click: action }, ...attributes }, label);

// Control characters as the pictures that stand for them, one for one, so that offsets stay true.
const visible = (text) =>
  text.replace(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/g, (c) => (c === "\x7f" ? "\u2421" : String.fromCharCode(0x2400 + c.charCodeAt(0))));

// 10,000. The browser's own number formats take a moment to load.
const grouped = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, ",");
const plural = (count, noun) => `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
const listed = (words) => (words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`);

const SIGNS = {
  translated: "✓", kept: "=", skipped: "–", failed: "✕",
  error: "✕", warning: "!", info: "i",
  accepted: "✓", rejected: "✕", edited: "✎", commented: "”", conflict: "⇄", stale: "↺",
};
const sign = (name) => h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[name]);

// A short word for eyes and screen readers alike: it stands above the dock for a while.
let saying = 0;
function say(text) {
  const place = byId("said");
  place.textContent = text;
  place.classList.add("fresh");
  clearTimeout(saying);
  saying = setTimeout(() => place.classList.remove("fresh"), 4000);
}

// Something a reviewer must not miss: it stays until it is dismissed.
function notice(text, ...more) {
  const item = h("li", { class: "notice" }, h("div", {}, h("p", { dir: "auto" }, visible(text)), more));
  item.append(button("Dismiss", () => {
    item.remove();
    // The keyboard goes on with what is left, or in the list.
    (byId("notices").lastElementChild?.querySelector("a, button") ?? document.querySelector(".row.current") ?? byId("segments")).focus();
  }, { class: "text-button" }));
  byId("notices").append(item);
  return item;
}

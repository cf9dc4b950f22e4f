// On paper the title stands at the head of each page, in the margin, where only a style rule can put it. What comes
// from the document goes into the rule with every character but letters and digits escaped.
const cssString = (text) => `"${[...visible(text)].map((c) => (/[A-Za-z0-9 ]/.test(c) ? c : `\\${c.codePointAt(0).toString(16)} `)).join("")}"`;
const shortened = (text, most) => ([...text].length > most ? `${[...text].slice(0, most - 1).join("").trimEnd()}…` : text);

function runningHead() {
  const title = document.querySelector("h1").textContent.trim().replace(/\s+/g, " ");
  const heads = [["left", shortened(title, 70)], ["right", title === data.file ? "" : shortened(data.file, 40)]];
  const rules = heads.map(([side, text]) => `@top-${side} { content: ${cssString(text)}; }`).join(" ");
  try {
    document.styleSheets[0].insertRule(`@page { ${rules} }`, 0);
  } catch {
    // This browser prints without a running head.
  }
}

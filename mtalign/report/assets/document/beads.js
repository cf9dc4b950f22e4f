// Alignment beads: which source segments and which English belong together. A target id is the id of the segment
// whose English it is. The reviewer's beads replace those of the run that share a segment with them.
const beadKey = (bead) => JSON.stringify([bead.source, bead.target]);

const beadOfKey = new Map(
  segments.filter((segment) => segment.link).map(({ link: [source, target] }) => [beadKey({ source, target }), { source, target }]),
);
const runBeads = [...beadOfKey.values()];
const runBeadKeys = new Set(beadOfKey.keys());

let ofSource = new Map();
let ofTarget = new Map();

function useBeads(changed) {
  const sources = new Set(changed.flatMap((bead) => bead.source));
  const targets = new Set(changed.flatMap((bead) => bead.target));
  const kept = runBeads.filter(
    (bead) => !bead.source.some((id) => sources.has(id)) && !bead.target.some((id) => targets.has(id)),
  );
  const all = [...kept, ...changed];
  ofSource = new Map(all.flatMap((bead) => bead.source.map((id) => [id, bead])));
  ofTarget = new Map(all.flatMap((bead) => bead.target.map((id) => [id, bead])));
}

const inOrder = (ids) => [...new Set(ids)].sort((a, b) => (indexOf.get(a) ?? 0) - (indexOf.get(b) ?? 0));
// A segment that nothing was said of stands for itself.
const sourceBead = (id) => ofSource.get(id) ?? ofTarget.get(id) ?? { source: [id], target: [id] };
const targetBead = (id) => ofTarget.get(id) ?? null;

// The changed beads after `gone` were replaced by `made`; what is again as in the run is no change.
function replaced(changed, gone, made) {
  const keys = new Set(gone.map(beadKey));
  return [...changed.filter((bead) => !keys.has(beadKey(bead))), ...made].filter((bead) => !runBeadKeys.has(beadKey(bead)));
}

// The bead of `id` with the one after it, or with its own English where the two were parted; null at the end.
function mergedBead(id) {
  const first = sourceBead(id);
  const own = targetBead(id);
  let second = own && beadKey(own) !== beadKey(first) ? own : null;
  if (!second) {
    const last = Math.max(...[...first.source, ...first.target].map((other) => indexOf.get(other) ?? 0));
    const next = segments[last + 1];
    if (!next) return null;
    second = sourceBead(next.id);
  }
  return {
    gone: [first, second],
    made: [{ source: inOrder([...first.source, ...second.source]), target: inOrder([...first.target, ...second.target]) }],
  };
}

// The bead of `id` cut after it (before it, where it is the last); one to one is parted into its two sides.
function splitBead(id) {
  const bead = sourceBead(id);
  const [m, n] = [bead.source.length, bead.target.length];
  if (m + n < 2) return null;
  let made;
  if (m > 1) {
    const at = Math.min(Math.max(bead.source.indexOf(id), 0), m - 2) + 1;
    const border = indexOf.get(bead.source[at]);
    made = [
      { source: bead.source.slice(0, at), target: bead.target.filter((other) => indexOf.get(other) < border) },
      { source: bead.source.slice(at), target: bead.target.filter((other) => indexOf.get(other) >= border) },
    ];
  } else if (m === 1 && n === 1) {
    made = [{ source: bead.source, target: [] }, { source: [], target: bead.target }];
  } else {
    made = [{ source: bead.source, target: bead.target.slice(0, 1) }, { source: [], target: bead.target.slice(1) }];
  }
  return { gone: [bead], made };
}

const shape = (bead) => `${bead.source.length}–${bead.target.length}`;
const together = (id) => inOrder([sourceBead(id), targetBead(id)].flatMap((bead) => (bead ? [...bead.source, ...bead.target] : [])));

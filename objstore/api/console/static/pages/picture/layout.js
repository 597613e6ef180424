// Where the nodes and ribbons of the flow stand: numbers in, numbers out, no drawing.

const TIER_HEIGHT = 82;
const MEMORY_HEIGHT = 44;
const GAP = 20;
const RIBBON_MAX = 46;
const RIBBON_MIN = 1.5;
const SHARE_WIDTH = 156;
const SHARE_HEIGHT = 40;
export const NARROW = 700; // on a phone: no gateways, figures of clients in the tiers, less room for what moves

const curve = (x0, y0, x1, y1) => {
  const middle = (x0 + x1) / 2;
  return `M${x0},${y0}C${middle},${y0} ${middle},${y1} ${x1},${y1}`;
};

// A bow on the right side of the tiers, from one height to another.
const bow = (x, y0, y1, reach) => `M${x},${y0}C${x + reach},${y0} ${x + reach},${y1} ${x},${y1}`;

// Clients split by bucket or program: a box each, and from it what goes to the gateways and what comes back.
function splitOf(shares, height, core, gate, sizeFor) {
  const step = Math.min(SHARE_HEIGHT + 8, height / shares.length);
  const top = (height - step * shares.length) / 2;
  const sides = shares.flatMap((share, index) => ["ingest", "read"].map((kind) => {
    const rate = kind === "ingest" ? share.in_bytes_per_second : share.out_bytes_per_second;
    return { share, kind, rate, size: sizeFor(rate), y: top + index * step + (step * (kind === "ingest" ? 1 : 2)) / 3 };
  }));
  const order = ["ingest", "read"].flatMap((kind) => sides.filter((one) => one.kind === kind));
  const total = order.reduce((sum, one) => sum + Math.max(one.size, 1.5) + 1, 0);
  let here = core.y + (core.height - total) / 2;
  const ribbons = order.map((one) => {
    const thick = Math.max(one.size, 1.5);
    const d = curve(SHARE_WIDTH, one.y, gate, here + thick / 2);
    here += thick + 1;
    return { id: `share:${one.kind}:${one.share.name}`, kind: one.kind, size: one.size, d, share: one.share, flow: { kind: one.kind, bytes_per_second: one.rate, objects_per_second: 0 } };
  });
  return { ribbons, boxes: shares.map((share, index) => ({ share, x: 0, y: top + index * step + 2, width: SHARE_WIDTH, height: step - 4 })) };
}

// flows: as /picture gives them; shares: those of clients to be shown in place of all together, if any.
// Gives {height, clients, gateways, shares, tiers: [{name, x, y, …}], ribbons: [{id, kind, d, width, …}]}.
export function layoutOf(flows, tiers, width, shares = []) {
  const narrow = width < NARROW;
  const columns = narrow ? { clients: [0, 66], gateways: [0, 66] } : { clients: [0, 104], gateways: [Math.round(width * (shares.length ? 0.29 : 0.235)), 118] };
  const right = narrow ? 34 : Math.min(190, Math.round(width * 0.17));
  const tierWidth = narrow ? Math.min(250, width - 66 - 44 - right) : Math.min(310, Math.round(width * 0.29));
  const tierX = width - tierWidth - right;
  const reach = (index) => (narrow ? 16 + (index % 4) * 7 : 34 + (index % 4) * 16);
  const memory = { name: "memory", x: tierX, y: 0, width: tierWidth, height: MEMORY_HEIGHT };
  const boxes = tiers.map((tier, index) => ({
    name: tier.name, x: tierX, y: MEMORY_HEIGHT + GAP + index * (TIER_HEIGHT + GAP), width: tierWidth, height: TIER_HEIGHT,
  }));
  const height = Math.max(boxes.length ? boxes[boxes.length - 1].y + TIER_HEIGHT : MEMORY_HEIGHT, 170, narrow ? 0 : shares.length * SHARE_HEIGHT);
  const largest = Math.max(...flows.map((flow) => flow.bytes_per_second), 1);
  const sizeFor = (rate) => (rate > 0 ? Math.min(RIBBON_MAX, Math.max(RIBBON_MIN, (rate / largest) * RIBBON_MAX)) : 0);
  const sizeOf = (flow) => sizeFor(flow.bytes_per_second);
  const all = [memory, ...boxes];
  const served = [];
  for (const box of all) {
    const ingest = flows.find((flow) => flow.kind === "ingest" && flow.to === `tier:${box.name}`);
    const source = box.name === "memory" ? "memory" : `tier:${box.name}`;
    const read = flows.find((flow) => flow.kind === "read" && flow.from === source);
    const present = [ingest, read].filter(Boolean);
    present.forEach((flow, index) => {
      const y = box.y + (box.height * (index + 1)) / (present.length + 1);
      served.push({ flow, box, y, size: sizeOf(flow) });
    });
  }
  const total = served.reduce((sum, one) => sum + Math.max(one.size, 3), 0) + (served.length - 1) * 3;
  const core = { height: Math.max(total + 20, 96) };
  core.y = Math.max(0, height / 2 - core.height / 2);
  const ribbons = [];
  let y = core.y + (core.height - total) / 2;
  const gate = columns.gateways[0] + columns.gateways[1];
  for (const one of served) {
    const thick = Math.max(one.size, 3);
    const here = y + thick / 2;
    ribbons.push({ ...one, id: one.flow.id, kind: one.flow.kind, d: curve(gate, here, tierX, one.y), labelX: tierX - 10, labelY: one.y });
    y += thick + 3;
  }
  const split = narrow || !shares.length ? null : splitOf(shares, height, core, columns.gateways[0], sizeFor);
  if (split) ribbons.push(...split.ribbons);
  let left = core.y + (core.height - total) / 2;
  for (const kind of narrow || split ? [] : ["ingest", "read"]) {
    const mine = served.filter((one) => one.flow.kind === kind);
    const rate = mine.reduce((sum, one) => sum + one.flow.bytes_per_second, 0);
    const objects = mine.reduce((sum, one) => sum + one.flow.objects_per_second, 0);
    const size = mine.reduce((sum, one) => sum + one.size, 0);
    const thick = Math.max(size, 3);
    const here = left + thick / 2;
    ribbons.push({
      id: `all:${kind}`, kind, size, d: `M${columns.clients[1]},${here}H${columns.gateways[0]}`, sum: true,
      flow: { id: `all:${kind}`, kind, bytes_per_second: rate, objects_per_second: objects },
    });
    left += thick + 14;
  }
  const edge = tierX + tierWidth;
  const moves = flows.filter((flow) => ["demoted", "promoted", "restored"].includes(flow.kind));
  moves.forEach((flow, index) => {
    const from = boxes.find((box) => `tier:${box.name}` === flow.from);
    const to = boxes.find((box) => `tier:${box.name}` === flow.to);
    if (!from || !to) return;
    const shift = 12 + (index % 4) * 15;
    const down = to.y > from.y;
    const y0 = down ? from.y + TIER_HEIGHT - shift : from.y + shift;
    const y1 = down ? to.y + shift : to.y + TIER_HEIGHT - shift;
    ribbons.push({ flow, id: flow.id, kind: flow.kind, size: sizeOf(flow), d: bow(edge, y0, y1, reach(index)) });
  });
  const expired = flows.filter((flow) => flow.kind === "expired");
  for (const flow of expired) {
    const from = boxes.find((box) => `tier:${box.name}` === flow.from);
    if (from && flow.bytes_per_second + flow.objects_per_second > 0) {
      const here = from.y + TIER_HEIGHT / 2;
      ribbons.push({ flow, id: flow.id, kind: "expired", size: Math.max(sizeOf(flow), RIBBON_MIN), d: `M${edge},${here}H${edge + (narrow ? 18 : 30)}` });
    }
  }
  return {
    narrow, height, memory, tiers: boxes, ribbons, shares: split?.boxes ?? [],
    clients: { x: columns.clients[0], y: core.y, width: columns.clients[1], height: core.height },
    gateways: { x: columns.gateways[0], y: core.y, width: columns.gateways[1], height: core.height },
  };
}

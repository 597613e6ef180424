// Where the nodes and ribbons of the flow stand: numbers in, numbers out, no drawing.

const TIER_HEIGHT = 82;
const MEMORY_HEIGHT = 44;
const GAP = 20;
const RIBBON_MAX = 46;
const RIBBON_MIN = 1.5;
export const NARROW = 700; // on a phone: no gateways, figures of clients in the tiers, less room for what moves

const curve = (x0, y0, x1, y1) => {
  const middle = (x0 + x1) / 2;
  return `M${x0},${y0}C${middle},${y0} ${middle},${y1} ${x1},${y1}`;
};

// A bow on the right side of the tiers, from one height to another.
const bow = (x, y0, y1, reach) => `M${x},${y0}C${x + reach},${y0} ${x + reach},${y1} ${x},${y1}`;

// flows: as /picture gives them. Gives {height, clients, gateways, tiers: [{name, x, y, …}], ribbons: [{id, kind, d, width, …}]}.
export function layoutOf(flows, tiers, width) {
  const narrow = width < NARROW;
  const columns = narrow ? { clients: [0, 66], gateways: [0, 66] } : { clients: [0, 104], gateways: [Math.round(width * 0.235), 118] };
  const right = narrow ? 34 : Math.min(190, Math.round(width * 0.17));
  const tierWidth = narrow ? Math.min(250, width - 66 - 44 - right) : Math.min(310, Math.round(width * 0.29));
  const tierX = width - tierWidth - right;
  const reach = (index) => (narrow ? 16 + (index % 4) * 7 : 34 + (index % 4) * 16);
  const memory = { name: "memory", x: tierX, y: 0, width: tierWidth, height: MEMORY_HEIGHT };
  const boxes = tiers.map((tier, index) => ({
    name: tier.name, x: tierX, y: MEMORY_HEIGHT + GAP + index * (TIER_HEIGHT + GAP), width: tierWidth, height: TIER_HEIGHT,
  }));
  const height = Math.max(boxes.length ? boxes[boxes.length - 1].y + TIER_HEIGHT : MEMORY_HEIGHT, 170);
  const largest = Math.max(...flows.map((flow) => flow.bytes_per_second), 1);
  const sizeOf = (flow) => (flow.bytes_per_second > 0 ? Math.max(RIBBON_MIN, (flow.bytes_per_second / largest) * RIBBON_MAX) : 0);
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
  let left = core.y + (core.height - total) / 2;
  for (const kind of narrow ? [] : ["ingest", "read"]) {
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
    narrow, height, memory, tiers: boxes, ribbons,
    clients: { x: columns.clients[0], y: core.y, width: columns.clients[1], height: core.height },
    gateways: { x: columns.gateways[0], y: core.y, width: columns.gateways[1], height: core.height },
  };
}

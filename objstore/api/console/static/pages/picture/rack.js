// Nodes and their drives as they stand in racks: state, fill and load of each.
import { html } from "../../lib/dom.js";
import { bytes, duration, percent, rate } from "../../lib/format.js";
import { t, tName } from "../../lib/i18n.js";
import { link } from "../../lib/router.js";
import { Badge } from "../../lib/ui.js";

export const DRIVE_STATES = { up: "ok", suspect: "warning", draining: "info", gone: "bad" };

function Drive({ drive, busiest }) {
  const load = busiest > 0 ? (drive.bytes_per_second ?? 0) / busiest : 0;
  const text = t("rack.drive", {
    address: drive.address, tier: drive.tier, state: tName("state", drive.state), fill: percent(drive.fill), free: bytes(drive.free_bytes), load: rate(drive.bytes_per_second),
  });
  return html`<a class="drive ${drive.state}" href=${link("cluster", "drive", drive.id)} title=${text} aria-label=${text}>
    <span class="drive-fill" style=${{ height: `${Math.round((drive.fill ?? 0) * 100)}%` }}></span>
    <span class="drive-mark" aria-hidden="true">${{ up: "", suspect: "?", draining: "→", gone: "×" }[drive.state] ?? "!"}</span>
    <span class="drive-load" style=${{ width: `${Math.round(load * 100)}%` }}></span></a>`;
}

export function Rack({ nodes }) {
  const busiest = Math.max(0, ...nodes.flatMap((node) => node.drives.map((drive) => drive.bytes_per_second ?? 0)));
  return html`<div class="rack">${nodes.map((node) => {
    const byTier = new Map();
    for (const drive of node.drives) byTier.set(drive.tier, [...(byTier.get(drive.tier) ?? []), drive]);
    return html`<section class="rack-node" key=${node.name} aria-label=${node.name}>
      <header><strong><bdi>${node.name}</bdi></strong>
        ${(node.zone || node.rack) && html`<span class="fine"><bdi>${[node.zone, node.rack].filter(Boolean).join(" / ")}</bdi></span>`}
        <${Badge} state=${DRIVE_STATES[node.state] ?? "warning"}>${tName("state", node.state)}<//>
        ${node.silent_seconds > 30 && html`<span class="fine">${t("rack.silent", { time: duration(node.silent_seconds) })}</span>`}</header>
      ${[...byTier].map(([tier, drives]) => html`<div class="rack-row"><span class="rack-tier">${tier}</span>
        <div class="drives">${drives.map((drive) => html`<${Drive} key=${drive.id} drive=${drive} busiest=${busiest} />`)}</div></div>`)}
    </section>`;
  })}</div>`;
}

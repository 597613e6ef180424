// Drives and nodes in tables, and what can be done with a drive.
import { html, useState } from "../../lib/dom.js";
import { admin } from "../../lib/api.js";
import { bytes, duration, number, percent } from "../../lib/format.js";
import { t, tName } from "../../lib/i18n.js";
import { link, replace } from "../../lib/router.js";
import { Badge, Button, Card, Check, Confirm, Empty, Meter, Select, Table, toast } from "../../lib/ui.js";
import { useAction } from "../../lib/use.js";
import { DRIVE_STATES } from "../picture/rack.js";

// What may be done with a drive in a state. Giving one up and taking one out cannot be undone: a word has to be typed.
const ACTIONS = {
  up: ["drain", "replace"], suspect: ["drain", "replace"], draining: ["undrain", "retire", "replace"], gone: ["retire", "replace", "undrain"],
};
const FINAL = ["retire", "replace"];

export const fillState = (fill) => (fill > 0.92 ? "bad" : fill > 0.8 ? "warning" : "");
export const fillOf = (drive) => (drive.capacity_bytes ? 1 - drive.free_bytes / drive.capacity_bytes : null);

export function DriveActions({ drive, reload }) {
  const [asked, setAsked] = useState(null);
  const { run, busy, error } = useAction(async (action) => {
    await admin("POST", `/drives/${encodeURIComponent(drive.id)}/${action}`);
    toast(t(`drive.${action}_done`, { drive: drive.address }));
    setAsked(null);
    reload();
  });
  const word = FINAL.includes(asked) ? drive.id.slice(0, 8) : undefined;
  return html`<div class="row">${(drive.out ? ["undrain"] : ACTIONS[drive.state] ?? []).map((action) => html`<${Button} kind=${FINAL.includes(action) ? "danger" : ""} onClick=${() => setAsked(action)}>${t(`drive.${action}`)}<//>`)}
    <${Confirm} open=${asked !== null} title=${asked ? t(`drive.${asked}_title`, { drive: drive.address }) : ""} submit=${asked ? t(`drive.${asked}`) : ""} danger=${FINAL.includes(asked)}
      word=${word} busy=${busy} error=${error} onClose=${() => setAsked(null)} onConfirm=${() => run(asked)}><p>${asked && t(`drive.${asked}_hint`)}</p><//></div>`;
}

export const DriveState = ({ drive }) => (drive.out ? html`<${Badge}>${t("state.out")}<//>` : html`<${Badge} state=${DRIVE_STATES[drive.state] ?? "warning"}>${tName("state", drive.state)}<//>${drive.held ? html` <span class="fine">${t("drive.held")}</span>` : ""}`);

export function DriveTable({ status, tier }) {
  const [sort, setSort] = useState({ key: "address", up: true });
  const [all, setAll] = useState(false);
  const mine = status.drives.filter((drive) => !tier || drive.tier === tier);
  const out = mine.filter((drive) => drive.out).length;
  const shown = mine.filter((drive) => all || !drive.out);
  const value = { address: (drive) => `${drive.tier} ${drive.node} ${drive.address}`, state: (drive) => drive.state, fill: (drive) => fillOf(drive) ?? 0, strikes: (drive) => drive.strikes };
  const ordered = [...shown].sort((a, b) => {
    const [x, y] = [value[sort.key](a), value[sort.key](b)];
    const order = typeof x === "string" ? x.localeCompare(y, "en", { numeric: true }) : x - y;
    return order * (sort.up ? 1 : -1);
  });
  const columns = [
    { key: "address", label: t("drive.drive"), sort: true, render: (drive) => html`<a href=${link("cluster", "drive", drive.id)}><bdi>${drive.address}</bdi></a><div class="fine"><code>${drive.id.slice(0, 12)}</code></div>` },
    { key: "tier", label: t("map.tier"), render: (drive) => drive.tier },
    { key: "node", label: t("drive.place"), render: (drive) => html`<bdi>${[drive.node, drive.rack, drive.zone].filter(Boolean).join(" · ")}</bdi>` },
    { key: "state", label: t("drive.state"), sort: true, render: (drive) => html`<${DriveState} drive=${drive} />${drive.reason && html`<div class="fine"><bdi>${drive.reason}</bdi></div>`}` },
    { key: "fill", label: t("drive.fill"), sort: true, wide: true, render: (drive) => (fillOf(drive) === null ? "–" : html`<${Meter} value=${fillOf(drive)} state=${fillState(fillOf(drive))} label=${t("cluster.fill_of", { name: drive.address })} text=${`${percent(fillOf(drive))} · ${bytes(drive.free_bytes)}`} />`) },
    { key: "strikes", label: t("drive.strikes"), sort: true, align: "end", render: (drive) => number(drive.strikes, 1) },
    { key: "heard", label: t("drive.heard"), align: "end", render: (drive) => duration(drive.silent_seconds) },
  ];
  const tiers = Object.keys(status.tiers);
  return html`<${Card}><div class="row spread"><${Select} label=${t("map.tier")} value=${tier ?? ""} options=${[["", t("drive.all_tiers")], ...tiers.map((name) => [name, name])]}
      onValue=${(name) => replace("cluster", { tab: "drives", tier: name })} />
      ${out > 0 && html`<${Check} label=${t("drive.with_out", { count: out, n: number(out) })} checked=${all} onValue=${setAll} />`}<p class="soft">${t("drive.count", { count: number(ordered.length) })}</p></div>
    <${Table} label=${t("cluster.tab.drives")} columns=${columns} rows=${ordered} rowKey=${(drive) => drive.id} sort=${sort}
      onSort=${(key) => setSort((old) => ({ key, up: old.key === key ? !old.up : true }))} empty=${html`<${Empty} icon="drive" title=${t("drive.none")} />`} /><//>`;
}

export function NodeTable({ status }) {
  const columns = [
    { key: "name", label: t("node.name"), render: (node) => html`<strong><bdi>${node.name}</bdi></strong>` },
    { key: "address", label: t("node.address"), render: (node) => html`<bdi>${node.address || "–"}</bdi>` },
    { key: "place", label: t("node.place"), render: (node) => html`<bdi>${[node.zone, node.rack].filter(Boolean).join(" / ") || "–"}</bdi>` },
    { key: "state", label: t("drive.state"), render: (node) => html`<${Badge} state=${DRIVE_STATES[node.state] ?? "warning"}>${tName("state", node.state)}<//>` },
    { key: "drives", label: t("cluster.drives"), align: "end", render: (node) => number(status.drives.filter((drive) => drive.node === node.name && !drive.out).length) },
    { key: "version", label: t("node.version"), render: (node) => node.version || "–" },
    { key: "heard", label: t("drive.heard"), align: "end", render: (node) => duration(node.silent_seconds) },
  ];
  return html`<${Card}><${Table} label=${t("cluster.tab.nodes")} columns=${columns} rows=${status.nodes} rowKey=${(node) => node.name}
    empty=${html`<${Empty} icon="cluster" title=${t("node.none")}>${t("node.none_hint")}<//>`} /><//>`;
}

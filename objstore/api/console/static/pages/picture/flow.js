// The flow: clients, gateways, memory and tiers, with ribbons as wide as the bytes that pass each second.
import { html, useEffect, useRef, useState } from "../../lib/dom.js";
import { bytes, number, percent, perSecond, rate, short } from "../../lib/format.js";
import { t, tName } from "../../lib/i18n.js";
import { link } from "../../lib/router.js";
import { Choice, Table } from "../../lib/ui.js";
import { layoutOf } from "./layout.js";
import { ShareBox, SPLITS, ShareTable, shareName, sharesOf } from "./shares.js";

export function useWidth(least) {
  const ref = useRef(null);
  const [width, setWidth] = useState(least);
  useEffect(() => {
    const watch = new ResizeObserver(([entry]) => setWidth(Math.max(least, Math.floor(entry.contentRect.width))));
    watch.observe(ref.current);
    return () => watch.disconnect();
  }, []);
  return [ref, width];
}

const isMoving = (flow) => flow.bytes_per_second > 0 || flow.objects_per_second > 0;
const figures = (flow) => `${rate(flow.bytes_per_second)} · ${perSecond(flow.objects_per_second)}`;

function nameOf(place) {
  if (!place) return "–";
  return place.startsWith("tier:") ? place.slice(5) : tName("flow.place", place);
}

export const sentence = (flow) => `${tName("flow.kind", flow.kind)}: ${nameOf(flow.from)} → ${nameOf(flow.to)}, ${figures(flow)}`;

function titleOf(one) {
  if (one.share) return `${shareName(one.share)}: ${tName("flow.kind", one.kind)}, ${rate(one.flow.bytes_per_second)}`;
  return one.sum ? `${tName("flow.kind", one.kind)}: ${figures(one.flow)}` : sentence(one.flow);
}

function Ribbon({ one, narrow }) {
  const moving = isMoving(one.flow);
  const size = Math.max(one.size, moving ? 1.5 : 0);
  return html`<g class="ribbon ${one.kind} ${moving ? "moving" : "still"} ${one.flow.kind === "read" ? "backwards" : ""}">
    <title>${titleOf(one)}</title>
    <path class="band" d=${one.d} stroke-width=${size || 1} />
    ${moving && html`<path class="drift" d=${one.d} stroke-width=${Math.min(2.4, Math.max(1.2, size / 3))} />`}
    ${one.labelX && !narrow && html`<text class="flow-label" x=${one.labelX} y=${one.labelY + (one.kind === "ingest" ? -one.size / 2 - 4 : one.size / 2 + 12)} text-anchor="end">
      ${moving ? `${one.kind === "ingest" ? "→" : "←"} ${figures(one.flow)}` : `${one.kind === "ingest" ? "→" : "←"} 0`}</text>`}
  </g>`;
}

function Clients({ box, ribbons, verdict, narrow }) {
  const of = (kind) => ribbons.find((one) => one.id === `all:${kind}`)?.flow;
  if (narrow) {
    return html`<g transform="translate(${box.x} ${box.y})"><rect class="node" width=${box.width} height=${box.height} rx="9" />
      <text class="node-name" x=${box.width / 2} y="24" text-anchor="middle">${t("flow.clients")}</text>
      <text class="node-fact" x=${box.width / 2} y="44" text-anchor="middle">${perSecond(verdict.requests_per_second)}</text></g>`;
  }
  return html`<g transform="translate(${box.x} ${box.y})"><rect class="node" width=${box.width} height=${box.height} rx="9" />
    <text class="node-name" x="12" y="24">${t("flow.clients")}</text>
    <text class="node-fact" x="12" y="44">${perSecond(verdict.requests_per_second)}</text>
    <text class="node-fact ingest" x="12" y="66">↑ ${rate(of("ingest")?.bytes_per_second)}</text>
    <text class="node-fact read" x="12" y="84">↓ ${rate(of("read")?.bytes_per_second)}</text></g>`;
}

function Gateways({ box, gateways }) {
  const shown = gateways.slice(0, Math.max(1, Math.floor((box.height - 30) / 18)));
  return html`<g transform="translate(${box.x} ${box.y})"><rect class="node" width=${box.width} height=${box.height} rx="9" />
    <text class="node-name" x="12" y="24">${t("flow.gateways")}</text>
    ${shown.map((one, index) => html`<text class="node-fact" x="12" y=${44 + index * 18}><title>${one.name}: ↑ ${rate(one.in_bytes_per_second)}, ↓ ${rate(one.out_bytes_per_second)}</title>
      ${one.name.length > 9 ? `…${one.name.slice(-8)}` : one.name} ${perSecond(one.requests_per_second)}</text>`)}</g>`;
}

// On a narrow screen the figures of ribbons stand in the box that they lead to.
const inAndOut = (flows, name) => {
  const ingest = flows.find((flow) => flow.kind === "ingest" && flow.to === `tier:${name}`);
  const read = flows.find((flow) => flow.kind === "read" && flow.from === (name === "memory" ? "memory" : `tier:${name}`));
  return [ingest && `→ ${rate(ingest.bytes_per_second)}`, read && `← ${rate(read.bytes_per_second)}`].filter(Boolean).join("  ");
};

// Where to look for what a flow is about: the objects of a tier, those that were used today, or the work of rules.
const WORK = { demoted: ["lifecycle"], promoted: ["lifecycle"], expired: ["lifecycle"], restored: ["jobs"], healed: ["cluster", { tab: "repair" }] };
const USED_TODAY = { to: 1 };
const tierIn = (place) => (place?.startsWith("tier:") ? place.slice(5) : undefined);

export const placeOf = (flow) => (WORK[flow.kind] ? link(...WORK[flow.kind]) : link("here", { tier: tierIn(flow.to) ?? tierIn(flow.from), ...USED_TODAY }));

function Memory({ box, verdict, flows, narrow }) {
  return html`<a href=${link("here", USED_TODAY)} class="tier-node" aria-label=${t("flow.memory_open")}><g transform="translate(${box.x} ${box.y})"><rect class="node memory" width=${box.width} height=${box.height} rx="9" />
    <text class="node-name" x="14" y="19">${t("flow.memory")}</text>
    <text class="node-fact" x="14" y="35">${narrow ? inAndOut(flows, "memory") : t("flow.memory_hint")}</text>
    <title>${t("verdict.hits")}: ${percent(verdict.hit_ratio?.bytes, 1)}</title></g></a>`;
}

function Tier({ box, tier, flows, narrow }) {
  const inner = box.width - 28;
  const state = tier.fill > 0.92 ? "bad" : tier.fill > 0.8 ? "warning" : "";
  const full = tier.days_left === null || tier.days_left === undefined
    ? t("flow.no_forecast") : t("flow.full_in", { days: number(tier.days_left) });
  return html`<a href=${link("here", { tier: tier.name })} class="tier-node" aria-label=${`${tier.name}: ${bytes(tier.bytes)}, ${percent(tier.fill)}`}>
    <g transform="translate(${box.x} ${box.y})"><rect class="node" width=${box.width} height=${box.height} rx="9" />
    <text class="node-name" x="14" y="21">${tier.name}<tspan class="node-fact" dx="7">${narrow && tier.name.length > 6 ? "" : tier.profile}${narrow ? "" : html`${tier.remote ? ` · ${t("flow.remote")}` : ""} · ×${number(tier.overhead, 2)}`}</tspan></text>
    <text class="node-strong" x=${box.width - 14} y="21" text-anchor="end">${bytes(tier.bytes)}</text>
    ${tier.fill !== null && html`<rect class="fill-track" x="14" y="31" width=${inner} height="9" rx="4.5" />
      <rect class="fill ${state}" x="14" y="31" width=${Math.max(2, inner * Math.min(1, tier.fill))} height="9" rx="4.5" />`}
    <text class="node-fact" x="14" y="56">${tier.fill === null ? t("flow.no_capacity") : t("flow.filled", { part: percent(tier.fill, tier.fill < 0.1 ? 1 : 0), free: bytes(tier.free_bytes) })}</text>
    <text class="node-fact" x="14" y="72">${narrow ? inAndOut(flows, tier.name) : t("flow.objects", { count: short(tier.objects) })}</text>
    ${!tier.remote && !narrow && html`<text class="node-fact" x=${box.width - 14} y="72" text-anchor="end">${full}</text>`}</g></a>`;
}

// Moves that go on beside the clients' own: always named, so that colour is never all there is.
function Background({ flows }) {
  const behind = flows.filter((flow) => !["ingest", "read"].includes(flow.kind));
  const quiet = [...new Set(behind.map((flow) => flow.kind))].filter((kind) => !behind.some((flow) => flow.kind === kind && isMoving(flow)));
  const moves = [...behind.filter(isMoving), ...quiet.map((kind) => ({ kind, bytes_per_second: 0, objects_per_second: 0 }))];
  return html`<ul class="moves" aria-label=${t("flow.background")}>${moves.map((flow) => html`<li class="${flow.kind} ${isMoving(flow) ? "" : "idle"}">
    <span class="key" aria-hidden="true"></span><a href=${placeOf(flow)}>${tName("flow.kind", flow.kind)}</a>
    ${flow.from?.startsWith("tier:") && html`<span class="soft">${nameOf(flow.from)}${flow.to?.startsWith("tier:") ? ` → ${nameOf(flow.to)}` : ""}</span>`}
    <span class="figure">${isMoving(flow) ? figures(flow) : t("flow.nothing")}</span></li>`)}</ul>`;
}

export function Flow({ picture }) {
  const [ref, width] = useWidth(320);
  const [split, setSplit] = useState("together");
  const { flows, tiers, verdict, gateways } = picture;
  const shares = sharesOf(picture, split);
  const place = layoutOf(flows, tiers, width, shares);
  const { narrow } = place;
  const columns = [
    { key: "kind", label: t("flow.what"), render: (flow) => html`<a href=${placeOf(flow)}>${tName("flow.kind", flow.kind)}</a>` },
    { key: "from", label: t("flow.from"), render: (flow) => nameOf(flow.from) },
    { key: "to", label: t("flow.to"), render: (flow) => nameOf(flow.to) },
    { key: "bytes", label: t("flow.bytes"), align: "end", render: (flow) => rate(flow.bytes_per_second) },
    { key: "objects", label: t("flow.objects_rate"), align: "end", render: (flow) => perSecond(flow.objects_per_second) },
  ];
  return html`<div class="flow">
    <${Choice} label=${t("shares.choice")} value=${split} onValue=${setSplit} options=${SPLITS.map((one) => [one, t(`shares.by_${one}`)])} />
    <div class="flow-frame" ref=${ref} tabindex="0" role="region" aria-label=${t("picture.flow")}>
      <svg id="flow-svg" class="flow-svg" width=${width} height=${place.height + 4} viewBox="0 -2 ${width} ${place.height + 4}" role="group" aria-label=${t("picture.flow")}>
        ${place.ribbons.map((one) => html`<${Ribbon} key=${one.id} one=${one} narrow=${narrow} />`)}
        ${place.shares.map((box) => html`<${ShareBox} key=${box.share.name} box=${box} split=${split} />`)}
        ${!place.shares.length && html`<${Clients} box=${place.clients} ribbons=${place.ribbons} verdict=${verdict} narrow=${narrow} />`}
        ${!narrow && html`<${Gateways} box=${place.gateways} gateways=${gateways} />`}
        <${Memory} box=${place.memory} verdict=${verdict} flows=${flows} narrow=${narrow} />
        ${place.tiers.map((box, index) => html`<${Tier} key=${box.name} box=${box} tier=${tiers[index]} flows=${flows} narrow=${narrow} />`)}
      </svg></div>
    ${split !== "together" && html`<${ShareTable} shares=${shares} split=${split} />`}
    <${Background} flows=${flows} />
    <details><summary>${t("flow.as_table")}</summary><${Table} label=${t("picture.flow")} columns=${columns} rows=${flows} rowKey=${(flow) => flow.id} /></details>
  </div>`;
}

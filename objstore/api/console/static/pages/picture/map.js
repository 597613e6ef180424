// The map: buckets and prefixes as areas, as large as their bytes and as warm as they are used. A click goes into one.
import { html, useState } from "../../lib/dom.js";
import { admin } from "../../lib/api.js";
import { bytes, percent, short } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { link } from "../../lib/router.js";
import { Button, Card, Choice, Empty, ErrorBox, LinkButton, Table } from "../../lib/ui.js";
import { useLoad } from "../../lib/use.js";
import { hierarchy, treemap, treemapSquarify } from "../../vendor/d3-hierarchy.js";
import { HotActions } from "../jobs/hot.js";
import { useWidth } from "./flow.js";

const HEIGHT = 330;
const heatClass = (heat) => Math.max(0, Math.min(6, Math.round((heat ?? 0) * 6)));
const mainTier = (tiers) => Object.entries(tiers ?? {}).sort((a, b) => b[1] - a[1])[0]?.[0] ?? "";

function areasOf(places, width) {
  const children = [...places.children];
  if (places.other) children.push({ ...places.other, name: t("map.other", { count: short(places.other.children) }), rest: true });
  const root = hierarchy({ children }).sum((one) => (one.children ? 0 : Math.max(one.bytes ?? 0, 1)));
  return treemap().size([width, HEIGHT]).tile(treemapSquarify).paddingInner(3)(root).leaves();
}

const fit = (text, width) => {
  const most = Math.floor((width - 16) / 7.2);
  return text.length <= most ? text : most > 2 ? `${text.slice(0, most - 1)}…` : "";
};

function Area({ node, tierNames, onOpen }) {
  const { data, x0, y0, x1, y1 } = node;
  const [width, height] = [x1 - x0, y1 - y0];
  const tier = tierNames.indexOf(mainTier(data.tiers));
  const text = t("map.area", { name: data.name, bytes: bytes(data.bytes), objects: short(data.objects), heat: percent(data.heat), tier: mainTier(data.tiers) || "–" });
  const open = (event) => {
    if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    onOpen(data);
  };
  const rows = height > 44 && width > 70;
  return html`<g class="area heat-${heatClass(data.heat)} tier-${Math.max(0, Math.min(3, tier))} ${data.rest ? "rest" : ""}" transform="translate(${x0} ${y0})"
    role=${data.rest ? undefined : "button"} tabindex=${data.rest ? undefined : 0} aria-label=${text} onClick=${data.rest ? undefined : open} onKeyDown=${data.rest ? undefined : open}>
    <title>${text}</title><rect width=${Math.max(1, width)} height=${Math.max(1, height)} rx="4" />
    ${height > 20 && html`<text x="8" y="17" class="area-name">${fit(data.name, width)}</text>`}
    ${rows && html`<text x="8" y="33" class="area-fact">${fit(`${bytes(data.bytes)} · ${percent(data.heat)}`, width)}</text>`}</g>`;
}

const Ways = ({ bucket, prefix }) => html`<span class="acts nowrap"><a href=${link("buckets", bucket, { prefix })}>${t("map.objects_here")}</a><a href=${link("lifecycle", bucket)}>${t("map.rules_here")}</a></span>`;

export function PlaceMap({ places, tiers }) {
  const [ref, width] = useWidth(300);
  const [where, setWhere] = useState({ bucket: "", prefix: "" });
  const [shape, setShape] = useState("map");
  const inside = where.bucket !== "";
  const query = { bucket: where.bucket, prefix: where.prefix || undefined, limit: 48 };
  const look = (signal) => (inside ? admin("GET", "/prefixes", { query, signal }) : Promise.resolve(null));
  const load = useLoad(look, [where.bucket, where.prefix], { every: inside ? 30 : 0 });
  const shown = inside ? load.data : places;
  const tierNames = tiers.map((tier) => tier.name);
  const open = (one) => {
    if (!inside) setWhere({ bucket: one.name, prefix: "" });
    else if (one.leaf) location.hash = link("locate", { bucket: where.bucket, key: one.prefix ?? where.prefix + one.name });
    else setWhere({ bucket: where.bucket, prefix: one.prefix ?? where.prefix + one.name });
  };
  const steps = where.prefix.split("/").filter(Boolean);
  const actions = html`<div class="row">
    <${Choice} label=${t("map.shape")} value=${shape} onValue=${setShape} options=${[["map", t("map.as_map")], ["table", t("map.as_table")]]} /></div>`;
  const columns = [
    { key: "name", label: t("map.name"), render: (one) => html`<button type="button" class="link" onClick=${() => open(one)}><bdi>${one.name}</bdi></button>` },
    { key: "bytes", label: t("map.bytes"), align: "end", render: (one) => bytes(one.bytes) },
    { key: "objects", label: t("map.objects"), align: "end", render: (one) => short(one.objects) },
    { key: "heat", label: t("map.heat"), align: "end", render: (one) => percent(one.heat) },
    { key: "tier", label: t("map.tier"), render: (one) => mainTier(one.tiers) || "–" },
    { key: "ways", label: html`<span class="visually-hidden">${t("buckets.actions")}</span>`, render: (one) => !one.leaf && html`<${Ways} bucket=${where.bucket || one.name} prefix=${inside ? one.prefix : ""} />` },
  ];
  const body = !shown ? null : shown.children.length === 0
    ? html`<${Empty} icon="buckets" title=${inside ? t("map.nothing_here") : t("map.no_buckets")} action=${!inside && html`<${LinkButton} kind="primary" href=${link("buckets")}>${t("map.create")}<//>`}>${inside ? "" : t("map.no_buckets_hint")}<//>`
    : shape === "table" ? html`<${Table} label=${t("picture.places")} columns=${columns} rows=${shown.children} rowKey=${(one) => one.name} />`
      : html`<svg id="map-svg" class="map" width=${width} height=${HEIGHT} viewBox="0 0 ${width} ${HEIGHT}" role="group" aria-label=${t("picture.places")}>
          ${areasOf(shown, width).map((node) => html`<${Area} key=${node.data.name} node=${node} tierNames=${tierNames} onOpen=${open} />`)}</svg>`;
  return html`<${Card} title=${t("picture.places")} hint=${t("map.hint")} actions=${actions} class="places">
    <div class="map-path">
      <button type="button" class="link" onClick=${() => setWhere({ bucket: "", prefix: "" })} disabled=${!inside}>${t("map.all")}</button>
      ${inside && html`<span aria-hidden="true">/</span><button type="button" class="link" onClick=${() => setWhere({ ...where, prefix: "" })}><bdi>${where.bucket}</bdi></button>`}
      ${steps.map((step, index) => html`<span aria-hidden="true">/</span><button type="button" class="link"
        onClick=${() => setWhere({ ...where, prefix: `${steps.slice(0, index + 1).join("/")}/` })}><bdi>${step}</bdi></button>`)}
      ${inside && html`<span class="map-links"><${Button} kind="quiet" icon="up" onClick=${() => setWhere(steps.length ? { ...where, prefix: steps.length > 1 ? `${steps.slice(0, -1).join("/")}/` : "" } : { bucket: "", prefix: "" })}>${t("map.up")}<//>
        <${Ways} bucket=${where.bucket} prefix=${where.prefix} />
        <${HotActions} key=${`${where.bucket}/${where.prefix}`} bucket=${where.bucket} prefix=${where.prefix} /></span>`}
    </div>
    ${inside && load.error && html`<${ErrorBox} error=${load.error} retry=${load.reload} />`}
    <div ref=${ref}>${body}</div>
    ${shown && shown.complete === false && html`<p class="fine">${t("map.sampled")}</p>`}
    <${Ramp} tiers=${tierNames} />
  <//>`;
}

function Ramp({ tiers }) {
  return html`<div class="ramp"><span>${t("map.cold")}</span><span class="ramp-steps" aria-hidden="true">${[0, 1, 2, 3, 4, 5, 6].map((step) => html`<i class="heat-${step}"></i>`)}</span>
    <span>${t("map.hot")}</span>${tiers.map((name, index) => html`<span class="ramp-tier"><i class="tier-${Math.min(3, index)}" aria-hidden="true"></i>${name}</span>`)}</div>`;
}

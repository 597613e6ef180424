// Whom the flow is for: buckets, or kinds of programs, the busiest by name and all others together.
import { html } from "../../lib/dom.js";
import { perSecond, rate } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { visible } from "../../lib/names.js";
import { link } from "../../lib/router.js";
import { Table } from "../../lib/ui.js";

const SHOWN = 15; // letters of a name
export const SPLITS = ["together", "bucket", "client"];

export const sharesOf = (picture, split) => (split === "together" ? [] : picture[`by_${split}`] ?? []);
export const shareName = (share) => (share.name ? visible(share.name) : t("shares.others"));
const short = (text) => (text.length > SHOWN ? `${text.slice(0, SHOWN - 1)}…` : text);

export function ShareBox({ box, split }) {
  const { share } = box;
  const name = shareName(share);
  const text = `${name}: ↑ ${rate(share.in_bytes_per_second)}, ↓ ${rate(share.out_bytes_per_second)}, ${perSecond(share.requests_per_second)}`;
  const drawn = html`<g transform="translate(${box.x} ${box.y})"><title>${text}</title><rect class="node" width=${box.width} height=${box.height} rx="7" />
    <text class="node-name small" x="9" y=${box.height / 2 - 2}>${short(name)}</text>
    <text class="node-fact small" x="9" y=${box.height / 2 + 12}>↑ ${rate(share.in_bytes_per_second)} ↓ ${rate(share.out_bytes_per_second)}</text></g>`;
  return split === "bucket" && share.name ? html`<a href=${link("buckets", share.name)} class="tier-node" aria-label=${text}>${drawn}</a>` : drawn;
}

export function ShareTable({ shares, split }) {
  if (!shares.length) return html`<p class="soft">${t("shares.none")}</p>`;
  const columns = [
    { key: "name", label: t(`shares.${split}`), wide: true, render: (one) => (split === "bucket" && one.name ? html`<a href=${link("buckets", one.name)}><bdi>${shareName(one)}</bdi></a>` : html`<bdi>${shareName(one)}</bdi>`) },
    { key: "in", label: t("flow.kind.ingest"), align: "end", render: (one) => rate(one.in_bytes_per_second) },
    { key: "out", label: t("flow.kind.read"), align: "end", render: (one) => rate(one.out_bytes_per_second) },
    { key: "requests", label: t("shares.requests"), align: "end", render: (one) => perSecond(one.requests_per_second) },
  ];
  return html`<${Table} label=${t(`shares.by_${split}`)} columns=${columns} rows=${shares} rowKey=${(one) => one.name} />`;
}

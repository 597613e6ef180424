// Age by tier: how many bytes were last used when, on each tier; what lies in the wrong place stands out.
import { html } from "../../lib/dom.js";
import { bytes, percent, short } from "../../lib/format.js";
import { t, tName } from "../../lib/i18n.js";
import { link } from "../../lib/router.js";

const COLD_AFTER_DAYS = 30;
const HOT_UNTIL_DAYS = 2;
const PART_MIN = 0.02;

// Heat classes 6 (hot) … 0 (cold) for bands from young to old.
export const heatOfBand = (index, count) => Math.round(6 - (6 * index) / Math.max(1, count - 1));

const hereOf = (tier, band) => link("here", { tier, from: band.from_days || "", to: band.to_days });

function misplaced(tierIndex, tiers, band, part) {
  if (part < PART_MIN || tiers.length < 2) return "";
  if (tierIndex === 0 && band.from_days >= COLD_AFTER_DAYS) return "cold_on_hot";
  if (tierIndex > 0 && band.to_days !== null && band.to_days <= HOT_UNTIL_DAYS) return "hot_on_cold";
  return "";
}

export function HeatMatrix({ heat, tiers }) {
  const { bands } = heat;
  const names = tiers.map((tier) => tier.name).filter((name) => heat.tiers[name]);
  return html`<div class="table-frame" tabindex="0" role="region" aria-label=${t("picture.heat")}><table class="heat" style=${{ "--bar": `${Math.max(74, Math.min(130, 330 / Math.max(1, names.length) - 44))}px` }}>
    <caption class="visually-hidden">${t("picture.heat_hint")}</caption>
    <thead><tr><th scope="col">${t("heat.tier")}</th>${bands.map((band) => html`<th scope="col"><a href=${hereOf("", band)} title=${t("heat.open_band")}>${tName("heat.band", band.name)}</a></th>`)}</tr></thead>
    <tbody>${names.map((name, tierIndex) => {
    const cells = heat.tiers[name];
    const total = cells.reduce((sum, cell) => sum + cell.bytes, 0);
    return html`<tr key=${name}><th scope="row"><a href=${link("here", { tier: name })}>${name}</a></th>${cells.map((cell, index) => {
      const part = total ? cell.bytes / total : 0;
      const wrong = misplaced(tierIndex, names, bands[index], part);
      const lines = heat.thresholds.filter((one) => one.tier === name && one.days >= bands[index].from_days && (bands[index].to_days === null || one.days < bands[index].to_days));
      const title = t("heat.cell", { objects: short(cell.objects), bytes: bytes(cell.bytes), part: percent(part, 1) });
      const band = bands[index];
      const drawn = html`<div class="heat-bar" aria-hidden="true"><div class="heat-${heatOfBand(index, bands.length)}" style=${{ height: `${Math.max(cell.bytes ? 6 : 0, part * 100)}%` }}></div></div>
        <span class="heat-bytes">${cell.bytes ? bytes(cell.bytes) : "0"}</span>`;
      return html`<td class="${cell.bytes ? "" : "nothing"} ${wrong ? "misplaced" : ""}" title=${title}>
        ${cell.objects ? html`<a class="heat-cell" href=${hereOf(name, band)} aria-label=${t("heat.open", { tier: name, age: tName("heat.band", band.name), bytes: bytes(cell.bytes) })}>${drawn}</a>` : drawn}
        ${wrong && html`<span class="heat-note">${t(`heat.${wrong}`)}</span>`}
        ${lines.slice(0, 2).map((one) => html`<a class="threshold" href=${link("lifecycle", one.bucket)} title=${`${one.bucket}: ${one.rule}`}>${t("heat.threshold", { days: one.days })}</a>`)}
      </td>`;
    })}</tr>`;
  })}</tbody></table></div>`;
}

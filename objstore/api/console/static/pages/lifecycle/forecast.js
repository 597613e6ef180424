// What rules would do in the days to come: sums, a curve, and some of the objects.
import { html } from "../../lib/dom.js";
import { bytes, number } from "../../lib/format.js";
import { t, tName } from "../../lib/i18n.js";
import { visible } from "../../lib/names.js";
import { Badge, Card, Notice, Table } from "../../lib/ui.js";

const WIDTH = 720;
const HEIGHT = 180;
const LEFT = 64;
const BOTTOM = 22;
const SERIES = 6;

const shareName = (share) => `${share.rule || t("lifecycle.by_itself")}: ${tName("explain.kind", share.action)} ${share.storage_class || share.access_tier || share.tier || ""}`.trim();

export function Forecast({ data, brief }) {
  const { together } = data;
  const columns = [
    { key: "name", label: t("lifecycle.action"), wide: true, render: (row) => html`<span class=${`swatch series-${row.at % SERIES}`} aria-hidden="true"></span> <bdi>${shareName(row)}</bdi>` },
    { key: "now", label: t("forecast.now"), align: "end", render: (row) => `${number(row.now.objects)} · ${bytes(row.now.bytes)}` },
    { key: "total", label: t("forecast.in_days", { n: data.days }), align: "end", render: (row) => `${number(row.total.objects)} · ${bytes(row.total.bytes)}` },
    { key: "samples", label: t("forecast.samples"), render: (row) => html`<ul class="fine">${row.samples.slice(0, brief ? 2 : 6).map((one) => html`<li><bdi>${visible(one.key)}</bdi></li>`)}</ul>` },
  ];
  const rows = together.shares.map((share, at) => ({ ...share, at }));
  const problems = data.actions.filter((one) => one.error);
  const body = html`<p class="figures"><span><strong>${number(together.now.objects)}</strong> ${t("forecast.objects_now", { bytes: bytes(together.now.bytes) })}</span>
      <span><strong>${number(together.total.objects)}</strong> ${t("forecast.objects_total", { bytes: bytes(together.total.bytes), n: data.days })}</span>
      <span><${Badge} state=${together.exact ? "ok" : "warning"}>${t(together.exact ? "forecast.exact" : "forecast.estimated")}<//></span></p>
    ${together.error && html`<${Notice} state="warning"><bdi>${together.error}</bdi><//>`}
    ${problems.map((one) => html`<${Notice} state="warning" title=${one.rule}><bdi>${one.error}</bdi><//>`)}
    ${together.total.objects > 0 && html`<${Curve} shares=${rows} days=${data.days} />`}
    <${Table} label=${t("forecast.title")} columns=${columns} rows=${rows} empty=${html`<p class="soft">${t("forecast.nothing", { n: data.days })}</p>`} />`;
  return brief ? body : html`<${Card} title=${t("forecast.title")} hint=${t("forecast.hint")}>${body}<//>`;
}

/** Bytes that have been acted on by each day, one line a share. */
function Curve({ shares, days }) {
  const lines = shares.map((share) => {
    let sum = 0;
    const byDay = new Map(share.by_day.map((one) => [one.day, one.bytes]));
    return Array.from({ length: days + 1 }, (_, day) => (sum += byDay.get(day) ?? 0));
  });
  const most = Math.max(1, ...lines.map((line) => line.at(-1)));
  const x = (day) => LEFT + (day / Math.max(days, 1)) * (WIDTH - LEFT - 8);
  const y = (value) => HEIGHT - BOTTOM - (value / most) * (HEIGHT - BOTTOM - 12);
  const path = (line) => line.map((value, day) => `${day ? "L" : "M"}${x(day).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const marks = [0, 0.5, 1].map((part) => part * most);
  return html`<figure class="curve"><svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label=${t("forecast.curve", { n: days, bytes: bytes(most) })}>
    ${marks.map((value) => html`<line class="grid-line" x1=${LEFT} x2=${WIDTH - 8} y1=${y(value)} y2=${y(value)} /><text x=${LEFT - 8} y=${y(value) + 4} text-anchor="end">${bytes(value)}</text>`)}
    ${[0, Math.round(days / 2), days].map((day) => html`<text x=${x(day)} y=${HEIGHT - 4} text-anchor=${day === days ? "end" : "middle"}>${day ? t("forecast.day", { n: day }) : t("time.now")}</text>`)}
    ${lines.map((line, at) => html`<path class=${`series-${at % SERIES}`} d=${path(line)} />`)}</svg></figure>`;
}

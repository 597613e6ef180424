// The verdict strip: is all well, and if not, where to look.
import { html } from "../../lib/dom.js";
import { bytes, duration, number, percent, short } from "../../lib/format.js";
import { language, t, tName } from "../../lib/i18n.js";
import { Icon } from "../../lib/icons.js";
import { link } from "../../lib/router.js";

const STATES = { ok: "ok", warning: "warning", critical: "bad" };

function Tile({ title, value, note, state = "", href, icon }) {
  return html`<a class="tile ${state}" href=${href}><span class="tile-title">${title}</span>
    <span class="tile-value">${icon && html`<${Icon} name=${icon} size=${20} />`}${value}</span><span class="tile-note">${note}</span></a>`;
}

const placeOf = (reason) => {
  if (reason.code === "drive_out") return link("cluster", "drive", reason.subject);
  if (reason.code === "short_of_redundancy") return link("cluster", { tab: "repair" });
  if (reason.code === "node_silent") return link("cluster", { tab: "nodes" });
  return reason.code === "lifecycle_late" ? link("lifecycle") : link("cluster", { tier: reason.subject });
};

export function Verdict({ verdict }) {
  const { hit_ratio: hits, ttfb_p99_seconds: ttfb, reduced_redundancy: short_of, lifecycle } = verdict;
  const days = verdict.days_left;
  const daysState = days === null ? "" : days < 7 ? "bad" : days < 30 ? "warning" : "";
  return html`<div>
    <div class="tiles">
      <${Tile} title=${t("verdict.health")} state=${STATES[verdict.health]} icon=${verdict.health === "ok" ? "check" : "warning"}
        value=${t(`verdict.${verdict.health}`)} note=${t("verdict.reasons", { count: verdict.reasons.length })} href=${link("cluster")} />
      <${Tile} title=${t("verdict.capacity")} value=${bytes(verdict.usable_bytes.free)} state=${daysState}
        note=${days === null ? t("verdict.of_total", { total: bytes(verdict.usable_bytes.total) })
    : t("verdict.days_left", { days: number(days), tier: verdict.days_left_tier })} href=${link("cluster")} />
      <${Tile} title=${t("verdict.hits")} value=${percent(hits.requests, 1)} note=${t("verdict.hit_bytes", { part: percent(hits.bytes, 1) })} href=${link("home", { focus: "heat" })} />
      <${Tile} title=${t("verdict.ttfb")} value=${duration(ttfb.all)} note=${t("verdict.ttfb_parts", { hot: duration(ttfb.hot), cold: duration(ttfb.cold) })} href=${link("home", { focus: "history" })} />
      <${Tile} title=${t("verdict.redundancy")} value=${bytes(short_of.bytes)} state=${short_of.volumes ? "bad" : ""}
        note=${t("verdict.volumes", { count: number(short_of.volumes) })} href=${link("cluster", { tab: "repair" })} />
      <${Tile} title=${t("verdict.lifecycle")} value=${short(lifecycle.backlog)} state=${verdict.reasons.some((one) => one.code === "lifecycle_late") ? "warning" : ""}
        note=${lifecycle.lag_seconds > 0 ? t("verdict.lag", { time: duration(lifecycle.lag_seconds) }) : t("verdict.no_lag")} href=${link("jobs")} />
    </div>
    ${verdict.reasons.length > 0 && html`<ul class="reasons">${verdict.reasons.slice(0, 6).map((reason) => html`<li class=${STATES[reason.severity]}>
      <${Icon} name="warning" size=${16} /><a href=${placeOf(reason)}><strong>${tName("reason", reason.code)}</strong></a> <span><bdi>${language.value === "en" ? reason.text : reason.subject}</bdi></span></li>`)}</ul>`}
  </div>`;
}

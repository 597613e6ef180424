// One drive: what is on it, its load over time, its checks, and what can be done with it.
import { html } from "../../lib/dom.js";
import { Chart } from "../../lib/chart.js";
import { bytes, duration, number, percent, rate } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { link } from "../../lib/router.js";
import { Card, Empty, Loaded, Meter, Page } from "../../lib/ui.js";
import { useAdmin } from "../../lib/use.js";
import { DriveActions, DriveState, fillOf, fillState } from "./drives.js";
import { Residents } from "./residents.js";

const HOUR = 3600;

function Load({ id }) {
  const now = Math.floor(Date.now() / 60e3) * 60 + 60; // of the minute, so that the chart is not made anew each time
  const load = useAdmin("/history", { query: { series: "drive_bytes", label: id }, every: 30 });
  const series = (load.data?.series ?? []).map((one) => ({ label: t("drive.load"), colour: "read", points: one.points, fill: true }));
  return html`<${Card} title=${t("drive.load")} hint=${t("drive.load_hint")}><${Loaded} load=${load}>${() => (series.length
    ? html`<${Chart} label=${t("drive.load")} series=${series} from=${now - HOUR} to=${now} format=${rate} height=${170} compact />` : html`<p class="soft">${t("drive.no_load")}</p>`)}<//><//>`;
}

export function DrivePage({ id, status }) {
  const load = useAdmin(`/drives/${encodeURIComponent(id)}/load`, { every: 5 });
  const drive = status.data?.drives.find((one) => one.id === id);
  const crumbs = [[t("nav.cluster"), link("cluster")], [t("cluster.tab.drives"), link("cluster", { tab: "drives" })]];
  if (status.data && !drive) return html`<${Page} title=${id} crumbs=${crumbs}><${Empty} icon="drive" title=${t("drive.unknown")} /><//>`;
  const reload = () => {
    load.reload();
    status.reload();
  };
  return html`<${Page} title=${drive?.address ?? id} crumbs=${crumbs} actions=${drive && html`<${DriveActions} drive=${drive} reload=${reload} />`}>
    <${Loaded} load=${status}>${() => html`<div class="grid">
      <${Card} title=${t("drive.about")}><dl class="facts">
        <dt>${t("drive.id")}</dt><dd><code>${drive.id}</code></dd>
        <dt>${t("drive.state")}</dt><dd><${DriveState} drive=${drive} /> ${drive.reason && html`<bdi>${drive.reason}</bdi>`}</dd>
        <dt>${t("map.tier")}</dt><dd>${drive.tier} · <a href=${link("here", { tier: drive.tier })}>${t("drive.tier_objects")}</a></dd>
        <dt>${t("drive.place")}</dt><dd><bdi>${[drive.node, drive.rack, drive.zone].filter(Boolean).join(" · ") || "–"}</bdi></dd>
        <dt>${t("drive.heard")}</dt><dd>${duration(drive.silent_seconds)}</dd>
        <dt>${t("drive.strikes")}</dt><dd>${number(drive.strikes, 1)}</dd></dl><//>
      <${Card} title=${t("drive.holds")}>${fillOf(drive) !== null && html`<${Meter} value=${fillOf(drive)} state=${fillState(fillOf(drive))} label=${t("cluster.fill_of", { name: drive.address })} text=${percent(fillOf(drive), 1)} />`}
        <${Loaded} load=${load}>${(data) => html`<dl class="facts">
          <dt>${t("drive.shards")}</dt><dd>${number(data.drives[0]?.shards)}</dd>
          <dt>${t("drive.sealed")}</dt><dd>${bytes(data.drives[0]?.bytes)}</dd>
          <dt>${t("drive.free")}</dt><dd>${t("drive.free_of", { free: bytes(drive.free_bytes), total: bytes(drive.capacity_bytes) })}</dd></dl>`}<//><//>
    </div><${Load} id=${id} /><${Residents} id=${id} />`}<//><//>`;
}

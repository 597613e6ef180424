// The cluster: tiers and what they can lose, drives and nodes, repair, and what an operator does with them.
import { html, useEffect, useRef } from "../lib/dom.js";
import { bytes, duration, number, percent } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { link } from "../lib/router.js";
import { Badge, Card, ErrorBox, Loaded, Meter, Page, Tabs } from "../lib/ui.js";
import { useAdmin } from "../lib/use.js";
import { DrivePage } from "./cluster/drive.js";
import { DriveTable, NodeTable, fillState } from "./cluster/drives.js";
import { Paces } from "./cluster/paces.js";
import { Repair } from "./cluster/repair.js";
import { Scrub } from "./cluster/scrub.js";
import { Space } from "./cluster/space.js";

const REFRESH_SECONDS = 5;
const TABS = ["overview", "drives", "nodes", "repair", "checks", "pace", "space"];

function losses(found) {
  if (!found) return t("durability.none");
  const parts = [["drives", found.drives], ["nodes", found.nodes], ["racks", found.racks], ["zones", found.zones]];
  return parts.filter(([, count]) => count > 0).map(([kind, count]) => t(`durability.${kind}`, { count })).join(` ${t("durability.or")} `) || t("durability.nothing");
}

// Fewer drives than once it is healed: how bad that is.
function Risk({ one }) {
  if (!one.volumes || !one.now || !one.whole || one.now.drives >= one.whole.drives) return "";
  return one.now.drives > 0 ? html` <${Badge} state="warning">${t("durability.less")}<//>` : html` <${Badge} state="bad">${t("durability.last")}<//>`;
}

function Statement({ one }) {
  return html`<dl class="facts">
    <dt>${t("durability.now")}</dt><dd>${one.volumes ? losses(one.now) : t("durability.no_volumes")}<${Risk} one=${one} /></dd>
    <dt>${t("durability.whole")}</dt><dd>${one.volumes ? losses(one.whole) : "–"}</dd>
    <dt>${t("durability.new")}</dt><dd>${losses(one.new)} ${one.under_protected && html`<${Badge} state="warning">${t("durability.one_node")}<//>`}</dd>
    <dt>${t("durability.nines")}</dt><dd><strong>${number(one.nines, 1)}</strong> <span class="fine">${t("durability.model", { afr: percent(one.afr, 1), hours: duration(one.repair_hours * 3600), pace: bytes(one.repair_bytes_per_second) })}${" "}${one.measured ? t("durability.measured") : t("durability.assumed")}</span></dd>
  </dl>`;
}

function Overview({ status }) {
  const durability = useAdmin("/durability", { every: 60 });
  // It says what may be lost now: a drive that has just gone, or come back, does not wait a minute to be told.
  const standing = JSON.stringify([status.volumes_short_of_redundancy, status.drives.map((drive) => drive.state)]);
  const told = useRef(standing);
  useEffect(() => {
    if (told.current !== standing) durability.reload();
    told.current = standing;
  }, [standing]);
  return html`<div class="grid">${Object.entries(status.tiers).map(([name, tier]) => {
    const fill = tier.capacity_bytes ? tier.used_bytes / tier.capacity_bytes : null;
    const states = Object.entries(tier.drives).filter(([, count]) => count > 0);
    return html`<${Card} key=${name} title=${name} hint=${tier.profile} actions=${html`<a href=${link("here", { tier: name })}>${t("drive.tier_objects")}</a>`}>
      ${fill !== null && html`<${Meter} value=${fill} state=${fillState(fill)} label=${t("cluster.fill_of", { name })} text=${t("flow.filled", { part: percent(fill, 1), free: bytes(tier.free_bytes) })} />`}
      <dl class="facts tier-facts">
        <dt>${t("cluster.drives")}</dt><dd>${states.map(([state, count]) => html`<a href=${link("cluster", { tab: "drives", tier: name })}><${Badge} state=${{ up: "ok", suspect: "warning", draining: "info", gone: "bad" }[state]}>${number(count)} ${t(`state.${state}`)}<//></a> `)}</dd>
        <dt>${t("cluster.payload")}</dt><dd>${t("cluster.payload_in", { bytes: bytes(tier.data_bytes), count: tier.volumes })}</dd>
        <dt>${t("cluster.garbage")}</dt><dd>${bytes(tier.garbage_bytes)}${tier.data_bytes > 0 ? ` (${percent(tier.garbage_bytes / tier.data_bytes, 1)})` : ""}</dd>
      </dl>
      <h3>${t("durability.title")}</h3>
      ${durability.data?.tiers[name] ? html`<${Statement} one=${durability.data.tiers[name]} />` : !durability.error && html`<p class="soft">${t("shell.loading")}</p>`}<//>`;
  })}</div><${ErrorBox} error=${durability.error} retry=${durability.reload} />`;
}

export default function Cluster({ path, query }) {
  const load = useAdmin("/status", { every: REFRESH_SECONDS });
  if (path[0] === "drive" && path[1]) return html`<${DrivePage} id=${path[1]} status=${load} />`;
  const tab = TABS.includes(query.tab) ? query.tab : query.tier ? "drives" : "overview";
  const body = (status) => ({
    overview: () => html`<${Overview} status=${status} />`,
    drives: () => html`<${DriveTable} status=${status} tier=${query.tier} reload=${load.reload} />`,
    nodes: () => html`<${NodeTable} status=${status} />`,
    repair: () => html`<${Repair} tiers=${Object.keys(status.tiers)} />`,
    checks: () => html`<${Scrub} drives=${status.drives} />`,
    pace: () => html`<${Paces} />`,
    space: () => html`<${Space} />`,
  })[tab]();
  return html`<${Page} title=${t("nav.cluster")} lead=${t("cluster.lead")}>
    <${Tabs} label=${t("nav.cluster")} tabs=${TABS.map((key) => [key, t(`cluster.tab.${key}`)])} current=${tab} hrefOf=${(key) => link("cluster", { tab: key })} />
    <${Loaded} load=${load}>${(status) => html`<div class="row">
      <${Badge} state=${status.ready ? "ok" : "bad"}>${status.ready ? t("cluster.ready") : t("cluster.not_ready")}<//>
      ${status.volumes_short_of_redundancy
    ? html`<a href=${link("cluster", { tab: "repair" })}><${Badge} state="bad">${t("cluster.short", { count: status.volumes_short_of_redundancy, n: number(status.volumes_short_of_redundancy) })}<//></a>`
    : html`<${Badge} state="ok">${t("cluster.whole")}<//>`}</div>
      ${body(status)}`}<//>
  <//>`;
}

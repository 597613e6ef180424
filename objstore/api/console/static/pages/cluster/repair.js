// Repair: what waits, what was done, how long it will take; rebalancing of tiers.
import { html, useState } from "../../lib/dom.js";
import { admin } from "../../lib/api.js";
import { ago, bytes, duration, number, rate } from "../../lib/format.js";
import { t, tName } from "../../lib/i18n.js";
import { link } from "../../lib/router.js";
import { Badge, Button, Card, Confirm, Empty, ErrorBox, LinkButton, Loaded, Meter, Table, toast } from "../../lib/ui.js";
import { useAction, useAdmin } from "../../lib/use.js";

const STATES = { running: "info", done: "ok", finished: "ok", cancelled: "", failed: "bad" };

function Waiting({ rows, short }) {
  const columns = [
    { key: "kind", label: t("repair.kind"), render: (one) => tName("repair.kind", one.kind) },
    { key: "spare", label: t("repair.spare"), render: (one) => html`<${Badge} state=${one.spare <= 0 ? "bad" : one.spare === 1 ? "warning" : "info"}>${t("repair.can_lose", { count: one.spare })}<//>` },
    { key: "volumes", label: t("repair.volumes"), align: "end", render: (one) => number(one.volumes) },
    { key: "bytes", label: t("map.bytes"), align: "end", render: (one) => bytes(one.bytes) },
    { key: "taken", label: t("repair.taken"), align: "end", render: (one) => number(one.taken) },
    { key: "failing", label: t("repair.failing"), align: "end", render: (one) => number(one.failing) },
    { key: "oldest", label: t("repair.oldest"), render: (one) => ago(one.oldest) },
  ];
  // Of a drive that is only suspect nothing is rebuilt yet: it may come back.
  const empty = short
    ? html`<${Empty} icon="warning" title=${t("repair.not_yet", { count: short, n: number(short) })} action=${html`<${LinkButton} href=${link("cluster", { tab: "drives" })}>${t("cluster.tab.drives")}<//>`}>${t("repair.not_yet_hint")}<//>`
    : html`<${Empty} icon="check" title=${t("repair.nothing_waits")} />`;
  return html`<${Table} label=${t("repair.waiting")} columns=${columns} rows=${rows} empty=${empty} />`;
}

function Done({ rows }) {
  const columns = [
    { key: "kind", label: t("repair.kind"), render: (one) => tName("repair.kind", one.kind) },
    { key: "volumes", label: t("repair.volumes"), align: "end", render: (one) => number(one.volumes) },
    { key: "shards", label: t("drive.shards"), align: "end", render: (one) => number(one.shards) },
    { key: "bytes", label: t("map.bytes"), align: "end", render: (one) => bytes(one.bytes) },
    { key: "pace", label: t("repair.pace"), align: "end", render: (one) => rate(one.bytes_per_second) },
    { key: "lost", label: t("repair.lost"), align: "end", render: (one) => (one.lost_stripes ? html`<${Badge} state="bad">${number(one.lost_stripes)}<//>` : "0") },
    { key: "failures", label: t("repair.failures"), align: "end", render: (one) => number(one.failures) },
    { key: "last", label: t("repair.last"), render: (one) => html`${ago(one.last_done)}${one.last_error && html`<div class="fine"><bdi>${one.last_error}</bdi></div>`}` },
  ];
  return html`<${Table} label=${t("repair.done")} columns=${columns} rows=${rows} empty=${html`<${Empty} icon="info" title=${t("repair.nothing_done")} />`} />`;
}

function Rebalance({ tiers, jobs, reload }) {
  const [asked, setAsked] = useState(null);
  const { run, busy, error } = useAction(async ({ tier, end }) => {
    await admin(end ? "DELETE" : "POST", `/rebalance/${encodeURIComponent(tier)}`);
    toast(t(end ? "rebalance.ended" : "rebalance.started", { tier }));
    setAsked(null);
    reload();
  });
  return html`<${Card} title=${t("rebalance.title")} hint=${t("rebalance.hint")}><ul class="lines">${tiers.map((tier) => {
    const job = jobs.find((one) => one.tier === tier);
    const running = job?.state === "running";
    const part = job?.planned ? job.moved / job.planned : 0;
    return html`<li key=${tier}><strong>${tier}</strong>
      ${job ? html`<${Badge} state=${STATES[job.state] ?? ""}>${tName("rebalance.state", job.state)}<//><${Meter} value=${running ? part : 1} label=${t("rebalance.progress", { tier })}
        text=${t("rebalance.moved", { moved: number(job.moved), planned: number(job.planned), bytes: bytes(job.moved_bytes) })} />
        <span class="fine">${ago(job.finished ?? job.started)}${job.last_error ? ` · ${job.last_error}` : ""}</span>` : html`<span class="soft">${t("rebalance.never")}</span>`}
      <span class="push">${running ? html`<${Button} onClick=${() => setAsked({ tier, end: true })}>${t("rebalance.end")}<//>` : html`<${Button} onClick=${() => setAsked({ tier })}>${t("rebalance.start")}<//>`}</span></li>`;
  })}</ul>
    <${Confirm} open=${asked !== null} danger=${false} title=${asked ? t(asked.end ? "rebalance.end_title" : "rebalance.start_title", { tier: asked.tier }) : ""} submit=${asked?.end ? t("rebalance.end") : t("rebalance.start")}
      busy=${busy} error=${error} onClose=${() => setAsked(null)} onConfirm=${() => run(asked)}><p>${asked?.end ? t("rebalance.end_hint") : t("rebalance.start_hint")}</p><//><//>`;
}

export function Repair({ tiers }) {
  const load = useAdmin("/repair", { every: 3 });
  const heal = useAction(async () => {
    await admin("POST", "/repair/heal");
    toast(t("repair.looking"));
    load.reload();
  });
  return html`<${Loaded} load=${load}>${(data) => html`<div class="stack">
    <${Card} title=${t("repair.waiting")} hint=${data.remaining_seconds ? t("repair.eta", { time: duration(data.remaining_seconds) }) : t("repair.waiting_hint")}
      actions=${html`<${Button} icon="refresh" busy=${heal.busy} onClick=${heal.run}>${t("repair.heal_now")}<//>`}><${ErrorBox} error=${heal.error} /><${Waiting} rows=${data.waiting} short=${data.volumes_short_of_redundancy} /><//>
    <${Rebalance} tiers=${tiers} jobs=${data.rebalancing} reload=${load.reload} />
    <${Card} title=${t("repair.done")} hint=${t("repair.done_hint")}><${Done} rows=${data.done} /><//></div>`}<//>`;
}

// Jobs: what rules have to do, prefixes that are brought to the hot tier, backups of the metadata.
import { html, useState } from "../lib/dom.js";
import { admin } from "../lib/api.js";
import { ago, bytes, duration, number, short, time } from "../lib/format.js";
import { t, tName } from "../lib/i18n.js";
import { link, replace } from "../lib/router.js";
import { Badge, Button, Card, Confirm, Empty, ErrorBox, LinkButton, Loaded, Meter, Page, Select, Table, Tabs, toast } from "../lib/ui.js";
import { useAction, useAdmin } from "../lib/use.js";
import { Pins, WarmDialog } from "./jobs/hot.js";
import { actionText } from "../lib/acts.js";

const TABS = ["rules", "warm", "backups"];

function RuleWork({ bucket }) {
  const load = useAdmin(`/buckets/${encodeURIComponent(bucket)}/lifecycle/status`, { every: 5 });
  const columns = [
    { key: "rule", label: t("moves.rule"), render: (one) => html`<bdi>${one.rule || t("jobs.by_name")}</bdi>` },
    { key: "action", label: t("moves.action"), render: (one) => actionText(one.action) },
    { key: "backlog", label: t("moves.waiting"), align: "end", render: (one) => html`${number(one.backlog)} ${one.failing > 0 && html`<${Badge} state="bad">${t("moves.failing", { count: number(one.failing) })}<//>`}` },
    { key: "lag", label: t("jobs.lag"), align: "end", render: (one) => duration(one.lag_seconds) },
    { key: "done", label: t("moves.done"), align: "end", render: (one) => `${short(one.objects)} · ${bytes(one.bytes)}` },
    { key: "next", label: t("jobs.next_look"), render: (one) => ago(one.next_look) },
    { key: "error", label: t("jobs.last_error"), wide: true, render: (one) => (one.last_error ? html`<bdi>${one.last_error}</bdi>` : "–") },
  ];
  return html`<${Card} title=${bucket} actions=${html`<${LinkButton} href=${link("lifecycle", bucket)}>${t("map.rules_here")}<//>`}>
    <${Loaded} load=${load}>${(data) => html`<${Table} label=${t("jobs.of_bucket", { bucket })} columns=${columns} rows=${data.actions} empty=${html`<${Empty} title=${t("moves.none")} />`} />`}<//><//>`;
}

function Rules({ bucket }) {
  const load = useAdmin("/lifecycle/status", { every: 5 });
  const columns = [
    { key: "bucket", label: t("moves.bucket"), render: (one) => html`<a href=${link("jobs", { tab: "rules", bucket: one.bucket })}><bdi>${one.bucket}</bdi></a>` },
    { key: "backlog", label: t("moves.waiting"), align: "end", render: (one) => number(one.backlog) },
    { key: "failing", label: t("repair.failing"), align: "end", render: (one) => (one.failing ? html`<${Badge} state="bad">${number(one.failing)}<//>` : "0") },
    { key: "lag", label: t("jobs.lag"), align: "end", render: (one) => duration(one.lag_seconds) },
    { key: "objects", label: t("moves.done"), align: "end", render: (one) => `${short(one.objects)} · ${bytes(one.bytes)}` },
    { key: "errors", label: t("repair.failures"), align: "end", render: (one) => number(one.errors) },
  ];
  return html`<div class="stack"><${Card} title=${t("jobs.tab.rules")} hint=${load.data && t("jobs.sum", { count: number(load.data.backlog), time: duration(load.data.lag_seconds) })}>
    <${Loaded} load=${load}>${(data) => html`<${Table} label=${t("jobs.tab.rules")} columns=${columns} rows=${data.buckets} rowKey=${(one) => one.bucket}
      empty=${html`<${Empty} icon="lifecycle" title=${t("moves.none")} action=${html`<${LinkButton} href=${link("lifecycle")}>${t("moves.make")}<//>`}>${t("moves.none_hint")}<//>`} />`}<//><//>
    ${bucket && html`<${RuleWork} bucket=${bucket} />`}</div>`;
}

function WarmJobs({ bucket }) {
  const load = useAdmin("/warm", { query: { bucket }, every: 3 });
  const [open, setOpen] = useState(false);
  const [asked, setAsked] = useState(null);
  const cancel = useAction(async () => {
    await admin("DELETE", `/warm/${encodeURIComponent(asked.id)}`);
    setAsked(null);
    load.reload();
  });
  const columns = [
    { key: "prefix", label: t("warm.prefix"), render: (one) => html`<bdi>${one.prefix || t("warm.whole")}</bdi>` },
    { key: "state", label: t("drive.state"), render: (one) => html`<${Badge} state=${{ done: "ok", running: "info", failed: "bad" }[one.state] ?? ""}>${tName("warm.state", one.state)}<//>` },
    { key: "progress", label: t("walk.progress"), wide: true, render: (one) => html`<${Meter} value=${one.found_bytes ? one.bytes / one.found_bytes : one.finished ? 1 : 0} label=${t("walk.progress_of", { drive: one.prefix })}
      text=${`${bytes(one.bytes)} / ${bytes(one.found_bytes)}${one.complete ? "" : "+"}`} />` },
    { key: "eta", label: t("walk.eta"), align: "end", render: (one) => duration(one.remaining_seconds) },
    { key: "created", label: t("jobs.begun"), render: (one) => ago(one.created) },
    { key: "act", label: t("jobs.act"), align: "end", render: (one) => (one.finished ? "" : html`<${Button} onClick=${() => setAsked(one)}>${t("action.cancel")}<//>`) },
  ];
  return html`<${Card} title=${t("warm.of", { bucket })} actions=${html`<${Button} kind="primary" icon="plus" onClick=${() => setOpen(true)}>${t("warm.start")}<//>`}>
    <${Loaded} load=${load}>${(data) => html`<${Table} label=${t("warm.of", { bucket })} columns=${columns} rows=${data.jobs} rowKey=${(one) => one.id} empty=${html`<${Empty} icon="jobs" title=${t("warm.none")}>${t("warm.none_hint")}<//>`} />`}<//>
    ${open && html`<${WarmDialog} bucket=${bucket} onClose=${() => setOpen(false)} onDone=${load.reload} />`}
    <${Confirm} open=${asked !== null} title=${t("warm.end_title")} submit=${t("warm.end")} busy=${cancel.busy} error=${cancel.error} onClose=${() => setAsked(null)} onConfirm=${cancel.run}><p>${t("warm.end_hint")}</p><//><//>`;
}

function Warm({ bucket }) {
  const load = useAdmin("/buckets", { query: { limit: 1000 } });
  return html`<${Loaded} load=${load}>${(data) => {
    const names = data.buckets.map((one) => one.name);
    const chosen = bucket || names[0];
    if (!chosen) return html`<${Empty} icon="buckets" title=${t("map.no_buckets")} action=${html`<${LinkButton} kind="primary" href=${link("buckets")}>${t("map.create")}<//>`} />`;
    return html`<div class="stack"><div class="row"><${Select} label=${t("moves.bucket")} value=${chosen} options=${names.map((name) => [name, name])} onValue=${(name) => replace("jobs", { tab: "warm", bucket: name })} /></div>
      <${WarmJobs} key=${chosen} bucket=${chosen} /><${Pins} key=${`pins/${chosen}`} bucket=${chosen} /></div>`;
  }}<//>`;
}

function Backups() {
  const load = useAdmin("/backups", { every: 30 });
  const { run, busy, error } = useAction(async () => {
    await admin("POST", "/backups");
    toast(t("backup.made"));
    load.reload();
  });
  const columns = [
    { key: "taken", label: t("backup.taken"), render: (one) => html`${time(one.taken)} <span class="fine">${ago(one.taken)}</span>` },
    { key: "full", label: t("backup.kind"), render: (one) => (one.full ? t("backup.full") : t("backup.part")) },
    { key: "bytes", label: t("map.bytes"), align: "end", render: (one) => bytes(one.bytes) },
    { key: "name", label: t("map.name"), render: (one) => html`<code>${one.name}</code>` },
  ];
  return html`<${Card} title=${t("jobs.tab.backups")} hint=${t("backup.hint")} actions=${html`<${Button} icon="plus" kind="primary" busy=${busy} onClick=${run}>${t("backup.make")}<//>`}><${ErrorBox} error=${error} />
    <${Loaded} load=${load}>${(data) => html`<${Table} label=${t("jobs.tab.backups")} columns=${columns} rows=${[...data.backups].reverse()} rowKey=${(one) => one.name} empty=${html`<${Empty} icon="file" title=${t("backup.none")}>${t("backup.none_hint")}<//>`} />`}<//><//>`;
}

export default function Jobs({ query }) {
  const tab = TABS.includes(query.tab) ? query.tab : "rules";
  return html`<${Page} title=${t("nav.jobs")} lead=${t("jobs.lead")}>
    <${Tabs} label=${t("nav.jobs")} tabs=${TABS.map((key) => [key, t(`jobs.tab.${key}`)])} current=${tab} hrefOf=${(key) => link("jobs", { tab: key })} />
    ${tab === "rules" ? html`<${Rules} bucket=${query.bucket} />` : tab === "warm" ? html`<${Warm} bucket=${query.bucket} />` : html`<${Backups} />`}
  <//>`;
}

// Events: what waits for whom. Audit: who did what.
import { html, useState } from "../lib/dom.js";
import { ago, bytes, clockTime, number, time } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { link } from "../lib/router.js";
import { Badge, Button, Card, Choice, Empty, Loaded, Notice, Page, Table, Tabs, TextField } from "../lib/ui.js";
import { useAdmin } from "../lib/use.js";

const TABS = ["events", "audit"];

function Targets() {
  const load = useAdmin("/events", { every: 5 });
  const columns = [
    { key: "name", label: t("events.target"), render: (one) => html`<strong><bdi>${one.name}</bdi></strong> ${!one.configured && html`<${Badge} state="warning">${t("events.not_configured")}<//>`}` },
    { key: "state", label: t("drive.state"), render: (one) => html`<${Badge} state=${one.attempts > 0 ? "bad" : "ok"}>${one.attempts > 0 ? t("events.failing", { count: number(one.attempts) }) : t("events.fine")}<//>` },
    { key: "waiting", label: t("moves.waiting"), align: "end", render: (one) => number(one.waiting) },
    { key: "oldest", label: t("repair.oldest"), render: (one) => ago(one.oldest) },
    { key: "error", label: t("jobs.last_error"), wide: true, render: (one) => (one.last_error ? html`<bdi>${one.last_error}</bdi>` : "–") },
  ];
  return html`<${Card} title=${t("events.title")} hint=${t("events.hint")}><${Loaded} load=${load}>${(data) => html`<${Table} label=${t("events.title")} columns=${columns} rows=${data.targets} rowKey=${(one) => one.name}
    empty=${html`<${Empty} icon="events" title=${t("events.none")}>${t("events.none_hint")}<//>`} />`}<//><//>`;
}

function Audit() {
  const [only, setOnly] = useState("all");
  const [text, setText] = useState("");
  const [asked, setAsked] = useState("");
  const [paused, setPaused] = useState(false);
  const load = useAdmin("/audit", { query: { limit: 200, contains: asked || undefined, denied: only === "denied" ? true : undefined }, every: 5, paused });
  const find = (event) => {
    event.preventDefault();
    setAsked(text);
  };
  const columns = [
    { key: "time", label: t("audit.time"), render: (one) => html`<span class="nowrap" title=${time(one.time)}>${clockTime(one.time)}</span>` },
    { key: "who", label: t("audit.who"), render: (one) => html`<bdi title=${one.principal}>${one.principal ? one.principal.replace(/^.*:/, "") : t("audit.nobody")}</bdi><div class="fine"><bdi>${one.remote}</bdi></div>` },
    { key: "operation", label: t("audit.what"), render: (one) => html`<bdi>${one.operation}</bdi>` },
    { key: "place", label: t("audit.where"), wide: true, render: (one) => html`<bdi>${one.bucket === "-" ? "" : [one.bucket, one.key].filter(Boolean).join("/")}</bdi>` },
    { key: "status", label: t("audit.status"), render: (one) => html`<${Badge} state=${one.allowed ? (one.status < 400 ? "ok" : "warning") : "bad"}>${one.status}${one.error ? ` ${one.error}` : ""}<//>` },
    { key: "sent", label: t("audit.sent"), align: "end", render: (one) => bytes(one.bytes_sent) },
    { key: "id", label: t("audit.request"), render: (one) => html`<code class="nowrap">${one.request_id}</code>` },
  ];
  const actions = html`<${Choice} label=${t("audit.show")} value=${only} onValue=${setOnly} options=${[["all", t("audit.all")], ["denied", t("audit.denied")]]} />
    <${Button} icon=${paused ? "play" : "pause"} onClick=${() => setPaused(!paused)}>${paused ? t("picture.thaw") : t("picture.freeze")}<//>`;
  return html`<${Card} title=${t("audit.title")} hint=${t("audit.hint")} actions=${actions}>
    <form class="row audit-find" onSubmit=${find}><${TextField} label=${t("audit.contains")} placeholder=${t("audit.contains_hint")} value=${text} onValue=${setText} spellcheck=${false} /><${Button} type="submit" icon="search">${t("audit.find")}<//></form>
    <${Loaded} load=${load}>${(data) => (data.enabled ? html`<${Table} label=${t("audit.title")} columns=${columns} rows=${data.records} rowKey=${(one) => one.request_id + one.time} empty=${html`<${Empty} icon="audit" title=${t("audit.none")} />`} />`
    : html`<${Notice} title=${t("audit.off")}>${t("audit.off_hint")} <code>audit_file = "/var/log/objstore/audit.jsonl"</code><//>`)}<//><//>`;
}

export default function Events({ query }) {
  const tab = TABS.includes(query.tab) ? query.tab : "events";
  return html`<${Page} title=${t("nav.events")} lead=${t("events.lead")}>
    <${Tabs} label=${t("nav.events")} tabs=${TABS.map((key) => [key, t(`events.tab.${key}`)])} current=${tab} hrefOf=${(key) => link("events", { tab: key })} />
    ${tab === "events" ? html`<${Targets} />` : html`<${Audit} />`}
  <//>`;
}

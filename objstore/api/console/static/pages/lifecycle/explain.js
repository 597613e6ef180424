// What the rules do with one object: when, by which rule, and why not yet.
import { html, useEffect, useState } from "../../lib/dom.js";
import { admin } from "../../lib/api.js";
import { ago, bytes, number, time } from "../../lib/format.js";
import { t, tName } from "../../lib/i18n.js";
import { visible } from "../../lib/names.js";
import { link, replace } from "../../lib/router.js";
import { Badge, Button, Card, ErrorBox, Notice, Table, TextField } from "../../lib/ui.js";
import { useAction } from "../../lib/use.js";

const STATES = { due: "warning", waiting: "info", done: "ok", pinned: "info", overruled: "" };

export function Explain({ bucket, query }) {
  const [key, setKey] = useState(query.key ?? "");
  const [version, setVersion] = useState(query.version ?? "");
  const [data, setData] = useState(null);
  const ask = useAction((wanted, versionId) => admin("GET", `/buckets/${encodeURIComponent(bucket)}/lifecycle/explain`, { query: { key: wanted, versionId: versionId || null } }));
  const run = async (wanted, versionId) => setData((await ask.run(wanted, versionId)) ?? null);
  useEffect(() => {
    if (query.key) run(query.key, query.version);
  }, []);
  const submit = (event) => {
    event.preventDefault();
    if (!key) return;
    replace("lifecycle", bucket, "explain", { key, version });
    run(key, version);
  };
  return html`<${Card} title=${t("lifecycle.tab.explain")} hint=${t("explain.hint")}><form class="form" onSubmit=${submit}>
      <div class="form-row"><${TextField} label=${t("explain.key")} value=${key} onValue=${setKey} spellcheck=${false} autocomplete="off" />
        <${TextField} label=${t("explain.version")} value=${version} onValue=${setVersion} spellcheck=${false} autocomplete="off" /></div>
      <div><${Button} type="submit" kind="primary" busy=${ask.busy}>${t("explain.explain")}<//></div></form><//>
    <${ErrorBox} error=${ask.error} />${data && html`<${Explained} bucket=${bucket} data=${data} />`}`;
}

const stepText = (step) => t("explain.step", { kind: tName("explain.kind", step.kind), to: step.storage_class || step.access_tier || step.tier || "", rule: step.rule || t("lifecycle.by_itself"), time: time(step.due) });

function Explained({ bucket, data }) {
  const { version } = data;
  const facts = [
    ["key", html`<a href=${link("buckets", bucket, "object", { key: version.key })}><bdi>${visible(version.key)}</bdi></a>`], ["version", html`<code>${version.version_id}</code>`],
    ["size", bytes(version.size)], ["class", version.storage_class], ["tier", html`${version.tier} ${version.access_tier}`], ["modified", `${time(version.modified)} (${ago(version.modified)})`],
    ["accessed", version.accessed ? version.accessed.slice(0, 10) : "–"], ["heat", number(version.heat, 2)], ["tags", html`<bdi>${Object.entries(version.tags).map(([name, value]) => visible(`${name}=${value}`)).join(", ") || "–"}</bdi>`],
  ];
  const columns = [
    { key: "rule", label: t("lifecycle.rule"), wide: true, render: (row) => html`<bdi>${row.rule || t("lifecycle.by_itself")}</bdi>` },
    { key: "state", label: t("explain.state"), render: (row) => html`<${Badge} state=${STATES[row.state] ?? ""}>${tName("explain.state", row.state)}<//>` },
    { key: "action", label: t("lifecycle.action"), render: (row) => `${tName("explain.kind", row.action)} ${row.storage_class || row.access_tier || row.tier || ""}` },
    { key: "due", label: t("explain.due"), render: (row) => (row.due ? html`<span class="nowrap">${time(row.due)}</span>` : "–") },
    { key: "why", label: t("explain.why"), render: (row) => html`<bdi>${row.why}</bdi>` },
  ];
  return html`<${Notice} state=${data.now ? "warning" : "info"} title=${t(data.now ? "explain.now" : "explain.next")}>${data.now ? stepText(data.now) : data.next ? stepText(data.next) : t("explain.nothing")}<//>
    ${data.queued.map((one) => html`<${Notice} state=${one.last_error ? "bad" : "info"} title=${t("explain.queued")}>${t("explain.queued_text", { rule: one.rule || t("lifecycle.by_itself"), since: ago(one.due), n: one.attempts })} <bdi>${one.last_error ?? ""}</bdi><//>`)}
    <${Card} title=${t("explain.seen")}><dl class="facts">${facts.map(([name, value]) => html`<dt>${t(`explain.fact.${name}`)}</dt><dd>${value}</dd>`)}</dl><//>
    <${Card} title=${t("explain.rules")}><${Table} label=${t("explain.rules")} columns=${columns} rows=${data.rules} empty=${html`<p class="soft">${t("explain.no_rules")}</p>`} /><//>`;
}

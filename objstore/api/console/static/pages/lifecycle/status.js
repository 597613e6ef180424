// One bucket's rules at work: what waits, how late it is, what was done, what failed.
import { actionText } from "../../lib/acts.js";
import { html } from "../../lib/dom.js";
import { ago, bytes, duration, number } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { Badge, Card, Empty, Loaded, Table } from "../../lib/ui.js";
import { useAdmin } from "../../lib/use.js";

export function Status({ bucket }) {
  const load = useAdmin(`/buckets/${encodeURIComponent(bucket)}/lifecycle/status`, { every: 5 });
  return html`<${Card} title=${t("lifecycle.tab.status")} hint=${t("lifecycle.status_hint")}><${Loaded} load=${load}>${(data) => html`<${Actions} data=${data} />`}<//><//>`;
}

function Actions({ data }) {
  const columns = [
    { key: "rule", label: t("lifecycle.rule"), wide: true, render: (row) => html`<bdi>${row.rule || t("lifecycle.by_itself")}</bdi>` },
    { key: "action", label: t("lifecycle.action"), render: (row) => html`<span title=${row.action}>${actionText(row.action)}</span>` },
    { key: "backlog", label: t("lifecycle.backlog"), align: "end", render: (row) => number(row.backlog) },
    { key: "lag", label: t("lifecycle.lag"), align: "end", render: (row) => (row.backlog ? duration(row.lag_seconds) : "–") },
    { key: "done", label: t("lifecycle.done"), align: "end", render: (row) => `${number(row.objects)} · ${bytes(row.bytes)}` },
    { key: "last", label: t("lifecycle.last"), render: (row) => ago(row.last_done) },
    { key: "seen", label: t("lifecycle.seen_until"), render: (row) => ago(row.seen_until) },
    { key: "error", label: t("lifecycle.errors"), render: (row) => (row.failing || row.last_error ? html`<${Badge} state=${row.failing ? "bad" : "warning"}>${number(row.failing || row.errors)}<//> <span class="fine"><bdi>${row.last_error ?? ""}</bdi></span>` : "–") },
  ];
  return html`<p class="figures"><span><strong>${number(data.backlog)}</strong> ${t("lifecycle.backlog_all")}</span>${data.backlog > 0 && html`<span><strong>${duration(data.lag_seconds)}</strong> ${t("lifecycle.lag_all")}</span>`}</p>
    <${Table} label=${t("lifecycle.tab.status")} columns=${columns} rows=${data.actions} rowKey=${(row) => `${row.rule}/${row.action}`} empty=${html`<${Empty} icon="lifecycle" title=${t("lifecycle.nothing_done")} />`} />`;
}

// What waits in all buckets, and the way to each one's rules.
import { html, useState } from "../../lib/dom.js";
import { bytes, duration, number } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { go, link } from "../../lib/router.js";
import { Badge, Button, Card, Empty, Field, Loaded, Table } from "../../lib/ui.js";
import { useAdmin } from "../../lib/use.js";

export function Everywhere() {
  const status = useAdmin("/lifecycle/status", { every: 10 });
  const buckets = useAdmin("/buckets", { query: { limit: 1000 } });
  const [name, setName] = useState("");
  const open = (event) => {
    event.preventDefault();
    if (name.trim()) go("lifecycle", name.trim());
  };
  return html`<${Card} title=${t("lifecycle.open")}><form class="row" onSubmit=${open}>
      <${Field} label=${t("buckets.name")}>${(id) => html`<input id=${id} type="text" list="lifecycle-buckets" value=${name} onInput=${(event) => setName(event.currentTarget.value)} autocomplete="off" spellcheck=${false} />`}<//>
      <datalist id="lifecycle-buckets">${(buckets.data?.buckets ?? []).map((one) => html`<option value=${one.name} />`)}</datalist>
      <${Button} type="submit" kind="primary">${t("lifecycle.edit_rules")}<//></form><//>
    <${Card} title=${t("lifecycle.waiting")} hint=${t("lifecycle.waiting_hint")}><${Loaded} load=${status}>${(data) => html`<${Sums} data=${data} />`}<//><//>`;
}

function Sums({ data }) {
  const columns = [
    { key: "bucket", label: t("buckets.name"), wide: true, render: (row) => html`<a href=${link("lifecycle", row.bucket)}><bdi>${row.bucket}</bdi></a>` },
    { key: "backlog", label: t("lifecycle.backlog"), align: "end", render: (row) => number(row.backlog) },
    { key: "lag", label: t("lifecycle.lag"), align: "end", render: (row) => (row.backlog ? duration(row.lag_seconds) : "–") },
    { key: "failing", label: t("lifecycle.failing"), align: "end", render: (row) => (row.failing ? html`<${Badge} state="bad">${number(row.failing)}<//>` : "0") },
    { key: "objects", label: t("lifecycle.done_objects"), align: "end", render: (row) => number(row.objects) },
    { key: "bytes", label: t("lifecycle.done_bytes"), align: "end", render: (row) => bytes(row.bytes) },
  ];
  return html`<p class="figures"><span><strong>${number(data.backlog)}</strong> ${t("lifecycle.backlog_all")}</span><span><strong>${data.backlog ? duration(data.lag_seconds) : "–"}</strong> ${t("lifecycle.lag_all")}</span></p>
    <${Table} label=${t("lifecycle.waiting")} columns=${columns} rows=${data.buckets} rowKey=${(row) => row.bucket} empty=${html`<${Empty} icon="lifecycle" title=${t("lifecycle.none_yet")}>${t("lifecycle.none_yet_hint")}<//>`} />`;
}

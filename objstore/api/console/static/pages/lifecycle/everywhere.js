// All buckets with what waits in them, and the way to each one's rules.
import { html, useState } from "../../lib/dom.js";
import { bytes, duration, number } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { link } from "../../lib/router.js";
import { Badge, Card, Empty, Loaded, Table } from "../../lib/ui.js";
import { useAdmin } from "../../lib/use.js";

const BUCKETS_MAX = 1000;
const NOTHING = { backlog: 0, failing: 0, lag_seconds: 0, objects: 0, bytes: 0, errors: 0 };

export function Everywhere() {
  const status = useAdmin("/lifecycle/status", { every: 10 });
  const buckets = useAdmin("/buckets", { query: { limit: BUCKETS_MAX } });
  return html`<${Card} title=${t("lifecycle.waiting")} hint=${t("lifecycle.waiting_hint")}><${Loaded} load=${status}>${(data) => html`<${Sums} data=${data} all=${buckets.data?.buckets ?? []} />`}<//><//>`;
}

function Sums({ data, all }) {
  const [filter, setFilter] = useState("");
  const known = new Map(data.buckets.map((one) => [one.bucket, one]));
  const others = all.filter((one) => !known.has(one.name)).map((one) => ({ bucket: one.name, ...NOTHING }));
  const rows = [...data.buckets, ...others].filter((row) => row.bucket.includes(filter.trim()));
  const columns = [
    { key: "bucket", label: t("buckets.name"), wide: true, render: (row) => html`<a href=${link("lifecycle", row.bucket)}><bdi>${row.bucket}</bdi></a>` },
    { key: "backlog", label: t("lifecycle.backlog"), align: "end", render: (row) => number(row.backlog) },
    { key: "lag", label: t("lifecycle.lag"), align: "end", render: (row) => (row.backlog ? duration(row.lag_seconds) : "–") },
    { key: "failing", label: t("lifecycle.failing"), align: "end", render: (row) => (row.failing ? html`<${Badge} state="bad">${number(row.failing)}<//>` : "0") },
    { key: "objects", label: t("lifecycle.done_objects"), align: "end", render: (row) => number(row.objects) },
    { key: "bytes", label: t("lifecycle.done_bytes"), align: "end", render: (row) => bytes(row.bytes) },
  ];
  return html`<p class="figures"><span><strong>${number(data.backlog)}</strong> ${t("lifecycle.backlog_all")}</span>
      ${data.backlog > 0 && html`<span><strong>${duration(data.lag_seconds)}</strong> ${t("lifecycle.lag_all")}</span>`}</p>
    <div class="toolbar"><input type="search" aria-label=${t("buckets.filter")} placeholder=${t("buckets.filter")} value=${filter} onInput=${(event) => setFilter(event.currentTarget.value)} /></div>
    <${Table} label=${t("lifecycle.waiting")} columns=${columns} rows=${rows} rowKey=${(row) => row.bucket} empty=${html`<${Empty} icon="lifecycle" title=${t("buckets.none")} />`} />`;
}

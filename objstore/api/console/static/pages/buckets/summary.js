// What a bucket holds: by class and tier, by age of the last access, and what waits in it.
import { html } from "../../lib/dom.js";
import { session } from "../../lib/api.js";
import { bytes, number, percent } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { visible } from "../../lib/names.js";
import { link } from "../../lib/router.js";
import { Badge, Card, Empty, Loaded, Meter, Notice, Table } from "../../lib/ui.js";
import { useAdmin } from "../../lib/use.js";

export function Summary({ bucket }) {
  if (!session.value.root) return html`<${Notice}>${t("summary.root_only")}<//>`;
  return html`<${Of} bucket=${bucket} />`;
}

function Of({ bucket }) {
  const savings = useAdmin("/savings", { query: { bucket } });
  const heat = useAdmin(`/buckets/${encodeURIComponent(bucket)}/heat`);
  const prefixes = useAdmin(`/buckets/${encodeURIComponent(bucket)}/heat`, { query: { by: "prefix" } });
  return html`<div class="grid">
    <${Card} title=${t("summary.stored")} hint=${t("summary.stored_hint")}><${Loaded} load=${savings}>${(data) => html`<${Stored} data=${data} />`}<//><//>
    <${Card} title=${t("summary.ages")} hint=${t("summary.ages_hint")}><${Loaded} load=${heat}>${(data) => html`<${Ages} heat=${data.heat} />`}<//><//></div>
    <${Card} title=${t("summary.prefixes")}><${Loaded} load=${prefixes}>${(data) => html`<${Prefixes} bucket=${bucket} heat=${data.heat} />`}<//><//>`;
}

function Stored({ data }) {
  const columns = [
    { key: "storage_class", label: t("objects.class"), render: (row) => html`${row.storage_class}${row.noncurrent && html` <${Badge}>${t("summary.noncurrent")}<//>`}` },
    { key: "tier", label: t("search.tier") },
    { key: "objects", label: t("buckets.objects"), align: "end", render: (row) => number(row.objects) },
    { key: "bytes", label: t("buckets.bytes"), align: "end", render: (row) => bytes(row.bytes) },
    { key: "raw", label: t("summary.raw"), align: "end", render: (row) => bytes(row.raw_bytes) },
  ];
  return html`<${Table} label=${t("summary.stored")} columns=${columns} rows=${data.classes} empty=${html`<${Empty} title=${t("summary.nothing")} />`} />`;
}

const ageText = ({ from_days: from, to_days: to }) => (to === null ? t("summary.older", { n: from }) : t("summary.between", { from, to }));

function Ages({ heat }) {
  const steps = heat.flatMap((one) => one.ages.map((age) => ({ ...age, tier: one.tier }))).sort((a, b) => a.from_days - b.from_days);
  const most = Math.max(...steps.map((one) => one.bytes), 1);
  const columns = [
    { key: "age", label: t("summary.age"), render: ageText },
    { key: "tier", label: t("search.tier") },
    { key: "objects", label: t("buckets.objects"), align: "end", render: (row) => number(row.objects) },
    { key: "bytes", label: t("buckets.bytes"), render: (row) => html`<${Meter} value=${row.bytes / most} label=${t("summary.share", { part: percent(row.bytes / most) })} text=${bytes(row.bytes)} />` },
  ];
  return html`<${Table} label=${t("summary.ages")} columns=${columns} rows=${steps} empty=${html`<${Empty} title=${t("summary.nothing")} />`} />`;
}

const PREFIXES_SHOWN = 50;

function Prefixes({ bucket, heat }) {
  const sums = new Map();
  for (const one of heat) {
    const sum = sums.get(one.prefix) ?? { prefix: one.prefix, objects: 0, bytes: 0, tiers: new Set() };
    sums.set(one.prefix, { ...sum, objects: sum.objects + one.objects, bytes: sum.bytes + one.bytes, tiers: sum.tiers.add(one.tier) });
  }
  const rows = [...sums.values()].sort((a, b) => b.bytes - a.bytes).slice(0, PREFIXES_SHOWN);
  const columns = [
    { key: "prefix", label: t("objects.prefix"), wide: true, render: (row) => html`<a href=${link("buckets", bucket, { prefix: row.prefix })}><bdi>${visible(row.prefix) || t("summary.top")}</bdi></a>` },
    { key: "tiers", label: t("search.tier"), render: (row) => [...row.tiers].join(", ") },
    { key: "objects", label: t("buckets.objects"), align: "end", render: (row) => number(row.objects) },
    { key: "bytes", label: t("buckets.bytes"), align: "end", render: (row) => bytes(row.bytes) },
  ];
  return html`<${Table} label=${t("summary.prefixes")} columns=${columns} rows=${rows} empty=${html`<${Empty} title=${t("summary.nothing")} />`} />`;
}

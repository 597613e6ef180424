// Objects of a bucket that match a search, page by page. A page looks at a limited number of objects: it may find none
// and still have more to look at, so it goes on by itself for a while.
import { html, useRef, useState } from "../../lib/dom.js";
import { admin, isAborted } from "../../lib/api.js";
import { ago, bytes, number } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { visible } from "../../lib/names.js";
import { link } from "../../lib/router.js";
import { Badge, Button, Card, Empty, ErrorBox, Notice, Table } from "../../lib/ui.js";
import { useAction } from "../../lib/use.js";

const LIMIT = 50;
const PAGES_BY_ITSELF = 20;
const SIZES = { B: 1, KIB: 1024, MIB: 1024 ** 2, GIB: 1024 ** 3, TIB: 1024 ** 4, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };
export const FIELDS = ["prefix", "contains", "etag", "tier", "storage_class", "older_than_days", "newer_than_days", "idle_days", "used_within_days"];

/** "10 MiB" → bytes; null for nothing, NaN for what is no size. */
export function sizeOf(text) {
  if (!text?.trim()) return null;
  const found = /^\s*([\d.]+)\s*([a-z]*)\s*$/i.exec(text);
  return found ? Math.round(Number(found[1]) * (SIZES[found[2].toUpperCase() || "B"] ?? NaN)) : NaN;
}

const list = (text) => (text ?? "").split(/[,\n]/).map((one) => one.trim()).filter(Boolean);

async function pageOf(bucket, wanted, after, signal) {
  const pairs = FIELDS.filter((name) => wanted[name]).map((name) => [name, String(wanted[name]).trim()]);
  for (const name of ["tag", "meta"]) pairs.push(...list(wanted[name]).map((one) => [name, one]));
  for (const name of ["size_min", "size_max"]) if (wanted[name]) pairs.push([name, sizeOf(wanted[name])]);
  if (after) pairs.push(["after", after]);
  const query = pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
  return admin("GET", `/buckets/${encodeURIComponent(bucket)}/search?limit=${LIMIT}&${query}`, { signal });
}

/** {found: {rows, next, until} or null, run(bucket, wanted, goOn), busy, error, clear}. `keep(row)`: whether to show it. */
export function useFound(keep = () => true) {
  const [found, setFound] = useState(null);
  const running = useRef(null);
  const action = useAction(async (bucket, wanted, goOn) => {
    running.current?.abort();
    const controller = (running.current = new AbortController());
    let rows = goOn ? found.rows : [];
    let next = goOn ? found.next : null;
    const enough = rows.length + LIMIT;
    if (!goOn) setFound(null);
    try {
      for (let pages = 0; pages < PAGES_BY_ITSELF; pages += 1) {
        const page = await pageOf(bucket, wanted, next, controller.signal);
        rows = [...rows, ...page.objects.filter(keep)];
        next = page.next;
        setFound({ rows, next, until: page.looked_until });
        if (!next || rows.length >= enough) break;
      }
    } catch (error) {
      if (!isAborted(error)) throw error;
    }
  });
  return { ...action, found, clear: () => setFound(null) };
}

/** The results. `search`: of useFound; `goOn()`: look further. */
export function Found({ bucket, search, goOn, title, actions }) {
  const { found, busy, error } = search;
  const columns = [
    { key: "key", label: t("objects.name"), wide: true, render: (row) => html`<a class="name" href=${link("buckets", bucket, "object", { key: row.key })}><bdi>${visible(row.key)}</bdi></a>` },
    { key: "size", label: t("objects.size"), align: "end", render: (row) => bytes(row.size) },
    { key: "modified", label: t("objects.modified"), render: (row) => html`<span class="nowrap">${ago(row.modified)}</span>` },
    { key: "used", label: t("search.used"), render: (row) => html`<span class="nowrap">${row.idle_days ? t("search.used_days", { count: row.idle_days }) : t("heat.band.today")}</span>` },
    { key: "tier", label: t("search.tier"), render: (row) => html`<${Badge}>${row.tier}<//>` },
    { key: "storage_class", label: t("objects.class") },
    { key: "heat", label: t("search.heat"), align: "end", render: (row) => number(row.heat, 1) },
    { key: "pairs", label: t("search.pairs"), render: (row) => html`<span class="fine"><bdi>${[...Object.entries(row.tags), ...Object.entries(row.meta)].slice(0, 6).map(([name, value]) => visible(`${name}=${value}`)).join(", ")}</bdi></span>` },
  ];
  const rows = found?.rows ?? [];
  return html`<${Card} title=${title ?? t("search.found", { count: rows.length, n: rows.length })} hint=${title && found ? t("search.found", { count: rows.length, n: rows.length }) : undefined} actions=${actions}>
    <${ErrorBox} error=${error} />
    <${Table} label=${t("search.results")} columns=${columns} rows=${rows} rowKey=${(row) => row.key} busy=${busy}
      empty=${!error && found && !found.next && html`<${Empty} icon="search" title=${t("search.none")} />`} />
    ${!busy && found?.next && html`<${Notice} actions=${html`<${Button} onClick=${goOn}>${t("search.go_on")}<//>`}>${t("search.looked", { key: visible(found.until) })}<//>`}
  <//>`;
}

// Search over the objects of a bucket by what they are. A page looks at a limited number of objects: it may find none
// and still have more to look at, so it goes on by itself for a while.
import { html, useRef, useState } from "../../lib/dom.js";
import { admin, isAborted } from "../../lib/api.js";
import { ago, bytes, number } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { visible } from "../../lib/names.js";
import { link, replace } from "../../lib/router.js";
import { Badge, Button, Card, Empty, ErrorBox, Notice, Select, Spinner, Table, TextField } from "../../lib/ui.js";
import { useAction } from "../../lib/use.js";

const LIMIT = 50;
const PAGES_BY_ITSELF = 20;
const SIZES = { B: 1, KIB: 1024, MIB: 1024 ** 2, GIB: 1024 ** 3, TIB: 1024 ** 4, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };
const CLASSES = ["STANDARD", "INTELLIGENT_TIERING", "STANDARD_IA", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"];

/** "10 MiB" → bytes; null for nothing, NaN for what is no size. */
export function sizeOf(text) {
  if (!text?.trim()) return null;
  const found = /^\s*([\d.]+)\s*([a-z]*)\s*$/i.exec(text);
  return found ? Math.round(Number(found[1]) * (SIZES[found[2].toUpperCase() || "B"] ?? NaN)) : NaN;
}

const list = (text) => (text ?? "").split(/[,\n]/).map((one) => one.trim()).filter(Boolean);

async function pageOf(bucket, wanted, after, signal) {
  const pairs = ["prefix", "contains", "etag", "tier", "storage_class", "older_than_days", "newer_than_days", "idle_days"]
    .filter((name) => wanted[name]).map((name) => [name, wanted[name].trim()]);
  for (const name of ["tag", "meta"]) pairs.push(...list(wanted[name]).map((one) => [name, one]));
  for (const name of ["size_min", "size_max"]) if (wanted[name]) pairs.push([name, sizeOf(wanted[name])]);
  if (after) pairs.push(["after", after]);
  const query = pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
  return admin("GET", `/buckets/${encodeURIComponent(bucket)}/search?limit=${LIMIT}&${query}`, { signal });
}

export function Search({ bucket, query }) {
  const [wanted, setWanted] = useState(query);
  const [found, setFound] = useState(null);
  const running = useRef(null);
  const run = useAction(async (goOn) => {
    running.current?.abort();
    const controller = (running.current = new AbortController());
    let rows = goOn ? found.rows : [];
    let next = goOn ? found.next : null;
    try {
      for (let pages = 0; pages < PAGES_BY_ITSELF; pages += 1) {
        const page = await pageOf(bucket, wanted, next, controller.signal);
        rows = [...rows, ...page.objects];
        next = page.next;
        setFound({ rows, next, until: page.looked_until });
        if (!next || page.objects.length >= LIMIT) break;
      }
    } catch (error) {
      if (!isAborted(error)) throw error;
    }
  });
  const search = (event) => {
    event.preventDefault();
    replace("buckets", bucket, "search", wanted);
    run.run(false);
  };
  const field = (name, more = {}) => html`<${TextField} label=${t(`search.${name}`)} value=${wanted[name] ?? ""} onValue=${(value) => setWanted({ ...wanted, [name]: value })} spellcheck=${false} ...${more} />`;
  const wrong = (name) => (Number.isNaN(sizeOf(wanted[name])) ? t("search.size_wrong") : "");
  const any = [["", t("search.any")]];
  return html`<${Card} title=${t("search.title")} hint=${t("search.hint")}>
    <form class="form" onSubmit=${search} role="search" aria-label=${t("search.title")}>
      <div class="form-row">${field("prefix")}${field("contains")}${field("tag", { hint: t("search.pairs_hint") })}${field("meta", { hint: t("search.pairs_hint") })}</div>
      <div class="form-row">${field("size_min", { error: wrong("size_min"), hint: t("search.size_hint") })}${field("size_max", { error: wrong("size_max") })}
        ${field("older_than_days", { inputmode: "decimal" })}${field("newer_than_days", { inputmode: "decimal" })}${field("idle_days", { inputmode: "numeric" })}</div>
      <div class="form-row">${field("etag")}${field("tier", { hint: t("search.tier_hint") })}
        <${Select} label=${t("search.storage_class")} value=${wanted.storage_class ?? ""} options=${[...any, ...CLASSES.map((one) => [one, one])]} onValue=${(value) => setWanted({ ...wanted, storage_class: value })} /></div>
      <div class="row"><${Button} type="submit" kind="primary" icon="search" busy=${run.busy} disabled=${Boolean(wrong("size_min") || wrong("size_max"))}>${t("search.search")}<//>
        <${Button} kind="quiet" onClick=${() => { setWanted({}); setFound(null); }}>${t("search.clear")}<//></div>
    </form><//>
  ${(found || run.busy || run.error) && html`<${Results} bucket=${bucket} found=${found} run=${run} />`}`;
}

function Results({ bucket, found, run }) {
  const columns = [
    { key: "key", label: t("objects.name"), wide: true, render: (row) => html`<a class="name" href=${link("buckets", bucket, "object", { key: row.key })}><bdi>${visible(row.key)}</bdi></a>` },
    { key: "size", label: t("objects.size"), align: "end", render: (row) => bytes(row.size) },
    { key: "modified", label: t("objects.modified"), render: (row) => html`<span class="nowrap">${ago(row.modified)}</span>` },
    { key: "tier", label: t("search.tier"), render: (row) => html`<${Badge}>${row.tier}<//>` },
    { key: "storage_class", label: t("objects.class") },
    { key: "heat", label: t("search.heat"), align: "end", render: (row) => number(row.heat, 1) },
    { key: "pairs", label: t("search.pairs"), render: (row) => html`<span class="fine"><bdi>${[...Object.entries(row.tags), ...Object.entries(row.meta)].slice(0, 6).map(([name, value]) => visible(`${name}=${value}`)).join(", ")}</bdi></span>` },
  ];
  const rows = found?.rows ?? [];
  return html`<${Card} title=${t("search.found", { count: rows.length, n: rows.length })}>
    <${ErrorBox} error=${run.error} />
    <${Table} label=${t("search.results")} columns=${columns} rows=${rows} rowKey=${(row) => row.key} empty=${!run.error && !found?.next && html`<${Empty} icon="search" title=${t("search.none")} />`} />
    ${run.busy ? html`<${Spinner} />` : found?.next && html`<${Notice} actions=${html`<${Button} onClick=${() => run.run(true)}>${t("search.go_on")}<//>`}>${t("search.looked", { key: visible(found.until) })}<//>`}
  <//>`;
}

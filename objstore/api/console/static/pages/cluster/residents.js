// Objects in the volumes of a drive, page by page. A page of the server looks at a limited number of stripes: it may have
// found none and still have more to look at, so this goes on by itself for a while.
import { html, useEffect, useState } from "../../lib/dom.js";
import { admin, isAborted } from "../../lib/api.js";
import { bytes, number } from "../../lib/format.js";
import { t, tName } from "../../lib/i18n.js";
import { visible } from "../../lib/names.js";
import { link } from "../../lib/router.js";
import { Badge, Card, Empty, ErrorBox, Notice, Table } from "../../lib/ui.js";
import { useAction } from "../../lib/use.js";

const LIMIT = 50;
const PAGES_BY_ITSELF = 10;
const START = { rows: [], next: null, unread: 0, done: false };

function useResidents(id) {
  const [state, setState] = useState(START);
  const load = useAction(async (signal, goOn) => {
    let { rows, next, unread } = goOn ? state : START;
    const enough = rows.length + LIMIT;
    try {
      for (let pages = 0; pages < PAGES_BY_ITSELF; pages += 1) {
        const page = await admin("GET", `/drives/${encodeURIComponent(id)}/objects`, { query: { limit: LIMIT, after: next ?? undefined }, signal });
        rows = [...rows, ...page.objects];
        next = page.next;
        unread += page.unread;
        setState({ rows, next, unread, done: true });
        if (!next || rows.length >= enough) break;
      }
    } catch (error) {
      if (!isAborted(error)) throw error;
    }
  });
  useEffect(() => {
    const controller = new AbortController();
    setState(START);
    load.run(controller.signal, false);
    return () => controller.abort();
  }, [id]);
  return { ...state, ...load, more: () => load.run(undefined, true) };
}

const place = (one) => ({ key: one.key, version: one.kind === "object" && !one.is_latest ? one.version_id : undefined });

export function Residents({ id }) {
  const found = useResidents(id);
  const columns = [
    {
      key: "key", label: t("objects.name"), wide: true,
      render: (one) => html`<a class="name" href=${one.kind === "part" ? link("buckets", one.bucket) : link("buckets", one.bucket, "object", place(one))}><bdi>${one.bucket}/${visible(one.key)}</bdi></a>
        ${one.kind !== "object" ? html` <${Badge}>${tName("residents.kind", one.kind)}<//>` : !one.is_latest && html` <${Badge}>${t("residents.kind.old")}<//>`}`,
    },
    { key: "size", label: t("objects.size"), align: "end", render: (one) => bytes(one.size) },
    { key: "holds", label: t("residents.holds"), render: (one) => (one.holds_bytes ? t("residents.bytes") : t("residents.parity")) },
    { key: "where", label: t("residents.volume"), render: (one) => html`<a href=${link("locate", { bucket: one.bucket, key: one.key })} aria-label=${t("residents.locate", { key: visible(one.key) })}><code>${one.volume.slice(0, 12)}</code></a>` },
  ];
  return html`<${Card} title=${t("residents.title")} hint=${t("residents.hint")} class="residents">
    <${ErrorBox} error=${found.error} />
    ${found.unread > 0 && html`<${Notice} state="warning">${t("residents.unread", { count: found.unread, n: number(found.unread) })}<//>`}
    <${Table} label=${t("residents.title")} columns=${columns} rows=${found.rows.map((one, at) => ({ ...one, at }))} rowKey=${(one) => one.at}
      busy=${found.busy || (!found.done && !found.error)} more=${found.next ? found.more : null}
      empty=${found.done && !found.next && html`<${Empty} icon="drive" title=${t("residents.none")} />`} /><//>`;
}

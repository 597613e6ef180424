// Versions of one key: read an old one, bring it back, delete it for good.
import { html, useEffect, useState } from "../../lib/dom.js";
import { bytes, time } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { link } from "../../lib/router.js";
import { copy, listVersions, remove } from "../../lib/s3.js";
import { Badge, Button, Card, Empty, ErrorBox, Table, toast } from "../../lib/ui.js";
import { useAction } from "../../lib/use.js";
import { DeleteObjects } from "./delete.js";
import { download } from "./link.js";

export function Versions({ bucket, name, versioning, onChange }) {
  const [pages, setPages] = useState({ rows: [], next: null });
  const [removed, setRemoved] = useState(null);
  const load = useAction(async (next) => {
    const page = await listVersions(bucket, { prefix: name, delimiter: "", after: next });
    const mine = page.versions.filter((one) => one.key === name);
    const more = page.next && page.next[0] === name ? page.next : null;
    setPages((old) => ({ rows: next ? [...old.rows, ...mine] : mine, next: more }));
  });
  const fresh = () => {
    load.run(null);
    onChange();
  };
  useEffect(() => {
    load.run(null);
  }, [bucket, name]);
  const bring = useAction(async (row) => {
    if (row.marker) await remove(bucket, name, row.versionId);
    else await copy(bucket, name, { versionId: row.versionId });
    toast(t("versions.brought"));
    fresh();
  });
  const columns = [
    {
      key: "versionId", label: t("objects.version"), wide: true,
      render: (row) => html`${row.marker ? html`<code>${row.versionId}</code>` : html`<a href=${link("buckets", bucket, "object", { key: name, version: row.versionId })}><code>${row.versionId}</code></a>`}
        ${row.latest && html` <${Badge} state="info">${t("objects.latest")}<//>`}${row.marker && html` <${Badge} state="warning">${t("objects.marker")}<//>`}`,
    },
    { key: "size", label: t("objects.size"), align: "end", render: (row) => (row.marker ? "" : bytes(row.size)) },
    { key: "modified", label: t("objects.modified"), render: (row) => html`<span class="nowrap">${time(row.modified)}</span>` },
    { key: "class", label: t("objects.class"), render: (row) => row.storageClass },
    {
      key: "actions", label: html`<span class="visually-hidden">${t("buckets.actions")}</span>`, align: "end",
      render: (row) => html`<span class="actions end">
        ${!row.marker && html`<${Button} kind="quiet" icon="download" label=${t("versions.download", { id: row.versionId })} onClick=${() => download(bucket, name, row.versionId)} />`}
        ${(row.marker ? row.latest : !row.latest) && html`<${Button} onClick=${() => bring.run(row)} busy=${bring.busy}>${t(row.marker ? "versions.undelete" : "versions.bring")}<//>`}
        <${Button} kind="quiet" icon="trash" label=${t("versions.delete", { id: row.versionId })} onClick=${() => setRemoved([{ key: name, versionId: row.versionId }])} /></span>`,
    },
  ];
  return html`<${Card} title=${t("object.tab.versions")} hint=${versioning ? "" : t("versions.off")}>
    <${ErrorBox} error=${load.error ?? bring.error} />
    <${Table} label=${t("object.tab.versions")} columns=${columns} rows=${pages.rows} rowKey=${(row) => row.versionId} busy=${load.busy}
      more=${pages.next ? () => load.run(pages.next) : null} empty=${html`<${Empty} title=${t("versions.none")} />`} />
    <${DeleteObjects} bucket=${bucket} objects=${removed} versioning=${versioning} onClose=${() => setRemoved(null)} onDone=${fresh} />
  <//>`;
}

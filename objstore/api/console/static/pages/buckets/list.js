// All buckets: with objects and bytes for root, else those of whoever has signed in.
import { html, useEffect, useState } from "../../lib/dom.js";
import { admin, session } from "../../lib/api.js";
import { bytes, number, time } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { go, link } from "../../lib/router.js";
import { createBucket, deleteBucket, listBuckets } from "../../lib/s3.js";
import { Button, Card, Check, Confirm, Dialog, Empty, ErrorBox, Page, Table, TextField, toast } from "../../lib/ui.js";
import { useAction } from "../../lib/use.js";

const PAGE = 100;

async function pageOf(after) {
  if (session.value.root) return admin("GET", "/buckets", { query: { after, limit: PAGE } });
  const buckets = await listBuckets();
  return { buckets, next: null };
}

export function BucketList() {
  const [rows, setRows] = useState([]);
  const [next, setNext] = useState("");
  const [filter, setFilter] = useState("");
  const [creating, setCreating] = useState(false);
  const [removed, setRemoved] = useState(null);
  const more = useAction(async (after) => {
    const page = await pageOf(after);
    setRows((old) => (after ? [...old, ...page.buckets] : page.buckets));
    setNext(page.next);
  });
  useEffect(() => {
    more.run("");
  }, []);
  const shown = rows.filter((row) => row.name.includes(filter.trim().toLowerCase()));
  const columns = [
    { key: "name", label: t("buckets.name"), wide: true, render: (row) => html`<a href=${link("buckets", row.name)}><bdi>${row.name}</bdi></a>` },
    ...(session.value.root
      ? [
          { key: "objects", label: t("buckets.objects"), align: "end", render: (row) => number(row.objects) },
          { key: "bytes", label: t("buckets.bytes"), align: "end", render: (row) => bytes(row.bytes) },
        ]
      : []),
    { key: "created", label: t("buckets.created"), render: (row) => time(row.created) },
    {
      key: "actions", label: html`<span class="visually-hidden">${t("buckets.actions")}</span>`, align: "end",
      render: (row) => html`<${Button} kind="quiet" icon="trash" label=${t("buckets.delete_one", { name: row.name })} onClick=${() => setRemoved(row.name)} />`,
    },
  ];
  const create = html`<${Button} kind="primary" icon="plus" onClick=${() => setCreating(true)}>${t("buckets.create")}<//>`;
  return html`<${Page} title=${t("nav.buckets")} lead=${t("buckets.lead")} actions=${create}>
    <${Card}>
      <${ErrorBox} error=${more.error} retry=${() => more.run("")} />
      ${rows.length > 8 && html`<div class="toolbar"><input type="search" aria-label=${t("buckets.filter")} placeholder=${t("buckets.filter")}
        value=${filter} onInput=${(event) => setFilter(event.currentTarget.value)} /></div>`}
      <${Table} label=${t("nav.buckets")} columns=${columns} rows=${shown} rowKey=${(row) => row.name} busy=${more.busy}
        more=${next ? () => more.run(next) : null}
        empty=${html`<${Empty} icon="buckets" title=${t("buckets.none")} action=${create}>${t("buckets.none_hint")}<//>`} />
    <//>
    <${Create} open=${creating} onClose=${() => setCreating(false)} />
    <${Remove} name=${removed} onClose=${() => setRemoved(null)} onDone=${() => more.run("")} />
  <//>`;
}

const NAME = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

function Create({ open, onClose }) {
  const [name, setName] = useState("");
  const [versioning, setVersioning] = useState(false);
  const [lock, setLock] = useState(false);
  const create = useAction(async () => {
    await createBucket(name, { versioning, lock });
    onClose();
    toast(t("buckets.created_one", { name }));
    go("buckets", name);
  });
  const wrong = name && !NAME.test(name) ? t("buckets.name_rule") : "";
  return html`<${Dialog} open=${open} title=${t("buckets.create")} submit=${t("action.create")} busy=${create.busy} error=${create.error}
    onClose=${onClose} onSubmit=${() => name && !wrong && create.run()}>
    <${TextField} label=${t("buckets.name")} hint=${t("buckets.name_rule")} error=${wrong} value=${name} onValue=${setName} autocomplete="off" autocapitalize="none" spellcheck=${false} />
    <${Check} label=${t("buckets.with_versioning")} checked=${versioning || lock} disabled=${lock} onValue=${setVersioning} />
    <${Check} label=${t("buckets.with_lock")} checked=${lock} onValue=${setLock} />
  <//>`;
}

export function Remove({ name, onClose, onDone }) {
  const remove = useAction(async () => {
    await deleteBucket(name);
    toast(t("buckets.deleted_one", { name }));
    onClose();
    onDone();
  });
  return html`<${Confirm} open=${name !== null} title=${t("buckets.delete")} word=${name ?? ""} submit=${t("action.delete")} busy=${remove.busy}
    error=${remove.error} onClose=${onClose} onConfirm=${() => remove.run()}><p>${t("buckets.delete_hint")}</p><//>`;
}

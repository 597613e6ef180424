// Objects of a bucket, level by level, page by page in the order of keys.
import { html, useEffect, useRef, useState } from "../../lib/dom.js";
import { isAborted } from "../../lib/api.js";
import { bytes, time } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { Icon } from "../../lib/icons.js";
import { visible } from "../../lib/names.js";
import { link, replace } from "../../lib/router.js";
import { listObjects, listVersions, versioningOf } from "../../lib/s3.js";
import { useSignal } from "../../lib/state.js";
import { Badge, Button, Card, Check, Empty, ErrorBox, Table } from "../../lib/ui.js";
import { useAction, useLoad } from "../../lib/use.js";
import { filesOf, uploads, uploadsChanged } from "../../lib/uploads.js";
import { downloadZip } from "../../lib/zip.js";
import { DeleteObjects } from "./delete.js";
import { UploadPanel } from "./uploads.js";
import { ZipPanel } from "./zip.js";

const nameBelow = (key, prefix) => key.slice(prefix.length) || key;

async function pageOf(bucket, prefix, versions, next, signal) {
  const page = versions ? await listVersions(bucket, { prefix, after: next }) : await listObjects(bucket, { prefix, token: next, signal });
  const entries = (versions ? page.versions : page.objects).map((one) => ({ ...one, id: `o${one.key}/${one.versionId ?? ""}` }));
  const folders = page.prefixes.map((one) => ({ folder: true, key: one, id: `p${one}` }));
  return { rows: [...folders, ...entries], next: page.next };
}

export function Objects({ bucket, query }) {
  const prefix = query.prefix ?? "";
  const versions = query.versions === "1";
  const [pages, setPages] = useState({ rows: [], next: null });
  const [chosen, setChosen] = useState(new Map());
  const [removing, setRemoving] = useState(null);
  const versioning = useLoad(() => versioningOf(bucket), [bucket]);
  const running = useRef(null);
  const load = useAction(async (next) => {
    running.current?.abort();
    const controller = (running.current = new AbortController());
    try {
      const page = await pageOf(bucket, prefix, versions, next, controller.signal);
      setPages((old) => ({ rows: next ? [...old.rows, ...page.rows] : page.rows, next: page.next }));
    } catch (error) {
      if (!isAborted(error)) throw error;
    }
  });
  const fresh = () => {
    setChosen(new Map());
    load.run(null);
  };
  useEffect(() => {
    setPages({ rows: [], next: null });
    fresh();
  }, [bucket, prefix, versions]);
  useFinished(bucket, prefix, fresh);

  const choose = (row, on) =>
    setChosen((old) => {
      const changed = new Map(old);
      if (on) changed.set(row.id, row);
      else changed.delete(row.id);
      return changed;
    });
  const names = [...chosen.values()];
  const readable = names.filter((row) => !row.marker);
  const removable = names.filter((row) => !row.folder);
  return html`<${DropZone} bucket=${bucket} prefix=${prefix} replaces=${versioning.data === "Enabled"}>
    <${Card}>
      <div class="toolbar">
        <${Path} bucket=${bucket} prefix=${prefix} versions=${versions} />
        <div class="actions">
          <${Check} label=${t("objects.show_versions")} checked=${versions} onValue=${(on) => replace("buckets", bucket, { prefix, versions: on ? "1" : "" })} />
          <${Button} kind="quiet" icon="refresh" label=${t("action.refresh")} onClick=${fresh} />
          ${readable.length > 0 && html`<${Button} icon="download" onClick=${() => downloadZip(bucket, prefix, readable)}>${t("zip.download", { count: readable.length })}<//>`}
          ${removable.length > 0 && html`<${Button} kind="danger" icon="trash" onClick=${() => setRemoving(removable)}>${t("objects.delete_chosen", { count: removable.length })}<//>`}
          <${PickFiles} bucket=${bucket} prefix=${prefix} replaces=${versioning.data === "Enabled"} />
        </div>
      </div>
      <${ErrorBox} error=${load.error} retry=${fresh} />
      <${Table} label=${t("objects.in", { name: `${bucket}/${prefix}` })} columns=${columnsOf({ bucket, prefix, versions, chosen, choose })} rows=${pages.rows}
        rowKey=${(row) => row.id} busy=${load.busy} more=${pages.next ? () => load.run(pages.next) : null}
        empty=${!load.error && html`<${Empty} icon="upload" title=${t("objects.none")}>${t("objects.none_hint")}<//>`} />
    <//>
    <${ZipPanel} />
    <${UploadPanel} bucket=${bucket} />
    <${DeleteObjects} bucket=${bucket} objects=${removing} versioning=${versioning.data ?? ""} onClose=${() => setRemoving(null)} onDone=${fresh} />
  <//>`;
}

/** Runs `act` when an upload into this place has ended. */
function useFinished(bucket, prefix, act) {
  const count = useSignal(uploadsChanged);
  const done = uploads.items.filter((one) => one.state === "done" && one.bucket === bucket && one.key.startsWith(prefix)).length;
  const known = useRef(done);
  useEffect(() => {
    if (done > known.current) act();
    known.current = done;
  }, [count, done]);
}

function columnsOf({ bucket, prefix, versions, chosen, choose }) {
  return [
    {
      key: "chosen", align: "tight", label: html`<span class="visually-hidden">${t("objects.choose")}</span>`,
      render: (row) => html`<input type="checkbox" class="tick" aria-label=${t("objects.choose_one", { name: visible(row.key) })} checked=${chosen.has(row.id)}
        onChange=${(event) => choose(row, event.currentTarget.checked)} />`,
    },
    { key: "key", label: t("objects.name"), wide: true, render: (row) => html`<${Name} bucket=${bucket} row=${row} prefix=${prefix} versions=${versions} />` },
    { key: "size", label: t("objects.size"), align: "end", render: (row) => (row.folder || row.marker ? "" : bytes(row.size)) },
    { key: "modified", label: t("objects.modified"), render: (row) => (row.folder ? "" : html`<span class="nowrap">${time(row.modified)}</span>`) },
    { key: "class", label: t("objects.class"), render: (row) => row.storageClass ?? "" },
    ...(versions ? [{ key: "version", label: t("objects.version"), render: (row) => html`<code class="clip">${row.versionId ?? ""}</code>` }] : []),
  ];
}

function Name({ bucket, row, prefix, versions }) {
  if (row.folder) {
    return html`<a class="name" href=${link("buckets", bucket, { prefix: row.key, versions: versions ? "1" : "" })}><${Icon} name="folder" /><bdi>${visible(nameBelow(row.key, prefix))}</bdi></a>`;
  }
  const href = link("buckets", bucket, "object", { key: row.key, version: versions ? row.versionId : "" });
  return html`<a class="name" href=${href}><${Icon} name="file" /><bdi>${visible(nameBelow(row.key, prefix))}</bdi>
    ${row.marker && html`<${Badge} state="warning">${t("objects.marker")}<//>`}
    ${versions && row.latest && html`<${Badge} state="info">${t("objects.latest")}<//>`}</a>`;
}

/** The prefix as links, one a level. */
export function Path({ bucket, prefix, versions }) {
  const parts = prefix.split("/").slice(0, -1);
  const rest = prefix.split("/").at(-1);
  const steps = parts.map((part, i) => [part, `${parts.slice(0, i + 1).join("/")}/`]);
  const more = { versions: versions ? "1" : "" };
  return html`<nav class="path" aria-label=${t("objects.path")}><a href=${link("buckets", bucket, more)}><bdi>${bucket}</bdi></a>
    ${steps.map(([part, place]) => html`<span aria-hidden="true">/</span><a href=${link("buckets", bucket, { prefix: place, ...more })}><bdi>${visible(part) || "␣"}</bdi></a>`)}
    ${rest && html`<span aria-hidden="true">/</span><bdi>${visible(rest)}…</bdi>`}</nav>`;
}

function PickFiles({ bucket, prefix, replaces }) {
  const ref = useRef(null);
  const picked = (event) => {
    uploads.add(bucket, prefix, [...event.currentTarget.files], replaces);
    event.currentTarget.value = "";
  };
  return html`<input ref=${ref} type="file" multiple class="visually-hidden" tabindex="-1" aria-hidden="true" onChange=${picked} data-test="files" />
    <${Button} kind="primary" icon="upload" onClick=${() => ref.current.click()}>${t("objects.upload")}<//>`;
}

function DropZone({ bucket, prefix, replaces, children }) {
  const [over, setOver] = useState(false);
  const depth = useRef(0);
  const hasFiles = (event) => [...event.dataTransfer.types].includes("Files");
  const enter = (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth.current += 1;
    setOver(true);
  };
  const leave = () => {
    depth.current = Math.max(0, depth.current - 1);
    if (!depth.current) setOver(false);
  };
  const drop = async (event) => {
    event.preventDefault();
    depth.current = 0;
    setOver(false);
    uploads.add(bucket, prefix, await filesOf(event.dataTransfer), replaces);
  };
  return html`<div class="drop ${over ? "over" : ""}" onDragEnter=${enter} onDragLeave=${leave} onDragOver=${(event) => hasFiles(event) && event.preventDefault()} onDrop=${drop}>
    ${children}${over && html`<div class="drop-hint" aria-hidden="true"><${Icon} name="upload" size=${36} />${t("objects.drop", { name: `${bucket}/${prefix}` })}</div>`}</div>`;
}

// What an object holds: pixels of images, text, JSON, the schema of Parquet, the header of safetensors.
import { html, useEffect, useState } from "../../lib/dom.js";
import { contentOf } from "../../lib/content.js";
import { bytes, number } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { Button, Card, Empty, ErrorBox, Notice, Spinner, Table } from "../../lib/ui.js";
import { useLoad } from "../../lib/use.js";
import { download } from "./link.js";
import { PairList } from "./pairs.js";
import { isReadable } from "./restore.js";

export function Preview({ bucket, name, versionId, about }) {
  const load = useLoad((signal) => (isReadable(about) ? contentOf(bucket, name, about.size, versionId, signal) : { kind: "archived" }), [bucket, name, versionId, about.etag]);
  if (load.error) return html`<${ErrorBox} error=${load.error} retry=${load.reload} />`;
  if (!load.data) return html`<${Spinner} />`;
  const { data } = load;
  const Shown = { image: Picture, json: Text, text: Text, parquet: Parquet, safetensors: Tensors, binary: Binary }[data.kind];
  if (!Shown || data.error) {
    const action = html`<${Button} icon="download" onClick=${() => download(bucket, name, versionId)}>${t("object.download")}<//>`;
    const key = data.error ? "preview.broken" : `preview.${data.kind}`;
    return html`<${Card}><${Empty} icon="file" title=${t(key, { type: data.kind })} action=${!["empty", "archived"].includes(data.kind) && action} /><//>`;
  }
  return html`<${Shown} data=${data} name=${name} />`;
}

function Picture({ data, name }) {
  const [url, setUrl] = useState("");
  const [size, setSize] = useState(null);
  useEffect(() => {
    const made = URL.createObjectURL(data.blob);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [data.blob]);
  const loaded = (event) => setSize([event.currentTarget.naturalWidth, event.currentTarget.naturalHeight]);
  return html`<${Card} title=${t("preview.image")} hint=${size ? `${data.type} · ${size[0]} × ${size[1]}` : data.type}>
    <div class="preview-image">${url && (size === false ? html`<p class="soft">${t("preview.broken", { type: data.type })}</p>`
      : html`<img src=${url} alt=${t("preview.image_of", { name })} onLoad=${loaded} onError=${() => setSize(false)} />`)}</div><//>`;
}

function Text({ data }) {
  return html`<${Card} title=${t(data.kind === "json" ? "preview.json" : "preview.text")}>
    ${data.cut && html`<${Notice}>${t("preview.cut")}<//>`}
    <pre class="preview-text" tabindex="0" role="region" aria-label=${t("preview.content")}>${data.text}</pre><//>`;
}

function Binary({ data }) {
  const rows = [];
  for (let at = 0; at < data.bytes.length; at += 16) {
    const some = [...data.bytes.slice(at, at + 16)];
    const hex = some.map((one) => one.toString(16).padStart(2, "0")).join(" ").padEnd(47);
    rows.push(`${at.toString(16).padStart(6, "0")}  ${hex}  ${some.map((one) => (one > 31 && one < 127 ? String.fromCharCode(one) : "·")).join("")}`);
  }
  return html`<${Card} title=${t("preview.binary")}><pre class="preview-text" tabindex="0" role="region" aria-label=${t("preview.content")}>${rows.join("\n")}</pre><//>`;
}

function Parquet({ data }) {
  const facts = [
    [t("preview.rows"), number(data.rows)], [t("preview.groups"), number(data.groups)], [t("preview.codecs"), data.codecs.join(", ") || "–"],
    [t("preview.writer"), data.createdBy || "–"],
  ];
  const columns = [
    { key: "name", label: t("preview.column"), wide: true, render: (row) => html`<span class=${`indent-${Math.min(row.depth, 6)}`}><bdi>${row.name}</bdi></span>` },
    { key: "kind", label: t("preview.type"), render: (row) => html`<code>${row.kind}</code>` },
    { key: "type", label: t("preview.stored"), render: (row) => html`<code>${row.type}</code>` },
    { key: "repetition", label: t("preview.repetition"), render: (row) => html`<code>${row.repetition}</code>` },
  ];
  return html`<${Card} title=${t("preview.parquet")}><${PairList} pairs=${facts} />
    <${Table} label=${t("preview.columns")} columns=${columns} rows=${data.columns} /><//>`;
}

function Tensors({ data }) {
  const facts = [
    [t("preview.tensors"), number(data.count)], [t("preview.parameters"), number(data.parameters)], [t("preview.data"), bytes(data.bytes)],
    [t("preview.dtypes"), data.dtypes.slice(0, 20).join(", ") || "–"], ...data.metadata.slice(0, 50),
  ];
  const columns = [
    { key: "name", label: t("preview.tensor"), wide: true, render: (row) => html`<code><bdi>${row.name}</bdi></code>` },
    { key: "dtype", label: t("preview.type"), render: (row) => html`<code><bdi>${row.dtype}</bdi></code>` },
    { key: "shape", label: t("preview.shape"), render: (row) => html`<code>[${row.shape.join(", ")}]</code>` },
    { key: "bytes", label: t("objects.bytes"), align: "end", render: (row) => bytes(row.bytes) },
  ];
  return html`<${Card} title=${t("preview.safetensors")}><${PairList} pairs=${facts} />
    ${data.count > data.tensors.length && html`<${Notice}>${t("preview.first", { n: data.tensors.length })}<//>`}
    <${Table} label=${t("preview.tensors")} columns=${columns} rows=${data.tensors} /><//>`;
}

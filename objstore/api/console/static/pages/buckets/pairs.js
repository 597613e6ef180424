// Names and values: tags, and the metadata that an object was written with.
import { html, useState } from "../../lib/dom.js";
import { t } from "../../lib/i18n.js";
import { visible } from "../../lib/names.js";
import { copy, setTags } from "../../lib/s3.js";
import { Button, Card, Dialog, ErrorBox, Notice, Spinner, TextField, toast } from "../../lib/ui.js";
import { useAction } from "../../lib/use.js";

export function PairList({ pairs, none }) {
  if (!pairs.length) return html`<p class="soft">${none}</p>`;
  return html`<dl class="facts">${pairs.map(([name, value]) => html`<dt><bdi>${visible(name)}</bdi></dt><dd><bdi>${visible(value)}</bdi></dd>`)}</dl>`;
}

/** Rows of two fields; the last one is empty, to be filled. */
export function PairFields({ pairs, onPairs, most }) {
  const change = (index, place, value) => onPairs(pairs.map((pair, i) => (i === index ? pair.map((old, p) => (p === place ? value : old)) : pair)));
  return html`<div class="pairs">${pairs.map(([name, value], i) => html`<div class="pair" key=${i}>
      <input type="text" aria-label=${t("pairs.name", { n: i + 1 })} placeholder=${t("pairs.name_short")} value=${name} onInput=${(event) => change(i, 0, event.currentTarget.value)} />
      <input type="text" aria-label=${t("pairs.value", { n: i + 1 })} placeholder=${t("pairs.value_short")} value=${value} onInput=${(event) => change(i, 1, event.currentTarget.value)} />
      <${Button} kind="quiet" icon="close" label=${t("pairs.remove", { n: i + 1 })} onClick=${() => onPairs(pairs.filter((_, at) => at !== i))} /></div>`)}
    ${pairs.length < most && html`<div><${Button} icon="plus" onClick=${() => onPairs([...pairs, ["", ""]])}>${t("pairs.add")}<//></div>`}</div>`;
}

export function PairsDialog({ open, title, hint, start, most, save, onClose }) {
  const [pairs, setPairs] = useState(null);
  const shown = pairs ?? (start.length ? start : [["", ""]]);
  const close = () => {
    setPairs(null);
    onClose();
  };
  const run = useAction(async () => {
    await save(shown.filter(([name]) => name.trim()));
    toast(t("action.saved"));
    close();
  });
  return html`<${Dialog} open=${open} title=${title} busy=${run.busy} error=${run.error} onClose=${close} onSubmit=${() => run.run()}>
    ${hint && html`<${Notice}>${hint}<//>`}<${PairFields} pairs=${shown} onPairs=${setPairs} most=${most} /><//>`;
}

export function TagsCard({ load, bucket, name, versionId }) {
  const [open, setOpen] = useState(false);
  const edit = load.data && html`<${Button} kind="quiet" icon="edit" onClick=${() => setOpen(true)}>${t("action.edit")}<//>`;
  const save = async (pairs) => {
    await setTags(bucket, name, pairs, versionId);
    load.reload();
  };
  return html`<${Card} title=${t("object.tags")} actions=${edit}>
    ${load.error ? html`<${ErrorBox} error=${load.error} />` : load.data ? html`<${PairList} pairs=${load.data} none=${t("object.no_tags")} />` : html`<${Spinner} />`}
    ${open && html`<${PairsDialog} open title=${t("object.tags")} start=${load.data} most=${10} save=${save} onClose=${() => setOpen(false)} />`}
  <//>`;
}

const COPY_BYTES_MAX = 5 * 1024 ** 3;

/** Headers may only be changed by writing the object again: a copy onto itself, which shares its bytes. */
export function MetadataCard({ about, reload, bucket, name, versionId }) {
  const [open, setOpen] = useState(false);
  const [type, setType] = useState(about.type);
  const save = async (pairs) => {
    const headers = { "x-amz-metadata-directive": "REPLACE", "x-amz-storage-class": about.storageClass, "content-type": type || "application/octet-stream" };
    if (about.cacheControl) headers["cache-control"] = about.cacheControl;
    if (about.contentEncoding) headers["content-encoding"] = about.contentEncoding;
    for (const [key, value] of pairs) headers[`x-amz-meta-${key.trim()}`] = value;
    await copy(bucket, name, { versionId, headers });
    reload();
  };
  const editable = !versionId && about.size <= COPY_BYTES_MAX;
  const edit = editable && html`<${Button} kind="quiet" icon="edit" onClick=${() => { setType(about.type); setOpen(true); }}>${t("action.edit")}<//>`;
  return html`<${Card} title=${t("object.metadata")} actions=${edit}>
    <${PairList} pairs=${about.meta} none=${t("object.no_metadata")} />
    ${open && html`<${MetadataDialog} about=${about} type=${type} setType=${setType} save=${save} onClose=${() => setOpen(false)} />`}
  <//>`;
}

function MetadataDialog({ about, type, setType, save, onClose }) {
  const [pairs, setPairs] = useState(about.meta.length ? about.meta : [["", ""]]);
  const run = useAction(async () => {
    await save(pairs.filter(([name]) => name.trim()));
    toast(t("action.saved"));
    onClose();
  });
  return html`<${Dialog} open title=${t("object.metadata")} busy=${run.busy} error=${run.error} onClose=${onClose} onSubmit=${() => run.run()}>
    <${Notice}>${t("object.metadata_hint")}<//>
    <${TextField} label=${t("object.fact.type")} value=${type} onValue=${setType} />
    <${PairFields} pairs=${pairs} onPairs=${setPairs} most=${50} /><//>`;
}

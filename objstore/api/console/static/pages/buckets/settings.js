// Settings of a bucket: versioning, lock, encryption, public access, tags, quota.
import { html, useEffect, useState } from "../../lib/dom.js";
import { session } from "../../lib/api.js";
import { t } from "../../lib/i18n.js";
import { BLOCKS, encryptionOf, lockOf, publicAccessOf, setEncryption, setLock, setPublicAccess, setTags, setVersioning, tagsOf, versioningOf } from "../../lib/s3.js";
import { Badge, Button, Card, Check, ErrorBox, Loaded, Notice, Select, TextField, toast } from "../../lib/ui.js";
import { useAction, useLoad } from "../../lib/use.js";
import { PairList, PairsDialog } from "./pairs.js";
import { Quota } from "./quota.js";

export function Settings({ bucket }) {
  return html`<div class="grid"><${Versioning} bucket=${bucket} /><${Encryption} bucket=${bucket} /><${PublicAccess} bucket=${bucket} />
    <${DefaultLock} bucket=${bucket} /><${Tags} bucket=${bucket} />
    ${session.value.root && html`<${Quota} bucket=${bucket} />`}</div>`;
}

/** A load, a draft of it, and saving. */
function useSetting(read, write, keys) {
  const load = useLoad(read, keys);
  const [draft, setDraft] = useState(undefined);
  useEffect(() => setDraft(load.data), [load.data]);
  const save = useAction(async (value) => {
    await write(value);
    toast(t("action.saved"));
    load.reload();
  });
  return { load, draft, setDraft, save };
}

const Save = ({ save, draft }) => html`<${ErrorBox} error=${save.error} /><div><${Button} kind="primary" busy=${save.busy} onClick=${() => save.run(draft)}>${t("action.save")}<//></div>`;

function Versioning({ bucket }) {
  const { load, save } = useSetting(() => versioningOf(bucket), (value) => setVersioning(bucket, value), [bucket]);
  return html`<${Card} title=${t("settings.versioning")}><${Loaded} load=${load}>${(status) => html`<div class="stack">
    <p><${Badge} state=${status === "Enabled" ? "ok" : ""}>${t(`settings.versioning.${status || "off"}`)}<//></p><p class="soft">${t("settings.versioning_hint")}</p>
    <${ErrorBox} error=${save.error} />
    <div>${status === "Enabled" ? html`<${Button} busy=${save.busy} onClick=${() => save.run("Suspended")}>${t("settings.suspend")}<//>`
      : html`<${Button} kind="primary" busy=${save.busy} onClick=${() => save.run("Enabled")}>${t("settings.enable")}<//>`}</div></div>`}<//><//>`;
}

function Encryption({ bucket }) {
  const { load, draft, setDraft, save } = useSetting(() => encryptionOf(bucket), (value) => setEncryption(bucket, value), [bucket]);
  const kinds = [["", t("settings.encryption.none")], ["AES256", "SSE-S3 (AES256)"], ["aws:kms", "SSE-KMS"]];
  return html`<${Card} title=${t("settings.encryption")}><${Loaded} load=${load}>${() => draft && html`<div class="stack">
    <${Select} label=${t("settings.encryption_kind")} hint=${t("settings.encryption_hint")} value=${draft.algorithm} options=${kinds} onValue=${(algorithm) => setDraft({ ...draft, algorithm })} />
    ${draft.algorithm === "aws:kms" && html`<${TextField} label=${t("settings.kms_key")} hint=${t("settings.kms_hint")} value=${draft.key} onValue=${(key) => setDraft({ ...draft, key })} />`}
    <${Save} save=${save} draft=${draft} /></div>`}<//><//>`;
}

function PublicAccess({ bucket }) {
  const { load, draft, setDraft, save } = useSetting(() => publicAccessOf(bucket), (value) => setPublicAccess(bucket, value), [bucket]);
  return html`<${Card} title=${t("settings.public")}><${Loaded} load=${load}>${(data) => draft && html`<div class="stack">
    ${!BLOCKS.every((name) => data[name]) && html`<${Notice} state="warning">${t("settings.public_open")}<//>`}
    ${BLOCKS.map((name) => html`<${Check} key=${name} label=${t(`settings.block.${name}`)} checked=${draft[name]} onValue=${(on) => setDraft({ ...draft, [name]: on })} />`)}
    <${Save} save=${save} draft=${draft} /></div>`}<//><//>`;
}

function DefaultLock({ bucket }) {
  const { load, draft, setDraft, save } = useSetting(() => lockOf(bucket), (value) => setLock(bucket, value), [bucket]);
  const modes = [["", t("lock.none")], ...["GOVERNANCE", "COMPLIANCE"].map((one) => [one, t(`lock.mode.${one}`)])];
  return html`<${Card} title=${t("lock.title")}><${Loaded} load=${load}>${(data) => (data.enabled && draft ? html`<div class="stack">
    <${Select} label=${t("settings.lock_default")} hint=${t("settings.lock_hint")} value=${draft.mode} options=${modes} onValue=${(mode) => setDraft({ ...draft, mode })} />
    ${draft.mode && html`<${TextField} label=${t("settings.lock_days")} value=${draft.years ? String(draft.years * 365) : draft.days} onValue=${(days) => setDraft({ ...draft, days, years: "" })} inputmode="numeric" />`}
    <${Save} save=${save} draft=${draft} /></div>` : html`<p class="soft">${t("settings.lock_off")}</p>`)}<//><//>`;
}

function Tags({ bucket }) {
  const load = useLoad(() => tagsOf(bucket), [bucket]);
  const [open, setOpen] = useState(false);
  const save = async (pairs) => {
    await setTags(bucket, undefined, pairs);
    load.reload();
  };
  return html`<${Card} title=${t("settings.tags")} actions=${load.data && html`<${Button} kind="quiet" icon="edit" onClick=${() => setOpen(true)}>${t("action.edit")}<//>`}>
    <${Loaded} load=${load}>${(pairs) => html`<${PairList} pairs=${pairs} none=${t("object.no_tags")} />`}<//>
    ${open && html`<${PairsDialog} open title=${t("settings.tags")} start=${load.data} most=${50} save=${save} onClose=${() => setOpen(false)} />`}<//>`;
}

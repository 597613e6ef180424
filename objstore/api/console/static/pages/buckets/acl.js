// Who may do what by access control lists: of a bucket or an object; and who owns what is put into a bucket.
import { html, useMemo } from "../../lib/dom.js";
import { CANNED, documentOf as aclText, EMPTY, grantsOf, OF_BUCKETS, OF_OBJECTS, ownerOf, PERMISSIONS, problemsOf, WHO } from "../../lib/acl.js";
import { t, tName } from "../../lib/i18n.js";
import { call, dropDocument, parse, put, setDocument, textOf, all } from "../../lib/s3.js";
import { documentText } from "../../lib/xml_document.js";
import { Button, Card, ErrorBox, Loaded, Notice, Select, TextField, toast } from "../../lib/ui.js";
import { useAction, useLoad } from "../../lib/use.js";
import { DocumentEditor } from "./document.js";

const OWNERSHIPS = ["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"];

async function ownershipOf(bucket) {
  const answer = await call("GET", bucket, undefined, { query: { ownershipControls: "" } }).catch((error) => {
    if (error.code === "OwnershipControlsNotFoundError") return null;
    throw error;
  });
  return answer ? textOf(all(parse(await answer.text()), "Rule")[0], "ObjectOwnership") : "";
}

const setOwnership = (bucket, chosen) =>
  chosen ? setDocument(bucket, "ownershipControls", documentText("OwnershipControls", [["Rule", [["ObjectOwnership", chosen]]]])) : dropDocument(bucket, "ownershipControls");

function Ownership({ bucket, load }) {
  const save = useAction(async (chosen) => {
    await setOwnership(bucket, chosen);
    toast(t("action.saved"));
    load.reload();
  });
  return html`<${Card} title=${t("ownership.title")} hint=${t("ownership.hint")}><${Loaded} load=${load}>${(chosen) => html`
    <${Select} label=${t("ownership.who")} value=${chosen} disabled=${save.busy} options=${[...OWNERSHIPS, ""].map((one) => [one, t(`ownership.${one || "none"}`)])} onValue=${save.run} />
    <${ErrorBox} error=${save.error} />`}<//><//>`;
}

function kindOf(bucket, name, versionId) {
  let owner = { id: "", name: "" };
  const query = { acl: "", versionId };
  return {
    read: async () => {
      const text = await (await call("GET", bucket, name, { query })).text();
      owner = ownerOf(text);
      return text;
    },
    write: (text) => put(bucket, name, query, text),
    formsOf: grantsOf, textOf: (forms) => aclText(forms, owner), problemsOf, empty: EMPTY,
  };
}

function Grant({ form, set, wrongOf }) {
  const known = ["user", ...Object.keys(WHO)];
  const who = known.includes(form.who) ? known : [...known, form.who];
  return html`<div class="form-row"><${Select} label=${t("acl.who")} value=${form.who} options=${who.map((one) => [one, tName("acl.who", one)])} onValue=${(value) => set({ who: value })} />
      <${Select} label=${t("acl.permission")} value=${form.permission} options=${PERMISSIONS.map((one) => [one, t(`acl.may.${one}`)])} onValue=${(permission) => set({ permission })} /></div>
    ${form.who === "user" && html`<${TextField} label=${t("acl.id")} hint=${form.name || t("acl.id_hint")} error=${wrongOf("id")} value=${form.id} onValue=${(id) => set({ id, name: "" })} autocomplete="off" spellcheck=${false} />`}`;
}

function Canned({ bucket, name, versionId, onDone }) {
  const act = useAction(async (canned) => {
    await call("PUT", bucket, name, { query: { acl: "", versionId }, headers: { "x-amz-acl": canned } });
    toast(t("action.saved"));
    onDone();
  });
  const names = [...CANNED, ...(name === undefined ? OF_BUCKETS : OF_OBJECTS)];
  return html`<${Card} title=${t("acl.canned")} hint=${t("acl.canned_hint")}><div class="row">${names.map((one) => html`<${Button} key=${one} busy=${act.busy} title=${t(`acl.canned.${one}`)} onClick=${() => act.run(one)}>${one}<//>`)}</div>
    <${ErrorBox} error=${act.error} /><//>`;
}

/** Of an object with `name`, else of the bucket. */
export function Acl({ bucket, name, versionId }) {
  const ownership = useLoad(() => ownershipOf(bucket), [bucket]);
  const changes = useLoad(async () => ({}), [bucket]); // drawn anew after a canned one
  const kind = useMemo(() => kindOf(bucket, name, versionId), [bucket, name, versionId, changes.data]);
  const enforced = ownership.data === "BucketOwnerEnforced";
  return html`<div class="stack">${name === undefined && html`<${Ownership} bucket=${bucket} load=${ownership} />`}
    ${enforced && html`<${Notice} title=${t("acl.off")}>${t("acl.off_hint")}<//>`}
    ${!enforced && html`<${Canned} bucket=${bucket} name=${name} versionId=${versionId} onDone=${changes.reload} />
      <${DocumentEditor} key=${changes.data && String(changes.loading)} bucket=${bucket} name="acl" kind=${kind} Form=${Grant} />`}</div>`;
}

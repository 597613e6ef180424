// What is written down of a bucket: inventories of its objects, a log of its requests; and what is not: copies elsewhere.
import { html } from "../../lib/dom.js";
import { documentOf as inventoryText, EMPTY, FIELDS, FORMATS, formsOf, FREQUENCIES, oneOf, problemsOf } from "../../lib/inventory.js";
import { t } from "../../lib/i18n.js";
import * as logging from "../../lib/logging.js";
import { call, documentOf, parse, put, setDocument, textOf } from "../../lib/s3.js";
import { Card, Check, Notice, Select, TextField } from "../../lib/ui.js";
import { DocumentEditor, Ticks } from "./document.js";

const PAGES_MAX = 10; // of 100: a bucket has 1000 at most

async function readAll(bucket) {
  const found = [];
  let token;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const text = await (await call("GET", bucket, undefined, { query: { inventory: "", "continuation-token": token } })).text();
    found.push(...formsOf(text));
    const root = parse(text);
    if (textOf(root, "IsTruncated") !== "true") break;
    token = textOf(root, "NextContinuationToken");
  }
  return inventoryText(found);
}

/** Each is a setting of its own: those that have changed are sent, those that are no more are removed. */
async function writeAll(bucket, text, saved) {
  const before = new Map(formsOf(saved).map((form) => [form.id, oneOf(form)]));
  const after = new Map(formsOf(text).map((form) => [form.id, oneOf(form)]));
  for (const [id, document] of after) if (before.get(id) !== document) await put(bucket, undefined, { inventory: "", id }, document);
  for (const id of before.keys()) if (!after.has(id)) await call("DELETE", bucket, undefined, { query: { inventory: "", id } });
}

const inventories = (bucket) => ({ read: () => readAll(bucket), write: (text, saved) => writeAll(bucket, text, saved), formsOf, textOf: inventoryText, problemsOf, empty: EMPTY });
const logs = (bucket) => ({
  read: () => documentOf(bucket, "logging"),
  write: (text) => setDocument(bucket, "logging", text.trim() ? text : logging.NOWHERE),
  formsOf: logging.targetsOf, textOf: logging.documentOf, problemsOf: logging.problemsOf, empty: logging.EMPTY, most: 1, short: true,
});

const fieldsOf = (name, form, set, wrongOf) => (field, more) => html`<${TextField} label=${t(`${name}.${field}`)} error=${wrongOf(field)} value=${form[field]} onValue=${(value) => set({ [field]: value })} autocomplete="off" spellcheck=${false} ...${more} />`;

function Inventory({ form, set, wrongOf }) {
  const field = fieldsOf("inventory", form, set, wrongOf);
  const select = (name, options) => html`<${Select} label=${t(`inventory.${name}`)} value=${form[name]} options=${options} onValue=${(value) => set({ [name]: value })} />`;
  return html`<div class="form-row">${field("id")}${field("prefix")}</div>
    <${Check} label=${t("inventory.enabled")} checked=${form.enabled} onValue=${(enabled) => set({ enabled })} />
    <div class="form-row">${field("bucket", { hint: t("inventory.bucket_hint") })}${field("into")}</div>
    <div class="form-row">${select("format", FORMATS.map((one) => [one, one]))}${select("frequency", FREQUENCIES.map((one) => [one, t(`inventory.${one}`)]))}${select("versions", ["Current", "All"].map((one) => [one, t(`inventory.versions.${one}`)]))}</div>
    <${Ticks} legend=${t("inventory.fields")} options=${FIELDS} chosen=${form.fields} onChosen=${(fields) => set({ fields })} />`;
}

function Logging({ form, set, wrongOf }) {
  const field = fieldsOf("logging", form, set, wrongOf);
  return html`<div class="form-row">${field("bucket", { hint: t("logging.bucket_hint") })}${field("prefix")}</div>`;
}

export const Reports = ({ bucket }) => html`<div class="stack">
  <section aria-label=${t("inventory.title")}><h2 class="part-title">${t("inventory.title")}</h2><${DocumentEditor} bucket=${bucket} name="inventory" kind=${inventories(bucket)} Form=${Inventory} /></section>
  <section aria-label=${t("logging.title")}><h2 class="part-title">${t("logging.title")}</h2><${DocumentEditor} bucket=${bucket} name="logging" kind=${logs(bucket)} Form=${Logging} /></section>
  <${Card} title=${t("replication.title")}><${Notice}>${t("replication.hint")} <code>objstore mirror --from-endpoint ${location.origin} s3://${bucket} s3://…</code><//><//></div>`;

// A bucket as a website: its first page, its error page, and where requests are sent on to.
import { html } from "../../lib/dom.js";
import { t } from "../../lib/i18n.js";
import { documentOf, dropDocument, setDocument } from "../../lib/s3.js";
import { Button, Choice, Field, Select, TextField } from "../../lib/ui.js";
import { documentOf as textOf, EMPTY, problemsOf, PROTOCOLS, RULE, sitesOf } from "../../lib/website.js";
import { DocumentEditor } from "./document.js";

const kindOf = (bucket) => ({
  read: () => documentOf(bucket, "website", "NoSuchWebsiteConfiguration"),
  write: (text) => (text.trim() ? setDocument(bucket, "website", text) : dropDocument(bucket, "website")),
  formsOf: sitesOf, textOf, problemsOf, empty: EMPTY, most: 1,
});

const protocols = () => PROTOCOLS.map((one) => [one, one || t("website.same")]);

function Site({ form, set, wrongOf }) {
  const field = (name, more) => html`<${TextField} label=${t(`website.${name}`)} error=${wrongOf(name)} value=${form[name]} onValue=${(value) => set({ [name]: value })} autocomplete="off" spellcheck=${false} ...${more} />`;
  const put = (at, changes) => set({ rules: form.rules.map((one, i) => (i === at ? { ...one, ...changes } : one)) });
  return html`<${Field} label=${t("website.does")}>${() => html`<${Choice} label=${t("website.does")} value=${form.kind} onValue=${(kind) => set({ kind })} options=${["pages", "redirect"].map((one) => [one, t(`website.kind.${one}`)])} />`}<//>
    ${form.kind === "redirect" ? html`<div class="form-row">${field("host")}<${Select} label=${t("website.protocol")} value=${form.protocol} options=${protocols()} onValue=${(protocol) => set({ protocol })} /></div>`
    : html`<div class="form-row">${field("index", { hint: t("website.index_hint") })}${field("error", { hint: t("website.error_hint") })}</div>
      ${form.rules.map((rule, at) => html`<${Rule} key=${at} at=${at} rule=${rule} set=${(changes) => put(at, changes)} wrongOf=${(name) => wrongOf(`${at}.${name}`)} onRemove=${() => set({ rules: form.rules.filter((_, i) => i !== at) })} />`)}
      <div><${Button} icon="plus" onClick=${() => set({ rules: [...form.rules, RULE] })}>${t("website.add_rule")}<//></div>`}`;
}

function Rule({ at, rule, set, wrongOf, onRemove }) {
  const field = (name, more) => html`<${TextField} label=${t(`website.rule.${name}`)} error=${wrongOf(name)} value=${rule[name]} onValue=${(value) => set({ [name]: value })} autocomplete="off" spellcheck=${false} ...${more} />`;
  return html`<fieldset><legend>${t("website.rule.one", { n: at + 1 })}</legend>
    <div class="form-row">${field("prefix")}${field("error", { inputmode: "numeric" })}</div>
    <div class="form-row">${field("host")}<${Select} label=${t("website.protocol")} value=${rule.protocol} options=${protocols()} onValue=${(protocol) => set({ protocol })} />${field("code", { inputmode: "numeric" })}</div>
    <div class="form-row">${field("replacePrefix")}${field("replaceKey")}</div>
    <div><${Button} kind="quiet" icon="trash" onClick=${onRemove}>${t("website.rule.remove", { n: at + 1 })}<//></div></fieldset>`;
}

export const Website = ({ bucket }) => html`<${DocumentEditor} bucket=${bucket} name="website" kind=${kindOf(bucket)} Form=${Site} />`;

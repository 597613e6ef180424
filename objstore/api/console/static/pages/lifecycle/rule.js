// One rule as a form: AWS's, or one of ours, which AWS's XML cannot say.
import { html } from "../../lib/dom.js";
import { t } from "../../lib/i18n.js";
import { extendedFormOf, extendedRuleOf, formOf, ruleOf } from "../../lib/rules.js";
import { Badge, Button, Check, Select, TextField } from "../../lib/ui.js";

const CLASSES = ["STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"];
const VERSIONS = ["Current", "Noncurrent", "All"];
const classes = (known) => [...new Set([...CLASSES, ...(known ? [known] : [])])].map((one) => [one, one]);

export function RuleForm({ rule, extended, open, onRule, onRemove }) {
  const form = extended ? extendedFormOf(rule) : formOf(rule);
  const set = (changes) => onRule((extended ? extendedRuleOf : ruleOf)({ ...form, ...changes }));
  const field = (name, more = {}) => html`<${TextField} label=${t(`rule.${name}`)} value=${form[name]} onValue=${(value) => set({ [name]: value })} spellcheck=${false} autocomplete="off" ...${more} />`;
  const digits = (name, more) => field(name, { type: "number", min: 0, ...more });
  return html`<details class="rule" open=${open}><summary><strong><bdi>${form.id || t("rule.unnamed")}</bdi></strong>
      <${Badge} state=${form.enabled ? "ok" : ""}>${t(form.enabled ? "rule.enabled" : "rule.disabled")}<//>${extended && html`<${Badge} state="info">${t("rule.extended")}<//>`}
      <span class="soft"><bdi>${form.prefix || t("rule.all")}</bdi></span></summary>
    <div class="form"><div class="form-row">${field("id")}<${Check} label=${t("rule.enabled")} checked=${form.enabled} onValue=${(enabled) => set({ enabled })} /></div>
      <fieldset><legend>${t("rule.which")}</legend><div class="form-row">${field("prefix")}${field("tags", { hint: t("search.pairs_hint") })}${digits("larger")}${digits("smaller")}</div></fieldset>
      ${extended ? html`<${Extended} form=${form} field=${field} digits=${digits} set=${set} />` : html`<${Aws} form=${form} digits=${digits} field=${field} set=${set} />`}
      <div><${Button} kind="danger" icon="trash" onClick=${onRemove}>${t("rule.remove")}<//></div></div></details>`;
}

function Aws({ form, digits, set }) {
  return html`<fieldset><legend>${t("rule.transitions")}</legend><${Moves} list=${form.transitions} days="rule.days" onList=${(transitions) => set({ transitions })} /></fieldset>
    <fieldset><legend>${t("rule.expiration")}</legend><div class="form-row">${digits("expireDays", { disabled: form.expireMarkers })}
      <${TextField} label=${t("rule.expireDate")} type="date" value=${form.expireDate} disabled=${form.expireMarkers} onValue=${(expireDate) => set({ expireDate })} />
      </div><${Check} label=${t("rule.expireMarkers")} checked=${form.expireMarkers} onValue=${(expireMarkers) => set({ expireMarkers })} /></fieldset>
    <fieldset><legend>${t("rule.old")}</legend><${Moves} list=${form.oldTransitions} days="rule.oldDays" newer onList=${(oldTransitions) => set({ oldTransitions })} />
      <div class="form-row">${digits("oldDays", { label: t("rule.oldExpire") })}${digits("oldNewer")}</div></fieldset>
    <fieldset><legend>${t("rule.uploads")}</legend><div class="form-row">${digits("abortDays")}</div></fieldset>`;
}

function Moves({ list, days, newer, onList }) {
  const put = (at, changes) => onList(list.map((one, i) => (i === at ? { ...one, ...changes } : one)));
  return html`${list.map((one, at) => html`<div class="form-row move" key=${at}>
      <${TextField} type="number" min="0" label=${t(days)} value=${one.days} onValue=${(value) => put(at, { days: value, date: "" })} />
      ${newer && html`<${TextField} type="number" min="0" label=${t("rule.oldNewer")} value=${one.newer} onValue=${(value) => put(at, { newer: value })} />`}
      <${Select} label=${t("rule.to")} value=${one.storageClass} options=${classes(one.storageClass)} onValue=${(storageClass) => put(at, { storageClass })} />
      <${Button} kind="quiet" icon="trash" label=${t("rule.remove_move", { n: at + 1 })} onClick=${() => onList(list.filter((_, i) => i !== at))} /></div>`)}
    <div><${Button} icon="plus" onClick=${() => onList([...list, { days: "30", date: "", newer: "", storageClass: CLASSES[0] }])}>${t("rule.add_move")}<//></div>`;
}

function Extended({ form, field, digits, set }) {
  return html`<fieldset><legend>${t("rule.when")}</legend><p class="hint">${t("rule.when_hint")}</p>
      <div class="form-row">${digits("idle")}${digits("count", { step: "any" })}${digits("days", { label: t("rule.age_days") })}${digits("hours")}</div>
      <div class="form-row">${digits("high")}${digits("low")}${field("tier", { placeholder: "hot" })}</div>
      <div class="form-row">${digits("last")}${digits("every")}</div></fieldset>
    <fieldset><legend>${t("rule.then")}</legend><div class="form-row">
      <${Select} label=${t("rule.to")} value=${form.expire ? "" : form.storageClass} disabled=${form.expire} options=${[["", "–"], ...classes(form.storageClass)]} onValue=${(storageClass) => set({ storageClass })} />
      <${Select} label=${t("rule.versions")} value=${form.versions} options=${[["", "–"], ...VERSIONS.map((one) => [one, t(`rule.versions.${one}`)])]} onValue=${(versions) => set({ versions })} />
      </div><${Check} label=${t("rule.expire")} checked=${form.expire} onValue=${(expire) => set({ expire })} /></fieldset>`;
}

// Which pages of other sites may use a bucket from a browser.
import { html } from "../../lib/dom.js";
import { documentOf as textOf, EMPTY, METHODS, problemsOf, rulesOf } from "../../lib/cors.js";
import { t } from "../../lib/i18n.js";
import { documentOf, dropDocument, setDocument } from "../../lib/s3.js";
import { TextField } from "../../lib/ui.js";
import { DocumentEditor, Ticks } from "./document.js";

const kindOf = (bucket) => ({
  read: () => documentOf(bucket, "cors", "NoSuchCORSConfiguration"),
  write: (text) => (text.trim() ? setDocument(bucket, "cors", text) : dropDocument(bucket, "cors")),
  formsOf: rulesOf, textOf, problemsOf, empty: EMPTY,
});

function Rule({ form, set, wrongOf }) {
  const field = (name, more) => html`<${TextField} label=${t(`cors.${name}`)} error=${wrongOf(name)} value=${form[name]} onValue=${(value) => set({ [name]: value })} autocomplete="off" spellcheck=${false} ...${more} />`;
  const list = (name, hint) => field(name, { multiline: true, class: "lines", hint });
  return html`${list("origins", t("cors.origins_hint"))}
    <${Ticks} legend=${t("cors.methods")} options=${METHODS} chosen=${form.methods} error=${wrongOf("methods")} onChosen=${(methods) => set({ methods })} />
    <div class="form-row">${list("headers", t("cors.headers_hint"))}${list("expose", t("cors.expose_hint"))}</div>
    <div class="form-row">${field("age", { inputmode: "numeric", hint: t("cors.age_hint") })}${field("id")}</div>`;
}

export const Cors = ({ bucket }) => html`<${DocumentEditor} bucket=${bucket} name="cors" kind=${kindOf(bucket)} Form=${Rule} />`;

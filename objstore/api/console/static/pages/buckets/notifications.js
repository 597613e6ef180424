// Who is told of what happens to objects of a bucket.
import { html, useId } from "../../lib/dom.js";
import { admin, session } from "../../lib/api.js";
import { t } from "../../lib/i18n.js";
import { arnOf, documentOf as textOf, EMPTY, entriesOf, EVENTS, NOBODY, problemsOf } from "../../lib/notifications.js";
import { documentOf, setDocument } from "../../lib/s3.js";
import { TextField } from "../../lib/ui.js";
import { useLoad } from "../../lib/use.js";
import { DocumentEditor, Ticks } from "./document.js";

const kindOf = (bucket) => ({
  read: () => documentOf(bucket, "notification"),
  write: (text) => setDocument(bucket, "notification", text.trim() ? text : NOBODY),
  formsOf: entriesOf, textOf, problemsOf, empty: EMPTY,
});

// Only root may ask which targets there are; others have to know.
const targets = async (signal) => {
  if (!session.value.root) return [];
  const found = await admin("GET", "/events", { signal });
  return found.targets.filter((one) => one.configured).map((one) => arnOf(one.name, session.value.region));
};

function Entry({ form, set, wrongOf }) {
  const known = useLoad(targets, []);
  const list = useId();
  if (form.arn === undefined) return html`<p>${t("notify.as_text", { kind: form.kind })}</p>`;
  const field = (name, more) => html`<${TextField} label=${t(`notify.${name}`)} error=${wrongOf(name)} value=${form[name]} onValue=${(value) => set({ [name]: value })} autocomplete="off" spellcheck=${false} ...${more} />`;
  const none = session.value.root && known.data?.length === 0;
  return html`${field("arn", { list, hint: t(none ? "notify.no_targets" : "notify.arn_hint"), placeholder: "arn:aws:sqs:…:name" })}
    <datalist id=${list}>${(known.data ?? []).map((one) => html`<option value=${one}></option>`)}</datalist>
    <${Ticks} legend=${t("notify.events")} options=${EVENTS} chosen=${form.events} error=${wrongOf("events")} onChosen=${(events) => set({ events })} />
    <div class="form-row">${field("prefix")}${field("suffix", { placeholder: ".parquet" })}</div>${field("id", { hint: t("notify.id_hint") })}`;
}

export const Notifications = ({ bucket }) => html`<${DocumentEditor} bucket=${bucket} name="notify" kind=${kindOf(bucket)} Form=${Entry} />`;

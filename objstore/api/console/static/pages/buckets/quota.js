// How much a bucket may hold, and how much of that is there.
import { html, useEffect, useState } from "../../lib/dom.js";
import { admin } from "../../lib/api.js";
import { bytes, number, percent } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { Button, Card, ErrorBox, Loaded, Meter, Select, TextField, toast } from "../../lib/ui.js";
import { useAction, useLoad } from "../../lib/use.js";

const UNITS = [["1", "B"], ["1048576", "MiB"], ["1073741824", "GiB"], ["1099511627776", "TiB"]];
const COUNT_MAX = 2 ** 53;
const NONE = { bytes: null, objects: null, used_bytes: 0, used_objects: 0 };

/** Fields of what is set: in the largest unit that says it without a fraction. */
function fieldsOf(quota) {
  const [unit] = UNITS.findLast(([size]) => quota.bytes && quota.bytes % Number(size) === 0) ?? UNITS[2];
  return { size: quota.bytes === null ? "" : String(quota.bytes / Number(unit)), unit, objects: quota.objects === null ? "" : String(quota.objects) };
}

const boundOf = (text, unit) => (text.trim() === "" ? null : Math.round(Number(text) * Number(unit)));
const isBound = (bound) => bound === null || (Number.isSafeInteger(bound) && bound >= 0 && bound < COUNT_MAX);

export function Quota({ bucket }) {
  const path = `/buckets/${encodeURIComponent(bucket)}/quota`;
  const load = useLoad(async (signal) => (await admin("GET", "/quotas", { query: { bucket }, signal })).quotas[0] ?? NONE, [bucket]);
  const [draft, setDraft] = useState(null);
  useEffect(() => setDraft(load.data ? fieldsOf(load.data) : null), [load.data]);
  const save = useAction(async (bounds) => {
    if (bounds) await admin("PUT", path, { json: bounds });
    else await admin("DELETE", path);
    toast(t(bounds ? "action.saved" : "quota.removed"));
    load.reload();
  });
  return html`<${Card} title=${t("quota.title")}><${Loaded} load=${load}>${(data) => draft && html`<${Form} data=${data} draft=${draft} setDraft=${setDraft} save=${save} />`}<//><//>`;
}

function Form({ data, draft, setDraft, save }) {
  const bounds = { bytes: boundOf(draft.size, draft.unit), objects: boundOf(draft.objects, 1) };
  const wrongSize = isBound(bounds.bytes) ? "" : t("quota.wrong");
  const wrongCount = isBound(bounds.objects) && /^\d*$/.test(draft.objects.trim()) ? "" : t("quota.wrong");
  const nothing = bounds.bytes === null && bounds.objects === null;
  const isSet = data.bytes !== null || data.objects !== null;
  const set = (changes) => setDraft({ ...draft, ...changes });
  return html`<div class="stack"><p class="soft">${t("quota.hint")}</p>
    ${data.bytes !== null && html`<${Used} part=${data.used_bytes / Math.max(1, data.bytes)} label=${t("buckets.bytes")} text=${`${bytes(data.used_bytes)} / ${bytes(data.bytes)}`} />`}
    ${data.objects !== null && html`<${Used} part=${data.used_objects / Math.max(1, data.objects)} label=${t("buckets.objects")} text=${`${number(data.used_objects)} / ${number(data.objects)}`} />`}
    <div class="form-row"><${TextField} label=${t("quota.size")} error=${wrongSize} value=${draft.size} onValue=${(size) => set({ size })} inputmode="decimal" placeholder=${t("quota.unbounded")} />
      <${Select} label=${t("quota.unit")} value=${draft.unit} options=${UNITS} onValue=${(unit) => set({ unit })} /></div>
    <${TextField} label=${t("quota.objects")} error=${wrongCount} value=${draft.objects} onValue=${(objects) => set({ objects })} inputmode="numeric" placeholder=${t("quota.unbounded")} />
    <${ErrorBox} error=${save.error} />
    <div class="row"><${Button} kind="primary" busy=${save.busy} disabled=${nothing || Boolean(wrongSize || wrongCount)} onClick=${() => save.run(bounds)}>${t("action.save")}<//>
      ${isSet && html`<${Button} kind="danger" busy=${save.busy} onClick=${() => save.run(null)}>${t("quota.remove")}<//>`}</div></div>`;
}

const Used = ({ part, label, text }) => html`<${Meter} value=${part} state=${part >= 1 ? "bad" : part > 0.9 ? "warning" : ""} label=${`${label}: ${percent(part)}`} text=${text} />`;

// Policies of whoever can hold them: attached ones, and inline ones with their documents. `noun`: User or Group.
import { html, useState } from "../../lib/dom.js";
import { t } from "../../lib/i18n.js";
import { documentOf, iam, iamAll } from "../../lib/iam.js";
import { Button, Card, Dialog, ErrorBox, Select, TextField, toast } from "../../lib/ui.js";
import { useAction, useLoad } from "../../lib/use.js";
import { isJson } from "../buckets/policy.js";

export const EXAMPLE = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: ["s3:GetObject", "s3:ListBucket"], Resource: ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"] }] }, null, 2);

export function PolicyCards({ noun, name }) {
  return html`<${Attached} noun=${noun} name=${name} /><${Inline} noun=${noun} name=${name} />`;
}

function Attached({ noun, name }) {
  const who = { [`${noun}Name`]: name };
  const load = useLoad(() => iamAll(`ListAttached${noun}Policies`, "AttachedPolicies", who), [name]);
  const all = useLoad(() => iamAll("ListPolicies", "Policies", { Scope: "All" }), []);
  const change = useAction(async (verb, arn) => {
    await iam(`${verb}${noun}Policy`, { ...who, PolicyArn: arn });
    load.reload();
  });
  const mine = load.data ?? [];
  const others = (all.data ?? []).filter((one) => !mine.some((policy) => policy.PolicyArn === one.Arn));
  return html`<${Card} title=${t("policies.attached")}><${ErrorBox} error=${load.error ?? all.error ?? change.error} />
    <ul class="chips">${mine.map((policy) => html`<li class="chip"><bdi>${policy.PolicyName}</bdi>
      <${Button} kind="quiet" icon="close" label=${t("policies.detach", { name: policy.PolicyName })} onClick=${() => change.run("Detach", policy.PolicyArn)} /></li>`)}</ul>
    ${load.data && !mine.length && html`<p class="soft">${t("policies.none_attached")}</p>`}
    <${Select} label=${t("policies.attach")} value="" options=${[["", t("policies.choose")], ...others.map((one) => [one.Arn, one.PolicyName])]} onValue=${(arn) => arn && change.run("Attach", arn)} /><//>`;
}

function Inline({ noun, name }) {
  const who = { [`${noun}Name`]: name };
  const load = useLoad(() => iamAll(`List${noun}Policies`, "PolicyNames", who), [name]);
  const [edited, setEdited] = useState(null);
  const open = useAction(async (policy) => {
    const result = await iam(`Get${noun}Policy`, { ...who, PolicyName: policy });
    setEdited({ name: policy, text: documentOf(result, "PolicyDocument"), old: true });
  });
  const remove = useAction(async (policy) => {
    await iam(`Delete${noun}Policy`, { ...who, PolicyName: policy });
    toast(t("policies.removed"));
    load.reload();
  });
  const save = async ({ name: policy, text }) => {
    await iam(`Put${noun}Policy`, { ...who, PolicyName: policy, PolicyDocument: text });
    load.reload();
  };
  const add = html`<${Button} icon="plus" onClick=${() => setEdited({ name: "", text: EXAMPLE })}>${t("policies.add_inline")}<//>`;
  return html`<${Card} title=${t("policies.inline")} actions=${add}><${ErrorBox} error=${load.error ?? open.error ?? remove.error} />
    <ul class="chips">${(load.data ?? []).map((policy) => html`<li class="chip"><button type="button" class="link" onClick=${() => open.run(policy)}><bdi>${policy}</bdi></button>
      <${Button} kind="quiet" icon="trash" label=${t("policies.remove", { name: policy })} onClick=${() => remove.run(policy)} /></li>`)}</ul>
    ${load.data && !load.data.length && html`<p class="soft">${t("policies.none_inline")}</p>`}
    ${edited && html`<${PolicyDialog} start=${edited} save=${save} onClose=${() => setEdited(null)} />`}<//>`;
}

/** A policy's name and document; `start.old`: its name stays. */
export function PolicyDialog({ start, save, onClose }) {
  const [name, setName] = useState(start.name);
  const [text, setText] = useState(start.text);
  const run = useAction(async () => {
    await save({ name: name.trim(), text });
    toast(t("action.saved"));
    onClose();
  });
  const wrong = isJson(text) ? "" : t("policy.not_json");
  return html`<${Dialog} open wide title=${start.old ? start.name : t("policies.new")} busy=${run.busy} error=${run.error} onClose=${onClose} onSubmit=${() => name.trim() && !wrong && run.run()}>
    ${!start.old && html`<${TextField} label=${t("policies.name")} value=${name} onValue=${setName} autocomplete="off" spellcheck=${false} />`}
    <${TextField} multiline class="tall" label=${t("policy.document")} error=${wrong} value=${text} onValue=${setText} /><//>`;
}

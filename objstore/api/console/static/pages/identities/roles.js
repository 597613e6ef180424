// Roles: rights that somebody takes on for a while. Who may take one on (its trust policy), and what it may do.
import { html, useState } from "../../lib/dom.js";
import { duration, time } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { documentOf, iam, iamAll } from "../../lib/iam.js";
import { go, link } from "../../lib/router.js";
import { first, textOf } from "../../lib/s3.js";
import { Button, Card, Confirm, Dialog, Empty, ErrorBox, Loaded, Table, TextField, toast } from "../../lib/ui.js";
import { useAction, useLoad } from "../../lib/use.js";
import { isJson } from "../buckets/policy.js";
import { PolicyCards } from "./holder.js";

const EXAMPLE = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: { AWS: "arn:aws:iam::000000000000:user/name" }, Action: "sts:AssumeRole" }] }, null, 2);

export function Roles({ name }) {
  return name === undefined ? html`<${List} />` : html`<${Role} key=${name} name=${name} />`;
}

function List() {
  const load = useLoad(() => iamAll("ListRoles", "Roles"), []);
  const [open, setOpen] = useState(false);
  const create = html`<${Button} kind="primary" icon="plus" onClick=${() => setOpen(true)}>${t("roles.create")}<//>`;
  const columns = [
    { key: "RoleName", label: t("roles.name"), wide: true, render: (row) => html`<a href=${link("identities", "roles", row.RoleName)}><bdi>${row.RoleName}</bdi></a>${row.Description && html`<div class="fine"><bdi>${row.Description}</bdi></div>`}` },
    { key: "Arn", label: "ARN", render: (row) => html`<code>${row.Arn}</code>` },
    { key: "session", label: t("roles.session"), align: "end", render: (row) => duration(Number(row.MaxSessionDuration)) },
    { key: "CreateDate", label: t("buckets.created"), render: (row) => time(row.CreateDate) },
  ];
  return html`<${Card} title=${t("identities.tab.roles")} hint=${t("roles.hint")} actions=${create}><${ErrorBox} error=${load.error} retry=${load.reload} />
    <${Table} label=${t("identities.tab.roles")} columns=${columns} rows=${load.data ?? []} rowKey=${(row) => row.RoleName} busy=${!load.data && load.loading}
      empty=${!load.error && html`<${Empty} icon="identities" title=${t("roles.none")} action=${create}>${t("roles.none_hint")}<//>`} />
    ${open && html`<${Create} onClose=${() => setOpen(false)} />`}<//>`;
}

function Create({ onClose }) {
  const [name, setName] = useState("");
  const [text, setText] = useState(EXAMPLE);
  const wrong = isJson(text) ? "" : t("policy.not_json");
  const make = useAction(async () => {
    await iam("CreateRole", { RoleName: name.trim(), AssumeRolePolicyDocument: text });
    onClose();
    go("identities", "roles", name.trim());
  });
  return html`<${Dialog} open wide title=${t("roles.create")} submit=${t("action.create")} busy=${make.busy} error=${make.error} onClose=${onClose} onSubmit=${() => name.trim() && !wrong && make.run()}>
    <${TextField} label=${t("roles.name")} value=${name} onValue=${setName} autocomplete="off" spellcheck=${false} />
    <${TextField} multiline class="tall" label=${t("roles.trust")} hint=${t("roles.trust_hint")} error=${wrong} value=${text} onValue=${setText} /><//>`;
}

function Trust({ name, load }) {
  const [text, setText] = useState(load.data.trust);
  const wrong = isJson(text) ? "" : t("policy.not_json");
  const save = useAction(async () => {
    await iam("UpdateAssumeRolePolicy", { RoleName: name, PolicyDocument: text });
    toast(t("action.saved"));
    load.reload();
  });
  return html`<div class="stack"><${TextField} multiline class="tall" label=${t("roles.trust")} hint=${t("roles.trust_hint")} error=${wrong} value=${text} onValue=${setText} />
    <${ErrorBox} error=${save.error} />
    <div><${Button} kind="primary" busy=${save.busy} disabled=${Boolean(wrong) || text === load.data.trust} onClick=${() => save.run()}>${t("action.save")}<//></div></div>`;
}

async function roleOf(name) {
  const role = first(await iam("GetRole", { RoleName: name }), "Role");
  return { trust: documentOf(role, "AssumeRolePolicyDocument"), arn: textOf(role, "Arn"), session: Number(textOf(role, "MaxSessionDuration")) };
}

function Role({ name }) {
  const load = useLoad(() => roleOf(name), [name]);
  const [removing, setRemoving] = useState(false);
  const remove = useAction(async () => {
    for (const policy of await iamAll("ListAttachedRolePolicies", "AttachedPolicies", { RoleName: name })) await iam("DetachRolePolicy", { RoleName: name, PolicyArn: policy.PolicyArn });
    for (const policy of await iamAll("ListRolePolicies", "PolicyNames", { RoleName: name })) await iam("DeleteRolePolicy", { RoleName: name, PolicyName: policy });
    await iam("DeleteRole", { RoleName: name });
    toast(t("roles.deleted", { name }));
    go("identities", "roles");
  });
  const actions = html`<${Button} kind="danger" icon="trash" onClick=${() => setRemoving(true)}>${t("action.delete")}<//>`;
  return html`<div class="grid"><${Card} title=${t("roles.role", { name })} actions=${actions}>
      <${Loaded} load=${load}>${(role) => html`<div class="stack"><dl class="facts"><dt>ARN</dt><dd><code>${role.arn}</code></dd><dt>${t("roles.session")}</dt><dd>${duration(role.session)}</dd></dl>
        <${Trust} key=${role.trust} name=${name} load=${load} /></div>`}<//>
      <${Confirm} open=${removing} title=${t("roles.delete", { name })} submit=${t("action.delete")} busy=${remove.busy} error=${remove.error} onClose=${() => setRemoving(false)} onConfirm=${() => remove.run()}>
        <p>${t("roles.delete_hint")}</p><//><//>
    <div class="stack"><${PolicyCards} noun="Role" name=${name} /></div></div>`;
}

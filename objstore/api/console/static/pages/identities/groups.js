// Groups: what their users may do together.
import { html, useState } from "../../lib/dom.js";
import { time } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { iam, iamAll } from "../../lib/iam.js";
import { go, link } from "../../lib/router.js";
import { Button, Card, Confirm, Dialog, Empty, ErrorBox, Loaded, Table, TextField, toast } from "../../lib/ui.js";
import { useAction, useLoad } from "../../lib/use.js";
import { PolicyCards } from "./holder.js";

export function Groups({ name }) {
  return name === undefined ? html`<${List} />` : html`<${Group} key=${name} name=${name} />`;
}

function List() {
  const load = useLoad(() => iamAll("ListGroups", "Groups"), []);
  const [open, setOpen] = useState(false);
  const [name, setName] = useState("");
  const make = useAction(async () => {
    await iam("CreateGroup", { GroupName: name.trim() });
    setOpen(false);
    go("identities", "groups", name.trim());
  });
  const create = html`<${Button} kind="primary" icon="plus" onClick=${() => setOpen(true)}>${t("groups.create")}<//>`;
  const columns = [
    { key: "GroupName", label: t("groups.name"), wide: true, render: (row) => html`<a href=${link("identities", "groups", row.GroupName)}><bdi>${row.GroupName}</bdi></a>` },
    { key: "Arn", label: "ARN", render: (row) => html`<code>${row.Arn}</code>` },
    { key: "CreateDate", label: t("buckets.created"), render: (row) => time(row.CreateDate) },
  ];
  return html`<${Card} title=${t("identities.tab.groups")} actions=${create}><${ErrorBox} error=${load.error} retry=${load.reload} />
    <${Table} label=${t("identities.tab.groups")} columns=${columns} rows=${load.data ?? []} busy=${!load.data && load.loading} empty=${!load.error && html`<${Empty} icon="identities" title=${t("groups.none")} action=${create} />`} />
    <${Dialog} open=${open} title=${t("groups.create")} submit=${t("action.create")} busy=${make.busy} error=${make.error} onClose=${() => setOpen(false)} onSubmit=${() => name.trim() && make.run()}>
      <${TextField} label=${t("groups.name")} value=${name} onValue=${setName} autocomplete="off" spellcheck=${false} /><//><//>`;
}

function Group({ name }) {
  const load = useLoad(() => iamAll("GetGroup", "Users", { GroupName: name }), [name]);
  const [removing, setRemoving] = useState(false);
  const leave = useAction(async (user) => {
    await iam("RemoveUserFromGroup", { GroupName: name, UserName: user });
    load.reload();
  });
  const remove = useAction(async () => {
    for (const user of load.data ?? []) await iam("RemoveUserFromGroup", { GroupName: name, UserName: user.UserName });
    for (const policy of await iamAll("ListAttachedGroupPolicies", "AttachedPolicies", { GroupName: name })) await iam("DetachGroupPolicy", { GroupName: name, PolicyArn: policy.PolicyArn });
    for (const policy of await iamAll("ListGroupPolicies", "PolicyNames", { GroupName: name })) await iam("DeleteGroupPolicy", { GroupName: name, PolicyName: policy });
    await iam("DeleteGroup", { GroupName: name });
    toast(t("groups.deleted", { name }));
    go("identities", "groups");
  });
  const actions = html`<${Button} kind="danger" icon="trash" onClick=${() => setRemoving(true)}>${t("action.delete")}<//>`;
  return html`<div class="grid"><${Card} title=${t("groups.members", { name })} actions=${actions}><${ErrorBox} error=${leave.error} />
    <${Loaded} load=${load}>${(users) => html`<ul class="chips">${users.map((user) => html`<li class="chip"><a href=${link("identities", "users", user.UserName)}><bdi>${user.UserName}</bdi></a>
      <${Button} kind="quiet" icon="close" label=${t("groups.take_out", { name: user.UserName })} onClick=${() => leave.run(user.UserName)} /></li>`)}</ul>
      ${!users.length && html`<p class="soft">${t("groups.empty")}</p>`}`}<//>
    <${Confirm} open=${removing} title=${t("groups.delete", { name })} submit=${t("action.delete")} busy=${remove.busy} error=${remove.error} onClose=${() => setRemoving(false)} onConfirm=${() => remove.run()}>
      <p>${t("groups.delete_hint")}</p><//><//>
    <div class="stack"><${PolicyCards} noun="Group" name=${name} /></div></div>`;
}

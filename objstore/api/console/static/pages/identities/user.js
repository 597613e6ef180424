// One user: keys, groups, attached and inline policies.
import { html, useState } from "../../lib/dom.js";
import { time } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { iam, iamAll, record } from "../../lib/iam.js";
import { go, link } from "../../lib/router.js";
import { first } from "../../lib/s3.js";
import { Badge, Button, Card, Confirm, ErrorBox, LinkButton, Loaded, Page, Select, Table, toast } from "../../lib/ui.js";
import { useAction, useLoad } from "../../lib/use.js";
import { PolicyCards } from "./holder.js";
import { SecretDialog } from "./secret.js";

export function UserPage({ name }) {
  const user = useLoad(async () => record(first(await iam("GetUser", { UserName: name }), "User")), [name]);
  const [removing, setRemoving] = useState(false);
  const actions = html`<${LinkButton} href=${link("identities", "tester", { user: name })}>${t("users.test")}<//>
    <${Button} kind="danger" icon="trash" onClick=${() => setRemoving(true)}>${t("action.delete")}<//>`;
  const crumbs = [[t("nav.identities"), link("identities")], [t("identities.tab.users"), link("identities", "users")]];
  return html`<${Page} title=${name} crumbs=${crumbs} actions=${actions}>
    <${Loaded} load=${user}>${(data) => html`<p class="soft"><code>${data.Arn}</code> · ${t("users.since", { time: time(data.CreateDate) })}</p>
      <div class="grid"><div class="stack"><${Keys} name=${name} /><${InGroups} name=${name} /></div>
      <div class="stack"><${PolicyCards} noun="User" name=${name} /></div></div>`}<//>
    <${RemoveUser} name=${name} open=${removing} onClose=${() => setRemoving(false)} /><//>`;
}

/** IAM deletes only users on whom nothing hangs. */
async function removeUser(name) {
  for (const key of await iamAll("ListAccessKeys", "AccessKeyMetadata", { UserName: name })) await iam("DeleteAccessKey", { UserName: name, AccessKeyId: key.AccessKeyId });
  for (const group of await iamAll("ListGroupsForUser", "Groups", { UserName: name })) await iam("RemoveUserFromGroup", { UserName: name, GroupName: group.GroupName });
  for (const policy of await iamAll("ListAttachedUserPolicies", "AttachedPolicies", { UserName: name })) await iam("DetachUserPolicy", { UserName: name, PolicyArn: policy.PolicyArn });
  for (const policy of await iamAll("ListUserPolicies", "PolicyNames", { UserName: name })) await iam("DeleteUserPolicy", { UserName: name, PolicyName: policy });
  await iam("DeleteUser", { UserName: name });
}

function RemoveUser({ name, open, onClose }) {
  const remove = useAction(async () => {
    await removeUser(name);
    toast(t("users.deleted", { name }));
    go("identities", "users");
  });
  return html`<${Confirm} open=${open} title=${t("users.delete", { name })} word=${name} submit=${t("action.delete")} busy=${remove.busy} error=${remove.error}
    onClose=${onClose} onConfirm=${() => remove.run()}><p>${t("users.delete_hint")}</p><//>`;
}

function Keys({ name }) {
  const load = useLoad(() => iamAll("ListAccessKeys", "AccessKeyMetadata", { UserName: name }), [name]);
  const [made, setMade] = useState(null);
  const [removed, setRemoved] = useState(null);
  const make = useAction(async () => {
    setMade(record(first(await iam("CreateAccessKey", { UserName: name }), "AccessKey")));
    load.reload();
  });
  const change = useAction(async (key) => {
    await iam("UpdateAccessKey", { UserName: name, AccessKeyId: key.AccessKeyId, Status: key.Status === "Active" ? "Inactive" : "Active" });
    load.reload();
  });
  const remove = useAction(async () => {
    await iam("DeleteAccessKey", { UserName: name, AccessKeyId: removed });
    toast(t("keys.deleted"));
    setRemoved(null);
    load.reload();
  });
  const columns = [
    { key: "AccessKeyId", label: t("keys.access"), wide: true, render: (row) => html`<code>${row.AccessKeyId}</code>` },
    { key: "Status", label: t("keys.state"), render: (row) => html`<${Badge} state=${row.Status === "Active" ? "ok" : ""}>${t(`keys.state.${row.Status}`)}<//>` },
    {
      key: "actions", label: html`<span class="visually-hidden">${t("buckets.actions")}</span>`, align: "end",
      render: (row) => html`<span class="actions end"><${Button} busy=${change.busy} onClick=${() => change.run(row)}>${t(row.Status === "Active" ? "keys.disable" : "keys.enable")}<//>
        <${Button} kind="quiet" icon="trash" label=${t("keys.delete_one", { key: row.AccessKeyId })} onClick=${() => setRemoved(row.AccessKeyId)} /></span>`,
    },
  ];
  return html`<${Card} title=${t("keys.title")} actions=${html`<${Button} icon="plus" busy=${make.busy} onClick=${() => make.run()}>${t("keys.create")}<//>`}>
    <${ErrorBox} error=${load.error ?? make.error ?? change.error} />
    <${Table} label=${t("keys.title")} columns=${columns} rows=${load.data ?? []} busy=${!load.data && load.loading} empty=${html`<p class="soft">${t("keys.none")}</p>`} />
    <${SecretDialog} made=${made} onClose=${() => setMade(null)} />
    <${Confirm} open=${removed !== null} title=${t("keys.delete")} submit=${t("action.delete")} busy=${remove.busy} error=${remove.error} onClose=${() => setRemoved(null)}
      onConfirm=${() => remove.run()}><p>${t("keys.delete_hint")}</p><p><code>${removed}</code></p><//><//>`;
}

function InGroups({ name }) {
  const load = useLoad(() => iamAll("ListGroupsForUser", "Groups", { UserName: name }), [name]);
  const all = useLoad(() => iamAll("ListGroups", "Groups"), []);
  const change = useAction(async (action, group) => {
    await iam(action, { UserName: name, GroupName: group });
    load.reload();
  });
  const mine = (load.data ?? []).map((one) => one.GroupName);
  const others = (all.data ?? []).map((one) => one.GroupName).filter((one) => !mine.includes(one));
  return html`<${Card} title=${t("identities.tab.groups")}><${ErrorBox} error=${load.error ?? change.error} />
    <ul class="chips">${mine.map((group) => html`<li class="chip"><a href=${link("identities", "groups", group)}><bdi>${group}</bdi></a>
      <${Button} kind="quiet" icon="close" label=${t("groups.leave", { name: group })} onClick=${() => change.run("RemoveUserFromGroup", group)} /></li>`)}</ul>
    ${!mine.length && html`<p class="soft">${t("groups.in_none")}</p>`}
    ${others.length > 0 && html`<${Select} label=${t("groups.join")} value="" options=${[["", t("groups.choose")], ...others.map((one) => [one, one])]} onValue=${(group) => group && change.run("AddUserToGroup", group)} />`}<//>`;
}

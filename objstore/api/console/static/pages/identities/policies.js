// Managed policies: ours to change, and those that AWS has under the same names.
import { html, useState } from "../../lib/dom.js";
import { t } from "../../lib/i18n.js";
import { documentOf, iam, iamAll } from "../../lib/iam.js";
import { first, textOf } from "../../lib/s3.js";
import { Badge, Button, Card, Confirm, Dialog, Empty, ErrorBox, Table, toast } from "../../lib/ui.js";
import { useAction, useLoad } from "../../lib/use.js";
import { EXAMPLE, PolicyDialog } from "./holder.js";

const VERSIONS_MAX = 5;
const isOurs = (row) => !row.Arn.startsWith("arn:aws:iam::aws:");

async function documentFor(arn) {
  const version = textOf(first(await iam("GetPolicy", { PolicyArn: arn }), "Policy"), "DefaultVersionId");
  return documentOf(first(await iam("GetPolicyVersion", { PolicyArn: arn, VersionId: version }), "PolicyVersion"), "Document");
}

/** A new version in force; the oldest goes where there are as many as there may be. */
async function newVersion(arn, text) {
  const versions = await iamAll("ListPolicyVersions", "Versions", { PolicyArn: arn });
  const others = versions.filter((one) => one.IsDefaultVersion !== "true").sort((a, b) => (a.CreateDate < b.CreateDate ? -1 : 1));
  if (versions.length >= VERSIONS_MAX) await iam("DeletePolicyVersion", { PolicyArn: arn, VersionId: others[0].VersionId });
  await iam("CreatePolicyVersion", { PolicyArn: arn, PolicyDocument: text, SetAsDefault: "true" });
}

async function removePolicy(arn) {
  for (const one of await iamAll("ListPolicyVersions", "Versions", { PolicyArn: arn })) {
    if (one.IsDefaultVersion !== "true") await iam("DeletePolicyVersion", { PolicyArn: arn, VersionId: one.VersionId });
  }
  await iam("DeletePolicy", { PolicyArn: arn });
}

export function Policies() {
  const load = useLoad(() => iamAll("ListPolicies", "Policies", { Scope: "All" }), []);
  const [edited, setEdited] = useState(null);
  const [shown, setShown] = useState(null);
  const [removed, setRemoved] = useState(null);
  const open = useAction(async (row) => {
    const text = await documentFor(row.Arn);
    (isOurs(row) ? setEdited : setShown)({ name: row.PolicyName, arn: row.Arn, text, old: true });
  });
  const save = async ({ name, text }) => {
    await (edited.old ? newVersion(edited.arn, text) : iam("CreatePolicy", { PolicyName: name, PolicyDocument: text }));
    load.reload();
  };
  const remove = useAction(async () => {
    await removePolicy(removed.Arn);
    toast(t("policies.removed"));
    setRemoved(null);
    load.reload();
  });
  const rows = [...(load.data ?? [])].sort((a, b) => isOurs(b) - isOurs(a) || (a.PolicyName < b.PolicyName ? -1 : 1));
  const columns = [
    { key: "PolicyName", label: t("policies.name"), wide: true, render: (row) => html`<button type="button" class="link" onClick=${() => open.run(row)}><bdi>${row.PolicyName}</bdi></button>` },
    { key: "kind", label: t("policies.kind"), render: (row) => html`<${Badge} state=${isOurs(row) ? "info" : ""}>${t(isOurs(row) ? "policies.ours" : "policies.aws")}<//>` },
    { key: "AttachmentCount", label: t("policies.count"), align: "end" },
    {
      key: "actions", label: html`<span class="visually-hidden">${t("buckets.actions")}</span>`, align: "end",
      render: (row) => isOurs(row) && html`<${Button} kind="quiet" icon="trash" label=${t("policies.remove", { name: row.PolicyName })} onClick=${() => setRemoved(row)} />`,
    },
  ];
  const create = html`<${Button} kind="primary" icon="plus" onClick=${() => setEdited({ name: "", text: EXAMPLE })}>${t("policies.new")}<//>`;
  return html`<${Card} title=${t("identities.tab.policies")} actions=${create}><${ErrorBox} error=${load.error ?? open.error} />
    <${Table} label=${t("identities.tab.policies")} columns=${columns} rows=${rows} rowKey=${(row) => row.Arn} busy=${!load.data && load.loading} empty=${!load.error && html`<${Empty} title=${t("policies.none")} />`} />
    ${edited && html`<${PolicyDialog} start=${edited} save=${save} onClose=${() => setEdited(null)} />`}
    <${Dialog} open=${shown !== null} wide title=${shown?.name ?? ""} onClose=${() => setShown(null)}><pre tabindex="0">${shown?.text}</pre><//>
    <${Confirm} open=${removed !== null} title=${t("policies.remove", { name: removed?.PolicyName })} submit=${t("action.delete")} busy=${remove.busy} error=${remove.error}
      onClose=${() => setRemoved(null)} onConfirm=${() => remove.run()}><p>${t("policies.remove_hint")}</p><//><//>`;
}

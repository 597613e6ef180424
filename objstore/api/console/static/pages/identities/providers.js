// OpenID Connect providers: whose tokens are taken for a role (AssumeRoleWithWebIdentity).
import { html, useState } from "../../lib/dom.js";
import { time } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { iam, iamAll } from "../../lib/iam.js";
import { all, first, textOf } from "../../lib/s3.js";
import { Button, Card, Confirm, Dialog, Empty, ErrorBox, Table, TextField, toast } from "../../lib/ui.js";
import { useAction, useLoad } from "../../lib/use.js";

const SHOWN = 100; // each is asked for by itself
const clientsIn = (text) => text.split(/[\s,]+/).filter(Boolean);

async function providers() {
  const arns = (await iamAll("ListOpenIDConnectProviders", "OpenIDConnectProviderList")).map((one) => one.Arn);
  return Promise.all(arns.slice(0, SHOWN).map(async (arn) => {
    const found = await iam("GetOpenIDConnectProvider", { OpenIDConnectProviderArn: arn });
    const clients = first(found, "ClientIDList");
    return { arn, url: textOf(found, "Url"), created: textOf(found, "CreateDate"), clients: clients ? all(clients, "member").map((one) => one.textContent) : [] };
  }));
}

export function Providers() {
  const load = useLoad(providers, []);
  const [open, setOpen] = useState(false);
  const [removed, setRemoved] = useState(null);
  const remove = useAction(async () => {
    await iam("DeleteOpenIDConnectProvider", { OpenIDConnectProviderArn: removed.arn });
    toast(t("providers.deleted"));
    setRemoved(null);
    load.reload();
  });
  const create = html`<${Button} kind="primary" icon="plus" onClick=${() => setOpen(true)}>${t("providers.create")}<//>`;
  const columns = [
    { key: "url", label: t("providers.url"), wide: true, render: (row) => html`<bdi>${row.url}</bdi><div class="fine"><code>${row.arn}</code></div>` },
    { key: "clients", label: t("providers.clients"), render: (row) => html`<bdi>${row.clients.join(", ") || "–"}</bdi>` },
    { key: "created", label: t("buckets.created"), render: (row) => time(row.created) },
    {
      key: "actions", label: html`<span class="visually-hidden">${t("buckets.actions")}</span>`, align: "end",
      render: (row) => html`<${Button} kind="quiet" icon="trash" label=${t("providers.remove", { url: row.url })} onClick=${() => setRemoved(row)} />`,
    },
  ];
  return html`<${Card} title=${t("identities.tab.providers")} hint=${t("providers.hint")} actions=${create}><${ErrorBox} error=${load.error} retry=${load.reload} />
    <${Table} label=${t("identities.tab.providers")} columns=${columns} rows=${load.data ?? []} rowKey=${(row) => row.arn} busy=${!load.data && load.loading}
      empty=${!load.error && html`<${Empty} icon="identities" title=${t("providers.none")} action=${create}>${t("providers.none_hint")}<//>`} />
    ${open && html`<${Create} onClose=${() => setOpen(false)} onDone=${load.reload} />`}
    <${Confirm} open=${removed !== null} title=${t("providers.remove", { url: removed?.url })} submit=${t("action.delete")} busy=${remove.busy} error=${remove.error} onClose=${() => setRemoved(null)} onConfirm=${() => remove.run()}>
      <p>${t("providers.remove_hint")}</p><//><//>`;
}

function Create({ onClose, onDone }) {
  const [url, setUrl] = useState("https://");
  const [clients, setClients] = useState("");
  const make = useAction(async () => {
    const list = Object.fromEntries(clientsIn(clients).map((one, at) => [`ClientIDList.member.${at + 1}`, one]));
    await iam("CreateOpenIDConnectProvider", { Url: url.trim(), ...list });
    toast(t("providers.made"));
    onClose();
    onDone();
  });
  return html`<${Dialog} open title=${t("providers.create")} submit=${t("action.create")} busy=${make.busy} error=${make.error} onClose=${onClose} onSubmit=${() => url.trim() && make.run()}>
    <${TextField} label=${t("providers.url")} hint=${t("providers.url_hint")} value=${url} onValue=${setUrl} autocomplete="off" spellcheck=${false} />
    <${TextField} multiline class="lines" label=${t("providers.clients")} hint=${t("providers.clients_hint")} value=${clients} onValue=${setClients} autocomplete="off" spellcheck=${false} /><//>`;
}

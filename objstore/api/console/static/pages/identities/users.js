// Users of the account: list, make, with a first key that is shown once.
import { html, useState } from "../../lib/dom.js";
import { time } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { iam, iamAll, record } from "../../lib/iam.js";
import { link } from "../../lib/router.js";
import { first } from "../../lib/s3.js";
import { Button, Card, Check, Dialog, Empty, ErrorBox, Table, TextField } from "../../lib/ui.js";
import { useAction, useLoad } from "../../lib/use.js";
import { SecretDialog } from "./secret.js";

export function Users() {
  const load = useLoad(() => iamAll("ListUsers", "Users"), []);
  const [open, setOpen] = useState(false);
  const [filter, setFilter] = useState("");
  const [secret, setSecret] = useState(null);
  const rows = (load.data ?? []).filter((row) => row.UserName.toLowerCase().includes(filter.toLowerCase()));
  const create = html`<${Button} kind="primary" icon="plus" onClick=${() => setOpen(true)}>${t("users.create")}<//>`;
  const columns = [
    { key: "UserName", label: t("users.name"), wide: true, render: (row) => html`<a href=${link("identities", "users", row.UserName)}><bdi>${row.UserName}</bdi></a>` },
    { key: "Arn", label: "ARN", render: (row) => html`<code>${row.Arn}</code>` },
    { key: "CreateDate", label: t("buckets.created"), render: (row) => time(row.CreateDate) },
  ];
  return html`<${Card} title=${t("identities.tab.users")} actions=${create}>
    <${ErrorBox} error=${load.error} retry=${load.reload} />
    ${(load.data ?? []).length > 8 && html`<div class="toolbar"><input type="search" aria-label=${t("users.filter")} placeholder=${t("users.filter")} value=${filter} onInput=${(event) => setFilter(event.currentTarget.value)} /></div>`}
    <${Table} label=${t("identities.tab.users")} columns=${columns} rows=${rows} rowKey=${(row) => row.UserName} busy=${load.loading && !load.data}
      empty=${!load.error && html`<${Empty} icon="identities" title=${t("users.none")} action=${create}>${t("users.none_hint")}<//>`} />
    <${Create} open=${open} onClose=${() => setOpen(false)} onDone=${(key) => { setSecret(key); load.reload(); }} />
    <${SecretDialog} made=${secret} onClose=${() => setSecret(null)} /><//>`;
}

function Create({ open, onClose, onDone }) {
  const [name, setName] = useState("");
  const [withKey, setWithKey] = useState(true);
  const make = useAction(async () => {
    await iam("CreateUser", { UserName: name.trim() });
    const key = withKey ? record(first(await iam("CreateAccessKey", { UserName: name.trim() }), "AccessKey")) : null;
    setName("");
    onClose();
    onDone(key);
  });
  return html`<${Dialog} open=${open} title=${t("users.create")} submit=${t("action.create")} busy=${make.busy} error=${make.error} onClose=${onClose} onSubmit=${() => name.trim() && make.run()}>
    <${TextField} label=${t("users.name")} hint=${t("users.name_hint")} value=${name} onValue=${setName} autocomplete="off" spellcheck=${false} />
    <${Check} label=${t("users.with_key")} checked=${withKey} onValue=${setWithKey} /><//>`;
}

// Archived objects: whether there is a copy that can be read, and asking for one.
import { html, useState } from "../../lib/dom.js";
import { t } from "../../lib/i18n.js";
import { restore } from "../../lib/s3.js";
import { Button, Dialog, Notice, TextField, toast } from "../../lib/ui.js";
import { useAction } from "../../lib/use.js";

const ARCHIVES = new Set(["GLACIER", "DEEP_ARCHIVE"]);
export const isArchived = (about) => Boolean(about.archive) || ARCHIVES.has(about.storageClass);
export const isReadable = (about) => !isArchived(about) || about.restore.includes('ongoing-request="false"');

export function Restore({ about, reload, bucket, name, versionId }) {
  const [open, setOpen] = useState(false);
  const [days, setDays] = useState("3");
  const ask = useAction(async () => {
    const status = await restore(bucket, name, versionId, about.archive ? 0 : Number(days));
    toast(t(status === 202 ? "restore.asked" : "restore.there"));
    setOpen(false);
    reload();
  });
  if (!isArchived(about)) return null;
  const ongoing = about.restore.includes('ongoing-request="true"');
  const until = about.restore.match(/expiry-date="([^"]*)"/)?.[1];
  const text = ongoing ? t("restore.ongoing") : isReadable(about) ? t("restore.readable", { time: until ?? "" }) : t("restore.archived");
  const actions = html`<${Button} icon="refresh" onClick=${() => reload()}>${t("action.refresh")}<//>
    ${!ongoing && html`<${Button} kind="primary" onClick=${() => setOpen(true)}>${t("restore.restore")}<//>`}`;
  return html`<${Notice} state=${isReadable(about) ? "ok" : "warning"} title=${t("restore.title")} actions=${actions}>${text}<//>
    <${Dialog} open=${open} title=${t("restore.restore")} submit=${t("restore.restore")} busy=${ask.busy} error=${ask.error} onClose=${() => setOpen(false)}
      onSubmit=${() => (about.archive || Number(days) > 0) && ask.run()}>
      ${about.archive ? html`<p>${t("restore.for_good")}</p>` : html`<${TextField} label=${t("restore.days")} hint=${t("restore.days_hint")} value=${days} onValue=${setDays} inputmode="numeric" />`}
    <//>`;
}

// Retention and legal hold of one version, in buckets that have object lock.
import { html, useState } from "../../lib/dom.js";
import { time } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { lockOf, setHold, setRetention } from "../../lib/s3.js";
import { Badge, Button, Card, Check, Dialog, Field, Notice, Select, toast } from "../../lib/ui.js";
import { useAction, useLoad } from "../../lib/use.js";

export function Lock({ about, reload, bucket, name, versionId }) {
  const lock = useLoad(() => lockOf(bucket), [bucket]);
  const [open, setOpen] = useState(false);
  const hold = useAction(async (on) => {
    await setHold(bucket, name, versionId, on);
    toast(t(on ? "lock.hold_on" : "lock.hold_off"));
    reload();
  });
  if (!lock.data?.enabled) return null;
  const edit = html`<${Button} kind="quiet" icon="lock" onClick=${() => setOpen(true)}>${t("lock.retention_edit")}<//>`;
  return html`<${Card} title=${t("lock.title")} actions=${edit}>
    <dl class="facts"><dt>${t("lock.retention")}</dt>
      <dd>${about.lockMode ? html`<${Badge} state="warning">${t(`lock.mode.${about.lockMode}`)}<//> ${t("lock.until", { time: time(about.lockUntil) })}` : t("lock.none")}</dd>
      <dt>${t("lock.hold")}</dt><dd><${Check} label=${t(about.hold ? "lock.held" : "lock.not_held")} checked=${about.hold} disabled=${hold.busy} onValue=${hold.run} />
      ${hold.error && html`<p class="field-error">${hold.error.message}</p>`}</dd></dl>
    ${open && html`<${Retention} about=${about} bucket=${bucket} name=${name} versionId=${versionId} onClose=${() => setOpen(false)} onDone=${reload} />`}
  <//>`;
}

function Retention({ about, bucket, name, versionId, onClose, onDone }) {
  const [mode, setMode] = useState(about.lockMode || "GOVERNANCE");
  const [until, setUntil] = useState(dateOf(about.lockUntil ? new Date(about.lockUntil) : new Date(Date.now() + 30 * 86400e3)));
  const [bypass, setBypass] = useState(false);
  const save = useAction(async () => {
    await setRetention(bucket, name, versionId, mode === "none" ? "" : mode, `${until}T00:00:00Z`, bypass);
    toast(t("action.saved"));
    onClose();
    onDone();
  });
  const modes = [...["GOVERNANCE", "COMPLIANCE"].map((one) => [one, t(`lock.mode.${one}`)]), ...(about.lockMode ? [["none", t("lock.none")]] : [])];
  return html`<${Dialog} open title=${t("lock.retention_edit")} busy=${save.busy} error=${save.error} onClose=${onClose} onSubmit=${() => save.run()}>
    <${Select} label=${t("lock.mode")} value=${mode} options=${modes} onValue=${setMode} />
    ${mode === "COMPLIANCE" && html`<${Notice} state="warning">${t("lock.compliance_hint")}<//>`}
    ${mode !== "none" && html`<${Field} label=${t("lock.until_label")}>${(id) => html`<input id=${id} type="date" value=${until} onInput=${(event) => setUntil(event.currentTarget.value)} />`}<//>`}
    ${about.lockMode === "GOVERNANCE" && html`<${Check} label=${t("lock.bypass")} checked=${bypass} onValue=${setBypass} />`}
  <//>`;
}

const dateOf = (date) => date.toISOString().slice(0, 10);

// A new key, shown once: the server keeps its secret sealed and never says it again.
import { html } from "../../lib/dom.js";
import { t } from "../../lib/i18n.js";
import { Button, copyText, Dialog, Notice } from "../../lib/ui.js";

export function SecretDialog({ made, onClose }) {
  if (!made) return null;
  const line = (label, value) => html`<dt>${label}</dt><dd class="row"><code>${value}</code><${Button} kind="quiet" icon="copy" label=${t("keys.copy", { name: label })} onClick=${() => copyText(value)} /></dd>`;
  return html`<${Dialog} open title=${t("keys.made")} onClose=${onClose}>
    <${Notice} state="warning">${t("keys.once")}<//>
    <dl class="facts">${line(t("keys.access"), made.AccessKeyId)}${line(t("keys.secret"), made.SecretAccessKey)}</dl><//>`;
}

// What is being uploaded: how far, what failed, what was there already.
import { html } from "../../lib/dom.js";
import { bytes } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { visible } from "../../lib/names.js";
import { useSignal } from "../../lib/state.js";
import { Badge, Button, Card, Meter } from "../../lib/ui.js";
import { uploads, uploadsChanged } from "../../lib/uploads.js";

const STATES = { done: "ok", failed: "bad", exists: "warning", canceled: "", waiting: "", sending: "info" };
const SHOWN = 200;

export function UploadPanel() {
  useSignal(uploadsChanged);
  const { items } = uploads;
  if (!items.length) return null;
  const total = items.reduce((sum, one) => sum + one.size, 0);
  const sent = items.reduce((sum, one) => sum + one.sent, 0);
  const clear = html`<${Button} kind="quiet" onClick=${() => uploads.clear()}>${t("upload.clear")}<//>`;
  return html`<${Card} title=${t("upload.title")} hint=${t("upload.sum", { n: items.length, sent: bytes(sent), total: bytes(total) })} actions=${clear}>
    <ul class="uploads" aria-live="polite">${items.slice(-SHOWN).reverse().map((item) => html`<${Item} key=${item.id} item=${item} />`)}</ul><//>`;
}

function Item({ item }) {
  const { state } = item;
  return html`<li data-state=${state}><span class="upload-name"><bdi>${visible(item.key)}</bdi></span>
    <${Meter} value=${item.size ? item.sent / item.size : state === "done" ? 1 : 0} label=${t("upload.progress", { name: item.key })} state=${state === "failed" ? "bad" : ""}
      text=${`${bytes(item.sent)} / ${bytes(item.size)}`} />
    <${Badge} state=${STATES[state]}>${t(`upload.state.${state}`)}<//>
    <span class="actions">
      ${["waiting", "sending"].includes(state) && html`<${Button} kind="quiet" icon="close" label=${t("upload.cancel", { name: item.key })} onClick=${() => uploads.cancel(item)} />`}
      ${state === "exists" && html`<${Button} onClick=${() => uploads.again(item, true)}>${t("upload.replace")}<//>`}
      ${["failed", "canceled"].includes(state) && html`<${Button} icon="refresh" onClick=${() => uploads.again(item)}>${t("action.retry")}<//>`}
    </span>
    ${item.error && state !== "exists" && html`<p class="field-error"><bdi>${item.error}</bdi></p>`}</li>`;
}

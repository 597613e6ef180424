// The zip that is being made: how far, or why it failed.
import { html } from "../../lib/dom.js";
import { bytes } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { visible } from "../../lib/names.js";
import { useSignal } from "../../lib/state.js";
import { Button, Card, ErrorBox, Meter } from "../../lib/ui.js";
import { cancelZip, zipping } from "../../lib/zip.js";

export function ZipPanel() {
  const zip = useSignal(zipping);
  if (!zip) return null;
  const running = zip.state === "running";
  const stop = html`<${Button} kind="quiet" onClick=${cancelZip}>${t(running ? "action.cancel" : "action.close")}<//>`;
  return html`<${Card} title=${t("zip.title", { name: visible(zip.name) })} actions=${stop}>
    <p class="soft"><bdi>${visible(zip.key)}</bdi></p>
    <${Meter} value=${zip.total ? zip.sent / zip.total : 0} state=${running ? "" : "bad"} label=${t("zip.progress")} text=${`${bytes(zip.sent)} / ${bytes(zip.total)}`} />
    <${ErrorBox} error=${zip.error} /><//>`;
}

// Links that work without the session: signed by the server with one's own key, for a limited time.
import { html, useEffect, useState } from "../../lib/dom.js";
import { admin } from "../../lib/api.js";
import { time } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { Button, copyText, Dialog, Select, toast } from "../../lib/ui.js";
import { useAction } from "../../lib/use.js";

const TIMES = [[900, "15m"], [3600, "1h"], [86400, "1d"], [604800, "7d"]];

async function signed(given) {
  const link = await admin("POST", "/presign", { json: given });
  return { ...link, url: link.url.replace(/^https?:/, location.protocol) }; // TLS may end before the server
}

/** The browser's own download: nothing of the object passes through this page. */
export async function download(bucket, key, versionId) {
  try {
    const name = key.split("/").filter(Boolean).at(-1) ?? "object";
    const link = await signed({ bucket, key, version_id: versionId || null, seconds: 300, download: name.slice(0, 200) });
    const anchor = Object.assign(document.createElement("a"), { href: link.url, download: name, rel: "noopener" });
    document.body.append(anchor);
    anchor.click();
    anchor.remove();
  } catch (error) {
    toast(error.message, { state: "bad" });
  }
}

export function LinkDialog({ open, bucket, name, versionId, onClose }) {
  const [seconds, setSeconds] = useState(3600);
  const [link, setLink] = useState(null);
  const make = useAction(async () => setLink(await signed({ bucket, key: name, version_id: versionId || null, seconds })));
  useEffect(() => setLink(null), [open, seconds, name]);
  return html`<${Dialog} open=${open} title=${t("link.title")} submit=${t("link.make")} busy=${make.busy} error=${make.error} onClose=${onClose} onSubmit=${() => make.run()}>
    <p class="hint">${t("link.hint")}</p>
    <${Select} label=${t("link.lasts")} value=${String(seconds)} options=${TIMES.map(([value, key]) => [String(value), t(`link.time.${key}`)])} onValue=${(value) => setSeconds(Number(value))} />
    ${link && html`<div class="field"><label for="made-link">${t("link.made", { time: time(link.expires) })}</label>
      <textarea id="made-link" class="short" readonly value=${link.url}></textarea></div>
      <div><${Button} icon="copy" onClick=${() => copyText(link.url)}>${t("action.copy")}<//></div>`}
  <//>`;
}

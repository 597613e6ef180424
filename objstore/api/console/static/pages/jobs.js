import { html } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { Page, Spinner } from "../lib/ui.js";

export default function Stub() {
  return html`<${Page} title=${t("nav.jobs")}><${Spinner} /><//>`;
}

// Lifecycle: what waits everywhere; then the rules of one bucket, what they would do, and why for one object.
import { html } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { link } from "../lib/router.js";
import { LinkButton, Page, Tabs } from "../lib/ui.js";
import { Editor } from "./lifecycle/editor.js";
import { Explain } from "./lifecycle/explain.js";
import { Everywhere } from "./lifecycle/everywhere.js";
import { Status } from "./lifecycle/status.js";

const TABS = { rules: Editor, status: Status, explain: Explain };

export default function Lifecycle({ path, query }) {
  const [bucket, tab = "rules"] = path;
  if (bucket === undefined) return html`<${Page} title=${t("nav.lifecycle")} lead=${t("lifecycle.lead")}><${Everywhere} /><//>`;
  const Tab = TABS[tab] ?? Editor;
  const actions = html`<${LinkButton} icon="buckets" href=${link("buckets", bucket)}>${t("lifecycle.to_objects")}<//>`;
  return html`<${Page} title=${bucket} crumbs=${[[t("nav.lifecycle"), link("lifecycle")]]} actions=${actions} wide=${tab === "rules"}>
    <${Tabs} label=${t("lifecycle.tabs")} tabs=${Object.keys(TABS).map((one) => [one, t(`lifecycle.tab.${one}`)])} current=${tab in TABS ? tab : "rules"}
      hrefOf=${(one) => link("lifecycle", bucket, one)} />
    <${Tab} key=${`${bucket}/${query.key ?? ""}`} bucket=${bucket} query=${query} /><//>`;
}

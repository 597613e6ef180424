// One bucket: its objects, a search over them, what it holds, its settings.
import { html, useState } from "../../lib/dom.js";
import { session } from "../../lib/api.js";
import { t } from "../../lib/i18n.js";
import { go, link } from "../../lib/router.js";
import { Button, LinkButton, Page, Tabs } from "../../lib/ui.js";
import { Acl } from "./acl.js";
import { Cors } from "./cors.js";
import { Remove } from "./list.js";
import { Notifications } from "./notifications.js";
import { Objects } from "./objects.js";
import { PolicyTab } from "./policy.js";
import { Reports } from "./reports.js";
import { Search } from "./search.js";
import { Settings } from "./settings.js";
import { Summary } from "./summary.js";
import { Website } from "./website.js";

const TABS = { objects: Objects, search: Search, summary: Summary, settings: Settings, policy: PolicyTab, acl: Acl, cors: Cors, events: Notifications, reports: Reports, website: Website };

export function BucketPage({ name, tab, query }) {
  const [removing, setRemoving] = useState(false);
  const Tab = TABS[tab] ?? Objects;
  const tabs = Object.keys(TABS).map((one) => [one, t(`bucket.tab.${one}`)]);
  const actions = html`${session.value.root && html`<${LinkButton} icon="lifecycle" href=${link("lifecycle", name)}>${t("nav.lifecycle")}<//>`}
    <${Button} kind="danger" icon="trash" onClick=${() => setRemoving(true)}>${t("buckets.delete")}<//>`;
  return html`<${Page} title=${name} crumbs=${[[t("nav.buckets"), link("buckets")]]} actions=${actions}>
    <${Tabs} label=${t("bucket.tabs")} tabs=${tabs} current=${tab in TABS ? tab : "objects"} hrefOf=${(one) => link("buckets", name, ...(one === "objects" ? [] : [one]))} />
    <${Tab} bucket=${name} query=${query} />
    <${Remove} name=${removing ? name : null} onClose=${() => setRemoving(false)} onDone=${() => go("buckets")} />
  <//>`;
}

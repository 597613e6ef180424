// Identities: users with their keys, groups, roles, policies, providers, and a tester for what they come to.
import { html } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { link } from "../lib/router.js";
import { Page, Tabs } from "../lib/ui.js";
import { Groups } from "./identities/groups.js";
import { Policies } from "./identities/policies.js";
import { Providers } from "./identities/providers.js";
import { Roles } from "./identities/roles.js";
import { Tester } from "./identities/tester.js";
import { UserPage } from "./identities/user.js";
import { Users } from "./identities/users.js";

const TABS = { users: Users, groups: Groups, roles: Roles, policies: Policies, providers: Providers, tester: Tester };

export default function Identities({ path, query }) {
  const [tab = "users", name] = path;
  if (tab === "users" && name !== undefined) return html`<${UserPage} key=${name} name=${name} />`;
  const Tab = TABS[tab] ?? Users;
  return html`<${Page} title=${t("nav.identities")} lead=${t("identities.lead")}>
    <${Tabs} label=${t("identities.tabs")} tabs=${Object.keys(TABS).map((one) => [one, t(`identities.tab.${one}`)])} current=${tab in TABS ? tab : "users"}
      hrefOf=${(one) => link("identities", one)} />
    <${Tab} name=${name} query=${query} /><//>`;
}

// One object: what it is, what it holds, its tags, metadata, lock and versions, and what can be done with it.
import { html, useState } from "../../lib/dom.js";
import { session } from "../../lib/api.js";
import { bytes, time } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { visible } from "../../lib/names.js";
import { go, link } from "../../lib/router.js";
import { head, tagsOf, versioningOf } from "../../lib/s3.js";
import { Badge, Button, Card, Empty, ErrorBox, LinkButton, Page, Spinner, Tabs } from "../../lib/ui.js";
import { useLoad } from "../../lib/use.js";
import { Acl } from "./acl.js";
import { DeleteObjects } from "./delete.js";
import { download, LinkDialog } from "./link.js";
import { Lock } from "./lock.js";
import { MetadataCard, TagsCard } from "./pairs.js";
import { Preview } from "./preview.js";
import { Restore } from "./restore.js";
import { Versions } from "./versions.js";

const TABS = ["details", "preview", "versions", "acl"];

export function ObjectPage({ bucket, name, versionId, tab }) {
  const current = TABS.includes(tab) ? tab : "details";
  const [dialog, setDialog] = useState("");
  const versioning = useLoad(() => versioningOf(bucket), [bucket]);
  const load = useLoad(() => head(bucket, name, versionId), [bucket, name, versionId]);
  const prefix = name.slice(0, name.lastIndexOf("/") + 1);
  const levels = prefix.split("/").slice(0, -1).map((part, i, all) => [visible(part) || "␣", link("buckets", bucket, { prefix: `${all.slice(0, i + 1).join("/")}/` })]);
  const crumbs = [[t("nav.buckets"), link("buckets")], [bucket, link("buckets", bucket)], ...levels];
  const here = (one) => link("buckets", bucket, "object", { key: name, version: versionId, tab: one === "details" ? "" : one });
  const away = () => go("buckets", bucket, { prefix });
  const actions = load.data && html`
    <${Button} kind="primary" icon="download" onClick=${() => download(bucket, name, versionId)}>${t("object.download")}<//>
    <${Button} icon="link" onClick=${() => setDialog("link")}>${t("object.link")}<//>
    ${session.value.root && html`<${LinkButton} icon="lifecycle" href=${link("lifecycle", bucket, "explain", { key: name, version: versionId })}>${t("object.rules")}<//>`}
    <${Button} kind="danger" icon="trash" onClick=${() => setDialog("delete")}>${t("action.delete")}<//>`;
  return html`<${Page} title=${visible(name.slice(prefix.length) || name)} crumbs=${crumbs} actions=${actions}>
    <${Tabs} label=${t("object.tabs")} tabs=${TABS.map((one) => [one, t(`object.tab.${one}`)])} current=${current} hrefOf=${here} />
    ${current === "versions"
      ? html`<${Versions} bucket=${bucket} name=${name} versioning=${versioning.data ?? ""} onChange=${load.reload} />`
      : html`<${Body} load=${load} tab=${current} bucket=${bucket} name=${name} versionId=${versionId} versioning=${versioning.data ?? ""} toVersions=${here("versions")} />`}
    <${LinkDialog} open=${dialog === "link"} bucket=${bucket} name=${name} versionId=${versionId} onClose=${() => setDialog("")} />
    <${DeleteObjects} bucket=${bucket} objects=${dialog === "delete" ? [{ key: name, versionId }] : null} versioning=${versioning.data ?? ""}
      onClose=${() => setDialog("")} onDone=${away} />
  <//>`;
}

function Body({ load, tab, bucket, name, versionId, versioning, toVersions }) {
  if (load.error && [404, 405].includes(load.error.status)) {
    const action = html`<${LinkButton} href=${toVersions}>${t("object.tab.versions")}<//>`;
    return html`<${Card}><${Empty} icon="file" title=${t("object.gone")} action=${versioning && action}>${t("object.gone_hint")}<//><//>`;
  }
  if (load.error) return html`<${ErrorBox} error=${load.error} retry=${load.reload} />`;
  if (!load.data) return html`<${Spinner} />`;
  if (tab === "acl") return html`<${Acl} bucket=${bucket} name=${name} versionId=${versionId} />`;
  if (tab === "preview") return html`<${Preview} bucket=${bucket} name=${name} versionId=${versionId} about=${load.data} />`;
  return html`<${Details} about=${load.data} reload=${load.reload} bucket=${bucket} name=${name} versionId=${versionId} />`;
}

function Details({ about, reload, bucket, name, versionId }) {
  const tags = useLoad(() => tagsOf(bucket, name, versionId), [bucket, name, versionId]);
  const same = { bucket, name, versionId };
  return html`<${Restore} about=${about} reload=${reload} ...${same} />
    <div class="grid"><${Card} title=${t("object.about")}><${Facts} about=${about} bucket=${bucket} name=${name} /><//>
      <div class="stack"><${TagsCard} load=${tags} ...${same} /><${MetadataCard} about=${about} reload=${reload} ...${same} />
        <${Lock} about=${about} reload=${reload} ...${same} /></div></div>`;
}

function Facts({ about, bucket, name }) {
  const rows = [
    ["key", html`<code><bdi>${visible(name)}</bdi></code>`],
    ["uri", html`<code><bdi>${visible(`s3://${bucket}/${name}`)}</bdi></code>`],
    ["size", `${bytes(about.size)} (${about.size.toLocaleString()} B)`],
    ["modified", time(about.modified)],
    ["type", about.type && html`<code><bdi>${visible(about.type)}</bdi></code>`],
    ["encoding", about.contentEncoding && html`<code>${about.contentEncoding}</code>`],
    ["cache", about.cacheControl && html`<code>${about.cacheControl}</code>`],
    ["class", html`<${Badge} state="info">${about.storageClass}<//>${about.archive && html` <${Badge} state="warning">${about.archive}<//>`}`],
    ["etag", html`<code>${about.etag}</code>`],
    ["version", about.versionId && html`<code>${about.versionId}</code>`],
    ["encryption", about.encryption],
    ["expiration", about.expiration && html`<code>${about.expiration}</code>`],
  ];
  return html`<dl class="facts">${rows.filter(([, value]) => value).map(([key, value]) => html`<dt>${t(`object.fact.${key}`)}</dt><dd>${value}</dd>`)}</dl>`;
}

// Where an object is: its versions, each fragment's drive, how warm it is, and what will happen to it next.
import { html, useState } from "../lib/dom.js";
import { ago, bytes, number, time } from "../lib/format.js";
import { t, tName } from "../lib/i18n.js";
import { go, link } from "../lib/router.js";
import { Badge, Button, Card, Empty, ErrorBox, LinkButton, Page, Spinner, TextField } from "../lib/ui.js";
import { useAdmin } from "../lib/use.js";
import { actionText } from "../lib/acts.js";
import { DRIVE_STATES } from "./picture/rack.js";

function Fragment({ shard }) {
  const lost = shard.damaged || ["suspect", "gone"].includes(shard.drive_state) || !shard.drive;
  const state = shard.damaged ? t("locate.damaged") : tName("state", shard.drive_state);
  return html`<div class="fragment ${shard.role} ${lost ? "bad" : ""} ${shard.holds_bytes ? "reads" : ""}">
    <strong>${shard.column + 1}</strong> ${t(`locate.${shard.role}`)}
    <div>${shard.drive ? html`<a href=${link("cluster", "drive", shard.drive)}><bdi title=${shard.address}>${shard.address.length > 28 ? `…/${shard.address.split("/").slice(-1)[0]}` : shard.address}</bdi></a>` : "–"}</div>
    <div class="fine"><bdi>${[shard.node, shard.rack, shard.zone].filter(Boolean).join(" · ")}</bdi></div>
    <${Badge} state=${shard.damaged ? "bad" : DRIVE_STATES[shard.drive_state] ?? "warning"}>${state}<//></div>`;
}

function Extent({ extent }) {
  return html`<div class="extent"><p class="fine">${t("locate.extent", { volume: extent.volume.slice(0, 12), kind: tName("locate.kind", extent.kind), profile: extent.profile, bytes: bytes(extent.length), offset: number(extent.offset) })}</p>
    <div class="fragments">${extent.shards.map((shard) => html`<${Fragment} key=${shard.column} shard=${shard} />`)}</div></div>`;
}

function Version({ bucket, name, one }) {
  const lost = one.can_lose !== null && one.can_lose !== undefined;
  const title = one.version_id === "null" ? t("locate.version_null") : one.version_id;
  return html`<${Card} title=${html`<bdi>${title}</bdi>`} hint=${one.is_latest ? t("locate.latest") : t("locate.older")}
    actions=${html`<a href=${link("buckets", bucket, { key: name })}>${t("locate.open")}</a>`}>
    ${one.delete_marker ? html`<p>${t("locate.marker", { time: time(one.modified) })}</p>` : html`
    <dl class="facts">
      <dt>${t("locate.size")}</dt><dd>${bytes(one.size)} (${number(one.size)} B)</dd>
      <dt>${t("map.tier")}</dt><dd>${one.tier ?? "–"} · ${one.storage_class}</dd>
      <dt>${t("locate.modified")}</dt><dd>${time(one.modified)} (${ago(one.modified)})</dd>
      <dt>${t("locate.access")}</dt><dd>${one.last_access ?? t("locate.unknown")}${one.heat === null || one.heat === undefined ? "" : ` · ${t("locate.heat", { heat: number(one.heat, 1) })}`}</dd>
      <dt>ETag</dt><dd><code>${one.etag}</code></dd>
      <dt>${t("locate.safe")}</dt><dd>${lost ? html`<${Badge} state=${one.can_lose <= 0 ? "bad" : one.can_lose === 1 ? "warning" : "ok"}>${t("repair.can_lose", { count: one.can_lose })}<//>` : "–"}</dd>
      <dt>${t("locate.next")}</dt><dd>${one.next ? html`${actionText(one.next.to ? `${one.next.action}:${one.next.to}` : one.next.action)}, ${ago(one.next.at)} <span class="fine"><bdi>${one.next.rule}${one.next.why ? `: ${one.next.why}` : ""}</bdi></span>` : t("locate.nothing_next")}</dd>
    </dl>
    ${one.extents.map((extent) => html`<${Extent} extent=${extent} />`)}
    ${one.extents.length === 0 && html`<p class="soft">${t("locate.empty")}</p>`}
    ${one.extents_truncated && html`<p class="fine">${t("locate.more_extents")}</p>`}`}<//>`;
}

function Found({ bucket, name }) {
  const load = useAdmin("/locate", { query: { bucket, key: name }, every: 10 });
  if (load.error?.status === 404) return html`<${Empty} icon="search" title=${t("locate.none")} action=${html`<${LinkButton} href=${link("buckets", bucket)}>${t("locate.to_bucket")}<//>`}>${t("locate.none_hint")}<//>`;
  if (load.error) return html`<${ErrorBox} error=${load.error} retry=${load.reload} />`;
  if (!load.data) return html`<${Spinner} />`;
  return html`<div class="stack">${load.data.versions.map((one) => html`<${Version} key=${one.version_id} bucket=${bucket} name=${name} one=${one} />`)}
    ${load.data.truncated && html`<p class="fine">${t("locate.more_versions")}</p>`}</div>`;
}

export default function Locate({ query }) {
  const [bucket, setBucket] = useState(query.bucket ?? "");
  const [name, setName] = useState(query.key ?? "");
  const find = (event) => {
    event.preventDefault();
    if (bucket && name) go("locate", { bucket, key: name });
  };
  const isAsked = query.bucket && query.key;
  return html`<${Page} title=${isAsked ? query.key : t("nav.locate")} lead=${t("locate.lead")} crumbs=${isAsked ? [[t("nav.locate"), link("locate")], [query.bucket, link("buckets", query.bucket)]] : []}>
    <form class="card form-row" onSubmit=${find}><${TextField} label=${t("moves.bucket")} value=${bucket} onValue=${setBucket} spellcheck=${false} autocapitalize="none" />
      <${TextField} label=${t("locate.key")} value=${name} onValue=${setName} spellcheck=${false} autocapitalize="none" />
      <div class="field"><span class="filler" aria-hidden="true"></span><${Button} type="submit" kind="primary" icon="search">${t("locate.find")}<//></div></form>
    ${isAsked && html`<${Found} key=${`${query.bucket}/${query.key}`} bucket=${query.bucket} name=${query.key} />`}
  <//>`;
}

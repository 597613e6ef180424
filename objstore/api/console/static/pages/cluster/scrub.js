// Scrub and fsck: walks over drives that read everything, or look whether files and rows agree.
import { html, useState } from "../../lib/dom.js";
import { admin } from "../../lib/api.js";
import { ago, bytes, duration, number } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { link } from "../../lib/router.js";
import { Badge, Button, Card, Choice, Empty, ErrorBox, Loaded, Meter, Notice, Table, toast } from "../../lib/ui.js";
import { useAction, useAdmin } from "../../lib/use.js";

const PATHS = { scrub: "/repair/scrub", fsck: "/fsck" };

function Walks({ walks, drives, start, busy }) {
  const address = (id) => drives.find((drive) => drive.id === id)?.address ?? id.slice(0, 12);
  const columns = [
    { key: "drive", label: t("drive.drive"), render: (one) => html`<a href=${link("cluster", "drive", one.drive)}><bdi>${address(one.drive)}</bdi></a> <span class="fine">${one.tier}</span>` },
    { key: "progress", label: t("walk.progress"), wide: true, render: (one) => (one.running || one.shards
      ? html`<${Meter} value=${one.total_shards ? one.shards / one.total_shards : 1} label=${t("walk.progress_of", { drive: address(one.drive) })} text=${`${number(one.shards)} / ${number(one.total_shards)}`} />`
      : html`<span class="soft">${t("walk.next", { time: ago(one.next_run) })}</span>`) },
    { key: "eta", label: t("walk.eta"), align: "end", render: (one) => duration(one.remaining_seconds) },
    { key: "problems", label: t("walk.problems"), align: "end", render: (one) => (one.problems + one.last_problems ? html`<${Badge} state="bad">${number(one.problems || one.last_problems)}<//>` : "0") },
    { key: "last", label: t("walk.last"), render: (one) => html`${one.last_finished ? `${ago(one.last_finished)} · ${bytes(one.last_bytes)}` : t("walk.never")}${one.last_error && html`<div class="fine"><bdi>${one.last_error}</bdi></div>`}` },
    { key: "start", label: t("walk.start"), align: "end", render: (one) => html`<${Button} kind="quiet" icon="play" label=${t("walk.start_drive", { drive: address(one.drive) })} disabled=${busy || one.running} onClick=${() => start(one.drive)} />` },
  ];
  return html`<${Table} label=${t("cluster.tab.checks")} columns=${columns} rows=${walks} rowKey=${(one) => one.drive}
    empty=${html`<${Empty} icon="info" title=${t("walk.none")} action=${html`<${Button} kind="primary" busy=${busy} onClick=${() => start()}>${t("walk.start_all")}<//>`} />`} />`;
}

function Orphans({ orphans, drives }) {
  const columns = [
    { key: "drive", label: t("drive.drive"), render: (one) => html`<bdi>${drives.find((drive) => drive.id === one.drive)?.address ?? one.drive}</bdi>` },
    { key: "file", label: t("walk.file"), render: (one) => html`<code>${one.file}</code>` },
    { key: "bytes", label: t("map.bytes"), align: "end", render: (one) => bytes(one.bytes) },
    { key: "since", label: t("walk.since"), render: (one) => ago(one.since) },
    { key: "state", label: t("drive.state"), render: (one) => (one.quarantined ? t("walk.quarantined") : t("walk.waiting")) },
  ];
  return html`<${Card} title=${t("walk.orphans")} hint=${t("walk.orphans_hint")}><${Table} label=${t("walk.orphans")} columns=${columns} rows=${orphans} empty=${html`<${Empty} icon="check" title=${t("walk.no_orphans")} />`} /><//>`;
}

export function Scrub({ drives }) {
  const [kind, setKind] = useState("scrub");
  const load = useAdmin(PATHS[kind], { every: 3 });
  const { run, busy, error } = useAction(async (drive) => {
    await admin("POST", PATHS[kind], { query: { drive } });
    toast(t("walk.started"));
    load.reload();
  });
  const actions = html`<${Choice} label=${t("walk.kind")} value=${kind} onValue=${setKind} options=${[["scrub", t("walk.scrub")], ["fsck", t("walk.fsck")]]} />
    <${Button} icon="play" busy=${busy} onClick=${() => run()}>${t("walk.start_all")}<//>`;
  return html`<div class="stack"><${Card} title=${t(`walk.${kind}`)} hint=${t(`walk.${kind}_hint`)} actions=${actions}><${ErrorBox} error=${error} />
    <${Loaded} load=${load}>${(data) => html`${data.missing > 0 && html`<${Notice} state="bad">${t("walk.missing", { count: number(data.missing) })}<//>`}
      <${Walks} walks=${data.drives} drives=${drives} start=${run} busy=${busy} />`}<//><//>
    ${kind === "fsck" && load.data?.orphans && html`<${Orphans} orphans=${load.data.orphans} drives=${drives} />`}</div>`;
}

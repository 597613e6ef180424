// Space: tiers, their profiles and volumes; reencoding and compaction.
import { html, useState } from "../../lib/dom.js";
import { admin } from "../../lib/api.js";
import { ago, bytes, number, percent } from "../../lib/format.js";
import { t, tName } from "../../lib/i18n.js";
import { Badge, Button, Card, Confirm, ErrorBox, Loaded, Meter, Table, toast } from "../../lib/ui.js";
import { useAction, useAdmin } from "../../lib/use.js";

function Reencoding({ job }) {
  const all = job.bytes + job.left_bytes;
  return html`<div class="stack"><div class="row"><${Badge} state=${job.finished ? "ok" : "info"}>${job.finished ? t("space.reencoded", { time: ago(job.finished) }) : t("space.reencoding", { profile: job.profile })}<//></div>
    ${!job.finished && html`<${Meter} value=${all ? job.bytes / all : 1} label=${t("space.reencode")} text=${t("space.reencode_left", { bytes: bytes(job.left_bytes), count: number(job.left_volumes) })} />`}
    ${job.last_error && html`<p class="fine"><bdi>${job.last_error}</bdi></p>`}</div>`;
}

function Tier({ tier, ask }) {
  const columns = [
    { key: "profile", label: t("space.profile"), render: (one) => html`${one.profile} ${one.profile === tier.profile && html`<${Badge} state="ok">${t("space.current")}<//>`}` },
    { key: "unit", label: t("space.unit"), align: "end", render: (one) => bytes(one.unit_bytes) },
    { key: "overhead", label: t("space.overhead"), align: "end", render: (one) => `×${number(one.overhead, 2)}` },
    { key: "volumes", label: t("repair.volumes"), align: "end", render: (one) => number(one.volumes) },
    { key: "bytes", label: t("cluster.payload"), align: "end", render: (one) => bytes(one.data_bytes) },
  ];
  const old = tier.profiles.some((one) => one.profile !== tier.profile);
  return html`<${Card} title=${tier.name} hint=${tier.classes.join(", ")} actions=${tier.profile && old && html`<${Button} onClick=${() => ask(tier.name)}>${t("space.reencode")}<//>`}>
    <${Table} label=${t("space.profiles_of", { tier: tier.name })} columns=${columns} rows=${tier.profiles} empty=${html`<p class="soft">${t("durability.no_volumes")}</p>`} />
    <p class="fine">${t("space.garbage", { bytes: bytes(tier.garbage_bytes), part: percent(tier.data_bytes ? tier.garbage_bytes / tier.data_bytes : 0, 1) })}</p>
    ${tier.reencode && html`<${Reencoding} job=${tier.reencode} />`}<//>`;
}

function Volumes() {
  const load = useAdmin("/volumes", { every: 10 });
  const columns = [
    { key: "tier", label: t("map.tier") },
    { key: "state", label: t("drive.state"), render: (one) => tName("volume", one.state) },
    { key: "volumes", label: t("repair.volumes"), align: "end", render: (one) => number(one.volumes) },
    { key: "data", label: t("cluster.payload"), align: "end", render: (one) => bytes(one.data_bytes) },
    { key: "garbage", label: t("cluster.garbage"), align: "end", render: (one) => bytes(one.garbage_bytes) },
  ];
  const { run, busy, error } = useAction(async () => {
    await admin("POST", "/compact");
    toast(t("space.compacted"));
    load.reload();
  });
  return html`<${Card} title=${t("space.volumes")} hint=${t("space.volumes_hint")} actions=${html`<${Button} busy=${busy} onClick=${run}>${t("space.compact")}<//>`}><${ErrorBox} error=${error} />
    <${Loaded} load=${load}>${(data) => html`<${Table} label=${t("space.volumes")} columns=${columns} rows=${data.sums} empty=${html`<p class="soft">${t("durability.no_volumes")}</p>`} />`}<//><//>`;
}

export function Space() {
  const load = useAdmin("/tiers", { every: 10 });
  const [asked, setAsked] = useState(null);
  const { run, busy, error } = useAction(async () => {
    await admin("POST", `/tiers/${encodeURIComponent(asked)}/reencode`);
    toast(t("space.reencode_started", { tier: asked }));
    setAsked(null);
    load.reload();
  });
  return html`<div class="stack"><${Loaded} load=${load}>${(data) => html`<div class="grid">${data.tiers.map((tier) => html`<${Tier} key=${tier.name} tier=${tier} ask=${setAsked} />`)}</div>`}<//><${Volumes} />
    <${Confirm} open=${asked !== null} danger=${false} title=${t("space.reencode_title", { tier: asked ?? "" })} submit=${t("space.reencode")} busy=${busy} error=${error} onClose=${() => setAsked(null)} onConfirm=${run}><p>${t("space.reencode_hint")}</p><//></div>`;
}

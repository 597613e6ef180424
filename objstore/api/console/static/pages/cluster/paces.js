// How fast background work may go: what holds, what the configuration says, and changing it while it runs.
import { html, useState } from "../../lib/dom.js";
import { admin } from "../../lib/api.js";
import { ago, bytes, number, perSecond, rate } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { Badge, Button, Card, Dialog, ErrorBox, Loaded, Select, Table, TextField, toast } from "../../lib/ui.js";
import { useAction, useAdmin } from "../../lib/use.js";

const UNITS = [["1048576", "MiB/s"], ["1073741824", "GiB/s"]];
const shown = (one, value) => (value === null ? t("pace.unbounded") : one.unit === "bytes" ? rate(value) : perSecond(value));
const pathOf = (one) => `/paces/${encodeURIComponent(one.name)}`;

function Change({ one, onClose, onDone }) {
  const isBytes = one.unit === "bytes";
  const [unit, setUnit] = useState(one.value >= 2 ** 30 ? UNITS[1][0] : UNITS[0][0]);
  const [text, setText] = useState(one.value === null ? "" : String(Math.round((one.value / (isBytes ? Number(unit) : 1)) * 100) / 100));
  const value = Number(text) * (isBytes ? Number(unit) : 1);
  const bounds = isBytes ? [bytes(one.least), bytes(one.most)] : [number(one.least), number(one.most)];
  const isWrong = !(text.trim() !== "" && value >= one.least && value <= one.most);
  const save = useAction(async () => {
    await admin("PUT", pathOf(one), { json: { value } });
    toast(t("pace.set"));
    onClose();
    onDone();
  });
  return html`<${Dialog} open title=${t(`pace.name.${one.name}`)} busy=${save.busy} error=${save.error} onClose=${onClose} onSubmit=${() => !isWrong && save.run()}>
    <p>${t(`pace.what.${one.name}`)}</p>
    <div class="form-row"><${TextField} label=${t(isBytes ? "pace.rate" : "pace.operations")} hint=${t("pace.bounds", { least: bounds[0], most: bounds[1] })} error=${text.trim() && isWrong ? t("pace.bounds", { least: bounds[0], most: bounds[1] }) : ""}
        value=${text} onValue=${setText} inputmode="decimal" autocomplete="off" />
      ${isBytes && html`<${Select} label=${t("quota.unit")} value=${unit} options=${UNITS} onValue=${setUnit} />`}</div>
    <p class="soft">${t("pace.clients")}</p><//>`;
}

export function Paces() {
  const load = useAdmin("/paces", { every: 10 });
  const [changed, setChanged] = useState(null);
  const reset = useAction(async (one) => {
    await admin("DELETE", pathOf(one));
    toast(t("pace.reset_done"));
    load.reload();
  });
  const columns = [
    { key: "name", label: t("pace.of"), wide: true, render: (one) => html`<strong>${t(`pace.name.${one.name}`)}</strong><div class="fine">${t(`pace.what.${one.name}`)}</div>` },
    { key: "value", label: t("pace.holds"), align: "end", render: (one) => html`<span class="nowrap">${one.value === null && one.name === "scrub_bytes" ? t("pace.in_time") : shown(one, one.value)}</span>` },
    { key: "configured", label: t("pace.configured"), align: "end", render: (one) => html`<span class="nowrap">${one.configured === null && one.name === "scrub_bytes" ? t("pace.in_time") : shown(one, one.configured)}</span>` },
    { key: "by", label: t("pace.by"), render: (one) => (one.is_set ? html`<${Badge} state="info">${t("pace.is_set")}<//> <span class="fine"><bdi>${one.by.replace(/^.*:/, "")}</bdi>, ${ago(one.changed)}</span>` : "–") },
    {
      key: "actions", label: html`<span class="visually-hidden">${t("buckets.actions")}</span>`, align: "end",
      render: (one) => html`<span class="actions end"><${Button} icon="edit" label=${t("pace.change_of", { name: t(`pace.name.${one.name}`) })} onClick=${() => setChanged(one)} />
        ${one.is_set && html`<${Button} busy=${reset.busy} onClick=${() => reset.run(one)}>${t("pace.reset")}<//>`}</span>`,
    },
  ];
  return html`<${Card} title=${t("cluster.tab.pace")} hint=${t("pace.hint")}><${ErrorBox} error=${reset.error} />
    <${Loaded} load=${load}>${(data) => html`<${Table} label=${t("cluster.tab.pace")} columns=${columns} rows=${data.paces} rowKey=${(one) => one.name} />`}<//>
    ${changed && html`<${Change} one=${changed} onClose=${() => setChanged(null)} onDone=${load.reload} />`}<//>`;
}

// What keeps data on the hot tier by hand: warm-ups bring a prefix there, pins keep it there until a day.
import { html, useState } from "../../lib/dom.js";
import { admin } from "../../lib/api.js";
import { bytes, time } from "../../lib/format.js";
import { t, tName } from "../../lib/i18n.js";
import { visible } from "../../lib/names.js";
import { Badge, Button, Card, Confirm, Dialog, Empty, Field, Loaded, Table, TextField, toast } from "../../lib/ui.js";
import { useAction, useAdmin } from "../../lib/use.js";

const GIB = 1024 ** 3;
const PIN_DAYS = 7;
const dateIn = (days) => new Date(Date.now() + days * 86400e3).toISOString().slice(0, 10);

/** Made anew each time it is opened: `prefix` is what its field begins with. */
export function WarmDialog({ bucket, prefix: start = "", onClose, onDone }) {
  const [prefix, setPrefix] = useState(start);
  const [days, setDays] = useState("7");
  const { run, busy, error } = useAction(async () => {
    await admin("POST", "/warm", { json: { bucket, prefix, days: Number(days) } });
    toast(t("warm.started"));
    onClose();
    onDone?.();
  });
  return html`<${Dialog} open title=${t("warm.start_title", { bucket })} submit=${t("warm.start")} busy=${busy} error=${error} onClose=${onClose} onSubmit=${run}>
    <p>${t("warm.start_hint")}</p>
    <${TextField} label=${t("warm.prefix")} hint=${t("warm.prefix_hint")} value=${prefix} onValue=${setPrefix} spellcheck=${false} />
    <${TextField} label=${t("warm.days")} hint=${t("warm.days_hint")} type="number" min="1" value=${days} onValue=${setDays} /><//>`;
}

export function PinDialog({ bucket, prefix: start = "", onClose, onDone }) {
  const [prefix, setPrefix] = useState(start);
  const [until, setUntil] = useState(dateIn(PIN_DAYS));
  const [budget, setBudget] = useState("100");
  const wrong = budget.trim() !== "" && Number(budget) >= 0 ? "" : t("quota.wrong");
  const { run, busy, error } = useAction(async () => {
    await admin("POST", "/pins", { json: { bucket, prefix, until: `${until}T00:00:00Z`, budget_bytes: Math.round(Number(budget) * GIB) } });
    toast(t("pin.made"));
    onClose();
    onDone?.();
  });
  return html`<${Dialog} open title=${t("pin.title", { bucket })} submit=${t("pin.pin")} busy=${busy} error=${error} onClose=${onClose} onSubmit=${() => !wrong && until && run()}>
    <p>${t("pin.hint")}</p>
    <${TextField} label=${t("warm.prefix")} hint=${t("warm.prefix_hint")} value=${prefix} onValue=${setPrefix} spellcheck=${false} />
    <${Field} label=${t("pin.until")}>${(id) => html`<input id=${id} type="date" value=${until} onInput=${(event) => setUntil(event.currentTarget.value)} />`}<//>
    <${TextField} label=${t("pin.budget")} hint=${t("pin.budget_hint")} error=${wrong} inputmode="decimal" value=${budget} onValue=${setBudget} /><//>`;
}

/** The two as buttons, for a place that is looked at. */
export function HotActions({ bucket, prefix, onDone }) {
  const [asked, setAsked] = useState("");
  const Asked = { warm: WarmDialog, pin: PinDialog }[asked];
  return html`<${Button} kind="quiet" onClick=${() => setAsked("pin")}>${t("pin.pin")}<//>
    <${Button} kind="quiet" onClick=${() => setAsked("warm")}>${t("warm.start")}<//>
    ${Asked && html`<${Asked} bucket=${bucket} prefix=${prefix} onClose=${() => setAsked("")} onDone=${onDone} />`}`;
}

export function Pins({ bucket }) {
  const load = useAdmin("/pins", { query: { bucket }, every: 10 });
  const [open, setOpen] = useState(false);
  const [asked, setAsked] = useState(null);
  const end = useAction(async () => {
    await admin("DELETE", "/pins", { query: { bucket, prefix: asked.prefix } });
    toast(t("pin.ended"));
    setAsked(null);
    load.reload();
  });
  const columns = [
    { key: "prefix", label: t("warm.prefix"), wide: true, render: (one) => html`<bdi>${visible(one.prefix) || t("warm.whole")}</bdi>` },
    { key: "until", label: t("pin.until"), render: (one) => time(one.until) },
    { key: "budget", label: t("pin.budget_short"), align: "end", render: (one) => bytes(one.budget_bytes) },
    { key: "brought", label: t("pin.brought"), align: "end", render: (one) => (one.warm ? html`${bytes(one.warm.bytes)} <${Badge}>${tName("warm.state", one.warm.state)}<//>` : "–") },
    { key: "act", label: t("jobs.act"), align: "end", render: (one) => html`<${Button} onClick=${() => setAsked(one)}>${t("pin.end")}<//>` },
  ];
  return html`<${Card} title=${t("pin.of", { bucket })} actions=${html`<${Button} icon="plus" onClick=${() => setOpen(true)}>${t("pin.pin")}<//>`}>
    <${Loaded} load=${load}>${(data) => html`<${Table} label=${t("pin.of", { bucket })} columns=${columns} rows=${data.pins} rowKey=${(one) => one.prefix} empty=${html`<${Empty} icon="lock" title=${t("pin.none")}>${t("pin.hint")}<//>`} />`}<//>
    ${open && html`<${PinDialog} bucket=${bucket} onClose=${() => setOpen(false)} onDone=${load.reload} />`}
    <${Confirm} open=${asked !== null} title=${t("pin.end_title")} submit=${t("pin.end")} busy=${end.busy} error=${end.error} onClose=${() => setAsked(null)} onConfirm=${() => end.run()}><p>${t("pin.end_hint")}</p><//><//>`;
}

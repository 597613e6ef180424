// What rules will do next, rule by rule; and what somebody may do about it: hold it off by a pin, bring data back to the
// hot tier, or pause the rule.
import { actionText } from "../../lib/acts.js";
import { html, useState } from "../../lib/dom.js";
import { admin, adminTagged } from "../../lib/api.js";
import { ago, bytes, short } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { link } from "../../lib/router.js";
import { Badge, Confirm, Empty, LinkButton, Table, toast } from "../../lib/ui.js";
import { useAction } from "../../lib/use.js";
import { PinDialog, WarmDialog } from "../jobs/hot.js";

const SHOWN = 8;

const ruleOf = (config, id) => [...(config.Rules ?? []), ...(config.ExtendedRules ?? [])].find((one) => one.ID === id);
const prefixOf = (rule) => rule?.Filter?.Prefix ?? rule?.Filter?.And?.Prefix ?? rule?.Prefix ?? "";
const pathOf = (bucket) => `/buckets/${encodeURIComponent(bucket)}/lifecycle`;

const TRIES = 5;

/** Gives whether the rule is still there. Only the status is changed, whatever others change at the same time. */
async function setStatus(bucket, id, Status) {
  const changed = (list) => (list ?? []).map((one) => (one.ID === id ? { ...one, Status } : one));
  for (let tries = 1; ; tries += 1) {
    const { data, etag } = await adminTagged("GET", pathOf(bucket));
    if (!ruleOf(data, id)) return false;
    try {
      await admin("PUT", pathOf(bucket), { json: { ...data, Rules: changed(data.Rules), ExtendedRules: changed(data.ExtendedRules) }, headers: { "if-match": etag } });
      return true;
    } catch (error) {
      if (error.status !== 412 || tries === TRIES) throw error;
    }
  }
}

function Pause({ move, onClose, onDone }) {
  const again = () => setStatus(move.bucket, move.rule, "Enabled").then(() => toast(t("moves.resumed")), (error) => toast(error.message, { state: "bad" })).then(onDone);
  const { run, busy, error } = useAction(async () => {
    const there = await setStatus(move.bucket, move.rule, "Disabled");
    onClose();
    if (there) toast(t("moves.paused", { rule: move.rule }), { seconds: 30, action: { text: t("action.undo"), run: again } });
    else toast(t("moves.no_rule"), { state: "warning" });
    onDone();
  });
  return html`<${Confirm} open danger=${false} title=${t("moves.pause_title", { rule: move.rule, bucket: move.bucket })} submit=${t("moves.pause")} busy=${busy} error=${error} onClose=${onClose} onConfirm=${run}><p>${t("moves.pause_hint")}</p><//>`;
}

const ASKED = { pin: PinDialog, warm: WarmDialog };

function Acts({ move, onAsk }) {
  // A rule's own prefix is what one most likely means.
  const open = useAction(async (kind) => {
    const config = move.rule ? await admin("GET", pathOf(move.bucket)) : {};
    onAsk({ kind, move, prefix: prefixOf(ruleOf(config, move.rule)) });
  });
  const name = { rule: move.rule || move.bucket };
  const act = (text, title, run) => html`<button type="button" class="link" title=${title} disabled=${open.busy} onClick=${run}>${text}</button>`;
  return html`<div class="acts">${act(t("pin.pin"), t("moves.pin_of", name), () => open.run("pin"))}${act(t("warm.start"), t("moves.warm_of", name), () => open.run("warm"))}
    ${move.rule && act(t("moves.pause"), t("moves.pause_of", name), () => onAsk({ kind: "pause", move }))}
    ${open.error && html`<p class="field-error">${open.error.message}</p>`}</div>`;
}

export function NextMoves({ moves, reload }) {
  const [asked, setAsked] = useState(null);
  const close = () => setAsked(null);
  const Asked = ASKED[asked?.kind];
  const columns = [
    { key: "bucket", label: t("moves.place"), render: (one) => html`<a href=${link("lifecycle", one.bucket)}><bdi>${one.bucket}</bdi></a><div class="fine"><bdi>${one.rule}</bdi></div>` },
    { key: "action", label: t("moves.action"), wide: true, render: (one) => html`${actionText(one.action)}<${Acts} move=${one} onAsk=${setAsked} />` },
    { key: "waiting", label: t("moves.waiting"), align: "end", render: (one) => html`${short(one.waiting)} ${one.failing > 0 && html`<${Badge} state="bad">${t("moves.failing", { count: short(one.failing) })}<//>`}` },
    { key: "due", label: t("moves.due"), render: (one) => ago(one.oldest_due ?? one.next_look) },
    { key: "done", label: t("moves.done"), align: "end", render: (one) => `${short(one.done_objects)} · ${bytes(one.done_bytes)}` },
  ];
  const empty = html`<${Empty} icon="lifecycle" title=${t("moves.none")} action=${html`<${LinkButton} href=${link("lifecycle")}>${t("moves.make")}<//>`}>${t("moves.none_hint")}<//>`;
  return html`<${Table} label=${t("picture.moves")} columns=${columns} rows=${moves.slice(0, SHOWN)} rowKey=${(one) => `${one.bucket}/${one.rule}/${one.action}`} empty=${empty} />
    ${Asked && html`<${Asked} bucket=${asked.move.bucket} prefix=${asked.prefix} onClose=${close} onDone=${reload} />`}
    ${asked?.kind === "pause" && html`<${Pause} move=${asked.move} onClose=${close} onDone=${reload} />`}`;
}

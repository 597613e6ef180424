// What rules will do next, rule by rule.
import { html } from "../../lib/dom.js";
import { ago, bytes, short } from "../../lib/format.js";
import { t, tName } from "../../lib/i18n.js";
import { link } from "../../lib/router.js";
import { Badge, Empty, LinkButton, Table } from "../../lib/ui.js";

export function actionText(action) {
  const [what, note] = (action ?? "").split("/");
  const [kind, to] = what.split(":");
  const text = to ? `${tName("rule_action", kind)} → ${to}` : tName("rule_action", kind);
  return note ? `${text} (${tName("rule_note", note)})` : text;
}

const SHOWN = 8;

export function NextMoves({ moves }) {
  const columns = [
    { key: "bucket", label: t("moves.place"), render: (one) => html`<a href=${link("buckets", one.bucket, { tab: "lifecycle" })}><bdi>${one.bucket}</bdi></a><div class="fine"><bdi>${one.rule}</bdi></div>` },
    { key: "action", label: t("moves.action"), render: (one) => actionText(one.action) },
    { key: "waiting", label: t("moves.waiting"), align: "end", render: (one) => html`${short(one.waiting)} ${one.failing > 0 && html`<${Badge} state="bad">${t("moves.failing", { count: short(one.failing) })}<//>`}` },
    { key: "due", label: t("moves.due"), render: (one) => ago(one.oldest_due ?? one.next_look) },
    { key: "done", label: t("moves.done"), align: "end", render: (one) => `${short(one.done_objects)} · ${bytes(one.done_bytes)}` },
  ];
  const empty = html`<${Empty} icon="lifecycle" title=${t("moves.none")} action=${html`<${LinkButton} href=${link("lifecycle")}>${t("moves.make")}<//>`}>${t("moves.none_hint")}<//>`;
  return html`<${Table} label=${t("picture.moves")} columns=${columns} rows=${moves.slice(0, SHOWN)} rowKey=${(one) => `${one.bucket}/${one.rule}/${one.action}`} empty=${empty} />`;
}

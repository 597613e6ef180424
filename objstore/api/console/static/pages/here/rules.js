// The rules of a bucket that may act on keys below a prefix, and what each of them does.
import { html } from "../../lib/dom.js";
import { number } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { visible } from "../../lib/names.js";
import { link } from "../../lib/router.js";
import { extendedFormOf, formOf } from "../../lib/rules.js";
import { Badge, Card, Empty, LinkButton, Loaded, Table } from "../../lib/ui.js";
import { useAdmin } from "../../lib/use.js";
import { HotActions } from "../jobs/hot.js";

const overlaps = (one, other) => one.startsWith(other) || other.startsWith(one);

// "after 30 days to GLACIER_IR", one text an action.
function does(form, extended) {
  const days = (count, of = "here.after_days") => t(of, { count: Number(count), n: number(Number(count)) });
  const found = [];
  if (extended) {
    const when = [
      form.idle && days(form.idle, "here.idle_days"), form.days && days(form.days), form.hours && t("here.after_hours", { n: number(Number(form.hours)) }),
      form.count && t("here.count", { n: number(Number(form.count), 2) }), form.high && t("here.full", { n: number(Number(form.high)) }), form.last && t("here.keep_last", { n: number(Number(form.last)) }),
    ].filter(Boolean).join(", ");
    return [t(form.expire ? "here.deletes" : "here.moves", { when, to: form.storageClass })];
  }
  const when = (one) => (one.date ? t("here.from_date", { date: one.date }) : days(one.days));
  found.push(...form.transitions.map((one) => t("here.moves", { when: when(one), to: one.storageClass })));
  if (form.expireDays || form.expireDate) found.push(t("here.deletes", { when: when({ days: form.expireDays, date: form.expireDate }) }));
  found.push(...form.oldTransitions.map((one) => t("here.old_moves", { when: days(one.days || 0), to: one.storageClass })));
  if (form.oldDays) found.push(t("here.old_deletes", { when: days(form.oldDays) }));
  if (form.expireMarkers) found.push(t("rule.expireMarkers"));
  if (form.abortDays) found.push(t("here.aborts", { when: days(form.abortDays) }));
  return found;
}

function rowsOf(config, prefix) {
  const aws = (config.Rules ?? []).map((rule) => ({ form: formOf(rule), extended: false }));
  const ours = (config.ExtendedRules ?? []).map((rule) => ({ form: extendedFormOf(rule), extended: true }));
  return [...aws, ...ours].filter(({ form }) => overlaps(form.prefix, prefix)).map(({ form, extended }, at) => ({ at, form, texts: does(form, extended) }));
}

export function RulesHere({ place }) {
  const load = useAdmin(`/buckets/${encodeURIComponent(place.bucket)}/lifecycle`);
  const columns = [
    { key: "rule", label: t("lifecycle.rule"), render: (row) => html`<a href=${link("lifecycle", place.bucket)}><bdi>${row.form.id || t("rule.unnamed")}</bdi></a> ${!row.form.enabled && html`<${Badge}>${t("rule.disabled")}<//>`}` },
    { key: "does", label: t("lifecycle.action"), wide: true, render: (row) => row.texts.map((text) => html`<div>${text}</div>`) },
    { key: "prefix", label: t("rule.which"), render: (row) => html`<bdi>${visible(row.form.prefix) || t("rule.all")}</bdi>${(row.form.tags || row.form.larger || row.form.smaller) && html`<div class="fine">${t("here.some")}</div>`}` },
  ];
  const empty = html`<${Empty} icon="lifecycle" title=${t("here.no_rules")} action=${html`<${LinkButton} href=${link("lifecycle", place.bucket)}>${t("moves.make")}<//>`} />`;
  return html`<${Card} title=${t("here.rules")} hint=${t("here.rules_hint", { place: `${place.bucket}/${visible(place.prefix)}` })} class="here-rules">
    <${Loaded} load=${load}>${(config) => html`<${Table} label=${t("here.rules")} columns=${columns} rows=${rowsOf(config, place.prefix)} rowKey=${(row) => row.at} empty=${empty} />`}<//>
    <div class="row"><${HotActions} bucket=${place.bucket} prefix=${place.prefix} /><a href=${link("lifecycle", place.bucket, "status")}>${t("here.at_work")}</a></div><//>`;
}

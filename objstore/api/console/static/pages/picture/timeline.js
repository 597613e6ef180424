// The past: traffic over time, and a slider that turns the whole picture back to any moment of it.
import { html, useMemo, useState } from "../../lib/dom.js";
import { rate, time } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { Chart } from "../../lib/chart.js";
import { Button, Card, Choice, ErrorBox } from "../../lib/ui.js";
import { useAdmin } from "../../lib/use.js";

const SPANS = { hour: 3600, day: 86400, week: 7 * 86400, month: 30 * 86400, year: 365 * 86400 };
const EVERY = { hour: 10, day: 60, week: 300, month: 600, year: 3600 };
const GROUPS = [
  ["read", "read", ["read_bytes", "memory_bytes"]],
  ["ingest", "ingest", ["put_bytes"]],
  ["moved", "demoted", ["demoted_bytes", "promoted_bytes", "restored_bytes"]],
  ["healed", "healed", ["healed_bytes"]],
];

function summed(answer, names) {
  const points = new Map();
  for (const one of answer.series.filter((line) => names.includes(line.name))) {
    for (const [when, value] of one.points) points.set(when, (points.get(when) ?? 0) + value);
  }
  return [...points].sort((a, b) => a[0] - b[0]);
}

// `at`: epoch seconds of the moment that is shown, null for now.
export function Timeline({ at, onAt, frozen }) {
  const [span, setSpan] = useState("hour");
  const [until, setUntil] = useState(() => Math.floor(Date.now() / 1000));
  const from = until - SPANS[span];
  const query = {
    series: GROUPS.flatMap(([, , names]) => names).join(","),
    from: new Date(from * 1000).toISOString(), to: new Date(until * 1000).toISOString(),
  };
  const load = useAdmin("/history", { query, every: EVERY[span], paused: true });
  const series = useMemo(() => (load.data ? GROUPS.map(([key, colour, names]) => ({
    label: t(`timeline.${key}`), colour, points: summed(load.data, names), fill: key === "read", dash: key === "moved" ? [6, 4] : undefined,
  })) : []), [load.data]);
  const choose = (name) => {
    setSpan(name);
    setUntil(Math.floor(Date.now() / 1000));
  };
  const slide = (event) => {
    const when = Number(event.currentTarget.value);
    onAt(when >= until - 5 ? null : when);
  };
  const actions = html`<div class="row">
    <${Choice} label=${t("timeline.span")} value=${span} onValue=${choose} options=${Object.keys(SPANS).map((key) => [key, t(`timeline.${key}`)])} />
    <${Button} icon="play" disabled=${at === null && !frozen} onClick=${() => { choose(span); onAt(null); }}>${t("timeline.live")}<//></div>`;
  return html`<${Card} title=${t("timeline.title")} hint=${at === null ? t("timeline.now") : t("timeline.at", { time: time(at) })} actions=${actions} class="timeline">
    <${ErrorBox} error=${load.error} retry=${load.reload} />
    ${series.length > 0 && html`<${Chart} label=${t("timeline.title")} series=${series} height=${150} compact format=${rate} from=${from} to=${until} onPick=${(when) => onAt(Math.round(when))} />`}
    <input class="slider" type="range" aria-label=${t("timeline.slider")} aria-valuetext=${at === null ? t("timeline.now") : time(at)}
      min=${from} max=${until} step=${Math.max(10, Math.round(SPANS[span] / 500))} value=${at ?? until} onInput=${slide} />
    <ul class="keys">${series.map((one) => html`<li><i class="key-line ${one.colour}" aria-hidden="true"></i>${one.label}</li>`)}</ul>
  <//>`;
}

// The picture: where all data is, how warm it is, and what moves.
import { html, useEffect, useState } from "../lib/dom.js";
import { ago, duration, time } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { link } from "../lib/router.js";
import { Button, Card, Choice, Loaded, Notice, Page, toast } from "../lib/ui.js";
import { useAdmin } from "../lib/use.js";
import { exportJson, exportPng } from "./picture/export.js";
import { Flow } from "./picture/flow.js";
import { HeatMatrix } from "./picture/heat.js";
import { PlaceMap } from "./picture/map.js";
import { NextMoves } from "./picture/moves.js";
import { Rack } from "./picture/rack.js";
import { Timeline } from "./picture/timeline.js";
import { Verdict } from "./picture/verdict.js";

const REFRESH_SECONDS = 5;
const STALE_SECONDS = 60;
const WINDOWS = [[30, "30 s"], [300, "5 min"], [3600, "1 h"]];

function Head({ picture, at, frozen }) {
  if (!picture) return t("picture.lead");
  if (at !== null) return t("picture.then", { time: time(picture.at), step: duration(picture.step_seconds) });
  return frozen ? t("picture.frozen", { time: time(picture.at) }) : t("picture.live", { time: ago(picture.at) });
}

export default function Home({ query }) {
  const [span, setSpan] = useState(30);
  const [at, setAt] = useState(null);
  const [frozen, setFrozen] = useState(false);
  const asked = { window: span, at: at === null ? undefined : new Date(at * 1000).toISOString() };
  const load = useAdmin("/picture", { query: asked, every: REFRESH_SECONDS, paused: frozen || at !== null });
  const [kept, setKept] = useState(null);
  useEffect(() => {
    if (load.data) setKept(load.data);
  }, [load.data]);
  useEffect(() => {
    if (query.focus) document.getElementById(query.focus)?.scrollIntoView({ behavior: "smooth", block: "center" });
  }, [query.focus, Boolean(kept)]);
  const picture = load.data ?? kept;
  const exportAs = (make) => make(picture).catch((error) => toast(String(error.message ?? error), { state: "bad" }));
  const actions = html`<${Choice} label=${t("picture.window")} value=${span} onValue=${setSpan} options=${WINDOWS} />
    <${Button} icon=${frozen ? "play" : "pause"} aria-pressed=${frozen ? "true" : "false"} onClick=${() => setFrozen(!frozen)}>${frozen ? t("picture.thaw") : t("picture.freeze")}<//>
    <${Button} icon="download" disabled=${!picture} onClick=${() => exportAs(exportPng)}>PNG<//>
    <${Button} icon="download" disabled=${!picture} onClick=${() => exportAs(async (data) => exportJson(data))}>JSON<//>`;
  return html`<${Page} wide title=${t("picture.title")} lead=${html`<${Head} picture=${picture} at=${at} frozen=${frozen} />`} actions=${actions}>
    <${Loaded} load=${{ ...load, data: picture ?? undefined }}>${(data) => html`
      ${at === null && !frozen && data.age_seconds > STALE_SECONDS && html`<${Notice} state="warning" title=${t("picture.stale", { time: duration(data.age_seconds) })}>${t("picture.stale_hint")}<//>`}
      <${Verdict} verdict=${data.verdict} />
      <${Card} title=${t("picture.flow")} hint=${t("picture.flow_hint")}><${Flow} picture=${data} /><//>
      <div class="home-grid">
        <${PlaceMap} places=${data.places} tiers=${data.tiers} />
        <${Card} title=${t("picture.heat")} hint=${t("picture.heat_hint")} id="heat"><${HeatMatrix} heat=${data.heat} tiers=${data.tiers} /><//>
      </div>
      <div id="history"><${Timeline} at=${at} onAt=${setAt} frozen=${frozen} /></div>
      <div class="home-grid">
        <${Card} title=${t("picture.moves")} hint=${t("picture.moves_hint")} actions=${html`<a href=${link("jobs")}>${t("picture.moves_more")}</a>`}><${NextMoves} moves=${data.next_moves} reload=${load.reload} /><//>
        <${Card} title=${t("picture.rack")} hint=${t("picture.rack_hint")} actions=${html`<a href=${link("cluster")}>${t("picture.rack_more")}</a>`}><${Rack} nodes=${data.nodes} />
          ${data.truncated && html`<p class="fine">${t("picture.truncated")}</p>`}<//>
      </div>`}<//>
  <//>`;
}

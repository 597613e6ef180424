// What lies at a place of the picture: a tier, an age of last access, or both. Where it is, the objects, and the rules
// that apply to them.
import { html, useEffect, useState } from "../lib/dom.js";
import { admin, isAborted } from "../lib/api.js";
import { bytes, number } from "../lib/format.js";
import { t, tName } from "../lib/i18n.js";
import { visible } from "../lib/names.js";
import { go, link, replace } from "../lib/router.js";
import { Card, Empty, ErrorBox, LinkButton, Page, Select, Table } from "../lib/ui.js";
import { useAction, useAdmin } from "../lib/use.js";
import { Found, useFound } from "./buckets/found.js";
import { RulesHere } from "./here/rules.js";

const LIMIT = 50;
const PAGES_BY_ITSELF = 20;
// Where bands of the picture begin and end, in days since the last access.
const BANDS = [["today", "", "1"], ["yesterday", "1", "2"], ["week", "2", "7"], ["month", "7", "30"], ["quarter", "30", "90"], ["year", "90", "365"], ["older", "365", ""]];
const ANY = "any";

const bandOf = (query) => BANDS.find(([, from, to]) => (query.from ?? "") === from && (query.to ?? "") === to)?.[0] ?? (query.from || query.to ? "other" : ANY);

function ageText({ from, to }) {
  const band = bandOf({ from, to });
  if (band === ANY) return "";
  return t("here.used", { age: band === "other" ? t("here.days", { from: from || 0, to: to || "…" }) : tName("heat.band", band) });
}

const nameOf = (place) => `${place.bucket}/${visible(place.prefix)}`;
const isSame = (one, other) => one?.bucket === other?.bucket && one?.prefix === other?.prefix;
// Keys without a slash have no prefix that would find them alone.
const isWithin = (place) => (row) => place.prefix !== "" || !row.key.includes("/");

/** Places of the cell, largest first of those that were looked at. */
function usePlaces(query) {
  const [state, setState] = useState({ places: [], next: null, done: false });
  const load = useAction(async (signal, goOn) => {
    let { places, next } = goOn ? state : { places: [], next: null };
    const enough = places.length + LIMIT;
    try {
      for (let pages = 0; pages < PAGES_BY_ITSELF; pages += 1) {
        const asked = { tier: query.tier || undefined, from_days: query.from || undefined, to_days: query.to || undefined, limit: LIMIT, after: next ?? undefined };
        const page = await admin("GET", "/cells", { query: asked, signal });
        places = [...places, ...page.places].sort((a, b) => b.bytes - a.bytes);
        next = page.next;
        if (!next || places.length >= enough) break;
      }
      setState({ places, next, done: true });
    } catch (error) {
      if (!isAborted(error)) throw error;
    }
  });
  useEffect(() => {
    const controller = new AbortController();
    setState({ places: [], next: null, done: false });
    load.run(controller.signal, false);
    return () => controller.abort();
  }, [query.tier, query.from, query.to]);
  return { ...state, ...load, more: () => load.run(undefined, true) };
}

function Filters({ query }) {
  const tiers = useAdmin("/status");
  const names = [...new Set([...Object.keys(tiers.data?.tiers ?? {}), ...(query.tier ? [query.tier] : [])])];
  const band = bandOf(query);
  const choose = (changes) => go("here", { tier: query.tier, from: query.from, to: query.to, ...changes });
  const options = [[ANY, t("search.any")], ...BANDS.map(([name]) => [name, tName("heat.band", name)]), ...(band === "other" ? [["other", t("here.days", { from: query.from || 0, to: query.to || "…" })]] : [])];
  return html`<div class="card form-row"><${Select} label=${t("search.tier")} value=${query.tier ?? ""} options=${[["", t("search.any")], ...names.map((one) => [one, one])]} onValue=${(tier) => choose({ tier })} />
    <${Select} label=${t("here.last_used")} value=${band} options=${options} onValue=${(name) => {
    const [, from, to] = BANDS.find(([one]) => one === name) ?? ["", "", ""];
    choose({ from, to });
  }} /></div>`;
}

function Places({ found, chosen, onChoose }) {
  const old = found.places.reduce((sum, one) => sum + one.old_objects, 0);
  const columns = [
    {
      key: "place", label: t("here.place"), wide: true,
      render: (one) => html`<button type="button" class="link" aria-pressed=${isSame(one, chosen) ? "true" : "false"} onClick=${() => onChoose(one)}><bdi>${nameOf(one)}</bdi></button>${one.prefix === "" && html`<div class="fine">${t("here.no_slash")}</div>`}`,
    },
    { key: "bytes", label: t("map.bytes"), align: "end", render: (one) => bytes(one.bytes) },
    { key: "objects", label: t("map.objects"), align: "end", render: (one) => number(one.objects) },
    { key: "old", label: t("here.old"), align: "end", render: (one) => number(one.old_objects) },
  ];
  return html`<${Card} title=${t("here.places")} hint=${t("here.places_hint")} class="here-places">
    <${ErrorBox} error=${found.error} />
    <${Table} label=${t("here.places")} columns=${columns} rows=${found.places} rowKey=${nameOf} busy=${found.busy || (!found.done && !found.error)} more=${found.next ? found.more : null}
      empty=${found.done && html`<${Empty} icon="search" title=${t("here.nothing")}>${t("here.nothing_hint")}<//>`} />
    ${old > 0 && html`<p class="fine">${t("here.old_hint")}</p>`}<//>`;
}

function Objects({ place, query }) {
  const search = useFound(isWithin(place));
  const wanted = { prefix: place.prefix, tier: query.tier, idle_days: query.from, used_within_days: query.to };
  useEffect(() => {
    search.run(place.bucket, wanted, false);
  }, []);
  const actions = html`<a href=${link("buckets", place.bucket, { prefix: place.prefix })}>${t("here.browse")}</a> <a href=${link("buckets", place.bucket, "search", wanted)}>${t("here.refine")}</a>`;
  return html`<${Found} bucket=${place.bucket} search=${search} title=${t("here.objects", { place: nameOf(place) })} goOn=${() => search.run(place.bucket, wanted, true)} actions=${actions} />`;
}

export default function Here({ query }) {
  const found = usePlaces(query);
  const asked = query.bucket ? { bucket: query.bucket, prefix: query.prefix ?? "" } : null;
  const chosen = asked ?? found.places[0] ?? null;
  const choose = (one) => replace("here", { ...query, bucket: one.bucket, prefix: one.prefix });
  const title = [query.tier || t("here.any_tier"), ageText(query)].filter(Boolean).join(" · ");
  const actions = query.tier && html`<${LinkButton} icon="drive" href=${link("cluster", { tier: query.tier })}>${t("here.drives")}<//>`;
  return html`<${Page} wide title=${title} lead=${t("here.lead")} crumbs=${[[t("nav.home"), link("home")]]} actions=${actions}>
    <${Filters} query=${query} />
    <div class="side-by-side"><${Places} found=${found} chosen=${chosen} onChoose=${choose} />
      ${chosen && html`<${RulesHere} key=${nameOf(chosen)} place=${chosen} />`}</div>
    ${chosen && html`<${Objects} key=${`${query.tier}/${query.from}/${query.to}/${nameOf(chosen)}`} place=${chosen} query=${query} />`}
  <//>`;
}

// The rules of a bucket, as a form and as text side by side: either may be changed, the other follows. Nothing is
// saved before it is known what it would do.
import { html, useState } from "../../lib/dom.js";
import { admin, adminTagged } from "../../lib/api.js";
import { t } from "../../lib/i18n.js";
import { configOf, jsonOf, rulesOfXml, xmlOf } from "../../lib/rules.js";
import { Badge, Button, Card, Choice, Dialog, Empty, ErrorBox, Loaded, Notice, TextField, toast } from "../../lib/ui.js";
import { useAction, useLoad } from "../../lib/use.js";
import { Forecast } from "./forecast.js";
import { RuleForm } from "./rule.js";

const EMPTY = { Rules: [], ExtendedRules: [] };
const DAYS = 30;
const START = {
  Rules: { Status: "Enabled", Filter: { Prefix: "" }, Transitions: [{ Days: 30, StorageClass: "STANDARD_IA" }] },
  ExtendedRules: { Status: "Enabled", Filter: {}, LastAccessDays: 30, StorageClass: "GLACIER_IR" },
};

export function Editor({ bucket }) {
  const path = `/buckets/${encodeURIComponent(bucket)}/lifecycle`;
  const load = useLoad((signal) => adminTagged("GET", path, { signal }), [path]);
  return html`<${Loaded} load=${load}>${({ data, etag }) => html`<${Draft} key=${etag} path=${path} saved=${data} etag=${etag} reload=${load.reload} />`}<//>`;
}

function Draft({ path, saved, etag, reload }) {
  const [config, setConfig] = useState({ ...EMPTY, ...saved });
  const [format, setFormat] = useState("json");
  const [text, setText] = useState(jsonOf(config));
  const [wrong, setWrong] = useState("");
  const [forecast, setForecast] = useState(null);
  const [asking, setAsking] = useState(false);
  const changed = jsonOf(config) !== jsonOf({ ...EMPTY, ...saved });
  const written = (next, as) => (as === "xml" ? xmlOf(next.Rules) : jsonOf(next));
  const change = (next) => {
    setConfig(next);
    setText(written(next, format));
    setWrong("");
    setForecast(null);
  };
  const typed = (value) => {
    setText(value);
    setForecast(null);
    try {
      setConfig(format === "xml" ? { ...config, Rules: rulesOfXml(value) } : configOf(value));
      setWrong("");
    } catch (error) {
      setWrong(t("lifecycle.unreadable", { why: error.message }));
    }
  };
  const dryRun = useAction(async () => {
    const answer = await admin("POST", `${path}/dry-run`, { query: { days: DAYS }, json: config });
    setForecast(answer);
    return answer;
  });
  const save = useAction(async () => {
    await admin("PUT", path, { json: config, headers: { "if-match": etag } });
    setAsking(false);
    toast(t("lifecycle.saved"));
    reload();
  });
  const ask = async () => {
    if (forecast || (await dryRun.run())) setAsking(true);
  };
  const count = config.Rules.length + config.ExtendedRules.length;
  return html`<div class="toolbar"><div class="row">${changed && html`<${Badge} state="warning">${t("lifecycle.changed")}<//>`}</div>
      <div class="actions"><${Button} onClick=${() => change({ ...EMPTY, ...saved })} disabled=${!changed && !wrong}>${t("lifecycle.reset")}<//>
        <${Button} icon="play" busy=${dryRun.busy} disabled=${Boolean(wrong)} onClick=${() => dryRun.run()}>${t("lifecycle.try")}<//>
        <${Button} kind="primary" busy=${dryRun.busy || save.busy} disabled=${Boolean(wrong) || !changed} onClick=${ask}>${t("lifecycle.save")}<//></div></div>
    <${ErrorBox} error=${dryRun.error} />
    <div class="side-by-side">
      <${Card} title=${t("lifecycle.form")} hint=${t("lifecycle.count", { count, n: count })}>
        ${wrong ? html`<${Notice} state="warning">${t("lifecycle.form_waits")}<//>` : html`<${Forms} config=${config} change=${change} />`}<//>
      <${Card} title=${t("lifecycle.text")} actions=${html`<${Choice} label=${t("lifecycle.format")} value=${format} options=${[["json", "JSON"], ["xml", "XML"]]}
          onValue=${(as) => { setFormat(as); setText(written(config, as)); setWrong(""); }} />`}>
        ${format === "xml" && config.ExtendedRules.length > 0 && html`<${Notice}>${t("lifecycle.xml_only")}<//>`}
        <${TextField} multiline class="tall" label=${t(`lifecycle.document.${format}`)} error=${wrong} value=${text} onValue=${typed} /><//></div>
    ${forecast && html`<${Forecast} data=${forecast} />`}
    <${Dialog} open=${asking} wide title=${t("lifecycle.save")} submit=${t("lifecycle.save")} busy=${save.busy} error=${save.error} onClose=${() => setAsking(false)} onSubmit=${() => save.run()}>
      <p>${t("lifecycle.before_saving")}</p>${forecast && html`<${Forecast} data=${forecast} brief />`}<//>`;
}

const freeName = (config) => {
  const taken = new Set([...config.Rules, ...config.ExtendedRules].map((rule) => rule.ID));
  let n = 1;
  while (taken.has(`rule-${n}`)) n += 1;
  return `rule-${n}`;
};

function Forms({ config, change }) {
  const [opened, setOpened] = useState("");
  const add = (list) => {
    setOpened(`${list}/${config[list].length}`);
    change({ ...config, [list]: [...config[list], { ID: freeName(config), ...START[list] }] });
  };
  const put = (list, at, rule) => change({ ...config, [list]: config[list].map((old, i) => (i === at ? rule : old)) });
  const drop = (list, at) => change({ ...config, [list]: config[list].filter((_, i) => i !== at) });
  const rules = ["Rules", "ExtendedRules"].flatMap((list) => config[list].map((rule, at) => ({ list, at, rule })));
  return html`<div class="stack">${rules.map(({ list, at, rule }) => html`<${RuleForm} key=${`${list}/${at}`} rule=${rule} extended=${list === "ExtendedRules"} open=${opened === `${list}/${at}`}
      onRule=${(next) => put(list, at, next)} onRemove=${() => drop(list, at)} />`)}
    ${!rules.length && html`<${Empty} icon="lifecycle" title=${t("lifecycle.no_rules")}>${t("lifecycle.no_rules_hint")}<//>`}
    <div class="row"><${Button} icon="plus" onClick=${() => add("Rules")}>${t("lifecycle.add")}<//><${Button} icon="plus" onClick=${() => add("ExtendedRules")}>${t("lifecycle.add_extended")}<//></div></div>`;
}

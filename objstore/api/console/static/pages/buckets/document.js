// A setting of a bucket that is a document: as forms and as XML side by side. Either may be changed, the other follows;
// what forms know to be wrong cannot be saved, what the server finds wrong is shown as it says it.
import { html, useState } from "../../lib/dom.js";
import { t } from "../../lib/i18n.js";
import { Badge, Button, Card, Empty, ErrorBox, Loaded, Notice, TextField, toast } from "../../lib/ui.js";
import { useAction, useLoad } from "../../lib/use.js";

/** `kind`: {read(): text, write(text, saved), formsOf(text), textOf(forms), problemsOf(form), empty: a form, most?: how many
forms there may be, short?: whether little text is to be expected}; `name`: of its texts. */
export function DocumentEditor({ bucket, name, kind, Form }) {
  const load = useLoad(async () => kind.textOf(kind.formsOf(await kind.read())), [bucket]);
  return html`<${Loaded} load=${load}>${(saved) => html`<${Draft} key=${saved} name=${name} kind=${kind} Form=${Form} saved=${saved} reload=${load.reload} />`}<//>`;
}

function Draft({ name, kind, Form, saved, reload }) {
  const [text, setText] = useState(saved);
  const [forms, setForms] = useState(() => kind.formsOf(saved));
  const [wrong, setWrong] = useState("");
  const change = (next) => {
    setForms(next);
    setText(kind.textOf(next));
    setWrong("");
  };
  const typed = (value) => {
    setText(value);
    try {
      setForms(kind.formsOf(value));
      setWrong("");
    } catch (error) {
      setWrong(error.message);
    }
  };
  const save = useAction(async () => {
    await kind.write(text, saved);
    toast(t("action.saved"));
    change(kind.formsOf(text));
    reload();
  });
  const problems = forms.map(kind.problemsOf);
  const changed = text !== saved;
  const refused = Boolean(wrong) || problems.some((one) => Object.keys(one).length > 0);
  const put = (at, changes) => change(forms.map((one, i) => (i === at ? { ...one, ...changes } : one)));
  return html`<div class="toolbar"><p class="soft">${t(`${name}.hint`)}</p>
      <div class="actions">${changed && html`<${Badge} state="warning">${t("lifecycle.changed")}<//>`}
        <${Button} onClick=${() => change(kind.formsOf(saved))} disabled=${!changed}>${t("lifecycle.reset")}<//>
        <${Button} kind="primary" busy=${save.busy} disabled=${refused || !changed} onClick=${() => save.run()}>${t("action.save")}<//></div></div>
    <${ErrorBox} error=${save.error} />
    <div class="side-by-side">
      <${Card} title=${t("lifecycle.form")}>${wrong ? html`<${Notice} state="warning">${t("lifecycle.form_waits")}<//>` : html`<div class="stack">
        ${forms.map((form, at) => html`<fieldset key=${at}><legend>${t(`${name}.one`, { n: at + 1 })}</legend><div class="form">
          <${Form} form=${form} set=${(changes) => put(at, changes)} wrongOf=${(field) => (problems[at][field] ? t(problems[at][field]) : "")} />
          <div><${Button} kind="danger" icon="trash" label=${t(`${name}.remove`, { n: at + 1 })} onClick=${() => change(forms.filter((_, i) => i !== at))} /></div></div></fieldset>`)}
        ${!forms.length && html`<${Empty} icon="info" title=${t(`${name}.none`)} />`}
        ${forms.length < (kind.most ?? Infinity) && html`<div><${Button} icon="plus" onClick=${() => change([...forms, kind.empty])}>${t(`${name}.add`)}<//></div>`}</div>`}<//>
      <${Card} title=${t("lifecycle.text")}><${TextField} multiline class=${kind.short ? "short" : "tall"} label=${t(`${name}.document`)} error=${wrong} value=${text} onValue=${typed} /><//></div>`;
}

/** Some of several, as boxes to tick. */
export function Ticks({ legend, options, chosen, error, onChosen }) {
  const shown = [...new Set([...options, ...chosen])];
  const toggle = (one, on) => onChosen(shown.filter((other) => (other === one ? on : chosen.includes(other))));
  return html`<fieldset class="ticks"><legend>${legend}</legend><div class="row">${shown.map((one) => html`<label class="check" key=${one}>
      <input type="checkbox" checked=${chosen.includes(one)} onChange=${(event) => toggle(one, event.currentTarget.checked)} /><span>${one}</span></label>`)}</div>
    ${error && html`<p class="field-error">${error}</p>`}</fieldset>`;
}

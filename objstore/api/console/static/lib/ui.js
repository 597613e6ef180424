// Parts of pages: buttons, notices, dialogs, tables, fields. Text is always a value, so no name can become markup.
import { html, useEffect, useId, useRef, useState } from "./dom.js";
import { t } from "./i18n.js";
import { Icon } from "./icons.js";
import { Signal, useSignal } from "./state.js";

// kind: "primary", "danger", "quiet", or none. `icon`: see icons.js. `label`: for a button that is only an icon.
export function Button({ kind = "", icon, label, busy, children, ...rest }) {
  const classes = `button ${kind} ${label ? "only-icon" : ""} ${rest.class ?? ""}`;
  return html`<button type="button" ...${rest} class=${classes} aria-label=${label} title=${label ?? rest.title}
    disabled=${busy || rest.disabled} aria-busy=${busy ? "true" : undefined}
    >${icon && html`<${Icon} name=${icon} />`}${!label && html`<span>${children}</span>`}</button>`;
}

export function LinkButton({ kind = "", icon, children, ...rest }) {
  return html`<a ...${rest} class="button ${kind}">${icon && html`<${Icon} name=${icon} />`}<span>${children}</span></a>`;
}

// The head of a page and what is in it. `crumbs`: [[text, href], …]; `actions`: on the right.
export function Page({ title, crumbs = [], actions, lead, wide, children }) {
  useEffect(() => {
    document.title = `${title} · objstore`;
  }, [title]);
  return html`<div class="page ${wide ? "wide" : ""}">
    <header class="page-head">
      <div>
        ${crumbs.length > 0 && html`<nav class="crumbs" aria-label=${t("shell.crumbs")}><ol>
          ${crumbs.map(([text, href]) => html`<li>${href ? html`<a href=${href}><bdi>${text}</bdi></a>` : html`<bdi>${text}</bdi>`}</li>`)}
        </ol></nav>`}
        <h1 tabindex="-1"><bdi>${title}</bdi></h1>
        ${lead && html`<p class="lead">${lead}</p>`}
      </div>
      ${actions && html`<div class="actions">${actions}</div>`}
    </header>
    ${children}
  </div>`;
}

export function Card({ title, hint, actions, children, class: name = "", ...rest }) {
  const id = useId();
  return html`<section ...${rest} class="card ${name}" aria-labelledby=${title ? id : undefined}>
    ${title && html`<header class="card-head"><h2 id=${id}>${title}</h2>${hint && html`<p class="hint">${hint}</p>`}
      ${actions && html`<div class="actions">${actions}</div>`}</header>`}
    ${children}
  </section>`;
}

// state: "ok", "warning", "bad", "info", "" – always with a text, never by colour alone.
export const Badge = ({ state = "", children }) => html`<span class="badge ${state}">${children}</span>`;

export function Notice({ state = "info", title, children, actions }) {
  const icon = { ok: "check", warning: "warning", bad: "warning" }[state] ?? "info";
  return html`<div class="notice ${state}" role=${state === "bad" ? "alert" : "status"}>
    <${Icon} name=${icon} /><div>${title && html`<strong>${title}</strong>`}<div>${children}</div></div>
    ${actions && html`<div class="actions">${actions}</div>`}</div>`;
}

// What the server refused: its message, code and request id.
export function ErrorBox({ error, retry }) {
  if (!error) return null;
  const known = t(`error.${error.code}`);
  const hint = known === `error.${error.code}` ? "" : known;
  return html`<div class="notice bad" role="alert"><${Icon} name="warning" />
    <div><strong><bdi>${error.message}</bdi></strong>
      ${hint && html`<div>${hint}</div>`}
      <div class="fine"><code>${error.code ?? error.name}</code>
        ${error.requestId && html` · ${t("error.request")} <code>${error.requestId}</code>`}</div></div>
    ${retry && html`<div class="actions"><${Button} icon="refresh" onClick=${retry}>${t("action.retry")}<//></div>`}
  </div>`;
}

export const Spinner = ({ text }) => html`<div class="spinner" role="status"><span class="wheel" aria-hidden="true"></span>
  <span>${text ?? t("shell.loading")}</span></div>`;

// Nothing there yet, and what to do about it.
export const Empty = ({ icon = "info", title, children, action }) => html`<div class="empty"><${Icon} name=${icon} size=${32} />
  <p class="empty-title">${title}</p>${children && html`<p>${children}</p>`}${action}</div>`;

// The state of a load: spinner, error, or the children made of its data.
export function Loaded({ load, children }) {
  if (load.data === undefined) {
    return load.error ? html`<${ErrorBox} error=${load.error} retry=${load.reload} />` : html`<${Spinner} />`;
  }
  return html`${load.error && html`<${ErrorBox} error=${load.error} retry=${load.reload} />`}${children(load.data)}`;
}

// How far something is. value: 0…1; `state` as of Badge; `label` is read out.
export function Meter({ value, state = "", label, text }) {
  const part = Math.min(1, Math.max(0, value ?? 0));
  return html`<div class="meter ${state}"><div class="meter-track" role="meter" aria-label=${label} aria-valuemin="0"
    aria-valuemax="100" aria-valuenow=${Math.round(part * 100)}><div class="meter-fill" style=${{ width: `${part * 100}%` }}></div></div>
    ${text && html`<span class="meter-text">${text}</span>`}</div>`;
}

// columns: [{key, label, render?(row), align?: "end", sort?: true, wide?}]. Keyset paging: more() loads the next page.
export function Table({ label, columns, rows, rowKey, more, busy, empty, sort, onSort, onRow }) {
  if (rows.length === 0 && empty && !busy) return empty;
  const ordered = sort ? "descending ascending".split(" ")[sort.up ? 1 : 0] : undefined;
  return html`<div class="table-frame" role="region" aria-label=${label} tabindex="0"><table>
    <caption class="visually-hidden">${label}</caption>
    <thead><tr>${columns.map((column) => html`<th scope="col" class=${column.align ?? ""}
        aria-sort=${sort?.key === column.key ? ordered : undefined}>
        ${column.sort && onSort ? html`<button type="button" class="sort" onClick=${() => onSort(column.key)}>${column.label}
          <span aria-hidden="true">${sort?.key === column.key ? (sort.up ? "↑" : "↓") : ""}</span></button>` : column.label}</th>`)}</tr></thead>
    <tbody>${rows.map((row, index) => html`<tr key=${rowKey ? rowKey(row) : index} class=${onRow ? "clickable" : ""}
        onClick=${onRow ? () => onRow(row) : undefined}>
        ${columns.map((column) => html`<td class="${column.align ?? ""} ${column.wide ? "wide" : ""}" data-label=${column.label}
          >${column.render ? column.render(row) : html`<bdi>${row[column.key] ?? "–"}</bdi>`}</td>`)}</tr>`)}</tbody></table>
    ${busy && html`<${Spinner} />`}
    ${more && !busy && html`<div class="more"><${Button} onClick=${more}>${t("action.more")}<//></div>`}</div>`;
}

// A labelled control; children: (id, describedBy) => control.
export function Field({ label, hint, error, children }) {
  const id = useId();
  const described = hint || error ? `${id}-hint` : undefined;
  return html`<div class="field"><label for=${id}>${label}</label>${children(id, described)}
    ${(hint || error) && html`<p id=${described} class=${error ? "field-error" : "hint"}>${error || hint}</p>`}</div>`;
}

export function TextField({ label, hint, error, value, onValue, multiline, ...rest }) {
  const change = (event) => onValue(event.currentTarget.value);
  return html`<${Field} label=${label} hint=${hint} error=${error}>${(id, described) => (multiline
    ? html`<textarea id=${id} aria-describedby=${described} aria-invalid=${error ? "true" : undefined} value=${value}
        onInput=${change} spellcheck=${false} ...${rest}></textarea>`
    : html`<input type="text" id=${id} aria-describedby=${described} aria-invalid=${error ? "true" : undefined}
        value=${value} onInput=${change} ...${rest} />`)}<//>`;
}

// options: [[value, text], …]
export function Select({ label, hint, value, options, onValue, ...rest }) {
  return html`<${Field} label=${label} hint=${hint}>${(id, described) => html`<select id=${id} aria-describedby=${described}
    value=${value} onChange=${(event) => onValue(event.currentTarget.value)} ...${rest}>
    ${options.map(([key, text]) => html`<option value=${key} selected=${key === value}>${text}</option>`)}</select>`}<//>`;
}

export function Check({ label, checked, onValue, ...rest }) {
  const id = useId();
  return html`<div class="check"><input type="checkbox" id=${id} checked=${checked}
    onChange=${(event) => onValue(event.currentTarget.checked)} ...${rest} /><label for=${id}>${label}</label></div>`;
}

// One of several, in a row. options as of Select.
export function Choice({ label, value, options, onValue }) {
  return html`<div class="choice" role="group" aria-label=${label}>${options.map(([key, text]) => html`<button type="button"
    aria-pressed=${key === value ? "true" : "false"} onClick=${() => onValue(key)}>${text}</button>`)}</div>`;
}

// tabs: [[key, text], …] as links, so that a tab has an address.
export function Tabs({ label, tabs, current, hrefOf }) {
  return html`<nav class="tabs" aria-label=${label}>${tabs.map(([key, text]) => html`<a href=${hrefOf(key)}
    aria-current=${key === current ? "page" : undefined}>${text}</a>`)}</nav>`;
}

// A dialog of the browser's own: focus stays in it, Escape closes it. `onSubmit` makes it a form.
export function Dialog({ title, open, onClose, onSubmit, submit, busy, danger, error, wide, children }) {
  const ref = useRef(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    if (open && dialog && !dialog.open) dialog.showModal();
    return undefined;
  }, [open]);
  if (!open) return null;
  const send = (event) => {
    event.preventDefault();
    if (!busy) onSubmit?.();
  };
  return html`<dialog ref=${ref} class=${wide ? "wide" : ""} aria-labelledby=${id} onClose=${onClose}
    onCancel=${(event) => { if (busy) event.preventDefault(); }}>
    <form onSubmit=${send} novalidate>
      <header><h2 id=${id}>${title}</h2><${Button} kind="quiet" icon="close" label=${t("action.close")} onClick=${onClose} /></header>
      <div class="dialog-body">${children}<${ErrorBox} error=${error} /></div>
      <footer><${Button} onClick=${onClose}>${onSubmit ? t("action.cancel") : t("action.close")}<//>
        ${onSubmit && html`<${Button} type="submit" kind=${danger ? "danger" : "primary"} busy=${busy}>${submit ?? t("action.save")}<//>`}
      </footer></form></dialog>`;
}

// Asks before something is done; `word` has to be typed for what cannot be undone.
export function Confirm({ open, title, children, word, submit, danger = true, onClose, onConfirm, busy, error }) {
  const [typed, setTyped] = useState("");
  useEffect(() => setTyped(""), [open]);
  const send = () => { if (!word || typed === word) onConfirm(); };
  return html`<${Dialog} open=${open} title=${title} danger=${danger} submit=${submit} busy=${busy || (word && typed !== word)}
    error=${error} onClose=${onClose} onSubmit=${send}>${children}
    ${word && html`<${TextField} label=${t("action.type_to_confirm", { word })} value=${typed} onValue=${setTyped} autocomplete="off" />`}<//>`;
}

const toasts = new Signal([]);
let toastCount = 0;

// A short message that goes by itself; `action`: {text, run}. Gives its id.
export function toast(text, { state = "ok", action, seconds = 6 } = {}) {
  const id = (toastCount += 1);
  toasts.value = [...toasts.value.slice(-4), { id, text, state, action }];
  setTimeout(() => dismiss(id), seconds * 1000);
  return id;
}

const dismiss = (id) => {
  toasts.value = toasts.value.filter((one) => one.id !== id);
};

export function Toasts() {
  const shown = useSignal(toasts);
  return html`<div class="toasts" role="status" aria-live="polite">${shown.map((one) => html`<div key=${one.id} class="toast ${one.state}">
    <span><bdi>${one.text}</bdi></span>
    ${one.action && html`<button type="button" class="link" onClick=${() => { dismiss(one.id); one.action.run(); }}>${one.action.text}</button>`}
    <${Button} kind="quiet" icon="close" label=${t("action.close")} onClick=${() => dismiss(one.id)} /></div>`)}</div>`;
}

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(t("shell.copied"));
  } catch {
    toast(t("shell.not_copied"), { state: "warning" });
  }
}

// What stands around every page: bar, navigation, search, and the page that the address names.
import { html, useEffect, useRef, useState } from "./dom.js";
import { signOut } from "./api.js";
import { LANGUAGES, language, setLanguage, t } from "./i18n.js";
import { Icon } from "./icons.js";
import { PAGES } from "../pages/index.js";
import { go, link, route } from "./router.js";
import { useSignal } from "./state.js";
import { setTheme, theme, THEMES } from "./theme.js";
import { Button, Empty, ErrorBox, LinkButton, Spinner } from "./ui.js";

const THEME_ICONS = { system: "system", light: "sun", dark: "moon" };

// Pages come when they are first wanted. A hash in the address keeps its place.
function PageOf({ page, path, query }) {
  const [state, setState] = useState({});
  useEffect(() => {
    let wanted = true;
    page.load().then(
      (module) => wanted && setState({ page, Component: module.default }),
      (error) => wanted && setState({ page, error }),
    );
    return () => {
      wanted = false;
    };
  }, [page]);
  if (state.page !== page) return html`<${Spinner} />`;
  if (state.error) return html`<${ErrorBox} error=${state.error} />`;
  return html`<${state.Component} path=${path} query=${query} />`;
}

function Locator() {
  const [text, setText] = useState("");
  const find = (event) => {
    event.preventDefault();
    const [bucket, ...key] = text.trim().replace(/^s3:\/\//, "").split("/");
    if (!bucket) return;
    if (key.join("/")) go("locate", { bucket, key: key.join("/") });
    else go("buckets", bucket);
  };
  return html`<form class="locator" role="search" onSubmit=${find}>
    <${Icon} name="search" /><input type="search" aria-label=${t("shell.search")} placeholder=${t("shell.search")} value=${text}
      onInput=${(event) => setText(event.currentTarget.value)} spellcheck=${false} autocapitalize="none" />
  </form>`;
}

function Account({ who }) {
  const chosen = useSignal(theme);
  const next = THEMES[(THEMES.indexOf(chosen) + 1) % THEMES.length];
  const others = Object.keys(LANGUAGES);
  const other = others[(others.indexOf(language.value) + 1) % others.length];
  return html`<div class="account">
    <${Button} kind="quiet" icon=${THEME_ICONS[chosen]} label=${t("shell.theme", { theme: t(`theme.${chosen}`) })} onClick=${() => setTheme(next)} />
    <button type="button" class="button quiet" lang=${other} onClick=${() => setLanguage(other)}>
      <${Icon} name="language" /><span>${LANGUAGES[other]}</span></button>
    <span class="who" title=${who.arn}><bdi>${who.name || who.access_key}</bdi></span>
    <${Button} kind="quiet" icon="signout" label=${t("shell.sign_out")} onClick=${() => signOut()} />
  </div>`;
}

export function Shell({ who }) {
  const { path, query } = useSignal(route);
  const [isOpen, setOpen] = useState(false);
  const main = useRef(null);
  const allowed = PAGES.filter((page) => who.root || !page.root);
  const name = path[0] ?? allowed[0].id;
  const page = allowed.find((one) => one.id === name);
  const first = useRef(true);
  useEffect(() => {
    setOpen(false);
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
    scrollTo(0, 0);
  }, [name]);
  const skip = (event) => {
    event.preventDefault();
    main.current?.focus();
  };
  return html`<div class="shell ${isOpen ? "open" : ""}">
    <a class="skip" href="#main" onClick=${skip}>${t("shell.skip")}</a>
    <header class="bar">
      <${Button} class="menu" kind="quiet" icon="menu" label=${t("shell.menu")} aria-expanded=${isOpen ? "true" : "false"} aria-controls="nav" onClick=${() => setOpen(!isOpen)} />
      <a class="brand" href=${link(allowed[0].id)} aria-label="objstore"><img src=${new URL("../icon.svg", import.meta.url).href} width="26" height="26" alt="" /><span>objstore</span></a>
      <${Locator} />
      <${Account} who=${who} />
    </header>
    <nav id="nav" class="side" aria-label=${t("shell.navigation")}>
      <ul>${allowed.filter((one) => !one.hidden).map((one) => html`<li><a href=${link(one.id)} aria-current=${one.id === name ? "page" : undefined}>
        <${Icon} name=${one.icon} /><span>${t(`nav.${one.id}`)}</span></a></li>`)}</ul>
      <p class="version">objstore ${who.version}</p>
    </nav>
    <main id="main" ref=${main} tabindex="-1">
      ${page ? html`<${PageOf} key=${page.id} page=${page} path=${path.slice(1)} query=${query} />`
        : html`<${Empty} title=${t("shell.no_page")} action=${html`<${LinkButton} href=${link(allowed[0].id)}>${t("shell.to_start")}<//>`} />`}
    </main>
  </div>`;
}

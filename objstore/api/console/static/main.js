// The console starts here: texts, theme, who has signed in; then the shell with a page in it.
import { html, render, useEffect, useState } from "./lib/dom.js";
import { ApiError, findSession, session } from "./lib/api.js";
import { language, startLanguage, t } from "./lib/i18n.js";
import { Shell } from "./lib/shell.js";
import { SignIn } from "./lib/signin.js";
import { useSignal } from "./lib/state.js";
import { startTheme } from "./lib/theme.js";
import { Button, ErrorBox, Spinner, Toasts } from "./lib/ui.js";

function App() {
  useSignal(language);
  const who = useSignal(session);
  const [error, setError] = useState(null);
  const find = () => {
    setError(null);
    findSession().catch((failure) => setError(failure instanceof ApiError ? failure : new ApiError(0, "Failed", String(failure))));
  };
  useEffect(find, []);
  if (error) {
    return html`<main class="alone"><${ErrorBox} error=${error} /><${Button} kind="primary" onClick=${find}>${t("action.retry")}<//></main>`;
  }
  if (who === undefined) return html`<main class="alone"><${Spinner} /></main>`;
  return html`${who ? html`<${Shell} who=${who} key=${who.access_key} />` : html`<${SignIn} />`}<${Toasts} />`;
}

startTheme();
await startLanguage();
render(html`<${App} />`, document.getElementById("app"));

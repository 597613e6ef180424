// Signing in, with an access key and its secret.
import { html, useEffect, useRef, useState } from "./dom.js";
import { ended, signIn } from "./api.js";
import { LANGUAGES, language, setLanguage, t } from "./i18n.js";
import { useSignal } from "./state.js";
import { Button, ErrorBox, Notice, Select, TextField } from "./ui.js";
import { useAction } from "./use.js";

export function SignIn() {
  const [accessKey, setAccessKey] = useState("");
  const [secretKey, setSecretKey] = useState("");
  const [token, setToken] = useState("");
  const isOver = useSignal(ended);
  const form = useRef(null);
  const { busy, error, run } = useAction(() => signIn(accessKey.trim(), secretKey.trim(), token.trim()));
  useEffect(() => {
    document.title = `${t("signin.title")} · objstore`;
    form.current?.querySelector("input")?.focus();
  }, []);
  const send = (event) => {
    event.preventDefault();
    if (!busy) run();
  };
  return html`<main class="signin">
    <form ref=${form} class="card" onSubmit=${send} novalidate>
      <div class="brand"><img src=${new URL("../icon.svg", import.meta.url).href} width="36" height="36" alt="" /><span>objstore</span></div>
      <h1>${t("signin.title")}</h1>
      <p class="lead">${t("signin.lead")}</p>
      ${isOver && html`<${Notice} state="warning">${t("signin.ended")}<//>`}
      <${TextField} label=${t("signin.access_key")} value=${accessKey} onValue=${setAccessKey} name="username"
        autocomplete="username" autocapitalize="none" spellcheck=${false} required />
      <${TextField} label=${t("signin.secret_key")} value=${secretKey} onValue=${setSecretKey} name="password" type="password"
        autocomplete="current-password" required />
      <details><summary>${t("signin.temporary")}</summary>
        <${TextField} label=${t("signin.session_token")} value=${token} onValue=${setToken} autocomplete="off" /></details>
      <${ErrorBox} error=${error} />
      <${Button} type="submit" kind="primary" busy=${busy} disabled=${!accessKey || !secretKey}>${t("signin.submit")}<//>
    </form>
    <${Select} label=${t("shell.language")} value=${language.value} options=${Object.entries(LANGUAGES)} onValue=${setLanguage} />
  </main>`;
}

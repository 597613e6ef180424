// The policy of a bucket: its document, and two beginnings to start from.
import { html, useEffect, useState } from "../../lib/dom.js";
import { t } from "../../lib/i18n.js";
import { pretty } from "../../lib/iam.js";
import { policyOf, setPolicy } from "../../lib/s3.js";
import { Button, Card, ErrorBox, Loaded, TextField, toast } from "../../lib/ui.js";
import { useAction, useLoad } from "../../lib/use.js";

const document_ = (bucket, statement) => JSON.stringify({ Version: "2012-10-17", Statement: [{ Sid: "", ...statement, Resource: [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`] }] }, null, 2);
const START = {
  read: (bucket) => document_(bucket, { Sid: "Read", Effect: "Allow", Principal: { AWS: "arn:aws:iam::000000000000:user/name" }, Action: ["s3:GetObject", "s3:ListBucket"] }),
  tls: (bucket) => document_(bucket, { Sid: "OnlyTls", Effect: "Deny", Principal: "*", Action: "s3:*", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
};

export function PolicyTab({ bucket }) {
  const load = useLoad(() => policyOf(bucket).then(pretty), [bucket]);
  const [text, setText] = useState("");
  useEffect(() => setText(load.data ?? ""), [load.data]);
  const save = useAction(async (document) => {
    await setPolicy(bucket, document);
    toast(t(document.trim() ? "action.saved" : "policy.removed"));
    load.reload();
  });
  const wrong = text.trim() && pretty(text) === text && !isJson(text) ? t("policy.not_json") : "";
  return html`<${Card} title=${t("policy.title")} hint=${t("policy.hint")}><${Loaded} load=${load}>${() => html`<div class="stack">
    <${TextField} multiline class="tall" label=${t("policy.document")} error=${wrong} value=${text} onValue=${setText} />
    <${ErrorBox} error=${save.error} />
    <div class="row"><${Button} kind="primary" busy=${save.busy} disabled=${Boolean(wrong)} onClick=${() => save.run(text)}>${t("action.save")}<//>
      ${load.data && html`<${Button} kind="danger" busy=${save.busy} onClick=${() => save.run("")}>${t("policy.remove")}<//>`}
      ${!text.trim() && Object.keys(START).map((name) => html`<${Button} kind="quiet" icon="plus" onClick=${() => setText(START[name](bucket))}>${t(`policy.start.${name}`)}<//>`)}</div>
    </div>`}<//><//>`;
}

export function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

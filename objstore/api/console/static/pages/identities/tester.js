// May somebody do something? The server's own judgement, and the statements that say so.
import { html, useState } from "../../lib/dom.js";
import { admin } from "../../lib/api.js";
import { t } from "../../lib/i18n.js";
import { Badge, Button, Card, Check, ErrorBox, Notice, Select, Table, TextField } from "../../lib/ui.js";
import { useAction } from "../../lib/use.js";

const ACTIONS = [
  "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket", "s3:GetObjectVersion", "s3:DeleteObjectVersion", "s3:GetObjectTagging", "s3:PutObjectTagging",
  "s3:RestoreObject", "s3:PutObjectRetention", "s3:BypassGovernanceRetention", "s3:CreateBucket", "s3:DeleteBucket", "s3:ListAllMyBuckets", "s3:GetBucketPolicy",
  "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration", "iam:CreateUser", "iam:CreateAccessKey", "sts:AssumeRole",
];

export function Tester({ query }) {
  const [given, setGiven] = useState({ kind: "user", name: query?.user ?? "", action: "s3:GetObject", bucket: "", key: "", source_ip: "", draft: "", secure: true });
  const set = (name) => (value) => setGiven({ ...given, [name]: value });
  const ask = useAction(() => admin("POST", "/policy-test", {
    json: {
      principal: { kind: given.kind, name: ["user", "role"].includes(given.kind) ? given.name : "" }, action: given.action.trim(), bucket: given.bucket.trim(), key: given.key,
      secure: given.secure, ...(given.source_ip.trim() ? { source_ip: given.source_ip.trim() } : {}), ...(given.draft.trim() ? { draft: given.draft } : {}),
    },
  }));
  const [answer, setAnswer] = useState(null);
  const test = async (event) => {
    event.preventDefault();
    setAnswer((await ask.run()) ?? null);
  };
  const field = (name, more = {}) => html`<${TextField} label=${t(`tester.${name}`)} value=${given[name]} onValue=${set(name)} spellcheck=${false} autocomplete="off" ...${more} />`;
  return html`<div class="grid"><${Card} title=${t("tester.title")} hint=${t("tester.hint")}>
    <form class="form" onSubmit=${test}>
      <div class="form-row"><${Select} label=${t("tester.kind")} value=${given.kind} options=${["user", "role", "root", "anonymous"].map((one) => [one, t(`tester.kind.${one}`)])} onValue=${set("kind")} />
        ${["user", "role"].includes(given.kind) && field("name")}</div>
      ${field("action", { list: "actions" })}<datalist id="actions">${ACTIONS.map((one) => html`<option value=${one} />`)}</datalist>
      <div class="form-row">${field("bucket")}${field("key")}</div>
      <div class="form-row">${field("source_ip", { placeholder: "127.0.0.1" })}<${Check} label=${t("tester.secure")} checked=${given.secure} onValue=${set("secure")} /></div>
      <details><summary>${t("tester.draft_more")}</summary>${field("draft", { multiline: true, hint: t("tester.draft_hint") })}</details>
      <div><${Button} type="submit" kind="primary" busy=${ask.busy}>${t("tester.test")}<//></div></form><//>
    <${Card} title=${t("tester.answer")}><div aria-live="polite" class="stack"><${ErrorBox} error=${ask.error} />
      ${answer ? html`<${Answer} answer=${answer} />` : !ask.error && html`<p class="soft">${t("tester.none_yet")}</p>`}</div><//></div>`;
}

function Answer({ answer }) {
  const columns = [
    { key: "effect", label: t("tester.effect"), render: (row) => html`<${Badge} state=${row.effect === "Allow" ? "ok" : "bad"}>${t(`tester.effect.${row.effect}`)}<//>` },
    { key: "on", label: t("tester.on"), render: (row) => t(`tester.on.${row.on}`) },
    { key: "name", label: t("policies.name"), wide: true },
    { key: "sid", label: t("tester.statement"), render: (row) => html`<bdi>${row.sid || `#${row.number}`}</bdi>` },
  ];
  return html`<${Notice} state=${answer.allowed ? "ok" : "bad"} title=${t(answer.allowed ? "tester.allowed" : "tester.refused")}>${t(`tester.reason.${answer.reason}`)}<//>
    <dl class="facts"><dt>${t("tester.principal")}</dt><dd><code><bdi>${answer.principal || t("tester.kind.anonymous")}</bdi></code></dd>
      <dt>${t("tester.resource")}</dt><dd><code><bdi>${answer.resource}</bdi></code></dd></dl>
    <${Table} label=${t("tester.statements")} columns=${columns} rows=${answer.statements} empty=${html`<p class="soft">${t("tester.no_statement")}</p>`} />`;
}

// Search over the objects of a bucket by what they are.
import { html, useEffect, useState } from "../../lib/dom.js";
import { t } from "../../lib/i18n.js";
import { replace } from "../../lib/router.js";
import { Button, Card, Select, TextField } from "../../lib/ui.js";
import { Found, sizeOf, useFound } from "./found.js";

const CLASSES = ["STANDARD", "INTELLIGENT_TIERING", "STANDARD_IA", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"];

export function Search({ bucket, query }) {
  const [wanted, setWanted] = useState(query);
  const search = useFound();
  useEffect(() => {
    if (Object.values(query).some(Boolean)) search.run(bucket, query, false);
  }, [bucket]);
  const submit = (event) => {
    event.preventDefault();
    replace("buckets", bucket, "search", wanted);
    search.run(bucket, wanted, false);
  };
  const field = (name, more = {}) => html`<${TextField} label=${t(`search.${name}`)} value=${wanted[name] ?? ""} onValue=${(value) => setWanted({ ...wanted, [name]: value })} spellcheck=${false} ...${more} />`;
  const wrong = (name) => (Number.isNaN(sizeOf(wanted[name])) ? t("search.size_wrong") : "");
  const any = [["", t("search.any")]];
  return html`<${Card} title=${t("search.title")} hint=${t("search.hint")}>
    <form class="form" onSubmit=${submit} role="search" aria-label=${t("search.title")}>
      <div class="form-row">${field("prefix")}${field("contains")}${field("tag", { hint: t("search.pairs_hint") })}${field("meta", { hint: t("search.pairs_hint") })}</div>
      <div class="form-row">${field("size_min", { error: wrong("size_min"), hint: t("search.size_hint") })}${field("size_max", { error: wrong("size_max") })}
        ${field("older_than_days", { inputmode: "decimal" })}${field("newer_than_days", { inputmode: "decimal" })}${field("idle_days", { inputmode: "numeric" })}${field("used_within_days", { inputmode: "numeric" })}</div>
      <div class="form-row">${field("etag")}${field("tier", { hint: t("search.tier_hint") })}
        <${Select} label=${t("search.storage_class")} value=${wanted.storage_class ?? ""} options=${[...any, ...CLASSES.map((one) => [one, one])]} onValue=${(value) => setWanted({ ...wanted, storage_class: value })} /></div>
      <div class="row"><${Button} type="submit" kind="primary" icon="search" busy=${search.busy} disabled=${Boolean(wrong("size_min") || wrong("size_max"))}>${t("search.search")}<//>
        <${Button} kind="quiet" onClick=${() => { setWanted({}); search.clear(); }}>${t("search.clear")}<//></div>
    </form><//>
  ${(search.found || search.busy || search.error) && html`<${Found} bucket=${bucket} search=${search} goOn=${() => search.run(bucket, wanted, true)} />`}`;
}

// Buckets: the list, one bucket with its tabs, one object.
import { html } from "../lib/dom.js";
import { BucketPage } from "./buckets/bucket.js";
import { BucketList } from "./buckets/list.js";
import { ObjectPage } from "./buckets/object.js";

export default function Buckets({ path, query }) {
  const [name, tab = "objects"] = path;
  if (name === undefined) return html`<${BucketList} />`;
  if (tab === "object") {
    return html`<${ObjectPage} key=${`${name}/${query.key}/${query.version}`} bucket=${name} name=${query.key ?? ""}
      versionId=${query.version} tab=${query.tab} />`;
  }
  return html`<${BucketPage} key=${name} name=${name} tab=${tab} query=${query} />`;
}

// Several objects, and all that lies below prefixes, as one zip: each is read and written piece by piece into a file of the browser's own (the origin's
// private file system), which is then handed to it as a download. So memory stays small, whatever the objects' sizes.
// Browsers that have no such files, or the console over plain HTTP from elsewhere, hold it in memory: up to a bound.
import { makeZip } from "../vendor/client-zip.js";
import { ApiError } from "./api.js";
import { bytes, number } from "./format.js";
import { t } from "./i18n.js";
import { visible } from "./names.js";
import { call, listObjects } from "./s3.js";
import { Signal } from "./state.js";

const IN_MEMORY_BYTES_MAX = 256 * 1024 * 1024;
export const OBJECTS_MAX = 10000;
const PAGE = 1000;
const KEPT_MS = 3600e3; // how long the browser may take to copy a finished file
const PREFIX = "zip-";

/** What is under way, or failed: {name, sent, total, key, state: "running" | "failed", error}; null: nothing. */
export const zipping = new Signal(null);
let abort = null;

export const cancelZip = () => (zipping.value?.state === "running" ? abort?.abort() : (zipping.value = null));

/** Names in the archive: below the prefix, of parts that are safe to unpack anywhere, each once. */
export function entryNames(keys, prefix) {
  const taken = new Set();
  return keys.map((key) => {
    const parts = (key.slice(prefix.length) || key).split("/").map((part) => visible(part).replace(/[\\:*?"<>|]/g, "_"));
    const name = parts.map((part) => (/^\.{0,2}$/.test(part) ? "_" : part)).join("/");
    let free = name;
    for (let n = 2; taken.has(free.toLowerCase()); n += 1) free = name.replace(/(\.[^./]*)?$/, ` (${n})$1`);
    taken.add(free.toLowerCase());
    return free;
  });
}

/** All rows, with what lies below prefixes in place of these; throws ApiError when that is too much. */
async function expanded(bucket, rows, signal) {
  const found = new Map(); // an object may be chosen beside its prefix
  const put = (row) => {
    found.set(`${row.key}/${row.versionId ?? ""}`, row);
    if (found.size > OBJECTS_MAX) throw new ApiError(0, "TooLarge", t("zip.too_many", { max: number(OBJECTS_MAX) }));
  };
  for (const row of rows) {
    if (!row.folder) put(row);
    else {
      let token = null;
      do {
        zipping.value = { ...zipping.value, key: row.key };
        const page = await listObjects(bucket, { prefix: row.key, delimiter: "", token, limit: PAGE, signal });
        // An empty object that is named as a folder is one: archives have folders by what is in them.
        page.objects.filter((one) => one.size > 0 || !one.key.endsWith("/")).forEach(put);
        token = page.next;
      } while (token);
    }
  }
  return [...found.values()];
}

/** `rows`: [{key, versionId?, size, modified} or {folder: true, key: prefix}], at least one. Ends when the browser has been given the file, or it failed. */
export async function downloadZip(bucket, prefix, rows) {
  if (zipping.value?.state === "running") return;
  const controller = (abort = new AbortController());
  const name = `${prefix.split("/").filter(Boolean).at(-1) ?? bucket}.zip`;
  zipping.value = { name, sent: 0, total: 0, key: rows[0].key, state: "running", error: null };
  try {
    const all = await expanded(bucket, rows, controller.signal);
    if (!all.length) throw new ApiError(0, "NothingThere", t("zip.nothing"));
    const total = all.reduce((sum, row) => sum + row.size, 0);
    zipping.value = { ...zipping.value, total };
    const file = await written(makeZip(entries(bucket, prefix, all, controller.signal), { buffersAreUTF8: true }), total, controller.signal);
    hand(file, name);
    zipping.value = null;
  } catch (error) {
    zipping.value = controller.signal.aborted ? null : { ...zipping.value, state: "failed", error };
  }
}

async function* entries(bucket, prefix, rows, signal) {
  const names = entryNames(rows.map((row) => row.key), prefix);
  let shown = 0;
  for (const [at, row] of rows.entries()) {
    zipping.value = { ...zipping.value, key: row.key };
    const answer = await call("GET", bucket, row.key, { query: { versionId: row.versionId }, signal });
    const counted = new TransformStream({
      transform(chunk, out) {
        const sent = zipping.value.sent + chunk.length;
        // Drawn a few times a second, not for every piece.
        if (Date.now() - shown > 200) zipping.value = { ...zipping.value, sent };
        else zipping.value.sent = sent;
        if (Date.now() - shown > 200) shown = Date.now();
        out.enqueue(chunk);
      },
    });
    yield { name: names[at], lastModified: new Date(row.modified), input: answer.body.pipeThrough(counted) };
  }
}

async function written(stream, total, signal) {
  const root = await navigator.storage?.getDirectory?.().catch(() => null);
  const handle = await root?.getFileHandle(PREFIX + crypto.randomUUID(), { create: true });
  if (!handle?.createWritable) {
    if (total > IN_MEMORY_BYTES_MAX) throw new ApiError(0, "TooLarge", t("zip.too_large", { max: bytes(IN_MEMORY_BYTES_MAX) }));
    return new Response(stream, { headers: { "content-type": "application/zip" } }).blob();
  }
  try {
    await stream.pipeTo(await handle.createWritable(), { signal });
  } catch (error) {
    await root.removeEntry(handle.name).catch(() => {});
    throw error;
  }
  return handle.getFile();
}

function hand(file, name) {
  const href = URL.createObjectURL(file);
  const anchor = Object.assign(document.createElement("a"), { href, download: name });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(href), KEPT_MS);
}

/** Files of earlier downloads; the browser has copied them long ago. */
async function clean() {
  const root = await navigator.storage?.getDirectory?.();
  if (!root) return;
  for await (const [name, handle] of root.entries()) {
    if (!name.startsWith(PREFIX)) continue;
    const file = await handle.getFile();
    if (Date.now() - file.lastModified > KEPT_MS) await root.removeEntry(name);
  }
}
clean().catch(() => {}); // in use elsewhere, or no such files: nothing is lost

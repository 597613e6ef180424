// Uploads: files one after the other, large ones in parts, several parts at once, each tried again when it fails.
// Every piece carries its CRC-32: what arrives is what was read here, or it is refused.

import { ApiError, errorFrom, sessionHeaders } from "./api.js";
import { t } from "./i18n.js";
import { Signal } from "./state.js";
import { abortUpload, beginUpload, completeUpload, crc32, pathOf } from "./s3.js";

export const PART_BYTES = 8 * 1024 * 1024;
export const PARTS_AT_ONCE = 4;
const FILES_AT_ONCE = 2;
const PARTS_MAX = 10000;
const TRIES = 4;
const PAUSE_MS = 400;

/** A queue of uploads. `notify` is called when something has changed; `items` are what is to be shown. */
export class Uploads {
  constructor(notify) {
    this.items = [];
    this.notify = notify;
    this.running = 0;
    this.number = 0;
  }

  /** Add files to a prefix. `replace`: an object that is there may be overwritten. */
  add(bucket, prefix, files, replace) {
    for (const file of files) {
      const name = prefix + (file.relative || file.webkitRelativePath || file.name);
      this.items.push({
        id: ++this.number,
        bucket,
        key: name,
        file,
        size: file.size,
        sent: 0,
        state: "waiting",
        error: "",
        replace,
        abort: new AbortController(),
      });
    }
    this.next();
  }

  get unfinished() {
    return this.items.filter((item) => ["waiting", "sending"].includes(item.state)).length;
  }

  cancel(item) {
    item.abort.abort();
    if (item.state === "waiting") item.state = "canceled";
    this.notify();
  }

  again(item, replace) {
    Object.assign(item, { state: "waiting", error: "", sent: 0, replace: replace || item.replace, abort: new AbortController() });
    this.next();
  }

  clear() {
    this.items = this.items.filter((item) => ["waiting", "sending"].includes(item.state));
    this.notify();
  }

  next() {
    this.notify();
    const item = this.items.find((one) => one.state === "waiting");
    if (!item || this.running >= FILES_AT_ONCE) return;
    this.running++;
    item.state = "sending";
    this.send(item).finally(() => {
      this.running--;
      this.next();
    });
    this.next();
  }

  async send(item) {
    try {
      await (item.size > PART_BYTES ? this.inParts(item) : this.whole(item));
      Object.assign(item, { state: "done", sent: item.size });
    } catch (error) {
      item.state = item.abort.signal.aborted ? "canceled" : error.code === "PreconditionFailed" ? "exists" : "failed";
      item.error = error.message;
    }
  }

  async whole(item) {
    const bytes = new Uint8Array(await item.file.arrayBuffer());
    const headers = { "content-type": item.file.type || "application/octet-stream", ...condition(item) };
    await this.piece(item, pathOf(item.bucket, item.key), bytes, headers, (sent) => {
      item.sent = sent;
    });
  }

  async inParts(item) {
    const { bucket, key, file, size } = item;
    const length = Math.max(PART_BYTES, Math.ceil(size / PARTS_MAX));
    const count = Math.ceil(size / length),
      parts = new Array(count),
      sent = new Array(count).fill(0);
    const uploadId = await beginUpload(bucket, key, file.type || "application/octet-stream");
    let following = 0;
    const worker = async () => {
      while (following < count && !item.abort.signal.aborted) {
        const number = following++;
        const bytes = new Uint8Array(await file.slice(number * length, (number + 1) * length).arrayBuffer());
        const url = `${pathOf(bucket, key)}?partNumber=${number + 1}&uploadId=${encodeURIComponent(uploadId)}`;
        parts[number] = await this.piece(item, url, bytes, {}, (done) => {
          sent[number] = done;
          item.sent = sent.reduce((a, b) => a + b, 0);
        });
      }
    };
    try {
      await Promise.all(Array.from({ length: Math.min(PARTS_AT_ONCE, count) }, worker));
      item.abort.signal.throwIfAborted();
      await completeUpload(bucket, key, uploadId, parts, condition(item));
    } catch (error) {
      item.failed = true;
      await abortUpload(bucket, key, uploadId).catch(() => {});
      throw error;
    }
  }

  /** PUT with progress, tried again unless the answer says that this is of no use. */
  async piece(item, url, bytes, headers, progress) {
    const crc = crc32(bytes);
    for (let tries = 1; ; tries++) {
      try {
        const etag = await sendBytes(url, bytes, { ...headers, "x-amz-checksum-crc32": crc }, item.abort.signal, (done) => {
          progress(done);
          this.notify();
        });
        progress(bytes.length);
        return { etag, crc };
      } catch (error) {
        const final =
          item.abort.signal.aborted || item.failed || (error.status >= 400 && error.status < 500 && error.status !== 408 && error.status !== 429);
        if (final || tries >= TRIES) throw error;
        progress(0);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** tries * (0.5 + Math.random())));
      }
    }
  }
}

const condition = (item) => (item.replace ? {} : { "if-none-match": "*" });

/** `fetch` says nothing of how far a body is; this does. Gives the ETag. */
function sendBytes(url, bytes, headers, signal, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(),
      stop = () => request.abort();
    request.open("PUT", url);
    for (const [name, value] of Object.entries({ ...sessionHeaders(), ...headers })) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => progress(event.loaded);
    request.onload = () =>
      request.status < 300 ? resolve(request.getResponseHeader("etag")) : reject(errorFrom(request.status, request.responseText));
    request.onerror = request.onabort = () => reject(new ApiError(0, "Unreachable", t("error.unreachable")));
    request.onloadend = () => signal.removeEventListener("abort", stop);
    signal.addEventListener("abort", stop);
    if (signal.aborted) return reject(new ApiError(0, "Canceled", t("upload.canceled")));
    request.send(bytes);
  });
}

/** How often something has changed: follow this to draw `uploads.items`. */
export const uploadsChanged = new Signal(0);
export const uploads = new Uploads(() => {
  uploadsChanged.value += 1;
});

/** Files of a drop, those in folders too: `relative` is their path. */
export async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  const found = [];
  const walk = async (entry, path) => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      found.push(Object.assign(file, { relative: path + file.name }));
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) return;
      for (const one of some) await walk(one, path + entry.name + "/");
    }
  };
  for (const entry of entries) await walk(entry, "");
  return found;
}

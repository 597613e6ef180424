// What an object holds, told from its first bytes and shown as text or pixels: never as a page, never as markup.
// Only so many bytes are asked for. What is said of the type by its headers is not believed.
import { readRange } from "./s3.js";

const HEAD_BYTES = 64 * 1024;
const IMAGE_BYTES_MAX = 20 * 1024 * 1024;
const JSON_BYTES_MAX = 1024 * 1024;
const FOOTER_BYTES = 64 * 1024;
const FOOTER_BYTES_MAX = 16 * 1024 * 1024;
const TENSORS_BYTES_MAX = 16 * 1024 * 1024;
const TENSORS_SHOWN = 500;
const WORKER_MS = 10000;

const starts = (bytes, text, at = 0) => [...text].every((char, i) => bytes[at + i] === char.charCodeAt(0));
const IMAGES = [
  ["image/png", (b) => starts(b, "\x89PNG\r\n\x1a\n")],
  ["image/jpeg", (b) => starts(b, "\xff\xd8\xff")],
  ["image/gif", (b) => starts(b, "GIF87a") || starts(b, "GIF89a")],
  ["image/webp", (b) => starts(b, "RIFF") && starts(b, "WEBP", 8)],
  ["image/avif", (b) => starts(b, "ftypavi", 4)],
  ["image/bmp", (b) => starts(b, "BM")],
];

/** What is to be shown: {kind: "empty" | "image" | "json" | "text" | "parquet" | "safetensors" | "binary" | "large", …}. */
export async function contentOf(bucket, key, size, versionId, signal) {
  if (size === 0) return { kind: "empty" };
  const read = (start, end) => readRange(bucket, key, start, Math.min(end, size), versionId, signal);
  const head = await read(0, HEAD_BYTES);
  const image = IMAGES.find(([, matches]) => matches(head));
  if (image) return imageOf(image[0], size, head, read);
  if (starts(head, "PAR1") && size >= 12) return parquetOf(size, read);
  const tensors = await tensorsOf(key, size, head, read);
  if (tensors) return tensors;
  const text = textOf(head, head.length < size);
  if (text === null) return { kind: "binary", bytes: head.slice(0, 512) };
  if (/^\s*[[{]/.test(text) && size <= JSON_BYTES_MAX) {
    const whole = head.length < size ? textOf(await read(0, size), false) : text;
    try {
      return { kind: "json", text: JSON.stringify(JSON.parse(whole), null, 2).slice(0, 2 * JSON_BYTES_MAX) };
    } catch { /* looks like it, but is not */ }
  }
  return { kind: "text", text, cut: head.length < size };
}

async function imageOf(type, size, head, read) {
  if (size > IMAGE_BYTES_MAX) return { kind: "large", type };
  const bytes = head.length < size ? await read(0, size) : head;
  // The type is ours, one of a few: a blob of it is pixels or nothing.
  return { kind: "image", type, blob: new Blob([bytes], { type }) };
}

/** The text of UTF-8, null if it is none. `cut`: the last character may be torn. */
export function textOf(bytes, cut) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: cut });
    return /[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text) ? null : text;
  } catch {
    return null;
  }
}

async function parquetOf(size, read) {
  let footer = await read(size - Math.min(size, FOOTER_BYTES), size);
  if (!starts(footer, "PAR1", footer.length - 4)) return { kind: "parquet", error: "PAR1" };
  const length = new DataView(footer.buffer, footer.byteOffset).getUint32(footer.length - 8, true) + 8;
  if (length > Math.min(size, FOOTER_BYTES_MAX)) return { kind: "parquet", error: "footer" };
  if (length > footer.length) footer = await read(size - length, size);
  return { kind: "parquet", ...(await inWorker(footer)) };
}

function inWorker(footer) {
  const worker = new Worker(new URL("./parquet.worker.js", import.meta.url), { type: "module" });
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve({ error: "timeout" }), WORKER_MS);
    worker.onmessage = ({ data }) => {
      clearTimeout(timer);
      resolve(data);
    };
    worker.onerror = (event) => resolve({ error: event.message || "worker" });
    worker.postMessage(footer);
  }).finally(() => worker.terminate());
}

// 8 bytes of length, then JSON: {"name": {"dtype", "shape", "data_offsets": [from, to]}, "__metadata__"?: {…}}
async function tensorsOf(key, size, head, read) {
  if (head.length < 10 || head[8] !== 0x7b) return null;
  const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true);
  if (length > BigInt(size - 8) || (!key.endsWith(".safetensors") && length > 1n << 24n)) return null;
  if (length > BigInt(TENSORS_BYTES_MAX)) return { kind: "safetensors", error: "header" };
  const bytes = Number(length) + 8 > head.length ? await read(0, Number(length) + 8) : head;
  let header;
  try {
    header = JSON.parse(textOf(bytes.slice(8, 8 + Number(length)), false) ?? "");
  } catch {
    return key.endsWith(".safetensors") ? { kind: "safetensors", error: "header" } : null;
  }
  const { __metadata__: metadata = {}, ...tensors } = header;
  const all = Object.entries(tensors).map(([name, tensor]) => tensorOf(name, tensor));
  return {
    kind: "safetensors", metadata: Object.entries(metadata).map(([name, value]) => [name, String(value)]), count: all.length,
    parameters: all.reduce((sum, one) => sum + one.parameters, 0), bytes: all.reduce((sum, one) => sum + one.bytes, 0),
    dtypes: [...new Set(all.map((one) => one.dtype))], tensors: all.slice(0, TENSORS_SHOWN),
  };
}

function tensorOf(name, tensor) {
  const shape = Array.isArray(tensor?.shape) ? tensor.shape.map(Number) : [];
  const [from, to] = Array.isArray(tensor?.data_offsets) ? tensor.data_offsets.map(Number) : [0, 0];
  return { name, dtype: String(tensor?.dtype ?? "?"), shape, parameters: shape.reduce((a, b) => a * b, 1), bytes: to - from || 0 };
}

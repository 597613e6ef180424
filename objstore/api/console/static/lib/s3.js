// S3 as the browser speaks it: the same API that everybody uses, with the session in place of a signature.
// Documents are read by DOMParser, which runs nothing of them, and written from text nodes, which need no escaping.

import { ApiError, errorFrom, objectPath, parseXml, request } from "./api.js";
import { t } from "./i18n.js";

const CRC = new Uint32Array(256).map((_, n) => {
  for (let i = 0; i < 8; i++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

/** CRC-32 of bytes as S3 has it in headers. */
export function crc32(bytes) {
  let c = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) c = CRC[(c ^ bytes[i]) & 255] ^ (c >>> 8);
  c = ~c;
  return btoa(String.fromCharCode((c >>> 24) & 255, (c >>> 16) & 255, (c >>> 8) & 255, c & 255));
}

/** Browsers fold these two away, however they are written. */
export const isAddressable = (key) => key !== "." && key !== "..";

/** Path of a bucket or key; throws ApiError for a key that no URL of a browser can name. */
export function pathOf(bucket, key) {
  if (key !== undefined && !isAddressable(key)) throw new ApiError(0, "InvalidURI", t("objects.not_addressable", { key }));
  return objectPath(bucket, key);
}

/** A request; gives the Response. Throws ApiError. */
export const call = async (method, bucket, key, options) => request(method, pathOf(bucket, key), options);

// ---- XML

export function parse(text) {
  const root = parseXml(text);
  if (root.getElementsByTagName("parsererror").length || root.localName === "parsererror") throw new ApiError(0, "MalformedXML", t("error.xml"));
  return root;
}
export const all = (node, name) => [...node.children].filter((child) => child.localName === name);
export const first = (node, name) => all(node, name)[0];
export const textOf = (node, ...names) => {
  for (const name of names) node = node && first(node, name);
  return node ? node.textContent : "";
};
/** `[name, content]`, content being text or a list of such; null content is left out. */
export function xml(name, content) {
  const doc = document.implementation.createDocument(null, name);
  const fill = (node, value) => {
    if (!Array.isArray(value)) return node.append(String(value));
    for (const [child, inner] of value) if (inner !== undefined && inner !== null) fill(node.appendChild(doc.createElement(child)), inner);
  };
  fill(doc.documentElement, content);
  return new XMLSerializer().serializeToString(doc);
}
const xmlOf = async (answer) => parse(await answer.text());
export const put = (bucket, key, query, document, headers) => {
  const body = new TextEncoder().encode(document);
  return call("PUT", bucket, key, { query, body, headers: { "content-type": "application/xml", "x-amz-checksum-crc32": crc32(body), ...headers } });
};
/** What a setting says, or null where there is none. */
const orNull = (promise, ...codes) =>
  promise.catch((error) => {
    if (codes.includes(error.code)) return null;
    throw error;
  });
const decoded = (text) => decodeURIComponent(text);

// ---- Buckets

export async function listBuckets() {
  const root = await xmlOf(await request("GET", "/"));
  return all(first(root, "Buckets"), "Bucket").map((node) => ({ name: textOf(node, "Name"), created: textOf(node, "CreationDate") }));
}
export async function createBucket(name, { versioning, lock } = {}) {
  await call("PUT", name, undefined, { headers: lock ? { "x-amz-bucket-object-lock-enabled": "true" } : {} });
  if (versioning && !lock) await setVersioning(name, "Enabled");
}
export const deleteBucket = (name) => call("DELETE", name);
export const versioningOf = async (name) => textOf(await xmlOf(await call("GET", name, undefined, { query: { versioning: "" } })), "Status");
export const setVersioning = (name, status) => put(name, undefined, { versioning: "" }, xml("VersioningConfiguration", [["Status", status]]));

export async function tagsOf(bucket, key, versionId) {
  const answer = await orNull(call("GET", bucket, key, { query: { tagging: "", versionId } }), "NoSuchTagSet");
  return answer ? all(first(await xmlOf(answer), "TagSet"), "Tag").map((node) => [textOf(node, "Key"), textOf(node, "Value")]) : [];
}
export const setTags = (bucket, key, tags, versionId) =>
  tags.length
    ? put(
        bucket,
        key,
        { tagging: "", versionId },
        xml("Tagging", [
          [
            "TagSet",
            tags.map(([k, v]) => [
              "Tag",
              [
                ["Key", k],
                ["Value", v],
              ],
            ]),
          ],
        ]),
      )
    : call("DELETE", bucket, key, { query: { tagging: "", versionId } });

export async function policyOf(bucket) {
  const answer = await orNull(call("GET", bucket, undefined, { query: { policy: "" } }), "NoSuchBucketPolicy");
  return answer ? answer.text() : "";
}
export const setPolicy = (bucket, text) =>
  text.trim()
    ? call("PUT", bucket, undefined, { query: { policy: "" }, body: text, headers: { "content-type": "application/json" } })
    : call("DELETE", bucket, undefined, { query: { policy: "" } });

export const BLOCKS = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];
export async function publicAccessOf(bucket) {
  const answer = await orNull(call("GET", bucket, undefined, { query: { publicAccessBlock: "" } }), "NoSuchPublicAccessBlockConfiguration");
  const root = answer && (await xmlOf(answer));
  return Object.fromEntries(BLOCKS.map((name) => [name, !!root && textOf(root, name) === "true"]));
}
export const setPublicAccess = (bucket, blocks) =>
  put(
    bucket,
    undefined,
    { publicAccessBlock: "" },
    xml(
      "PublicAccessBlockConfiguration",
      BLOCKS.map((name) => [name, String(!!blocks[name])]),
    ),
  );

/** `{algorithm, key}`; algorithm is empty where nothing is set. */
export async function encryptionOf(bucket) {
  const answer = await orNull(call("GET", bucket, undefined, { query: { encryption: "" } }), "ServerSideEncryptionConfigurationNotFoundError");
  const rule = answer && first(first(await xmlOf(answer), "Rule") || document, "ApplyServerSideEncryptionByDefault");
  return rule ? { algorithm: textOf(rule, "SSEAlgorithm"), key: textOf(rule, "KMSMasterKeyID") } : { algorithm: "", key: "" };
}
export const setEncryption = (bucket, { algorithm, key }) =>
  algorithm
    ? put(
        bucket,
        undefined,
        { encryption: "" },
        xml("ServerSideEncryptionConfiguration", [
          [
            "Rule",
            [
              [
                "ApplyServerSideEncryptionByDefault",
                [
                  ["SSEAlgorithm", algorithm],
                  ["KMSMasterKeyID", key || null],
                ],
              ],
            ],
          ],
        ]),
      )
    : call("DELETE", bucket, undefined, { query: { encryption: "" } });

/** `{enabled, mode, days, years}`: what new objects are locked with. */
export async function lockOf(bucket) {
  const answer = await orNull(call("GET", bucket, undefined, { query: { "object-lock": "" } }), "ObjectLockConfigurationNotFoundError");
  if (!answer) return { enabled: false };
  const kept = first(first(await xmlOf(answer), "Rule") || document, "DefaultRetention");
  return { enabled: true, mode: kept ? textOf(kept, "Mode") : "", days: kept ? textOf(kept, "Days") : "", years: kept ? textOf(kept, "Years") : "" };
}
export const setLock = (bucket, { mode, days }) =>
  put(
    bucket,
    undefined,
    { "object-lock": "" },
    xml("ObjectLockConfiguration", [
      ["ObjectLockEnabled", "Enabled"],
      [
        "Rule",
        mode
          ? [
              [
                "DefaultRetention",
                [
                  ["Mode", mode],
                  ["Days", days],
                ],
              ],
            ]
          : null,
      ],
    ]),
  );
export async function lifecycleXml(bucket) {
  const answer = await orNull(call("GET", bucket, undefined, { query: { lifecycle: "" } }), "NoSuchLifecycleConfiguration");
  return answer ? answer.text() : "";
}

/** A setting that is a document: its XML, "" for none. */
export async function documentOf(bucket, name, missing) {
  const answer = await orNull(call("GET", bucket, undefined, { query: { [name]: "" } }), missing);
  return answer ? answer.text() : "";
}
export const setDocument = (bucket, name, document) => put(bucket, undefined, { [name]: "" }, document);
export const dropDocument = (bucket, name) => call("DELETE", bucket, undefined, { query: { [name]: "" } });

// ---- Objects

const entryOf = (node) => ({
  key: decoded(textOf(node, "Key")),
  size: +textOf(node, "Size"),
  modified: textOf(node, "LastModified"),
  etag: textOf(node, "ETag").replaceAll('"', ""),
  storageClass: textOf(node, "StorageClass"),
});
/** A page in the order of keys. */
export async function listObjects(bucket, { prefix = "", delimiter = "/", token, limit = 100, signal } = {}) {
  const query = { "list-type": 2, "encoding-type": "url", prefix, delimiter, "max-keys": limit, "continuation-token": token || undefined };
  const root = await xmlOf(await call("GET", bucket, undefined, { query, signal }));
  return {
    objects: all(root, "Contents").map(entryOf),
    prefixes: all(root, "CommonPrefixes").map((node) => decoded(textOf(node, "Prefix"))),
    next: textOf(root, "NextContinuationToken") || null,
  };
}
/** Versions and delete markers, the newest first within a key. `after`: `[key, version]`. */
export async function listVersions(bucket, { prefix = "", delimiter = "", after, limit = 100 } = {}) {
  const query = {
    versions: "",
    "encoding-type": "url",
    prefix,
    delimiter,
    "max-keys": limit,
    "key-marker": after && after[0],
    "version-id-marker": after && after[1],
  };
  const root = await xmlOf(await call("GET", bucket, undefined, { query }));
  const versions = [...root.children]
    .filter((node) => ["Version", "DeleteMarker"].includes(node.localName))
    .map((node) => ({
      ...entryOf(node),
      versionId: textOf(node, "VersionId"),
      latest: textOf(node, "IsLatest") === "true",
      marker: node.localName === "DeleteMarker",
    }));
  const prefixes = all(root, "CommonPrefixes").map((node) => decoded(textOf(node, "Prefix")));
  const next =
    textOf(root, "IsTruncated") === "true" ? [decoded(textOf(root, "NextKeyMarker")), textOf(root, "NextVersionIdMarker") || undefined] : null;
  return { versions, prefixes, next };
}
/** All headers of an object that say something of it. */
export async function head(bucket, key, versionId) {
  const { headers } = await call("HEAD", bucket, key, { query: { versionId } });
  const get = (name) => headers.get(name) || "";
  const meta = [...headers].filter(([name]) => name.startsWith("x-amz-meta-")).map(([name, value]) => [name.slice(11), value]);
  return {
    size: +get("content-length"),
    type: get("content-type"),
    etag: get("etag").replaceAll('"', ""),
    modified: get("last-modified"),
    storageClass: get("x-amz-storage-class") || "STANDARD",
    versionId: get("x-amz-version-id"),
    restore: get("x-amz-restore"),
    archive: get("x-amz-archive-status"),
    encryption: get("x-amz-server-side-encryption"),
    expiration: get("x-amz-expiration"),
    lockMode: get("x-amz-object-lock-mode"),
    lockUntil: get("x-amz-object-lock-retain-until-date"),
    hold: get("x-amz-object-lock-legal-hold") === "ON",
    cacheControl: get("cache-control"),
    contentEncoding: get("content-encoding"),
    meta,
  };
}
/** Some bytes, `end` exclusive. */
export async function readRange(bucket, key, start, end, versionId, signal) {
  if (end <= start) return new Uint8Array(0);
  const answer = await call("GET", bucket, key, { query: { versionId }, headers: { range: `bytes=${start}-${end - 1}` }, signal });
  return new Uint8Array(await answer.arrayBuffer());
}
/** Delete the current version, or one that is named; `{marker, versionId}`. */
export async function remove(bucket, key, versionId, bypass) {
  const { headers } = await call("DELETE", bucket, key, {
    query: { versionId },
    headers: bypass ? { "x-amz-bypass-governance-retention": "true" } : {},
  });
  return { marker: headers.get("x-amz-delete-marker") === "true", versionId: headers.get("x-amz-version-id") || "" };
}
/** Delete up to 1000 `[key, versionId]`; `{deleted: [{key, markerId}], errors: [{key, message}]}`. */
export async function removeMany(bucket, names) {
  const body = new TextEncoder().encode(
    xml(
      "Delete",
      names.map(([key, versionId]) => [
        "Object",
        [
          ["Key", key],
          ["VersionId", versionId],
        ],
      ]),
    ),
  );
  const root = await xmlOf(
    await call("POST", bucket, undefined, {
      query: { delete: "" },
      body,
      headers: { "content-type": "application/xml", "x-amz-checksum-crc32": crc32(body) },
    }),
  );
  return {
    deleted: all(root, "Deleted").map((node) => ({ key: textOf(node, "Key"), markerId: textOf(node, "DeleteMarkerVersionId") })),
    errors: all(root, "Error").map((node) => ({ key: textOf(node, "Key"), message: textOf(node, "Message") || textOf(node, "Code") })),
  };
}
/** Make a version the current one again, by a copy of it; also how headers and metadata are changed. */
export const copy = (bucket, key, { versionId, headers } = {}) =>
  call("PUT", bucket, key, {
    headers: { "x-amz-copy-source": pathOf(bucket, key) + (versionId ? `?versionId=${encodeURIComponent(versionId)}` : ""), ...headers },
  });
export const setRetention = (bucket, key, versionId, mode, until, bypass) =>
  put(
    bucket,
    key,
    { retention: "", versionId },
    xml(
      "Retention",
      mode
        ? [
            ["Mode", mode],
            ["RetainUntilDate", until],
          ]
        : [],
    ),
    bypass ? { "x-amz-bypass-governance-retention": "true" } : {},
  );
export const setHold = (bucket, key, versionId, on) =>
  put(bucket, key, { "legal-hold": "", versionId }, xml("LegalHold", [["Status", on ? "ON" : "OFF"]]));
export async function restore(bucket, key, versionId, days) {
  const body = new TextEncoder().encode(xml("RestoreRequest", days ? [["Days", days]] : []));
  return (await call("POST", bucket, key, { query: { restore: "", versionId }, body, headers: { "content-type": "application/xml" } })).status;
}

// ---- Uploads of several parts

export async function beginUpload(bucket, key, type) {
  const answer = await call("POST", bucket, key, { query: { uploads: "" }, headers: { "content-type": type, "x-amz-checksum-algorithm": "CRC32" } });
  return textOf(await xmlOf(answer), "UploadId");
}
export async function completeUpload(bucket, key, uploadId, parts, headers) {
  const document = xml(
    "CompleteMultipartUpload",
    parts.map((part, i) => [
      "Part",
      [
        ["PartNumber", i + 1],
        ["ETag", part.etag],
        ["ChecksumCRC32", part.crc],
      ],
    ]),
  );
  const answer = await call("POST", bucket, key, { query: { uploadId }, body: document, headers: { "content-type": "application/xml", ...headers } });
  const text = await answer.text();
  if (text.includes("<Error>")) throw errorFrom(500, text.trim()); // said after a 200 that could not wait
}
export const abortUpload = (bucket, key, uploadId) => call("DELETE", bucket, key, { query: { uploadId } });

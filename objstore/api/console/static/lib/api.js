// Everything the console does: S3 and the admin API, as whoever has signed in.
import { t } from "./i18n.js";
import { Signal } from "./state.js";

const SESSION = "/-/console/session";
export const ADMIN = "/-/admin/v1";

// null: nobody; undefined: not known yet. {access_key, name, arn, root, csrf, expires, region, version}
export const session = new Signal(undefined);
export const ended = new Signal(false);

// What went wrong, as the server says it. `status` is 0 where there was no answer.
export class ApiError extends Error {
  constructor(status, code, message, requestId = "") {
    super(message);
    Object.assign(this, { status, code, requestId });
  }
}

export const isAborted = (error) => error?.name === "AbortError";

export async function findSession() {
  const response = await request("GET", SESSION);
  session.value = await response.json();
}

export async function signIn(accessKey, secretKey, sessionToken = "") {
  const body = { access_key: accessKey, secret_key: secretKey, session_token: sessionToken };
  const response = await request("POST", SESSION, { json: body });
  ended.value = false;
  session.value = await response.json();
}

export async function signOut() {
  await request("DELETE", SESSION);
  session.value = null;
}

// The header that makes a request the session's; for those that cannot use `s3` or `admin`.
export const sessionHeaders = () => (session.value ? { "x-objstore-csrf": session.value.csrf } : {});

// Path of a bucket or an object. A slash in a key is encoded too, so that no browser takes "a/../b" for "b".
export function objectPath(bucket, key) {
  const path = `/${encodeURIComponent(bucket)}`;
  return key === undefined ? path : `${path}/${encodeURIComponent(key)}`;
}

export function queryOf(query = {}) {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  const text = pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&");
  return text && `?${text}`;
}

// One request. Options: query, headers, body (anything fetch takes), json (sent as JSON), signal. Gives the Response;
// throws ApiError for whatever is not 2xx or 304.
export async function request(method, path, { query, headers = {}, body, json, signal } = {}) {
  const sent = { ...sessionHeaders(), ...headers };
  if (json !== undefined) {
    body = JSON.stringify(json);
    sent["content-type"] = "application/json";
  }
  let response;
  try {
    response = await fetch(path + queryOf(query), {
      method, headers: sent, body, signal, credentials: "same-origin", cache: "no-store", redirect: "error",
    });
  } catch (error) {
    if (isAborted(error)) throw error;
    throw new ApiError(0, "Unreachable", t("error.unreachable"));
  }
  if (response.ok || response.status === 304) return response;
  const error = await errorOf(response);
  if (error.code === "ExpiredToken" && session.value) {
    ended.value = true;
    session.value = null;
  }
  throw error;
}

// S3: gives the Response. `path`: see objectPath.
export const s3 = request;

// S3 with an answer in XML: gives its root Element; see xml.js for reading it.
export async function s3xml(method, path, options) {
  const response = await request(method, path, options);
  return parseXml(await response.text());
}

// Admin API: gives the parsed JSON. `path` begins behind /-/admin/v1, for instance "/status".
export async function admin(method, path, options) {
  const response = await request(method, ADMIN + path, options);
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

// The same of what has an ETag: gives {data, etag}. Send the etag back as the header if-match: what somebody else has
// changed meanwhile is then refused (412) and not lost.
export async function adminTagged(method, path, options) {
  const response = await request(method, ADMIN + path, options);
  return { data: await response.json(), etag: response.headers.get("etag") };
}

export function parseXml(text) {
  return new DOMParser().parseFromString(text, "application/xml").documentElement;
}

export async function errorOf(response) {
  const requestId = response.headers.get("x-amz-request-id") ?? "";
  return errorFrom(response.status, await response.text().catch(() => ""), requestId);
}

// The same of an XMLHttpRequest, for uploads with progress.
export function errorFrom(status, text, requestId = "") {
  let code = `HTTP ${status}`;
  let message = t("error.status", { status });
  if (text.startsWith("{")) {
    try {
      const { error, detail } = JSON.parse(text);
      if (error?.code) [code, message, requestId] = [error.code, error.message, error.request_id ?? requestId];
      else if (detail) message = typeof detail === "string" ? detail : detail.map((one) => one.msg).join("; ");
    } catch { /* not JSON after all */ }
  } else if (text.includes("<Error>")) {
    const root = parseXml(text);
    const said = root.localName === "Error" ? root : root.querySelector("Error") ?? root; // IAM's stands within another
    const of = (name) => (said.querySelector(`:scope > ${name}`) ?? root.querySelector(`:scope > ${name}`))?.textContent;
    [code, message, requestId] = [of("Code") ?? code, of("Message") ?? message, of("RequestId") ?? requestId];
  }
  return new ApiError(status, code, message, requestId);
}

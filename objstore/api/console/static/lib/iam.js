// IAM's own query API, as whoever has signed in: forms in, XML out.
import { request } from "./api.js";
import { all, first, parse, textOf } from "./s3.js";

/** Runs an action; gives the element `<Action>Result`. */
export async function iam(action, fields = {}) {
  const form = new URLSearchParams({ Action: action, Version: "2010-05-08" });
  for (const [name, value] of Object.entries(fields)) if (value !== undefined && value !== null) form.append(name, value);
  const response = await request("POST", "/", { body: form.toString(), headers: { "content-type": "application/x-www-form-urlencoded" } });
  return first(parse(await response.text()), `${action}Result`);
}

const PAGES_MAX = 20; // of 500: an account has 5000 of a kind at most

/** All members of a list, each as an object of its texts. */
export async function iamAll(action, list, fields = {}) {
  const found = [];
  let marker;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const result = await iam(action, { ...fields, MaxItems: 500, Marker: marker });
    found.push(...all(first(result, list), "member").map(record));
    if (textOf(result, "IsTruncated") !== "true") break;
    marker = textOf(result, "Marker");
  }
  return found;
}

/** An element's texts by name; an element without children is its text. */
export function record(node) {
  if (!node.children.length) return node.textContent;
  return Object.fromEntries([...node.children].map((child) => [child.localName, child.children.length ? record(child) : child.textContent]));
}

/** A policy document as IAM's answers have it. */
export const documentOf = (node, name) => pretty(decodeURIComponent(textOf(node, name)));

export function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

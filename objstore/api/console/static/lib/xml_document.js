// Documents of a bucket's settings: XML for people to read, with S3's namespace.
import { indented } from "./rules.js";
import { xml } from "./s3.js";

const NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";

/** `content` as `xml` takes it; an empty element where there is none. */
export function documentText(name, content) {
  return indented(xml(name, content).replace(new RegExp(`^<${name}`), `<${name} xmlns="${NAMESPACE}"`));
}

/** Text of a field, or null for nothing: then there is no element. */
export const orNull = (text) => (String(text ?? "").trim() === "" ? null : String(text).trim());

export const isCode = (text, low, high) => /^\d{3}$/.test(text) && Number(text) >= low && Number(text) <= high;

// Rules of CORS: between S3's XML and the fields of a form, whose lists have one value a line.
import { indented } from "./rules.js";
import { all, parse, textOf, xml } from "./s3.js";

export const METHODS = ["GET", "PUT", "POST", "DELETE", "HEAD"];
export const EMPTY = { id: "", origins: "", methods: ["GET", "HEAD"], headers: "", expose: "", age: "" };

const texts = (node, name) => all(node, name).map((one) => one.textContent);
const lines = (text) => text.split("\n").map((one) => one.trim()).filter(Boolean);
const stars = (text) => text.split("*").length - 1;

/** Forms of a document; "" has none. Throws ApiError for what is no XML. */
export function rulesOf(document) {
  if (!document.trim()) return [];
  return all(parse(document), "CORSRule").map((rule) => ({
    id: textOf(rule, "ID"),
    origins: texts(rule, "AllowedOrigin").join("\n"),
    methods: texts(rule, "AllowedMethod"),
    headers: texts(rule, "AllowedHeader").join("\n"),
    expose: texts(rule, "ExposeHeader").join("\n"),
    age: textOf(rule, "MaxAgeSeconds"),
  }));
}

const elements = (rule) => [
  ["ID", rule.id.trim() || null],
  ...lines(rule.headers).map((one) => ["AllowedHeader", one]),
  ...rule.methods.map((one) => ["AllowedMethod", one]),
  ...lines(rule.origins).map((one) => ["AllowedOrigin", one]),
  ...lines(rule.expose).map((one) => ["ExposeHeader", one]),
  ["MaxAgeSeconds", rule.age.trim() || null],
];

export function documentOf(rules) {
  if (!rules.length) return "";
  const text = xml("CORSConfiguration", rules.map((rule) => ["CORSRule", elements(rule)]));
  return indented(text.replace("<CORSConfiguration", '<CORSConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'));
}

/** What is wrong with a form, by field: keys of texts. */
export function problemsOf(rule) {
  const found = {};
  if (!lines(rule.origins).length) found.origins = "cors.wrong.origins";
  else if (lines(rule.origins).some((one) => stars(one) > 1)) found.origins = "cors.wrong.stars";
  if (!rule.methods.length) found.methods = "cors.wrong.methods";
  if (lines(rule.headers).some((one) => stars(one) > 1)) found.headers = "cors.wrong.stars";
  if (lines(rule.expose).some((one) => stars(one) > 0)) found.expose = "cors.wrong.no_star";
  if (rule.age.trim() && !/^\d{1,9}$/.test(rule.age.trim())) found.age = "cors.wrong.age";
  return found;
}

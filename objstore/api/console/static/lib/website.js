// A bucket as a website: between S3's XML and the fields of a form. There is one form, or none.
import { all, first, parse, textOf } from "./s3.js";
import { documentText, isCode, orNull } from "./xml_document.js";

export const RULE = { prefix: "", error: "", protocol: "", host: "", replacePrefix: "", replaceKey: "", code: "" };
export const EMPTY = { kind: "pages", index: "index.html", error: "", host: "", protocol: "", rules: [] };
export const PROTOCOLS = ["", "http", "https"];

function ruleOf(node) {
  const condition = first(node, "Condition");
  const redirect = first(node, "Redirect");
  return {
    prefix: textOf(condition, "KeyPrefixEquals"), error: textOf(condition, "HttpErrorCodeReturnedEquals"),
    protocol: textOf(redirect, "Protocol"), host: textOf(redirect, "HostName"), replacePrefix: textOf(redirect, "ReplaceKeyPrefixWith"),
    replaceKey: textOf(redirect, "ReplaceKeyWith"), code: textOf(redirect, "HttpRedirectCode"),
  };
}

/** Forms of a document; "" has none. Throws ApiError for what is no XML. */
export function sitesOf(document) {
  if (!document.trim()) return [];
  const root = parse(document);
  const away = first(root, "RedirectAllRequestsTo");
  const rules = first(root, "RoutingRules");
  return [{
    kind: away ? "redirect" : "pages",
    index: textOf(root, "IndexDocument", "Suffix"), error: textOf(root, "ErrorDocument", "Key"),
    host: textOf(away, "HostName"), protocol: textOf(away, "Protocol"),
    rules: rules ? all(rules, "RoutingRule").map(ruleOf) : [],
  }];
}

function elements(rule) {
  const condition = [["HttpErrorCodeReturnedEquals", orNull(rule.error)], ["KeyPrefixEquals", rule.prefix || null]];
  const redirect = [
    ["HostName", orNull(rule.host)], ["HttpRedirectCode", orNull(rule.code)], ["Protocol", rule.protocol || null],
    ["ReplaceKeyPrefixWith", rule.replacePrefix || null], ["ReplaceKeyWith", rule.replaceKey || null],
  ];
  return [["Condition", rule.error.trim() || rule.prefix ? condition : null], ["Redirect", redirect]];
}

export function documentOf([site]) {
  if (!site) return "";
  if (site.kind === "redirect") return documentText("WebsiteConfiguration", [["RedirectAllRequestsTo", [["HostName", site.host.trim()], ["Protocol", site.protocol || null]]]]);
  return documentText("WebsiteConfiguration", [
    ["ErrorDocument", orNull(site.error) && [["Key", site.error.trim()]]],
    ["IndexDocument", [["Suffix", site.index.trim()]]],
    ["RoutingRules", site.rules.length ? site.rules.map((rule) => ["RoutingRule", elements(rule)]) : null],
  ]);
}

/** What is wrong with a form, by field: keys of texts. Fields of the n-th routing rule are named `n.field`. */
export function problemsOf(site) {
  const found = {};
  if (site.kind === "redirect") {
    if (!site.host.trim()) found.host = "website.wrong.host";
    return found;
  }
  if (!site.index.trim() || site.index.includes("/")) found.index = "website.wrong.index";
  site.rules.forEach((rule, at) => {
    if (rule.error.trim() && !isCode(rule.error.trim(), 400, 599)) found[`${at}.error`] = "website.wrong.error";
    if (rule.code.trim() && !isCode(rule.code.trim(), 301, 399)) found[`${at}.code`] = "website.wrong.code";
    if (rule.replaceKey && rule.replacePrefix) found[`${at}.replaceKey`] = "website.wrong.both";
    if (![rule.host, rule.code, rule.protocol, rule.replacePrefix, rule.replaceKey].some((one) => one.trim())) found[`${at}.host`] = "website.wrong.nothing";
  });
  return found;
}

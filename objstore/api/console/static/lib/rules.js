// Rules of a bucket: between the JSON of the admin API (AWS's names), AWS's XML, and the fields of a form.
import { all, parse, xml } from "./s3.js";

const NUMBERS = new Set(["Days", "NoncurrentDays", "NewerNoncurrentVersions", "DaysAfterInitiation", "ObjectSizeGreaterThan", "ObjectSizeLessThan"]);
const LISTS = { Transition: "Transitions", NoncurrentVersionTransition: "NoncurrentVersionTransitions" };
const ORDER = [
  "ID",
  "Prefix",
  "Filter",
  "Status",
  "Transitions",
  "Expiration",
  "NoncurrentVersionTransitions",
  "NoncurrentVersionExpiration",
  "AbortIncompleteMultipartUpload",
];

export const jsonOf = (config) => JSON.stringify(config, null, 2);

/** Raises SyntaxError, or TypeError for what is no configuration. */
export function configOf(text) {
  const config = JSON.parse(text);
  const lists = [config?.Rules ?? [], config?.ExtendedRules ?? []];
  const sound =
    typeof config === "object" &&
    config !== null &&
    lists.every((list) => Array.isArray(list) && list.every((rule) => typeof rule === "object" && rule !== null));
  if (!sound) throw new TypeError('{"Rules": […], "ExtendedRules": […]}');
  return { ...config, Rules: lists[0], ExtendedRules: lists[1] };
}

export function xmlOf(rules) {
  const text = xml(
    "LifecycleConfiguration",
    rules.map((rule) => ["Rule", elements(rule)]),
  );
  return indented(text.replace("<LifecycleConfiguration", '<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'));
}

function elements(value) {
  const names = Object.keys(value).sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b));
  return names.flatMap((name) => {
    const content = value[name];
    if (Array.isArray(content)) return content.map((one) => [name === "Tags" ? "Tag" : name.replace(/s$/, ""), elements(one)]);
    return [[name, typeof content === "object" && content !== null ? elements(content) : String(content)]];
  });
}

/** Lines for people; only between elements, so that no text changes. */
export function indented(text) {
  let depth = 0;
  return text
    .replace(/></g, ">\n<")
    .split("\n")
    .map((line) => {
      const closes = line.startsWith("</");
      if (closes) depth -= 1;
      const shown = "  ".repeat(Math.max(0, depth)) + line;
      if (!closes && !line.includes("</") && !line.endsWith("/>")) depth += 1;
      return shown;
    })
    .join("\n");
}

export function rulesOfXml(text) {
  return all(parse(text), "Rule").map((rule) => valueOf(rule));
}

function valueOf(node) {
  const found = {};
  for (const child of node.children) {
    const name = child.localName;
    if (LISTS[name]) (found[LISTS[name]] ??= []).push(valueOf(child));
    else if (name === "Tag" && node.localName === "And") (found.Tags ??= []).push(valueOf(child));
    else if (name === "Filter" || child.children.length) found[name] = valueOf(child);
    else
      found[name] = NUMBERS.has(name)
        ? Number(child.textContent)
        : name === "ExpiredObjectDeleteMarker"
          ? child.textContent === "true"
          : child.textContent;
  }
  return found;
}

// ---- A form has texts only; empty ones say nothing.

const tagsText = (tags) => tags.map(([name, value]) => `${name}=${value}`).join(", ");
const tagsIn = (text) =>
  text
    .split(/[,\n]/)
    .map((one) => one.trim())
    .filter(Boolean)
    .map((one) => {
      const [name, ...value] = one.split("=");
      return [name.trim(), value.join("=").trim()];
    });
const text = (value) => (value === undefined || value === null ? "" : String(value));
const numberOf = (value) => (text(value).trim() === "" ? undefined : Number(value));
const without = (value) => Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined && one !== "" && one !== false));

export function formOf(rule) {
  const filter = rule.Filter ?? { Prefix: rule.Prefix };
  const parts = filter.And ?? { ...filter, Tags: filter.Tag ? [filter.Tag] : [] };
  const expiration = rule.Expiration ?? {};
  return {
    id: text(rule.ID),
    enabled: rule.Status === "Enabled",
    prefix: text(parts.Prefix),
    tags: tagsText((parts.Tags ?? []).map((tag) => [tag.Key, tag.Value])),
    larger: text(parts.ObjectSizeGreaterThan),
    smaller: text(parts.ObjectSizeLessThan),
    transitions: (rule.Transitions ?? []).map((one) => ({
      days: text(one.Days),
      date: text(one.Date).slice(0, 10),
      storageClass: text(one.StorageClass),
    })),
    expireDays: text(expiration.Days),
    expireDate: text(expiration.Date).slice(0, 10),
    expireMarkers: Boolean(expiration.ExpiredObjectDeleteMarker),
    oldTransitions: (rule.NoncurrentVersionTransitions ?? []).map((one) => ({
      days: text(one.NoncurrentDays),
      newer: text(one.NewerNoncurrentVersions),
      storageClass: text(one.StorageClass),
    })),
    oldDays: text(rule.NoncurrentVersionExpiration?.NoncurrentDays),
    oldNewer: text(rule.NoncurrentVersionExpiration?.NewerNoncurrentVersions),
    abortDays: text(rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation),
  };
}

const dated = (date) => (date ? `${date}T00:00:00Z` : undefined);

export function ruleOf(form) {
  const tags = tagsIn(form.tags).map(([Key, Value]) => ({ Key, Value }));
  const single = without({ Prefix: form.prefix, ObjectSizeGreaterThan: numberOf(form.larger), ObjectSizeLessThan: numberOf(form.smaller) });
  const count = Object.keys(single).length + tags.length;
  const filter = count > 1 ? { And: { ...single, ...(tags.length ? { Tags: tags } : {}) } } : tags.length ? { Tag: tags[0] } : single;
  const expiration = form.expireMarkers
    ? { ExpiredObjectDeleteMarker: true }
    : without({ Days: form.expireDate ? undefined : numberOf(form.expireDays), Date: dated(form.expireDate) });
  const old = without({ NoncurrentDays: numberOf(form.oldDays), NewerNoncurrentVersions: numberOf(form.oldNewer) });
  const rule = { ID: form.id || undefined, Status: form.enabled ? "Enabled" : "Disabled", Filter: filter };
  if (form.transitions.length) {
    rule.Transitions = form.transitions.map((one) =>
      without({ Days: one.date ? undefined : numberOf(one.days), Date: dated(one.date), StorageClass: one.storageClass }),
    );
  }
  if (Object.keys(expiration).length) rule.Expiration = expiration;
  if (form.oldTransitions.length) {
    rule.NoncurrentVersionTransitions = form.oldTransitions.map((one) =>
      without({ NoncurrentDays: numberOf(one.days), NewerNoncurrentVersions: numberOf(one.newer), StorageClass: one.storageClass }),
    );
  }
  if (Object.keys(old).length) rule.NoncurrentVersionExpiration = old;
  if (form.abortDays) rule.AbortIncompleteMultipartUpload = { DaysAfterInitiation: numberOf(form.abortDays) };
  return Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== undefined));
}

export function extendedFormOf(rule) {
  const filter = rule.Filter ?? {};
  return {
    id: text(rule.ID),
    enabled: rule.Status === "Enabled",
    prefix: text(filter.Prefix),
    tags: tagsText(Object.entries(filter.Tags ?? {})),
    larger: text(filter.ObjectSizeGreaterThan),
    smaller: text(filter.ObjectSizeLessThan),
    days: text(rule.Days),
    hours: text(rule.Hours),
    idle: text(rule.LastAccessDays),
    count: text(rule.AccessCountLessThan),
    high: text(rule.TierFullPercent?.High),
    low: text(rule.TierFullPercent?.Low),
    tier: text(rule.TierFullPercent?.Tier),
    last: text(rule.KeepLast?.Last),
    every: text(rule.KeepLast?.Every),
    storageClass: text(rule.StorageClass),
    expire: Boolean(rule.Expire),
    versions: text(rule.Versions),
  };
}

export function extendedRuleOf(form) {
  const filter = without({ Prefix: form.prefix, ObjectSizeGreaterThan: numberOf(form.larger), ObjectSizeLessThan: numberOf(form.smaller) });
  if (form.tags.trim()) filter.Tags = Object.fromEntries(tagsIn(form.tags));
  const full = without({ High: numberOf(form.high), Low: numberOf(form.low), Tier: form.tier });
  const keep = without({ Last: numberOf(form.last), Every: numberOf(form.every) });
  return {
    ID: form.id,
    Status: form.enabled ? "Enabled" : "Disabled",
    Filter: filter,
    ...without({
      Days: numberOf(form.days),
      Hours: numberOf(form.hours),
      LastAccessDays: numberOf(form.idle),
      AccessCountLessThan: numberOf(form.count),
    }),
    ...(Object.keys(full).length ? { TierFullPercent: full } : {}),
    ...(Object.keys(keep).length ? { KeepLast: keep } : {}),
    ...(form.expire ? { Expire: true } : without({ StorageClass: form.storageClass })),
    ...without({ Versions: form.versions }),
  };
}

// Who is told of events in a bucket: between S3's XML and the fields of a form.
import { indented } from "./rules.js";
import { all, first, parse, textOf, xml } from "./s3.js";

// Name of an entry, and of the element in it that names the target.
const KINDS = { TopicConfiguration: "Topic", QueueConfiguration: "Queue", CloudFunctionConfiguration: "CloudFunction" };
export const EVENTS = [
  "s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectRestore:*", "s3:ObjectTagging:*", "s3:ObjectAcl:Put",
  "s3:LifecycleExpiration:*", "s3:LifecycleTransition", "s3:IntelligentTiering",
];
export const EMPTY = { kind: "QueueConfiguration", id: "", arn: "", events: ["s3:ObjectCreated:*"], prefix: "", suffix: "" };

/** As a bucket's configuration names a target: only the last part counts here. */
export const arnOf = (target, region) => `arn:aws:sqs:${region}:000000000000:${target}`;

const filterOf = (node, kind) =>
  all(first(first(node, "Filter") ?? node, "S3Key") ?? node, "FilterRule").filter((one) => textOf(one, "Name").toLowerCase() === kind).map((one) => textOf(one, "Value"))[0] ?? "";

/** Forms of a document. Throws ApiError for what is no XML. */
export function entriesOf(document) {
  if (!document.trim()) return [];
  return [...parse(document).children].map((node) => {
    const kind = node.localName;
    if (!(kind in KINDS)) return { kind }; // EventBridge: said by being there
    return {
      kind,
      id: textOf(node, "Id"),
      arn: textOf(node, KINDS[kind]),
      events: all(node, "Event").map((one) => one.textContent),
      prefix: filterOf(node, "prefix"),
      suffix: filterOf(node, "suffix"),
    };
  });
}

const rule = (name, value) => (value ? [["FilterRule", [["Name", name], ["Value", value]]]] : []);

function elements(entry) {
  const rules = [...rule("prefix", entry.prefix), ...rule("suffix", entry.suffix)];
  return [
    ["Id", entry.id.trim() || null],
    [KINDS[entry.kind], entry.arn.trim()],
    ...entry.events.map((one) => ["Event", one]),
    ["Filter", rules.length ? [["S3Key", rules]] : null],
  ];
}

export function documentOf(entries) {
  const text = xml("NotificationConfiguration", entries.map((entry) => [entry.kind, entry.kind in KINDS ? elements(entry) : []]));
  const named = text.replace("<NotificationConfiguration", '<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"');
  return entries.length ? indented(named) : "";
}

/** What is sent where nobody is to be told. */
export const NOBODY = '<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>';

/** What is wrong with a form, by field: keys of texts. */
export function problemsOf(entry) {
  if (!(entry.kind in KINDS)) return {};
  const found = {};
  if (!/^arn:[^:]+:[^:]+:[^:]*:[^:]*:\S+$/.test(entry.arn.trim())) found.arn = "notify.wrong.arn";
  if (!entry.events.length) found.events = "notify.wrong.events";
  return found;
}

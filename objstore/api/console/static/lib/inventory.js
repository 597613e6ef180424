// Inventories of a bucket: between S3's XML, a document each, and the fields of a form. Here they stand in one document.
import { all, first, parse, textOf } from "./s3.js";
import { documentText, orNull } from "./xml_document.js";

export const FORMATS = ["CSV", "ORC", "Parquet"];
export const FREQUENCIES = ["Daily", "Weekly"];
export const FIELDS = [
  "Size", "LastModifiedDate", "StorageClass", "ETag", "IsMultipartUploaded", "ReplicationStatus", "EncryptionStatus", "ObjectLockRetainUntilDate",
  "ObjectLockMode", "ObjectLockLegalHoldStatus", "IntelligentTieringAccessTier", "BucketKeyStatus", "ChecksumAlgorithm", "ObjectOwner",
];
export const EMPTY = { id: "", enabled: true, prefix: "", versions: "Current", bucket: "", into: "inventory", format: "CSV", frequency: "Daily", fields: ["Size", "LastModifiedDate", "StorageClass", "ETag"] };
const ARN = "arn:aws:s3:::";

function formOf(node) {
  const to = first(first(node, "Destination") ?? node, "S3BucketDestination");
  const fields = first(node, "OptionalFields");
  return {
    id: textOf(node, "Id"), enabled: textOf(node, "IsEnabled") === "true", prefix: textOf(node, "Filter", "Prefix"),
    versions: textOf(node, "IncludedObjectVersions"), bucket: textOf(to, "Bucket").replace(ARN, ""), into: textOf(to, "Prefix"),
    format: textOf(to, "Format"), frequency: textOf(node, "Schedule", "Frequency"), fields: fields ? all(fields, "Field").map((one) => one.textContent) : [],
  };
}

function elements(form) {
  const to = [["Format", form.format], ["Bucket", ARN + form.bucket.trim().replace(ARN, "")], ["Prefix", orNull(form.into)]];
  return [
    ["Destination", [["S3BucketDestination", to]]], ["IsEnabled", String(form.enabled)], ["Filter", form.prefix ? [["Prefix", form.prefix]] : null],
    ["Id", form.id.trim()], ["IncludedObjectVersions", form.versions], ["OptionalFields", form.fields.length ? form.fields.map((one) => ["Field", one]) : null],
    ["Schedule", [["Frequency", form.frequency]]],
  ];
}

const ROOT = "InventoryConfigurations";

/** Forms of a document, which may be an answer of ListBucketInventoryConfigurations. Throws ApiError for what is no XML. */
export const formsOf = (document) => (document.trim() ? all(parse(document), "InventoryConfiguration").map(formOf) : []);
export const documentOf = (forms) => (forms.length ? documentText(ROOT, forms.map((form) => ["InventoryConfiguration", elements(form)])) : "");
/** One of them, as S3 takes it. */
export const oneOf = (form) => documentText("InventoryConfiguration", elements(form));

export function problemsOf(form) {
  const found = {};
  if (!/^[\w.-]{1,64}$/.test(form.id.trim())) found.id = "inventory.wrong.id";
  if (!form.bucket.trim()) found.bucket = "inventory.wrong.bucket";
  return found;
}

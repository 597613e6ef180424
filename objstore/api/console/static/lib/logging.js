// Where requests to a bucket are written down: between S3's XML and the fields of a form. There is one form, or none.
import { first, parse, textOf } from "./s3.js";
import { documentText } from "./xml_document.js";

export const EMPTY = { bucket: "", prefix: "logs/" };
/** What is sent where nothing is to be written down. */
export const NOWHERE = documentText("BucketLoggingStatus", []);

export function targetsOf(document) {
  const enabled = document.trim() && first(parse(document), "LoggingEnabled");
  return enabled ? [{ bucket: textOf(enabled, "TargetBucket"), prefix: textOf(enabled, "TargetPrefix") }] : [];
}

export const documentOf = ([target]) =>
  target ? documentText("BucketLoggingStatus", [["LoggingEnabled", [["TargetBucket", target.bucket.trim()], ["TargetPrefix", target.prefix]]]]) : "";

export const problemsOf = (target) => (target.bucket.trim() ? {} : { bucket: "logging.wrong.bucket" });

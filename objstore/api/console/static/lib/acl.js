// Access control lists: between S3's XML and the fields of forms, a grant each.
import { all, first, parse, textOf } from "./s3.js";
import { documentText } from "./xml_document.js";

const SCHEMA = "http://www.w3.org/2001/XMLSchema-instance";
const GROUPS = "http://acs.amazonaws.com/groups/";
export const WHO = { everybody: `${GROUPS}global/AllUsers`, signed: `${GROUPS}global/AuthenticatedUsers`, logs: `${GROUPS}s3/LogDelivery` };
export const PERMISSIONS = ["FULL_CONTROL", "READ", "WRITE", "READ_ACP", "WRITE_ACP"];
export const CANNED = ["private", "public-read", "public-read-write", "authenticated-read"];
export const OF_BUCKETS = ["log-delivery-write"];
export const OF_OBJECTS = ["bucket-owner-read", "bucket-owner-full-control"];
export const EMPTY = { who: "user", id: "", name: "", permission: "READ" };

const groupOf = (uri) => Object.keys(WHO).find((name) => WHO[name] === uri) ?? uri;

function formOf(grant) {
  const grantee = first(grant, "Grantee");
  const uri = textOf(grantee, "URI");
  return { who: uri ? groupOf(uri) : "user", id: textOf(grantee, "ID"), name: textOf(grantee, "DisplayName"), permission: textOf(grant, "Permission") };
}

/** Forms of a document. Throws ApiError for what is no XML. */
export const grantsOf = (document) => (document.trim() ? all(first(parse(document), "AccessControlList") ?? parse(document), "Grant").map(formOf) : []);

/** {id, name} of who owns it. */
export function ownerOf(document) {
  const owner = first(parse(document), "Owner");
  return { id: textOf(owner, "ID"), name: textOf(owner, "DisplayName") };
}

function elements(form) {
  const grantee = form.who === "user" ? [["ID", form.id.trim()], ["DisplayName", form.name || null]] : [["URI", WHO[form.who] ?? form.who]];
  return ["Grant", [[form.who === "user" ? "User" : "Group", grantee], ["Permission", form.permission]]];
}

// An attribute says of what kind a grantee is: elements of these names stand for it until the text is there.
const typed = (text, name, type) =>
  text.replaceAll(`<${name}>`, `<Grantee xmlns:xsi="${SCHEMA}" xsi:type="${type}">`).replaceAll(`</${name}>`, "</Grantee>");

export function documentOf(forms, owner) {
  const content = [["Owner", [["ID", owner.id], ["DisplayName", owner.name || null]]], ["AccessControlList", forms.map(elements)]];
  return typed(typed(documentText("AccessControlPolicy", content), "User", "CanonicalUser"), "Group", "Group");
}

export const problemsOf = (form) => (form.who === "user" && !/^[0-9a-f]{32,64}$/.test(form.id.trim()) ? { id: "acl.wrong.id" } : {});

"""ACLs as requests give them: canned, as grants in headers, or as a document."""

import re
from collections.abc import Mapping
from typing import Any

from objstore.api.s3.access_settings import (
    ACL_ATTR,
    ENFORCED,
    OWNER_ATTR,
    OWNERSHIP,
    PREFERRED,
    acls_live,
    blocks,
    ownership_of,
)
from objstore.api.s3.call import Call, Site
from objstore.api.s3.errors import S3Error
from objstore.identity.acl import (
    GRANTS_MAX,
    GROUP_URIS,
    ID,
    PERMISSIONS,
    URIS,
    Grant,
    canned,
    is_private,
    is_public,
)
from objstore.model.errors import AccessDenied, InvalidArgument, InvalidRequest
from objstore.model.objects import Bucket

CANNED = b"x-amz-acl"
GRANT_HEADERS: Mapping[bytes, str] = {
    b"x-amz-grant-read": "READ",
    b"x-amz-grant-write": "WRITE",
    b"x-amz-grant-read-acp": "READ_ACP",
    b"x-amz-grant-write-acp": "WRITE_ACP",
    b"x-amz-grant-full-control": "FULL_CONTROL",
}
ACL_HEADERS = frozenset({CANNED, *GRANT_HEADERS})
# Whom AWS lets own what was uploaded without credentials.
ANONYMOUS_OWNER = "65a011a29cdf8ec533ec3d1ccaae921c"
_GRANTEE = re.compile(r"""\s*(id|uri|emailAddress)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s,"']+))\s*\Z""", re.IGNORECASE)
_PRIVATE, _OF_BUCKET_OWNER = b"private", b"bucket-owner-full-control"


def sends_acl(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request says anything of an ACL in its headers."""
    return not ACL_HEADERS.isdisjoint(headers)


def acl_attrs(call: Call, bucket: Bucket) -> dict[str, Any] | None:
    """Owner and ACL of an object that is about to be made, as its attributes keep them; None if both are as usual.

    Raises InvalidArgument, InvalidRequest, AccessControlListNotSupported, AccessDenied (public ones are blocked).
    """
    headers = call.request.headers
    if not acls_live(bucket, call.site):
        if sends_acl(headers):
            check_enforced(headers, bucket)
        return None
    writer = call.principal.owner_id or ANONYMOUS_OWNER
    preferred = ownership_of(bucket, call.site) == PREFERRED
    owner = bucket.owner if preferred and headers.get(CANNED, b"").strip() == _OF_BUCKET_OWNER else writer
    grants = header_grants(call.site, headers, owner, bucket.owner) if sends_acl(headers) else None
    attrs: dict[str, Any] = {}
    if owner != bucket.owner:
        attrs[OWNER_ATTR] = owner
    if grants is not None:
        check_public(grants, bucket, call.site)
        if not is_private(grants, owner):
            attrs[ACL_ATTR] = grants
    return attrs or None


def check_enforced(headers: Mapping[bytes, bytes], bucket: Bucket | None) -> None:
    """Where the bucket's owner owns all there is, only ACLs that say so are taken; AccessControlListNotSupported.

    Many clients send ``private`` whatever they are asked: it is let pass where nobody has chosen that ownership for the
    bucket (AWS refuses it there too). ``bucket``: None for one that is being made.
    """
    chosen = bucket is not None and bucket.settings.get(OWNERSHIP) == ENFORCED
    allowed = (_OF_BUCKET_OWNER,) if chosen else (_OF_BUCKET_OWNER, _PRIVATE)
    for name, value in headers.items():
        if name in GRANT_HEADERS or (name == CANNED and value.strip() not in allowed):
            raise S3Error("AccessControlListNotSupported")


def check_public(grants: list[Grant], bucket: Bucket | None, site: Site) -> None:
    """Raise AccessDenied for a list that grants something to everybody, where these are blocked."""
    if bucket is not None and is_public(grants) and blocks(bucket, site, "BlockPublicAcls"):
        raise AccessDenied


def header_grants(
    site: Site, headers: Mapping[bytes, bytes], owner: str, bucket_owner: str | None = None
) -> list[Grant]:
    """The list that headers say; ``bucket_owner``: for an object. Raises InvalidArgument, InvalidRequest."""
    name = headers.get(CANNED)
    given = [header for header in GRANT_HEADERS if header in headers]
    if name is not None and given:
        raise InvalidRequest("Specifying both Canned ACLs and Header Grants is not allowed")
    if name is not None:
        text = name.decode("latin-1").strip()
        grants = canned(text, owner, bucket_owner)
        if grants is None:
            raise InvalidArgument(ArgumentName="x-amz-acl", ArgumentValue=text[:100])
        return grants
    return check_count(
        [
            (grantee, GRANT_HEADERS[header])
            for header in given
            for grantee in _grantees(site, header.decode(), headers[header].decode("latin-1"))
        ]
    )


def _grantees(site: Site, name: str, value: str) -> list[str]:
    found: list[str] = []
    for piece in value.split(","):
        match = _GRANTEE.match(piece)
        if match is None:
            raise InvalidArgument("Argument format not recognized", ArgumentName=name, ArgumentValue=value[:200])
        text = next((group for group in match.groups()[1:] if group is not None), "")
        found.append(_grantee(site, match[1].lower(), text))
    return found


def _grantee(site: Site, kind: str, text: str) -> str:
    if kind == "id":
        if site.directory.owner(text) is None:
            raise InvalidArgument("Invalid id", ArgumentName="CanonicalUser/ID", ArgumentValue=text[:100])
        return ID + text
    if kind == "uri":
        group = GROUP_URIS.get(text)
        if group is None:
            raise InvalidArgument("Invalid group uri", ArgumentName="uri", ArgumentValue=text[:200])
        return group
    owner = site.directory.owner_by_email(text)
    if owner is None:
        raise S3Error(
            "UnresolvableGrantByEmailAddress",
            "The e-mail address you provided does not match any account on record.",
            ArgumentName="emailAddress",
            ArgumentValue=text[:200],
        )
    return ID + owner.id


def document_grants(site: Site, document: Mapping[str, Any], owner: str) -> list[Grant]:
    """The list of an AccessControlPolicy. Raises MalformedACLError, InvalidArgument, AccessDenied (another owner)."""
    given = document.get("Owner", {}).get("ID")
    if "Owner" not in document or "Grants" not in document:
        raise malformed()
    if given is not None and given != owner:
        raise AccessDenied
    grants: list[Grant] = []
    for grant in document["Grants"]:
        grantee, permission = grant.get("Grantee"), grant.get("Permission")
        if grantee is None or permission not in PERMISSIONS:
            raise malformed()
        grants.append((_document_grantee(site, grantee), permission))
    return check_count(grants)


def _document_grantee(site: Site, grantee: Mapping[str, Any]) -> str:
    if grantee.get("ID"):
        return _grantee(site, "id", grantee["ID"])
    if grantee.get("URI"):
        return _grantee(site, "uri", grantee["URI"])
    if grantee.get("EmailAddress"):
        return _grantee(site, "emailaddress", grantee["EmailAddress"])
    raise malformed()


def malformed() -> S3Error:
    """The document is no ACL."""
    return S3Error(
        "MalformedACLError", "The XML you provided was not well-formed or did not validate against our published schema"
    )


def check_count(grants: list[Grant]) -> list[Grant]:
    """The list, if it is not too long; each grant once."""
    if len(grants) > GRANTS_MAX:
        raise InvalidRequest(f"The ACL has more than {GRANTS_MAX} grants")
    return list(dict.fromkeys(grants))


def rendered(site: Site, grants: list[Grant]) -> list[dict[str, Any]]:
    """The grants as answers have them, those of groups before those of users: some clients go by the order."""
    ordered = sorted(grants, key=lambda grant: grant[0] not in URIS)
    return [{"Grantee": _rendered(site, grantee), "Permission": permission} for grantee, permission in ordered]


def _rendered(site: Site, grantee: str) -> dict[str, Any]:
    if grantee in URIS:
        return {"Type": "Group", "URI": URIS[grantee]}
    return {"Type": "CanonicalUser", **owner_of(site, grantee.removeprefix(ID))}


def owner_of(site: Site, canonical: str) -> dict[str, Any]:
    """The ``Owner`` structure of a canonical id."""
    known = site.directory.owner(canonical)
    return {"ID": canonical} | ({"DisplayName": known.display_name} if known else {})

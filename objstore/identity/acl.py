"""Access control lists: who is granted what, as stored, and what that comes to.

A list is stored as ``[[grantee, permission], …]``; a grantee is ``id:`` and a canonical id, or ``group:`` and a name.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
"""

from collections.abc import Iterable, Sequence

from objstore.identity.principal import Meant, Principal

Grant = tuple[str, str]

ID, GROUP = "id:", "group:"
ALL_USERS, AUTHENTICATED, LOG_DELIVERY = "group:AllUsers", "group:AuthenticatedUsers", "group:LogDelivery"
GROUP_URIS = {
    "http://acs.amazonaws.com/groups/global/AllUsers": ALL_USERS,
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers": AUTHENTICATED,
    "http://acs.amazonaws.com/groups/s3/LogDelivery": LOG_DELIVERY,
}
URIS = {group: uri for uri, group in GROUP_URIS.items()}
FULL = "FULL_CONTROL"
PERMISSIONS = (FULL, "READ", "WRITE", "READ_ACP", "WRITE_ACP")
PUBLIC = frozenset({ALL_USERS, AUTHENTICATED})
GRANTS_MAX = 100

_CANNED: dict[str, tuple[Grant, ...]] = {
    "private": (),
    "public-read": ((ALL_USERS, "READ"),),
    "public-read-write": ((ALL_USERS, "READ"), (ALL_USERS, "WRITE")),
    "authenticated-read": ((AUTHENTICATED, "READ"),),
    "aws-exec-read": (),
}
_CANNED_BUCKET: dict[str, tuple[Grant, ...]] = {
    "log-delivery-write": ((LOG_DELIVERY, "WRITE"), (LOG_DELIVERY, "READ_ACP")),
    # Of objects; AWS ignores them on buckets.
    "bucket-owner-read": (),
    "bucket-owner-full-control": (),
}


def canned(name: str, owner: str, bucket_owner: str | None = None) -> list[Grant] | None:
    """The grants of a canned ACL, None for a name that there is not; ``bucket_owner``: for an object."""
    own = (ID + owner, FULL)
    if name in _CANNED:
        return [own, *_CANNED[name]]
    if bucket_owner is None:
        return [own, *_CANNED_BUCKET[name]] if name in _CANNED_BUCKET else None
    if name in ("bucket-owner-read", "bucket-owner-full-control"):
        permission = "READ" if name == "bucket-owner-read" else FULL
        return [own] if owner == bucket_owner else [own, (ID + bucket_owner, permission)]
    return [own] if name == "log-delivery-write" else None


def private(owner: str) -> list[Grant]:
    """The grants of what nobody has said anything about."""
    return [(ID + owner, FULL)]


def is_private(grants: Iterable[Grant], owner: str) -> bool:
    """Whether a list says what holds without one."""
    return list(map(tuple, grants)) == private(owner)


def is_public(grants: Iterable[Sequence[str]]) -> bool:
    """Whether everybody, or everybody with a key, is granted something."""
    return any(grantee in PUBLIC for grantee, _ in grants)


def granted(
    grants: Iterable[Sequence[str]], principal: Principal, permission: str, *, ignore_public: bool = False
) -> Meant:
    """How the list grants a permission to a principal: a user who does not own stands for their account."""
    mine = ID + principal.owner_id
    found = Meant.NOT
    for grantee, given in grants:
        if given not in (permission, FULL):
            continue
        if grantee == ALL_USERS or (grantee == AUTHENTICATED and not principal.anonymous):
            found = max(found, Meant.NOT if ignore_public else Meant.SELF)
        elif principal.anonymous:
            continue
        elif grantee == ID + principal.unique_id:
            found = Meant.SELF
        elif grantee == mine:
            found = max(found, Meant.SELF if principal.owns else Meant.ACCOUNT)
    return found

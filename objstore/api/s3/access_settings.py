"""What a bucket's settings say of access: its policy, its ACL, object ownership, public access block.

Absent means what the site's default is; ``DELETED`` stands where a setting was taken away, or a bucket was made by old
rules, and means that nothing is set.
"""

from collections.abc import Mapping
from typing import Any

from objstore.api.s3.call import Site
from objstore.identity.acl import Grant, private
from objstore.identity.parse import LOOSE_BUCKET, stored_policy
from objstore.identity.policy import Policy
from objstore.identity.public import is_public
from objstore.model.objects import Bucket, ObjectVersion

POLICY, ACL, OWNERSHIP, PUBLIC_ACCESS = "policy", "acl", "ownership", "public_access"
LOGGING = "logging"
# There where an owner has shut themselves out of the policy, which other servers allow.
POLICY_FINAL = "policy_final"
DELETED = "none"
ENFORCED, PREFERRED = "BucketOwnerEnforced", "BucketOwnerPreferred"
BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
OWNER_ATTR, ACL_ATTR = "o", "a"
ALL_BLOCKED: Mapping[str, bool] = dict.fromkeys(BLOCKS, True)


def ownership_of(bucket: Bucket, site: Site) -> str | None:
    """Object ownership that is set for a bucket; None: none is."""
    value = bucket.settings.get(OWNERSHIP, site.object_ownership)
    return None if value in (DELETED, None, "") else str(value)


def acls_live(bucket: Bucket, site: Site) -> bool:
    """Whether ACLs have a say."""
    return ownership_of(bucket, site) != ENFORCED


def blocks_of(bucket: Bucket, site: Site) -> Mapping[str, bool] | None:
    """The public access block of a bucket; None: none is set."""
    value: Any = bucket.settings.get(PUBLIC_ACCESS)
    if value is None:
        return ALL_BLOCKED if site.public_access_block else None
    return None if value == DELETED else value


def blocks(bucket: Bucket, site: Site, name: str) -> bool:
    """Whether one of the four is set, for the bucket or for the account of its owner."""
    found = blocks_of(bucket, site)
    return (found is not None and bool(found.get(name))) or account_blocks(bucket.owner, site, name)


def account_blocks(owner: str, site: Site, name: str) -> bool:
    """Whether one of the four is set for the account that a canonical id belongs to."""
    return bool(site.directory.settings_of_owner(owner).get(PUBLIC_ACCESS, {}).get(name))


def policy_of(bucket: Bucket) -> Policy | None:
    """The bucket's policy, parsed."""
    text = bucket.settings.get(POLICY)
    return None if text is None else stored_policy(text, LOOSE_BUCKET)


def has_public_policy(bucket: Bucket) -> bool:
    """Whether the policy lets anybody in."""
    return is_public(policy_of(bucket))


def bucket_grants(bucket: Bucket) -> list[Grant]:
    """The bucket's ACL."""
    found = bucket.settings.get(ACL)
    return private(bucket.owner) if found is None else [(grantee, permission) for grantee, permission in found]


def object_owner(bucket: Bucket, version: ObjectVersion) -> str:
    """Canonical id of an object's owner."""
    return str((version.attrs or {}).get(OWNER_ATTR, bucket.owner))


def object_grants(bucket: Bucket, version: ObjectVersion) -> list[Grant]:
    """The object's ACL."""
    found = (version.attrs or {}).get(ACL_ATTR)
    return private(object_owner(bucket, version)) if found is None else [(one, given) for one, given in found]

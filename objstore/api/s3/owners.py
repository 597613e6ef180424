"""Owners: who owns what, and the headers by which a caller says whom it expects."""

from typing import Any

from objstore.api.s3.access_settings import OWNER_ATTR, acls_live
from objstore.api.s3.call import Call
from objstore.api.s3.list_xml import Owners, owner_xml
from objstore.model.errors import AccessDenied
from objstore.model.objects import ObjectVersion, Upload

EXPECTED = b"x-amz-expected-bucket-owner"
_EXPECTED_SOURCE = b"x-amz-source-expected-bucket-owner"


def owner_fields(call: Call) -> dict[str, Any]:
    """The ``Owner`` structure of an answer."""
    owner_id, display_name = call.owner
    return {"ID": owner_id, "DisplayName": display_name}


def bucket_owner(call: Call) -> tuple[str, str]:
    """Id and display name of the owner of the request's bucket, which a verb has just found."""
    bucket = call.store.known_bucket(call.request.bucket)
    if bucket is None or bucket.owner == call.owner[0]:
        return call.owner
    known = call.site.directory.owner(bucket.owner)
    return bucket.owner, known.display_name if known else ""


def upload_owner(call: Call, upload: Upload) -> dict[str, Any]:
    """The ``Owner`` structure of an upload."""
    canonical = (upload.attrs or {}).get(OWNER_ATTR)
    owner_id, display_name = bucket_owner(call)
    if canonical is not None:
        known = call.site.directory.owner(canonical)
        owner_id, display_name = canonical, known.display_name if known else ""
    return {"ID": owner_id, "DisplayName": display_name}


async def object_owners(call: Call, versions: list[ObjectVersion]) -> Owners:
    """``Owner`` elements of those of a page's versions that are not the bucket's owner's.

    Where ACLs have no say everything is the bucket's owner's, and nobody is asked.
    """
    bucket = call.store.known_bucket(call.request.bucket)
    if bucket is None or not acls_live(bucket, call.site):
        return {}
    found = await call.store.owners(versions)
    shown: dict[str, str] = {}
    for owner in set(found.values()) - {bucket.owner}:
        known = call.site.directory.owner(owner)
        shown[owner] = owner_xml((owner, known.display_name if known else ""))
    return {name: shown[owner] for name, owner in found.items() if owner in shown}


async def check_expected_owner(call: Call) -> None:
    """Raise AccessDenied if the bucket is not whose the caller expects it to be; NoSuchBucket."""
    await _check(call, call.request.bucket, call.request.headers[EXPECTED])


async def check_source_owner(call: Call, bucket: str) -> None:
    """The same for the bucket of a copy's source, where the caller asks for it."""
    expected = call.request.headers.get(_EXPECTED_SOURCE)
    if expected is not None:
        await _check(call, bucket, expected)


async def _check(call: Call, bucket: str, expected: bytes) -> None:
    owner = (await call.store.get_bucket(bucket)).owner
    known = call.site.directory.owner(owner)
    if expected.decode("latin-1").strip() not in (owner, known.account if known else owner):
        raise AccessDenied()

"""Owners: who owns what, and the headers by which a caller says whom it expects."""

from typing import Any

from objstore.api.s3.call import Call
from objstore.model.errors import AccessDenied

EXPECTED = b"x-amz-expected-bucket-owner"
_EXPECTED_SOURCE = b"x-amz-source-expected-bucket-owner"


def owner_fields(call: Call) -> dict[str, Any]:
    """The ``Owner`` structure of an answer."""
    owner_id, display_name = call.owner
    return {"ID": owner_id, "DisplayName": display_name}


async def check_expected_owner(call: Call) -> None:
    """Raise AccessDenied if the bucket is not whose the caller expects it to be; NoSuchBucket."""
    await _check(call, call.request.bucket, call.request.headers[EXPECTED])


async def check_source_owner(call: Call, bucket: str) -> None:
    """The same for the bucket of a copy's source, where the caller asks for it."""
    expected = call.request.headers.get(_EXPECTED_SOURCE)
    if expected is not None:
        await _check(call, bucket, expected)


async def _check(call: Call, bucket: str, expected: bytes) -> None:
    if (await call.store.get_bucket(bucket)).owner != expected.decode("latin-1").strip():
        raise AccessDenied()

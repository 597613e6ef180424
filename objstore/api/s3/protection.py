"""Protection: encryption and lock of what a request writes, from its headers, for all that write objects."""

from objstore.api.s3.call import Call
from objstore.api.s3.encryption import SOURCE_PREFIX, read_customer, read_encryption
from objstore.api.s3.object_headers import Given
from objstore.api.s3.object_lock import check_lockable, read_lock
from objstore.model.encryption import CustomerKey, Encryption
from objstore.model.lock import ATTR


async def protect(call: Call, given: Given) -> Encryption | None:
    """How the object is to be encrypted; its lock goes to ``given.attrs``. Raises InvalidArgument, InvalidRequest."""
    headers = call.request.headers
    if given.locks:
        lock = read_lock(headers)
        if lock is not None:
            bucket = await call.store.get_bucket(call.request.bucket)
            check_lockable(bucket, "ObjectLockConfiguration")  # so AWS writes it here
            given.attrs = {**(given.attrs or {}), ATTR: lock.pack()}
    return read_encryption(headers, call.site, scheme_of(call)) if given.encrypts else None


def customer_of(call: Call) -> CustomerKey | None:
    """The client's key of what is read, or of a part."""
    return read_customer(call.request.headers, call.site, scheme_of(call))


def source_customer_of(call: Call) -> CustomerKey | None:
    """The client's key of a copy's source."""
    return read_customer(call.request.headers, call.site, scheme_of(call), SOURCE_PREFIX)


def scheme_of(call: Call) -> str:
    """``http`` or ``https``, as the connection is; what a header says of it counts for nothing."""
    scheme: str = call.request.scope.get("scheme", "http")
    return scheme

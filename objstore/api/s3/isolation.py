"""Isolation: what a browser would run of an object does not run on the console's origin, which is this one.

A page or an image with scripts runs in an origin of its own, that has no cookie and reads nothing of ours. Bytes of
no type are only ever downloaded; a bucket with a host name has an origin of its own already.
"""

from objstore.api.request import Request
from objstore.api.s3.call import Headers
from objstore.model.objects import ObjectVersion

_ISOLATED = (b"content-security-policy", b"sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts")
_TYPE = "content-type"


def isolate(headers: Headers, request: Request, version: ObjectVersion, retyped: bool = False) -> None:
    """Add the header, where the object has a type or is given one (``retyped``)."""
    attrs = version.attrs
    if (retyped or (attrs is not None and _TYPE in attrs.get("h", ()))) and not request.virtual_host:
        headers.append(_ISOLATED)

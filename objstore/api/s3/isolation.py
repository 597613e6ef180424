"""Isolation: what a browser would run of an object does not run on the console's origin, which is this one.

A page or an image with scripts runs in an origin of its own, that has no cookie and reads nothing of ours; what says
that it is something else is not taken for a script or a style either. Bytes of no type are only ever downloaded; a
bucket with a host name has an origin of its own already.
"""

from objstore.api.request import Request
from objstore.api.s3.call import Headers
from objstore.model.objects import ObjectVersion

_ISOLATED: Headers = [
    (b"content-security-policy", b"sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts"),
    (b"x-content-type-options", b"nosniff"),
]
_TYPE = "content-type"


def isolate(headers: Headers, request: Request, version: ObjectVersion, retyped: bool = False) -> None:
    """Add the headers, where the object has a type or is given one (``retyped``)."""
    attrs = version.attrs
    if (retyped or (attrs is not None and _TYPE in attrs.get("h", ()))) and not request.virtual_host:
        headers += _ISOLATED

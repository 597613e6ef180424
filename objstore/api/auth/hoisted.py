"""Headers that a presigned URL of version 4 carries in its query ("hoisted"): signed there, and as good as sent.

SDKs put every ``x-amz-*`` header of a presigned request there, so that whoever holds the URL need not know of it. Not
taken, as AWS does not: the parameters of the signature itself, and the payload's checksums. An SDK computes these when
there is no payload yet, so that they are those of nothing, and AWS signs for them without looking at them.
"""

import re

from objstore.api.request import Request
from objstore.model.errors import InvalidArgument

SIGNATURE_PARAMETERS = 6  # of a URL that carries nothing else
_NOT_TAKEN = frozenset(
    {
        "x-amz-algorithm",
        "x-amz-content-sha256",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-decoded-content-length",
        "x-amz-expires",
        "x-amz-sdk-checksum-algorithm",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
        "x-amz-trailer",
    }
)
_CHECKSUM = "x-amz-checksum-"
_CHECKSUM_SETTINGS = frozenset({"x-amz-checksum-algorithm", "x-amz-checksum-mode", "x-amz-checksum-type"})
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def take_hoisted(request: Request) -> None:
    """Add them to the request's headers; one that was sent counts instead. Raises InvalidArgument.

    The signature has been checked. What no header could hold (a line end) is refused: it might be given back in one.
    """
    for name, value in request.query.items():
        lower = name.lower()
        if not lower.startswith("x-amz-") or lower in _NOT_TAKEN:
            continue
        if lower.startswith(_CHECKSUM) and lower not in _CHECKSUM_SETTINGS:
            continue
        if not _NAME.match(lower) or _CONTROL.search(value):
            raise InvalidArgument("A query parameter cannot stand for a header", ArgumentName=name[:100])
        request.headers.setdefault(lower.encode(), value.encode())

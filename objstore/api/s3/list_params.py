"""Parameters that the listings share: limits, encoding, tokens."""

import base64
import binascii
import zlib
from dataclasses import dataclass

from objstore.model.errors import InvalidArgument
from objstore.model.limits import LIST_KEYS_MAX

_INT32_MAX = 2**31 - 1
_TOKEN_VERSION = b"\x01"


@dataclass(frozen=True, slots=True)
class ListParams:
    """``prefix`` and ``delimiter`` as bytes; ``limit``: how many at most; ``encode``: keys go out URL-encoded."""

    prefix: bytes
    delimiter: bytes
    limit: int
    encode: bool


def list_params(query: dict[str, str], limit_name: str = "max-keys") -> ListParams:
    """Read the parameters of a listing; raises InvalidArgument."""
    encoding = query.get("encoding-type")
    if encoding is not None and encoding != "url":
        raise InvalidArgument(
            "Invalid Encoding Method specified in Request",
            ArgumentName="encoding-type",
            ArgumentValue=encoding[:100],
        )
    return ListParams(
        query.get("prefix", "").encode(),
        query.get("delimiter", "").encode(),
        limit_of(query, limit_name),
        encoding == "url",
    )


def limit_of(query: dict[str, str], name: str, default: int = LIST_KEYS_MAX) -> int:
    """``max-keys`` and its kin: at most ``default``, which is also what it is if absent; raises InvalidArgument."""
    text = query.get(name, "")
    return min(parse_count(text, name), default) if text else default


def parse_count(text: str, name: str) -> int:
    """A number between 0 and 2³¹-1; raises InvalidArgument with AWS's message."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
        raise InvalidArgument(
            f"Provided {name} not an integer or within integer range", ArgumentName=name, ArgumentValue=text[:100]
        )
    if not 0 <= int(text) <= _INT32_MAX:
        raise InvalidArgument(
            f"Argument {_camel(name)} must be an integer between 0 and {_INT32_MAX}",
            ArgumentName=name,
            ArgumentValue=text,
        )
    return int(text)


def _camel(name: str) -> str:
    head, *rest = name.split("-")
    return head + "".join(word.capitalize() for word in rest)


def make_token(bucket: str, after: bytes) -> str:
    """An opaque continuation token: a version, a check against mangling, and the place to go on after."""
    return base64.urlsafe_b64encode(_TOKEN_VERSION + _check(bucket, after) + after).decode()


def parse_token(bucket: str, token: str) -> bytes:
    """Inverse of ``make_token``; raises InvalidArgument."""
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    version, check, after = raw[:1], raw[1:5], raw[5:]
    if version != _TOKEN_VERSION or check != _check(bucket, after):
        raise InvalidArgument("The continuation token provided is incorrect", ArgumentName="continuation-token")
    return after


def _check(bucket: str, after: bytes) -> bytes:
    return zlib.crc32(after, zlib.crc32(bucket.encode())).to_bytes(4, "little")

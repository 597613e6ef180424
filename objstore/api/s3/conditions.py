"""Conditions on requests: If-Match and its kin for reads, copies and writes.

RFC 9110, section 13, as S3 applies it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from objstore.api.s3.text import parse_http_time
from objstore.model.errors import InvalidArgument, NotImplementedS3, PreconditionFailed
from objstore.model.objects import Condition, ObjectVersion, etag_bytes, etag_text
from objstore.model.requests import UNCONDITIONAL

READ_HEADERS = frozenset({b"if-match", b"if-unmodified-since", b"if-none-match", b"if-modified-since"})
_IF_MODIFIED, _IF_SIZE = b"x-amz-if-match-last-modified-time", b"x-amz-if-match-size"
# What no stored ETag equals: a well-formed If-Match with somebody else's kind of ETag just does not hold.
_FOREIGN_ETAG = b"?"


class NotModified(Exception):
    """The read's condition says that the client's copy is still good: 304."""


def check_read(headers: Mapping[bytes, bytes], version: ObjectVersion) -> None:
    """Raise PreconditionFailed (412) or NotModified (304) if a condition of a GET or HEAD does not hold."""
    failed = _failed(headers, version, b"")
    if failed is None:
        return
    if failed.startswith("If-None") or failed == "If-Modified-Since":
        raise NotModified
    raise PreconditionFailed(Condition=failed)


def check_copy_source(headers: Mapping[bytes, bytes], version: ObjectVersion) -> None:
    """Raise PreconditionFailed if a condition on a copy's source does not hold."""
    failed = _failed(headers, version, b"x-amz-copy-source-")
    if failed is not None:
        raise PreconditionFailed(Condition=f"x-amz-copy-source-{failed}")


def check_rename_source(headers: Mapping[bytes, bytes], version: ObjectVersion) -> None:
    """Raise PreconditionFailed if a condition on what is to be renamed does not hold."""
    failed = _failed(headers, version, b"x-amz-rename-source-")
    if failed is not None:
        raise PreconditionFailed(Condition=f"x-amz-rename-source-{failed}")


def check_rename_target(headers: Mapping[bytes, bytes], version: ObjectVersion) -> None:
    """The same for dates of what has the new key now."""
    dates = {name: value for name, value in headers.items() if name.endswith(b"modified-since")}
    failed = _failed(dates, version, b"")
    if failed is not None:
        raise PreconditionFailed(Condition=failed)


def _failed(headers: Mapping[bytes, bytes], version: ObjectVersion, prefix: bytes) -> str | None:
    """Name of the first condition that does not hold; an ETag condition overrides its date twin."""
    if_match = headers.get(prefix + b"if-match")
    if if_match is not None:
        if not _matches(if_match, version, weak=False):
            return "If-Match"
    elif _modified_since(headers.get(prefix + b"if-unmodified-since"), version.modified) is True:
        return "If-Unmodified-Since"
    if_none_match = headers.get(prefix + b"if-none-match")
    if if_none_match is not None:
        return "If-None-Match" if _matches(if_none_match, version, weak=True) else None
    if _modified_since(headers.get(prefix + b"if-modified-since"), version.modified) is False:
        return "If-Modified-Since"
    return None


def _matches(header: bytes, version: ObjectVersion, *, weak: bool) -> bool:
    mine = etag_text(version.etag)
    return any(_same(tag.strip(), mine, weak) for tag in header.decode("latin-1").split(","))


def _same(tag: str, mine: str, weak: bool) -> bool:
    if weak:
        tag = tag.removeprefix("W/")
    return tag == "*" or tag.strip('"').lower() == mine


def _modified_since(header: bytes | None, modified: datetime) -> bool | None:
    """Whether the object changed after the header's date (whole seconds); None without a usable date."""
    moment = parse_http_time(header.decode("latin-1")) if header is not None else None
    return None if moment is None else modified.replace(microsecond=0) > moment


def holds_if_range(header: bytes, version: ObjectVersion) -> bool:
    """Whether an If-Range header lets the range through; if not, the whole object is sent."""
    text = header.decode("latin-1").strip()
    moment = parse_http_time(text)
    if moment is not None:
        return version.modified.replace(microsecond=0) == moment
    return _same(text, etag_text(version.etag), weak=False)


def write_condition(headers: Mapping[bytes, bytes]) -> Condition:
    """The condition of a PUT, Complete or DELETE on the key's current version.

    Raises NotImplementedS3 for a list of ETags in If-None-Match: to take it for one would let the write through.
    """
    if_match, if_none_match = headers.get(b"if-match"), headers.get(b"if-none-match")
    if if_match is None and if_none_match is None:
        return UNCONDITIONAL
    none_match = if_none_match.decode("latin-1").strip() if if_none_match is not None else None
    if none_match is not None and "," in none_match:
        raise NotImplementedS3("If-None-Match with several entity tags is not implemented for writes")
    return Condition(
        if_none_match_any=none_match == "*",
        if_match=if_match_etag(if_match.decode("latin-1")) if if_match is not None else None,
        if_none_match=_etag(none_match) if none_match not in (None, "*") else None,
    )


def delete_condition(headers: Mapping[bytes, bytes]) -> Condition:
    """The condition of a DELETE, on the version that it names. Raises InvalidArgument, NotImplementedS3."""
    condition = write_condition(headers)
    modified, size = headers.get(_IF_MODIFIED), headers.get(_IF_SIZE)
    if modified is None and size is None:
        return condition
    moment = None if modified is None else parse_http_time(modified.decode("latin-1"))
    if modified is not None and moment is None:
        raise InvalidArgument("The date is not valid", ArgumentName=_IF_MODIFIED.decode())
    if size is not None and not (size.strip().isdigit() and len(size.strip()) < 19):
        raise InvalidArgument("The size is not valid", ArgumentName=_IF_SIZE.decode())
    return replace(condition, modified=moment, size=None if size is None else int(size))


def tells_content(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the outcome of a write or delete under its conditions tells more of what is there than that it is."""
    if _IF_MODIFIED in headers or _IF_SIZE in headers:
        return True
    return any(headers.get(name, b"*").strip() != b"*" for name in (b"if-match", b"if-none-match"))


def if_match_etag(text: str) -> bytes:
    """An If-Match value as the store compares it."""
    text = text.strip()
    return b"*" if text == "*" else _etag(text) or _FOREIGN_ETAG


def _etag(text: str | None) -> bytes | None:
    return etag_bytes(text.strip('"').lower()) if text else None

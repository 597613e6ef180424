"""Byte ranges: the Range header of GET and HEAD, and x-amz-copy-source-range (RFC 9110, section 14)."""

import re

from objstore.model.errors import InvalidArgument, InvalidRange

Span = tuple[int, int]

_RANGE = re.compile(rb"[ \t]*bytes[ \t]*=[ \t]*([0-9]*)[ \t]*-[ \t]*([0-9]*)[ \t]*\Z", re.IGNORECASE)
_COPY_RANGE = re.compile(rb"bytes=([0-9]{1,19})-([0-9]{1,19})\Z")
_HUGE = 10**20  # past the end of anything: longer numbers are not worth converting


def parse_range(header: bytes, size: int) -> Span | None:
    """Start and end (exclusive) of what is asked of ``size`` bytes; None: the whole, with status 200.

    As on AWS, a header that is no single byte range is ignored. Raises InvalidRange when no byte of it exists.
    """
    match = _RANGE.match(header)
    if match is None:
        return None
    first, last = match.groups()
    if not first:
        return _suffix(header, last, size) if last else None
    start, end = _number(first), _number(last) + 1 if last else None
    if end is not None and end <= start:
        return None
    if start >= size:
        raise _unsatisfiable(header, size)
    return start, size if end is None else min(end, size)


def _suffix(header: bytes, last: bytes, size: int) -> Span:
    count = _number(last)
    if count == 0 or size == 0:
        raise _unsatisfiable(header, size)
    return max(0, size - count), size


def _number(digits: bytes) -> int:
    digits = digits.lstrip(b"0")
    return int(digits or b"0") if len(digits) < 21 else _HUGE


def _unsatisfiable(header: bytes, size: int) -> InvalidRange:
    return InvalidRange(RangeRequested=header.decode("latin-1")[:200], ActualObjectSize=size)


def parse_copy_range(header: bytes) -> Span:
    """Start and end (exclusive) of a copy's source; raises InvalidArgument: here nothing is ignored or clipped."""
    match = _COPY_RANGE.match(header)
    if match is None or int(match[2]) < int(match[1]):
        raise InvalidArgument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
            "zero-based offsets of the first and last bytes to copy",
            ArgumentName="x-amz-copy-source-range",
            ArgumentValue=header.decode("latin-1")[:200],
        )
    return int(match[1]), int(match[2]) + 1

"""What a sound HTTP/1.1 request looks like, beyond what the parser checks; and the answer to one that is not."""

from collections.abc import Iterable, Sequence

import httptools

from objstore.model import clock

_ERRORS = {
    "BadRequest": ("400 Bad Request", "An error occurred when parsing the HTTP request."),
    "RequestHeaderSectionTooLarge": (
        "400 Bad Request",
        "Your request header and query parameters exceed the maximum allowed size.",
    ),
    "RequestTimeout": (
        "400 Bad Request",
        "Your socket connection to the server was not read from or written to within the timeout period.",
    ),
    "SlowDown": ("503 Slow Down", "Please reduce your request rate."),
}


def is_sound(
    method: bytes, version: str, host_count: int, headers: Iterable[tuple[bytes, bytes]], is_upgrade: bool
) -> bool:
    """Whether a request that is not plain HTTP/1.1 with one Host may pass.

    HTTP/1.0 may have no Host, and has no transfer codings (RFC 9112, 6.1). An upgrade is ignored, which the parser
    only gets right without a body: it would take that for the next request.
    """
    names = {name for name, _ in headers}
    is_coded = b"transfer-encoding" in names
    has_body = is_coded or any(name == b"content-length" and value.strip(b"0") for name, value in headers)
    if version == "1.0":
        return host_count <= 1 and not is_coded and not is_upgrade
    return version == "1.1" and host_count == 1 and not (is_upgrade and (has_body or method == b"CONNECT"))


def section_bytes(target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> int:
    """Bytes of the target and the header lines."""
    return len(target) + sum(len(name) + len(value) + len(": \r\n") for name, value in headers)


def split_target(target: bytes) -> tuple[bytes, bytes]:
    """Raw path and query of a request target in origin-form or absolute-form.

    Raises ValueError or httptools' HttpParserInvalidURLError on anything else, and on a fragment.
    """
    if b"#" in target:
        raise ValueError("a request target has no fragment")
    if target.startswith(b"/"):
        path, _, query = target.partition(b"?")
        return path, query
    url = httptools.parse_url(target)
    if not url.host:
        raise ValueError("neither origin-form nor absolute-form")
    return url.path or b"/", url.query or b""


def error_answer(code: str) -> bytes:
    """A whole answer that ends the connection, with an S3 error as its body."""
    status, message = _ERRORS[code]
    request_id = clock.random_bytes(8).hex().upper()
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request_id}</RequestId></Error>"
    ).encode()
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: application/xml\r\ncontent-length: {len(body)}\r\n"
        f"x-amz-request-id: {request_id}\r\nconnection: close\r\n\r\n"
    ).encode()
    return head + body

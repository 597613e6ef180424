"""Request: one S3 request as it came over HTTP, before anybody has proved who sent it.

Built for every request, so it does little: one dict of the headers, bucket and key from the raw path; the query is
parsed when it is first asked for.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from objstore.model import clock
from objstore.model.errors import InvalidBucketName, InvalidURI, KeyTooLongError, RequestError
from objstore.model.limits import KEY_BYTES_MAX

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_HEX = b"0123456789abcdefABCDEF"
_BYTE_OF_HEX = {bytes((a, b)): bytes((int(bytes((a, b)), 16),)) for a in _HEX for b in _HEX}


def percent_decoded(raw: bytes) -> bytes:
    """Percent-decode once, strictly.

    Raises InvalidURI on a ``%`` without two hex digits and on what is not UTF-8 (or is overlong, or a surrogate):
    no two raw paths of different bytes may name the same key by way of a replacement character.
    """
    if b"%" in raw:
        head, *rest = raw.split(b"%")
        pieces = [head]
        try:
            for piece in rest:
                pieces.append(_BYTE_OF_HEX[piece[:2]])
                pieces.append(piece[2:])
        except KeyError:
            raise InvalidURI(URI=raw.decode("latin-1")) from None
        raw = b"".join(pieces)
    if not raw.isascii():
        try:
            raw.decode()
        except UnicodeDecodeError:
            raise InvalidURI() from None
    return raw


class Request:
    """One request.

    ``method``: upper case. ``raw_path``: as sent, percent-encoded, begins with ``/`` (an absolute-form target is cut to
    its path). ``headers``: lower-case names; values of repeated headers are joined with ``,`` and their names
    stand in ``repeated``. ``bucket``: ``""`` for the service itself; ``key``: percent-decoded once, ``b""`` for the
    bucket itself. ``request_id``: 16 upper-case hex digits.

    The constructor never raises, so that every answer has a request id: a target that cannot be a bucket and key
    leaves its error in ``refusal``, which ``Authenticator.authenticate`` raises before anything else.
    """

    __slots__ = (
        "_pairs",
        "_query",
        "_raw_pairs",
        "bucket",
        "headers",
        "key",
        "method",
        "query_string",
        "raw_path",
        "receive",
        "refusal",
        "repeated",
        "request_id",
        "scope",
        "virtual_host",
    )

    bucket: str
    key: bytes
    refusal: RequestError | None
    virtual_host: bool

    def __init__(self, scope: Scope, receive: Receive, domain: bytes = b"") -> None:
        """``domain``: lower case, without port; hosts below it are virtual-host style. Empty: path style only."""
        self.scope = scope
        self.receive = receive
        self.request_id = clock.random_bytes(8).hex().upper()
        self.method: str = scope["method"]
        self.query_string: bytes = scope["query_string"]
        raw_path: bytes = scope["raw_path"]
        self.raw_path = raw_path = raw_path if raw_path[:1] == b"/" else _path_of(raw_path)
        pairs: list[tuple[bytes, bytes]] = scope["headers"]
        headers = dict(pairs)
        self.repeated: frozenset[bytes] = frozenset()
        if len(headers) != len(pairs):
            headers, self.repeated = _joined(pairs)
        self.headers: dict[bytes, bytes] = headers
        self._query: dict[str, str] | None = None
        self._pairs: list[tuple[str, str]] | None = None
        self._raw_pairs: list[tuple[str, str, str]] | None = None
        self.refusal = None
        self.virtual_host = False
        if domain:
            bucket = bucket_of_host(headers.get(b"host", b""), domain)
            if bucket:
                self.virtual_host = True
                self._locate(bucket, raw_path[1:])
                return
        slash = raw_path.find(b"/", 1)
        if slash < 0:
            self._locate(raw_path[1:], b"")
        else:
            self._locate(raw_path[1:slash], raw_path[slash + 1 :])

    def _locate(self, bucket: bytes, key: bytes) -> None:
        """Set ``bucket`` and ``key`` from their percent-encoded bytes, or ``refusal``."""
        try:
            self.bucket = percent_decoded(bucket).decode()
            self.key = key = percent_decoded(key)
            if len(key) > KEY_BYTES_MAX:
                raise KeyTooLongError(Size=len(key), MaxSizeAllowed=KEY_BYTES_MAX)
            if key and not bucket:
                raise InvalidBucketName(BucketName="")
        except RequestError as error:
            self.bucket, self.key, self.refusal = "", b"", error

    @property
    def host(self) -> str:
        """The Host header as sent; ``""`` if there is none."""
        return self.headers.get(b"host", b"").decode("latin-1")

    @property
    def query(self) -> dict[str, str]:
        """Decoded query; ``?uploads`` gives ``{"uploads": ""}``. The first value of a repeated name counts.

        Raises InvalidURI where the query is not percent-encoded UTF-8.
        """
        query = self._query
        if query is None:
            pairs = self.query_pairs
            query = dict(pairs)
            if len(query) != len(pairs):
                query = dict(reversed(pairs))
            self._query = query
        return query

    @property
    def query_pairs(self) -> list[tuple[str, str]]:
        """Decoded names and values of the query in the order sent, repeated ones included; raises InvalidURI."""
        pairs = self._pairs
        if pairs is None:
            raw = self.query_string
            if b"+" in raw or not raw.isascii():
                pairs = [(_decoded(name), _decoded(value)) for name, _, value in self.raw_query_pairs]
            else:
                pairs = [
                    (_decoded(name) if "%" in name else name, _decoded(value) if "%" in value else value)
                    for name, _, value in self.raw_query_pairs
                ]
            self._pairs = pairs
        return pairs

    @property
    def raw_query_pairs(self) -> list[tuple[str, str, str]]:
        """Names, ``"="`` and values as sent, one character a byte; ``?uploads`` has an empty value."""
        pairs = self._raw_pairs
        if pairs is None:
            text = self.query_string.decode("latin-1")
            pairs = self._raw_pairs = [
                pair.partition("=") if "=" in pair else (pair, "=", "") for pair in text.split("&") if pair
            ]
        return pairs

    def has_repeated_query(self) -> bool:
        """Whether some name stands in the query twice."""
        return len(self.query) != len(self.query_pairs)

    def header(self, name: bytes, default: str = "") -> str:
        """Value of a header (lower-case name) as text, one character a byte, without outer spaces."""
        value = self.headers.get(name)
        return default if value is None else value.decode("latin-1").strip(" \t")


def _path_of(target: bytes) -> bytes:
    """Path of a target in absolute form (``http://host/bucket/key``); ``*`` and the like become ``/``."""
    _, found, rest = target.partition(b"://")
    slash = rest.find(b"/")
    return rest[slash:] if found and slash >= 0 else b"/"


def _joined(pairs: list[tuple[bytes, bytes]]) -> tuple[dict[bytes, bytes], frozenset[bytes]]:
    values: dict[bytes, list[bytes]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value.strip(b" \t"))
    headers = {name: b",".join(found) for name, found in values.items()}
    return headers, frozenset(name for name, found in values.items() if len(found) > 1)


def bucket_of_host(host: bytes, domain: bytes) -> bytes:
    """``photos`` for ``Photos.s3.example.com:9000`` when the domain is ``s3.example.com``; else empty."""
    name = host.partition(b":")[0].rstrip(b".").lower()
    if not name.endswith(domain) or len(name) < len(domain) + 2 or name[-len(domain) - 1] != 0x2E:
        return b""
    return name[: -len(domain) - 1]


def _decoded(text: str) -> str:
    """Decode one name or value of a query, ``+`` being a space."""
    if "%" not in text and "+" not in text and text.isascii():
        return text
    text = text.replace("+", " ").replace("%2F", "/")  # by far the most frequent: credentials and keys
    return percent_decoded(text.encode("latin-1")).decode() if "%" in text or not text.isascii() else text

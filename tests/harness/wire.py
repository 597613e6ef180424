"""Wire: signed requests over a socket of one's own: cheap enough for load, and with every byte in the test's hands."""

import hashlib
import hmac
import http.client
import select
import socket
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote

REGION = "us-east-1"
UNSIGNED = "UNSIGNED-PAYLOAD"
STREAMING_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


@dataclass(slots=True)
class Answer:
    """Status, headers (lower-case names), body."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def code(self) -> str:
        """S3 error code of an XML error, or ``""``."""
        return self.body.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()

    @property
    def etag(self) -> str:
        """ETag without quotes."""
        return self.headers.get("etag", "").strip('"')


@lru_cache(maxsize=64)
def _signing_key(secret_key: str, date: str) -> bytes:
    key = b"AWS4" + secret_key.encode()
    for part in (date, REGION, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def signed_headers(
    credentials: tuple[str, str], method: str, target: str, headers: Mapping[str, str], payload: str = UNSIGNED
) -> dict[str, str]:
    """``headers`` (with ``host``) and what Signature Version 4 adds; ``target`` is as it goes over the wire."""
    access_key, secret_key = credentials
    path, _, query = target.partition("?")
    timestamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    sent = {name.lower(): value for name, value in headers.items()}
    sent |= {"x-amz-date": timestamp, "x-amz-content-sha256": payload}
    names = sorted(name for name in sent if name == "host" or name == "content-md5" or name.startswith("x-amz-"))
    pairs = "&".join(sorted(pair if "=" in pair else f"{pair}=" for pair in query.split("&") if pair))
    lines = "".join(f"{name}:{sent[name].strip()}\n" for name in names)
    signed = ";".join(names)
    canonical = f"{method}\n{path}\n{pairs}\n{lines}\n{signed}\n{payload}"
    scope = f"{timestamp[:8]}/{REGION}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{digest}".encode()
    signature = hmac.new(_signing_key(secret_key, timestamp[:8]), text, hashlib.sha256).hexdigest()
    sent["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={signed}, Signature={signature}"
    )
    return sent


def path_of(bucket: str, key: str | bytes = "") -> str:
    """Request path of a key, percent-encoded as S3 clients do it."""
    raw = key.encode() if isinstance(key, str) else key
    return f"/{bucket}/{quote(raw, safe='/~')}" if raw else f"/{bucket}"


class Wire:
    """One connection, opened when needed and again after a failure (OSError or http.client.HTTPException)."""

    def __init__(self, address: tuple[str, int], credentials: tuple[str, str], timeout: float = 30) -> None:
        self.address, self.credentials, self.timeout = address, credentials, timeout
        self._connection: http.client.HTTPConnection | None = None

    @property
    def host(self) -> str:
        """Value of the Host header."""
        return f"{self.address[0]}:{self.address[1]}"

    def request(
        self,
        method: str,
        target: str,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        payload: str = UNSIGNED,
    ) -> Answer:
        """Sign, send and read a whole answer; a body that is no bytes goes out with ``Transfer-Encoding: chunked``."""
        sent = signed_headers(self.credentials, method, target, {"host": self.host, **(headers or {})}, payload)
        chunked = body is not None and not isinstance(body, bytes)
        if chunked:
            sent["transfer-encoding"] = "chunked"
        connection = self._connection or self._connect()
        try:
            connection.request(method, target, body, sent, encode_chunked=chunked)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if response.will_close:
            self.close()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def bare(self) -> "Bare":
        """A connection on which the test says every byte itself."""
        return Bare(self.address, self.timeout)

    def head(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, payload: str = UNSIGNED
    ) -> bytes:
        """The signed request line and header section, for a bare socket."""
        sent = signed_headers(self.credentials, method, target, {"host": self.host, **(headers or {})}, payload)
        lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")

    def _connect(self) -> http.client.HTTPConnection:
        self._connection = http.client.HTTPConnection(*self.address, timeout=self.timeout)
        self._connection.connect()
        # The header section and a body go out in two writes: do not let the second wait for an acknowledgement.
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._connection


class Bare:
    """A socket, and a reader of the answers that come over it, interim ones (100) too."""

    def __init__(self, address: tuple[str, int], timeout: float = 30) -> None:
        self.socket = socket.create_connection(address, timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = self.socket.makefile("rb")

    def __enter__(self) -> "Bare":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        """All of ``data``."""
        self.socket.sendall(data)

    def answer(self, *, body: bool = True) -> Answer:
        """The next answer; raises EOFError where the connection ends before it does."""
        status_line = self._line()
        headers: dict[str, str] = {}
        while line := self._line():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        status = int(status_line.split(" ")[1])
        content = self._body(headers) if body and status not in (100, 204, 304) else b""
        return Answer(status, headers, content)

    def is_closed(self, seconds: float = 5) -> bool:
        """Whether the server closes the connection without another byte within ``seconds``."""
        self.socket.settimeout(seconds)
        try:
            return self._reader.read(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True

    def is_silent(self, seconds: float) -> bool:
        """Whether nothing comes, and nothing is closed, for ``seconds``."""
        readable, _, _ = select.select([self.socket], [], [], seconds)
        return not readable

    def close(self) -> None:
        """End the connection."""
        self._reader.close()
        self.socket.close()

    def reset(self) -> None:
        """End the connection with RST, as a client that dies does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def _line(self) -> str:
        line = self._reader.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError(f"the connection ended after {line!r}")
        return line[:-2].decode("latin-1")

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            content = b""
            while size := int(self._line(), 16):
                content += self._exactly(size)
                self._line()
            self._line()
            return content
        return self._exactly(int(headers["content-length"]))

    def _exactly(self, size: int) -> bytes:
        content = self._reader.read(size)
        if len(content) < size:
            raise EOFError(f"{len(content)} of {size} bytes")
        return content

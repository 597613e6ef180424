"""Access logs of buckets: lines as AWS writes them, gathered here and put into the bucket that the configuration names.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html

As on AWS it is a best effort: what a process has gathered and not yet put is lost if it is killed. Its memory is
bounded: beyond that lines are dropped, and counted.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

import structlog

from objstore.api.pieces import Pieces
from objstore.api.s3.call import Call
from objstore.api.s3.verbs import Verbs
from objstore.model import clock
from objstore.model.errors import ObjstoreError
from objstore.model.objects import Bucket
from objstore.model.requests import PutRequest

SETTING = "logging"
LINES_MAX = 50_000
_FIELD_CHARS_MAX = 2048
_RESOURCES = {
    "uploadId": "UPLOAD",
    "uploads": "UPLOADS",
    "acl": "ACL",
    "cors": "CORS",
    "delete": "MULTI_OBJECT_DELETE",
    "encryption": "ENCRYPTION",
    "lifecycle": "LIFECYCLE",
    "location": "LOCATION",
    "logging": "LOGGING_STATUS",
    "notification": "NOTIFICATION",
    "object-lock": "OBJECT_LOCK_CONFIGURATION",
    "policy": "BUCKETPOLICY",
    "tagging": "TAGGING",
    "versioning": "VERSIONING",
    "versions": "BUCKETVERSIONS",
    "website": "WEBSITE",
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

log = structlog.get_logger(__name__)


class _Text(Pieces):
    """A body that is there already."""

    algorithms: frozenset[str] = frozenset()

    def __init__(self, content: bytes) -> None:
        self.length: int | None = len(content)
        self._content = content

    async def read(self) -> bytes:
        content, self._content = self._content, b""
        return content

    def verify(self, digests: Mapping[str, bytes]) -> None:
        return None

    def checksum_algorithm(self) -> str | None:
        return None


class AccessLog:
    """Gathers lines by source bucket; ``run`` puts them every ``seconds``."""

    def __init__(self, store: Verbs, seconds: float) -> None:
        self._store, self._seconds = store, seconds
        self._lines: dict[str, list[str]] = {}
        self._count = 0
        self.dropped = 0

    def note(self, call: Call, seconds: float) -> None:
        """Remember a request that was answered, if its bucket wants to have it logged."""
        bucket = self._store.known_bucket(call.request.bucket) if call.request.bucket else None
        if bucket is None or SETTING not in bucket.settings:
            return
        if self._count >= LINES_MAX:
            self.dropped += 1
            return
        self._count += 1
        self._lines.setdefault(bucket.name, []).append(line_of(call, bucket, seconds))

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``, and once more then."""
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._seconds)
            await self.flush()

    async def flush(self) -> None:
        """Put what was gathered: one object a source bucket."""
        gathered, self._lines, self._count = self._lines, {}, 0
        for name, lines in gathered.items():
            try:
                await self._put(name, lines)
            except ObjstoreError as error:
                log.warning("access_log_lost", bucket=name, lines=len(lines), error=repr(error))

    async def _put(self, name: str, lines: list[str]) -> None:
        source = await self._store.get_bucket(name)
        wanted = source.settings.get(SETTING, {})
        if wanted:
            key = key_of(wanted, source).encode()
            content = "".join(f"{line}\n" for line in lines).encode()
            attrs = {"h": {"content-type": "text/plain"}}
            await self._store.put(PutRequest(wanted["TargetBucket"], key, attrs=attrs), _Text(content))


def key_of(wanted: Mapping[str, Any], source: Bucket) -> str:
    """The key of a log object, in the format that the configuration asks for."""
    now = clock.now()
    stamp = f"{now:%Y-%m-%d-%H-%M-%S}-{clock.random_bytes(8).hex().upper()}"
    prefix: str = wanted.get("TargetPrefix", "")
    if "PartitionedPrefix" in wanted.get("TargetObjectKeyFormat", {}):
        return f"{prefix}{source.owner}/{source.region}/{source.name}/{now:%Y/%m/%d}/{stamp}"
    return f"{prefix}{stamp}"


def line_of(call: Call, bucket: Bucket, seconds: float) -> str:
    """One line; what a client sent cannot end it, nor a field of it."""
    request, now = call.request, clock.now()
    authenticated = getattr(call, "authenticated", None)
    identity = authenticated.identity if authenticated else None
    client = request.scope.get("client")
    query = request.query_string.decode("latin-1")
    target = request.raw_path.decode("latin-1") + (f"?{query}" if query and "ignature" not in query else "")
    kind, version = _auth_of(call)
    milliseconds = str(int(seconds * 1000))
    fields = [
        bucket.owner,
        bucket.name,
        f"[{now.day:02}/{_MONTHS[now.month - 1]}/{now:%Y:%H:%M:%S} +0000]",
        client[0] if client else "-",
        (identity.owner_id if identity else "") or "-",
        request.request_id,
        f"REST.{request.method}.{_resource_of(call)}",
        _plain(request.key.decode("utf-8", "replace")) or "-",
        _quoted(f"{request.method} {target} HTTP/1.1"),
        str(call.status or 499),
        call.code or "-",
        str(call.sent_bytes or "-"),
        "-",
        milliseconds,
        milliseconds,
        _quoted(request.header(b"referer")),
        _quoted(request.header(b"user-agent")),
        request.query.get("versionId", "-")[:64] if query and "%" not in query else "-",
        "-",
        version,
        "-",
        kind,
        _plain(request.host) or "-",
        "-",
        "-",
        "-",
    ]
    return " ".join(fields)


def _resource_of(call: Call) -> str:
    names = call.request.query_string.decode("latin-1")
    for part in names.split("&"):
        name = part.partition("=")[0]
        if name == "partNumber":
            return "PART"
        if name in _RESOURCES:
            return _RESOURCES[name]
    return "OBJECT" if call.request.key else "BUCKET"


def _auth_of(call: Call) -> tuple[str, str]:
    """Type of authentication and version of the signature."""
    request = call.request
    sent = request.headers.get(b"authorization", b"")
    if sent:
        return "AuthHeader", "SigV4" if sent.startswith(b"AWS4") else "SigV2"
    if b"X-Amz-Signature" in request.query_string:
        return "QueryString", "SigV4"
    return ("QueryString", "SigV2") if b"Signature=" in request.query_string else ("-", "-")


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() and c not in ' "' else f"%{ord(c) & 0xFF:02X}" for c in text[:_FIELD_CHARS_MAX])


def _quoted(text: str) -> str:
    shown = "".join(c if c.isprintable() and c != '"' else f"%{ord(c) & 0xFF:02X}" for c in text[:_FIELD_CHARS_MAX])
    return f'"{shown or "-"}"'

"""Lines of access logs, a request each; one that deletes many keys has a line for each of them besides, and one that
copies has a line in the log of its source's bucket too.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html

What a client sent cannot end a line, nor a field of it.
"""

from collections.abc import Sequence
from datetime import datetime

from objstore.api.cycle import tls_of
from objstore.api.s3.call import BatchEntry, Call
from objstore.api.s3.copy_source import parse_copy_source
from objstore.api.s3.text import url_encode
from objstore.model import clock
from objstore.model.errors import RequestError
from objstore.model.objects import Bucket

_FIELD_CHARS_MAX = 2048
_VERSION_ID_CHARS_MAX = 64
_RESOURCES = {
    "uploadId": "UPLOAD",
    "uploads": "UPLOADS",
    "accelerate": "ACCELERATE",
    "acl": "ACL",
    "analytics": "ANALYTICS",
    "cors": "CORS",
    "delete": "MULTI_OBJECT_DELETE",
    "encryption": "ENCRYPTION",
    "inventory": "INVENTORY",
    "lifecycle": "LIFECYCLE",
    "location": "LOCATION",
    "logging": "LOGGING_STATUS",
    "metrics": "METRICS",
    "notification": "NOTIFICATION",
    "object-lock": "OBJECT_LOCK_CONFIGURATION",
    "policy": "BUCKETPOLICY",
    "policyStatus": "POLICY_STATUS",
    "publicAccessBlock": "PUBLIC_ACCESS_BLOCK",
    "replication": "REPLICATION",
    "requestPayment": "REQUEST_PAYMENT",
    "restore": "RESTORE",
    "tagging": "TAGGING",
    "versioning": "VERSIONING",
    "versions": "BUCKETVERSIONS",
    "website": "WEBSITE",
}
COPIES = {"CopyObject": "COPY.OBJECT", "UploadPartCopy": "COPY.PART"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def lines_of(call: Call, bucket: Bucket, seconds: float, source: str, host_id: str) -> list[str]:
    """The lines of a request that took ``seconds``. ``source``: ``REST``, ``WEBSITE``; ``host_id``: that of answers."""
    request = call.request
    query = request.query_string
    size = getattr(call, "object_bytes", None)
    version_id = request.query.get("versionId", "-")[:_VERSION_ID_CHARS_MAX] if query and b"%" not in query else "-"
    begin, end = _common(call, bucket, host_id)
    line = [
        *begin,
        f"{source}.{COPIES.get(call.operation) or f'{request.method}.{_resource_of(call)}'}",
        _key(request.key),
        _uri(call),
        str(call.status or 499),
        call.code or "-",
        str(call.sent_bytes or "-"),
        "-" if size is None else str(size),
        *_ending(call, seconds, version_id),
        *end,
    ]
    entries: Sequence[BatchEntry] = getattr(call, "batch", ())
    return [" ".join(line), *(" ".join([*begin, *_batch_fields(entry), *end]) for entry in entries)]


def source_of(call: Call) -> tuple[str, bytes, str] | None:
    """Bucket, key and version id (``-``: none was named) that a copy reads; None where its header names none."""
    try:
        bucket, key, version = parse_copy_source(call.request.headers.get(b"x-amz-copy-source", b""))
    except RequestError:
        return None
    return bucket, key, "-" if version is None else version.hex() or "null"


def source_line(call: Call, bucket: Bucket, key: bytes, version_id: str, seconds: float, host_id: str) -> str:
    """The line of a copy in the log of the bucket that it reads from.

    Its status and code are those of the reading; where it has not come to that, those of the whole.
    """
    size = getattr(call, "source_bytes", None)
    begin, end = _common(call, bucket, host_id)
    line = [
        *begin,
        f"REST.{COPIES[call.operation]}_GET",
        _key(key),
        _uri(call),
        *((str(call.status or 499), call.code or "-", "-", "-") if size is None else ("200", "-", "-", str(size))),
        *_ending(call, seconds, version_id),
        *end,
    ]
    return " ".join(line)


def _uri(call: Call) -> str:
    request = call.request
    query = request.query_string.decode("latin-1")
    target = request.raw_path.decode("latin-1") + (f"?{query}" if query and "ignature" not in query else "")
    return _quoted(f"{request.method} {target} HTTP/1.1")


def _ending(call: Call, seconds: float, version_id: str) -> list[str]:
    """From the times on to the version."""
    milliseconds, request = str(int(seconds * 1000)), call.request
    return [
        milliseconds,
        milliseconds,
        _quoted(request.header(b"referer")),
        _quoted(request.header(b"user-agent")),
        _plain(version_id),
    ]


def _common(call: Call, bucket: Bucket, host_id: str) -> tuple[list[str], list[str]]:
    """What all lines of a request begin and end with."""
    request = call.request
    client = request.scope.get("client")
    kind, version = _auth_of(call)
    begin = [
        bucket.owner,
        bucket.name,
        _time(clock.now()),
        client[0] if client else "-",
        _requester(call),
        request.request_id,
    ]
    tls_version, cipher = tls_of(request.receive) or ("-", "-")
    needed_acl = "Yes" if bucket.name in getattr(call, "acl_required", ()) else "-"
    return begin, [host_id, version, cipher, kind, _plain(request.host) or "-", tls_version, "-", needed_acl]


def _batch_fields(entry: BatchEntry) -> list[str]:
    """Of one key among many there was no request of its own: its fields say nothing."""
    size = "-" if entry.size is None else str(entry.size)
    version_id = _plain((entry.version_id or "-")[:_VERSION_ID_CHARS_MAX])
    return ["BATCH.DELETE.OBJECT", _key(entry.key), "-", str(entry.status), entry.code or "-", "-", size,
            "-", "-", "-", "-", version_id]  # fmt: skip


def _time(now: datetime) -> str:
    return f"[{now.day:02}/{_MONTHS[now.month - 1]}/{now:%Y:%H:%M:%S} +0000]"


def _requester(call: Call) -> str:
    """The canonical id of an owner, the ARN of a user or a role."""
    authenticated = getattr(call, "authenticated", None)
    if authenticated is None:
        return "-"
    principal = authenticated.identity.principal
    return _plain(principal.owner_id if principal.owns else principal.arn) or "-"


def _resource_of(call: Call) -> str:
    names = [part.partition("=")[0] for part in call.request.query_string.decode("latin-1").split("&")]
    if "partNumber" in names and "uploadId" in names:
        return "PART"
    for name in names:
        if name in _RESOURCES:
            return "OBJECT_TAGGING" if name == "tagging" and call.request.key else _RESOURCES[name]
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


def _key(key: bytes) -> str:
    return url_encode(key)[: 3 * _FIELD_CHARS_MAX] or "-"


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() and c not in ' "' else f"%{ord(c) & 0xFF:02X}" for c in text[:_FIELD_CHARS_MAX])


def _quoted(text: str) -> str:
    shown = "".join(c if c.isprintable() and c != '"' else f"%{ord(c) & 0xFF:02X}" for c in text[:_FIELD_CHARS_MAX])
    return f'"{shown or "-"}"'

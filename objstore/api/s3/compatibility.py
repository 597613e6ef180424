"""docs/s3-compatibility.md, written from botocore's S3 model and our table of handlers.

``python -m objstore.api.s3.compatibility [FILE]`` writes it; a test holds the file against ``document``.
"""

import sys
from pathlib import Path

from objstore.api.s3.errors import S3Error, status_of
from objstore.api.s3.handlers import HANDLERS
from objstore.api.s3.probes import NOT_SET
from objstore.api.s3.router import Route, routes
from objstore.api.s3.service import operation_model
from objstore.api.s3.verdicts import headers, verdict_of

_HEAD = """\
# S3 compatibility

Written by `python -m objstore.api.s3.compatibility` from botocore's S3 model and the table of handlers; do not edit.

{served} of the model's {total} operations are served; {probes} of these say, with the code that clients expect, that
nothing is set. All others answer `501 NotImplemented` with the operation's name, after authentication.

## Operations

| Operation | Request | Answer |
|---|---|---|
"""

_HEADERS = """
## Request headers

Every header that the model gives the operations above. Those of HTTP itself and `x-amz-meta-*` come besides.

| Header | Operations | Verdict |
|---|---|---|
"""

_TAIL = """
## S3 Control

`GetPublicAccessBlock`, `PutPublicAccessBlock` and `DeletePublicAccessBlock` of an account: [identity.md](identity.md).
All other operations of `boto3.client("s3control")` answer `501 NotImplemented` with the operation's name, after
authentication.

## Where we differ from AWS

| What | Here |
|---|---|
| Region in the credential scope | any is accepted |
| `LocationConstraint` | the configured region, or none; any in the compat profile ([operations.md](operations.md)) |
| Creating one's own bucket again | 200 in us-east-1, else `409 BucketAlreadyOwnedByYou`, as AWS |
| ACLs, public access | as AWS since 2023, or before: a setting, see [identity.md](identity.md) |
| Policies | as AWS; that a principal exists is not checked |
| A bucket that is not there, without credentials | `403 AccessDenied` |
| Encryption | see [objects.md](objects.md); `aws:kms` without a key and without `kms_default_key` is \
`400 InvalidArgument`; a wrong SSE-C key is `400 InvalidRequest`; GetBucketEncryption is a 404 until it is set |
| KMS key ids in answers | as the client named the key; an alias as the ARN of its key |
| Malformed checksum values | `400 BadDigest` |
| Append, RenameObject | in every bucket without versioning, not in directory buckets only |
| Conditions of deletes | of time and size too; what is not there is no error |
| Website | served at `BUCKET.DOMAIN` where `website_domain` is set; else the configuration is stored and given back |
| Inventory | delivered, see [objects.md](objects.md); fields that say nothing here are `501` |
| Metrics, analytics configurations | stored and given back; nothing is delivered |
| Replication configuration | `501 NotImplemented`; reading it is a 404 |
| `If-None-Match` on writes | `*` or one entity tag; several are `501` |
| Version ids | 32 hex digits or `null`; anything else is `400 InvalidArgument` |
| Version id markers | `NextVersionIdMarker` is a version id and its place in the key: a listing goes on where it was \
even if that version is deleted meanwhile; a plain version id is taken too |
| `MfaDelete` | `Enabled` is `501 NotImplemented` |
| Metadata that is not ASCII | its bytes are given back as they came, not as RFC 2047 |
| Spaces with `encoding-type=url` | `%20` |
| Control characters in listings | character references as AWS writes them; use `encoding-type=url` |
| Lifecycle rules | as AWS but for the days that it bills by; see [lifecycle.md](lifecycle.md) |
| XML documents | UTF-8 only, no DTD, at most 2 MiB |
"""


def document() -> str:
    """The page as it should be."""
    found = sorted(routes(), key=lambda route: route.operation)
    served = [route for route in found if route.operation in HANDLERS]
    head = _HEAD.format(served=len(served), total=len(found), probes=len(NOT_SET))
    return (
        head + "".join(_row(route) for route in found) + _HEADERS + "".join(map(_header_row, sorted(headers()))) + _TAIL
    )


def _row(route: Route) -> str:
    query = [route.subresource] if route.subresource else []
    query += [f"{name}={value}" for name, value in route.fixed] + sorted(route.queries)
    path = operation_model(route.operation).http["requestUri"].partition("?")[0].replace("{Key+}", "{Key}")
    request = f"`{route.method} {path}{'?' if query else ''}{'&'.join(query)}`"
    headers = "".join(f", `{name.decode()}`" for name in sorted(route.headers))
    return f"| {route.operation} | {request}{headers} | {_answer(route)} |\n"


def _header_row(name: str) -> str:
    operations = headers()[name]
    shown = ", ".join(operations[:3]) + (f" and {len(operations) - 3} more" if len(operations) > 3 else "")
    return f"| `{name}` | {shown} | {verdict_of(name)} |\n"


def _answer(route: Route) -> str:
    code = NOT_SET.get(route.operation)
    if code is not None:
        return f"`{status_of(S3Error(code))} {code}`"
    if route.operation in HANDLERS:
        return "yes"
    return "as its successor" if route.deprecated and _successor_served(route) else "501"


def _successor_served(route: Route) -> bool:
    """Whether an operation with the same traits takes the requests of this one."""
    return any(
        other.operation in HANDLERS and not other.deprecated and _place(other) == _place(route) for other in routes()
    )


def _place(route: Route) -> tuple[object, ...]:
    return route.method, route.level, route.subresource, route.fixed, route.queries, route.headers


def main() -> None:
    """Write the page to the file named, or to docs/ of the working directory."""
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/s3-compatibility.md")
    target.write_text(document(), encoding="utf-8")


if __name__ == "__main__":
    main()

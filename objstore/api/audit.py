"""Audit: who did what from where, allowed or denied, a record a request. Never a secret, never a line that is not ours.

What clients send goes in as values of JSON, cut to a length: line ends and quotes in them are escaped. Queries are left
out, for they may hold signatures; so are all headers but the user agent.
"""

from collections.abc import Callable
from typing import Any

from objstore.api.auth.keyring import Identity
from objstore.api.request import Request
from objstore.model import clock

Record = dict[str, Any]
Note = Callable[[Record], None]
TEXT_CHARS_MAX = 1024


def audit_record(
    request: Request,
    identity: Identity | None,
    operation: str,
    status: int,
    *,
    code: str = "",
    sent_bytes: int = 0,
    begun: float = 0.0,
) -> Record:
    """The record of an answered request. ``code``: of the error; ``begun``: monotonic seconds."""
    principal = identity.principal if identity else None
    client = request.scope.get("client")
    return {
        "time": clock.now().isoformat(timespec="milliseconds"),
        "request_id": request.request_id,
        "remote": str(client[0]) if client else "",
        "principal": principal.arn if principal else "",
        "account": principal.account if principal else "",
        "access_key": identity.access_key if identity else "",
        "operation": operation,
        "method": request.method,
        "bucket": request.bucket[:TEXT_CHARS_MAX],
        "key": request.key[:TEXT_CHARS_MAX].decode("utf-8", "backslashreplace"),
        "status": status,
        "allowed": status not in (401, 403),
        "error": code,
        "bytes_sent": sent_bytes,
        "milliseconds": round((clock.monotonic_seconds() - begun) * 1000, 1) if begun else 0,
        "user_agent": request.header(b"user-agent")[:256],
    }

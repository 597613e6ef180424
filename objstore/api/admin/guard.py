"""Guard: lets through only requests signed with root credentials, their payload verified.

A few routes are for everybody who has signed, and see to it themselves what they may (``own_rights.py``).
"""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from objstore.api.admin.own_rights import AUTHENTICATED, is_for_everybody
from objstore.api.audit import Note, audit_record
from objstore.api.auth.authenticator import Authenticated, Authenticator
from objstore.api.auth.body import read_document
from objstore.api.request import Receive, Request, Scope
from objstore.api.s3.errors import status_of
from objstore.model.errors import AccessDenied, RequestError

Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Any], Awaitable[None]]

BODY_BYTES_MAX = 1024 * 1024


class Guard:
    """In front of ``app``; errors are JSON: ``{"error": {"code": …, "message": …}}``."""

    def __init__(self, app: Application, authenticator: Authenticator, audit: Note | None = None) -> None:
        self._app, self._authenticator, self._audit = app, authenticator, audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        authenticated: Authenticated | None = None
        try:
            authenticated = self._authenticator.authenticate(request)
            identity = authenticated.identity
            if not identity.is_root and (identity.principal.anonymous or not is_for_everybody(scope)):
                raise AccessDenied
            body = await read_document(request, authenticated, BODY_BYTES_MAX)
        except RequestError as error:
            self._note(request, authenticated, status_of(error), error.code)
            await _refuse(error, send)
            return
        self._note(request, authenticated, 200)
        scope[AUTHENTICATED] = authenticated
        await self._app(scope, _replay(body, receive), send)

    def _note(self, request: Request, authenticated: Authenticated | None, status: int, code: str = "") -> None:
        """A record of what was let through, or was not; what came of it is not known yet."""
        if self._audit is not None:
            identity = authenticated.identity if authenticated else None
            operation = f"admin:{request.method} {request.raw_path.decode('latin-1')[:256]}"
            self._audit(audit_record(request, identity, operation, status, code=code))


def _replay(body: bytes, receive: Receive) -> Receive:
    """``body`` as one message, then what comes after it (a disconnect)."""
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Any:
        return pending.pop() if pending else await receive()

    return replay


async def _refuse(error: RequestError, send: Send) -> None:
    body = orjson.dumps({"error": {"code": error.code, "message": str(error)}})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status_of(error), "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""Guard: lets through only requests signed with root credentials, their payload verified."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from objstore.api.auth.authenticator import Authenticator
from objstore.api.auth.body import read_document
from objstore.api.request import Receive, Request, Scope
from objstore.api.s3.errors import status_of
from objstore.model.errors import AccessDenied, RequestError

Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Any], Awaitable[None]]

BODY_BYTES_MAX = 1024 * 1024


class Guard:
    """In front of ``app``; errors are JSON: ``{"error": {"code": …, "message": …}}``."""

    def __init__(self, app: Application, authenticator: Authenticator) -> None:
        self._app = app
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        try:
            authenticated = self._authenticator.authenticate(request)
            if not authenticated.identity.is_root:
                raise AccessDenied
            body = await read_document(request, authenticated, BODY_BYTES_MAX)
        except RequestError as error:
            await _refuse(error, send)
            return
        await self._app(scope, _replay(body, receive), send)


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

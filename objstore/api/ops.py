"""Ops: what lies below ``/-/`` on the S3 port; no bucket can be called ``-``.

    /-/health/live   200 while the process runs
    /-/health/ready  200 while a write can be placed, else 503; JSON says what is wrong
    /-/metrics       Prometheus' text format, of all processes of this server
    /-/admin/v1/…    FastAPI, for root credentials only
    /-/console/…     pages for people, see objstore/api/console

Health and metrics need no credentials, and hold no names of buckets or keys.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from objstore.api.metrics import CONTENT_TYPE, Metrics
from objstore.api.readiness import Readiness
from objstore.api.request import Receive, Scope

Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Any], Awaitable[None]]
Reply = tuple[int, bytes, bytes]

ADMIN_PREFIX = b"/-/admin/v1"
CONSOLE_PREFIX = b"/-/console"
_JSON = b"application/json"


class Ops:
    """The ASGI application of these paths. ``admin``, ``console``: None where there is none."""

    def __init__(
        self, readiness: Readiness, metrics: Metrics, admin: Application | None, console: Application | None = None
    ) -> None:
        self._readiness = readiness
        self._metrics = metrics
        self._admin, self._console = admin, console
        self._routes: dict[bytes, Callable[[], Awaitable[Reply]]] = {
            b"/-/health/live": self._live,
            b"/-/livez": self._live,
            b"/-/health/ready": self._ready,
            b"/-/readyz": self._ready,
            b"/-/metrics": self._render_metrics,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path: bytes = scope["raw_path"]
        if self._admin is not None and (path == ADMIN_PREFIX or path.startswith(ADMIN_PREFIX + b"/")):
            await self._admin(scope, receive, send)
            return
        if self._console is not None and (path == CONSOLE_PREFIX or path.startswith(CONSOLE_PREFIX + b"/")):
            await self._console(scope, receive, send)
            return
        route = self._routes.get(path)
        if route is None:
            reply: Reply = (404, _JSON, b'{"error":"there is nothing here"}')
        elif scope["method"] not in ("GET", "HEAD"):
            reply = (405, _JSON, b'{"error":"only GET and HEAD"}')
        else:
            reply = await route()
        await _send(send, scope, reply)

    async def _live(self) -> Reply:
        return 200, _JSON, b'{"alive":true}'

    async def _ready(self) -> Reply:
        report = await self._readiness.report()
        return 200 if report["ready"] else 503, _JSON, orjson.dumps(report)

    async def _render_metrics(self) -> Reply:
        return 200, CONTENT_TYPE, self._metrics.render()


async def _send(send: Send, scope: Scope, reply: Reply) -> None:
    status, content_type, body = reply
    headers = [
        (b"content-type", content_type),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"]):
        headers.append((b"connection", b"close"))  # nobody reads the body
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

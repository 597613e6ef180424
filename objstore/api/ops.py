"""Ops: what lies below ``/-/`` on the S3 port; no bucket can be called ``-``.

    /-/health/live   200 while the process runs
    /-/health/ready  200 while a write can be placed, else 503; JSON says what is wrong
    /-/health/cluster        200 while every tier takes writes, else 503; ?maintenance=true: 412 if it would not without
                             the drives of this host
    /-/health/cluster/read   200 while every tier can be read
    /-/metrics       Prometheus' text format, of all processes of this server
    /-/admin/v1/…    FastAPI, for root credentials only
    /-/console/…     pages for people, see objstore/api/console

/-/livez and /-/readyz are other names of the first two; ``/-/readyz?verbose`` says line by line what was looked at. The
paths that MinIO has for its probes, ``/minio/health/…``, do the same.

Health and metrics need no credentials, and hold no names of buckets or keys.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from objstore.api.metrics import CONTENT_TYPE, Metrics
from objstore.api.readiness import Readiness
from objstore.api.request import Receive, Request, Scope

Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Any], Awaitable[None]]
Reply = tuple[int, bytes, bytes]

ADMIN_PREFIX = b"/-/admin/v1"
CONSOLE_PREFIX = b"/-/console"
OPS_PREFIX, MINIO_PREFIX = b"/-/", b"/minio/health/"
_JSON, _TEXT = b"application/json", b"text/plain; charset=utf-8"

_PROBES = frozenset(MINIO_PREFIX + name for name in (b"live", b"ready", b"cluster", b"cluster/read"))


def is_ours(request: Request) -> bool:
    """Whether a request is for here, and not for an object of a bucket ``minio``: probes are not signed."""
    path = request.raw_path
    if path.startswith(OPS_PREFIX):
        return True
    return path in _PROBES and request.method in ("GET", "HEAD") and b"authorization" not in request.headers


class Ops:
    """The ASGI application of these paths. ``admin``, ``console``: None where there is none."""

    def __init__(
        self, readiness: Readiness, metrics: Metrics, admin: Application | None, console: Application | None = None
    ) -> None:
        self._readiness = readiness
        self._metrics = metrics
        self._admin, self._console = admin, console
        self._routes: dict[bytes, Callable[[bytes], Awaitable[Reply]]] = {
            b"/-/health/live": self._live,
            b"/-/livez": self._live,
            b"/-/health/ready": self._ready,
            b"/-/readyz": self._ready_or_verbose,
            b"/-/health/cluster": self._cluster,
            b"/-/health/cluster/read": self._cluster_read,
            b"/-/metrics": self._render_metrics,
            MINIO_PREFIX + b"live": self._live,
            MINIO_PREFIX + b"ready": self._ready,
            MINIO_PREFIX + b"cluster": self._cluster,
            MINIO_PREFIX + b"cluster/read": self._cluster_read,
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
            reply = await route(scope["query_string"])
        await _send(send, scope, reply)

    async def _live(self, _: bytes) -> Reply:
        return 200, _JSON, b'{"alive":true}'

    async def _ready(self, _: bytes) -> Reply:
        report = await self._readiness.report()
        return 200 if report["ready"] else 503, _JSON, orjson.dumps(report)

    async def _ready_or_verbose(self, query: bytes) -> Reply:
        if not query.startswith(b"verbose"):
            return await self._ready(query)
        report = await self._readiness.report()
        checks = {"database": report["database"] == "ok"}
        checks |= {f"tier {name}": tier["writable"] for name, tier in report["tiers"].items() if tier["drives"]}
        lines = [f"[{'+' if good else '-'}]{name} {'ok' if good else 'failed'}" for name, good in checks.items()]
        lines.append(f"readyz check {'passed' if report['ready'] else 'failed'}\n")
        return 200 if report["ready"] else 503, _TEXT, "\n".join(lines).encode()

    async def _cluster(self, query: bytes) -> Reply:
        if not await self._readiness.cluster(writes=True):
            return 503, _JSON, b'{"writable":false}'
        if query == b"maintenance=true" and not await self._readiness.cluster(writes=True, without_us=True):
            return 412, _JSON, b'{"writable":true,"dispensable":false}'
        return 200, _JSON, b'{"writable":true}'

    async def _cluster_read(self, _: bytes) -> Reply:
        readable = await self._readiness.cluster(writes=False)
        return 200 if readable else 503, _JSON, b'{"readable":true}' if readable else b'{"readable":false}'

    async def _render_metrics(self, _: bytes) -> Reply:
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

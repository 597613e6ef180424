"""Health and metrics of a worker, which has no S3 port to serve them on."""

import asyncio
from collections.abc import Callable
from typing import Any

from objstore.cli.endpoint import listen
from objstore.cli.http_server import HttpServer, configure

REQUEST_SECONDS = 10.0


async def run_ops(address: str, application: Callable[..., Any], stop: asyncio.Event) -> None:
    """Serve ``application`` at HOST:PORT until ``stop`` is set; with no address do nothing."""
    if not address:
        return
    host, _, port = address.rpartition(":")
    configuration = configure(
        application,
        REQUEST_SECONDS,
        REQUEST_SECONDS,
        timeout_graceful_shutdown=1,
    )
    server = HttpServer(configuration, lambda: None)
    serving = asyncio.create_task(server.serve(sockets=[listen(host.strip("[]"), int(port))]))
    await stop.wait()
    server.should_exit = True
    await serving

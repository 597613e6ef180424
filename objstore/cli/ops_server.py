"""Health and metrics of a worker, which has no S3 port to serve them on."""

import asyncio
from collections.abc import Callable
from typing import Any

import uvicorn

from objstore.api.protocol import strict_protocol
from objstore.cli.endpoint import listen
from objstore.cli.http_server import HttpServer

REQUEST_SECONDS = 10.0


async def run_ops(address: str, application: Callable[..., Any], stop: asyncio.Event) -> None:
    """Serve ``application`` at HOST:PORT until ``stop`` is set; with no address do nothing."""
    if not address:
        return
    host, _, port = address.rpartition(":")
    configuration = uvicorn.Config(
        application,
        http=strict_protocol(REQUEST_SECONDS, REQUEST_SECONDS),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    server = HttpServer(configuration, lambda: None)
    serving = asyncio.create_task(server.serve(sockets=[listen(host.strip("[]"), int(port))]))
    await stop.wait()
    server.should_exit = True
    await serving

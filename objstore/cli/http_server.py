"""HttpServer: uvicorn without signals of its own."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from objstore.api.protocol import strict_protocol


def configure(application: Any, header_seconds: float, stall_seconds: float, **more: Any) -> uvicorn.Config:
    """HTTP/1.1 with our limits, and nothing of what uvicorn adds by itself; ``more``: of uvicorn's settings."""
    return uvicorn.Config(
        application,
        http=strict_protocol(header_seconds, stall_seconds),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        **more,
    )


class HttpServer(uvicorn.Server):
    """Signals are the process's own; ``listening`` is called once connections are taken."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        self._listening()

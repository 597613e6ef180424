"""Floors: what the same uvicorn does when there is no store behind it.

``python -m benchmarks.floor PORT`` serves one worker that binds with SO_REUSEPORT, as a gateway worker does.
The bucket in the path says what a GET is answered with; a PUT's body is read and dropped.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.figures import BenchmarkError

KIB = 1024
MIB = 1024 * KIB
SIZES = {"bench-4k": 4 * KIB, "bench-64k": 64 * KIB}
STREAM_BUCKET, STREAM_BYTES = "bench-large", 64 * MIB
Message = dict[str, Any]


def make_app() -> Callable[..., Awaitable[None]]:
    """The do-nothing application, and the one that streams from memory."""
    bodies = {bucket: os.urandom(size) for bucket, size in SIZES.items()}
    # Different pages for each piece, as a real object has: one piece sent 64 times would stay in the CPU's cache.
    pieces = [os.urandom(MIB) for _ in range(STREAM_BYTES // MIB)]
    stream_head = {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"content-length", str(STREAM_BYTES).encode())],
    }
    put_head = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}

    async def app(
        scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        if scope["method"] == "PUT":
            while (await receive()).get("more_body"):
                pass
            await send(put_head)
            await send({"type": "http.response.body", "body": b""})
            return
        path: str = scope["path"]
        body = bodies.get(path[1 : path.find("/", 1)])
        if body is not None:
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [(b"content-length", str(len(body)).encode())],
                }
            )
            await send({"type": "http.response.body", "body": body})
            return
        await send(stream_head)
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app


def serve(port: int) -> None:
    """Serve until SIGTERM."""
    import uvicorn

    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("127.0.0.1", port))
    config = uvicorn.Config(
        make_app(),
        http="httptools",
        loop="uvloop",
        access_log=False,
        log_level="warning",
        lifespan="off",
        server_header=False,
        backlog=2048,
    )
    uvicorn.Server(config).run([sock])


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for_port(port: int, processes: list[subprocess.Popen[bytes]], seconds: float = 20) -> None:
    """Wait until the port accepts; raises BenchmarkError when a process ends or time runs out."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if any(process.poll() is not None for process in processes):
            raise BenchmarkError("a server of the bench ended while it was starting")
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise BenchmarkError(f"nothing listens on port {port}")


@contextmanager
def floor(workers: int) -> Iterator[int]:
    """Floor with so many workers; gives its port."""
    port = free_port()
    processes = [subprocess.Popen([sys.executable, "-m", "benchmarks.floor", str(port)]) for _ in range(workers)]
    try:
        wait_for_port(port, processes)
        time.sleep(0.5)  # the port answers when one worker is up; give the others their moment
        yield port
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


if __name__ == "__main__":
    serve(int(sys.argv[1]))

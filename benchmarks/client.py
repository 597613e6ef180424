"""Load client for machines without wrk, and for a set number of requests: one process, raw protocol on uvloop.

Run as ``python -m benchmarks.client SPEC``, SPEC being the JSON of ``Spec``; prints the JSON of what it saw.
Requests are rendered before the clock starts. An answer is read by its status and Content-Length alone.
"""

import asyncio
import json
import random
import re
import sys
from array import array
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import cast

import uvloop

HISTOGRAM_STEP_SECONDS = 10e-6
HISTOGRAM_STEPS = 300_000  # 3 s; slower answers count in the last step
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)


@dataclass(frozen=True, slots=True)
class Spec:
    """What to send. ``order``: ``random`` or ``next`` from ``first``; ``requests``: stop after so many, 0: by time."""

    host: str
    port: int
    targets: str
    method: str
    body: str = ""
    order: str = "next"
    first: int = 0
    connections: int = 64
    seconds: float = 3.0
    requests: int = 0


class Run:
    """State that all connections share: the next request, the clock, the histogram."""

    def __init__(self, spec: Spec) -> None:
        body = Path(spec.body).read_bytes() if spec.body else b""
        fields = f" HTTP/1.1\r\nHost: {spec.host}:{spec.port}\r\n"
        fields += f"Content-Length: {len(body)}\r\n\r\n" if spec.body else "\r\n"
        lines = Path(spec.targets).read_text().split()
        self.heads = [f"{spec.method} {line}{fields}".encode() for line in lines]
        self.body, self.spec, self.at = body, spec, spec.first
        self.end_at = spec.first + spec.requests if spec.requests else sys.maxsize
        self.histogram = array("Q", bytes(8 * HISTOGRAM_STEPS))
        self.done = self.failed = self.open = 0
        self.stopping, self.complaint = False, ""
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def next_request(self) -> list[bytes] | None:
        """Pieces to write, None when there is no more to send."""
        if self.stopping or self.at >= self.end_at:
            return None
        if self.spec.order == "random":
            return [random.choice(self.heads)]
        head = self.heads[self.at % len(self.heads)]
        self.at += 1
        return [head, self.body] if self.body else [head]

    def answered(self, seconds: float, ok: bool, head: bytes) -> None:
        """Count one answer."""
        if self.stopping:
            return
        self.done += 1
        self.histogram[min(int(seconds / HISTOGRAM_STEP_SECONDS), HISTOGRAM_STEPS - 1)] += 1
        if not ok:
            self.complain(head[:300].decode("latin-1"))

    def complain(self, text: str) -> None:
        """Count a failure; the first one's text is kept."""
        self.failed += 1
        self.complaint = self.complaint or text

    def percentile(self, part: float) -> float:
        """Microseconds within which ``part`` of the answers came."""
        wanted, seen = part * self.done, 0
        for step, count in enumerate(self.histogram):
            seen += count
            if seen >= wanted:
                return (step + 0.5) * HISTOGRAM_STEP_SECONDS * 1e6
        return 0.0


class Connection(asyncio.Protocol):
    """One kept-alive connection with one request in flight."""

    def __init__(self, run: Run) -> None:
        self.run, self.left, self.head, self.ok, self.sent_at = run, 0, b"", True, 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start with the first request."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self.run.open += 1
        self.send()

    def send(self) -> None:
        """Send the next request or close."""
        pieces = self.run.next_request()
        if pieces is None:
            self.transport.close()
            return
        self.sent_at = perf_counter()
        self.transport.writelines(pieces)

    def data_received(self, data: bytes) -> None:
        """Take a piece of the answer."""
        if self.left:
            self.left -= len(data)
        else:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return
            length = _LENGTH.search(self.head, 0, end + 2)
            self.ok = self.head.startswith(b"HTTP/1.1 20") and length is not None
            self.left = (int(length[1]) if length else 0) - (len(self.head) - end - 4)
        if not self.left:
            self.run.answered(perf_counter() - self.sent_at, self.ok, self.head)
            self.head = b""
            self.send()

    def connection_lost(self, error: Exception | None) -> None:
        """Count it as a failure unless the run is over."""
        if not self.run.stopping and self.run.at < self.run.end_at:
            self.run.complain(f"connection lost: {error}")
        self.run.open -= 1
        if not self.run.open and not self.run.finished.done():
            self.run.finished.set_result(None)


async def drive(spec: Spec) -> dict[str, float | str]:
    """Run the load; what it saw, latencies in microseconds."""
    run, loop = Run(spec), asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: run.complain(str(context)))
    start = perf_counter()
    for _ in range(spec.connections):
        await loop.create_connection(lambda: Connection(run), spec.host, spec.port)
    if not spec.requests:
        await asyncio.sleep(spec.seconds)
        run.stopping = True
    else:
        await run.finished
    seconds = perf_counter() - start
    return {
        "requests": run.done,
        "seconds": seconds,
        "failed": run.failed,
        "complaint": run.complaint,
        "p50": run.percentile(0.5),
        "p90": run.percentile(0.9),
        "p99": run.percentile(0.99),
        "p999": run.percentile(0.999),
    }


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(drive(Spec(**json.loads(sys.argv[1]))))))

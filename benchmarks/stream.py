"""Client for what is timed one by one: large bodies, and requests that are alone. Blocking sockets, one thread a lane.

Run as ``python -m benchmarks.stream`` with the JSON of a ``Plan`` on standard input; prints a JSON list a lane of
``{"start", "end", "status", "bytes", "head"}`` (seconds on the monotonic clock, body bytes received).
Blocking send and recv_into of large pieces leave the GIL to the other lanes and cost the least CPU of all.
"""

import json
import os
import re
import socket
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass, field
from time import monotonic
from typing import Any

from benchmarks.figures import BenchmarkError

PIECE_BYTES = 1024 * 1024
BODY_BYTES_MAX = 64 * 1024 * 1024  # a longer body repeats these bytes
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)


@dataclass(frozen=True, slots=True)
class Transfer:
    """One request; ``send_bytes`` of random body."""

    method: str
    target: str
    send_bytes: int = 0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer; times in seconds, ``bytes`` of body received."""

    start: float
    end: float
    status: int
    bytes: int
    head: str

    @property
    def seconds(self) -> float:
        """From the first byte sent to the last received."""
        return self.end - self.start


def run_lanes(host: str, port: int, lanes: list[list[Transfer]]) -> list[list[Seen]]:
    """Run the lanes side by side in one other process; raises BenchmarkError when an answer is not 2xx."""
    plan = {"host": host, "port": port, "lanes": [[asdict(one) for one in lane] for lane in lanes]}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.stream"], input=json.dumps(plan), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BenchmarkError(f"the client failed: {done.stderr[-500:]}")
    seen = [[Seen(**one) for one in lane] for lane in json.loads(done.stdout)]
    bad = next((one for lane in seen for one in lane if not 200 <= one.status < 300), None)
    if bad:
        raise BenchmarkError(f"a request was answered with {bad.head[:300]!r}")
    return seen


def run_one(host: str, port: int, transfers: list[Transfer]) -> list[Seen]:
    """Run the transfers one after the other on one connection."""
    return run_lanes(host, port, [transfers])[0]


class Lane(threading.Thread):
    """One connection and its transfers in order. ``gate``: all lanes start together."""

    def __init__(
        self, address: tuple[str, int], transfers: list[Transfer], body: memoryview, gate: threading.Barrier
    ) -> None:
        super().__init__()
        self.address, self.transfers, self.body, self.gate = address, transfers, body, gate
        self.seen: list[dict[str, Any]] = []
        self.error: Exception | None = None
        self.buffer = memoryview(bytearray(PIECE_BYTES))

    def run(self) -> None:
        """All transfers, stopping at the first error."""
        try:
            with socket.create_connection(self.address, timeout=300) as sock:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.gate.wait()
                for transfer in self.transfers:
                    self.seen.append(self.transfer(sock, transfer))
        except (OSError, ValueError, threading.BrokenBarrierError) as error:
            self.error = error
            self.gate.abort()

    def transfer(self, sock: socket.socket, transfer: Transfer) -> dict[str, Any]:
        """Send one request, drain its answer."""
        fields = {"Host": f"{self.address[0]}:{self.address[1]}", **transfer.headers}
        if transfer.method in ("PUT", "POST"):
            fields["Content-Length"] = str(transfer.send_bytes)
        text = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        head = f"{transfer.method} {transfer.target} HTTP/1.1\r\n{text}\r\n".encode()
        start = monotonic()
        if transfer.send_bytes <= 65536:
            sock.sendall(head + self.body[: transfer.send_bytes])
        else:
            sock.sendall(head)
            self.send_body(sock, transfer.send_bytes)
        answer, received = self.receive(sock)
        return {
            "start": start,
            "end": monotonic(),
            "status": int(answer[9:12]),
            "bytes": received,
            "head": answer.decode("latin-1"),
        }

    def send_body(self, sock: socket.socket, count: int) -> None:
        """Send ``count`` bytes of the body, over and over if it is shorter."""
        while count:
            piece = self.body[: min(count, len(self.body))]
            sock.sendall(piece)
            count -= len(piece)

    def receive(self, sock: socket.socket) -> tuple[bytes, int]:
        """Head of the answer and the length of its body."""
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            count = sock.recv_into(self.buffer)
            if not count:
                raise ValueError(f"connection closed within the head: {data!r}")
            data += bytes(self.buffer[:count])
        length = _LENGTH.search(data, 0, end + 2)
        total = int(length[1]) if length else 0
        left = total - (len(data) - end - 4)
        while left > 0:
            count = sock.recv_into(self.buffer)
            if not count:
                raise ValueError(f"connection closed {left} bytes before the end")
            left -= count
        return data[: end + 2 if length else len(data)], total


def main() -> None:
    """Read the plan, run it, print what was seen."""
    plan = json.load(sys.stdin)
    lanes = [[Transfer(**one) for one in lane] for lane in plan["lanes"]]
    longest = max((one.send_bytes for lane in lanes for one in lane), default=0)
    body, gate = memoryview(os.urandom(min(longest, BODY_BYTES_MAX))), threading.Barrier(len(lanes))
    threads = [Lane((plan["host"], plan["port"]), lane, body, gate) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    errors = [thread.error for thread in threads if thread.error]
    if errors:
        sys.exit(f"{errors[0]!r}")
    json.dump([thread.seen for thread in threads], sys.stdout)


if __name__ == "__main__":
    main()

"""Clients that vanish: nothing of a half body is committed, and everything that was held for it is given back."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.harness.server import Server
from tests.harness.wire import Bare, Wire, path_of
from tests.s3.trees import MIB, content

ROUNDS = 12
ESTABLISHED, CLOSE_WAIT = "01", "08"  # of /proc/net/tcp
SIZES = (1000, 100_000, 4 * MIB)
# Of 120 MiB and more that are sent and given up again. The background process is in the sum, too.
MEMORY_SLACK_BYTES = 24 * MIB
FILES_OPENED_MAX = 4 * 6 * 2 + 4  # of volumes that were opened meanwhile, four by each worker, and of metrics


def _connections(server: Server) -> int:
    """Connections of clients that the kernel has not closed on the server's side."""
    port = f":{server.address[1]:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = (line.split() for line in lines)
    return sum(words[1].endswith(port) and words[3] in (ESTABLISHED, CLOSE_WAIT) for words in fields)


def _files(server: Server) -> int:
    """Open files of the gateway workers; not sockets, for they may open more connections to Postgres."""
    return sum(not link.startswith("socket:") for pid in server.state["workers"] for link in _links(pid))


def _links(pid: int) -> list[str]:
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(os.readlink(entry))
    return found


def _memory(server: Server) -> float:
    """Bytes that the processes hold, as they say themselves: resident are also holes that the allocator keeps."""
    found: set[float] = set()
    for _ in range(3):  # until what was counted lately has been handed on
        found.add(_gauge(server, 'objstore_process_heap_bytes{state="used"}'))
        time.sleep(1)
    return min(found)


def _until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not (held := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return held


def _half_put(wire: Wire, path: str, body: bytes, end: Callable[[Bare], None], *, chunked: bool) -> None:
    """Announce the whole body, send half of it, go away."""
    half = body[: len(body) // 2]
    headers = {"transfer-encoding": "chunked"} if chunked else {"content-length": str(len(body))}
    bare = wire.bare()
    bare.send(wire.head("PUT", path, headers))
    bare.send(b"%x\r\n%b\r\n" % (len(half), half) if chunked else half)
    end(bare)


@pytest.mark.parametrize("end", [Bare.close, Bare.reset], ids=["closed", "reset"])
def test_half_a_body_commits_nothing(
    server: Server, wire: Wire, bucket: str, s3: Any, end: Callable[[Bare], None]
) -> None:
    s3.put_object(Bucket=bucket, Key="kept", Body=b"as it was")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="upload")["UploadId"]
    part = f"{path_of(bucket, 'upload')}?partNumber=1&uploadId={upload}"

    def vanish() -> None:
        for size in SIZES:
            body = content(size, size)
            for path in (path_of(bucket, "new"), path_of(bucket, "kept"), part):
                _half_put(wire, path, body, end, chunked=False)
                _half_put(wire, path, body, end, chunked=True)

    for _ in range(3):  # so that buffers and volumes are what they will be
        vanish()
    wire.close()
    assert _until(lambda: _idle(server))
    connections, files, memory = _connections(server), _files(server), _memory(server)
    for _ in range(ROUNDS):
        vanish()
    assert _until(lambda: _idle(server))
    assert _until(lambda: _connections(server) <= connections)
    assert _files(server) <= files + FILES_OPENED_MAX
    assert _memory(server) <= memory + MEMORY_SLACK_BYTES
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["kept"]
    assert s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"as it was"
    assert "Parts" not in s3.list_parts(Bucket=bucket, Key="upload", UploadId=upload)


def test_abandoned_downloads_are_given_up(server: Server, wire: Wire, bucket: str, s3: Any) -> None:
    """s3fs, smart_open and webdataset open an object, read a little and drop it."""
    s3.put_object(Bucket=bucket, Key="large", Body=content(20 * MIB, 1))

    def vanish() -> None:
        for number in range(10):
            bare = wire.bare()
            bare.send(wire.head("GET", path_of(bucket, "large")))
            assert len(bare.socket.recv(1000 * number + 1)) > 0
            (Bare.reset if number % 2 else Bare.close)(bare)

    vanish()
    assert _until(lambda: _idle(server))
    connections, files, memory = _connections(server), _files(server), _memory(server)
    for _ in range(5):
        vanish()
    assert _until(lambda: _idle(server))
    assert _until(lambda: _connections(server) <= connections)
    assert _files(server) <= files + FILES_OPENED_MAX
    assert _memory(server) <= memory + MEMORY_SLACK_BYTES


def _idle(server: Server) -> bool:
    """No request is being served, according to the server itself."""
    return _gauge(server, "objstore_s3_requests_inflight") <= 1  # the one that asks may be counted


def _gauge(server: Server, name: str) -> float:
    for line in server.get("/-/metrics").text.splitlines():
        if line.startswith(name + " "):
            return float(line.split()[-1])
    raise AssertionError(f"no {name}")

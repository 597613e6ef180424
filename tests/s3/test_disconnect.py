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

ROUNDS = 40
ESTABLISHED, CLOSE_WAIT = "01", "08"  # of /proc/net/tcp
SIZES = (1000, 100_000, 4 * MIB)
RSS_SLACK_BYTES = 96 * MIB  # pooled buffers of both workers fill up slowly, and stay as they are then
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


def _rss(server: Server) -> int:
    """Resident bytes of the gateway workers."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in server.state["workers"])
    return pages * os.sysconf("SC_PAGE_SIZE")


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
    connections, files, rss = _connections(server), _files(server), _rss(server)
    for _ in range(ROUNDS // len(SIZES)):
        vanish()
    assert _until(lambda: _idle(server))
    assert _until(lambda: _connections(server) <= connections)
    assert _files(server) <= files + FILES_OPENED_MAX
    assert _rss(server) <= rss + RSS_SLACK_BYTES
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
    connections, files, rss = _connections(server), _files(server), _rss(server)
    for _ in range(5):
        vanish()
    assert _until(lambda: _idle(server))
    assert _until(lambda: _connections(server) <= connections)
    assert _files(server) <= files + FILES_OPENED_MAX
    assert _rss(server) <= rss + RSS_SLACK_BYTES


def _idle(server: Server) -> bool:
    """No request is being served, according to the server itself."""
    for line in server.get("/-/metrics").text.splitlines():
        if line.startswith("objstore_s3_requests_inflight "):
            return float(line.split()[1]) <= 1  # the one that asks may be counted
    raise AssertionError("no such gauge")

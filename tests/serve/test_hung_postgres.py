"""Postgres that hangs, all of it, as in front of a disk that does not answer: clients hear of it within seconds."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.harness.server import Server, descendants
from tests.harness.wire import Answer, Wire, path_of

BUCKET = "hung"
BODY, NEW_BODY = b"as it was" * 100, b"as it may be" * 100
# 3 s is what is promised; the rest is for machines that are busy with other tests.
ANSWER_SECONDS_MAX = 6.0
BACK_SECONDS_MAX = 20.0
CLIENTS = 40


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("hung"), workers=1).start()
    yield server
    server.close()


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    wire = Wire(server.address, server.credentials, timeout=60)
    wire.request("PUT", path_of(BUCKET))
    assert wire.request("PUT", path_of(BUCKET, "kept"), BODY).status == 200
    yield wire
    wire.close()


@contextlib.contextmanager
def hung_postgres(server: Server) -> Iterator[None]:
    """While this lasts no process of the embedded Postgres runs."""
    found = [pid for pid in descendants(server.process.pid) if _name(pid) == "postgres"]
    assert len(found) > 3
    for pid in found:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _name(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def _ask(server: Server, method: str, target: str, body: bytes | None = None) -> tuple[Answer, float]:
    """An answer over a connection of its own, and the seconds that it took."""
    wire = Wire(server.address, server.credentials, timeout=60)
    begun = time.monotonic()
    try:
        return wire.request(method, target, body), time.monotonic() - begun
    finally:
        wire.close()


def _works_again(wire: Wire) -> None:
    """Without a restart, and soon."""
    deadline = time.monotonic() + BACK_SECONDS_MAX
    while (answer := wire.request("PUT", path_of(BUCKET, "after"), BODY)).status != 200:
        assert answer.status == 503
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert wire.request("GET", path_of(BUCKET, "after")).body == BODY


def test_every_operation_is_refused_in_time(server: Server, wire: Wire) -> None:
    upload = wire.request("POST", f"{path_of(BUCKET, 'parts')}?uploads=").body
    upload_id = upload.partition(b"<UploadId>")[2].partition(b"</UploadId>")[0].decode()
    part = wire.request("PUT", f"{path_of(BUCKET, 'parts')}?partNumber=1&uploadId={upload_id}", BODY)
    complete = (
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
        f"<ETag>{part.etag}</ETag></Part></CompleteMultipartUpload>"
    )
    asked: list[tuple[str, str, bytes | None]] = [
        ("PUT", path_of(BUCKET, "new"), NEW_BODY),
        ("PUT", path_of(BUCKET, "kept"), NEW_BODY),
        ("PUT", path_of(BUCKET, "large"), NEW_BODY * 1000),
        ("GET", path_of(BUCKET, "kept"), None),
        ("HEAD", path_of(BUCKET, "kept"), None),
        ("DELETE", path_of(BUCKET, "kept"), None),
        ("GET", f"{path_of(BUCKET)}?list-type=2", None),
        ("GET", "/", None),
        ("PUT", path_of("hung-other"), b""),
        ("POST", f"{path_of(BUCKET, 'other')}?uploads=", b""),
        ("PUT", f"{path_of(BUCKET, 'parts')}?partNumber=2&uploadId={upload_id}", BODY),
        ("POST", f"{path_of(BUCKET, 'parts')}?uploadId={upload_id}", complete.encode()),
    ]
    with hung_postgres(server), ThreadPoolExecutor(len(asked)) as pool:
        answers = list(pool.map(lambda one: _ask(server, *one), asked))
    for (method, target, _), (answer, seconds) in zip(asked, answers, strict=True):
        assert answer.status == 503, (method, target, answer)
        assert answer.headers["retry-after"] == "1", (method, target)
        assert seconds < ANSWER_SECONDS_MAX, (method, target, seconds)
    _works_again(wire)
    kept = wire.request("GET", path_of(BUCKET, "kept"))
    assert kept.status == 404 or kept.body in (BODY, NEW_BODY), "neither as it was nor as it may be"
    new = wire.request("GET", path_of(BUCKET, "new"))
    assert new.status == 404 or new.body == NEW_BODY
    large = wire.request("GET", path_of(BUCKET, "large"))
    assert large.status == 404 or large.body == NEW_BODY * 1000
    completed = wire.request("POST", f"{path_of(BUCKET, 'parts')}?uploadId={upload_id}", complete.encode())
    assert completed.status == 200
    assert wire.request("GET", path_of(BUCKET, "parts")).body == BODY


def test_a_crowd_is_refused_in_time(server: Server, wire: Wire) -> None:
    """More than there are connections to Postgres: whoever waits behind those that hang is not forgotten."""

    def one(number: int) -> tuple[Answer, float]:
        method, body = (("PUT", NEW_BODY), ("GET", None), ("DELETE", None))[number % 3]
        return _ask(server, method, path_of(BUCKET, f"crowd-{number}"), body)

    with hung_postgres(server), ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(one, range(2 * CLIENTS)))
    assert {answer.status for answer, _ in answers} == {503}
    assert max(seconds for _, seconds in answers) < ANSWER_SECONDS_MAX
    _works_again(wire)
    for number in range(0, 2 * CLIENTS, 3):
        found = wire.request("GET", path_of(BUCKET, f"crowd-{number}"))
        assert found.status == 404 or found.body == NEW_BODY


def test_what_is_written_while_it_comes_back_stays(server: Server, wire: Wire) -> None:
    """Commits that were cut short may yet be carried out: nothing that was answered since is lost, nor is any byte."""
    with hung_postgres(server):
        answer, _ = _ask(server, "PUT", path_of(BUCKET, "kept"), NEW_BODY)
    assert answer.status == 503
    _works_again(wire)
    assert wire.request("PUT", path_of(BUCKET, "kept"), BODY).status == 200
    outcome = server.admin("POST", "/compact?all=true&grace_seconds=0")
    assert outcome.status_code == 200
    assert wire.request("GET", path_of(BUCKET, "kept")).body == BODY
    assert wire.request("GET", path_of(BUCKET, "after")).body == BODY

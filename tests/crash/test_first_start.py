"""A first start that was interrupted anywhere is made good by the next one: nobody has to clean up by hand."""

import random
import time
from pathlib import Path

import pytest

from tests.harness.server import Server

BUCKET = "first"


def _assert_works(server: Server) -> None:
    report = server.get("/-/health/ready").json()
    assert report["ready"], report
    assert report["problems"] == []
    s3 = server.s3()
    s3.create_bucket(Bucket=BUCKET)
    for storage_class in ("STANDARD", "STANDARD_IA"):
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"v", StorageClass=storage_class)
        assert s3.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"v"
    s3.close()


def _kill_while(server: Server, path: str, seconds: float = 30) -> None:
    """Start, and kill everything as soon as ``path`` (a pattern below the data directory) is there."""
    server.spawn()
    deadline = time.monotonic() + seconds
    while not any(server.data.glob(path)) and time.monotonic() < deadline:
        time.sleep(0.001)
    assert any(server.data.glob(path)), f"{path} never came to be"
    server.kill()


def test_interrupted_initdb_and_creation_of_the_database(tmp_path: Path) -> None:
    server = Server(tmp_path, workers=1, fresh=True)
    try:
        for path in ("postgres*/PG_VERSION", "postgres*/global/pg_control", "postgres/postmaster.pid"):
            _kill_while(server, path)
        server.start()
        _assert_works(server)
        assert sorted(entry.name for entry in server.data.glob("postgres*")) == ["postgres", "postgres.log"]
        assert server.stop() == 0
    finally:
        server.close()


def test_interrupted_format_of_drives(tmp_path: Path) -> None:
    """The states that stand between the first directory and the identity file."""
    server = Server(tmp_path, workers=1, fresh=True)
    drives = server.data / "drives"
    (drives / "hot-0").mkdir(parents=True)
    (drives / "hot-1" / "shards").mkdir(parents=True)
    (drives / "capacity-0" / "shards").mkdir(parents=True)
    (drives / "capacity-0" / ".drive.json.new").touch()
    server.data.chmod(0o700)
    try:
        server.start()
        _assert_works(server)
        assert server.stop() == 0
    finally:
        server.close()


@pytest.mark.soak
def test_kills_at_any_moment_of_the_first_start(tmp_path: Path) -> None:
    chance = random.Random(1)
    for number in range(20):
        server = Server(tmp_path / str(number), workers=1)
        try:
            for _ in range(3):
                server.spawn()
                time.sleep(chance.uniform(0.3, 4))
                server.kill()
            server.start()
            _assert_works(server)
            assert server.stop() == 0
        finally:
            server.close()

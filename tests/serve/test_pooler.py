"""A whole server whose Postgres is behind PgBouncer in transaction mode, with fewer connections than it asks for."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.harness.pooler import PROGRAM, Pooler
from tests.harness.server import Server

OBJECTS = 60


@pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed (apt install pgbouncer)")
def test_a_server_behind_a_pooler(tmp_path: Path, database_url: str) -> None:
    with tempfile.TemporaryDirectory(prefix="objstore-pooler-") as root:
        pooler = Pooler(database_url, Path(root) / "p", 4)
        environment = {"OBJSTORE_DATABASE_URL": pooler.url, "OBJSTORE_DATABASE_POOLER": "true"}
        server = Server(tmp_path, "--profile=hot=2+1", workers=2, environment=environment)
        try:
            s3 = server.start().s3()
            s3.create_bucket(Bucket="pooled")

            def work(number: int) -> bytes:
                key, body = f"{number % 20}", f"{number}".encode() * 100
                s3.put_object(Bucket="pooled", Key=key, Body=body)
                s3.put_object(Bucket="pooled", Key=f"own/{number}", Body=body)
                return bytes(s3.get_object(Bucket="pooled", Key=f"own/{number}")["Body"].read())

            with ThreadPoolExecutor(8) as threads:
                bodies = list(threads.map(work, range(OBJECTS)))
            assert bodies == [f"{number}".encode() * 100 for number in range(OBJECTS)]
            listed = s3.list_objects_v2(Bucket="pooled")["KeyCount"]
            assert listed == OBJECTS + 20
            assert server.stop() == 0
            assert server.start().s3().list_objects_v2(Bucket="pooled")["KeyCount"] == listed
            assert b"prepared statement" not in server.log.read_bytes()
        finally:
            server.close()
            pooler.close()

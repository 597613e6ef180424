"""An upgrade of a database with data in it keeps the data and counts it."""

from datetime import UTC, datetime

import asyncpg
import pytest

from objstore.meta.database import Database
from objstore.meta.migrate import upgrade
from objstore.meta.objects import Objects
from objstore.meta.tables import slot_of
from objstore.meta.uploads import Uploads
from objstore.meta.usage import usage_by_prefix
from objstore.model import days
from tests.conftest import database_of, run_sql

BUCKET = 7
MODIFIED = datetime(2024, 5, 6, 23, 59, 59, tzinfo=UTC)
OBJECTS = [(b"dir/a", 10, 0), (b"dir/b", 20, 2), (b"c", 30, 4), (b"dir/d", 40, 0)]  # key, size, class


@pytest.fixture
def old_url(postgres_url: str, request: pytest.FixtureRequest) -> str:
    """A database as the first release has left it."""
    name = request.node.name
    run_sql(postgres_url, f'CREATE DATABASE "{name}"')
    url = database_of(postgres_url, name)
    upgrade(url, "0001")
    return url


async def fill(url: str) -> None:
    raw = await asyncpg.connect(url)
    await raw.execute("INSERT INTO bucket VALUES ($1, 'old', 'me', 'here', now(), '{}')", BUCKET)
    for key, size, storage_class in OBJECTS:
        await raw.execute(
            "INSERT INTO object VALUES ($1, $2, 3, $3, $4, $5, $6, $7, $8, $9, NULL, NULL, NULL, $10)",
            *(BUCKET, size, MODIFIED, slot_of(BUCKET, key), storage_class, key, key.rjust(16), b"e" * 16, b"extents"),
            '{"tag": "value"}',
        )
    await raw.execute(
        "INSERT INTO upload (id, bucket_id, created, state, storage_class, key) VALUES ($1, $2, now(), 0, 0, 'up')",
        b"u" * 16,
        BUCKET,
    )
    await raw.close()


async def test_upgrade_keeps_what_is_there(old_url: str) -> None:
    await fill(old_url)
    upgrade(old_url)
    upgrade(old_url)
    database = await Database.connect(old_url, pool_size=1)
    objects = Objects(database)
    found = await objects.lookup([(BUCKET, key) for key, _, _ in OBJECTS])
    assert [(one and one.size, one and one.tier, one and one.tags) for one in found] == [
        (10, 0, {"tag": "value"}), (20, 1, {"tag": "value"}), (30, 0, {"tag": "value"}), (40, 0, {"tag": "value"})
    ]  # fmt: skip
    for one in found:
        assert one is not None
        assert (one.seq, one.modified, one.extents, one.versioned, one.heat) == (3, MODIFIED, b"extents", False, 0.0)
        assert one.accessed == days.day_of(MODIFIED)
    usage = await usage_by_prefix(database, BUCKET)
    assert [(one.prefix, one.tier, one.storage_class, one.objects, one.bytes) for one in usage] == [
        (b"", 0, "INTELLIGENT_TIERING", 1, 30),
        (b"dir/", 0, "STANDARD", 2, 50),
        (b"dir/", 1, "STANDARD_IA", 1, 20),
    ]
    assert (await Uploads(database).get(b"u" * 16)) is not None
    assert [one.version_text for one in await objects.list_versions(BUCKET, b"", b"", (b"", None), 9)] == ["null"] * 4  # type: ignore[union-attr]
    await database.close()

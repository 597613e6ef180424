"""Listings of versions: every way of paging gives what one long page gives, and costs what it gives."""

import json
import random
from typing import Any

import pytest

from objstore.meta import version_listing
from objstore.meta.session import SETTINGS
from objstore.meta.statement import Statement
from objstore.model.objects import ObjectVersion
from tests.meta.world import World

KEYS = [b"a", b"a/", b"a/1", b"a/1/x", b"a/2", b"ab", b"b/1", b"c", b"c\x00", b"\xff", b"\xff\xff"]


@pytest.fixture
async def filled(world: World) -> World:
    """Keys with from one to many versions, some behind markers, some of before versioning."""
    rng = random.Random(1)
    await world.put(*KEYS[::2])
    await world.set_versioning("Enabled")
    for _ in range(60):
        key = rng.choice(KEYS)
        write = world.write(key, attrs={"h": {"a": "b"}}) if rng.random() < 0.7 else world.delete(key)
        await world.objects.commit([write])
    return world


def place(item: ObjectVersion | bytes) -> Any:
    return item if isinstance(item, bytes) else (item.key, item.seq, item.marker, item.noncurrent_since is None)


async def expected(world: World) -> list[tuple[bytes, int, bool, bool]]:
    rows = await world.raw.fetch(
        """SELECT key, seq, false, true FROM object WHERE bucket_id = $1 UNION ALL
           SELECT key, seq, marker, noncurrent_since IS NULL FROM version WHERE bucket_id = $1""",
        world.bucket.id,
    )
    return sorted((tuple(row) for row in rows), key=lambda row: (row[0], -row[1]))


def rolled_up(rows: list[Any], prefix: bytes, delimiter: bytes) -> list[Any]:
    found: list[Any] = []
    for row in rows:
        if not row[0].startswith(prefix):
            continue
        at = row[0].find(delimiter, len(prefix)) if delimiter else -1
        item = row if at < 0 else row[0][: at + len(delimiter)]
        if item not in found[-1:] or at < 0:
            found.append(item)
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(("prefix", "delimiter"), [(b"", b""), (b"a", b""), (b"", b"/"), (b"a/", b"/"), (b"zz", b"/")])
async def test_pages(filled: World, prefix: bytes, delimiter: bytes, limit: int) -> None:
    wanted = rolled_up(await expected(filled), prefix, delimiter)
    assert len(wanted) > 10 or prefix
    found: list[ObjectVersion | bytes] = []
    after: tuple[bytes, int | None] = (b"", None)
    while True:
        page = await filled.objects.list_versions(filled.bucket.id, prefix, delimiter, after, limit)
        assert len(page) <= limit
        found += page
        if len(page) < limit:
            break
        last = page[-1]
        after = (last, None) if isinstance(last, bytes) else (last.key, last.seq)
    assert [place(item) for item in found] == wanted


async def test_markers(filled: World) -> None:
    rows = await expected(filled)
    key = b"a"
    of_key = [row for row in rows if row[0] == key]

    async def after(marker: tuple[bytes, int | None]) -> list[Any]:
        return [place(one) for one in await filled.objects.list_versions(filled.bucket.id, b"", b"", marker, 1000)]

    assert await after((key, None)) == [row for row in rows if row[0] > key]
    assert await after((key, of_key[1][1])) == of_key[2:] + [row for row in rows if row[0] > key]
    # A place in the key holds though the version that was there is gone.
    gone = next(one for one in await filled.versions(key) if one.seq == of_key[1][1])
    await filled.objects.commit([filled.delete(key, target=gone.version_id if gone.versioned else b"")])
    assert await after((key, gone.seq)) == of_key[2:] + [row for row in rows if row[0] > key]
    assert await after((b"aa", 5)) == [row for row in rows if row[0] > b"aa"]


async def rows_read(world: World, statement: Statement, *arguments: Any) -> int:
    """How many rows the scans of a statement gave."""
    await world.raw.execute(SETTINGS)
    sql = statement.sql
    plan = await world.raw.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *arguments)

    def count(node: dict[str, Any]) -> int:
        here = node["Actual Rows"] * node["Actual Loops"] if "Index" in node["Node Type"] else 0
        return int(here) + sum(map(count, node.get("Plans", ())))

    return count(json.loads(plan)[0]["Plan"])


async def test_cost_follows_what_is_listed(world: World) -> None:
    """Keys with thousands of versions on a page of ten cost no more than keys with one."""
    await world.set_versioning("Enabled")
    for key in (b"k1", b"k2", b"k3"):
        for _ in range(4):
            await world.objects.commit([world.write(key) for _ in range(256)])
    await world.raw.execute("ANALYZE object, version")
    low, high = b"", b"\xff"
    page = (world.bucket.id, low, high, 10)
    assert 10 <= await rows_read(world, version_listing._PAGE, *page) <= 5 * 10
    assert 10 <= await rows_read(world, version_listing._REST, world.bucket.id, b"k2", 500, 10) <= 2 * 10
    delimited = (world.bucket.id, low, high, 0, b"/", 1, b"0", 10)
    assert 10 <= await rows_read(world, version_listing._DELIMITED, *delimited) <= 5 * 10
    # Common prefixes are skipped over, whatever is below them.
    delimited = (world.bucket.id, low, high, 0, b"k", 1, b"l", 10)
    assert await rows_read(world, version_listing._DELIMITED, *delimited) <= 10

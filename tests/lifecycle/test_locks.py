"""What is locked stays, whatever a rule says and whatever is moved about below it; a lock that is unreadable too."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from objstore.lifecycle.compact import Compactor
from objstore.model.errors import AccessDenied
from objstore.model.lifecycle import Filter, NoncurrentExpiration, NoncurrentTransition, Rule
from objstore.model.lock import ATTR, Lock
from objstore.model.requests import DeleteRequest
from tests.lifecycle.world import World

SOON, PAST = timedelta(days=3), timedelta(days=-1)
OLD = Rule("n", True, noncurrent_expiration=NoncurrentExpiration(days=3))
UNREADABLE: tuple[Any, ...] = (7, "GOVERNANCE", {"m": "NEW", "u": "x"}, {"m": "COMPLIANCE"}, {"h": "?"}, None)


async def lock(world: World, seq: int, kept: Any) -> None:
    """A noncurrent version's lock, as it is kept."""
    await world.raw.execute(
        "UPDATE version SET attrs = $1::jsonb WHERE seq = $2 AND bucket_id = $3",
        orjson.dumps({ATTR: kept}).decode(), seq, await world.bucket_id(),
    )  # fmt: skip


async def left(world: World) -> list[int]:
    rows = await world.raw.fetch("SELECT seq FROM version WHERE bucket_id = $1 ORDER BY seq", await world.bucket_id())
    return [int(row[0]) for row in rows]


async def make(world: World, locks: list[Any]) -> None:
    """A version with each lock, all of them noncurrent for five days, below a current one."""
    await world.versioning("Enabled")
    for _ in range(len(locks) + 1):
        await world.put(b"k")
    for seq, kept in enumerate(locks, 1):
        await lock(world, seq, kept)
    await world.age("version", 5, b"k", column="noncurrent_since")


async def test_no_rule_deletes_what_is_locked(world: World) -> None:
    now = datetime.now(UTC)
    held = [
        Lock("GOVERNANCE", now + SOON).pack(),
        Lock("COMPLIANCE", now + SOON).pack(),
        Lock(hold=True).pack(),
        Lock("GOVERNANCE", now + PAST, hold=True).pack(),
    ]
    free = [Lock("COMPLIANCE", now + PAST).pack(), Lock(hold=False).pack()]
    await make(world, [*held, *free])
    await world.rules(OLD)
    await world.settle()
    assert await left(world) == [1, 2, 3, 4]
    await lock(world, 1, Lock("GOVERNANCE", now + PAST).pack())
    await world.raw.execute("UPDATE task SET due = now(), ready = now()")  # a day later
    await world.settle()
    assert await left(world) == [2, 3, 4]


async def test_a_lock_that_cannot_be_read_is_one(world: World) -> None:
    await make(world, list(UNREADABLE))
    await world.rules(OLD)
    await world.settle()
    assert await left(world) == [1, 2, 3, 4, 5, 6]
    rows = await world.raw.fetch("SELECT version_id FROM version WHERE bucket_id = $1", await world.bucket_id())
    for (version_id,) in rows:
        with pytest.raises(AccessDenied):
            await world.place.store.delete(world.bucket, DeleteRequest(b"k", version_id, bypass=True))
    assert await left(world) == [1, 2, 3, 4, 5, 6]


async def test_moved_and_compacted_it_is_whole_and_locked(world: World) -> None:
    kept = Lock("COMPLIANCE", datetime.now(UTC) + SOON).pack()
    await make(world, [kept])
    content = world.contents[b"k"]
    moved = NoncurrentTransition("STANDARD_IA", days=3)
    await world.rules(Rule("m", True, Filter(""), noncurrent_transitions=(moved,)))
    await world.settle()
    await Compactor(world.place.store, grace_seconds=0, retry_seconds=0).full_pass(0.0)
    version_id = await world.raw.fetchval(
        "SELECT version_id FROM version WHERE seq = 1 AND bucket_id = $1", await world.bucket_id()
    )
    version = await world.place.store.get(world.bucket, b"k", version_id)
    assert (version.storage_class, (version.attrs or {})[ATTR]) == ("STANDARD_IA", kept)
    assert len(await world.place.read(version)) == len(content)
    with pytest.raises(AccessDenied):
        await world.place.store.delete(world.bucket, DeleteRequest(b"k", version_id, bypass=True))

"""Volumes: each change of state names the state that it expects; leases run by the database's clock."""

import asyncio

import asyncpg
import pytest

from objstore.meta.volumes import FOLD_ROWS_MIN, VolumeTotals
from objstore.model import clock
from objstore.model.states import VolumeState
from objstore.model.volumes import Volume
from tests.meta.world import World, cost, new_volume

A, B = b"a" * 16, b"b" * 16


async def found(world: World, volume_id: bytes) -> Volume:
    (volume,) = await world.volumes.get([volume_id])
    assert volume is not None
    return volume


async def writer(world: World) -> bytes:
    writer_id = clock.random_id()
    await world.volumes.register_writer(writer_id, "host", 42)
    return writer_id


async def test_create_and_get(world: World) -> None:
    first, second = new_volume(), new_volume(tier="capacity")
    for volume in (first, second):
        await world.volumes.create(volume)
    assert await world.volumes.get([second.id, b"?" * 16, first.id]) == [second, None, first]
    with pytest.raises(asyncpg.UniqueViolationError):
        await world.volumes.create(first)


async def test_shards_lie_on_distinct_drives(world: World) -> None:
    volume = new_volume()
    volume.drive_ids = (*volume.drive_ids[:5], volume.drive_ids[0])
    with pytest.raises(asyncpg.UniqueViolationError):
        await world.volumes.create(volume)
    assert await world.volumes.get([volume.id]) == [None]


async def test_seal(world: World) -> None:
    volume_id = await world.open_volume(A)
    assert not await world.volumes.seal(volume_id, B, 5)
    assert await world.volumes.seal(volume_id, A, 5)
    assert not await world.volumes.seal(volume_id, A, 6)
    volume = await found(world, volume_id)
    assert (volume.state, volume.data_bytes, volume.audit) == (VolumeState.SEALED, 5, False)


async def test_orphans(world: World) -> None:
    alive, dead = await writer(world), await writer(world)
    mine, orphan, nobodys = [await world.open_volume(owner) for owner in (alive, dead, clock.random_id())]
    await world.raw.execute("UPDATE writer SET heartbeat = now() - interval '31 s' WHERE id = $1", dead)
    assert await world.volumes.heartbeat(alive) == []
    assert await world.volumes.seal_orphans(30) >= 2
    states = [(volume.state, volume.audit) for volume in await world.volumes.get([mine, orphan, nobodys]) if volume]
    assert states == [(VolumeState.OPEN, False), (VolumeState.SEALED, True), (VolumeState.SEALED, True)]
    assert not await world.volumes.seal(orphan, dead, 5)
    await world.volumes.seal(mine, alive, 0)


async def test_forgotten_writers_come_back(world: World) -> None:
    one, other = await writer(world), await writer(world)
    volume_id = await world.open_volume(one)
    await world.raw.execute("UPDATE writer SET heartbeat = now() - interval '2 days' WHERE id = any($1)", [one, other])
    await world.volumes.seal_orphans(1e9)  # nobody is late by that lease, and no writer is that old
    assert await world.raw.fetchval("SELECT count(*) FROM writer WHERE id = any($1)", [one, other]) == 2
    await world.volumes.seal_orphans(30)
    assert (await found(world, volume_id)).state == VolumeState.SEALED
    assert await world.raw.fetchval("SELECT count(*) FROM writer WHERE id = any($1)", [one, other]) == 0
    assert await world.volumes.heartbeat(one) == []
    again = await world.open_volume(one)
    await world.volumes.seal_orphans(30)
    assert (await found(world, again)).state == VolumeState.OPEN


async def test_request_seal(world: World) -> None:
    owner = await writer(world)
    clean, dirty = await world.open_volume(owner), await world.open_volume(owner)
    await world.put(b"k", volume=dirty)
    await world.put(b"k")
    await world.volumes.request_seal(60)
    assert await world.volumes.heartbeat(owner) == []
    assert await world.volumes.request_seal(0) >= 1
    assert await world.volumes.heartbeat(owner) == [dirty]
    await world.volumes.seal(dirty, owner, 0)
    assert await world.volumes.request_seal(None) >= 1
    assert await world.volumes.heartbeat(owner) == [clean]


async def test_compactable(world: World) -> None:
    async def candidates(ratio: float = 0.3) -> dict[bytes, int]:
        return {volume.id: garbage for volume, garbage in await world.volumes.compactable(ratio, 1000)}

    owner = await writer(world)
    little, much, audited, empty, open_ = [await world.open_volume(owner) for _ in range(5)]
    for volume_id, puts in ((little, 9), (much, 2), (open_, 2)):
        for i in range(puts):
            await world.put(b"%s %d" % (volume_id, i), volume=volume_id)
        await world.put(b"%s 0" % volume_id)
        if volume_id != open_:
            await world.volumes.seal(volume_id, owner, puts * cost(100))
    await world.volumes.seal(empty, owner, 0)
    await world.volumes.seal(audited, owner, 1000)
    await world.raw.execute("UPDATE volume SET audit = true WHERE id = $1", audited)

    found = await candidates()
    mine = [little, much, audited, empty, open_]
    assert {id_: found.get(id_) for id_ in mine} == {
        little: None, much: cost(100), audited: 0, empty: 0, open_: None,
    }  # fmt: skip
    assert (await candidates(0.1))[little] == cost(100)
    assert len(await world.volumes.compactable(0.0, 2)) == 2


async def test_compaction_lease(world: World) -> None:
    assert not await world.volumes.begin_compact(world.volume, A, 60)  # still open
    await world.volumes.seal(world.volume, b"w" * 16, 500)
    assert await world.volumes.begin_compact(world.volume, A, 60)
    assert not await world.volumes.begin_compact(world.volume, B, 60)
    assert await world.volumes.begin_compact(world.volume, A, 0)  # its own again, and at once over
    assert world.volume in {volume.id for volume, _ in await world.volumes.compactable(0.3, 1000)}
    assert await world.volumes.begin_compact(world.volume, B, 60)
    assert not await world.volumes.retire(world.volume, A)
    assert await world.volumes.retire(world.volume, B)
    assert not await world.volumes.begin_compact(world.volume, A, 60)
    assert (await found(world, world.volume)).state == VolumeState.RETIRED


async def test_give_up(world: World) -> None:
    for _ in range(3):
        await world.put(b"k")
    await world.volumes.seal(world.volume, b"w" * 16, 1)
    await world.raw.execute("UPDATE volume SET audit = true WHERE id = $1", world.volume)
    await world.volumes.begin_compact(world.volume, A, 60)
    await world.volumes.give_up(world.volume, B, 1, 1)
    assert (await found(world, world.volume)).state == VolumeState.COMPACTING
    await world.volumes.give_up(world.volume, A, 1000, 400, 3600)
    volume = await found(world, world.volume)
    assert (volume.state, volume.data_bytes, volume.audit) == (VolumeState.SEALED, 1000, False)
    assert (await world.garbage())[world.volume] == 400
    assert world.volume not in {volume.id for volume, _ in await world.volumes.compactable(0.0, 1000)}
    await world.raw.execute("UPDATE volume SET retry_after = now() WHERE id = $1", world.volume)
    assert world.volume in {volume.id for volume, _ in await world.volumes.compactable(0.4, 1000)}
    assert world.volume not in {volume.id for volume, _ in await world.volumes.compactable(0.41, 1000)}


async def test_retire_and_forget(world: World) -> None:
    await world.put(b"k")
    await world.put(b"k")
    await world.volumes.report_damage(world.volume, 3, "missing")
    await world.raw.execute("INSERT INTO link VALUES ($1, 1, 'k')", world.volume)
    await world.volumes.seal(world.volume, b"w" * 16, 1)
    await world.volumes.begin_compact(world.volume, A, 60)
    await world.volumes.forget(world.volume)
    assert (await found(world, world.volume)).state == VolumeState.COMPACTING
    await world.volumes.retire(world.volume, A)
    assert world.volume not in {volume.id for volume in await world.volumes.retired(60, 1000)}
    assert world.volume in {volume.id for volume in await world.volumes.retired(0, 1000)}
    await world.volumes.forget(world.volume)
    assert await world.volumes.get([world.volume]) == [None]
    for table in ("shard", "garbage", "link", "damage"):
        assert await world.raw.fetchval(f"SELECT count(*) FROM {table} WHERE volume_id = $1", world.volume) == 0


async def test_fold_ledger(world: World) -> None:
    """Rows become sums; nothing is lost while others write and fold."""

    async def churn() -> None:
        for _ in range(FOLD_ROWS_MIN):
            await world.put(b"k")

    await churn()
    await asyncio.gather(churn(), *[world.volumes.fold_ledger() for _ in range(6)])
    await world.check_conservation()
    await churn()
    assert await world.volumes.fold_ledger() >= 1
    count = "SELECT count(*) FROM garbage WHERE volume_id = $1"
    assert await world.raw.fetchval(count, world.volume) == 1
    await world.check_conservation()
    assert await world.volumes.fold_ledger() == 0


async def test_report_damage(world: World) -> None:
    for reason in ("missing", "corrupt"):
        await world.volumes.report_damage(world.volume, 2, reason)
    await world.volumes.report_damage(b"?" * 16, 0, "missing")
    query = "SELECT volume_id, column_index, reason, reports FROM damage WHERE volume_id = any($1)"
    rows = await world.raw.fetch(query, [world.volume, b"?" * 16])
    assert [tuple(row) for row in rows] == [(world.volume, 2, "corrupt", 2)]


async def test_totals(world: World) -> None:
    first, second, open_ = [await world.open_volume(A, tier="totals") for _ in range(3)]
    await world.put(b"k", volume=first)
    await world.put(b"k")
    await world.volumes.seal(first, A, 100)
    await world.volumes.seal(second, A, 200)
    totals = [row for row in await world.volumes.totals() if row.tier == "totals"]
    assert totals == [
        VolumeTotals("totals", VolumeState.OPEN, 1, 0, 0),
        VolumeTotals("totals", VolumeState.SEALED, 2, 300, cost(100)),
    ]
    assert open_

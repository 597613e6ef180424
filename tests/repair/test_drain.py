"""Drain and rebalance: shards move while clients read and write; what is cancelled stays where it is."""

import asyncio
from random import Random
from typing import Any

from objstore.lifecycle.compact import Compactor
from objstore.meta.repair_stats import RebalanceState
from objstore.meta.repairs import RepairKind
from objstore.model.states import DriveState
from tests.repair.world import World
from tests.store.place import content_of


async def test_drain_while_clients_work(world: World, raw: Any) -> None:
    await world.fill(3000, 200_000, count=3)
    drive = await world.holder(raw)
    await world.set_state(drive, DriveState.DRAINING)
    assert await world.short() == 0, "what is drained is still there"
    stop = asyncio.Event()

    async def client(number: int) -> None:
        random, turn = Random(number), 0
        while not stop.is_set():
            turn += 1
            key, body = b"c%d-%d" % (number, turn % 5), content_of(random.choice([10, 70_000, 300_000]), turn)
            await world.put(world.bucket, key, body)
            world.contents[key] = body
            assert await world.content(world.bucket, key) == body
            key = random.choice(sorted(world.contents))
            if not key.startswith(b"c"):
                assert await world.content(world.bucket, key) == world.contents[key]

    clients = [asyncio.create_task(client(number)) for number in range(3)]
    for _ in range(5):
        await world.settle()
        await asyncio.sleep(0)
    stop.set()
    await asyncio.gather(*clients)
    await world.seal()
    await world.settle()
    assert not [row for row in await world.shards(raw) if row[2] == drive.id]
    while await world.sweeper.step():
        pass
    assert not [key for key in world.files() if key[0] == drive.id]
    await world.check()
    await world.compact()
    await world.assert_whole(raw)
    await world.check()


async def test_what_is_drained_is_copied_not_decoded(world: World, raw: Any) -> None:
    """Of the other columns only headers are needed: the old file of the column is as good as it was."""
    await world.fill(700_001)
    drive = await world.holder(raw)
    before = {id(one): one.counters.read_bytes for one in world.drives}
    size = sum(path.stat().st_size for key, path in world.files().items() if key[0] == drive.id)
    await world.set_state(drive, DriveState.DRAINING)
    await world.settle()
    read = sum(one.counters.read_bytes - before[id(one)] for one in world.drives)
    # Once to copy, once to verify, and a window for headers of others: not k times.
    assert read < 4 * size + 12 * 2**20
    await world.assert_whole_swept(raw)


async def test_undrain_leaves_the_rest(world: World, raw: Any) -> None:
    for number in range(4):
        await world.fill(3000, seed=number)
    drive = await world.holder(raw)
    mine = len([row for row in await world.shards(raw) if row[2] == drive.id])
    await world.set_state(drive, DriveState.DRAINING)
    await world.planner.step()
    await world.mender.step()
    await world.set_state(drive, DriveState.UP)
    await world.settle()
    assert len([row for row in await world.shards(raw) if row[2] == drive.id]) == mine - 1
    await world.assert_whole_swept(raw)


async def test_rebalance_after_adding_a_drive(world: World, raw: Any) -> None:
    for number in range(12):
        await world.fill(100_000, count=2, seed=10 * number)
    added = await world.add_drive("hot")
    rows = await world.shards(raw)
    assert not [row for row in rows if row[2] == added.id]
    assert await world.context.rebalances.start("hot")
    assert not await world.context.rebalances.start("hot"), "one at a time"
    await world.settle()
    [job] = await world.context.rebalances.jobs()
    assert job.state is RebalanceState.DONE
    assert job.moved == job.planned > 0
    after = await world.shards(raw)
    moved = [(old, new) for old, new in zip(rows, after, strict=True) if old != new]
    assert len(moved) == job.moved, "no shard moves twice"
    assert [new for _, new in moved if new[2] == added.id]
    assert not {old[2] for old, _ in moved} & {new[2] for _, new in moved}, "no drive both gives and gets"
    await world.assert_whole_swept(raw)


async def test_rebalance_is_cancelled(world: World, raw: Any) -> None:
    for number in range(12):
        await world.fill(100_000, count=2, seed=10 * number)
    await world.add_drive("hot")
    await world.context.rebalances.start("hot")
    await world.planner.step()
    assert await world.context.rebalances.end("hot", RebalanceState.CANCELLED)
    assert await world.context.repairs.forget(RepairKind.REBALANCE) > 0
    assert await world.settle() == 0
    await world.assert_whole_swept(raw)


async def test_drain_and_compaction_at_once(world: World, raw: Any) -> None:
    """The shards of a volume move while it is emptied: neither loses anything."""
    await world.fill(3000, 70_000, 300_000, count=4)
    for key in sorted(world.contents)[::2]:
        await world.delete(world.bucket, key)
        del world.contents[key]
    await world.seal()
    drive = await world.holder(raw)
    await world.set_state(drive, DriveState.DRAINING)
    await asyncio.gather(world.settle(), Compactor(world.store, 0.0, 0.0, 0.0).full_pass(0.0))
    await world.seal()
    await world.settle()
    await world.compact()
    await world.assert_whole_swept(raw)
    assert not [row for row in await world.shards(raw) if row[2] == drive.id]

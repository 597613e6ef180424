"""Paces that operators set, and how background processes hear of them."""

import asyncio

import asyncpg
import pytest

from objstore.cli import pace_runner
from objstore.cli.pace_runner import Rates, run_paces
from objstore.meta.database import Database
from objstore.meta.paces import Paces
from objstore.model.paces import KINDS, LIFECYCLE_BYTES, LIFECYCLE_OPERATIONS, REPAIR, SCRUB, share_of
from objstore.work.pace import Pace

CONFIGURED = dict.fromkeys(KINDS) | {REPAIR: 5e7}


@pytest.fixture
async def paces(database: Database, raw: "asyncpg.Connection[asyncpg.Record]") -> Paces:
    await raw.execute("DELETE FROM pace")
    await raw.execute("DELETE FROM pace_user")
    return Paces(database)


async def test_set_and_reset(paces: Paces) -> None:
    assert await paces.all() == {}
    await paces.set(REPAIR, 2e7, "somebody")
    await paces.set(REPAIR, 3e7, "another")
    await paces.set(LIFECYCLE_OPERATIONS, 10, "somebody")
    found = await paces.all()
    assert {name: (one.value, one.by) for name, one in found.items()} == {
        REPAIR: (3e7, "another"), LIFECYCLE_OPERATIONS: (10, "somebody"),
    }  # fmt: skip
    for wrong in (0, 1000, 1e15):
        with pytest.raises(ValueError, match="from 4 MiB to 1 TiB a second"):
            await paces.set(REPAIR, wrong, "somebody")
    assert await paces.reset(REPAIR)
    assert not await paces.reset(REPAIR)


async def test_what_is_set_is_heard_of(paces: Paces, monkeypatch: pytest.MonkeyPatch) -> None:
    """As often as something has changed, and no more often."""
    monkeypatch.setattr(pace_runner, "LOOK_SECONDS", 0.01)
    told, stop = asyncio.Queue[Rates](), asyncio.Event()
    await paces.set(SCRUB, 1e8, "before the start")
    running = asyncio.create_task(run_paces(paces, CONFIGURED, told.put_nowait, list, stop))
    assert await told.get() == CONFIGURED | {SCRUB: 1e8}
    await paces.set(REPAIR, 2e7, "somebody")
    assert await told.get() == CONFIGURED | {SCRUB: 1e8, REPAIR: 2e7}
    await paces.reset(SCRUB)
    await paces.reset(REPAIR)
    last = await told.get()
    while last != CONFIGURED:  # both, or one after the other
        last = await told.get()
    stop.set()
    await running
    assert told.empty()


async def test_those_who_use_one_share_it(paces: Paces, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second that begins halves what the first may; when it ends the first has all again; idle ones take none."""
    monkeypatch.setattr(pace_runner, "LOOK_SECONDS", 0.05)
    configured = dict.fromkeys(KINDS) | {LIFECYCLE_BYTES: 1e8}
    used = {"first": [LIFECYCLE_BYTES, LIFECYCLE_OPERATIONS], "second": [], "idle": []}
    told = {name: asyncio.Queue[Rates]() for name in used}
    stop = asyncio.Event()
    running = [
        asyncio.create_task(run_paces(paces, configured, told[name].put_nowait, lambda name=name: used[name], stop))
        for name in used
    ]

    async def hears(name: str, rate: float) -> None:
        while (await told[name].get())[LIFECYCLE_BYTES] != rate:
            pass

    await hears("idle", 5e7)  # were it to begin now
    await hears("second", 5e7)
    used["second"] = [LIFECYCLE_BYTES]
    await hears("first", 5e7)
    await hears("idle", pytest.approx(1e8 / 3))
    used["second"] = []
    await hears("first", 1e8)
    stop.set()
    await asyncio.gather(*running)


def test_a_part_of_a_pace() -> None:
    assert share_of(LIFECYCLE_BYTES, None, 3) is None
    assert share_of(LIFECYCLE_OPERATIONS, 10, 4) == 2
    assert share_of(REPAIR, 8 * 2**20, 3) == 2 * 2**20
    assert share_of(REPAIR, 4 * 2**20, 7) == 2**20
    assert share_of(SCRUB, 100.0, 1) == 100.0  # slower than the least that can be set: as configured


async def test_what_counts_as_use() -> None:
    pace = Pace(operations_per_second=1000)
    assert pace.were_used() == (False, False)
    await pace.bytes(10)  # no bound
    await pace.operations(1)
    assert pace.were_used() == (False, True)
    assert pace.were_used() == (False, False)
    await pace.operations(1_000_000)
    assert [pace.were_used(), pace.were_used()] == [(False, True)] * 2  # what is yet to be paid

"""Paces that operators set, and how background processes hear of them."""

import asyncio

import asyncpg
import pytest

from objstore.cli import pace_runner
from objstore.cli.pace_runner import Rates, run_paces
from objstore.meta.database import Database
from objstore.meta.paces import Paces
from objstore.model.paces import KINDS, LIFECYCLE_OPERATIONS, REPAIR, SCRUB

CONFIGURED = dict.fromkeys(KINDS) | {REPAIR: 5e7}


@pytest.fixture
async def paces(database: Database, raw: "asyncpg.Connection[asyncpg.Record]") -> Paces:
    await raw.execute("DELETE FROM pace")
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
        with pytest.raises(ValueError, match="from"):
            await paces.set(REPAIR, wrong, "somebody")
    assert await paces.reset(REPAIR)
    assert not await paces.reset(REPAIR)


async def test_what_is_set_is_heard_of(paces: Paces, monkeypatch: pytest.MonkeyPatch) -> None:
    """As often as something has changed, and no more often."""
    monkeypatch.setattr(pace_runner, "LOOK_SECONDS", 0.01)
    told, stop = asyncio.Queue[Rates](), asyncio.Event()
    await paces.set(SCRUB, 1e8, "before the start")
    running = asyncio.create_task(run_paces(paces, CONFIGURED, told.put_nowait, stop))
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

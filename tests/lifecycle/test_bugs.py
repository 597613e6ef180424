"""Data-loss bugs of other stores that rules must not have; the list is in tests/unit/test_bugs_of_others.py."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from typing import Any

import asyncpg

from objstore.model.errors import NoSuchKey, NoSuchUpload
from objstore.model.lifecycle import Filter, Rule
from objstore.model.requests import CompletePart, CompleteRequest
from tests.lifecycle.world import World
from tests.store.place import Payload, content_of

ROUNDS = 10
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


async def test_complete_against_a_rule_that_aborts(world: World, database_url: str) -> None:
    """B2: both are stopped inside, at the upload's row, and let go together: one of them wins. What was completed is
    whole, and what was aborted is not there.
    """
    store, outcomes = world.place.store, Counter[str]()
    await world.rules(Rule("a", True, Filter("u"), abort_days=3))
    holder = await asyncpg.connect(database_url)
    for turn in range(ROUNDS):
        key, body = b"u%d" % turn, content_of(300_000, turn)
        upload = await store.create_upload(world.bucket, key)
        part = await store.put_part(world.bucket, key, upload.id, 1, Payload(body))
        await world.age("upload", 5, key, column="created")
        await world.engine.sync()
        await world.raw.execute("UPDATE walk SET next_run = now(), time = NULL, key = '', seq = 0")
        while await world.walk_once():
            pass
        request = CompleteRequest(world.bucket, key, upload.id, [CompletePart(1, part.etag.hex())])
        async with holder.transaction():
            await holder.execute("SELECT FROM upload WHERE id = $1 FOR UPDATE", upload.id)
            first, second = (store.complete(request), world.engine.work())[:: 1 if turn % 2 else -1]
            tasks = [asyncio.ensure_future(await_all(first))]
            await until_waiting(world.raw, 1)
            tasks.append(asyncio.ensure_future(await_all(second)))
            await until_waiting(world.raw, 2)
        results = await asyncio.gather(*tasks)
        completed = results[0 if turn % 2 else 1]
        await world.settle()
        try:
            found = await store.get(world.bucket, key)
        except NoSuchKey:
            assert isinstance(completed, NoSuchUpload)
            outcomes["aborted"] += 1
        else:
            assert found.version_id == completed.version_id
            assert await world.place.read(found) == body
            outcomes["completed"] += 1
    await holder.close()
    assert set(outcomes) == {"aborted", "completed"}


async def await_all(work: Awaitable[Any]) -> Any:
    """Its result, or NoSuchUpload."""
    try:
        return await work
    except NoSuchUpload as error:
        return error


async def until_waiting(raw: Any, count: int) -> None:
    """Until so many wait for a lock."""
    async with asyncio.timeout(10):
        while await raw.fetchval(WAITING) < count:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)

"""Tasks: taken once, fenced by the token of the taking, never lost when asked for while somebody has them."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import column, select, table

from objstore.meta.database import Database, Transaction
from objstore.meta.rule_stats import Done, add_done, add_failed, rule_figures
from objstore.meta.statement import Statement
from objstore.meta.tasks import LostTask, Task, TaskKind, Tasks, backlog, examine, finish
from objstore.model import clock

WAITING = Statement(select(column("pid")).select_from(table("pg_locks")).where(~column("granted")))
Raw = "asyncpg.Connection[asyncpg.Record]"


@pytest.fixture
async def tasks(database: Database, raw: Raw) -> Tasks:
    await raw.execute("DELETE FROM task")
    return Tasks(database)


def task(key: bytes, bucket_id: int = 7) -> Task:
    return Task(bucket_id, key, b"v" * 16, TaskKind.VERSION, datetime.now(UTC), 0, "rule", "expire")


async def _finish(database: Database, taken: list[Task]) -> None:
    async def work(transaction: Transaction) -> None:
        await transaction.identify()
        await finish(transaction, taken)

    await database.transact(work)


async def _keys(raw: Raw) -> list[bytes]:
    return [row[0] for row in await raw.fetch("SELECT key FROM task ORDER BY key")]


async def test_taken_once(tasks: Tasks) -> None:
    await tasks.add([task(b"%03d" % i) for i in range(100)])
    taken = [one for batch in await asyncio.gather(*(tasks.take(30, 60.0) for _ in range(5))) for one in batch]
    assert len(taken) == len({one.key for one in taken}) == 100
    assert await tasks.take(30, 60.0) == []
    assert len({one.owner for one in taken}) <= 5


async def test_finish(tasks: Tasks, database: Database, raw: Raw) -> None:
    await tasks.add([task(b"a"), task(b"b"), task(b"c")])
    taken = await tasks.take(2, 60.0)
    await _finish(database, taken)
    assert len(await _keys(raw)) == 1


async def test_who_lost_its_lease_changes_nothing(tasks: Tasks, database: Database, raw: Raw) -> None:
    await tasks.add([task(b"a"), task(b"b")])
    slow = await tasks.take(2, 0.0)
    assert len(slow) == 2
    (fast,) = await tasks.take(1, 60.0)
    with pytest.raises(LostTask) as lost:
        await _finish(database, slow)
    assert lost.value.lost == {fast.identity}
    assert await _keys(raw) == [b"a", b"b"]
    # What nobody took over is still its own.
    await _finish(database, [one for one in slow if one.identity != fast.identity])
    await tasks.postpone(slow, 3600.0, "too late")
    row = await raw.fetchrow("SELECT owner, attempts FROM task")
    assert row is not None
    assert (row["owner"], row["attempts"]) == (fast.owner, 0)
    await _finish(database, [fast])
    assert await _keys(raw) == []


async def test_two_finish_at_once(tasks: Tasks, database: Database) -> None:
    """However it goes, each task has one who finished it."""
    for _ in range(10):
        await tasks.add([task(b"%d" % i) for i in range(8)])
        first = await tasks.take(8, 0.0)
        second = await tasks.take(8, 60.0)
        results = await asyncio.gather(_finish(database, first), _finish(database, second), return_exceptions=True)
        assert [type(result) for result in results] == [LostTask, type(None)]


async def test_asked_for_again_while_taken(tasks: Tasks, database: Database, raw: Raw) -> None:
    await tasks.add([task(b"a")])
    taken = await tasks.take(1, 60.0)
    await tasks.add([task(b"a")])
    assert await tasks.take(1, 60.0) == []
    await _finish(database, taken)
    (again,) = await tasks.take(1, 60.0)
    assert again.key == b"a"
    await _finish(database, [again])
    assert await _keys(raw) == []


async def test_asked_for_again_at_the_moment_it_is_finished(tasks: Tasks, database: Database, raw: Raw) -> None:
    """Who finishes it waits for who asks, and sees that it has to be looked at once more."""
    await tasks.add([task(b"a"), task(b"b")])
    taken = await tasks.take(2, 60.0)
    asking = raw.transaction()
    await asking.start()
    await raw.execute("UPDATE task SET again = true WHERE key = 'a'")
    finishing = asyncio.create_task(_finish(database, taken))
    for _ in range(1000):
        if await database.fetch(WAITING):
            break
        await asyncio.sleep(0.01)
    await asking.commit()
    await finishing
    assert await _keys(raw) == [b"a"]
    (again,) = await tasks.take(2, 60.0)
    assert again.key == b"a"


async def test_asked_for_again_makes_ready(tasks: Tasks) -> None:
    await tasks.add([task(b"a")])
    await tasks.postpone(await tasks.take(1, 60.0), 3600.0)
    assert await tasks.take(1, 60.0) == []
    await tasks.add([task(b"a")])
    assert len(await tasks.take(1, 60.0)) == 1


async def test_failed_ones_come_back(tasks: Tasks, raw: Raw) -> None:
    await tasks.add([task(b"a")])
    await tasks.postpone(await tasks.take(1, 60.0), 0.0, "e" * 1000)
    (again,) = await tasks.take(1, 60.0)
    assert again.attempts == 1
    assert len(await raw.fetchval("SELECT last_error FROM task")) == 500
    await tasks.drop([again])
    assert await _keys(raw) == []


async def test_drop_leaves_what_is_others(tasks: Tasks, raw: Raw) -> None:
    await tasks.add([task(b"a"), task(b"b")])
    old = await tasks.take(2, 0.0)
    (new,) = await tasks.take(1, 60.0)
    await tasks.drop(old)
    assert await _keys(raw) == [new.key]


async def test_backlog_is_counted_up_to_a_limit(tasks: Tasks, database: Database) -> None:
    await tasks.add([task(b"%d" % i, bucket_id=99) for i in range(20)])
    assert await database.transact(lambda transaction: backlog(transaction, 99, 50)) == 20
    assert await database.transact(lambda transaction: backlog(transaction, 99, 5)) == 5
    assert await database.transact(lambda transaction: backlog(transaction, 98, 5)) == 0


async def test_examine(tasks: Tasks, database: Database) -> None:
    async def work(transaction: Transaction) -> None:
        await transaction.identify()
        await examine(transaction, [(1, b"k", b"x" * 16), (1, b"k", b"x" * 16)])

    await database.transact(work)
    (found,) = await tasks.take(5, 60.0)
    assert (found.bucket_id, found.key, found.rule, found.action) == (1, b"k", "", "")


async def test_figures_of_rules(database: Database) -> None:
    bucket_id = clock.random_int63()

    async def work(transaction: Transaction) -> None:
        await transaction.identify()
        await add_done(transaction, [Done(bucket_id, "r", "expire", 2, 20, 5), Done(bucket_id, "r", "abort", 1, 0, 1)])

    for _ in range(2):
        await database.transact(work)
    await add_failed(database, bucket_id, "r", "expire", 3, "drive gone")
    abort, expire = await rule_figures(database, bucket_id)
    assert (abort.action, abort.objects, abort.errors, abort.last_error) == ("abort", 2, 0, None)
    assert (expire.objects, expire.bytes, expire.lag_milliseconds, expire.errors) == (4, 40, 5, 3)
    assert expire.last_error == "drive gone"
    assert expire.last_failed is not None
    assert expire.last_done is not None


async def test_a_lease_is_renewed_by_its_owner_alone(tasks: Tasks, raw: Raw) -> None:
    await tasks.add([task(b"a"), task(b"b")])
    slow = await tasks.take(2, 0.0)
    assert await tasks.renew(slow, 60.0) == 2  # nobody else has taken them
    assert await tasks.take(2, 60.0) == []
    await raw.execute("UPDATE task SET ready = now() WHERE key = 'a'")
    (fast,) = await tasks.take(2, 60.0)
    assert fast.key == b"a"
    ready = await raw.fetchval("SELECT ready FROM task WHERE key = 'a'")
    assert await tasks.renew(slow, 3600.0) == 1
    assert await raw.fetchval("SELECT ready FROM task WHERE key = 'a'") == ready

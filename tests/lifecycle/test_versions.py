"""Rules on versions: noncurrent ones, how many newer there are, delete markers, and what stands in their way."""

from objstore.model.lifecycle import (
    Expiration,
    Filter,
    NoncurrentExpiration,
    NoncurrentTransition,
    Rule,
    Transition,
)
from objstore.model.requests import DeleteRequest
from tests.lifecycle.world import World

OLD = Rule("n", True, noncurrent_expiration=NoncurrentExpiration(days=3))
KEEP_2 = Rule("n", True, noncurrent_expiration=NoncurrentExpiration(days=3, newer=2))
MARKERS = Rule("m", True, expiration=Expiration(marker=True))


async def versions(world: World, key: bytes = b"k") -> list[tuple[int, bool]]:
    """(seq, marker) of noncurrent versions and markers, oldest first."""
    rows = await world.raw.fetch(
        "SELECT seq, marker FROM version WHERE key = $1 AND bucket_id = $2 ORDER BY seq", key, await world.bucket_id()
    )
    return [tuple(row) for row in rows]


async def make(world: World, count: int, key: bytes = b"k") -> None:
    """So many versions of a key."""
    for _ in range(count):
        await world.put(key)


async def test_expiration_puts_a_marker(world: World) -> None:
    await world.versioning("Enabled")
    await make(world, 2)
    await world.age("object", 5, b"k")
    await world.rules(Rule("e", True, expiration=Expiration(days=3)))
    await world.settle()
    assert await world.keys() == {}
    assert await versions(world) == [(1, False), (2, False), (3, True)]
    await world.settle()
    assert await versions(world) == [(1, False), (2, False), (3, True)]
    assert (await world.figures())["e", "mark"].objects == 1


async def test_expiration_in_a_suspended_bucket(world: World) -> None:
    """The ``null`` version is replaced by a ``null`` marker; what has an id stays."""
    await world.versioning("Enabled")
    await make(world, 1)
    await world.versioning("Suspended")
    await make(world, 1)
    await world.age("object", 5, b"k")
    await world.rules(Rule("e", True, expiration=Expiration(days=3)))
    await world.settle()
    assert await world.keys() == {}
    assert [marker for _, marker in await versions(world)] == [False, True]


async def test_noncurrent_expiration(world: World) -> None:
    await world.versioning("Enabled")
    await make(world, 4)
    await world.raw.execute(
        "UPDATE version SET noncurrent_since = now() - interval '5 days' WHERE seq < 3 AND bucket_id = $1",
        await world.bucket_id(),
    )
    await world.rules(OLD)
    await world.settle()
    assert await versions(world) == [(3, False)]
    assert set(await world.keys()) == {b"k"}
    assert (await world.figures())["n", "delete"].objects == 2


async def test_newer_noncurrent_versions(world: World) -> None:
    await world.versioning("Enabled")
    await make(world, 6)
    await world.age("version", 5, b"k", column="noncurrent_since")
    await world.rules(KEEP_2)
    await world.settle()
    assert await versions(world) == [(4, False), (5, False)]
    # One more becomes noncurrent: it pushes another over the number to keep, however long ago that one was passed by.
    await make(world, 1)
    await world.settle()
    assert await versions(world) == [(5, False), (6, False)]


async def test_a_marker_that_is_alone(world: World) -> None:
    await world.versioning("Enabled")
    for key in (b"alone", b"k"):
        await world.put(key)
        await world.place.delete(world.bucket, key)
    await world.raw.execute("DELETE FROM version WHERE key = 'alone'::bytea AND NOT marker")
    await world.rules(MARKERS)
    await world.settle()
    assert await versions(world, b"alone") == []
    assert await versions(world) == [(1, False), (2, True)]


async def test_the_last_version_takes_the_marker_along(world: World) -> None:
    await world.versioning("Enabled")
    await make(world, 2)
    await world.place.delete(world.bucket, b"k")
    await world.age("version", 5, b"k", column="noncurrent_since")
    await world.raw.execute("UPDATE version SET noncurrent_since = NULL WHERE marker")
    await world.rules(OLD, MARKERS)
    await world.settle()
    assert await versions(world) == []
    figures = await world.figures()
    assert (figures["n", "delete"].objects, figures["m", "delete"].objects) == (2, 1)


async def test_days_clean_up_old_markers(world: World) -> None:
    await world.versioning("Enabled")
    await make(world, 1)
    await world.place.delete(world.bucket, b"k")
    await world.raw.execute("DELETE FROM version WHERE NOT marker AND bucket_id = $1", await world.bucket_id())
    await world.rules(Rule("e", True, expiration=Expiration(days=3)))
    await world.settle()
    assert await versions(world) == [(2, True)]
    await world.age("version", 5, b"k")
    await world.settle()
    assert await versions(world) == []


async def test_noncurrent_transition(world: World) -> None:
    await world.versioning("Enabled")
    await make(world, 2)
    old = world.contents[b"k"]
    await world.age("version", 5, b"k", column="noncurrent_since")
    await world.rules(Rule("n", True, Filter(), noncurrent_transitions=(NoncurrentTransition("GLACIER_IR", 3),)))
    await world.settle()
    row = await world.raw.fetchrow("SELECT tier, storage_class FROM version WHERE key = 'k'::bytea AND bucket_id = $1",
                                   await world.bucket_id())  # fmt: skip
    assert tuple(row) == (1, 8)
    assert await world.keys() == {b"k": "STANDARD"}
    assert world.contents[b"k"] == old


async def test_usage_is_what_is_there(world: World) -> None:
    """After every kind of effect the ledger of usage says what a count says."""
    await world.versioning("Enabled")
    await make(world, 3)
    await world.put(b"logs/x", b"cold/y", b"z", days=5)
    await world.age("version", 5, b"k", column="noncurrent_since")
    await world.rules(
        OLD,
        Rule("e", True, Filter("logs/"), Expiration(days=3)),
        Rule("n2", True, Filter("cold/"), noncurrent_transitions=(NoncurrentTransition("GLACIER_IR", 3),)),
    )
    await world.settle()
    bucket_id = await world.bucket_id()
    counted = await world.raw.fetch(
        "SELECT tier, storage_class, noncurrent, sum(objects)::int, sum(bytes)::int FROM usage WHERE bucket_id = $1 "
        "GROUP BY 1, 2, 3 HAVING sum(objects) <> 0 ORDER BY 1, 2, 3", bucket_id,
    )  # fmt: skip
    there = await world.raw.fetch(
        "SELECT tier, storage_class, noncurrent, count(*)::int, sum(size)::int FROM ("
        "SELECT tier, storage_class, size, false AS noncurrent FROM object WHERE bucket_id = $1 UNION ALL "
        "SELECT tier, storage_class, size, true FROM version WHERE bucket_id = $1 AND NOT marker) AS t "
        "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3", bucket_id,
    )  # fmt: skip
    assert [tuple(row) for row in counted] == [tuple(row) for row in there]


async def test_a_version_that_is_current_again(world: World) -> None:
    """The walk passed it by when it was noncurrent; its old age counts."""
    await world.versioning("Enabled")
    await make(world, 1)
    await world.age("object", 5, b"k")
    await world.rules(Rule("t", True, transitions=(Transition("GLACIER_IR", days=3),)))
    await world.place.delete(world.bucket, b"k")
    await world.settle()
    marker = await world.raw.fetchval("SELECT version_id FROM version WHERE marker AND bucket_id = $1",
                                      await world.bucket_id())  # fmt: skip
    await world.place.store.delete(world.bucket, DeleteRequest(b"k", marker))
    assert await world.keys() == {b"k": "STANDARD"}
    await world.settle()
    assert await world.keys() == {b"k": "GLACIER_IR"}


async def test_a_client_deletes_the_last_version_under_a_marker(world: World) -> None:
    await world.versioning("Enabled")
    await make(world, 1)
    await world.place.delete(world.bucket, b"k")
    await world.rules(MARKERS)
    await world.settle()
    assert await versions(world) == [(1, False), (2, True)]
    first = await world.raw.fetchval("SELECT version_id FROM version WHERE NOT marker AND bucket_id = $1",
                                     await world.bucket_id())  # fmt: skip
    await world.place.store.delete(world.bucket, DeleteRequest(b"k", first))
    while await world.engine.work():
        pass
    assert await versions(world) == []


async def test_what_is_locked_is_never_deleted(world: World) -> None:
    """Neither by retention nor by legal hold; a lock that cannot be read holds too. Unlocked, it goes."""
    await world.versioning("Enabled")
    for key, lock in (
        (b"r", '{"m": "GOVERNANCE", "u": "2090-01-01T00:00:00+00:00"}'),
        (b"h", '{"h": true}'),
        (b"x", "7"),
    ):
        await make(world, 2, key)
        await world.raw.execute(
            "UPDATE version SET attrs = jsonb_build_object('l', $1::text::jsonb) WHERE key = $2", lock, key
        )
        await world.age("version", 5, key, column="noncurrent_since")
    await make(world, 2, b"free")
    await world.age("version", 5, b"free", column="noncurrent_since")
    await world.rules(OLD)
    await world.settle()
    for key in (b"r", b"h", b"x"):
        assert await versions(world, key) == [(1, False)], key
    assert await versions(world, b"free") == []

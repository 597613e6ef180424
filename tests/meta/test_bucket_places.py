"""The largest prefixes of buckets with a long ledger, put aside by a walk that takes a bounded part at a time."""

from datetime import timedelta
from typing import TypeAlias

import asyncpg
import pytest

from objstore.api.admin.prefixes import prefixes_of
from objstore.cli.keeper import Keeper
from objstore.cli.place_walk import PREFIXES_MAX, PlaceWalk
from objstore.meta import bucket_places
from objstore.meta.bucket_places import kept, next_bucket
from objstore.meta.database import Database
from objstore.meta.place_sums import STRETCH_ROWS, last_prefix, sums_of_prefixes
from objstore.model import clock, days
from objstore.model.errors import DatabaseUnavailable
from objstore.model.places import Place, Places, joined
from objstore.model.series import BAND_DAYS
from tests.meta.world import World

Raw: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
PREFIXES = STRETCH_ROWS + STRETCH_ROWS // 2  # two stretches


async def fill(raw: Raw, bucket_id: int, prefixes: int, day: int) -> None:
    """A ledger row of n objects of 10 bytes for the n-th prefix, each second one cold and used long ago."""
    await raw.execute(
        """
        INSERT INTO usage (bucket_id, prefix, objects, bytes, accessed, tier, storage_class, noncurrent)
        SELECT $1::bigint, convert_to('p' || lpad(n::text, 6, '0') || '/', 'UTF8'), n, n * 10,
               $3::int - 400 * (n % 2), n % 2, 0, false
        FROM generate_series(1, $2::int) AS n
        """,
        *(bucket_id, prefixes, day),
    )


@pytest.fixture
async def alone(raw: Raw, world: World) -> World:
    """Nothing is in the ledger, nothing is kept."""
    await raw.execute("DELETE FROM usage; DELETE FROM bucket_places")
    return world


async def whole(walk: PlaceWalk) -> int:
    """One walk through all, a part at a time; how many parts."""
    for parts in range(1, 100):
        if await walk.go(0):
            return parts
    raise AssertionError("it does not end")


async def test_a_long_ledger_is_put_aside(database: Database, raw: Raw, alone: World) -> None:
    today = days.day_of(clock.now())
    await fill(raw, alone.bucket.id, PREFIXES, today)
    before = clock.now()
    assert await whole(PlaceWalk(database)) == 4  # look, two stretches, nothing comes next
    found = await kept(database, alone.bucket.id)
    assert found is not None
    places, at = found
    assert before - timedelta(seconds=1) <= at <= clock.now()
    assert [place.name for place in places.shown] == [f"p{n:06}/" for n in range(PREFIXES, PREFIXES - PREFIXES_MAX, -1)]
    first, second = places.shown[:2]
    assert (first.objects, first.bytes, first.tiers, first.heat) == (PREFIXES, PREFIXES * 10, {"hot": PREFIXES * 10}, 1)
    assert (second.tiers, second.heat) == ({"capacity": (PREFIXES - 1) * 10}, 0)
    assert places.rest_count == PREFIXES - PREFIXES_MAX
    total = PREFIXES * (PREFIXES + 1) // 2
    assert sum(place.objects for place in places.shown) + places.rest.objects == total
    assert sum(sum(place.bands) for place in [*places.shown, places.rest]) == total * 10


async def test_what_changes_is_seen_by_the_next_walk(database: Database, raw: Raw, alone: World) -> None:
    await fill(raw, alone.bucket.id, PREFIXES, 20_000)
    walk = PlaceWalk(database)
    await whole(walk)
    await raw.execute("DELETE FROM usage WHERE prefix > 'p000100/'")
    await fill(raw, alone.bucket.id, PREFIXES - 1, 20_000)
    await whole(walk)
    found = await kept(database, alone.bucket.id)
    assert found is not None
    assert found[0].shown[0].objects == PREFIXES - 1
    assert found[0].rest_count == PREFIXES - 1 - PREFIXES_MAX
    # It has become short: it is summed up when somebody asks.
    await raw.execute("DELETE FROM usage WHERE prefix > 'p000100/'")
    await whole(walk)
    assert await kept(database, alone.bucket.id) is None


async def test_short_ledgers_are_passed_over(database: Database, raw: Raw, alone: World) -> None:
    other = await World.make(database, raw)
    await fill(raw, alone.bucket.id, 3, 20_000)
    await fill(raw, other.bucket.id, STRETCH_ROWS + 1, 20_000)
    await raw.execute("INSERT INTO bucket_places VALUES (-5, now(), 'gone'), (9223372036854775807, now(), 'gone')")
    first, second = sorted([(alone.bucket.id, False), (other.bucket.id, True)])
    assert await next_bucket(database, bucket_places.BEFORE_EVERY_BUCKET) == first
    assert await next_bucket(database, first[0]) == second
    assert await next_bucket(database, second[0]) is None
    await whole(PlaceWalk(database))
    assert [row[0] for row in await raw.fetch("SELECT bucket_id FROM bucket_places")] == [other.bucket.id]


async def test_stretches_end_where_a_prefix_does(database: Database, raw: Raw, alone: World) -> None:
    bucket_id = alone.bucket.id
    await fill(raw, bucket_id, STRETCH_ROWS - 1, 20_000)
    await raw.execute("UPDATE usage SET prefix = $1", b"one/")
    await raw.execute("UPDATE usage SET prefix = $1 WHERE objects = 1", b"")
    assert await last_prefix(database, bucket_id) is None
    await fill(raw, bucket_id, 2, 20_000)
    assert await last_prefix(database, bucket_id) == b"p000002/"
    assert await last_prefix(database, bucket_id, b"one/\0") is None
    sums, count = await sums_of_prefixes(database, bucket_id, 20_000, BAND_DAYS, 9, b"a", b"one/")
    assert count == 1
    assert {one.name for one in sums} == {b"one/"}
    assert sum(one.objects for one in sums) == STRETCH_ROWS * (STRETCH_ROWS - 1) // 2 - 1


async def test_prefixes_that_came_and_went_do_not_count(database: Database, raw: Raw, alone: World) -> None:
    bucket_id = alone.bucket.id
    await fill(raw, bucket_id, 5, 20_000)
    await raw.execute(
        "INSERT INTO usage SELECT bucket_id, -objects, -bytes, accessed, tier, storage_class, noncurrent, prefix "
        "FROM usage WHERE objects > 3"
    )
    sums, count = await sums_of_prefixes(database, bucket_id, 20_000, BAND_DAYS, 2)
    assert count == 3
    assert {one.name: one.objects for one in sums} == {b"p000003/": 3, b"p000002/": 2, None: 1}


async def test_a_name_may_be_any_bytes(database: Database, raw: Raw, alone: World) -> None:
    await fill(raw, alone.bucket.id, STRETCH_ROWS + 1, 20_000)
    await raw.execute("UPDATE usage SET prefix = $1 WHERE objects = $2", b"\x00\xff/", STRETCH_ROWS + 1)
    await whole(PlaceWalk(database))
    found = await kept(database, alone.bucket.id)
    assert found is not None
    assert found[0].shown[0].name == "\x00\ufffd/"


async def test_a_bucket_that_fails_is_left_for_the_next_walk(
    database_url: str, database: Database, raw: Raw, alone: World
) -> None:
    await fill(raw, alone.bucket.id, PREFIXES, 20_000)
    away = await Database.connect(database_url, pool_size=1)
    await away.close()
    walk = PlaceWalk(database)
    assert not await walk.go(0)
    walk._database = away
    with pytest.raises(DatabaseUnavailable):
        await walk.go(0)
    walk._database = database
    await whole(walk)
    assert await kept(database, alone.bucket.id) is None
    await whole(walk)
    assert await kept(database, alone.bucket.id) is not None


async def test_maps_of_buckets_with_short_and_long_ledgers(database: Database, raw: Raw, alone: World) -> None:
    bucket = alone.bucket
    await fill(raw, bucket.id, 5, 20_000)
    short = await prefixes_of(database, bucket.name, bucket.id, 3)
    assert short.complete
    assert [(child.name, child.objects) for child in short.children] == [
        ("p000005/", 5),
        ("p000004/", 4),
        ("p000003/", 3),
    ]
    assert short.other is not None
    assert (short.other.children, short.other.objects, short.total.objects) == (2, 3, 15)
    await raw.execute("DELETE FROM usage")
    await fill(raw, bucket.id, PREFIXES, 20_000)
    # Nobody has been there: what is first is summed up, and it says so.
    some = await prefixes_of(database, bucket.name, bucket.id, 3)
    assert not some.complete
    assert some.children[0].name == f"p{STRETCH_ROWS + 1:06}/"
    await whole(PlaceWalk(database))
    found = await prefixes_of(database, bucket.name, bucket.id, 3)
    assert found.complete
    assert [child.objects for child in found.children] == [PREFIXES, PREFIXES - 1, PREFIXES - 2]
    assert [child.prefix for child in found.children] == [child.name for child in found.children]
    assert found.other is not None
    assert found.other.children == PREFIXES - 3
    assert found.total.objects == PREFIXES * (PREFIXES + 1) // 2


async def test_the_keeper_walks(database: Database, raw: Raw, alone: World) -> None:
    await raw.execute("DELETE FROM history_keeper")
    await fill(raw, alone.bucket.id, PREFIXES, 20_000)
    keeper = Keeper(database)
    for _ in range(4):
        assert await keeper.step()
    assert await kept(database, alone.bucket.id) is not None


def test_places_of_two_stretches() -> None:
    def places(*sizes: int, rest: int = 0) -> Places:
        shown = [Place(str(size), 1, size, [size, *[0] * 6], {"hot": size}) for size in sizes]
        return Places(shown, Place("", rest, rest), rest)

    found = joined(places(9, 4, rest=2), places(7, 5, 3, rest=1), 3)
    assert [place.bytes for place in found.shown] == [9, 7, 5]
    assert (found.rest.objects, found.rest.bytes, found.rest_count) == (5, 10, 5)
    assert found.rest.tiers == {"hot": 7}
    assert joined(places(), places(), 3) == places()

"""What came back to the hot tier, and noncurrent versions by access: both go down again when they are not used."""

from datetime import UTC, datetime, timedelta

import pytest

from objstore.lifecycle import walk
from objstore.lifecycle.plan import Plan
from objstore.lifecycle.walk import Walk, walks_of
from objstore.lifecycle.warm import start_warming
from objstore.meta.heat import Reads, fold
from objstore.meta.tasks import Task, TaskKind, Tasks
from objstore.meta.walks import Source, Walks
from objstore.model import clock, days
from objstore.model.extended_rules import ExtendedRule
from objstore.model.lifecycle import Filter, NoncurrentTransition, Rule, Transition, to_json
from objstore.model.objects import ObjectVersion
from objstore.model.storage_class import STORAGE_CLASS_NAMES
from objstore.model.tiering import SETTING, TieringConfiguration
from tests.lifecycle.world import World

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
BY_DATE = Rule("d", True, transitions=(Transition("GLACIER_IR", date=LONG_AGO),))
NONCURRENT = Rule("n", True, noncurrent_transitions=(NoncurrentTransition("GLACIER", days=3),))


async def place_of(world: World, table: str) -> list[tuple[bytes, int, str]]:
    """Key, tier and class of the rows of a table, by key and seq."""
    rows = await world.raw.fetch(
        f"SELECT key, tier, storage_class FROM {table} WHERE bucket_id = $1 ORDER BY key, seq", await world.bucket_id()
    )
    return [(key, tier, STORAGE_CLASS_NAMES[code]) for key, tier, code in rows]


async def idle(world: World, table: str, ago: int) -> None:
    """As if everything had been used so many days ago."""
    day = days.day_of(clock.now()) - ago
    await world.raw.execute(f"UPDATE {table} SET accessed = $1 WHERE bucket_id = $2", day, await world.bucket_id())


async def warm(world: World) -> None:
    """Bring everything that is current to the hot tier."""
    await start_warming(world.place.database, await world.bucket_id(), b"")
    while await world.engine.warm():
        await world.settle()


@pytest.mark.parametrize(
    ("rule", "stays", "goes"),
    [
        (BY_DATE, 0, 2),
        (ExtendedRule("e", True, days=3, storage_class="GLACIER_IR"), 3, 4),
        (ExtendedRule("e", True, hours=30, storage_class="GLACIER_IR"), 2, 3),
    ],
    ids=["date", "days", "hours"],
)
async def test_what_was_warmed_goes_down_again(world: World, rule: Rule | ExtendedRule, stays: int, goes: int) -> None:
    await world.put(b"k", days=9)
    if isinstance(rule, ExtendedRule):
        await world.rules(extended=(rule,))
    else:
        await world.rules(rule)
    await world.settle()
    assert await world.tiers() == {b"k": 1}
    await warm(world)
    await world.settle()
    assert await world.tiers() == {b"k": 0}
    await idle(world, "object", stays)
    await world.settle()
    assert await world.tiers() == {b"k": 0}
    await idle(world, "object", goes)
    await world.settle()
    assert await world.keys() == {b"k": "GLACIER_IR"}


async def noncurrent(world: World, storage_class: str = "STANDARD") -> ObjectVersion:
    """A version that has been noncurrent for five days."""
    await world.versioning("Enabled")
    await world.put(b"k", days=200, storage_class=storage_class)
    version = await world.place.store.get(world.bucket, b"k")
    await world.put(b"k")
    await world.age("version", 5, b"k", column="noncurrent_since")
    return version


async def test_a_noncurrent_version_that_was_restored_for_good(world: World) -> None:
    version = await noncurrent(world)
    await world.rules(NONCURRENT)
    await world.settle()
    assert await place_of(world, "version") == [(b"k", 1, "GLACIER")]
    cold = await world.place.store.get(world.bucket, b"k", version.version_id)
    await world.place.store.restore(cold, None)
    await world.settle()
    assert await place_of(world, "version") == [(b"k", 0, "STANDARD")]
    await idle(world, "version", 3)
    await world.settle()
    assert await place_of(world, "version") == [(b"k", 0, "STANDARD")]
    await idle(world, "version", 4)
    await world.settle()
    assert await place_of(world, "version") == [(b"k", 1, "GLACIER")]
    assert await place_of(world, "object") == [(b"k", 0, "STANDARD")]


async def test_intelligent_tiering_of_noncurrent_versions(world: World) -> None:
    """Down without a use, up with one, and into the archive."""
    version = await noncurrent(world, "INTELLIGENT_TIERING")
    await idle(world, "version", 20)
    await world.settle()
    assert await place_of(world, "version") == [(b"k", 0, "INTELLIGENT_TIERING")]
    await idle(world, "version", 40)
    await world.settle()
    assert await place_of(world, "version") == [(b"k", 1, "INTELLIGENT_TIERING")]
    given = TieringConfiguration("arch", True, Filter(), {"ARCHIVE_ACCESS": 90})
    await world.place.store.set_setting(world.bucket, SETTING, {"arch": {"given": {}, "rule": to_json([given])[0]}})
    await world.settle()
    assert await place_of(world, "version") == [(b"k", 1, "INTELLIGENT_TIERING")]
    await idle(world, "version", 100)
    await world.settle()
    assert await place_of(world, "version") == [(b"k", 1, "INTELLIGENT_TIERING/ARCHIVE_ACCESS")]
    figures = await world.figures()
    assert figures["", "place:capacity"].objects == figures["arch", "place:ARCHIVE_ACCESS"].objects == 1
    archived = await world.place.store.get(world.bucket, b"k", version.version_id)
    await world.place.store.restore(archived, None)
    await world.settle()
    assert await place_of(world, "version") == [(b"k", 0, "INTELLIGENT_TIERING")]


async def test_a_read_brings_a_noncurrent_version_back(world: World) -> None:
    version = await noncurrent(world, "INTELLIGENT_TIERING")
    await idle(world, "version", 40)
    await world.settle()
    (folded,) = await fold(
        world.place.database,
        [Reads(version.bucket_id, b"k", version.seq, version.version_id, days.day_of(clock.now()), 1)],
    )
    assert folded.tier == 1
    await Tasks(world.place.database).add(
        [Task(version.bucket_id, b"k", version.version_id, TaskKind.VERSION, clock.now(), 0, "", "promote")]
    )
    await world.settle()
    assert await place_of(world, "version") == [(b"k", 0, "INTELLIGENT_TIERING")]


async def test_versions_of_one_moment_are_all_found(world: World) -> None:
    """The cursor names the version within a key: a page may end between two that were modified at the same time."""
    await world.versioning("Enabled")
    for _ in range(6):
        await world.put(b"k", storage_class="INTELLIGENT_TIERING")
    await world.raw.execute(
        "UPDATE version SET modified = $1, accessed = 40 WHERE bucket_id = $2", LONG_AGO, await world.bucket_id()
    )
    await world.engine.sync()
    name = ("", "tiering/access/noncurrent")
    await world.raw.execute("DELETE FROM walk WHERE action <> $1 OR bucket_id <> $2", name[1], await world.bucket_id())
    walks, steps = Walks(world.place.database), 0
    plan = walks_of(Plan(versioning="Enabled"))[name]
    while (step := await walks.step(lambda *_: walk.query_of(plan, clock.now(), timedelta(hours=1)), 2)) is not None:
        steps += step.seen
    assert (steps, await world.tasks()) == (5, 5)


def test_which_walks_there_are() -> None:
    def found(plan: Plan) -> dict[str, Walk]:
        return {one.action: one for one in walks_of(plan).values() if one.action.endswith(walk.RETURNED_SUFFIX)}

    by_date = found(Plan((BY_DATE,)))["transition:GLACIER_IR/returned"]
    assert (by_date.source, by_date.count, by_date.date) == (Source.ACCESSED, 1, LONG_AGO)
    versions = found(Plan((NONCURRENT,)))["noncurrent-transition:GLACIER/returned"]
    assert (versions.source, versions.count) == (Source.NONCURRENT_ACCESSED, 3)
    both = ExtendedRule("e", True, days=3, last_access_days=5, storage_class="GLACIER_IR")
    assert not found(Plan(extended=(both,)))  # its walk by access finds them
    assert not found(Plan(extended=(ExtendedRule("e", True, days=3, expire=True),)))

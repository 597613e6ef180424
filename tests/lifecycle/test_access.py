"""Rules by access: Intelligent-Tiering and our own."""

from objstore.model import clock, days
from objstore.model.extended_rules import ExtendedRule
from objstore.model.lifecycle import Filter
from tests.lifecycle.world import World


async def last_access(world: World, ago: int, *keys: bytes) -> None:
    """As if the keys had been read so many days ago, and written before."""
    await world.age("object", ago + 1, *keys)
    await world.raw.execute("UPDATE object SET accessed = $1 WHERE key = any($2) AND bucket_id = $3",
                            days.day_of(clock.now()) - ago, keys, await world.bucket_id())  # fmt: skip


async def test_intelligent_tiering_in_a_bucket_without_rules(world: World) -> None:
    await world.put(b"old", b"new", storage_class="INTELLIGENT_TIERING")
    await world.put(b"tiny", size=1000, storage_class="INTELLIGENT_TIERING")
    await world.put(b"standard")
    await last_access(world, 40, b"old", b"tiny", b"standard")
    await last_access(world, 10, b"new")
    await world.settle()
    assert await world.tiers() == {b"old": 1, b"new": 0, b"tiny": 0, b"standard": 0}
    assert set((await world.keys()).values()) == {"INTELLIGENT_TIERING", "STANDARD"}
    assert (await world.figures())["", "place:capacity"].objects == 1


async def test_last_access_days(world: World) -> None:
    await world.put(b"cold/a", b"cold/b", b"other")
    await last_access(world, 9, b"cold/a", b"other")
    await last_access(world, 2, b"cold/b")
    rule = ExtendedRule("x", True, Filter("cold/"), last_access_days=5, storage_class="GLACIER_IR")
    await world.rules(extended=(rule,))
    await world.settle()
    assert await world.keys() == {b"cold/a": "GLACIER_IR", b"cold/b": "STANDARD", b"other": "STANDARD"}
    await last_access(world, 7, b"cold/b")
    await world.settle()
    assert (await world.keys())[b"cold/b"] == "GLACIER_IR"


async def test_hours(world: World) -> None:
    await world.put(b"old", days=0.5)
    await world.put(b"new", days=0.1)
    await world.rules(extended=(ExtendedRule("h", True, hours=6, expire=True),))
    await world.settle()
    assert set(await world.keys()) == {b"new"}


async def test_old_versions(world: World) -> None:
    """One that was unused for long before it became noncurrent goes too: its day has passed the walk by then."""
    await world.versioning("Enabled")
    await world.put(b"k", b"current")
    await last_access(world, 9, b"k", b"current")
    unused = ExtendedRule("unused", True, last_access_days=5, storage_class="GLACIER_IR", versions="Noncurrent")
    aged = ExtendedRule("aged", True, Filter("b"), hours=12, storage_class="STANDARD_IA", versions="All")
    await world.rules(extended=(unused, aged))
    await world.settle()
    assert await world.tiers() == {b"k": 0, b"current": 0}
    await world.put(b"k")
    await world.settle()
    assert await old_tiers(world) == {b"k": 1}
    assert await world.tiers() == {b"k": 0, b"current": 0}
    await world.put(b"b1", b"b2", days=2)
    await world.put(b"b1", b"b2", days=2)
    await world.age("version", 1, b"b1", column="noncurrent_since")
    await world.settle()
    assert await old_tiers(world) == {b"k": 1, b"b1": 1, b"b2": 0}
    assert await world.tiers() == {b"k": 0, b"current": 0, b"b1": 1, b"b2": 1}


async def old_tiers(world: World) -> dict[bytes, int]:
    """Keys of noncurrent versions, with the codes of their tiers."""
    rows = await world.raw.fetch("SELECT key, tier FROM version WHERE bucket_id = $1 AND noncurrent_since IS NOT NULL",
                                 await world.bucket_id())  # fmt: skip
    return dict(map(tuple, rows))
